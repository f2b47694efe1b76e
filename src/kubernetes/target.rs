//! Which pods a user means: `POD[.NS]`, `TYPE/NAME[.NS]`, `-l SELECTOR`, or all of them.
//!
//! Pure: it declares what to ask ([`Targets::needs`], until it wants nothing more) and reads what came
//! ([`Targets::resolve`]). A name that says no namespace is looked for in the one of the context and then everywhere.

use crate::facts::{Facts, Need, Object, Outcome, Resource, Selector, kinds};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The label by which the pods of a Gateway are known.
const GATEWAY_LABEL: &str = "gateway.networking.k8s.io/gateway-name";
/// So many places are named when a name is found in several.
const NAMED: usize = 5;

#[derive(Clone, Debug)]
pub struct Targets {
    names: Vec<Name>,
    /// `-l`, or the empty selector for all.
    selector: Option<String>,
    namespace: Option<String>,
    default_namespace: String,
}

/// One name as it was typed, and where to look for it, in order.
#[derive(Clone, Debug)]
struct Name {
    typed: String,
    resource: &'static Resource,
    places: Vec<(Option<String>, String)>,
}

/// The pods, and the names that gave none, with the reason.
#[derive(Clone, Debug, Default)]
pub struct Resolved<'f> {
    pub pods: Vec<&'f Object>,
    /// Of each pod, whether it was named by itself rather than found by a label.
    pub named: Vec<bool>,
    pub missing: Vec<(String, String)>,
}

/// Kinds that have pods, by every name that kubectl takes.
const KINDS: [(&[&str], &Resource); 10] = [
    (&["pod", "pods", "po"], &kinds::POD),
    (&["deployment", "deployments", "deploy", "deployment.apps", "deployments.apps"], &kinds::DEPLOYMENT),
    (&["statefulset", "statefulsets", "sts", "statefulset.apps", "statefulsets.apps"], &kinds::STATEFUL_SET),
    (&["daemonset", "daemonsets", "ds", "daemonset.apps", "daemonsets.apps"], &kinds::DAEMON_SET),
    (&["replicaset", "replicasets", "rs", "replicaset.apps", "replicasets.apps"], &kinds::REPLICA_SET),
    (&["replicationcontroller", "replicationcontrollers", "rc"], &kinds::REPLICATION_CONTROLLER),
    (&["job", "jobs", "job.batch", "jobs.batch"], &kinds::JOB),
    (&["service", "services", "svc"], &kinds::SERVICE),
    (&["gateway", "gateways", "gtw", "gateway.gateway.networking.k8s.io"], &kinds::GATEWAY),
    (&["rollout", "rollouts", "ro"], &kinds::ARGO_ROLLOUT),
];

/// Kinds that can stand before the slash; for completion and for the role that is needed.
pub fn resources() -> impl Iterator<Item = (&'static str, &'static Resource)> {
    KINDS.iter().map(|(words, resource)| (words[0], *resource))
}

impl Targets {
    /// `all` only counts where no name and no selector is given.
    pub fn parse(
        names: &[String],
        selector: Option<&str>,
        all: bool,
        namespace: Option<&str>,
        default_namespace: &str,
    ) -> Result<Self, String> {
        let selector = match selector {
            Some(text) => {
                Selector::parse(text)?;
                Some(text.to_owned())
            }
            None => (all && names.is_empty()).then(String::new),
        };
        let names = names.iter().map(|name| Name::parse(name, namespace, default_namespace)).collect::<Result<_, _>>()?;
        let default_namespace = default_namespace.to_owned();
        Ok(Targets { names, selector, namespace: namespace.map(str::to_owned), default_namespace })
    }

    /// What is still to be asked.
    pub fn needs(&self, known: &Facts) -> Vec<Need> {
        let mut needs: Vec<Need> = self.selection().into_iter().collect();
        for name in &self.names {
            match self.find(name, known) {
                Found::Ask(need) => needs.push(need),
                Found::Object(object) if *name.resource != kinds::POD => needs.extend(pods_of(name.resource, object)),
                _ => {}
            }
        }
        needs.retain(|need| !known.has(need));
        needs.sort();
        needs.dedup();
        needs
    }

