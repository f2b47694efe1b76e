//! Certificates for a mesh whose user brings none, and a look at those that he brings: ECDSA P-256, which proxies verify
//! fastest and every mesh takes.

use crate::charts::plan::PrivateKey;
use crate::envoy::certificate;
use jiff::{Timestamp, ToSpan};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use x509_parser::pem::Pem;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::time::ASN1Time;

/// Clocks of a cluster differ by a little.
const EARLIER: u64 = 300;

pub struct Pair {
    /// PEM.
    pub certificate: String,
    pub key: PrivateKey,
}

/// A root that signs while this program runs; nobody keeps its key.
pub struct Authority {
    pub certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

fn failed(error: &rcgen::Error) -> String {
    format!("can't make a certificate: {error}")
}

fn params(name: &str, hosts: Vec<String>, now: Timestamp, until: Timestamp) -> Result<CertificateParams, String> {
    let mut params = CertificateParams::new(hosts).map_err(|e| failed(&e))?;
    let at = |time: Timestamp, earlier: u64| {
        let seconds = u64::try_from(time.as_second()).unwrap_or(0);
        date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(seconds.saturating_sub(earlier))
    };
    (params.not_before, params.not_after) = (at(now, EARLIER), at(until, 0));
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}

/// So many years from now, by the calendar.
pub fn after(now: Timestamp, years: u16) -> Timestamp {
    let later = now.to_zoned(jiff::tz::TimeZone::UTC).checked_add(i64::from(years).years());
    later.map_or(now, |later| later.timestamp())
}

fn authority_params(name: &str, below: u8, now: Timestamp, until: Timestamp) -> Result<CertificateParams, String> {
    let mut params = params(name, vec![name.to_owned()], now, until)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(below));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

impl Authority {
    pub fn new(name: &str, now: Timestamp, until: Timestamp) -> Result<Authority, String> {
        let key = KeyPair::generate().map_err(|e| failed(&e))?;
        let params = authority_params(name, 1, now, until)?;
        let certificate = params.self_signed(&key).map_err(|e| failed(&e))?.pem();
        Ok(Authority { certificate, issuer: Issuer::new(params, key) })
    }

    /// One that signs for others in turn.
    pub fn intermediate(&self, name: &str, now: Timestamp, until: Timestamp) -> Result<Pair, String> {
        let key = KeyPair::generate().map_err(|e| failed(&e))?;
        let mut params = authority_params(name, 0, now, until)?;
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer).map_err(|e| failed(&e))?.pem();
        Ok(Pair { certificate, key: PrivateKey::new(key.serialize_pem()) })
    }
}

/// For a server that is told to its clients as it is.
pub fn serving(host: &str, now: Timestamp, until: Timestamp) -> Result<Pair, String> {
    let key = KeyPair::generate().map_err(|e| failed(&e))?;
    let mut params = params(host, vec![host.to_owned()], now, until)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = params.self_signed(&key).map_err(|e| failed(&e))?.pem();
    Ok(Pair { certificate, key: PrivateKey::new(key.serialize_pem()) })
}

/// Whether this issuer, with this key, signs what these anchors let pass; or why not.
pub fn is_chain(anchors: &str, issuer: &str, now: Timestamp) -> Result<(), String> {
    let about = certificate::read_pem(issuer.as_bytes()).map_err(|e| format!("the issuer can't be read: {e}"))?;
    let about = about.first().ok_or("the issuer's file holds no certificate")?;
    if !about.is_valid_at(now) {
        return Err(format!("the issuer is valid from {} until {}, which is not now", about.not_before, about.not_after));
    }
    let issuers = ders(issuer)?;
    let issuer = x509(issuers.first().ok_or("the issuer's file holds no certificate")?)?;
    if !issuer.is_ca() {
        return Err("the issuer is no certificate authority (its basic constraints say so)".to_owned());
    }
    // An identity service signs by this one curve and digest.
    if issuer.public_key().subject_public_key.data.len() != 65 {
        return Err("the issuer's key is not ECDSA P-256".to_owned());
    }
    let roots = ders(anchors)?;
    if roots.is_empty() {
        return Err("the file of trust anchors holds no certificate".to_owned());
    }
    for root in &roots {
        let root = x509(root)?;
        if issuer.verify_signature(Some(root.public_key())).is_ok() && issuer.issuer() == root.subject() {
            let time = ASN1Time::from_timestamp(now.as_second());
            return if time.is_ok_and(|time| root.validity().is_valid_at(time)) {
                Ok(())
            } else {
                Err("the trust anchor that signed the issuer is not valid now".to_owned())
            };
        }
    }
    Err("none of the trust anchors signed the issuer".to_owned())
}

