//! OpenPGP in text: signed messages in the clear, and what is armored in base64.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Padding may be left out, as some write it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A message that is signed in the clear.
pub struct Message {
    /// What the signature is of: lines end with CR and LF, and not with blanks.
    pub signed: Vec<u8>,
    /// What is read of it.
    pub text: String,
    /// Packets of the signature.
    pub signature: Vec<u8>,
}

/// The first signed message in a text.
pub fn message(text: &str) -> Result<Message, &'static str> {
    const WRONG: &str = "it is no message that is signed in the clear";
    let mut lines = text.lines();
    lines.find(|line| *line == "-----BEGIN PGP SIGNED MESSAGE-----").ok_or(WRONG)?;
    for line in lines.by_ref() {
        if line.trim().is_empty() {
            break;
        }
        // Anything else could be read as a part of what is signed.
        if !line.starts_with("Hash:") {
            return Err(WRONG);
        }
    }
    let mut all = Vec::new();
    loop {
        let line = lines.next().ok_or("its signature is missing")?;
        if line == "-----BEGIN PGP SIGNATURE-----" {
            break;
        }
        all.push(line.strip_prefix("- ").unwrap_or(line).trim_end_matches([' ', '\t']));
    }
    let signature = body(&mut lines).ok_or("its signature is cut off or damaged")?;
    Ok(Message { signed: all.join("\r\n").into_bytes(), text: all.join("\n"), signature })
}

/// Every block of keys in a text, one behind the other.
pub fn keys(text: &str) -> Result<Vec<u8>, &'static str> {
    let mut all = Vec::new();
    let mut lines = text.lines();
    while lines.any(|line| line.trim_end() == "-----BEGIN PGP PUBLIC KEY BLOCK-----") {
        all.extend(body(&mut lines).ok_or("a block of keys is cut off or damaged")?);
    }
    if all.is_empty() { Err("it holds no public key") } else { Ok(all) }
}

/// What is armored, after its first line and up to its last. Its checksum guards against nothing that counts here.
fn body<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Option<Vec<u8>> {
    for line in lines.by_ref() {
        if line.trim().is_empty() {
            break;
        }
        line.split_once(':')?;
    }
    let mut text = String::new();
    loop {
        let line = lines.next()?.trim_end();
        if line.starts_with("-----END PGP") {
            return BASE64.decode(text).ok();
        }
        if !line.starts_with('=') {
            text.push_str(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_is_what_stands_between_the_lines() {
        let text = "before\n-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA512\r\n\r\na: 1 \t\r\n- - b\r\n\r\n...\n-----BEGIN PGP SIGNATURE-----\nVersion: x\n\nAQID\n=abcd\n-----END PGP SIGNATURE-----\nbehind\n";
        let it = message(text).unwrap_or_else(|why| panic!("{why}"));
        assert_eq!((it.signed.as_slice(), it.text.as_str()), (b"a: 1\r\n- b\r\n\r\n...".as_slice(), "a: 1\n- b\n\n..."));
        assert_eq!(it.signature, [1, 2, 3]);
        for (from, to) in
            [("Hash:", "Other:"), ("AQID", "AQ*D"), ("-----END PGP SIGNATURE-----", ""), ("SIGNED MESSAGE", "MESSAGE")]
        {
            assert!(message(&text.replace(from, to)).is_err(), "{from}");
        }
        assert!(message("").is_err());
    }

    #[test]
    fn several_blocks_of_keys_are_one_ring() {
        let block = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAQ==\n-----END PGP PUBLIC KEY BLOCK-----\n";
        assert_eq!(keys(&format!("one\n{block}two\n{block}")), Ok(vec![1, 1]));
        assert!(keys("none").is_err());
    }
}
