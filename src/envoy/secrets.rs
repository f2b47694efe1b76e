//! Secrets: certificates and roots that the proxy holds. Private keys are never decoded.

use super::certificate::{self, Certificate};
use super::entry::{Resource, Standing};
use super::field::Text;
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
    pub valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_left: Option<i64>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub trust_domain: String,
    /// The whole chain or bundle, as the proxy holds it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<Certificate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    #[serde(flatten)]
    pub standing: Standing<'r>,
}

/// Warming secrets first, then the others as the proxy lists them.
pub fn rows<'r>(secrets: &'r [Resource<'_, Secret<'_>>], now: Timestamp) -> Vec<Row<'r>> {
    let mut sorted: Vec<_> = secrets.iter().collect();
    sorted.sort_by_key(|secret| (secret.state == super::State::Static, secret.state != super::State::Warming));
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
        valid: first.is_some_and(|first| first.is_valid_at(now)),
        days_left: first.map(|first| first.days_left(now)),
        trust_domain: trust_domain.to_owned(),
        problem,
        standing: secret.standing(),
        certificates,
    }
}
