//! Releases as they would be: rendered, not yet compared with anything.

use super::planning::{Ground, placed};
use super::wanted::{Piece, Wanted};
use crate::charts::object;
use crate::charts::plan::Step;
use crate::charts::release::{self, Hook, Info, Release};
use crate::charts::value::Value as Yaml;
use crate::commands::rendering::{Layer, Order, Rendered, laid, rendered};
use crate::error::{Error, Kind, Result};
use crate::mesh::install::Preflight;
use crate::source::charts;
use serde_json::{Value, json};

/// What is rendered with, the same for every release of a run.
pub struct Workshop<'a> {
    pub ground: &'a Ground<'a>,
    pub api_versions: &'a [String],
    pub now: &'a str,
}

impl Workshop<'_> {
    /// A part, and before it what has to be tried when it comes to another version.
    pub fn steps(&self, wanted: &Wanted, piece: &Piece, chart: &str) -> Result<Vec<Step>> {
        let before = self.ground.release(&piece.namespace, &piece.release);
        let preflight = wanted.mesh.distribution().preflight.filter(|preflight| preflight.part == piece.part.id);
        let (Some(preflight), Some(before)) = (preflight, before) else { return Ok(vec![self.step(piece, chart)?]) };
        let comes = wanted.newest && charts::load(chart)?.text("version") != before.chart.version();
        let layers = since(preflight, before, comes).into_iter().chain(self.layers(piece)).collect();
        let piece = Piece { layers, silent: false, release: piece.release.clone(), namespace: piece.namespace.clone(), ..*piece };
        let step = self.step(&piece, chart)?;
        if !comes {
            return Ok(vec![step]);
        }
        let layers = vec![taken(preflight, &piece.layers)?, Layer::Text("preflight".to_owned(), preflight.values.to_owned())];
        let first = Piece { layers, release: preflight.release.to_owned(), namespace: piece.namespace.clone(), ..piece };
        let first = Step { passing: true, ..self.step(&first, chart)? };
        Ok(vec![first, step])
    }

    /// What was said, or else what the release was made with.
    fn layers(&self, piece: &Piece) -> Vec<Layer> {
        let before = self.ground.release(&piece.namespace, &piece.release).filter(|_| piece.silent);
        let kept = before.map(|before| vec![Layer::Text("the release".to_owned(), before.config.to_string())]);
        kept.unwrap_or_else(|| piece.layers.clone())
    }

    fn step(&self, piece: &Piece, chart: &str) -> Result<Step> {
        let Workshop { ground, api_versions, now } = *self;
        let before = ground.release(&piece.namespace, &piece.release);
        let layers = self.layers(piece);
        let lookup = |api: &str, kind: &str, namespace: &str, name: &str| ground.lookup(api, kind, namespace, name);
        let render = |revision: u64, is_upgrade: bool| {
            rendered(&Order {
                chart,
                release: &piece.release,
                namespace: &piece.namespace,
                revision,
                is_upgrade,
                kubernetes: ground.kubernetes.clone(),
                api_versions: Some(api_versions),
                lookup: Some(&lookup),
                layers: &layers,
            })
        };
        let revision = before.map_or(1, |before| before.version + 1);
        let Rendered { manifests, chart: about, config } = render(revision, before.is_some())?;
        let wrong = |why: String| Error::new(Kind::Input, format!("what {chart} renders can't be applied")).cause(why);
        let mut objects = Vec::new();
        for document in &manifests.objects {
            for mut object in object::objects(document).map_err(wrong)? {
                placed(&mut object, &ground.kinds, &piece.namespace);
                object::mark(&mut object, &piece.release, &piece.namespace);
                objects.push(object);
            }
        }
        let mut definitions = Vec::new();
        for document in &manifests.definitions {
            definitions.extend(object::objects(document).map_err(wrong)?);
        }
        let mut hooks = Vec::new();
        for document in &manifests.hooks {
            let object = object::objects(document).map_err(wrong)?.into_iter().next().unwrap_or_default();
            hooks.push(Hook::of(document, &object));
        }
        let first = before.map_or_else(|| now.to_owned(), |before| before.info.first_deployed.clone());
        let text = manifests.text();
        // A chart may say something else when it is installed than when it is upgraded, and of each revision.
        let mut as_kept = None;
        if let Some(before) = before.filter(|before| before.manifest != text && same_wish(before, &about, &config)) {
            for (revision, is_upgrade) in [(before.version, before.version > 1), (1, false)] {
                if as_kept.is_none() && render(revision, is_upgrade)?.manifests.text() == before.manifest {
                    as_kept = Some(before.version);
                }
            }
        }
        let info =
            Info { first_deployed: first, last_deployed: now.to_owned(), notes: manifests.notes.clone(), ..Info::default() };
        let release = Release {
            name: piece.release.clone(),
            namespace: piece.namespace.clone(),
            version: revision,
            info,
            chart: about,
            config,
            manifest: text,
            hooks,
        };
        let part = piece.part.id.to_owned();
        Ok(Step { part, release, as_kept, definitions, objects, ..Step::default() })
    }
}

/// The same chart and values as those of a release, however helm writes no values down.
pub fn same_wish(before: &Release, chart: &release::Chart, config: &Value) -> bool {
    let said = |config: &Value| !config.is_null() && *config != json!({});
    let about = |chart: &release::Chart| [chart.name(), chart.version(), chart.app_version()].map(str::to_owned);
    about(&before.chart) == about(chart) && (before.config == *config || !said(&before.config) && !said(config))
}

/// The value for the version that was installed first: as it was said once, or what is there now.
fn since(preflight: &Preflight, before: &Release, comes: bool) -> Option<Layer> {
    let said = before.config[preflight.since].as_str().map(str::to_owned);
    let there = || semver::Version::parse(before.chart.version().trim_start_matches('v')).ok();
    let minor = || there().filter(|_| comes).map(|version| format!("{}.{}", version.major, version.minor));
    said.or_else(minor).map(|version| Layer::SetString(format!("{}={version}", preflight.since)))
}

/// Those of the part's values that its preflight takes.
fn taken(preflight: &Preflight, layers: &[Layer]) -> Result<Layer> {
    let mut values = laid(layers)?;
    values.retain(|key, _| preflight.takes.iter().any(|taken| **taken == **key));
    let text = release::json(&Yaml::map(values)).map_err(|why| Error::new(Kind::Input, "can't read the values").cause(why))?;
    Ok(Layer::Text("values".to_owned(), text.to_string()))
}