/// Whether the key is that of the certificate.
pub fn fits(key: &PrivateKey, certificate: &str) -> Result<(), String> {
    let pem = Pem::iter_from_buffer(key.expose().as_bytes()).find_map(Result::ok).ok_or("the key's file holds no PEM")?;
    if !pem.label.ends_with("PRIVATE KEY") || pem.label.starts_with("ENCRYPTED") {
        return Err(format!("the key's file holds a {}, not a plain private key", pem.label));
    }
    // SEC 1 and PKCS #8 both hold it as this: version 1, then 32 bytes.
    const MARK: [u8; 5] = [2, 1, 1, 4, 32];
    let from = pem.contents.windows(MARK.len()).position(|window| window == MARK).map(|at| at + MARK.len());
    let scalar = from.and_then(|from| pem.contents.get(from..from + 32)).ok_or("the key is not ECDSA P-256")?;
    let certificates = ders(certificate)?;
    let certificate = x509(certificates.first().ok_or("there is no certificate beside the key")?)?;
    let public = &certificate.public_key().subject_public_key.data;
    let pair =
        EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_ASN1_SIGNING, scalar, public, &SystemRandom::new());
    pair.map(|_| ()).map_err(|_| "the key is not that of the certificate".to_owned())
}

fn ders(pem: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut all = Vec::new();
    for pem in Pem::iter_from_buffer(pem.as_bytes()) {
        let pem = pem.map_err(|e| format!("it is no PEM: {e}"))?;
        if pem.label == "CERTIFICATE" {
            all.push(pem.contents);
        }
    }
    Ok(all)
}

fn x509(der: &[u8]) -> Result<X509Certificate<'_>, String> {
    X509Certificate::from_der(der).map(|(_, certificate)| certificate).map_err(|e| format!("a certificate can't be read: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_second(1_790_000_000).unwrap()
    }

    #[test]
    fn an_issuer_is_of_its_anchor_and_of_no_other() {
        let (now, later) = (now(), after(now(), 1));
        let anchor = Authority::new("root.a", now, after(now, 10)).unwrap();
        let issuer = anchor.intermediate("identity.a", now, later).unwrap();
        assert_eq!(is_chain(&anchor.certificate, &issuer.certificate, now), Ok(()));
        let other = Authority::new("root.a", now, later).unwrap();
        assert!(is_chain(&other.certificate, &issuer.certificate, now).unwrap_err().contains("none of the trust anchors"));
        let both = format!("{}{}", other.certificate, anchor.certificate);
        assert_eq!(is_chain(&both, &issuer.certificate, now), Ok(()), "a bundle of old and new");
        let past = after(now, 2);
        assert!(is_chain(&anchor.certificate, &issuer.certificate, past).unwrap_err().contains("which is not now"));
        let leaf = serving("a.b.svc", now, later).unwrap();
        assert!(is_chain(&leaf.certificate, &leaf.certificate, now).unwrap_err().contains("no certificate authority"));
        assert!(is_chain("", &issuer.certificate, now).is_err() && is_chain(&both, "x", now).is_err());
        let read = certificate::read_pem(issuer.certificate.as_bytes()).unwrap();
        assert_eq!(read[0].days_of_life(), 365);
    }

    #[test]
    fn a_key_is_known_by_its_certificate() {
        let one = serving("a", now(), after(now(), 1)).unwrap();
        let two = serving("a", now(), after(now(), 1)).unwrap();
        assert_eq!(fits(&one.key, &one.certificate), Ok(()));
        assert!(fits(&one.key, &two.certificate).unwrap_err().contains("not that of the certificate"));
        assert!(fits(&PrivateKey::new(one.certificate.clone()), &one.certificate).unwrap_err().contains("CERTIFICATE"));
        assert!(fits(&PrivateKey::new(String::new()), &one.certificate).is_err());
        assert_eq!(format!("{:?}", one.key), "PrivateKey(…)", "not even by mistake");
    }
}
