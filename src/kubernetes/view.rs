//! What is read of Kubernetes objects: only the fields used, with `null`, missing and numbers-for-strings tolerated.

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;

/// A scalar as text: manifests write `value: 8080` where the API wants a string.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Text(pub String);

impl Deref for Text {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyScalar;
        impl Visitor<'_> for AnyScalar {
            type Value = Text;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a string, number or boolean")
            }
            fn visit_str<E: de::Error>(self, v: &str) -> Result<Text, E> {
                Ok(Text(v.to_owned()))
            }
            fn visit_string<E: de::Error>(self, v: String) -> Result<Text, E> {
                Ok(Text(v))
            }
            fn visit_bool<E: de::Error>(self, v: bool) -> Result<Text, E> {
                Ok(Text(v.to_string()))
            }
            fn visit_i64<E: de::Error>(self, v: i64) -> Result<Text, E> {
                Ok(Text(v.to_string()))
            }
            fn visit_u64<E: de::Error>(self, v: u64) -> Result<Text, E> {
                Ok(Text(v.to_string()))
            }
            fn visit_f64<E: de::Error>(self, v: f64) -> Result<Text, E> {
                Ok(Text(v.to_string()))
            }
            fn visit_unit<E: de::Error>(self) -> Result<Text, E> {
                Ok(Text::default())
            }
        }
        deserializer.deserialize_any(AnyScalar)
    }
}

/// Labels and the like: scalars by name.
pub type Map = BTreeMap<String, Text>;

/// Scalars by name as plain strings.
pub fn strings(map: &Map) -> BTreeMap<String, String> {
    map.iter().map(|(key, value)| (key.clone(), value.0.clone())).collect()
}

/// `null` is the same as missing.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