    /// The pods in the order of the names, each once; those of a selector by name.
    pub fn resolve<'f>(&self, facts: &'f Facts) -> Resolved<'f> {
        let mut resolved = Resolved::default();
        let mut seen = BTreeSet::new();
        for name in &self.names {
            let missing = |why: String| (name.typed.clone(), why);
            match self.find(name, facts) {
                Found::Object(pod) if *name.resource == kinds::POD => {
                    if seen.insert((&pod.namespace, &pod.name)) {
                        resolved.pods.push(pod);
                        resolved.named.push(true);
                    }
                }
                Found::Object(object) => {
                    let Some(need) = pods_of(name.resource, object) else {
                        resolved.missing.push(missing("it has no selector, so it leads to no pods".to_owned()));
                        continue;
                    };
                    match take(facts, &need) {
                        Ok(pods) if !pods.iter().any(stays) => {
                            resolved.missing.push(missing(no_pods(pods)));
                        }
                        Ok(pods) => {
                            for pod in pods.iter().filter(|pod| stays(pod)) {
                                if seen.insert((&pod.namespace, &pod.name)) {
                                    resolved.pods.push(pod);
                                    resolved.named.push(false);
                                }
                            }
                        }
                        Err(why) => resolved.missing.push(missing(why)),
                    }
                }
                Found::Nothing(why) => resolved.missing.push(missing(why)),
                Found::Ask(need) => resolved.missing.push(missing(format!("{} was not answered", need.title()))),
            }
        }
        if let Some(need) = self.selection() {
            match take(facts, &need) {
                Ok(pods) => {
                    for pod in pods.iter().filter(|pod| stays(pod)) {
                        if seen.insert((&pod.namespace, &pod.name)) {
                            resolved.pods.push(pod);
                            resolved.named.push(false);
                        }
                    }
                }
                Err(why) => resolved.missing.push((need.title(), why)),
            }
        }
        resolved
    }

    /// Whether pods are looked for, rather than named.
    pub fn is_selection(&self) -> bool {
        self.selector.is_some()
    }

    fn selection(&self) -> Option<Need> {
        let labels = self.selector.clone()?;
        Some(Need::Select { resource: kinds::POD.clone(), namespace: self.namespace.clone(), labels })
    }

    fn find<'f>(&self, name: &Name, facts: &'f Facts) -> Found<'f> {
        let mut nowhere = Vec::new();
        for (namespace, wanted) in &name.places {
            let need = Need::Get { resource: name.resource.clone(), namespace: namespace.clone(), name: wanted.clone() };
            let Some(answer) = facts.get(&need) else { return Found::Ask(need) };
            match &answer.outcome {
                Outcome::Objects(objects) => match objects.as_slice() {
                    [] => nowhere.push(namespace.as_deref()),
                    [only] => return Found::Object(only),
                    many => {
                        let own = many.iter().find(|object| *object.namespace == *self.default_namespace);
                        return own.map_or_else(|| Found::Nothing(ambiguous(many)), Found::Object);
                    }
                },
                // Who may read one namespace only gets no answer for all of them: what is known stays known.
                Outcome::Forbidden(_) if namespace.is_none() && !nowhere.is_empty() => {}
                other => return Found::Nothing(other.why().to_owned()),
            }
        }
        let kind = name.resource.kind.to_lowercase();
        if nowhere.contains(&None) {
            return Found::Nothing(format!("there is no such {kind} in any namespace"));
        }
        let mut nowhere: Vec<&str> = nowhere.into_iter().flatten().collect();
        nowhere.dedup();
        Found::Nothing(format!("there is no such {kind} in namespace {}", nowhere.join(" nor in ")))
    }
}

enum Found<'f> {
    Object(&'f Object),
    Ask(Need),
    Nothing(String),
}

fn ambiguous(objects: &[Object]) -> String {
    let mut names: Vec<String> = objects.iter().take(NAMED).map(|o| format!("{}.{}", o.name, o.namespace)).collect();
    if objects.len() > NAMED {
        names.push("…".to_owned());
    }
    format!("there are several; say which: {}", names.join(", "))
}

fn take<'f>(facts: &'f Facts, need: &Need) -> Result<&'f [Object], String> {
    match facts.get(need).map(|answer| &answer.outcome) {
        Some(Outcome::Objects(objects)) => Ok(objects),
        Some(other) => Err(other.why().to_owned()),
        None => Err("it was not asked".to_owned()),
    }
}

