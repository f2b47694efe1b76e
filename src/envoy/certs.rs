//! Certificates that the proxy has loaded, wherever they came from: the answer of `certs`.

use super::certificate::Certificate;
use super::fault::Unusable;
use super::field::Text;
use crate::json;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer<'a> {
    #[serde(borrow)]
    certificates: Vec<Context<'a>>,
}

/// One TLS context.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Context<'a> {
    #[serde(borrow, alias = "caCert")]
    ca_cert: Vec<Detail<'a>>,
    #[serde(borrow, alias = "certChain")]
    cert_chain: Vec<Detail<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Detail<'a> {
    #[serde(borrow)]
    path: Text<'a>,
    #[serde(borrow, alias = "serialNumber")]
    serial_number: Text<'a>,
    #[serde(borrow, alias = "subjectAltNames")]
    subject_alt_names: Vec<Name<'a>>,
    #[serde(borrow, alias = "validFrom")]
    valid_from: Text<'a>,
    #[serde(borrow, alias = "expirationTime")]
    expiration_time: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Name<'a> {
    #[serde(borrow)]
    dns: Text<'a>,
    #[serde(borrow)]
    uri: Text<'a>,
}

/// One certificate; the same one of several contexts is told once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// `<inline>`, or the file.
    pub path: String,
    pub certificate: Certificate,
}

/// Whether a text is such an answer.
pub fn is_one(text: &str) -> bool {
    let start = text.trim_start().strip_prefix('{').map(str::trim_start).unwrap_or_default();
    start.starts_with("\"certificates\"")
}

pub fn read(text: &str) -> Result<Vec<Loaded>, Unusable> {
    let answer: Answer = json::from_str(text).map_err(|error| Unusable::new(text, "the answer of `certs`", &[], Some(&error)))?;
    let mut loaded: Vec<Loaded> = Vec::new();
    for context in &answer.certificates {
        let all = context.cert_chain.iter().map(|one| (one, false)).chain(context.ca_cert.iter().map(|one| (one, true)));
        for (detail, is_ca) in all {
            let one = detail.loaded(is_ca);
            if !loaded.contains(&one) {
                loaded.push(one);
            }
        }
    }
    Ok(loaded)
}

impl Detail<'_> {
    fn loaded(&self, is_ca: bool) -> Loaded {
        let names = &self.subject_alt_names;
        let uris = names.iter().filter_map(|name| name.uri.some()).map(str::to_owned).collect();
        let dns = names.iter().filter_map(|name| name.dns.some()).map(str::to_owned).collect();
        let certificate = Certificate::told(&self.serial_number, [&self.valid_from, &self.expiration_time], uris, dns, is_ca);
        Loaded { path: self.path.to_string(), certificate }
    }
}

#[cfg(test)]
mod tests {
    use super::super::certificate::Age;
    use super::*;

    #[test]
    fn the_same_certificate_of_many_contexts_is_told_once() {
        let context = r#"{"ca_cert":[{"path":"<inline>","serial_number":"0b","valid_from":"2026-11-23T19:44:22Z",
            "expiration_time":"2036-11-20T19:44:22Z","subject_alt_names":[{"uri":"spiffe://d"}]}],
            "cert_chain":[{"path":"/tls.crt","serial_number":"0f","subject_alt_names":[{"uri":"spiffe://d/svc/web"},{"dns":"web"}],
            "days_until_expiration":"2","valid_from":"2026-11-23T19:45:08Z","expiration_time":"2026-11-26T19:45:08Z"}]}"#;
        let text = format!(r#"{{ "certificates": [{context},{context}]}}"#);
        assert!(is_one(&text) && !is_one(r#"{"configs":[]}"#));
        let loaded = read(&text).expect("an answer");
        let told: Vec<_> =
            loaded.iter().map(|one| (one.path.as_str(), one.certificate.spiffe_id(), one.certificate.is_ca)).collect();
        assert_eq!(told, [("/tls.crt", Some("spiffe://d/svc/web"), false), ("<inline>", Some("spiffe://d"), true)]);
        let leaf = &loaded[0].certificate;
        assert_eq!(leaf.serial_number, "0000000000000000000000000000000f");
        assert_eq!(leaf.days_left("2026-11-24T19:45:08Z".parse().expect("a time")), 2);
        let age = |now: &str| leaf.age(now.parse().expect("a time"));
        assert_eq!((age("2026-11-20T00:00:00Z"), age("2026-11-24T00:00:00Z")), (Age::NotYet, Age::Fine));
        assert_eq!((age("2026-11-26T14:00:00Z"), age("2026-11-27T00:00:00Z")), (Age::Ending, Age::Expired));
        assert!(read("<html>").is_err());
    }
}
