//! From a chart and values, as they are named on the command line, to the objects of a release.

use crate::charts::chart::Chart;
use crate::charts::fault::Fault;
use crate::charts::functions::Context;
use crate::charts::manifest::Manifests;
use crate::charts::render::{Release, render};
use crate::charts::template::exec::Limits;
use crate::charts::value::{Entries, Value};
use crate::charts::values::{coalesce, set};
use crate::charts::yaml::{json, load};
use crate::charts::{capabilities, release};
use crate::error::{Error, Kind, Result};
use crate::source::{charts, file};
use clap::Args;

/// Templates include each other far deeper than a usual stack allows; only what is used is taken.
const STACK: usize = 512 << 20;

/// The user's values, as Helm takes them.
#[derive(Args, Clone, Debug, Default)]
pub struct Given {
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
    /// Set a value that is JSON
    #[arg(long, value_name = "KEY=JSON")]
    pub set_json: Vec<String>,
    /// Set a value to all the rest, commas and backslashes too
    #[arg(long, value_name = "KEY=TEXT")]
    pub set_literal: Vec<String>,
}

/// Something that is laid over the values so far.
#[derive(Clone, Debug)]
pub enum Layer {
    /// YAML, and where it is from.
    Text(String, String),
    Set(String),
    SetString(String),
    SetFile(String),
    SetJson(String),
    SetLiteral(String),
}

type Made = fn(String) -> Layer;

impl Given {
    /// Files in their order, then the flags, as Helm lays them over each other.
    pub fn layers(&self) -> Result<Vec<Layer>> {
        let mut layers = Vec::new();
        for path in &self.values {
            layers.push(Layer::Text(path.clone(), values_file(path)?));
        }
        layers.extend(self.flags().map(|(text, layer)| layer(text.clone())));
        Ok(layers)
    }

    /// The flags, in the order in which Helm takes them, whatever the order on the command line.
    pub fn flags(&self) -> impl Iterator<Item = (&String, Made)> {
        let kinds: [(&Vec<String>, Made); 5] = [
            (&self.set_json, Layer::SetJson),
            (&self.set, Layer::Set),
            (&self.set_string, Layer::SetString),
            (&self.set_file, Layer::SetFile),
            (&self.set_literal, Layer::SetLiteral),
        ];
        kinds.into_iter().flat_map(|(texts, layer)| texts.iter().map(move |text| (text, layer)))
    }
}

pub fn values_file(path: &str) -> Result<String> {
    let wrong = |why: &str| Error::new(Kind::Input, format!("can't read values from {path}")).cause(why);
    String::from_utf8(file::read(path)?).map_err(|_| wrong("it is no text"))
}

/// API version, kind, namespace, name → the object, or an empty one.
pub type Lookup<'a> = &'a (dyn Fn(&str, &str, &str, &str) -> std::result::Result<serde_json::Value, String> + Sync);

/// What to render, and for which cluster.
pub struct Order<'a> {
    /// A folder, or a packed `.tgz`.
    pub chart: &'a str,
    pub release: &'a str,
    pub namespace: &'a str,
    pub revision: u64,
    /// What charts are told; the number alone doesn't say, such as after a failed installation.
    pub is_upgrade: bool,
    pub kubernetes: semver::Version,
    /// What the server has; `None`: what is known of Kubernetes without one.
    pub api_versions: Option<&'a [String]>,
    /// The cluster, where there is one; without it `lookup` finds nothing, as with Helm.
    pub lookup: Option<Lookup<'a>>,
    pub layers: &'a [Layer],
}

/// What came of it, and what a release keeps of its chart.
pub struct Rendered {
    pub manifests: Manifests,
    pub chart: release::Chart,
    /// The user's values, without the chart's own.
    pub config: serde_json::Value,
}

/// What a release is made of.
pub fn rendered(order: &Order<'_>) -> Result<Rendered> {
    let (manifests, (chart, config)) = made(order, |loaded, values| {
        let chart = release::Chart::of(loaded)?;
        Ok((chart, release::json(&Value::map(values.clone()))?))
    })?;
    Ok(Rendered { manifests, chart, config })
}

