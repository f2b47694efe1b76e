//! Proxies by name, owner, label or all at once: found, asked concurrently, and what did not answer named.

mod others;

pub use others::{Others, about, gathered, visit_others};

use crate::cli::Ctx;
use crate::commands::load::{block_on, now};
use crate::error::{Error, Kind, Result};
use crate::facts::{Facts, Need, Object, Outcome, SourceKind, kinds};
use crate::kubernetes::addresses::{self, Addresses};
use crate::kubernetes::target::Targets;
use crate::mesh::admin::{self, Admin, Speaks};
use crate::mesh::origin::{self, Origins};
use crate::source::visit::{Door, Inside, Questions, visit};
use crate::source::{Base, Source, archive, live};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Rounds until a name has become pods: its owner in one place, in another, and the pods.
const ROUNDS: usize = 5;
/// So many reasons are told in an error; more of the same help nobody.
const TOLD: usize = 5;

/// Whose proxies are meant, as the command line has it.
#[derive(Clone, Copy, Debug)]
pub struct Who<'a> {
    pub names: &'a [String],
    pub selector: Option<&'a str>,
    pub port: Option<u16>,
    pub speaks: Speaks,
    /// A recording beside the one of `--from`, or instead of the cluster.
    pub from: Option<&'a str>,
    /// Proxies of nodes: the labels of their pods, and the one node that is meant.
    pub nodes: Option<(&'static str, Option<&'a str>)>,
    /// Where nobody is named, one that answers for all will do.
    pub one_is_enough: bool,
    /// Also asked is who has which address ([`Found::addresses`]).
    pub addresses: bool,
    /// And of which objects their configuration was made ([`Found::origins`]).
    pub origins: bool,
}

impl Who<'_> {
    /// Every Envoy; narrowed by the fields.
    pub fn envoys() -> Self {
        Who {
            names: &[],
            selector: None,
            port: None,
            speaks: Speaks::Envoy,
            from: None,
            nodes: None,
            one_is_enough: false,
            addresses: false,
            origins: false,
        }
    }
}

/// One proxy that can be asked.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// The cluster, if there are several.
    pub cluster: Option<String>,
    pub namespace: String,
    pub pod: String,
    pub port: u16,
    /// The pods for whose sake the proxy of their node is asked.
    pub sake_of: Vec<(String, String)>,
    /// Several run in its pod.
    one_of_many: bool,
}

impl Proxy {
    /// `web-1.shop`, as it can be typed.
    pub fn name(&self) -> String {
        let port = if self.one_of_many { format!(":{}", self.port) } else { String::new() };
        match &self.cluster {
            Some(cluster) => format!("{cluster}/{}.{}{port}", self.pod, self.namespace),
            None => format!("{}.{}{port}", self.pod, self.namespace),
        }
    }
}

/// What was made of each answer, and what gave none.
#[derive(Debug)]
pub struct Visited<T> {
    pub proxies: Vec<(Proxy, T)>,
    /// Names, pods and clusters without an answer, and why.
    pub missing: Vec<(String, String)>,
    /// Pods whose proxies have no dump, for who can show them.
    pub others: Vec<Others>,
}

/// Where proxies are, one for each cluster.
struct Place {
    source: Source,
    proxies: Vec<Proxy>,
    doors: Vec<Door>,
    others: Vec<Object>,
    addresses: Option<Arc<Addresses>>,
    /// For each proxy.
    origins: Vec<Option<Arc<dyn Origins>>>,
}

/// What is known of a cluster before its proxies are asked.
pub struct Found<'p> {
    pub proxies: &'p [Proxy],
    /// Not from a recording.
    pub live: bool,
    pub now: Timestamp,
    /// Who has which address, if that was asked.
    pub addresses: Option<Arc<Addresses>>,
    /// What its mesh knows of each proxy's configuration, if that was asked.
    pub origins: &'p [Option<Arc<dyn Origins>>],
}

