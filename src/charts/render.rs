//! A chart and its values to text: what `helm template` does.

use super::chart::Chart;
use super::fault::Fault;
use super::functions::{Context, Registry, versions};
use super::template::ast::{Origin, Template};
use super::template::exec::{Limits, Machine, Set};
use super::template::{parser, print};
use super::value::{Entries, Files, Map, MapKind, Value};
use super::values::{coalesce, dependencies, schema};
use super::{capabilities, manifest};
use std::collections::BTreeMap;
use std::rc::Rc;

/// What a release is called and where it goes, and the cluster it is for.
pub struct Release<'a> {
    pub name: &'a str,
    pub namespace: &'a str,
    /// Its number among the releases of its name.
    pub revision: u64,
    pub is_upgrade: bool,
    pub kubernetes: semver::Version,
    pub api_versions: &'a [String],
}

/// One template, with what it is given.
struct Job {
    name: String,
    text: String,
    data: Map,
    base: String,
}

/// Renders, sorts, and prints as Helm does.
pub fn render(
    mut chart: Chart,
    given: &Entries,
    release: &Release<'_>,
    context: &Context<'_>,
    limits: Limits,
) -> Result<manifest::Manifests, Fault> {
    let wanted = chart.text("kubeVersion");
    if !wanted.is_empty() && !versions::fits(&wanted, &release.kubernetes)? {
        let message =
            format!("chart requires kubeVersion: {wanted} which is incompatible with Kubernetes v{}", release.kubernetes);
        return Err(Fault::new(message).by_chart());
    }
    dependencies::process(&mut chart, given)?;
    let values = coalesce::values(&chart, given, false)?;
    schema::check(&chart, &values)?;
    let about = Entries::from([
        ("Name".into(), Value::str(release.name)),
        ("Namespace".into(), Value::str(release.namespace)),
        ("IsUpgrade".into(), Value::Bool(release.is_upgrade)),
        ("IsInstall".into(), Value::Bool(!release.is_upgrade)),
        ("Revision".into(), Value::Int(i64::try_from(release.revision).unwrap_or(i64::MAX))),
        ("Service".into(), Value::str("Helm")),
    ]);
    let shared =
        [("Release", Value::map(about)), ("Capabilities", capabilities::describe(&release.kubernetes, release.api_versions))];
    let mut jobs = Vec::new();
    collect(&chart, chart.name(), &shared, Value::map_of(MapKind::Values, values), true, &mut jobs);
    // Deeper files first, and of one depth the later names first: parents have the last word on a definition.
    jobs.sort_by(|a, b| (b.name.matches('/').count(), &b.name).cmp(&(a.name.matches('/').count(), &a.name)));
    let rendered = run(&jobs, context, limits)?;
    let mut definitions = Vec::new();
    defined(&chart, chart.name(), &mut definitions);
    manifest::sort(rendered, definitions).map_err(Fault::new)
}

/// The files of `crds/`, parents first.
fn defined(chart: &Chart, path: &str, into: &mut Vec<(String, String)>) {
    into.extend(chart.definitions.iter().map(|(name, text)| (format!("{path}/{name}"), text.clone())));
    chart.parts.iter().for_each(|part| defined(part, &format!("{path}/charts/{}", part.name()), into));
}

fn collect(chart: &Chart, path: &str, shared: &[(&str, Value)], values: Value, is_root: bool, jobs: &mut Vec<Job>) -> Value {
    let mut data: Entries = shared.iter().map(|(key, value)| ((*key).into(), value.clone())).collect();
    let files = Files(chart.files.clone());
    data.insert("Chart".into(), chart.describe(is_root));
    data.insert("Files".into(), Value::Files(Rc::new(files)));
    data.insert("Values".into(), values.clone());
    let mut parts = Entries::new();
    for part in &chart.parts {
        let below = values.as_map().and_then(|map| map.entries.borrow().get(part.name()).cloned());
        let below =
            below.filter(|value| value.as_map().is_some()).unwrap_or_else(|| Value::map_of(MapKind::Values, Entries::new()));
        let inner = collect(part, &format!("{path}/charts/{}", part.name()), shared, below, false, jobs);
        parts.insert(part.name().into(), inner);
    }
    data.insert("Subcharts".into(), Value::map(parts));
    let Value::Map(data) = Value::map_of(MapKind::Values, data) else { return Value::Nil };
    for (name, text) in &chart.templates {
        let partial = name.rsplit('/').next().is_some_and(|base| base.starts_with('_'));
        if chart.is_library() && !partial {
            continue;
        }
        jobs.push(Job {
            name: format!("{path}/{name}"),
            text: text.clone(),
            data: data.clone(),
            base: format!("{path}/templates"),
        });
    }
    Value::Map(data)
}

fn run(jobs: &[Job], context: &Context<'_>, limits: Limits) -> Result<BTreeMap<String, String>, Fault> {
    let registry = Registry::new();
    let mut set = Set::default();
    for job in jobs {
        let origin = Rc::new(Origin { name: job.name.as_str().into(), text: job.text.clone() });
        let parsed =
            parser::parse(&origin, &registry).map_err(|wrong| Fault::at(&origin, &job.name, wrong.pos, wrong.message))?;
        parsed.into_iter().for_each(|template: Rc<Template>| set.add(template));
    }
    let set = Rc::new(set);
    let mut machine = Machine::new(set.clone(), &registry, context, limits);
    let mut rendered = BTreeMap::new();
    for job in jobs {
        if job.name.rsplit('/').next().is_some_and(|base| base.starts_with('_')) {
            continue;
        }
        let about =
            Entries::from([("Name".into(), Value::str(job.name.as_str())), ("BasePath".into(), Value::str(job.base.as_str()))]);
        job.data.entries.borrow_mut().insert("Template".into(), Value::map_of(MapKind::Values, about));
        let Some(template) = set.get(&job.name) else { continue };
        let mut out = String::new();
        machine.execute(&template, &Value::Map(job.data.clone()), &mut out)?;
        rendered.insert(job.name.clone(), out.replace(print::NO_VALUE, ""));
    }
    Ok(rendered)
}