macro_rules! views {
    ($($(#[$doc:meta])* $name:ident { $($field:ident : $ty:ty = $json:literal,)* })*) => {
        $($(#[$doc])* #[derive(Clone, Debug, Default, Deserialize)]
        pub struct $name {
            $(#[serde(default, rename = $json, deserialize_with = "or_default")] pub $field: $ty,)*
        })*
    };
}

views! {
    /// Any object, as far as its name tags go.
    Tagged { meta: Meta = "metadata", }
    Meta {
        labels: Map = "labels",
        annotations: Map = "annotations",
        owners: Vec<Owner> = "ownerReferences",
    }
    Owner { kind: Text = "kind", name: Text = "name", controller: bool = "controller", }

    /// Deployment, StatefulSet, DaemonSet, Rollout, ReplicationController, Job, CronJob.
    Controller { meta: Meta = "metadata", spec: ControllerSpec = "spec", status: ControllerStatus = "status", }
    ControllerSpec {
        replicas: Text = "replicas",
        parallelism: Text = "parallelism",
        schedule: Text = "schedule",
        template: Option<Template> = "template",
        job_template: Option<JobTemplate> = "jobTemplate",
        workload_ref: Option<NameRef> = "workloadRef",
    }
    ControllerStatus { desired: Text = "desiredNumberScheduled", conditions: Vec<Condition> = "conditions", }
    Condition { kind: Text = "type", status: Text = "status", }
    JobTemplate { spec: JobSpec = "spec", }
    JobSpec { template: Option<Template> = "template", parallelism: Text = "parallelism", }
    Template { meta: Meta = "metadata", spec: PodSpec = "spec", }

    /// A pod as far as it tells its workload: enough for the many whose owner is known.
    OwnedPod { meta: OwnedMeta = "metadata", status: PodStatus = "status", }
    OwnedMeta { hashes: TemplateHashes = "labels", owners: Vec<Owner> = "ownerReferences", }
    TemplateHashes { deployment: Text = "pod-template-hash", rollout: Text = "rollouts-pod-template-hash", }
    /// A pod as far as it takes room on its node.
    PlacedPod { spec: PlacedSpec = "spec", status: PodStatus = "status", }
    PlacedSpec {
        containers: Vec<PlacedContainer> = "containers",
        init_containers: Vec<PlacedContainer> = "initContainers",
        node_name: Text = "nodeName",
        overhead: Map = "overhead",
    }
    PlacedContainer { resources: ResourceList = "resources", restart_policy: Text = "restartPolicy", }
    PodStatus { phase: Text = "phase", }
    PodSpec {
        containers: Vec<Container> = "containers",
        init_containers: Vec<Container> = "initContainers",
        volumes: Vec<Volume> = "volumes",
        node_selector: Map = "nodeSelector",
        host_network: bool = "hostNetwork",
        service_account: Text = "serviceAccountName",
        security: Security = "securityContext",
        os: Os = "os",
    }
    Os { name: Text = "name", }
    Container {
        name: Text = "name",
        image: Text = "image",
        command: Vec<Text> = "command",
        args: Vec<Text> = "args",
        env: Vec<EnvVar> = "env",
        env_from: Vec<EnvFrom> = "envFrom",
        ports: Vec<ContainerPort> = "ports",
        resources: ResourceList = "resources",
        security: Security = "securityContext",
        restart_policy: Text = "restartPolicy",
    }
    Security { run_as_user: Option<i64> = "runAsUser", privileged: bool = "privileged", }
    ResourceList { requests: Map = "requests", limits: Map = "limits", }
    ContainerPort { name: Text = "name", number: Text = "containerPort", protocol: Text = "protocol", }
    EnvVar { name: Text = "name", value: Text = "value", from: Option<EnvSource> = "valueFrom", }
    EnvSource { config_map: Option<KeyRef> = "configMapKeyRef", }
    KeyRef { name: Text = "name", key: Text = "key", }
    EnvFrom { prefix: Text = "prefix", config_map: Option<NameRef> = "configMapRef", }
    NameRef { kind: Text = "kind", name: Text = "name", }
    Volume { config_map: Option<NameRef> = "configMap", projected: Option<Projected> = "projected", csi: Option<Csi> = "csi", }
    Projected { sources: Vec<ProjectedSource> = "sources", }
    ProjectedSource { config_map: Option<NameRef> = "configMap", }
    Csi { driver: Text = "driver", }

    ConfigMap { data: Map = "data", }

    Service { meta: Meta = "metadata", spec: ServiceSpec = "spec", }
    ServiceSpec {
        kind: Text = "type",
        selector: Map = "selector",
        ports: Vec<ServicePort> = "ports",
        cluster_ip: Text = "clusterIP",
        cluster_ips: Vec<Text> = "clusterIPs",
        external_name: Text = "externalName",
    }
    ServicePort {
        name: Text = "name", number: Text = "port", protocol: Text = "protocol", app_protocol: Text = "appProtocol", target: Text = "targetPort",
    }

    Node { meta: Meta = "metadata", status: NodeStatus = "status", }
    NodeStatus { allocatable: Map = "allocatable", info: NodeInfo = "nodeInfo", }
    NodeInfo {
        os: Text = "operatingSystem", os_image: Text = "osImage", arch: Text = "architecture", kernel: Text = "kernelVersion", kubelet: Text = "kubeletVersion",
    }

    Autoscaler { spec: AutoscalerSpec = "spec", }
    AutoscalerSpec {
        target: NameRef = "scaleTargetRef",
        min: Text = "minReplicas",
        max: Text = "maxReplicas",
        metrics: Vec<Metric> = "metrics",

    }
    Metric {
        kind: Text = "type",
        resource: Option<MetricSource> = "resource",
        container: Option<MetricSource> = "containerResource",
        external: Option<MetricSource> = "external",
        pods: Option<MetricSource> = "pods",
        object: Option<MetricSource> = "object",
    }
    MetricSource { name: Text = "name", metric: MetricName = "metric", target: MetricTarget = "target", old_utilization: Text = "targetAverageUtilization", }
    MetricName { name: Text = "name", }
    MetricTarget { kind: Text = "type", utilization: Text = "averageUtilization", }

    Ingress { spec: IngressSpec = "spec", }
    IngressSpec { default: Option<IngressBackend> = "defaultBackend", old_default: Option<IngressBackend> = "backend", rules: Vec<IngressRule> = "rules", }
    IngressRule { http: IngressHttp = "http", }
    IngressHttp { paths: Vec<IngressPath> = "paths", }
    IngressPath { backend: IngressBackend = "backend", }
    IngressBackend { service: Option<IngressService> = "service", old_name: Text = "serviceName", old_port: Text = "servicePort", }
    IngressService { name: Text = "name", port: IngressPort = "port", }
    IngressPort { number: Text = "number", }

    Route { spec: RouteSpec = "spec", }
    RouteSpec { parents: Vec<RouteRef> = "parentRefs", rules: Vec<RouteRule> = "rules", }
    RouteRule { backends: Vec<RouteRef> = "backendRefs", }
    RouteRef { kind: Text = "kind", namespace: Text = "namespace", name: Text = "name", port: Text = "port", weight: Text = "weight", }

    NetworkPolicy { spec: PolicySpec = "spec", }
    PolicySpec {
        pods: Selector = "podSelector",
        types: Vec<Text> = "policyTypes",
        ingress: Vec<PolicyRule> = "ingress",
        egress: Vec<PolicyRule> = "egress",
    }
    PolicyRule { from: Vec<PolicyPeer> = "from", to: Vec<PolicyPeer> = "to", ports: Vec<PolicyPort> = "ports", }
    PolicyPeer { pods: Option<Selector> = "podSelector", namespaces: Option<Selector> = "namespaceSelector", }
    PolicyPort { port: Text = "port", }
    Selector { labels: Map = "matchLabels", expressions: Vec<Expression> = "matchExpressions", }
    Expression { key: Text = "key", operator: Text = "operator", values: Vec<Text> = "values", }

    EndpointSlice { meta: Meta = "metadata", endpoints: Vec<Endpoint> = "endpoints", }
    Endpoint { addresses: Vec<Text> = "addresses", target: Option<NameRef> = "targetRef", }

    Certificate { spec: CertificateSpec = "spec", }
    CertificateSpec { usages: Vec<Text> = "usages", }
    Rollout { spec: RolloutSpec = "spec", }
    RolloutSpec { strategy: RolloutStrategy = "strategy", }
    RolloutStrategy { canary: Option<RolloutCanary> = "canary", }
    RolloutCanary { routing: Option<serde::de::IgnoredAny> = "trafficRouting", }
    Felix { spec: FelixSpec = "spec", }
    FelixSpec { wireguard: bool = "wireguardEnabled", wireguard_v6: bool = "wireguardEnabledV6", }
}

impl Selector {
    /// Selects everything.
    pub fn is_wildcard(&self) -> bool {
        self.labels.is_empty() && self.expressions.is_empty()
    }

    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let fits = |e: &Expression| {
            let value = labels.get(&*e.key);
            let listed = value.is_some_and(|value| e.values.iter().any(|v| v.0 == *value));
            match &*e.operator {
                "In" => listed,
                "NotIn" => !listed,
                "Exists" => value.is_some(),
                "DoesNotExist" => value.is_none(),
                _ => false,
            }
        };
        self.labels.iter().all(|(key, value)| labels.get(key) == Some(&value.0)) && self.expressions.iter().all(fits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_missing_and_numbers_are_tolerated() {
        let json = r#"{"spec":{"replicas":"3","template":{"metadata":null,"spec":{"volumes":null,"containers":[
            {"name":"a","env":null,"args":null},{"name":"b","env":[{"name":"PORT","value":8080},{"name":"ON","value":true},{"name":"N"}]}]}}}}"#;
        let view: Controller = serde_json::from_str(json).expect("reads");
        let template = view.spec.template.expect("template");
        assert_eq!(&*view.spec.replicas, "3");
        assert_eq!(template.spec.containers.len(), 2);
        assert_eq!(template.spec.containers[1].env[0].value.0, "8080");
        assert_eq!(template.spec.containers[1].env[1].value.0, "true");
    }

    #[test]
    fn selectors() {
        let labels = BTreeMap::from([("app".to_owned(), "web".to_owned())]);
        let selector = |json: &str| serde_json::from_str::<Selector>(json).expect("selector");
        assert!(selector(r#"{}"#).is_wildcard());
        assert!(selector(r#"{"matchLabels":{"app":"web"}}"#).matches(&labels));
        assert!(!selector(r#"{"matchLabels":{"app":"db"}}"#).matches(&labels));
        assert!(selector(r#"{"matchExpressions":[{"key":"app","operator":"In","values":["web","db"]}]}"#).matches(&labels));
        assert!(selector(r#"{"matchExpressions":[{"key":"x","operator":"NotIn","values":["1"]}]}"#).matches(&labels));
        assert!(!selector(r#"{"matchExpressions":[{"key":"app","operator":"DoesNotExist"}]}"#).matches(&labels));
        assert!(!selector(r#"{"matchExpressions":[{"key":"app","operator":"Whatever"}]}"#).matches(&labels));
    }
}
