//! A live cluster through the Kubernetes API.
//!
//! | file | what is in it |
//! |---|---|
//! | `ahead` | ways to pods that are opened before anybody asks for them |
//! | `client` | kube's client over connections of our own |
//! | `connect` | flags and kubeconfig → a client's configuration; reads files only |
//! | [`kubeconfig`] | its contexts, for completion |
//! | `call` | one GET: deadline, retries, what came of it |
//! | `discovery` | which groups, versions and resources the server has |
//! | `list` | every object of a kind, page by page |
//! | `doors` | requests to pods, those to one port over one port-forward |
//! | `metadata` | which state of an object there is |
//! | [`prometheus`] | queries by URL |
//! | `tunnel` | HTTP to a port of a pod, through a port-forward |
//! | `ads` | a question over xDS, through a port-forward or straight |
//! | `grpc` | other calls over gRPC, in the clear |
//! | `http` | a control plane's own API, with TLS and a token |
//! | `spdy` | one port of a pod, as kubectl opens it; a WebSocket where that isn't spoken |
//! | `tls` | the certificates that a port shows |
//! | `pods` | the same, with a program inside of the pod where port-forwards are not possible |
//! | `find`, `forward` | queries to a Prometheus in the cluster, through a tunnel |
//! | `promql` | what a query sends and what its answer means |
//! | `why` | error chains in words |

mod ads;
mod ahead;
pub(in crate::source) mod call;
mod client;
mod connect;
mod discovery;
mod doors;
mod find;
mod forward;
mod grpc;
mod http;
pub mod kubeconfig;
mod list;
mod metadata;
mod no_proxy;
pub mod pods;
pub mod prometheus;
mod promql;
mod spdy;
mod tls;
mod tunnel;
pub(in crate::source) mod why;

pub use ads::{Credentials, METHOD as ADS_METHOD, Plain};
pub use call::spoken;
pub use connect::nearest;
pub use http::Given;

use crate::error::{Error, Kind, Result};
use crate::facts::{Answer, At, Facts, Grpc, Need, Outcome, RootIn, SourceKind};
use crate::source::redact;
use crate::source::visit::Door;
use ahead::Ahead;
use call::{Caller, Failure};
use client::Distance;
use discovery::Served;
use doors::Doors;
use futures::{FutureExt, StreamExt};
use jiff::Timestamp;
use pods::masked;
use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;

/// Calls at a time to one server.
const CONCURRENT: usize = 8;
/// Pods that are asked at a time. Each is a connection to the API server and from there to a kubelet.
pub(super) const PODS: usize = 32;
/// So long other things wait for ways to pods to be opened, since a server takes its time for each.
pub(super) const OPENING: Duration = Duration::from_millis(20);
/// Bound of the probe, so that "unreachable" is said within five seconds, whatever `--request-timeout` is.
const PROBE: Duration = Duration::from_secs(4);
/// A credential plugin may send its user to a browser.
const CREDENTIALS: Duration = Duration::from_secs(60);

/// Where the cluster is and who we are there; from the global flags.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub kubeconfig: Option<PathBuf>,
    pub contexts: Vec<String>,
    pub all_contexts: bool,
    /// Limit lists to one namespace.
    pub namespace: Option<String>,
    pub impersonate_user: Option<String>,
    pub impersonate_groups: Vec<String>,
    /// Deadline of each API call.
    pub request_timeout: Duration,
    /// For control planes that are asked over xDS.
    pub xds: Credentials,
    /// For control planes with an API of their own.
    pub tokens: Given,
    /// The root of those that are called over TLS.
    pub roots: Given,
    /// A folder for what is worth knowing the next time; without one, nothing is kept.
    pub kept: Option<PathBuf>,
}

/// One cluster that we can ask.
pub struct Cluster {
    target: connect::Target,
    namespace: Option<String>,
    /// For a hint that can be copied.
    kubeconfig: Option<PathBuf>,
    deadline: Duration,
    xds: Credentials,
    tokens: Given,
    roots: Given,
    token: http::Found,
    ahead: Ahead,
    /// Made at the first call: it may run a credential plugin.
    caller: OnceCell<Caller>,
    served: OnceCell<Served>,
}

