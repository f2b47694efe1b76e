//! Secrets: certificates and roots that the proxy holds. Private keys are never decoded.

use super::certificate::{self, Certificate};
use super::certs::Loaded;
use super::entry::{Boxed, Resource, Standing, State};
use super::field::Text;
use super::inline::Found;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Secret<'a> {
    #[serde(borrow)]
    pub name: Text<'a>,
    #[serde(borrow, alias = "tlsCertificate")]
    pub tls_certificate: Option<TlsCertificate<'a>>,
    #[serde(borrow, alias = "validationContext")]
    pub validation_context: Option<ValidationContext<'a>>,
    #[serde(alias = "genericSecret")]
    pub generic_secret: Option<IgnoredAny>,
    #[serde(alias = "sessionTicketKeys")]
    pub session_ticket_keys: Option<IgnoredAny>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct TlsCertificate<'a> {
    #[serde(borrow, alias = "certificateChain")]
    pub certificate_chain: DataSource<'a>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ValidationContext<'a> {
    #[serde(borrow, alias = "trustedCa")]
    pub trusted_ca: DataSource<'a>,
    #[serde(borrow, alias = "customValidatorConfig")]
    pub custom_validator_config: Validator<'a>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Validator<'a> {
    #[serde(borrow, alias = "typedConfig")]
    pub typed_config: Option<ValidatorConfig<'a>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ValidatorConfig<'a> {
    #[serde(borrow, alias = "trustDomains")]
    pub trust_domains: Vec<TrustDomain<'a>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct TrustDomain<'a> {
    #[serde(borrow)]
    pub name: Text<'a>,
    #[serde(borrow, alias = "trustBundle")]
    pub trust_bundle: DataSource<'a>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct DataSource<'a> {
    #[serde(borrow, alias = "inlineBytes")]
    pub inline_bytes: Text<'a>,
    #[serde(borrow, alias = "inlineString")]
    pub inline_string: Text<'a>,
    #[serde(borrow)]
    pub filename: Text<'a>,
}

impl DataSource<'_> {
    fn bytes(&self) -> Option<Cow<'_, [u8]>> {
        match (self.inline_bytes.some(), self.inline_string.some()) {
            // What can't be decoded is shown as a certificate that can't be read.
            (Some(text), _) => Some(Cow::Owned(STANDARD.decode(text).unwrap_or_default())),
            (None, Some(text)) => Some(Cow::Borrowed(text.as_bytes())),
            (None, None) => None,
        }
    }
}

/// A secret as it is shown; a bundle of several trust domains has a row for each.
#[derive(Clone, Debug, Serialize)]
pub struct Row<'r> {
    pub name: &'r str,
    /// `Cert Chain`, `CA`, or what else it is.
    #[serde(rename = "type", skip_serializing_if = "str::is_empty")]
    pub kind: &'static str,
    pub status: &'static str,
    /// `None` where nobody told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_left: Option<i64>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub trust_domain: String,
    /// The whole chain or bundle, as the proxy holds it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<Certificate>,
    /// Which of the roots that the proxy holds signed it, as far as names and key identifiers tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<Root>,
    /// Listeners and clusters, for one that was not discovered but stands in their configuration.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub used_by: &'r [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    #[serde(flatten)]
    pub standing: Standing<'r>,
}

/// A root among the secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Root {
    /// The secret that holds it.
    pub secret: String,
    pub subject: String,
    pub serial_number: String,
}

/// What a proxy has beside the secrets that it discovered.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    pub inline: Vec<Found>,
    pub loaded: Vec<Loaded>,
}

impl Beside {
    /// Whether the proxy has loaded a certificate that no discovered secret accounts for.
    pub fn has_more_than(&self, rows: &[Row<'_>]) -> bool {
        self.loaded.iter().any(|loaded| !is_held(rows, &loaded.certificate))
    }
}

fn is_held(rows: &[Row<'_>], certificate: &Certificate) -> bool {
    rows.iter()
        .flat_map(|row| &row.certificates)
        .any(|held| held.serial_number == certificate.serial_number && held.not_after == certificate.not_after)
}

/// Discovered secrets, then the certificates that stand in configuration, then those of which only the proxy's own list
/// tells; with the roots that signed them.
pub fn all<'r>(secrets: &'r [Boxed<'_, Secret<'_>>], beside: &'r Beside, now: Timestamp) -> Vec<Row<'r>> {
    let mut rows = rows(secrets, now);
    let mut inline: Vec<&Found> = beside.inline.iter().collect();
    inline.sort_by_key(|found| found.trusted);
    rows.extend(inline.into_iter().map(|found| found_row(found, &beside.loaded, now)));
    for loaded in &beside.loaded {
        if !is_held(&rows, &loaded.certificate) {
            let kind = if loaded.certificate.is_ca { "CA" } else { "Cert Chain" };
            rows.push(of_certificates(&loaded.path, kind, vec![loaded.certificate.clone()], now));
        }
    }
    let roots: Vec<Option<Root>> = rows.iter().map(|row| root_of(row, &rows)).collect();
    rows.iter_mut().zip(roots).for_each(|(row, root)| row.root = root);
    rows
}

fn found_row<'r>(found: &'r Found, loaded: &[Loaded], now: Timestamp) -> Row<'r> {
    let kind = if found.trusted { "CA" } else { "Cert Chain" };
    let mut certificates = found.certificates.clone();
    if certificates.is_empty() && found.problem.is_none() {
        let of_file = loaded.iter().filter(|one| one.path == found.path && one.certificate.is_ca == found.trusted);
        certificates.extend(of_file.map(|one| one.certificate.clone()));
    }
    Row { used_by: &found.used_by, problem: found.problem.clone(), ..of_certificates(&found.path, kind, certificates, now) }
}

