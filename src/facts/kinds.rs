//! The kinds that meshctl reads: one table, so that lists, RBAC roles and recordings agree.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A Kubernetes kind with its plural, as a REST path and an RBAC rule need it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Resource {
    /// Empty for the core group.
    pub group: Cow<'static, str>,
    /// The version asked first; a server that serves the group in another version is asked in that one.
    pub version: Cow<'static, str>,
    pub kind: Cow<'static, str>,
    pub plural: Cow<'static, str>,
    pub namespaced: bool,
}

impl Resource {
    pub const fn new(
        group: &'static str,
        version: &'static str,
        kind: &'static str,
        plural: &'static str,
        namespaced: bool,
    ) -> Self {
        Resource {
            group: Cow::Borrowed(group),
            version: Cow::Borrowed(version),
            kind: Cow::Borrowed(kind),
            plural: Cow::Borrowed(plural),
            namespaced,
        }
    }

    /// `pods`, `deployments.apps`.
    pub fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.to_string() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// The `apiVersion` asked first.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_string() } else { format!("{}/{}", self.group, self.version) }
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $id:ident = $group:literal / $version:literal $kind:literal $plural:literal $scope:ident;)+) => {
        $($(#[$doc])* pub static $id: Resource = Resource::new($group, $version, $kind, $plural, kinds!(@ $scope));)+
        /// Every kind of the table, in its order.
        pub static ALL: &[&Resource] = &[$(&$id),+];
    };
    (@ namespaced) => { true };
    (@ cluster) => { false };
}

kinds! {
    NAMESPACE = ""/"v1" "Namespace" "namespaces" cluster;
    NODE = ""/"v1" "Node" "nodes" cluster;
    POD = ""/"v1" "Pod" "pods" namespaced;
    SERVICE = ""/"v1" "Service" "services" namespaced;
    CONFIG_MAP = ""/"v1" "ConfigMap" "configmaps" namespaced;
    SERVICE_ACCOUNT = ""/"v1" "ServiceAccount" "serviceaccounts" namespaced;
    REPLICATION_CONTROLLER = ""/"v1" "ReplicationController" "replicationcontrollers" namespaced;
    DEPLOYMENT = "apps"/"v1" "Deployment" "deployments" namespaced;
    STATEFUL_SET = "apps"/"v1" "StatefulSet" "statefulsets" namespaced;
    DAEMON_SET = "apps"/"v1" "DaemonSet" "daemonsets" namespaced;
    REPLICA_SET = "apps"/"v1" "ReplicaSet" "replicasets" namespaced;
    JOB = "batch"/"v1" "Job" "jobs" namespaced;
    CRON_JOB = "batch"/"v1" "CronJob" "cronjobs" namespaced;
    HORIZONTAL_POD_AUTOSCALER = "autoscaling"/"v2" "HorizontalPodAutoscaler" "horizontalpodautoscalers" namespaced;
    POD_DISRUPTION_BUDGET = "policy"/"v1" "PodDisruptionBudget" "poddisruptionbudgets" namespaced;
    ENDPOINT_SLICE = "discovery.k8s.io"/"v1" "EndpointSlice" "endpointslices" namespaced;
    INGRESS = "networking.k8s.io"/"v1" "Ingress" "ingresses" namespaced;
    NETWORK_POLICY = "networking.k8s.io"/"v1" "NetworkPolicy" "networkpolicies" namespaced;
    CUSTOM_RESOURCE_DEFINITION = "apiextensions.k8s.io"/"v1" "CustomResourceDefinition" "customresourcedefinitions" cluster;
    MUTATING_WEBHOOK = "admissionregistration.k8s.io"/"v1" "MutatingWebhookConfiguration" "mutatingwebhookconfigurations" cluster;
    VALIDATING_WEBHOOK = "admissionregistration.k8s.io"/"v1" "ValidatingWebhookConfiguration" "validatingwebhookconfigurations" cluster;
    EVENT = ""/"v1" "Event" "events" namespaced;
    LEASE = "coordination.k8s.io"/"v1" "Lease" "leases" namespaced;

    GATEWAY_CLASS = "gateway.networking.k8s.io"/"v1" "GatewayClass" "gatewayclasses" cluster;
    GATEWAY = "gateway.networking.k8s.io"/"v1" "Gateway" "gateways" namespaced;
    HTTP_ROUTE = "gateway.networking.k8s.io"/"v1" "HTTPRoute" "httproutes" namespaced;
    GRPC_ROUTE = "gateway.networking.k8s.io"/"v1" "GRPCRoute" "grpcroutes" namespaced;
    SERVICE_EXPORT = "multicluster.x-k8s.io"/"v1alpha1" "ServiceExport" "serviceexports" namespaced;

    ISTIO_VIRTUAL_SERVICE = "networking.istio.io"/"v1" "VirtualService" "virtualservices" namespaced;
    ISTIO_DESTINATION_RULE = "networking.istio.io"/"v1" "DestinationRule" "destinationrules" namespaced;
    ISTIO_GATEWAY = "networking.istio.io"/"v1" "Gateway" "gateways" namespaced;
    ISTIO_SERVICE_ENTRY = "networking.istio.io"/"v1" "ServiceEntry" "serviceentries" namespaced;
    ISTIO_WORKLOAD_ENTRY = "networking.istio.io"/"v1" "WorkloadEntry" "workloadentries" namespaced;
    ISTIO_AUTHORIZATION_POLICY = "security.istio.io"/"v1" "AuthorizationPolicy" "authorizationpolicies" namespaced;
    ISTIO_PEER_AUTHENTICATION = "security.istio.io"/"v1" "PeerAuthentication" "peerauthentications" namespaced;

    LINKERD_AUTHORIZATION_POLICY = "policy.linkerd.io"/"v1alpha1" "AuthorizationPolicy" "authorizationpolicies" namespaced;
    LINKERD_MESH_TLS_AUTHENTICATION = "policy.linkerd.io"/"v1alpha1" "MeshTLSAuthentication" "meshtlsauthentications" namespaced;
    LINKERD_HTTP_ROUTE = "policy.linkerd.io"/"v1beta3" "HTTPRoute" "httproutes" namespaced;
    LINKERD_SERVER_AUTHORIZATION = "policy.linkerd.io"/"v1beta1" "ServerAuthorization" "serverauthorizations" namespaced;
    LINKERD_SERVER = "policy.linkerd.io"/"v1beta3" "Server" "servers" namespaced;
    LINKERD_EXTERNAL_WORKLOAD = "workload.linkerd.io"/"v1beta1" "ExternalWorkload" "externalworkloads" namespaced;
    LINKERD_LINK = "multicluster.linkerd.io"/"v1alpha3" "Link" "links" namespaced;
    LINKERD_SERVICE_PROFILE = "linkerd.io"/"v1alpha2" "ServiceProfile" "serviceprofiles" namespaced;

    CILIUM_NETWORK_POLICY = "cilium.io"/"v2" "CiliumNetworkPolicy" "ciliumnetworkpolicies" namespaced;
    CILIUM_CLUSTERWIDE_NETWORK_POLICY = "cilium.io"/"v2" "CiliumClusterwideNetworkPolicy" "ciliumclusterwidenetworkpolicies" cluster;
    CILIUM_ENVOY_CONFIG = "cilium.io"/"v2" "CiliumEnvoyConfig" "ciliumenvoyconfigs" namespaced;
    CILIUM_CLUSTERWIDE_ENVOY_CONFIG = "cilium.io"/"v2" "CiliumClusterwideEnvoyConfig" "ciliumclusterwideenvoyconfigs" cluster;
    CILIUM_ENDPOINT = "cilium.io"/"v2" "CiliumEndpoint" "ciliumendpoints" namespaced;
    CILIUM_NODE = "cilium.io"/"v2" "CiliumNode" "ciliumnodes" cluster;

    CONSUL_SERVICE_INTENTIONS = "consul.hashicorp.com"/"v1alpha1" "ServiceIntentions" "serviceintentions" namespaced;
    CONSUL_PROXY_DEFAULTS = "consul.hashicorp.com"/"v1alpha1" "ProxyDefaults" "proxydefaults" namespaced;
    CONSUL_MESH = "consul.hashicorp.com"/"v1alpha1" "Mesh" "meshes" namespaced;
    CONSUL_SERVICE_DEFAULTS = "consul.hashicorp.com"/"v1alpha1" "ServiceDefaults" "servicedefaults" namespaced;
    CONSUL_SERVICE_RESOLVER = "consul.hashicorp.com"/"v1alpha1" "ServiceResolver" "serviceresolvers" namespaced;
    CONSUL_SERVICE_ROUTER = "consul.hashicorp.com"/"v1alpha1" "ServiceRouter" "servicerouters" namespaced;
    CONSUL_SERVICE_SPLITTER = "consul.hashicorp.com"/"v1alpha1" "ServiceSplitter" "servicesplitters" namespaced;

    CERT_MANAGER_CERTIFICATE = "cert-manager.io"/"v1" "Certificate" "certificates" namespaced;
    SPIFFE_ID = "spire.spiffe.io"/"v1alpha1" "ClusterSPIFFEID" "clusterspiffeids" cluster;
    OTEL_INSTRUMENTATION = "opentelemetry.io"/"v1alpha1" "Instrumentation" "instrumentations" namespaced;
    OTEL_COLLECTOR = "opentelemetry.io"/"v1beta1" "OpenTelemetryCollector" "opentelemetrycollectors" namespaced;
    JAEGER = "jaegertracing.io"/"v1" "Jaeger" "jaegers" namespaced;
    ARGO_ROLLOUT = "argoproj.io"/"v1alpha1" "Rollout" "rollouts" namespaced;
    FLAGGER_CANARY = "flagger.app"/"v1beta1" "Canary" "canaries" namespaced;
    CALICO_FELIX_CONFIGURATION = "crd.projectcalico.org"/"v1" "FelixConfiguration" "felixconfigurations" cluster;
}
