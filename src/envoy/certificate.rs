//! X.509 certificates: serial, validity, identity.

use jiff::Timestamp;
use serde::Serialize;
use std::fmt::Write;
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
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subject: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub issuer: String,
    /// URIs of the subject alternative name; a SPIFFE ID is one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub uris: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_names: Vec<String>,
    #[serde(skip)]
    valid: (i64, i64),
    /// Key identifiers: its own, and its issuer's.
    #[serde(skip)]
    keys: (String, String),
}

impl Certificate {
    /// One of which only this is known; what is no time has ended.
    pub fn told(serial: &str, [from, to]: [&str; 2], uris: Vec<String>, dns_names: Vec<String>, is_ca: bool) -> Self {
        let seconds = |text: &str| text.parse::<Timestamp>().map_or(0, Timestamp::as_second);
        Certificate {
            serial_number: format!("{:0>32}", serial.to_ascii_lowercase()),
            not_before: from.to_owned(),
            not_after: to.to_owned(),
            is_ca,
            subject: String::new(),
            issuer: String::new(),
            uris,
            dns_names,
            valid: (seconds(from), seconds(to)),
            keys: Default::default(),
        }
    }

    /// Whether it looks like the one that signed `other`: by names, and by key identifiers where both say them.
    pub fn may_have_signed(&self, other: &Certificate) -> bool {
        let (own, wanted) = (&self.keys.0, &other.keys.1);
        let keys = own.is_empty() || wanted.is_empty() || own == wanted;
        !self.subject.is_empty() && self.is_ca && self.subject == other.issuer && keys
    }

    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        let now = now.as_second();
        self.valid.0 < now && now < self.valid.1
    }

    pub fn seconds_left(&self, now: Timestamp) -> i64 {
        self.valid.1.saturating_sub(now.as_second())
    }

    pub fn age(&self, now: Timestamp) -> Age {
        let (left, life) = (self.seconds_left(now), self.valid.1.saturating_sub(self.valid.0));
        match left {
            ..=0 => Age::Expired,
            _ if now.as_second() < self.valid.0 => Age::NotYet,
            _ if left < life / LATE && left < DAYS * 86_400 => Age::Ending,
            _ => Age::Fine,
        }
    }

    /// Whole days until it expires; negative since it did.
    pub fn days_left(&self, now: Timestamp) -> i64 {
        self.valid.1.saturating_sub(now.as_second()).div_euclid(86_400)
    }

    /// Whole days from its first to its last.
    pub fn days_of_life(&self) -> i64 {
        self.valid.1.saturating_sub(self.valid.0).div_euclid(86_400)
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

/// How a certificate stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    NotYet,
    Fine,
    /// Short before its end: one that lives for days is renewed by itself long before.
    Ending,
    Expired,
}

/// A certificate has this share of its life left when it is told that it ends.
const LATE: i64 = 10;
/// One that lives longer is renewed by people, who need time.
const DAYS: i64 = 30;

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
        keys: Default::default(),
    };
    for extension in x509.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(key) => certificate.keys.0 = hex(key.0),
            ParsedExtension::AuthorityKeyIdentifier(key) => {
                certificate.keys.1 = key.key_identifier.as_ref().map(|key| hex(key.0)).unwrap_or_default();
            }
            _ => {}
        }
    }
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
