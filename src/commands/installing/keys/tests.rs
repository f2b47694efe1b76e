//! Which keys are made, kept and refused.

use super::*;
use crate::mesh;

const NAMESPACE: &str = "mesh-system";

fn now() -> Timestamp {
    Timestamp::from_second(1_790_000_000).unwrap()
}

fn keys() -> &'static Keys {
    mesh::MESHES.iter().find_map(|mesh| mesh.distribution().keys).expect("a mesh that wants keys")
}

fn nothing() -> Found {
    Found { anchors: None, issuer: None, other_form: false, serving: keys().serving.iter().map(|_| None).collect() }
}

fn settle(args: &KeysArgs, values: &Value, found: Found, is_release: bool) -> Result<Outcome> {
    Settled { keys: keys(), namespace: NAMESPACE, args, now: now(), values }.settle(found, is_release)
}

fn years() -> KeysArgs {
    KeysArgs { cert_years: 2, ..KeysArgs::default() }
}

#[test]
fn what_is_missing_is_made_and_what_is_there_is_kept() {
    let first = settle(&years(), &json!({ "identityTrustDomain": "td.example" }), nothing(), false).unwrap();
    assert_eq!(first.keys.len(), 1 + keys().serving.len());
    let (values, issuer) = (first.values.unwrap(), &first.keys[0]);
    let anchors = at(&values, keys().anchors).unwrap().as_str().unwrap().to_owned();
    assert_eq!(certificates::is_chain(&anchors, &issuer.certificate, now()), Ok(()));
    assert!(first.keys.iter().all(|made| certificates::fits(made.key.as_ref().unwrap(), &made.certificate).is_ok()));
    let read = crate::envoy::certificate::read_pem(issuer.certificate.as_bytes()).unwrap();
    assert_eq!(read[0].dns_names, [format!("identity.{NAMESPACE}.td.example")]);
    assert!(issuer.about.contains("until 2028-09"), "{}", issuer.about);
    let text = serde_json::to_string(&(&values, &first.keys)).unwrap();
    assert!(!text.contains("PRIVATE KEY"), "neither values nor a plan hold a key");
    let there = Found {
        anchors: Some(anchors.clone()),
        issuer: Some(issuer.certificate.clone()),
        other_form: false,
        serving: first.keys[1..].iter().map(|made| Some(made.certificate.clone())).collect(),
    };
    let again = settle(&years(), &json!({}), there, true).unwrap();
    assert!(again.keys.is_empty());
    assert_eq!(again.values.unwrap(), values, "the same values, so the same objects");
}

#[test]
fn a_webhook_that_was_set_up_by_hand_stays_so() {
    let serving = &keys().serving[0];
    let mut values = json!({});
    put(&mut values, serving.external, true.into());
    let made = settle(&years(), &values, nothing(), false).unwrap();
    assert!(made.keys.iter().all(|keyed| keyed.object.name != serving.secret));
    assert!(at(&made.values.unwrap(), serving.bundle).is_none());
}

#[test]
fn a_new_issuer_must_be_trusted_by_what_runs() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name).display().to_string();
        std::fs::write(&path, text).unwrap();
        Some(path)
    };
    let until = certificates::after(now(), 1);
    let old = certificates::Authority::new("root", now(), until).unwrap();
    let new = certificates::Authority::new("root", now(), until).unwrap();
    let running = old.intermediate("issuer", now(), until).unwrap();
    let found = || Found { anchors: Some(old.certificate.clone()), issuer: Some(running.certificate.clone()), ..nothing() };
    let with = |anchors: &str, pair: Option<&certificates::Pair>| KeysArgs {
        identity_trust_anchors_file: file("anchors", anchors),
        identity_issuer_certificate_file: pair.and_then(|pair| file("crt", &pair.certificate)),
        identity_issuer_key_file: pair.and_then(|pair| file("key", pair.key.expose())),
        cert_years: 1,
    };
    let foreign = new.intermediate("issuer", now(), until).unwrap();
    let refused = settle(&with(&new.certificate, Some(&foreign)), &json!({}), found(), true).err().unwrap();
    assert!(refused.message.contains("proxies that run would refuse"), "{refused}");
    let both = format!("{}{}", old.certificate, new.certificate);
    let bundle = settle(&with(&both, None), &json!({}), found(), true).unwrap();
    assert_eq!(at(&bundle.values.unwrap(), keys().anchors).unwrap(), both.as_str());
    let next = old.intermediate("issuer", now(), until).unwrap();
    let rotated = settle(&with(&both, Some(&next)), &json!({}), found(), true).unwrap();
    assert!(rotated.keys[0].replaces && rotated.keys[0].certificate == next.certificate);
    let lonely = settle(&with(&both, None), &json!({}), nothing(), false).err().unwrap();
    assert!(lonely.message.contains("without an issuer"), "{lonely}");
    let other = certificates::Pair { certificate: foreign.certificate.clone(), key: next.key.clone() };
    let wrong = settle(&with(&new.certificate, Some(&other)), &json!({}), nothing(), false).err().unwrap();
    assert!(wrong.causes[0].contains("not that of the certificate"), "{wrong:?}");
}

#[test]
fn the_form_of_another_installer_is_not_overwritten() {
    let there = Found { other_form: true, anchors: Some("x".into()), ..nothing() };
    assert!(settle(&years(), &json!({}), there, false).err().unwrap().message.contains("another installer"));
    let as_helm = settle(&years(), &json!({}), Found { other_form: true, ..nothing() }, true).unwrap();
    assert!(as_helm.values.is_none() && as_helm.keys.is_empty(), "its release holds it");
}
