//! Provenance of packed charts: who signed an archive, by the OpenPGP message beside it (`.prov`).
//!
//! Checking only, and only what signatures of charts need of OpenPGP: keys and signatures of version 4, RSA of 2048 bits
//! and more, Ed25519, and ECDSA with the curve's own hash. The arithmetic is ring's. Whatever else there is, is
//! refused: never is anything called verified that isn't.

mod armor;
mod keys;
mod packets;

use crate::charts::value::Value;
use crate::charts::yaml::load;
use keys::{Certificate, Signer, signers};
use packets::{Fault, SIGNATURE, Signature, packets};

/// Public keys that are trusted.
pub struct Keyring(Vec<Certificate>);

/// Who signed an archive.
#[derive(Clone, Debug, PartialEq)]
pub struct Signed {
    /// Names of the key, the main one first.
    pub by: Vec<String>,
    /// Of its owner's main key, in hexadecimal.
    pub fingerprint: String,
    /// When, in seconds since 1970.
    pub at: i64,
}

/// Why an archive is not taken.
#[derive(Debug, PartialEq)]
pub enum Refusal {
    /// It can't be read, in these words.
    Unreadable(String),
    /// No key of the keyring has this id and may sign.
    UnknownKey(String),
    /// The message is not what was signed.
    BadSignature,
    /// Kinds of keys and hashes that are not known here.
    Unsupported(String),
    /// It was fine once.
    Ended(String),
    /// It is about other archives.
    NotNamed(Vec<String>),
    /// It names this checksum.
    OtherDigest(String),
}

impl Keyring {
    /// A keyring as `gpg --export` writes it, armored or not.
    pub fn read(bytes: &[u8]) -> Result<Keyring, String> {
        let armored = std::str::from_utf8(bytes).ok().filter(|text| text.contains("-----BEGIN PGP"));
        let bytes = match armored {
            Some(text) => &armor::keys(text)?,
            None => bytes,
        };
        if bytes.get(8..12) == Some(b"KBXf") {
            return Err("it is a keybox, which is GnuPG's own".to_owned());
        }
        let all = keys::certificates(bytes).ok_or("it is no keyring")?;
        if all.is_empty() { Err("it holds no key that can be read".to_owned()) } else { Ok(Keyring(all)) }
    }

    /// Names of its keys.
    pub fn names(&self) -> Vec<String> {
        self.0.iter().filter_map(|certificate| certificate.called().into_iter().next()).collect()
    }

    /// Whether a key of this ring says that the archive called `file` has this SHA-256.
    pub fn check(&self, provenance: &[u8], file: &str, digest: &str, now: i64) -> Result<Signed, Refusal> {
        let text = std::str::from_utf8(provenance).map_err(|_| Refusal::Unreadable("it is no text".to_owned()))?;
        let message = armor::message(text).map_err(|why| Refusal::Unreadable(why.to_owned()))?;
        let signed = self.signed(&message, now)?;
        let files = files(&message.text)?;
        match files.iter().find(|(name, _)| name == file) {
            None => Err(Refusal::NotNamed(files.into_iter().map(|(name, _)| name).collect())),
            Some((_, sum)) if *sum == format!("sha256:{digest}") => Ok(signed),
            Some((_, sum)) => Err(Refusal::OtherDigest(sum.clone())),
        }
    }

    fn signed(&self, message: &armor::Message, now: i64) -> Result<Signed, Refusal> {
        let damaged = || Refusal::Unreadable("its signature is damaged or of an unknown form".to_owned());
        let all = packets(&message.signature).ok_or_else(damaged)?;
        let mut unknown = None;
        for (tag, body) in all {
            let signature = Some(body).filter(|_| tag == SIGNATURE).and_then(Signature::read).ok_or_else(damaged)?;
            let issuer = signature.issuer.ok_or_else(damaged)?;
            let known = signers(&self.0, issuer);
            if known.is_empty() {
                unknown.get_or_insert(Refusal::UnknownKey(format!("{issuer:016X}")));
                continue;
            }
            if signature.is_weak() {
                return Err(Refusal::Unsupported("a hash that can be forged".to_owned()));
            }
            if signature.kind > 1 {
                return Err(damaged());
            }
            let tried = known.iter().map(|signer| (signer, signature.verify(signer.key, &[&message.signed])));
            let mut fault = Fault::Wrong;
            for (signer, verified) in tried {
                match verified {
                    Ok(()) => return valid(signer, &signature, now),
                    Err(why) => fault = why,
                }
            }
            return Err(match fault {
                Fault::Wrong => Refusal::BadSignature,
                Fault::Unknown(what) => Refusal::Unsupported(what),
            });
        }
        Err(unknown.unwrap_or_else(damaged))
    }
}

/// Whether the key may still be trusted.
fn valid(signer: &Signer<'_>, signature: &Signature, now: i64) -> Result<Signed, Refusal> {
    let by = signer.owner.called();
    let whose = by.first().cloned().unwrap_or_default();
    let ended = |what: &str, how: &str| Err(Refusal::Ended(format!("the {what} of {whose} {how}")));
    if signer.revoked {
        return ended("key", "was taken back");
    }
    if signer.ends.iter().any(|(key, after)| key.created > now || *after != 0 && key.created + after <= now) {
        return ended("key", "has expired");
    }
    if !signature.holds(now) || signer.bindings.iter().any(|binding| !binding.holds(now)) {
        return ended("signature", "has expired, or is of a time to come");
    }
    let fingerprint = signer.owner.key.fingerprint.iter().map(|byte| format!("{byte:02X}")).collect();
    Ok(Signed { by, fingerprint, at: signature.created })
}

/// Archives and their checksums: the second document of the message, behind the chart's own description.
fn files(text: &str) -> Result<Vec<(String, String)>, Refusal> {
    let unreadable = |why: &str| Refusal::Unreadable(format!("what is signed can't be read: {why}"));
    let second = text.split("\n...\n").nth(1).ok_or_else(|| unreadable("it names no archives"))?;
    let value = load::document(second).map_err(|why| unreadable(&why))?;
    let files = value.as_map().and_then(|map| map.entries.borrow().get("files").cloned());
    let files = files.as_ref().and_then(Value::as_map).ok_or_else(|| unreadable("it names no archives"))?;
    let entries = files.entries.borrow();
    let named = entries.iter().filter_map(|(name, sum)| match sum {
        Value::Str(sum) => Some((name.to_string(), sum.to_string())),
        _ => None,
    });
    Ok(named.collect())
}

#[cfg(test)]
mod tests;