/// Finds the proxies and asks them what `questions` makes of what was found.
pub fn ask<Q: Questions>(ctx: &Ctx, who: Who<'_>, mut questions: impl FnMut(Found<'_>) -> Q) -> Result<Visited<Q::Made>> {
    let progress = ctx.ui.progress("looking for proxies");
    block_on(async {
        let mut places = Vec::new();
        let mut missing = Vec::new();
        let sources = sources(ctx, who.from.or(ctx.global.from.as_deref())).await?;
        let several = sources.len() > 1;
        for source in sources {
            match place(ctx, source, who, several, &mut missing).await {
                Ok(place) => places.push(place),
                Err(error) if several => missing.push((error.message.clone(), error.causes.join(": "))),
                Err(error) => return Err(error),
            }
        }
        let total: usize = places.iter().map(|place| place.doors.len()).sum();
        if total == 0 && places.iter().all(|place| place.others.is_empty()) {
            return Err(nobody(who, &missing));
        }
        let (mut proxies, mut others) = (Vec::new(), Vec::new());
        for place in places {
            let before = proxies.len();
            let (live, now) = match &place.source.base {
                Base::Live(_) => (true, now()),
                Base::Stored(stored) => (false, stored.now),
            };
            let (addresses, origins) = (place.addresses.clone(), place.origins.as_slice());
            let found = Found { proxies: &place.proxies, live, now, addresses, origins };
            let made = visit(&place.source, &place.doors, questions(found), |count| {
                progress.say(&format!("{} of {total} proxies answered", before + count));
            });
            proxies.extend(place.proxies.into_iter().zip(made.await));
            if !place.others.is_empty() {
                let (name, kind) = match &place.source.base {
                    Base::Live(cluster) => (cluster.name().to_owned(), SourceKind::Live),
                    Base::Stored(stored) => (stored.cluster.clone(), stored.kind),
                };
                let cluster = several.then(|| name.clone());
                others.push(Others { source: place.source, cluster, name, kind, now, pods: place.others });
            }
        }
        Ok(Visited { proxies, missing, others })
    })
}

async fn sources(ctx: &Ctx, from: Option<&str>) -> Result<Vec<Source>> {
    if let Some(from) = from {
        let all = archive::open_with(from, None, now(), &|_| true)?;
        return Ok(all.into_iter().map(|stored| Source { base: Base::Stored(Box::new(stored)), prometheus: None }).collect());
    }
    let options = live::Options { namespace: None, ..ctx.live_options() };
    let clusters = live::connect(&options).await?;
    Ok(clusters.into_iter().map(|cluster| Source { base: Base::Live(Box::new(cluster)), prometheus: None }).collect())
}

async fn place(ctx: &Ctx, source: Source, who: Who<'_>, several: bool, missing: &mut Vec<(String, String)>) -> Result<Place> {
    let default_namespace = match &source.base {
        Base::Live(cluster) => cluster.default_namespace().to_owned(),
        Base::Stored(_) => "default".to_owned(),
    };
    let namespace = ctx.global.namespace.as_deref();
    let all = who.nodes.is_none() && (ctx.global.all_namespaces || namespace.is_some());
    let targets = Targets::parse(who.names, who.selector, all, namespace, &default_namespace)
        .map_err(|why| Error::new(Kind::Usage, why))?;
    let mut facts = match &source.base {
        Base::Live(cluster) => cluster.facts(now()),
        Base::Stored(stored) => stored.blank(),
    };
    for _ in 0..ROUNDS {
        let needs = targets.needs(&facts);
        if needs.is_empty() {
            break;
        }
        source.answer(needs, &mut facts).await;
    }
    let failed = facts.iter().any(|(_, answer)| matches!(answer.outcome, Outcome::Failed(_) | Outcome::TimedOut(_)));
    if let (true, Base::Live(cluster)) = (failed, &source.base) {
        // A cluster that doesn't answer at all is told as such, not as pods that can't be found.
        cluster.probe().await?;
    }
    let addresses = if who.addresses { Some(Arc::new(addresses_of(&source, &targets, &mut facts).await)) } else { None };
    let resolved = targets.resolve(&facts);
    missing.extend(resolved.missing);
    let mut origins = match who.origins {
        true => origins_of(&source, &resolved.pods, &facts).await,
        false => vec![None; resolved.pods.len()],
    }
    .into_iter();
    let mut place = Place { proxies: Vec::new(), doors: Vec::new(), others: Vec::new(), addresses, origins: Vec::new(), source };
    if let Some((labels, node)) = who.nodes {
        let need = Need::Select { resource: kinds::POD.clone(), namespace: None, labels: labels.to_owned() };
        let mut served = Facts::new(facts.cluster.clone(), facts.kind, facts.now);
        place.source.answer(vec![need.clone()], &mut served).await;
        let pods = match served.get(&need).map(|answer| &answer.outcome) {
            Some(Outcome::Objects(pods)) => pods.as_slice(),
            Some(other) => {
                missing.push((need.title(), other.why().to_owned()));
                &[]
            }
            None => &[],
        };
        place.add_nodes(&resolved.pods, pods, node, who, several.then(|| facts.cluster.clone()), missing);
        return Ok(place);
    }
    for (pod, named) in resolved.pods.into_iter().zip(resolved.named) {
        let origins = origins.next().flatten();
        if who.speaks == Speaks::Envoy && who.port.is_none() && others::is_one(pod) {
            place.others.push(pod.clone());
            continue;
        }
        match admins(pod, who, named) {
            Ok(admins) => {
                place.add(pod, &admins, several.then(|| facts.cluster.clone()));
                place.origins.resize(place.proxies.len(), origins);
            }
            Err(Some(why)) => missing.push((format!("{}.{}", pod.name, pod.namespace), why)),
            Err(None) => {}
        }
    }
    Ok(place)
}

