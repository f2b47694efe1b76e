//! What a mesh would trip over, by workload: each trap says what happens, with which candidates, and how to get out.

use super::candidates::minor;
use crate::mesh::{Candidate, Fit, MESHES};
use crate::model::{EdgeClass, Grade, Model, Party, Qos, Role, Service, Workload};
use serde::Serialize;
use std::collections::BTreeSet;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trap {
    /// `job-never-ends`; stable.
    pub id: &'static str,
    pub what: String,
    pub fix: &'static str,
    /// Candidates that it concerns, by id.
    pub concerns: Vec<&'static str>,
    /// What it was found on, all of it.
    pub on: Vec<String>,
    pub count: usize,
}

/// Ports on which the server speaks first (or that no protocol detection understands).
const SERVER_FIRST: [u16; 8] = [25, 587, 3306, 4444, 5432, 6379, 9300, 11211];

/// Of fewer known calls no share is taken.
const ENOUGH_CALLS: usize = 6;

struct Finder<'a> {
    model: &'a Model,
    kubernetes: Option<(u32, u32)>,
    traps: Vec<Trap>,
}

pub fn find(model: &Model) -> Vec<Trap> {
    let kubernetes = model.cluster.kubernetes_version.as_deref().and_then(minor);
    let mut finder = Finder { model, kubernetes, traps: Vec::new() };
    finder.batch();
    finder.init_containers();
    finder.pods();
    finder.namespaces();
    finder.ports();
    finder.services();
    finder.autoscalers();
    finder.share();
    finder.traps
}

/// Not the platform's own.
fn ours(workload: &Workload) -> bool {
    matches!(workload.role, Role::App | Role::Datastore | Role::Broker)
}

/// Redirects pods' traffic to a proxy. A candidate that is the network itself sees every pod anyway.
fn redirects(candidate: &Candidate) -> bool {
    candidate.needs_cni.is_empty()
}