/// One cluster a context, in the order of the flags. Reads files only; whether a cluster answers is asked by
/// [`Cluster::probe`], so that one that doesn't can't hide the others.
pub async fn connect(options: &Options) -> Result<Vec<Cluster>> {
    crypto();
    let targets = connect::targets(options).await?;
    let clusters: Vec<Cluster> = targets
        .into_iter()
        .map(|target| Cluster {
            ahead: Ahead::new(options.kept.clone(), target.server.clone()),
            target,
            namespace: options.namespace.clone(),
            kubeconfig: options.kubeconfig.clone(),
            deadline: options.request_timeout,
            xds: options.xds.clone(),
            tokens: options.tokens.clone(),
            roots: options.roots.clone(),
            token: http::Found::default(),
            caller: OnceCell::new(),
            served: OnceCell::new(),
        })
        .collect();
    // With a single context its fault is the run's; with several it is that cluster's own answer.
    if let [only] = clusters.as_slice() {
        only.usable()?;
    }
    Ok(clusters)
}

/// Lists that take to know which versions the server has. Objects by name or label are of kinds whose version never changed,
/// and so are these; those of `settled` for as long as nothing else has to be known.
fn discovers(need: &Need, settled: Option<&str>) -> bool {
    matches!(need, Need::List { resource } if !["", "apps"].contains(&&*resource.group) && settled != Some(&*resource.group))
}

/// One TLS implementation for everything; a second call changes nothing.
pub(in crate::source) fn crypto() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

#[expect(clippy::disallowed_methods, reason = "source notes when an answer came; judgements use Facts::now")]
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}

impl Cluster {
    /// The context's name; `in-cluster` inside a pod.
    pub fn name(&self) -> &str {
        &self.target.name
    }

    /// The API server's URL, without user info.
    pub fn server(&self) -> &str {
        &self.target.server
    }

    pub fn facts(&self, now: Timestamp) -> Facts {
        let mut facts = Facts::new(self.target.name.clone(), SourceKind::Live, now);
        facts.namespace.clone_from(&self.namespace);
        facts
    }

    /// Whether the cluster answers and knows us, within five seconds. The error says which cluster, why, and what next.
    pub async fn probe(&self) -> Result<()> {
        self.usable()?;
        let asked = async {
            let caller = self.caller().await?;
            let caller = Caller::new(caller.client.clone(), self.deadline.min(PROBE), caller.distance.clone());
            caller.get("/version", "application/json").await
        };
        match asked.await {
            Ok(body) => match serde_json::from_slice::<BTreeMap<String, serde_json::Value>>(&body) {
                Ok(version) if version.contains_key("gitVersion") || version.contains_key("major") => Ok(()),
                _ => Err(self.unreachable("what answers there is no Kubernetes API server")),
            },
            // It answers, and a server that keeps its version to itself is still a server.
            Err(Failure::Refused(refusal)) if refusal.code == 403 => Ok(()),
            Err(Failure::Refused(refusal)) if refusal.code == 401 => {
                let who = match &self.target.user {
                    Some(user) => format!("the credentials of user {user:?}"),
                    None => "our credentials".to_owned(),
                };
                let failed = format!("cluster {:?} ({}) does not accept {who}", self.name(), self.server());
                Err(Error::new(Kind::Unreachable, failed)
                    .cause(refusal.message)
                    .hint("they may have expired: log in again")
                    .hint(self.kubectl()))
            }
            Err(failure @ Failure::Credentials(_)) => {
                let failed = format!("no credentials for cluster {:?} ({})", self.name(), self.server());
                let why = if let Failure::Credentials(why) = &failure { why.clone() } else { failure.words() };
                Err(Error::new(Kind::Unreachable, failed).cause(why).hint(self.kubectl()))
            }
            Err(Failure::Unconnected(why)) => Err(self.unreachable(&why)),
            Err(failure) => Err(self.unreachable(&failure.words())),
        }
    }

