//! What charts may ask about the cluster they are rendered for.

use super::value::{Field, Struct, Value};
use std::rc::Rc;

/// Kubernetes' own API versions, as Helm 3.22 knows them without a cluster.
const KNOWN: &str = "v1 admissionregistration.k8s.io/v1 admissionregistration.k8s.io/v1alpha1 \
    admissionregistration.k8s.io/v1beta1 internal.apiserver.k8s.io/v1alpha1 apps/v1 apps/v1beta1 apps/v1beta2 \
    authentication.k8s.io/v1 authentication.k8s.io/v1alpha1 authentication.k8s.io/v1beta1 authorization.k8s.io/v1 \
    authorization.k8s.io/v1beta1 autoscaling/v1 autoscaling/v2 batch/v1 batch/v1beta1 certificates.k8s.io/v1 \
    certificates.k8s.io/v1beta1 certificates.k8s.io/v1alpha1 coordination.k8s.io/v1alpha2 coordination.k8s.io/v1beta1 \
    coordination.k8s.io/v1 discovery.k8s.io/v1 discovery.k8s.io/v1beta1 events.k8s.io/v1 events.k8s.io/v1beta1 \
    extensions/v1beta1 flowcontrol.apiserver.k8s.io/v1 flowcontrol.apiserver.k8s.io/v1beta1 \
    flowcontrol.apiserver.k8s.io/v1beta2 flowcontrol.apiserver.k8s.io/v1beta3 lifecycle.k8s.io/v1alpha1 \
    networking.k8s.io/v1 networking.k8s.io/v1beta1 node.k8s.io/v1 node.k8s.io/v1alpha1 node.k8s.io/v1beta1 policy/v1 \
    policy/v1beta1 rbac.authorization.k8s.io/v1 rbac.authorization.k8s.io/v1beta1 rbac.authorization.k8s.io/v1alpha1 \
    resource.k8s.io/v1 resource.k8s.io/v1beta2 resource.k8s.io/v1beta1 resource.k8s.io/v1alpha3 \
    scheduling.k8s.io/v1alpha3 scheduling.k8s.io/v1beta1 scheduling.k8s.io/v1 storage.k8s.io/v1beta1 \
    storage.k8s.io/v1 storage.k8s.io/v1alpha1 storagemigration.k8s.io/v1 storagemigration.k8s.io/v1beta1 \
    apiextensions.k8s.io/v1beta1 apiextensions.k8s.io/v1";

/// Helm's version whose behaviour is followed.
const HELM: &str = "v3.22.0";
const GO: &str = "go1.26.8";

/// The newest Kubernetes that is known here: what a chart is rendered for unless told otherwise.
pub const KUBERNETES: &str = "v1.37.0";

/// Reads `1.30`, `v1.30.2`, `v1.31.0-gke.1`; gives it back as charts see it.
pub fn kubernetes(text: &str) -> Option<semver::Version> {
    super::functions::versions::parse(text).filter(|_| text.contains('.'))
}

pub fn known() -> Vec<String> {
    KNOWN.split_whitespace().map(str::to_owned).collect()
}

pub fn describe(kubernetes: &semver::Version, versions: &[String]) -> Value {
    let field = |name, key, value| Field { name, key, omit_empty: false, value };
    let version = format!("v{kubernetes}");
    let kube = Value::Struct(Rc::new(Struct {
        type_name: "chartutil.KubeVersion",
        string: Some(version.as_str().into()),
        fields: vec![
            field("Version", "Version", Value::str(version.as_str())),
            field("Major", "Major", Value::str(kubernetes.major.to_string())),
            field("Minor", "Minor", Value::str(kubernetes.minor.to_string())),
        ],
        methods: vec![("GitVersion", Value::str(version.as_str())), ("String", Value::str(version.as_str()))],
    }));
    let helm = Value::Struct(Rc::new(Struct {
        type_name: "version.BuildInfo",
        string: None,
        fields: vec![
            Field { name: "Version", key: "version", omit_empty: true, value: Value::str(HELM) },
            Field { name: "GitCommit", key: "git_commit", omit_empty: true, value: Value::str("") },
            Field { name: "GitTreeState", key: "git_tree_state", omit_empty: true, value: Value::str("") },
            Field { name: "GoVersion", key: "go_version", omit_empty: true, value: Value::str(GO) },
        ],
        methods: Vec::new(),
    }));
    let versions = Value::strings(versions.iter().map(String::as_str));
    Value::Struct(Rc::new(Struct {
        type_name: "*chartutil.Capabilities",
        string: None,
        fields: vec![
            field("KubeVersion", "KubeVersion", kube),
            field("APIVersions", "APIVersions", versions),
            field("HelmVersion", "HelmVersion", helm),
        ],
        methods: Vec::new(),
    }))
}
