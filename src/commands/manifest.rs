//! `meshctl manifest`: what would be applied, from a Helm chart.

use crate::charts::fault::Fault;
use crate::charts::functions::Context;
use crate::charts::manifest::Manifests;
use crate::charts::render::{Release, render};
use crate::charts::template::exec::Limits;
use crate::charts::value::{Entries, Value};
use crate::charts::values::{coalesce, set};
use crate::charts::{capabilities, yaml::load};
use crate::cli::Ctx;
use crate::error::{Error, Kind, Result};
use crate::report::{Block, Report};
use crate::source::{charts, file};
use clap::Args;
use serde_json::json;

const EXAMPLES: &str = "\
Examples:
  meshctl manifest --chart charts/gateway --name ingress -n gateways
  meshctl manifest --chart gateway-1.29.0.tgz --name ingress -f values.yaml --set replicaCount=2

It prints what `helm template` prints: the chart's objects in the order of installing, then its hooks.";

/// Print what a Helm chart would apply
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ManifestArgs {
    /// Chart: a folder, or a packed .tgz
    #[arg(long, value_name = "PATH")]
    pub chart: String,
    /// Name of the release
    #[arg(long, value_name = "RELEASE", default_value = "release-name")]
    pub name: String,
    /// Values in a YAML file; later ones win
    #[arg(short = 'f', long, value_name = "FILE")]
    pub values: Vec<String>,
    /// Set a value: a.b[0]=c,d={e,f}
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Set a value that is text whatever it looks like
    #[arg(long, value_name = "KEY=VALUE")]
    pub set_string: Vec<String>,
    /// Set a value to the content of a file
    #[arg(long, value_name = "KEY=FILE")]
    pub set_file: Vec<String>,
    /// Kubernetes version that the chart is told
    #[arg(long, value_name = "VERSION", default_value = capabilities::KUBERNETES)]
    pub kube_version: String,
    /// Further API versions that the chart is told, such as monitoring.coreos.com/v1
    #[arg(long, value_name = "VERSION", value_delimiter = ',')]
    pub api_versions: Vec<String>,
}

/// Templates include each other far deeper than a usual stack allows; only what is used is taken.
const STACK: usize = 512 << 20;

pub fn run(ctx: &Ctx, args: &ManifestArgs) -> Result<Report> {
    let namespace = ctx.global.namespace.clone().unwrap_or_else(|| "default".to_owned());
    let rendered = std::thread::scope(|scope| {
        let work = || manifests(args, &namespace).map(|(manifests, schema)| (manifests.print(), kinds(&manifests), schema));
        let started = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        let thread = started.map_err(|e| Error::new(Kind::Internal, "can't start rendering").because(&e))?;
        thread.join().map_err(|_| Error::new(Kind::Internal, format!("rendering {} failed", args.chart)))?
    });
    let (text, objects, schema) = rendered?;
    let given = !(args.values.is_empty() && args.set.is_empty() && args.set_string.is_empty() && args.set_file.is_empty());
    if schema && given {
        ctx.ui.warning("values.schema.json is not checked yet: helm may refuse values that are rendered here");
    }
    let data = json!({ "release": args.name, "namespace": namespace, "objects": objects, "manifest": text });
    Ok(Report::new("meshctl/manifest/v1", &data, vec![Block::Code(text)]))
}

fn kinds(manifests: &Manifests) -> Vec<serde_json::Value> {
    let all =
        manifests.objects.iter().map(|document| (document, false)).chain(manifests.hooks.iter().map(|document| (document, true)));
    all.map(|(document, hook)| json!({ "kind": document.kind, "source": document.source, "hook": hook, "yaml": document.text }))
        .collect()
}

/// The documents, and whether the chart has a schema for its values.
fn manifests(args: &ManifestArgs, namespace: &str) -> Result<(Manifests, bool)> {
    let kubernetes = capabilities::kubernetes(&args.kube_version).ok_or_else(|| {
        Error::new(Kind::Usage, format!("{} is no Kubernetes version", args.kube_version))
            .hint("give one such as --kube-version 1.34.0")
    })?;
    let chart = charts::load(&args.chart)?;
    let values = given(args)?;
    let now = charts::now();
    let context = Context { now: &now, random: &charts::random };
    let release = Release { name: &args.name, namespace, kubernetes, api_versions: &args.api_versions };
    let schema = chart.has_schema || chart.parts.iter().any(|part| part.has_schema);
    let rendered = render(chart, &values, &release, &context, Limits::default());
    Ok((rendered.map_err(|fault| failed(&args.chart, &fault))?, schema))
}

/// The user's values: files in their order, then the flags, as Helm lays them over each other.
fn given(args: &ManifestArgs) -> Result<Entries> {
    let mut values = Entries::new();
    for path in &args.values {
        let wrong = |why: String| Error::new(Kind::Input, format!("can't read values from {path}")).cause(why);
        let text = String::from_utf8(file::read(path)?).map_err(|_| wrong("it is no text".to_owned()))?;
        match load::document(&text).map_err(wrong)? {
            Value::Map(map) => coalesce::over(&mut values, map.entries.borrow().clone()),
            Value::Nil => {}
            _ => return Err(wrong("it is no mapping".to_owned()).hint("a values file is a mapping, like a chart's values.yaml")),
        }
    }
    let wrong = |flag: &str, text: &str, why: String| {
        let next = "keys and values are joined by `=`, pairs by `,`; a backslash takes the next character as it is";
        Error::new(Kind::Usage, format!("can't read {flag} {text}")).cause(why).hint(next)
    };
    for text in &args.set {
        set::into(text, set::Typing::Guessed, &mut values).map_err(|why| wrong("--set", text, why))?;
    }
    for text in &args.set_string {
        set::into(text, set::Typing::Text, &mut values).map_err(|why| wrong("--set-string", text, why))?;
    }
    for text in &args.set_file {
        let read = |path: &str| {
            let bytes = file::read(path).map_err(|e| e.to_string())?;
            String::from_utf8(bytes).map(Value::str).map_err(|_| format!("{path} is no text"))
        };
        set::with(text, &read, &mut values).map_err(|why| wrong("--set-file", text, why))?;
    }
    Ok(values)
}

fn failed(chart: &str, fault: &Fault) -> Error {
    let message = match &fault.place {
        Some(place) => format!("can't render {chart}: {place}"),
        None => format!("can't render {chart}"),
    };
    let mut error = Error::new(Kind::Input, message).cause(fault.message.clone());
    for place in &fault.through {
        error = error.cause(format!("included at {place}"));
    }
    let next = match (fault.by_chart, fault.message.contains("not supported")) {
        (true, _) => "the chart itself refuses; change its values with -f or --set",
        (_, true) => "this engine can't do that yet, and prints nothing rather than something else; helm template can",
        _ => "see the template at that place, and the values it gets",
    };
    error.hint(next)
}