    fn unreachable(&self, why: &str) -> Error {
        Error::new(Kind::Unreachable, format!("can't reach cluster {:?} ({})", self.name(), self.server()))
            .cause(why)
            .hint(self.kubectl())
            .hint("another cluster: --context NAME; none at all: --from demo")
    }

    fn kubectl(&self) -> String {
        // Made to be copied into a shell, so a name with a `;` in it must not become a command.
        let quoted = crate::error::quoted;
        let file = self.kubeconfig.as_ref().map(|path| format!(" --kubeconfig {}", quoted(&path.display().to_string())));
        let file = file.unwrap_or_default();
        format!("see whether kubectl can: kubectl{file} --context {} get --raw /version", quoted(self.name()))
    }

    fn usable(&self) -> Result<()> {
        match &self.target.config {
            Ok(_) => Ok(()),
            Err(why) => Err(Error::new(Kind::NoCluster, format!("context {:?} can't be used", self.name())).cause(why)),
        }
    }

    async fn caller(&self) -> std::result::Result<&Caller, Failure> {
        let config = self.target.config.as_ref().map_err(|why| Failure::Unconnected(why.clone()))?;
        let make = || async {
            let config = config.as_ref().clone();
            let runtime = tokio::runtime::Handle::current();
            let (send, receive) = tokio::sync::oneshot::channel();
            let distance = Distance::default();
            let measured = distance.clone();
            // A plugin blocks. On a thread of its own, one that hangs can't keep the program from ending.
            std::thread::spawn(move || {
                let _inside = runtime.enter();
                let _ = send.send(client::client(config, &measured));
            });
            let made = tokio::time::timeout(CREDENTIALS, receive).await;
            let made = made.map_err(|_| Failure::Credentials("the credential plugin does not come back".to_owned()))?;
            let made = made.map_err(|_| Failure::Broken("the client could not be made".to_owned()))?;
            let client = made.map_err(|error| {
                let words = connect::credentials_words(&error).unwrap_or_else(|| why::why(&error));
                Failure::Credentials(words)
            })?;
            Ok(Caller::new(client, self.deadline, distance))
        };
        self.caller.get_or_try_init(make).await
    }

    /// The namespace of the context, where a name that says none is looked for.
    pub fn default_namespace(&self) -> &str {
        self.target.config.as_ref().map_or("default", |config| config.default_namespace.as_str())
    }

    /// For requests to one pod; or why there can be none.
    pub async fn line<'c>(&'c self, door: &'c Door) -> std::result::Result<pods::Line<'c>, Outcome> {
        let caller = self.caller().await.map_err(Failure::outcome)?;
        Ok(pods::Line::new(caller, door))
    }

    /// For what reads and writes single objects.
    pub(in crate::source) async fn direct(&self) -> Result<&Caller> {
        self.caller().await.map_err(|failure| self.unreachable(&failure.words()))
    }

