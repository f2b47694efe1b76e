//! Certificates and keys that charts make for themselves.
//!
//! Certificates get keys of ECDSA P-256 where sprig makes RSA of 2048 bits: as safe, and made in no time, where Cilium's
//! charts would take longer than in Helm. Nobody can expect a certain key there; who names a kind of key gets it.

use super::{Builtin, Context, Param::*, fixed, int, text};
use crate::charts::value::{Field, Struct, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use core::net::IpAddr;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PKCS_RSA_SHA256, SanType, SerialNumber,
};
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use std::rc::Rc;

pub const TABLE: &[Builtin] = &[
    fixed("genPrivateKey", &[Str], |c, a| match text(a, 0) {
        "ecdsa" => Ok(Value::str(sec1(&pair()?)?)),
        "ed25519" => Ok(Value::str(KeyPair::generate_for(&PKCS_ED25519).map_err(failed)?.serialize_pem())),
        "" | "rsa" => Ok(Value::str(rsa_key(c)?)),
        kind @ "dsa" => {
            Err(format!("a key of the kind {kind} is not supported; make it outside, and give it to the chart as a value"))
        }
        kind => Ok(Value::str(format!("Unknown type {kind}"))),
    }),
    fixed("genCA", &[Str, Int], |c, a| authority(c, text(a, 0), int(a, 1), &Key::new()?)),
    fixed("genCAWithKey", &[Str, Int, Str], |c, a| authority(c, text(a, 0), int(a, 1), &Key::given(text(a, 2))?)),
    fixed("genSelfSignedCert", &[Str, Any, Any, Int], |c, a| self_signed(c, a, &Key::new()?)),
    fixed("genSelfSignedCertWithKey", &[Str, Any, Any, Int, Str], |c, a| self_signed(c, a, &Key::given(text(a, 4))?)),
    fixed("genSignedCert", &[Str, Any, Any, Int, Any], |c, a| signed(c, a, &Key::new()?)),
    fixed("genSignedCertWithKey", &[Str, Any, Any, Int, Any, Str], |c, a| signed(c, a, &Key::given(text(a, 5))?)),
    fixed("buildCustomCert", &[Str, Str], |_, a| {
        let decode = |i: usize, what: &str| {
            let bytes = STANDARD.decode(text(a, i)).map_err(|_| format!("unable to decode base64 {what}"))?;
            String::from_utf8(bytes).map_err(|_| format!("the {what} is no text"))
        };
        let (certificate, key) = (decode(0, "certificate")?, decode(1, "private key")?);
        let parsed = x509_parser::pem::parse_x509_pem(certificate.as_bytes()).map_err(|_| "unable to decode certificate")?.1;
        parsed.parse_x509().map_err(|e| format!("error parsing certificate: {e}"))?;
        if x509_parser::pem::parse_x509_pem(key.as_bytes()).map_or(true, |(_, pem)| !pem.label.ends_with("PRIVATE KEY")) {
            return Err("error parsing private key: no PEM data in input".to_owned());
        }
        Ok(both(certificate, key))
    }),
];

const TYPE: &str = "sprig.certificate";
/// No certificate is valid for longer than this.
const DAYS: i64 = 36_525 * 10;

fn failed(error: rcgen::Error) -> String {
    error.to_string()
}

fn pair() -> Result<KeyPair, String> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)
}

/// A key, and its PEM in the form that sprig gives to its kind.
struct Key {
    pair: KeyPair,
    pem: String,
}

impl Key {
    fn new() -> Result<Key, String> {
        let pair = pair()?;
        Ok(Key { pem: pair.serialize_pem(), pair })
    }