/// The documents alone.
pub fn printed(order: &Order<'_>) -> Result<Manifests> {
    made(order, |_, _| Ok(())).map(|(manifests, ())| manifests)
}

/// What is rendered, and what is kept of the chart and the user's values.
fn made<T: Send>(order: &Order<'_>, keep: impl FnOnce(&Chart, &Entries) -> Kept<T> + Send) -> Result<(Manifests, T)> {
    std::thread::scope(|scope| {
        let started = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || here(order, keep));
        let thread = started.map_err(|e| Error::new(Kind::Internal, "can't start rendering").because(&e))?;
        thread.join().map_err(|_| Error::new(Kind::Internal, format!("rendering {} failed", order.chart)))?
    })
}

type Kept<T> = std::result::Result<T, String>;

fn here<T>(order: &Order<'_>, keep: impl FnOnce(&Chart, &Entries) -> Kept<T>) -> Result<(Manifests, T)> {
    let loaded = charts::load(order.chart)?;
    if let missing @ [_, ..] = loaded.missing().as_slice() {
        let error = Error::new(Kind::Input, format!("the chart {} is not whole", order.chart));
        return Err(error
            .cause(format!("its Chart.yaml names parts that are not in its charts/: {}", missing.join(", ")))
            .hint("take the packed chart from its repository, or run helm dependency build on the folder"));
    }
    let values = laid(order.layers)?;
    let now = charts::now();
    let known = capabilities::known();
    let lookup = |api: &str, kind: &str, namespace: &str, name: &str| match order.lookup {
        Some(lookup) => lookup(api, kind, namespace, name).map(|found| json::exact(&found)),
        None => Ok(Value::map(Entries::new())),
    };
    let context = Context { now: &now, random: &charts::random, lookup: &lookup };
    let release = Release {
        name: order.release,
        namespace: order.namespace,
        revision: order.revision,
        is_upgrade: order.is_upgrade,
        kubernetes: order.kubernetes.clone(),
        api_versions: order.api_versions.unwrap_or(&known),
    };
    let unfit = |why: String| Error::new(Kind::Input, format!("can't keep the chart {}", order.chart)).cause(why);
    let kept = keep(&loaded, &values).map_err(unfit)?;
    let manifests = render(loaded, &values, &release, &context, Limits::default());
    Ok((manifests.map_err(|fault| failed(order.chart, &fault))?, kept))
}

/// Layers laid over each other.
pub fn laid(layers: &[Layer]) -> Result<Entries> {
    let mut values = Entries::new();
    let wrong = |flag: &str, text: &str, why: String| {
        let next = "keys and values are joined by `=`, pairs by `,`; a backslash takes the next character as it is";
        Error::new(Kind::Usage, format!("can't read {flag} {text}")).cause(why).hint(next)
    };
    let read = |path: &str| {
        let bytes = file::read(path).map_err(|e| e.to_string())?;
        String::from_utf8(bytes).map(Value::str).map_err(|_| format!("{path} is no text"))
    };
    for layer in layers {
        match layer {
            Layer::Text(from, text) => {
                let wrong = |why: String| Error::new(Kind::Input, format!("can't read values from {from}")).cause(why);
                match load::document(text).map_err(wrong)? {
                    Value::Map(map) => coalesce::over(&mut values, map.entries.borrow().clone()),
                    Value::Nil => {}
                    _ => {
                        let error = wrong("it is no mapping".to_owned());
                        return Err(error.hint("a values file is a mapping, like a chart's values.yaml"));
                    }
                }
            }
            Layer::Set(text) => {
                set::into(text, set::Typing::Guessed, &mut values).map_err(|why| wrong("--set", text, why))?;
            }
            Layer::SetString(text) => {
                set::into(text, set::Typing::Text, &mut values).map_err(|why| wrong("--set-string", text, why))?;
            }
            Layer::SetJson(text) => set::json(text, &mut values).map_err(|why| wrong("--set-json", text, why))?,
            Layer::SetLiteral(text) => set::literal(text, &mut values).map_err(|why| wrong("--set-literal", text, why))?,
            Layer::SetFile(text) => set::with(text, &read, &mut values).map_err(|why| wrong("--set-file", text, why))?,
        }
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
