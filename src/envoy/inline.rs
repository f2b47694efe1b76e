//! Certificates that stand in the TLS contexts of listeners and clusters, for proxies that discover no secrets.

use super::certificate::{self, Certificate};
use super::{Dump, Section, Want};
use crate::json;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// One certificate chain or bundle, and who uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// `<inline>`, or the file that the proxy reads it from.
    pub path: String,
    /// Roots to trust, rather than a chain to show.
    pub trusted: bool,
    pub certificates: Vec<Certificate>,
    pub problem: Option<String>,
    /// `listener public_listener`, `cluster db`, each once.
    pub used_by: Vec<String>,
}

/// Words without which a dump has no such certificate.
const CHAIN: [&str; 2] = ["\"tls_certificates\"", "\"tlsCertificates\""];
const TRUSTED: [&str; 2] = ["\"trusted_ca\"", "\"trustedCa\""];

/// Whether a look at listeners and clusters may be worth it: `secrets` are the ones that were discovered, each of which may
/// say "trusted" once.
pub fn may_have(text: &str, secrets: usize) -> bool {
    let count = |words: &[&str]| -> usize {
        words.iter().map(|word| memchr::memmem::find_iter(text.as_bytes(), word.as_bytes()).take(secrets + 1).count()).sum()
    };
    count(&CHAIN) > 0 || count(&TRUSTED) > secrets
}

/// All of a dump, by certificate.
pub fn find(text: &str) -> Vec<Found> {
    let sections = [Section::Listeners, Section::Clusters];
    let Ok(dump) = Dump::read(text, Want { sections: &sections, raw: true }) else { return Vec::new() };
    let mut found = Vec::new();
    let listeners = dump.listeners.iter().map(|one| ("listener", one.value.name.some().unwrap_or(&one.name), one.raw));
    let clusters = dump.clusters.iter().map(|one| ("cluster", &*one.value.name, one.raw));
    for (kind, name, raw) in listeners.chain(clusters) {
        let Some(text) = raw.map(json::Raw::get) else { continue };
        if may_have(text, 0)
            && let Ok(value) = serde_json::from_str::<Value>(text)
        {
            walk(&value, &format!("{kind} {name}"), &mut found);
        }
    }
    found
}

fn walk(value: &Value, whose: &str, found: &mut Vec<Found>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match key.as_str() {
                    "tls_certificates" | "tlsCertificates" => {
                        let chain = |one: &Value| field(one, "certificate_chain", "certificateChain").cloned();
                        value.as_array().into_iter().flatten().filter_map(chain).for_each(|one| add(&one, false, whose, found));
                    }
                    "trusted_ca" | "trustedCa" => add(value, true, whose, found),
                    _ => walk(value, whose, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, whose, found)),
        _ => {}
    }
}

fn field<'v>(value: &'v Value, snake: &str, camel: &str) -> Option<&'v Value> {
    value.get(snake).or_else(|| value.get(camel))
}

fn add(source: &Value, trusted: bool, whose: &str, found: &mut Vec<Found>) {
    let text = |snake: &str, camel: &str| field(source, snake, camel).and_then(Value::as_str).filter(|text| !text.is_empty());
    let inline = text("inline_string", "inlineString").map(|pem| pem.as_bytes().to_vec());
    let inline = inline.or_else(|| Some(STANDARD.decode(text("inline_bytes", "inlineBytes")?).unwrap_or_default()));
    let (path, read) = match (inline, text("filename", "filename")) {
        (Some(pem), _) => ("<inline>".to_owned(), certificate::read_pem(&pem)),
        (None, Some(file)) => (file.to_owned(), Ok(Vec::new())),
        (None, None) => return,
    };
    let (certificates, problem) = match read {
        Ok(certificates) => (certificates, None),
        Err(problem) => (Vec::new(), Some(problem)),
    };
    let one = Found { path, trusted, certificates, problem, used_by: Vec::new() };
    let same = |other: &&mut Found| {
        (&other.path, other.trusted, &other.certificates, &other.problem) == (&one.path, trusted, &one.certificates, &one.problem)
    };
    match found.iter_mut().find(same) {
        Some(there) if there.used_by.iter().any(|user| user == whose) => {}
        Some(there) => there.used_by.push(whose.to_owned()),
        None => found.push(Found { used_by: vec![whose.to_owned()], ..one }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_of_listeners_and_clusters_are_looked_through() {
        let pem = include_str!("../../fixtures/envoy/root.pem").replace('\n', "\\n");
        let ca = format!(r#""validation_context":{{"trusted_ca":{{"inline_string":"{pem}"}}}}"#);
        let text = format!(
            r#"{{"configs":[{{"static_listeners":[{{"listener":{{"name":"l","filter_chains":[{{"transport_socket":{{"typed_config":
            {{"common_tls_context":{{"tls_certificates":[{{"certificate_chain":{{"filename":"/tls.crt"}},
            "private_key":{{"filename":"/tls.key"}}}}],{ca}}}}}}}}}]}}}}]}},
            {{"static_clusters":[{{"cluster":{{"name":"c","transport_socket":{{"typed_config":{{"common_tls_context":{{"combined_validation_context":
            {{"default_validation_context":{{"trusted_ca":{{"inline_string":"{pem}"}}}}}}}}}}}}}}}},
            {{"cluster":{{"name":"plain"}}}}]}}]}}"#
        );
        let found = find(&text);
        let told: Vec<_> = found.iter().map(|one| (one.path.as_str(), one.trusted, one.used_by.join(","))).collect();
        assert_eq!(told, [("/tls.crt", false, "listener l".to_owned()), ("<inline>", true, "listener l,cluster c".to_owned())]);
        assert_eq!((found[0].certificates.len(), found[1].certificates.len()), (0, 1));
        assert!(may_have(&text, 9), "a chain outside of secrets is always one of these");
        assert!(!may_have(r#"{"trusted_ca":{}}"#, 1) && may_have(r#"{"trusted_ca":{}}"#, 0));
    }
}
