//! Whether what was applied is up, and what holds it up if not. Pure: objects in, words out.

use crate::kubernetes::held::condition;
pub use crate::kubernetes::held::holds;
use serde_json::Value;

/// Why this object is not ready yet; `None` if it is, or if there is nothing to wait for.
pub fn waits_for(object: &Value) -> Option<String> {
    let number = |path: &str| object.pointer(path).and_then(Value::as_i64).unwrap_or(0);
    let stale = number("/status/observedGeneration") < number("/metadata/generation");
    let word = |text: String| Some(text);
    match object["kind"].as_str().unwrap_or_default() {
        "Deployment" | "StatefulSet" => {
            let wanted = object.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
            let refused = condition(object, "ReplicaFailure").filter(|c| c["status"] == "True");
            if let Some(refused) = refused {
                return word(refused["message"].as_str().unwrap_or("its pods can't be made").to_owned());
            }
            let ready = number("/status/readyReplicas").min(number("/status/updatedReplicas"));
            let old = number("/status/replicas") > number("/status/updatedReplicas");
            if stale || ready < wanted || old { word(format!("{ready} of {wanted} pods are ready")) } else { None }
        }
        "DaemonSet" => {
            let wanted = number("/status/desiredNumberScheduled");
            let ready = number("/status/numberReady").min(number("/status/updatedNumberScheduled"));
            if stale || ready < wanted { word(format!("{ready} of {wanted} pods are ready")) } else { None }
        }
        "Job" => {
            let is = |kind: &str| condition(object, kind).is_some_and(|c| c["status"] == "True");
            if is("Complete") { None } else { word("the job has not finished".to_owned()) }
        }
        "CustomResourceDefinition" => {
            let established = condition(object, "Established").is_some_and(|c| c["status"] == "True");
            if established { None } else { word("it is not established".to_owned()) }
        }
        _ => None,
    }
}

/// Whether waiting longer can't help.
pub fn has_failed(object: &Value) -> Option<String> {
    let failed = condition(object, "Failed").filter(|c| c["status"] == "True" && object["kind"] == "Job")?;
    Some(failed["message"].as_str().unwrap_or("the job failed").to_owned())
}

/// The label selector of a workload, as the API takes it.
pub fn selector(workload: &Value) -> Option<String> {
    let labels = workload.pointer("/spec/selector/matchLabels")?.as_object()?;
    Some(labels.iter().filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?))).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_rollout_is_done_when_every_new_pod_is_ready_and_no_old_one_is_left() {
        let with = |generation: i64, status: Value| json!({ "kind": "Deployment", "metadata": { "generation": generation }, "spec": { "replicas": 2 }, "status": status });
        let done = json!({ "observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2 });
        assert_eq!(waits_for(&with(2, done.clone())), None);
        assert!(waits_for(&with(3, done)).is_some(), "the controller has not seen it");
        let old = json!({ "observedGeneration": 2, "replicas": 3, "updatedReplicas": 2, "readyReplicas": 3 });
        assert!(waits_for(&with(2, old)).is_some(), "an old pod is left");
        assert_eq!(waits_for(&with(0, json!({}))).as_deref(), Some("0 of 2 pods are ready"));
        let refused = json!({ "conditions": [{ "type": "ReplicaFailure", "status": "True", "message": "exceeded quota" }] });
        assert_eq!(waits_for(&with(0, refused)).as_deref(), Some("exceeded quota"));
        assert_eq!(waits_for(&json!({ "kind": "ConfigMap" })), None);
        let crd = |status: &str| json!({ "kind": "CustomResourceDefinition", "status": { "conditions": [{ "type": "Established", "status": status }] } });
        assert!(waits_for(&crd("True")).is_none() && waits_for(&crd("False")).is_some());
    }
}