impl Name {
    fn parse(typed: &str, namespace: Option<&str>, default_namespace: &str) -> Result<Self, String> {
        let (kind, rest) = typed.split_once('/').unwrap_or(("pod", typed));
        let lower = kind.to_ascii_lowercase();
        let resource = KINDS.iter().find(|(words, _)| words.contains(&lower.as_str())).map(|(_, resource)| *resource);
        let resource = resource.ok_or_else(|| {
            let known: Vec<&str> = resources().map(|(word, _)| word).collect();
            format!("{kind:?} is no kind that has pods; these are: {}", known.join(", "))
        })?;
        if rest.is_empty() || rest.contains('/') {
            return Err(format!("{typed:?} names no object; write POD, POD.NAMESPACE or TYPE/NAME"));
        }
        let mut places = Vec::new();
        // The last dot ends the name, as istioctl has it; a name may hold dots too.
        if let Some((name, own)) = rest.rsplit_once('.').filter(|(name, own)| !name.is_empty() && !own.is_empty()) {
            places.push((Some(own.to_owned()), name.to_owned()));
        }
        match namespace {
            Some(namespace) => places.push((Some(namespace.to_owned()), rest.to_owned())),
            None => {
                places.push((Some(default_namespace.to_owned()), rest.to_owned()));
                places.push((None, rest.to_owned()));
            }
        }
        Ok(Name { typed: typed.to_owned(), resource, places })
    }
}

#[derive(Deserialize)]
struct Owner {
    #[serde(default)]
    spec: OwnerSpec,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct OwnerSpec {
    selector: Option<serde_json::Value>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct LabelSelector {
    match_labels: BTreeMap<String, String>,
    match_expressions: Vec<Expression>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Expression {
    key: String,
    operator: String,
    values: Vec<String>,
}

/// What to ask for the pods of an object; `None` if it selects none.
fn pods_of(resource: &Resource, object: &Object) -> Option<Need> {
    let labels = if *resource == kinds::GATEWAY {
        format!("{GATEWAY_LABEL}={}", object.name)
    } else {
        let selector = object.read::<Owner>().ok()?.spec.selector?;
        if *resource == kinds::SERVICE || *resource == kinds::REPLICATION_CONTROLLER {
            equal(&serde_json::from_value(selector).ok()?)
        } else {
            let selector: LabelSelector = serde_json::from_value(selector).ok()?;
            let expressions = selector.match_expressions.iter().filter_map(|expression| {
                let Expression { key, operator, values } = expression;
                Some(match operator.as_str() {
                    "In" => format!("{key} in ({})", values.join(",")),
                    "NotIn" => format!("{key} notin ({})", values.join(",")),
                    "Exists" => key.clone(),
                    "DoesNotExist" => format!("!{key}"),
                    _ => return None,
                })
            });
            let labels = equal(&selector.match_labels);
            Some(labels).filter(|labels| !labels.is_empty()).into_iter().chain(expressions).collect::<Vec<_>>().join(",")
        }
    };
    (!labels.is_empty()).then(|| Need::Select {
        resource: kinds::POD.clone(),
        namespace: Some(object.namespace.to_string()),
        labels,
    })
}

fn equal(labels: &BTreeMap<String, String>) -> String {
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

/// A pod that has ended runs no proxy, and one that is being deleted won't for long: who wants that names it.
fn stays(pod: &Object) -> bool {
    #[derive(Deserialize)]
    struct View {
        metadata: Metadata,
        #[serde(default)]
        status: Status,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Metadata {
        deletion_timestamp: Option<String>,
    }
    #[derive(Deserialize, Default)]
    struct Status {
        #[serde(default)]
        phase: String,
    }
    let here =
        |pod: View| pod.metadata.deletion_timestamp.is_none() && !matches!(pod.status.phase.as_str(), "Succeeded" | "Failed");
    pod.read::<View>().is_ok_and(here)
}

/// Why an object has nobody to ask.
fn no_pods(gone: &[Object]) -> String {
    match gone {
        [] => "it has no pods now".to_owned(),
        [pod, ..] => format!(
            "all its pods have ended or are being deleted; one of those is asked by its name: {}.{}",
            pod.name, pod.namespace
        ),
    }
}

#[cfg(test)]
mod tests;