fn of_certificates<'r>(name: &'r str, kind: &'static str, certificates: Vec<Certificate>, now: Timestamp) -> Row<'r> {
    let first = certificates.first();
    Row {
        name,
        kind,
        status: State::Active.name(),
        valid: first.map(|first| first.is_valid_at(now)),
        days_left: first.map(|first| first.days_left(now)),
        trust_domain: first.map(Certificate::trust_domain).unwrap_or_default().to_owned(),
        root: None,
        used_by: &[],
        problem: None,
        standing: Standing::default(),
        certificates,
    }
}

fn root_of(row: &Row<'_>, rows: &[Row<'_>]) -> Option<Root> {
    let last = row.certificates.last().filter(|_| row.kind == "Cert Chain")?;
    let roots = rows.iter().filter(|row| row.kind == "CA").flat_map(|row| row.certificates.iter().map(move |one| (row, one)));
    let (holder, root) = roots.into_iter().find(|(_, root)| *root == last || root.may_have_signed(last))?;
    let (secret, subject, serial_number) = (holder.name.to_owned(), root.subject.clone(), root.serial_number.clone());
    Some(Root { secret, subject, serial_number })
}

/// Warming secrets first, then the others as the proxy lists them.
pub fn rows<'r>(secrets: &'r [Boxed<'_, Secret<'_>>], now: Timestamp) -> Vec<Row<'r>> {
    let mut sorted: Vec<_> = secrets.iter().collect();
    sorted.sort_by_key(|secret| (secret.state == State::Static, secret.state != State::Warming));
    sorted.into_iter().flat_map(|secret| rows_of(secret, now)).collect()
}

fn rows_of<'r>(secret: &'r Resource<'_, Secret<'_>>, now: Timestamp) -> Vec<Row<'r>> {
    let value = &secret.value;
    let context = value.validation_context.as_ref();
    let chain = value.tls_certificate.as_ref().map(|tls| &tls.certificate_chain);
    let source = chain.filter(|source| source.bytes().is_some()).or_else(|| context.map(|context| &context.trusted_ca));
    let domains =
        context.and_then(|context| context.custom_validator_config.typed_config.as_ref()).map(|c| c.trust_domains.as_slice());
    let Some(bytes) = source.and_then(DataSource::bytes) else {
        return match domains {
            Some(domains) if !domains.is_empty() => {
                domains.iter().map(|domain| row(secret, domain.trust_bundle.bytes().as_deref(), &domain.name, now)).collect()
            }
            _ => vec![row(secret, None, "", now)],
        };
    };
    vec![row(secret, Some(&bytes), "", now)]
}

fn row<'r>(secret: &'r Resource<'_, Secret<'_>>, pem: Option<&[u8]>, trust_domain: &str, now: Timestamp) -> Row<'r> {
    let value = &secret.value;
    let (certificates, problem) = match pem.map(certificate::read_pem) {
        None => (Vec::new(), None),
        Some(Ok(certificates)) => (certificates, None),
        Some(Err(problem)) => (Vec::new(), Some(problem)),
    };
    let first = certificates.first();
    let kind = match first {
        Some(first) if first.is_ca => "CA",
        Some(_) => "Cert Chain",
        None if value.generic_secret.is_some() => "Generic",
        None if value.session_ticket_keys.is_some() => "Session Ticket Keys",
        None => "",
    };
    let trust_domain =
        if trust_domain.is_empty() { first.map(Certificate::trust_domain).unwrap_or_default() } else { trust_domain };
    Row {
        name: value.name.some().unwrap_or(&secret.name),
        kind,
        status: if &*secret.version == "uninitialized" { "UNINITIALIZED" } else { secret.state.name() },
        valid: Some(first.is_some_and(|first| first.is_valid_at(now))),
        days_left: first.map(|first| first.days_left(now)),
        trust_domain: trust_domain.to_owned(),
        root: None,
        used_by: &[],
        problem,
        standing: secret.standing(),
        certificates,
    }
}