    fn given(text: &str) -> Result<Key, String> {
        let wrong = |e: String| format!("parsing private key: {e}");
        let block = x509_parser::pem::parse_x509_pem(text.as_bytes());
        let (_, block) = block.map_err(|_| wrong("no PEM data in input".to_owned()))?;
        let pkcs8 = match block.label.as_str() {
            "RSA PRIVATE KEY" => pkcs8(RSA, &block.contents),
            "EC PRIVATE KEY" => {
                let curve = [P256, P384].into_iter().find(|curve| block.contents.windows(curve.len()).any(|at| at == *curve));
                let curve = curve.ok_or_else(|| wrong("its curve is not supported".to_owned()))?;
                pkcs8(&[EC, curve].concat(), &block.contents)
            }
            "PRIVATE KEY" => block.contents.clone(),
            label => return Err(wrong(format!("no private key data in PEM block of type {label}"))),
        };
        let pair = KeyPair::try_from(pkcs8.as_slice()).map_err(|e| wrong(e.to_string()))?;
        let pem = match block.label.as_str() {
            "PRIVATE KEY" if pair.is_compatible(&PKCS_RSA_SHA256) => {
                pem("RSA PRIVATE KEY", &inner(&pkcs8).ok_or_else(|| wrong("it is damaged".to_owned()))?)
            }
            "PRIVATE KEY" if pair.is_compatible(&PKCS_ECDSA_P256_SHA256) => sec1(&pair)?,
            "PRIVATE KEY" => pair.serialize_pem(),
            label => pem(label, &block.contents),
        };
        Ok(Key { pair, pem })
    }
}

const RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
const EC: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// An element of DER.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    let head = match content.len() {
        short @ 0..128 => vec![tag, short as u8],
        _ => [&[tag, 0x80 | length.len() as u8], length].concat(),
    };
    [head.as_slice(), content].concat()
}

/// A key of a kind's own form in the form that is the same for all.
fn pkcs8(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let parts = [der(INTEGER, &[0]), der(SEQUENCE, algorithm), der(OCTETS, key)];
    der(SEQUENCE, &parts.concat())
}

/// The kind's own form again.
fn inner(pkcs8: &[u8]) -> Option<Vec<u8>> {
    let (_, whole) = x509_parser::der_parser::der::parse_der_recursive(pkcs8, 4).ok()?;
    Some(whole.as_sequence().ok()?.get(2)?.as_slice().ok()?.to_vec())
}

/// A new RSA key in its own form, as long as sprig makes it.
fn rsa_key(context: &Context<'_>) -> Result<String, String> {
    let failed = || "an RSA key can't be made".to_owned();
    let key = rsa::PrivateKey::new(&mut Random(context), 4096).map_err(|e| format!("failed to generate private key: {e}"))?;
    let [p, q] = key.primes() else { return Err(failed()) };
    let (p, q) = (p.to_be_bytes(), q.to_be_bytes());
    let factor = key.crt_coefficient().ok_or_else(failed)?.to_be_bytes();
    let (dp, dq) = (key.dp().ok_or_else(failed)?.to_be_bytes(), key.dq().ok_or_else(failed)?.to_be_bytes());
    let (n, e, d) = (key.n().to_be_bytes(), key.e().to_be_bytes(), key.d().to_be_bytes());
    let mut parts = der(INTEGER, &[0]);
    for number in [n, e, d, p, q, dp, dq, factor] {
        let zeros = number.iter().take_while(|byte| **byte == 0).count();
        // One zero before what would be negative.
        let positive = if number.get(zeros).is_none_or(|byte| *byte >= 0x80) { vec![0] } else { Vec::new() };
        parts.extend(der(INTEGER, &[positive.as_slice(), &number[zeros..]].concat()));
    }
    Ok(pem("RSA PRIVATE KEY", &der(SEQUENCE, &parts)))
}

/// Random numbers as that crate wants them.
struct Random<'a>(&'a Context<'a>);

impl rsa::rand_core::TryRng for Random<'_> {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        (self.0.random)(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        (self.0.random)(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        (self.0.random)(bytes);
        Ok(())
    }
}

impl rsa::rand_core::TryCryptoRng for Random<'_> {}

fn both(certificate: String, key: String) -> Value {
    let field = |name, value: String| Field { name, key: name, omit_empty: false, value: Value::str(value) };
    let fields = vec![field("Cert", certificate), field("Key", key)];
    Value::Struct(Rc::new(Struct { type_name: TYPE, string: None, fields, methods: Vec::new() }))
}