    /// Lists and `/version`, concurrently, each with its own deadline. Queries are for [`Cluster::answer_queries`].
    pub async fn answer(&self, needs: Vec<Need>, facts: &mut Facts) {
        facts.namespace.clone_from(&self.namespace);
        if needs.is_empty() {
            return;
        }
        let caller = match self.caller().await {
            Ok(caller) => caller,
            // Forty times the same failure, without forty attempts.
            Err(failure) => {
                let outcome = failure.outcome();
                let at = now();
                needs.into_iter().for_each(|need| facts.insert(need, Answer { outcome: outcome.clone(), at, partial: None }));
                return;
            }
        };
        self.ahead.begin(caller, &needs);
        let (doors, rest) = Doors::of(needs);
        // Many calls go to the same server.
        let (calls, rest): (Vec<Need>, Vec<Need>) = rest.into_iter().partition(|need| matches!(need, Need::Grpc(_)));
        // Once for all that need it, and what doesn't comes first.
        let discovered =
            async { self.served.get_or_try_init(|| Served::read(caller)).await.map(drop).map_err(Failure::outcome) }.shared();
        // Two or three lists of a group that has had one version for years are quicker asked for than looked up.
        let settled =
            Some("cilium.io").filter(|few| self.served.get().is_none() && !rest.iter().any(|need| discovers(need, Some(few))));
        let (later, first): (Vec<Need>, Vec<Need>) = rest.into_iter().partition(|need| discovers(need, settled));
        let all =
            first.into_iter().map(|need| (need, None)).chain(later.into_iter().map(|need| (need, Some(discovered.clone()))));
        let rest = all.map(|(need, discovered)| async move {
            let takes_turns = matches!(need, Need::List { .. } | Need::Select { .. });
            let _turn = if takes_turns { self.ahead.turn(&caller.distance).await } else { None };
            let (outcome, partial) = self.one(caller, discovered, &need).await;
            vec![(need, Answer { outcome, at: now(), partial })]
        });
        let (rest, doors, called): (Vec<_>, Vec<_>, Vec<_>) = futures::join!(
            futures::stream::iter(rest).buffer_unordered(CONCURRENT).collect(),
            futures::stream::iter(doors.into_iter().map(|door| door.visit(caller, &self.ahead))).buffer_unordered(PODS).collect(),
            called(caller, calls, &self.roots)
        );
        for answers in rest.into_iter().chain(doors).chain([called]) {
            self.ahead.learn(&answers);
            answers.into_iter().for_each(|(need, answer)| facts.insert(need, answer));
        }
    }

    /// What is no request to a port of a pod.
    async fn one(
        &self,
        caller: &Caller,
        discovered: Option<impl Future<Output = std::result::Result<(), Outcome>>>,
        need: &Need,
    ) -> list::Listed {
        let namespace = self.namespace.as_deref();
        match need {
            Need::List { resource } => {
                let served = match discovered {
                    Some(discovered) => discovered.await.map(|()| self.served.get().unwrap_or(&Served::Unknown)),
                    None => Ok(&Served::Unknown),
                };
                match served {
                    Ok(served) => list::list(caller, served, resource, namespace).await,
                    Err(outcome) => (outcome, None),
                }
            }
            Need::Version => (version(caller).await, None),
            Need::Grpc(_) => (Outcome::NotAsked("it is asked with others of its place".to_owned()), None),
            Need::Http(question) => {
                let (outcome, partial) = http::ask(caller, question, &self.tokens, &self.token).await;
                (masked(outcome).await, partial)
            }
            Need::Tls { namespace, pod, port, server_name } => {
                (tls::certificates(caller, namespace, pod, *port, server_name).await, None)
            }
            Need::Query { .. } => (Outcome::NotAsked("the API server answers no queries".to_owned()), None),
            Need::Get { resource, namespace, name } => list::get(caller, resource, namespace.as_deref(), name).await,
            Need::Select { resource, namespace, labels } => list::select(caller, resource, namespace.as_deref(), labels).await,
            Need::Ads(question) => (ads::ask(caller, question, &self.xds).await, None),
            Need::Access { verb, group, resource } => (list::may(caller, verb, group, resource).await, None),
            Need::Exec { pod, namespace, .. } if namespace.is_empty() => {
                (Outcome::Absent(format!("nothing can be run on node {pod}: what is asked there is no pod")), None)
            }
            Need::Exec { namespace, pod, container, command } => {
                let door = Door { namespace: namespace.clone(), pod: pod.clone(), port: 0, inside: None };
                let (outcome, partial) = pods::Line::new(caller, &door).say(command.clone(), container).await;
                (masked(outcome).await, partial)
            }
            Need::PodGet { .. } | Need::PodMetrics { .. } => (Outcome::NotAsked("it is asked with its pod".to_owned()), None),
        }
    }

