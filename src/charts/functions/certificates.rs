//! Certificates and keys that charts make for themselves.
//!
//! Keys are ECDSA P-256 where sprig makes RSA of 2048 bits: as safe, and made in no time. Nobody can expect a certain
//! key here; kinds of keys that are asked for by name, and are not these, are refused.

use super::{Builtin, Context, Param::*, fixed, int, text};
use crate::charts::value::{Field, Struct, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use core::net::IpAddr;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PKCS_ED25519, SanType, SerialNumber,
};
use std::rc::Rc;

pub const TABLE: &[Builtin] = &[
    fixed("genPrivateKey", &[Str], |_, a| match text(a, 0) {
        "ecdsa" => Ok(Value::str(sec1(&pair()?)?)),
        "ed25519" => Ok(Value::str(KeyPair::generate_for(&PKCS_ED25519).map_err(failed)?.serialize_pem())),
        kind @ ("" | "rsa" | "dsa") => {
            let kind = if kind.is_empty() { "rsa" } else { kind };
            Err(format!("a key of the kind {kind} is not supported; make it outside, and give it to the chart as a value"))
        }
        kind => Ok(Value::str(format!("Unknown type {kind}"))),
    }),
    fixed("genCA", &[Str, Int], |c, a| authority(c, text(a, 0), int(a, 1), pair()?)),
    fixed("genCAWithKey", &[Str, Int, Str], |c, a| authority(c, text(a, 0), int(a, 1), given(text(a, 2))?)),
    fixed("genSelfSignedCert", &[Str, Any, Any, Int], |c, a| self_signed(c, a, pair()?)),
    fixed("genSelfSignedCertWithKey", &[Str, Any, Any, Int, Str], |c, a| self_signed(c, a, given(text(a, 4))?)),
    fixed("genSignedCert", &[Str, Any, Any, Int, Any], |c, a| signed(c, a, pair()?)),
    fixed("genSignedCertWithKey", &[Str, Any, Any, Int, Any, Str], |c, a| signed(c, a, given(text(a, 5))?)),
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

fn given(pem: &str) -> Result<KeyPair, String> {
    KeyPair::from_pem(pem).map_err(|e| format!("parsing private key: {e}; keys in PKCS#8 form (BEGIN PRIVATE KEY) are supported"))
}

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
    for ip in words(ips, "addresses")? {
        let ip: IpAddr = ip.parse().map_err(|_| format!("error parsing ip: {ip} is not a valid ip"))?;
        params.subject_alt_names.push(SanType::IpAddress(ip));
    }
    for name in words(names, "names")? {
        params.subject_alt_names.push(SanType::DnsName(name.try_into().map_err(failed)?));
    }
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

fn authority(context: &Context<'_>, name: &str, days: i64, key: KeyPair) -> Result<Value, String> {
    let mut params = base(context, name, &Value::Nil, &Value::Nil, days)?;
    params.key_usages.push(KeyUsagePurpose::KeyCertSign);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).map_err(failed)?;
    Ok(both(certificate.pem(), key.serialize_pem()))
}

fn self_signed(context: &Context<'_>, args: &[Value], key: KeyPair) -> Result<Value, String> {
    let params = base(context, text(args, 0), &args[1], &args[2], int(args, 3))?;
    let certificate = params.self_signed(&key).map_err(failed)?;
    Ok(both(certificate.pem(), key.serialize_pem()))
}

fn signed(context: &Context<'_>, args: &[Value], key: KeyPair) -> Result<Value, String> {
    let params = base(context, text(args, 0), &args[1], &args[2], int(args, 3))?;
    let part = |name| match &args[4] {
        Value::Struct(it) if it.type_name == TYPE => match it.get(name) {
            Some(Value::Str(text)) => Ok(text.to_string()),
            _ => Err("the authority holds no text".to_owned()),
        },
        other => Err(format!("wrong type for value; expected {TYPE}; got {}", other.type_name())),
    };
    let issuer = Issuer::from_ca_cert_pem(&part("Cert")?, given(&part("Key")?)?).map_err(failed)?;
    let certificate = params.signed_by(&key, &issuer).map_err(failed)?;
    Ok(both(certificate.pem(), key.serialize_pem()))
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
    let der = [SECRET, secret, CURVE, public].concat();
    let lines: Vec<String> =
        STANDARD.encode(der).as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    Ok(format!("-----BEGIN EC PRIVATE KEY-----\n{}\n-----END EC PRIVATE KEY-----\n", lines.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use x509_parser::prelude::FromDer;

    fn call(name: &str, args: &[Value]) -> Result<Value, String> {
        let now = jiff::Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC);
        let context = Context { now: &now, random: &|bytes| bytes.fill(7), lookup: &|_, _, _, _| Ok(Value::Nil) };
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
        assert_eq!(part(&again, "Key"), part(&authority, "Key"));
    }

    #[test]
    fn kinds_of_keys_are_made_or_refused() {
        let key =
            |kind: &str| call("genPrivateKey", &[Value::str(kind)]).map(|value| crate::charts::template::print::plain(&value));
        assert!(key("ecdsa").unwrap().starts_with("-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEI"));
        assert!(key("ed25519").unwrap().contains("BEGIN PRIVATE KEY"));
        assert_eq!(key("x").unwrap(), "Unknown type x");
        assert!(key("rsa").unwrap_err().contains("not supported"));
        assert!(call("genCAWithKey", &[Value::str("ca"), Value::Int(1), Value::str("none")]).is_err());
    }
}
