//! X.509 certificates: serial, validity, identity.

use jiff::Timestamp;
use serde::Serialize;
use std::fmt::Write;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::pem::Pem;
use x509_parser::time::ASN1Time;

/// What is told of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Certificate {
    /// Hexadecimal, at least 32 digits.
    pub serial_number: String,
    pub not_before: String,
    pub not_after: String,
    pub is_ca: bool,
    pub subject: String,
    pub issuer: String,
    /// URIs of the subject alternative name; a SPIFFE ID is one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub uris: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_names: Vec<String>,
    #[serde(skip)]
    valid: (i64, i64),
    /// Which key it holds and which one signed it, as it says itself.
    #[serde(skip)]
    keys: (String, String),
}

impl Certificate {
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        let now = now.as_second();
        self.valid.0 < now && now < self.valid.1
    }

    /// Whole days until it expires; negative since it did.
    pub fn days_left(&self, now: Timestamp) -> i64 {
        self.valid.1.saturating_sub(now.as_second()).div_euclid(86_400)
    }

    /// Whole days from its first to its last.
    pub fn days_of_life(&self) -> i64 {
        self.valid.1.saturating_sub(self.valid.0).div_euclid(86_400)
    }

    pub fn ends(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.valid.1).ok()
    }

    pub fn begins(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.valid.0).ok()
    }

    /// As far as both tell: by name, and by key where both name it, for names are often the same after a rotation.
    pub fn may_be_signed_by(&self, other: &Certificate) -> bool {
        let (signer, key) = (&self.keys.1, &other.keys.0);
        self.issuer == other.subject && (signer.is_empty() || key.is_empty() || signer == key)
    }

    pub fn spiffe_id(&self) -> Option<&str> {
        self.uris.iter().rev().find(|uri| uri.starts_with("spiffe://")).map(String::as_str)
    }

    /// Of its SPIFFE ID.
    pub fn trust_domain(&self) -> &str {
        let path = self.spiffe_id().and_then(|id| id.strip_prefix("spiffe://")).unwrap_or_default();
        path.split(['/', '?', '#']).next().unwrap_or_default()
    }
}

/// All certificates of a PEM text, in order. A later one that can't be read ends the list; the first must be good.
pub fn read_pem(text: &[u8]) -> Result<Vec<Certificate>, String> {
    let mut certificates = Vec::new();
    for block in Pem::iter_from_buffer(text) {
        match block.map_err(|e| e.to_string()).and_then(|block| read_der(&block.contents)) {
            Ok(certificate) => certificates.push(certificate),
            Err(problem) if certificates.is_empty() => return Err(problem),
            Err(_) => break,
        }
    }
    if certificates.is_empty() { Err("it has no certificate in PEM form".to_owned()) } else { Ok(certificates) }
}

fn read_der(der: &[u8]) -> Result<Certificate, String> {
    let (_, x509) = x509_parser::parse_x509_certificate(der).map_err(|e| e.to_string())?;
    let mut certificate = Certificate {
        serial_number: format!("{:0>32}", hex(x509.raw_serial())),
        not_before: rfc3339(x509.validity().not_before),
        not_after: rfc3339(x509.validity().not_after),
        is_ca: x509.is_ca(),
        subject: x509.subject().to_string(),
        issuer: x509.issuer().to_string(),
        uris: Vec::new(),
        dns_names: Vec::new(),
        valid: (x509.validity().not_before.timestamp(), x509.validity().not_after.timestamp()),
        keys: keys(&x509),
    };
    // An alternative name that can't be read leaves the rest of the certificate worth telling.
    if let Ok(Some(names)) = x509.subject_alternative_name() {
        for name in &names.value.general_names {
            match name {
                GeneralName::URI(uri) => certificate.uris.push((*uri).to_owned()),
                GeneralName::DNSName(name) => certificate.dns_names.push((*name).to_owned()),
                _ => {}
            }
        }
    }
    Ok(certificate)
}

fn keys(x509: &X509Certificate<'_>) -> (String, String) {
    let mut keys = (String::new(), String::new());
    for extension in x509.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(key) => keys.0 = hex(key.0),
            ParsedExtension::AuthorityKeyIdentifier(signer) => {
                keys.1 = signer.key_identifier.as_ref().map(|key| hex(key.0)).unwrap_or_default();
            }
            _ => {}
        }
    }
    keys
}

/// Without leading zeros, as a number is written.
fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text.trim_start_matches('0').to_owned()
}

fn rfc3339(time: ASN1Time) -> String {
    // A year beyond 9999 is not ours to judge; the seconds are still true.
    Timestamp::from_second(time.timestamp()).map_or_else(|_| format!("@{}", time.timestamp()), |time| time.to_string())
}
