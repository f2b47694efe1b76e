//! What an object would become, field by field.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One field that changes. Texts are JSON, cut to a line; what a Secret holds is not told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    pub path: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// Longer values are cut.
const LONGEST: usize = 120;
/// What the server writes by itself.
const SERVERS: &[&str] = &["managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink"];

/// Both as the server has them: what it filled in stands in both.
pub fn fields(before: &Value, after: &Value) -> Vec<Field> {
    let secret = before["kind"] == "Secret" || after["kind"] == "Secret";
    let mut found = Vec::new();
    walk(&stripped(before), &stripped(after), "", &mut found);
    if secret {
        for field in found.iter_mut().filter(|field| field.path.starts_with("data") || field.path.starts_with("stringData")) {
            let hidden = |value: &Option<String>| value.as_ref().map(|_| "(secret)".to_owned());
            (field.before, field.after) = (hidden(&field.before), hidden(&field.after));
        }
    }
    found
}

fn stripped(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(map) = object.as_object_mut() {
        map.remove("status");
        if let Some(meta) = map.get_mut("metadata").and_then(Value::as_object_mut) {
            SERVERS.iter().for_each(|key| _ = meta.remove(*key));
        }
    }
    object
}

fn walk(before: &Value, after: &Value, path: &str, found: &mut Vec<Field>) {
    if before == after {
        return;
    }
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            let gone = old.keys().filter(|key| !new.contains_key(*key));
            for key in new.keys().chain(gone) {
                let (old, new) = (old.get(key), new.get(key));
                inside(old, new, &format!("{path}{}{}", if path.is_empty() { "" } else { "." }, shown(key)), found);
            }
        }
        (Value::Array(old), Value::Array(new)) => match (named(old), named(new)) {
            (Some(old), Some(new)) => {
                let gone = old.iter().filter(|(name, _)| !new.iter().any(|(other, _)| other == name));
                for (name, _) in new.iter().chain(gone) {
                    let of =
                        |all: &[(String, Value)]| all.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone());
                    inside(of(&old).as_ref(), of(&new).as_ref(), &format!("{path}[{name}]"), found);
                }
            }
            _ if old.len() == new.len() => {
                old.iter().zip(new).enumerate().for_each(|(i, (old, new))| walk(old, new, &format!("{path}[{i}]"), found));
            }
            _ => found.push(field(path, Some(before), Some(after))),
        },
        _ => found.push(field(path, Some(before), Some(after))),
    }
}

fn inside(old: Option<&Value>, new: Option<&Value>, path: &str, found: &mut Vec<Field>) {
    match (old, new) {
        (Some(old), Some(new)) => walk(old, new, path, found),
        (old, new) => found.push(field(path, old, new)),
    }
}

/// Items by their names, where each has one of its own: so that one more at the front does not change all behind it.
fn named(items: &[Value]) -> Option<Vec<(String, Value)>> {
    let mut all: Vec<(String, Value)> = Vec::new();
    for item in items {
        let name = item["name"].as_str()?;
        if all.iter().any(|(other, _)| other == name) {
            return None;
        }
        all.push((name.to_owned(), item.clone()));
    }
    (!all.is_empty()).then_some(all)
}

fn shown(key: &str) -> String {
    if key.contains('.') { format!("[{key}]") } else { key.to_owned() }
}

fn field(path: &str, before: Option<&Value>, after: Option<&Value>) -> Field {
    let text = |value: &Value| {
        let text = value.to_string();
        if text.chars().count() <= LONGEST { text } else { text.chars().take(LONGEST).chain(['…']).collect() }
    };
    Field { path: path.replace(".[", "["), before: before.map(text), after: after.map(text) }
}