    /// Queries, through a Prometheus found in the cluster. If several are there, the first that has series for a query
    /// answers it.
    pub async fn answer_queries(&self, needs: Vec<Need>, facts: &mut Facts) {
        let queries: Vec<&str> = needs
            .iter()
            .filter_map(|need| match need {
                Need::Query { promql } => Some(promql.as_str()),
                _ => None,
            })
            .collect();
        if queries.is_empty() {
            return;
        }
        let answers = match (find::sites(facts), self.caller().await) {
            (Err(outcome), _) => vec![(outcome, None); queries.len()],
            (_, Err(failure)) => vec![(failure.outcome(), None); queries.len()],
            (Ok(sites), Ok(caller)) => ask(caller, &sites, &queries).await,
        };
        let at = now();
        for (query, (outcome, partial)) in queries.into_iter().zip(answers) {
            facts.insert(Need::query(query), Answer { outcome, at, partial });
        }
    }
}

/// Calls over gRPC, place by place.
async fn called(caller: &Caller, needs: Vec<Need>, roots: &Given) -> Vec<(Need, Answer)> {
    let mut places: BTreeMap<(&At, &Option<RootIn>), Vec<&Grpc>> = BTreeMap::new();
    let calls = needs.iter().filter_map(|need| if let Need::Grpc(call) = need { Some(&**call) } else { None });
    calls.for_each(|call| places.entry((&call.at, &call.tls)).or_default().push(call));
    let asked = places.into_iter().map(|((at, tls), calls)| async move {
        let answers = grpc::ask(caller, at, tls.as_ref().map(|root| (root, roots)), &calls).await;
        let answered = |(call, (outcome, partial)): (&Grpc, grpc::Answered)| {
            let outcome = match &outcome {
                Outcome::Bytes(bytes) => {
                    redact::flows(call, bytes).map_or(outcome.clone(), |kept| Outcome::Bytes(Arc::new(kept)))
                }
                _ => outcome,
            };
            (Need::Grpc(Box::new(call.clone())), Answer { outcome, at: now(), partial })
        };
        calls.into_iter().zip(answers).map(answered).collect::<Vec<_>>()
    });
    let all: Vec<Vec<_>> = futures::stream::iter(asked).buffer_unordered(CONCURRENT).collect().await;
    all.into_iter().flatten().collect()
}

/// Each query goes from server to server until one has series for it.
async fn ask(caller: &Caller, sites: &[find::Site], queries: &[&str]) -> Vec<promql::Judged> {
    let mut best: Vec<Option<promql::Judged>> = vec![None; queries.len()];
    for site in sites {
        let open: Vec<usize> = (0..queries.len())
            .filter(|i| best[*i].as_ref().is_none_or(|(outcome, _)| promql::is_empty(outcome) || outcome.reason().is_some()))
            .collect();
        let asked: Vec<&str> = open.iter().map(|i| queries[*i]).collect();
        for (i, new) in open.into_iter().zip(forward::ask_all(caller, site, &asked).await) {
            best[i] = Some(match best[i].take() {
                None => new,
                Some(old) => better(old, new),
            });
        }
    }
    best.into_iter().flatten().collect()
}

/// Series beat none; none, with the other's failure noted, beats a failure; the earlier failure is the one told.
fn better(old: promql::Judged, new: promql::Judged) -> promql::Judged {
    match (old.0.reason().map(str::to_owned), new.0.reason().map(str::to_owned)) {
        (None, None) if promql::is_empty(&new.0) => old,
        (None, None) => new,
        (None, Some(failed)) => (old.0, Some(old.1.into_iter().chain([failed]).collect::<Vec<_>>().join("; "))),
        (Some(failed), None) => (new.0, Some(new.1.into_iter().chain([failed]).collect::<Vec<_>>().join("; "))),
        (Some(_), Some(_)) => old,
    }
}

async fn version(caller: &Caller) -> Outcome {
    match caller.get("/version", "application/json").await {
        Ok(body) => match String::from_utf8(body) {
            Ok(text) => Outcome::Text(text),
            Err(_) => Outcome::Failed("/version is not text".to_owned()),
        },
        Err(failure) => failure.outcome(),
    }
}

#[cfg(test)]
mod proptests;
