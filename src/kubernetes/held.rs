//! What keeps a pod from being ready.

use serde_json::Value;

/// A condition of an object's status, by its type.
pub fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object.pointer("/status/conditions")?.as_array()?.iter().find(|condition| condition["type"] == kind)
}

/// What holds a pod up, in the words of who knows: scheduler, kubelet, the container itself.
pub fn holds(pod: &Value) -> Option<String> {
    if let Some(scheduled) = condition(pod, "PodScheduled").filter(|c| c["status"] == "False") {
        return Some(format!("it can't be scheduled: {}", scheduled["message"].as_str().unwrap_or("no reason given")));
    }
    let statuses = |key: &str| pod["status"][key].as_array().cloned().unwrap_or_default();
    for container in statuses("initContainerStatuses").iter().chain(&statuses("containerStatuses")) {
        let name = container["name"].as_str().unwrap_or_default();
        let waiting = &container["state"]["waiting"];
        if let Some(reason) = waiting["reason"].as_str().filter(|r| *r != "PodInitializing" && *r != "ContainerCreating") {
            let last = container.pointer("/lastState/terminated/message").and_then(Value::as_str);
            let message = last.or(waiting["message"].as_str()).unwrap_or_default().trim();
            return Some(format!("container {name}: {reason}{}{message}", if message.is_empty() { "" } else { ": " }));
        }
        let ended = &container["state"]["terminated"];
        if ended["exitCode"].as_i64().is_some_and(|code| code != 0) {
            return Some(format!("container {name} ended with exit code {}", ended["exitCode"]));
        }
    }
    let unready =
        statuses("containerStatuses").iter().find(|c| c["ready"] == false && c["state"]["running"].is_object()).cloned()?;
    Some(format!("container {} runs and its readiness probe does not pass", unready["name"].as_str().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pod_says_what_holds_it_up() {
        let waiting = json!({ "status": { "containerStatuses": [{ "name": "discovery", "ready": false,
            "state": { "waiting": { "reason": "ImagePullBackOff", "message": "no such image" } } }] } });
        assert_eq!(holds(&waiting).as_deref(), Some("container discovery: ImagePullBackOff: no such image"));
        let unscheduled =
            json!({ "status": { "conditions": [{ "type": "PodScheduled", "status": "False", "message": "0/1 nodes fit" }] } });
        assert_eq!(holds(&unscheduled).as_deref(), Some("it can't be scheduled: 0/1 nodes fit"));
        let probe = json!({ "status": { "containerStatuses": [{ "name": "a", "ready": false, "state": { "running": {} } }] } });
        assert!(holds(&probe).unwrap().contains("readiness probe"));
        assert_eq!(
            holds(&json!({ "status": { "containerStatuses": [{ "name": "a", "ready": true, "state": { "running": {} } }] } })),
            None
        );
    }
}