/// Who has which address. What was found of pods already is not asked again.
async fn addresses_of(source: &Source, targets: &Targets, facts: &mut Facts) -> Addresses {
    let namespaces: BTreeSet<String> = targets.resolve(facts).pods.iter().map(|pod| pod.namespace.to_string()).collect();
    for _ in 0..3 {
        let needs = addresses::needs(facts, &namespaces);
        if needs.is_empty() {
            break;
        }
        source.answer(needs, facts).await;
    }
    // A recording says what the cluster said; one that lacks EndpointSlices, as imported ones may, has its pods at least.
    let sliced = matches!(facts.get(&Need::list(&kinds::ENDPOINT_SLICE)).map(|it| &it.outcome), Some(Outcome::Objects(_)));
    if let (false, Base::Stored(stored)) = (sliced, &source.base) {
        let pods = Need::list(&kinds::POD);
        if let Some(answer) = stored.get(&pods) {
            facts.insert(pods, answer.clone());
        }
    }
    Addresses::of(facts)
}

/// What the meshes of these pods know of their proxies' configuration.
async fn origins_of(source: &Source, pods: &[&Object], facts: &Facts) -> Vec<Option<Arc<dyn Origins>>> {
    let mut known = Facts::new(facts.cluster.clone(), facts.kind, facts.now);
    for _ in 0..ROUNDS {
        let needs = origin::needs(&known, pods);
        if needs.is_empty() {
            break;
        }
        source.answer(needs, &mut known).await;
    }
    origin::of(&known, pods)
}

/// What can be asked in a pod; an error without a reason is a pod that was merely come across.
fn admins(pod: &Object, who: Who<'_>, named: bool) -> std::result::Result<Vec<Admin>, Option<String>> {
    if let (Some(port), Speaks::Envoy) = (who.port, who.speaks) {
        // A label may well fit pods without a proxy, but one who names the port knows.
        return Ok(vec![admin::at_port(pod, port)]);
    }
    let mut found = admin::of_pod(pod);
    let any = !found.is_empty();
    found.retain(|admin| admin.speaks == who.speaks);
    if let Some(port) = who.port {
        found.iter_mut().for_each(|admin| admin.port = port);
    }
    if !found.is_empty() {
        return Ok(found);
    }
    Err(named.then(|| match (any, who.speaks) {
        (_, Speaks::Metrics) => "its proxy has a dump".to_owned(),
        (true, Speaks::Envoy) => "its proxy is no Envoy; meshctl ztunnel-config reads it".to_owned(),
        (true, Speaks::NodeProxy) => "its proxy is an Envoy; meshctl proxy-config reads it".to_owned(),
        (false, Speaks::Envoy) => {
            "it has no proxy of a mesh; an Envoy of another kind is asked with --proxy-admin-port PORT".to_owned()
        }
        (false, Speaks::NodeProxy) => "it is no proxy of a node".to_owned(),
    }))
}