impl Finder<'_> {
    fn add(
        &mut self,
        id: &'static str,
        what: impl Into<String>,
        fix: &'static str,
        on: Vec<String>,
        concerns: impl Fn(&Candidate) -> bool,
    ) {
        let all = MESHES.iter().flat_map(|mesh| mesh.candidates());
        let concerns: Vec<&'static str> = all.filter(|c| concerns(c)).map(|c| c.id).collect();
        let on: Vec<String> = on.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        if !on.is_empty() && !concerns.is_empty() {
            self.traps.push(Trap { id, what: what.into(), fix, concerns, count: on.len(), on });
        }
    }

    fn workloads(&self, pick: impl Fn(&Workload) -> bool) -> Vec<String> {
        self.model.workloads.iter().filter(|w| ours(w) && pick(w)).map(Workload::title).collect()
    }

    /// Services of the user's, by what stands behind them or by the namespace.
    fn our_services(&self) -> Vec<&Service> {
        let system: BTreeSet<&str> = self.model.namespaces.iter().filter(|n| n.system).map(|n| n.name.as_str()).collect();
        let mine = |s: &&Service| {
            let behind = || s.workloads.iter().filter_map(|id| self.model.workloads.get(*id));
            !system.contains(s.namespace.as_str()) && !is_api_server(s) && (s.workloads.is_empty() || behind().any(ours))
        };
        self.model.services.iter().filter(mine).collect()
    }

    /// Native sidecars start before other init containers and end with the pod; they need Kubernetes 1.29.
    fn lacks_native(&self) -> impl Fn(&Candidate) -> bool + use<> {
        let old = self.kubernetes.is_none_or(|version| version < (1, 29));
        move |c| c.traits.sidecar && (old || !c.traits.native_sidecar)
    }

    fn batch(&mut self) {
        let on = self.workloads(|w| w.kind.is_batch());
        let lacks = self.lacks_native();
        let when = if self.kubernetes.is_none() {
            " (where Kubernetes is older than 1.29 or the proxy is no native sidecar)"
        } else {
            ""
        };
        self.add(
            "job-never-ends",
            format!("the proxy keeps running after the job's own container has ended, so the job never ends{when}"),
            "use native sidecars (Kubernetes 1.29 or newer), or leave jobs out of injection",
            on,
            lacks,
        );
    }

    fn init_containers(&mut self) {
        let waiting = self.model.edges.iter().filter(|edge| edge.class == EdgeClass::WaitFor);
        let from = waiting.filter_map(|edge| match &edge.from {
            Party::Workload(id) => self.model.workloads.get(*id),
            _ => None,
        });
        let on = from.filter(|w| ours(w)).map(Workload::title).collect();
        let lacks = self.lacks_native();
        self.add(
            "init-uses-network",
            "an init container waits for another service; it runs before the proxy does, so with strict mTLS it waits for ever",
            "use native sidecars, or move the wait into the application",
            on,
            lacks,
        );
    }

    fn pods(&mut self) {
        let on = self.workloads(|w| w.host_network);
        self.add(
            "host-network",
            "pods on the host's network are not intercepted: they stay outside the mesh",
            "give them a network of their own, or allow their callers and targets as unmeshed",
            on,
            redirects,
        );
        let on = self.workloads(|w| w.os.as_deref() == Some("windows"));
        self.add(
            "windows",
            "pods on Windows nodes get no proxy, or an experimental one",
            "keep them outside and allow plaintext from and to them",
            on,
            |c| !matches!(c.windows, Fit::Full { .. }),
        );
        let on = self.workloads(|w| w.qos == Qos::Guaranteed);
        self.add(
            "guaranteed-qos",
            "a proxy without equal requests and limits turns a Guaranteed pod into a Burstable one",
            "set the proxy's requests equal to its limits by annotation",
            on,
            |c| c.traits.sidecar,
        );
        let on = self.workloads(|w| w.libraries.iter().any(|sighting| sighting.what.retries));
        self.add(
            "retries-twice",
            "the application retries already: with the mesh's retries the tries multiply (3 in each are 9 on the last service)",
            "let one layer retry: turn the library's retries off before the mesh's are turned on",
            on,
            |_| true,
        );
        let mut uids: Vec<i64> = MESHES.iter().flat_map(|m| m.candidates()).filter_map(|c| c.traits.proxy_uid).collect();
        uids.sort_unstable();
        uids.dedup();
        for uid in uids {
            let on = self.workloads(|w| w.main_containers().any(|c| c.run_as_user == Some(uid)));
            self.add(
                "proxy-user",
                format!("runs as user {uid}, which is the proxy's own: its traffic bypasses the proxy"),
                "run the application as another user",
                on,
                |c| c.traits.proxy_uid == Some(uid),
            );
        }
    }

    fn namespaces(&mut self) {
        let restricted = |n: &&crate::model::Namespace| {
            n.labels.get("pod-security.kubernetes.io/enforce").is_some_and(|level| level == "restricted")
        };
        let used = |name: &str| self.model.workloads.iter().any(|w| w.namespace == name && ours(w));
        let namespaces = self.model.namespaces.iter().filter(restricted).filter(|n| used(&n.name));
        let on = namespaces.map(|n| format!("Namespace {}", n.name)).collect();
        self.add(
            "psa-restricted",
            "the namespace enforces the restricted Pod Security level, which refuses the proxy's privileged init container",
            "install the mesh's CNI plugin, which makes that init container unnecessary",
            on,
            |c| c.traits.privileged_init,
        );
    }

    fn ports(&mut self) {
        let (mut udp, mut first, mut unnamed) = (Vec::new(), Vec::new(), Vec::new());
        let mut first_ports = BTreeSet::new();
        for service in self.our_services() {
            for port in &service.ports {
                let name = format!("Service {}/{} port {}", service.namespace, service.name, port.number);
                if port.protocol == "UDP" {
                    udp.push(name);
                } else if !declares_protocol(&port.name, &port.app_protocol) && service.external_name.is_none() {
                    if SERVER_FIRST.contains(&port.number) {
                        first_ports.insert(port.number);
                        first.push(name);
                    } else {
                        unnamed.push(name);
                    }
                }
            }
        }
        self.add("udp", "UDP is not proxied: no mTLS, no metrics, no policy", "expect it to pass by the mesh", udp, redirects);
        self.add(
            "server-first",
            "the server speaks first on this port: protocol detection waits for the client and stalls the connection",
            "declare it: appProtocol: tcp (or the port name tcp-…), or mark the port opaque",
            first,
            |c| redirects(c) && first_ports.iter().any(|port| !c.traits.opaque_ports.contains(port)),
        );
        self.add(
            "port-without-protocol",
            "no appProtocol and no protocol in the port's name: the protocol has to be guessed, and HTTP features may not apply",
            "set appProtocol (http, grpc, tcp, …) on the Service's port",
            unnamed,
            |_| true,
        );
    }

    fn services(&mut self) {
        let services = self.our_services();
        let name = |s: &&Service| format!("Service {}/{}", s.namespace, s.name);
        let headless: Vec<String> = services.iter().filter(|s| s.headless && s.selector.is_some()).map(name).collect();
        let external: Vec<String> = services.iter().filter(|s| s.external_name.is_some()).map(name).collect();
        let bare: Vec<String> = services.iter().filter(|s| s.selector.is_none() && s.external_name.is_none()).map(name).collect();
        self.add(
            "headless",
            "clients of a headless Service dial pod IPs: retries, timeouts and routing by host don't apply",
            "call through a ClusterIP Service where those are wanted",
            headless,
            |c| c.traits.headless_note.is_some(),
        );
        self.add(
            "external-name",
            "an ExternalName Service leads out of the cluster: no identity on the other side",
            "describe the target to the mesh, or leave it out of policy",
            external,
            |_| true,
        );
        self.add(
            "no-selector",
            "a Service without selector has endpoints that no pod stands for: they can't carry a proxy",
            "describe the endpoints to the mesh, or leave them out of policy",
            bare,
            |_| true,
        );
    }

    fn autoscalers(&mut self) {
        let on_cpu = self.model.autoscalers.iter().filter(|a| a.on_pod_cpu);
        let on = on_cpu.map(|a| format!("HorizontalPodAutoscaler {}/{}", a.namespace, a.name)).collect();
        self.add(
            "hpa-on-pod-cpu",
            "it scales on the whole pod's CPU, so the proxy's request and use move its target",
            "use a ContainerResource metric for the application's container",
            on,
            |c| c.traits.sidecar,
        );
    }

    /// Where most calls go to datastores and brokers, a mesh adds encryption and identity and little else. Where calls
    /// between services are invisible, a share of what is known says nothing.
    fn share(&mut self) {
        let known = || self.model.edges.iter().filter(|e| e.grade >= Grade::Declared);
        let count = |classes: &[EdgeClass]| known().filter(|e| classes.contains(&e.class)).count();
        let (calls, other) = (count(&[EdgeClass::Rpc]), count(&[EdgeClass::Datastore, EdgeClass::Broker]));
        if calls > 0 && other > calls && calls + other >= ENOUGH_CALLS {
            let on = vec![format!("{other} of {} known calls", calls + other)];
            self.add(
                "mostly-datastores",
                "most known calls go to datastores or brokers: there a mesh gives mTLS and byte counts, no retries or canary",
                "weigh the layer-7 needs by the calls that are left",
                on,
                |_| true,
            );
        }
    }
}

/// The API server's own Service, which every cluster has: nobody put it there, and nobody can do anything about it.
fn is_api_server(service: &Service) -> bool {
    service.namespace == "default" && service.name == "kubernetes" && service.selector.is_none()
}

/// `appProtocol`, or a port name that begins with a protocol: `http`, `grpc-web`, `tcp-db`.
fn declares_protocol(name: &str, app_protocol: &str) -> bool {
    const KNOWN: [&str; 12] =
        ["http", "http2", "https", "grpc", "tcp", "tls", "mongo", "redis", "mysql", "udp", "kafka", "thrift"];
    !app_protocol.is_empty() || KNOWN.contains(&name.split('-').next().unwrap_or_default())
}