fn base(context: &Context<'_>, name: &str, ips: &Value, names: &Value, days: i64) -> Result<CertificateParams, String> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    let words = |value: &Value, what: &str| match value {
        Value::Nil => Ok(Vec::new()),
        Value::List(list) => list
            .items
            .iter()
            .map(|item| if let Value::Str(text) = item { Ok(text.to_string()) } else { Err(format!("{what} are no texts")) })
            .collect(),
        other => Err(format!("{what} are {} and no list", other.type_name())),
    };
    let parsed = words(ips, "addresses")?.into_iter().map(|ip| {
        let parsed: Result<IpAddr, _> = ip.parse();
        parsed.map(SanType::IpAddress).map_err(|_| format!("error parsing ip: {ip} is not a valid ip"))
    });
    let parsed = parsed.collect::<Result<Vec<_>, _>>()?;
    for name in words(names, "names")? {
        params.subject_alt_names.push(SanType::DnsName(name.try_into().map_err(failed)?));
    }
    params.subject_alt_names.extend(parsed);
    let mut serial = [0; 16];
    (context.random)(&mut serial);
    serial[0] &= 0x7f;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    let at = |seconds: i64| time::OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| "the time is out of range".to_owned());
    let now = context.now.timestamp().as_second();
    params.not_before = at(now)?;
    params.not_after = at(now + days.clamp(-DAYS, DAYS) * 86_400)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.is_ca = IsCa::ExplicitNoCa;
    Ok(params)
}

fn authority(context: &Context<'_>, name: &str, days: i64, key: &Key) -> Result<Value, String> {
    let mut params = base(context, name, &Value::Nil, &Value::Nil, days)?;
    params.key_usages.push(KeyUsagePurpose::KeyCertSign);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key.pair).map_err(failed)?;
    Ok(both(certificate.pem(), key.pem.clone()))
}

fn self_signed(context: &Context<'_>, args: &[Value], key: &Key) -> Result<Value, String> {
    let params = base(context, text(args, 0), &args[1], &args[2], int(args, 3))?;
    let certificate = params.self_signed(&key.pair).map_err(failed)?;
    Ok(both(certificate.pem(), key.pem.clone()))
}

fn signed(context: &Context<'_>, args: &[Value], key: &Key) -> Result<Value, String> {
    let mut params = base(context, text(args, 0), &args[1], &args[2], int(args, 3))?;
    params.use_authority_key_identifier_extension = true;
    let part = |name| match &args[4] {
        Value::Struct(it) if it.type_name == TYPE => match it.get(name) {
            Some(Value::Str(text)) => Ok(text.to_string()),
            _ => Err("the authority holds no text".to_owned()),
        },
        other => Err(format!("wrong type for value; expected {TYPE}; got {}", other.type_name())),
    };
    let issuer = Issuer::from_ca_cert_pem(&part("Cert")?, Key::given(&part("Key")?)?.pair).map_err(failed)?;
    let certificate = params.signed_by(&key.pair, &issuer).map_err(failed)?;
    Ok(both(certificate.pem(), key.pem.clone()))
}

/// The older form of a P-256 key, `BEGIN EC PRIVATE KEY`, as Go writes it.
fn sec1(key: &KeyPair) -> Result<String, String> {
    const SECRET: &[u8] = &[0x30, 0x77, 0x02, 0x01, 0x01, 0x04, 0x20];
    const CURVE: &[u8] = &[0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0xa1, 0x44, 0x03, 0x42, 0x00];
    let pkcs8 = key.serialize_der();
    let inner = [0x02, 0x01, 0x01, 0x04, 0x20];
    let at = pkcs8.windows(inner.len()).position(|window| window == inner).map(|at| at + inner.len());
    let secret = at.and_then(|at| pkcs8.get(at..at + 32)).ok_or("the key has an unknown form")?;
    let public = pkcs8
        .get(pkcs8.len().saturating_sub(65)..)
        .filter(|point| point.first() == Some(&4))
        .ok_or("the key has an unknown form")?;
    Ok(pem("EC PRIVATE KEY", &[SECRET, secret, CURVE, public].concat()))
}

