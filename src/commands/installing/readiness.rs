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
            let named = condition(object, "NamesAccepted").filter(|c| c["status"] == "False");
            let why = named.and_then(|c| c["message"].as_str()).map(|why| format!(": {why}")).unwrap_or_default();
            if established { None } else { word(format!("it is not established{why}")) }
        }
        _ => None,
    }
}

/// Whether a validating webhook that a service in this namespace answers lets everything pass when it does not.
pub fn is_open(configuration: &Value, namespace: &str) -> bool {
    let open =
        |webhook: &Value| webhook["failurePolicy"] == "Ignore" && webhook["clientConfig"]["service"]["namespace"] == namespace;
    configuration["webhooks"].as_array().is_some_and(|webhooks| webhooks.iter().any(open))
}

/// Whether waiting longer can't help.
pub fn has_failed(object: &Value) -> Option<String> {
    let failed = condition(object, "Failed").filter(|c| c["status"] == "True" && object["kind"] == "Job")?;
    Some(failed["message"].as_str().unwrap_or("the job failed").to_owned())
}

/// The last warning about one of these objects (kind, start of the name), in the words of who gave it.
pub fn warned(events: &[Value], about: &[(&str, &str)]) -> Option<String> {
    let at = |event: &Value| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        [&event["series"]["lastObservedTime"], &event["lastTimestamp"], &event["eventTime"]].map(text).into_iter().max()
    };
    let meant = |event: &&Value| {
        let object = &event["involvedObject"];
        let (kind, name) = (object["kind"].as_str().unwrap_or_default(), object["name"].as_str().unwrap_or_default());
        event["type"] == "Warning" && about.iter().any(|(k, start)| kind == *k && name.starts_with(start))
    };
    let last = events.iter().filter(meant).max_by_key(|event| at(event))?;
    let text = |key: &str| last[key].as_str().unwrap_or_default().trim().to_owned();
    Some(format!("{}: {}", text("reason"), text("message")))
}

/// What to look at next, given what holds something up.
pub fn next(why: &str, namespace: &str) -> Option<String> {
    let named: &[(&[&str], &str)] = &[
        (&["exceeded quota"], "kubectl -n {} describe resourcequota"),
        (
            &["failed calling webhook", "denied the request"],
            "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations",
        ),
        (&["ErrImagePull", "ImagePullBackOff", "InvalidImageName"], "is the image in its registry, and may the nodes pull it?"),
        (&["can't be scheduled", "FailedScheduling"], "kubectl describe nodes: what is left of each, and its taints"),
        (&["violates PodSecurity"], "kubectl get namespace {} -o jsonpath='{.metadata.labels}'"),
        (&["CrashLoopBackOff", "ended with exit code", "BackOff"], "kubectl -n {} logs --previous of that pod"),
    ];
    let found = named.iter().find(|(words, _)| words.iter().any(|word| why.contains(word)))?;
    Some(found.1.replace("{}", namespace))
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
        let taken = json!({ "kind": "CustomResourceDefinition", "status": { "conditions": [{ "type": "NamesAccepted", "status": "False", "message": "already in use" }] } });
        assert_eq!(waits_for(&taken).as_deref(), Some("it is not established: already in use"));
        let crd = |status: &str| json!({ "kind": "CustomResourceDefinition", "status": { "conditions": [{ "type": "Established", "status": status }] } });
        assert!(waits_for(&crd("True")).is_none() && waits_for(&crd("False")).is_some());
    }

    #[test]
    fn a_webhook_is_open_where_its_service_is_ours_and_it_fails_open() {
        let with = |policy: &str, place: &str| {
            json!({ "webhooks": [{ "failurePolicy": "Fail" },
                { "failurePolicy": policy, "clientConfig": { "service": { "namespace": place } } }] })
        };
        assert!(is_open(&with("Ignore", "m"), "m"));
        assert!(!is_open(&with("Fail", "m"), "m") && !is_open(&with("Ignore", "other"), "m") && !is_open(&json!({}), "m"));
    }

    #[test]
    fn the_last_warning_counts() {
        let event = |kind: &str, name: &str, time: &str, message: &str| {
            json!({ "type": "Warning", "reason": "FailedCreate",
            "message": message, "lastTimestamp": time, "involvedObject": { "kind": kind, "name": name } })
        };
        let events = [
            event("ReplicaSet", "istiod-1", "2026-01-01T00:00:02Z", "pods \"x\" is forbidden: exceeded quota: small"),
            event("ReplicaSet", "istiod-1", "2026-01-01T00:00:01Z", "older"),
            event("Pod", "web-1", "2026-01-01T00:00:03Z", "of another"),
        ];
        let told = warned(&events, &[("ReplicaSet", "istiod-")]).unwrap();
        assert_eq!(told, "FailedCreate: pods \"x\" is forbidden: exceeded quota: small");
        assert_eq!(next(&told, "m").as_deref(), Some("kubectl -n m describe resourcequota"));
        assert_eq!(warned(&events, &[("ReplicaSet", "ztunnel")]), None);
        assert_eq!(next("0 of 1 pods are ready", "m"), None);
    }
}
