//! What a server, a proxy in between or a file may say instead of what was asked.

use super::{discovery, kubeconfig, no_proxy, promql};
use crate::facts::Series;
use proptest::prelude::*;

fn noise() -> impl Strategy<Value = String> {
    "([{}\\[\\]:,]|\"(status|data|success|error|warnings|result|resultType|vector|metric|value|items|groups|versions|metadata|name|kind)\"|null|-?[0-9]{1,20}|\"\\PC{0,6}\"| |\n|\\PC){0,40}"
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_reply_is_judged(status in 0_u16..1000, body in noise()) {
        let (outcome, _) = promql::judge(status, body.as_bytes(), "a server");
        let _ = (promql::is_empty(&outcome), outcome.word());
        drop(Series::parse(&body));
        drop(discovery::parse(body.as_bytes()));
    }

    #[test]
    fn a_query_comes_back_from_its_form(query in any::<String>()) {
        let form = promql::form(&query);
        prop_assert!(form.is_ascii());
        let back = form.strip_prefix("query=").map(unescaped);
        prop_assert_eq!(back, Some(query));
    }

    #[test]
    fn series_come_back(labels in prop::collection::btree_map("[a-z_]{1,6}", any::<String>(), 0..4), value in -1e9_f64..1e9) {
        let data = serde_json::json!({"resultType": "vector", "result": [{"metric": labels, "value": [0, value.to_string()]}]});
        let series = Series::parse(&data.to_string()).expect("a vector");
        prop_assert_eq!((&series[0].labels, series[0].value), (&labels, value));
    }

    #[test]
    fn any_list_of_exceptions_is_survived(list in "([a-z.*:/,0-9\\[\\]-]|\\PC){0,30}", host in "([a-z.:0-9\\[\\]-]|\\PC){0,20}") {
        let _ = no_proxy::covers(&list, &host);
        prop_assert!(no_proxy::covers("*", &host));
    }

    #[test]
    fn any_kubeconfig_is_read_or_refused(text in "(contexts:|clusters:|users:|- |name: |context: |cluster: |server: |current-context: |  |\n|[a-z{}\\[\\]]|\\PC){0,40}") {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), &text).expect("written");
        drop(kubeconfig::contexts(Some(file.path())));
    }
}

fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex: Vec<u8> = if byte == b'%' { rest.by_ref().take(2).collect() } else { Vec::new() };
        let code = std::str::from_utf8(&hex).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(code.unwrap_or(if byte == b'+' { b' ' } else { byte }));
    }
    String::from_utf8(bytes).expect("UTF-8")
}