fn pem(label: &str, der: &[u8]) -> String {
    let lines: Vec<String> =
        STANDARD.encode(der).as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use x509_parser::prelude::FromDer;

    fn random(bytes: &mut [u8]) {
        ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), bytes).expect("random bytes");
    }

    fn call(name: &str, args: &[Value]) -> Result<Value, String> {
        let now = jiff::Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC);
        let context = Context { now: &now, random: &random, lookup: &|_, _, _, _| Ok(Value::Nil) };
        let builtin = TABLE.iter().find(|builtin| builtin.name == name).expect("a function");
        let crate::charts::functions::Kind::Plain(run) = builtin.kind else { panic!("no plain function") };
        run(&context, args)
    }

    fn part(value: &Value, name: &str) -> String {
        let Value::Struct(it) = value else { panic!("no certificate") };
        crate::charts::template::print::plain(it.get(name).expect("a field"))
    }

    #[test]
    fn an_authority_signs_what_is_checked_against_it() {
        let strings = |all: &[&str]| Value::list(all.iter().map(|text| Value::str(*text)).collect());
        let authority = call("genCA", &[Value::str("ca"), Value::Int(365)]).unwrap();
        let args = [Value::str("web"), strings(&["10.0.0.1"]), strings(&["web.shop.svc"]), Value::Int(30), authority.clone()];
        let signed = call("genSignedCert", &args).unwrap();
        let der = |value: &Value| x509_parser::pem::parse_x509_pem(part(value, "Cert").as_bytes()).unwrap().1.contents;
        let (ca, leaf) = (der(&authority), der(&signed));
        let ca = x509_parser::prelude::X509Certificate::from_der(&ca).unwrap().1;
        let leaf = x509_parser::prelude::X509Certificate::from_der(&leaf).unwrap().1;
        assert!(ca.is_ca() && !leaf.is_ca());
        assert_eq!(leaf.issuer(), ca.subject());
        assert_eq!(leaf.validity().not_after.timestamp() - leaf.validity().not_before.timestamp(), 30 * 86_400);
        assert_eq!(leaf.subject_alternative_name().unwrap().unwrap().value.general_names.len(), 2);
        assert!(part(&signed, "Key").starts_with("-----BEGIN PRIVATE KEY-----"));
        let again = call("genCAWithKey", &[Value::str("ca"), Value::Int(1), Value::str(part(&authority, "Key"))]).unwrap();
        assert!(part(&again, "Key").starts_with("-----BEGIN EC PRIVATE KEY-----"), "as sprig gives it back");
        assert!(leaf.iter_extensions().any(|it| it.oid == x509_parser::oid_registry::OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER));
    }

    #[test]
    fn kinds_of_keys_are_made_or_refused() {
        let key =
            |kind: &str| call("genPrivateKey", &[Value::str(kind)]).map(|value| crate::charts::template::print::plain(&value));
        assert!(key("ecdsa").unwrap().starts_with("-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEI"));
        assert!(key("ed25519").unwrap().contains("BEGIN PRIVATE KEY"));
        assert_eq!(key("x").unwrap(), "Unknown type x");
        assert!(key("dsa").unwrap_err().contains("not supported"));
        let rsa = key("").unwrap();
        assert!(rsa.starts_with("-----BEGIN RSA PRIVATE KEY-----\nMIIJ"), "4096 bits");
        // What it is used for: ring checks each part of it, and that it signs.
        let ca = call("genCAWithKey", &[Value::str("ca"), Value::Int(1), Value::str(rsa.as_str())]).unwrap();
        assert_eq!(part(&ca, "Key"), rsa);
        let wrapped = Key::given(&rsa).unwrap().pair.serialize_pem();
        assert!(wrapped.starts_with("-----BEGIN PRIVATE KEY-----"));
        assert_eq!(Key::given(&wrapped).unwrap().pem, rsa);
        let leaf = call("genSignedCert", &[Value::str("web"), Value::Nil, Value::Nil, Value::Int(1), ca]).unwrap();
        let der = x509_parser::pem::parse_x509_pem(part(&leaf, "Cert").as_bytes()).unwrap().1.contents;
        let leaf = x509_parser::prelude::X509Certificate::from_der(&der).unwrap().1;
        assert_eq!(leaf.signature_algorithm.algorithm, x509_parser::oid_registry::OID_PKCS1_SHA256WITHRSA);
        let ec = key("ecdsa").unwrap();
        assert_eq!(Key::given(&ec).unwrap().pem, ec);
        assert!(call("genCAWithKey", &[Value::str("ca"), Value::Int(1), Value::str("none")]).is_err());
    }
}
