//! Which filter chain a listener picks, where a tree of matchers decides: `destination-port=80 -> destination-ip=10.0.0.1`.

use crate::json::Raw;
use serde_json::Value;

/// The ways through the tree that lead to the chain of this name; `UNMATCHED` for what nothing else matches, `NONE` if no
/// way does.
pub fn ways(tree: Raw<'_>, chain: &str) -> Vec<String> {
    let Ok(tree) = serde_json::from_str::<Value>(tree.get()) else { return vec!["unreadable".to_owned()] };
    if field(&tree, "on_no_match", "onNoMatch").is_some_and(|otherwise| leads_to(otherwise, chain)) {
        return vec!["UNMATCHED".to_owned()];
    }
    let mut found = through(&tree, chain);
    found.sort();
    if found.is_empty() { vec!["NONE".to_owned()] } else { found }
}

fn field<'v>(value: &'v Value, snake: &str, camel: &str) -> Option<&'v Value> {
    value.get(snake).or_else(|| value.get(camel))
}

fn leads_to(on_match: &Value, chain: &str) -> bool {
    on_match.pointer("/action/name").and_then(Value::as_str) == Some(chain)
}

fn through(matcher: &Value, chain: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(otherwise) = field(matcher, "on_no_match", "onNoMatch") {
        if leads_to(otherwise, chain) {
            found.push("ANY".to_owned());
        }
        found.extend(otherwise.get("matcher").into_iter().flat_map(|inner| through(inner, chain)));
    }
    let Some(tree) = field(matcher, "matcher_tree", "matcherTree") else { return found };
    let input = tree.pointer("/input/name").and_then(Value::as_str).unwrap_or("?");
    for (equals, key, on_match) in branches(tree) {
        let step = format!("{input}{equals}{key}");
        if leads_to(on_match, chain) {
            found.push(step.clone());
        }
        let deeper = on_match.get("matcher").into_iter().flat_map(|inner| through(inner, chain));
        found.extend(deeper.map(|rest| format!("{step} -> {rest}")));
    }
    found
}

/// What a tree tells apart: whole values, beginnings, or networks.
fn branches(tree: &Value) -> Vec<(&'static str, String, &Value)> {
    let map = |snake: &str, camel: &str| field(tree, snake, camel).and_then(|map| map.get("map")?.as_object());
    for (equals, map) in [("=", map("exact_match_map", "exactMatchMap")), ("^", map("prefix_match_map", "prefixMatchMap"))] {
        if let Some(map) = map {
            return map.iter().map(|(key, on_match)| (equals, key.clone(), on_match)).collect();
        }
    }
    let custom = field(tree, "custom_match", "customMatch").and_then(|custom| field(custom, "typed_config", "typedConfig"));
    let ranges = custom.and_then(|config| field(config, "range_matchers", "rangeMatchers")).and_then(Value::as_array);
    let mut found = Vec::new();
    for range in ranges.into_iter().flatten() {
        let Some(on_match) = field(range, "on_match", "onMatch") else { continue };
        for network in range.get("ranges").and_then(Value::as_array).into_iter().flatten() {
            let address = field(network, "address_prefix", "addressPrefix").and_then(Value::as_str).unwrap_or_default();
            let length = field(network, "prefix_len", "prefixLen").and_then(Value::as_u64).unwrap_or(0);
            let host = length == if address.contains(':') { 128 } else { 32 };
            found.push(("=", if host { address.to_owned() } else { format!("{address}/{length}") }, on_match));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = r#"{"matcher_tree":{"input":{"name":"ip"},"custom_match":{"typed_config":{"range_matchers":[
        {"ranges":[{"address_prefix":"10.0.0.1","prefix_len":32},{"address_prefix":"10.1.0.0","prefix_len":16}],
         "on_match":{"matcher":{"matcher_tree":{"input":{"name":"port"},"exact_match_map":{"map":{
            "80":{"action":{"name":"web"}},"443":{"action":{"name":"tls"}}}}},"on_no_match":{"action":{"name":"rest"}}}}}]}}},
        "on_no_match":{"action":{"name":"direct"}}}"#;

    #[test]
    fn every_way_to_a_chain_is_told() {
        let ways = |chain: &str| super::ways(Raw::part(TREE, 0, TREE.len()), chain).join(" or ");
        assert_eq!(ways("web"), "ip=10.0.0.1 -> port=80 or ip=10.1.0.0/16 -> port=80");
        assert_eq!(ways("rest"), "ip=10.0.0.1 -> ANY or ip=10.1.0.0/16 -> ANY");
        assert_eq!((ways("direct"), ways("other")), ("UNMATCHED".to_owned(), "NONE".to_owned()));
    }
}