/// How the proxy in a pod is asked.
pub fn door(pod: &Object, admin: &Admin) -> Door {
    let inside = (!admin.command.is_empty()).then(|| Inside {
        container: admin.container.clone(),
        command: admin.command.iter().map(|word| (*word).to_owned()).collect(),
    });
    Door { namespace: pod.namespace.to_string(), pod: pod.name.to_string(), port: admin.port, inside }
}

impl Place {
    fn add(&mut self, pod: &Object, admins: &[Admin], cluster: Option<String>) {
        let (namespace, name) = (pod.namespace.to_string(), pod.name.to_string());
        for admin in admins {
            self.doors.push(door(pod, admin));
            self.proxies.push(Proxy {
                cluster: cluster.clone(),
                namespace: namespace.clone(),
                pod: name.clone(),
                port: admin.port,
                sake_of: Vec::new(),
                one_of_many: admins.len() > 1,
            });
        }
    }
}

impl Place {
    /// The proxies of the nodes of these pods, or of all nodes.
    fn add_nodes(
        &mut self,
        pods: &[&Object],
        proxies: &[Object],
        node: Option<&str>,
        who: Who<'_>,
        cluster: Option<String>,
        missing: &mut Vec<(String, String)>,
    ) {
        let mut wanted: Vec<(&Object, Vec<(String, String)>)> = Vec::new();
        for pod in pods {
            let own = proxies.iter().find(|proxy| proxy.name == pod.name && proxy.namespace == pod.namespace);
            let sake_of = || vec![(pod.namespace.to_string(), pod.name.to_string())];
            let found = own.map(|proxy| (proxy, Vec::new()));
            let found = found.or_else(|| Some((proxies.iter().find(|proxy| node_of(proxy) == node_of(pod))?, sake_of())));
            match found {
                Some((proxy, sake_of)) => match wanted.iter_mut().find(|(there, _)| there.name == proxy.name) {
                    Some((_, others)) => others.extend(sake_of),
                    None => wanted.push((proxy, sake_of)),
                },
                None => {
                    let why = format!("its node {:?} has no proxy of its own", node_of(pod));
                    missing.push((format!("{}.{}", pod.name, pod.namespace), why));
                }
            }
        }
        if who.names.is_empty() {
            let here = proxies.iter().filter(|proxy| node.is_none_or(|node| node_of(proxy) == node));
            wanted.extend(here.take(if who.one_is_enough { 1 } else { usize::MAX }).map(|proxy| (proxy, Vec::new())));
        }
        for (proxy, sake_of) in wanted {
            let before = self.proxies.len();
            match admins(proxy, who, true) {
                Ok(admins) => self.add(proxy, &admins, cluster.clone()),
                Err(why) => missing.push((format!("{}.{}", proxy.name, proxy.namespace), why.unwrap_or_default())),
            }
            self.proxies[before..].iter_mut().for_each(|added| added.sake_of.clone_from(&sake_of));
        }
    }
}

fn node_of(pod: &Object) -> String {
    #[derive(serde::Deserialize)]
    struct View {
        spec: Spec,
    }
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Spec {
        #[serde(default)]
        node_name: String,
    }
    pod.read::<View>().map(|pod| pod.spec.node_name).unwrap_or_default()
}

fn nobody(who: Who<'_>, missing: &[(String, String)]) -> Error {
    let error = match missing {
        [(name, why)] => Error::new(Kind::Input, format!("can't find a proxy for {name}")).cause(why.as_str()),
        [] if who.nodes.is_some() => Error::new(Kind::Input, "no node has a proxy of its own: is ambient mode installed?"),
        [] => Error::new(Kind::Input, "none of these pods has a proxy of a mesh"),
        many => {
            let told = many.iter().take(TOLD).map(|(name, why)| format!("{name}: {why}"));
            told.fold(Error::new(Kind::Input, "can't find a proxy for any of these names"), Error::cause)
        }
    };
    if who.speaks == Speaks::NodeProxy || who.port.is_some() {
        return error;
    }
    error
        .hint("pods and their containers: kubectl get pods -A -o wide")
        .hint("a mesh that works on the nodes has none in pods: meshctl proxy-status")
}
