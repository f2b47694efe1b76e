//! Whose certificates a proxy holds and whom it trusts, beside what it should. Certificates themselves change all day, and
//! what a control plane tells of them is masked: what is compared is whose they are.

use super::certificate::Certificate;
use super::diff::{Compared, Resources, compared};
use super::secrets::{self, Row};
use super::{Dump, Section};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What the proxy's own secrets should hold, which no control plane sends.
#[derive(Clone, Debug, Default)]
pub struct Expected<'e> {
    pub secret: &'e str,
    /// `None`: any will do.
    pub trust_domain: Option<&'e str>,
    /// `/ns/shop/sa/web`
    pub path: &'e str,
    pub root_secret: &'e str,
    pub roots: &'e [Certificate],
}

/// Secrets by name, of those that the proxy should have; others come from elsewhere, such as files.
pub fn compare(should: &Dump<'_>, has: &Dump<'_>, expected: Option<&Expected<'_>>, now: Timestamp) -> Compared {
    let held = secrets::rows(&has.secrets, now);
    let of = |name: &str| held.iter().find(|row| row.name == name);
    let (mut a, mut b) = (Resources::new(), Resources::new());
    for row in secrets::rows(&should.secrets, now) {
        a.insert(row.name.to_owned(), value(&row));
        b.extend(of(row.name).map(|row| (row.name.to_owned(), value(row))));
    }
    if let Some(expected) = expected {
        let own = of(expected.secret);
        let identity = own.and_then(|row| row.certificates.first()).and_then(Certificate::spiffe_id);
        let domain = expected.trust_domain.or_else(|| Some(own?.trust_domain.as_str()));
        let id = format!("spiffe://{}{}", domain.unwrap_or_default(), expected.path);
        a.insert(expected.secret.to_owned(), json!({ "identities": [id], "valid": true }));
        let shown: Vec<&str> = identity.into_iter().collect();
        // Of one whose times nobody told, nothing is said.
        b.extend(own.map(|row| (row.name.to_owned(), json!({ "identities": shown, "valid": row.valid.unwrap_or(true) }))));
        // More than it must trust may be on its way in or out.
        if !expected.roots.is_empty() {
            let wanted = serials(expected.roots);
            let trusted = of(expected.root_secret).map(|row| serials(&row.certificates));
            let trusted = trusted.map(|all| wanted.intersection(&all).cloned().collect::<BTreeSet<_>>());
            a.insert(expected.root_secret.to_owned(), json!({ "trusts": wanted }));
            b.extend(trusted.map(|trusted| (expected.root_secret.to_owned(), json!({ "trusts": trusted }))));
        }
    }
    compared(Section::Secrets, &a, &b)
}

fn serials(certificates: &[Certificate]) -> BTreeSet<String> {
    certificates.iter().map(|one| one.serial_number.clone()).collect()
}

fn value(row: &Row<'_>) -> Value {
    match row.certificates.first() {
        Some(first) if first.is_ca => json!({ "trusts": serials(&row.certificates) }),
        Some(first) => {
            let names: BTreeSet<&String> = first.uris.iter().chain(&first.dns_names).collect();
            json!({ "identities": names, "issuer": first.issuer })
        }
        None => json!({ "type": row.kind }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::diff::Difference;
    use super::super::{Section, Want};
    use super::*;

    const PEM: &str = include_str!("../../fixtures/envoy/root.pem");

    fn dump(secrets: &Value) -> String {
        json!({"configs": [{"@type": "type.googleapis.com/envoy.admin.v3.SecretsConfigDump", "dynamic_active_secrets": secrets}]})
            .to_string()
    }

    fn root(name: &str, pem: &str) -> Value {
        json!({"name": name, "secret": {"name": name, "validation_context": {"trusted_ca": {"inline_string": pem}}}})
    }

    fn differences(should: &Value, has: &Value, expected: Option<&Expected<'_>>) -> (usize, Vec<String>) {
        let (should, has) = (dump(should), dump(has));
        let want = Want { sections: &[Section::Secrets], raw: true };
        let (should, has) = (Dump::read(&should, want).expect("a dump"), Dump::read(&has, want).expect("a dump"));
        let found = compare(&should, &has, expected, Timestamp::UNIX_EPOCH);
        let name = |difference: &Difference| match difference {
            Difference::OnlyInA { name } => format!("lacks {name}"),
            Difference::OnlyInB { name } => format!("has {name}"),
            Difference::Changed { name, changes } => format!("{name} {}", changes[0].path),
        };
        (found.equal, found.differences.iter().map(name).collect())
    }

    #[test]
    fn roots_that_it_must_trust_and_an_identity_of_its_own() {
        let roots = super::super::certificate::read_pem(PEM.as_bytes()).expect("certificates");
        let expected =
            Expected { secret: "default", trust_domain: None, path: "/ns/shop/sa/web", root_secret: "ROOTCA", roots: &roots };
        let trusts = json!([root("ROOTCA", PEM), root("file-root", PEM)]);
        assert_eq!(differences(&json!([]), &trusts, Some(&expected)), (1, vec!["lacks default".to_owned()]));
        let nothing = json!([root("ROOTCA", "")]);
        let found = differences(&json!([]), &nothing, Some(&expected)).1;
        assert_eq!(found, ["ROOTCA trusts[0]", "lacks default"]);
    }

    #[test]
    fn secrets_that_are_sent() {
        let sent = json!([root("gateway-ca", PEM)]);
        assert_eq!(differences(&sent, &sent, None), (1, Vec::new()));
        assert_eq!(differences(&sent, &json!([]), None), (0, vec!["lacks gateway-ca".to_owned()]));
    }
}