/// Takes a field, named as the server names it in a conflict, out of an object that is to be applied.
pub fn without(object: &mut Value, path: &str) -> bool {
    let mut steps = Vec::new();
    let mut rest = path.trim_start_matches('.');
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let Some(end) = inner.find(']') else { return false };
            steps.push(format!("[{}", &inner[..end]));
            rest = inner[end + 1..].trim_start_matches('.');
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            steps.push(rest[..end].to_owned());
            rest = rest[end..].trim_start_matches('.');
        }
    }
    let Some(last) = steps.pop() else { return false };
    let mut at = object;
    for step in &steps {
        let next = match step.strip_prefix('[') {
            Some(selector) => at.as_array_mut().and_then(|items| items.iter_mut().find(|item| fits(item, selector))),
            None => at.get_mut(step.as_str()),
        };
        let Some(next) = next else { return false };
        at = next;
    }
    match last.strip_prefix('[') {
        Some(selector) => at.as_array_mut().is_some_and(|items| {
            let before = items.len();
            items.retain(|item| !fits(item, selector));
            items.len() < before
        }),
        None => at.as_object_mut().is_some_and(|map| map.remove(&last).is_some()),
    }
}

/// `name="a",port=80`: an item of a list, as its keys tell it; `="x"`: the item itself.
fn fits(item: &Value, selector: &str) -> bool {
    selector.split(',').all(|pair| {
        let Some((key, value)) = pair.split_once('=') else { return false };
        let Ok(value) = serde_json::from_str::<Value>(value) else { return false };
        if key.is_empty() { *item == value } else { item[key] == value }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lines(before: &Value, after: &Value) -> Vec<String> {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        fields(before, after).iter().map(|f| format!("{} {} {}", f.path, text(&f.before), text(&f.after))).collect()
    }

    #[test]
    fn fields_are_told_by_name() {
        let before = json!({ "kind": "Deployment", "metadata": { "uid": "1", "annotations": { "a.b/c": "x" } },
            "spec": { "replicas": 3, "containers": [{ "name": "a", "image": "i:1" }, { "name": "b" }] }, "status": { "x": 1 } });
        let after = json!({ "kind": "Deployment", "metadata": { "uid": "2", "annotations": { "a.b/c": "y" } },
            "spec": { "replicas": 1, "containers": [{ "name": "new" }, { "name": "a", "image": "i:2" }] } });
        assert_eq!(
            lines(&before, &after),
            [
                r#"metadata.annotations[a.b/c] "x" "y""#,
                r#"spec.containers[new] - {"name":"new"}"#,
                r#"spec.containers[a].image "i:1" "i:2""#,
                r#"spec.containers[b] {"name":"b"} -"#,
                "spec.replicas 3 1",
            ]
        );
        assert!(fields(&before, &before).is_empty());
    }

    #[test]
    fn what_a_secret_holds_is_not_told() {
        let secret = |key: &str| json!({ "kind": "Secret", "data": { "key": key } });
        assert_eq!(lines(&secret("YQ=="), &secret("Yg==")), ["data.key (secret) (secret)"]);
    }

    #[test]
    fn a_field_of_another_is_left_to_it() {
        let mut object = json!({ "webhooks": [{ "name": "a", "failurePolicy": "Ignore" }, { "name": "b", "failurePolicy": "Ignore" }],
            "spec": { "finalizers": ["x", "y"], "ports": [{ "port": 80, "protocol": "TCP" }] } });
        assert!(without(&mut object, r#".webhooks[name="b"].failurePolicy"#));
        assert!(without(&mut object, r#".spec.finalizers[="x"]"#));
        assert!(without(&mut object, r#".spec.ports[port=80,protocol="TCP"].protocol"#));
        assert!(!without(&mut object, r#".webhooks[name="c"].failurePolicy"#) && !without(&mut object, ".spec.none.x"));
        assert_eq!(object["webhooks"], json!([{ "name": "a", "failurePolicy": "Ignore" }, { "name": "b" }]));
        assert_eq!(object["spec"], json!({ "finalizers": ["y"], "ports": [{ "port": 80 }] }));
    }
}
