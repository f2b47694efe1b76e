//! Messages of Helm (`rita.prov`, by `helm package --sign`) and of GnuPG; the real helm is asked about the same ones by
//! `tests/oracle/charts`.

use super::*;

const FILE: &str = "web-1.0.0.tgz";
const DIGEST: &str = "ea1f8872527f255bb2e659e0e8c4815356b2f8dded2f58bcc7e04abf7db8d8ff";
/// 2026-11-30.
const NOW: i64 = 1_796_000_000;

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/fixtures/provenance/{name}", env!("CARGO_MANIFEST_DIR"))).expect(name)
}

fn ring() -> Keyring {
    Keyring::read(&bytes("ring.gpg")).unwrap()
}

fn check(name: &str) -> Result<Signed, Refusal> {
    ring().check(&bytes(&format!("{name}.prov")), FILE, DIGEST, NOW)
}

#[test]
fn who_signed_is_told() {
    let signed = check("rita").unwrap();
    assert_eq!(signed.by, ["Rita RSA <rita@charts.example>"]);
    assert_eq!(signed.fingerprint, "EF0ED0C4BB03B69ECE8FE939D1C22D258A992063");
    assert!(signed.at < NOW && signed.at > NOW - 86_400);
    for (name, by) in [("eddy", "Eddy Curve"), ("paul", "Paul P256"), ("suse", "Suse Subkey")] {
        assert!(check(name).unwrap().by[0].starts_with(by), "{name}");
    }
    let armored = Keyring::read(&bytes("ring.asc")).unwrap();
    assert_eq!(armored.check(&bytes("rita.prov"), FILE, DIGEST, NOW).as_ref(), Ok(&signed));
    // A name that was signed by a subkey is told by the key that it belongs to.
    assert_eq!(check("suse").unwrap().fingerprint, "60630095CC8C57CE28B5532E4559D89AEA2E5697");
}

#[test]
fn what_is_not_right_is_refused_with_its_reason() {
    assert!(matches!(check("stranger"), Err(Refusal::UnknownKey(id)) if id.len() == 16));
    assert_eq!(check("changed"), Err(Refusal::BadSignature));
    assert_eq!(check("named"), Err(Refusal::NotNamed(vec!["web-1.0.1.tgz".to_owned()])));
    assert!(matches!(check("other"), Err(Refusal::OtherDigest(sum)) if sum.starts_with("sha256:ea1e")));
    let ended = |name: &str, how: &str| matches!(check(name), Err(Refusal::Ended(what)) if what.contains(how));
    assert!(ended("olga", "expired") && ended("rex", "taken back"));
    // Stricter than Helm.
    let unsupported = |name: &str, what: &str| matches!(check(name), Err(Refusal::Unsupported(why)) if why.contains(what));
    assert!(unsupported("sha1", "forged") && unsupported("paul512", "ECDSA and SHA-512"));
    let rita = bytes("rita.prov");
    assert!(matches!(ring().check(&rita, FILE, &DIGEST.replace('e', "0"), NOW), Err(Refusal::OtherDigest(_))));
    assert!(matches!(ring().check(&rita, FILE, DIGEST, 0), Err(Refusal::Ended(_))), "before the key was made");
    for wrong in ["", "files:\n  web-1.0.0.tgz: sha256:abc\n"] {
        assert!(matches!(ring().check(wrong.as_bytes(), FILE, DIGEST, NOW), Err(Refusal::Unreadable(_))));
    }
}

#[test]
fn a_message_that_is_changed_anywhere_is_no_longer_signed() {
    let (ring, good) = (ring(), bytes("rita.prov"));
    let text = String::from_utf8(good.clone()).unwrap();
    let (from, to) = (text.find("\n\n").unwrap() + 2, text.find("-----BEGIN PGP SIGNATURE").unwrap());
    for at in from..to {
        let mut changed = good.clone();
        changed[at] ^= 1;
        assert!(ring.check(&changed, FILE, DIGEST, NOW).is_err(), "byte {at}");
    }
    for end in 0..good.len() - 30 {
        assert!(ring.check(&good[..end], FILE, DIGEST, NOW).is_err(), "{end} bytes of it");
    }
}

/// Whatever stands in a keyring: no end of the program, and no other name for the same signature.
#[test]
fn a_damaged_keyring_gives_no_other_answer() {
    let (good, message) = (bytes("ring.gpg"), bytes("rita.prov"));
    for at in (0..good.len()).step_by(3) {
        let mut changed = good.clone();
        changed[at] ^= 1 << (at % 8);
        let Ok(ring) = Keyring::read(&changed) else { continue };
        if let Ok(signed) = ring.check(&message, FILE, DIGEST, NOW) {
            assert_eq!(signed.by, ["Rita RSA <rita@charts.example>"], "byte {at}");
        }
    }
    assert!(Keyring::read(b"").is_err() && Keyring::read(b"text").is_err());
    assert!(Keyring::read(&[&[0; 8], b"KBXf".as_slice()].concat()).is_err_and(|why| why.contains("keybox")));
}
