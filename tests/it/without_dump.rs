//! `meshctl proxy-config` of proxies that have no dump, on recordings of a real Linkerd.

use super::run;
use serde_json::Value;

fn linkerd(scenario: &str) -> String {
    format!("{}/fixtures/imported/linkerd/{scenario}.tar.zst", env!("CARGO_MANIFEST_DIR"))
}

/// A proxy without a dump is shown under the same commands, and what it has nothing of is said.
#[test]
fn a_proxy_without_a_dump_is_pieced_together() {
    let from = linkerd("healthy");
    let json = |words: &[&str]| -> Value {
        let (code, out, err) = run(&[words, &["--from", &from, "-o", "json"]].concat());
        assert!(code == 0 && !out.is_empty(), "{words:?}: {err}");
        serde_json::from_str(&out).expect("JSON")
    };
    let web = "deploy/web.shop-l5d";
    let clusters = json(&["pc", "cluster", web])["proxies"][0]["clusters"].clone();
    assert_eq!(clusters.as_array().map(Vec::len), Some(2), "{clusters:#}");
    let catalog = &clusters[1];
    assert_eq!(catalog["service"], "catalog.shop-l5d:8080");
    assert_eq!((&catalog["ready"], &catalog["slices"]), (&2.into(), &2.into()));
    assert_eq!(catalog["sent"].as_object().map(|sent| sent.values().cloned().collect::<Vec<_>>()), Some(vec![2.into()]));
    let endpoints = json(&["pc", "endpoint", web, "--cluster", "cart"])["proxies"][0]["endpoints"].clone();
    assert_eq!(endpoints.as_array().map(Vec::len), Some(1));
    assert_eq!(endpoints[0]["identity"], "cart.shop-l5d.serviceaccount.identity.linkerd.cluster.local");
    let secrets = json(&["pc", "secret", web])["proxies"][0]["secrets"].clone();
    let names: Vec<&str> = secrets.as_array().into_iter().flatten().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names, ["leaf", "issuer", "anchor"]);
    assert!(secrets.as_array().into_iter().flatten().all(|one| one["valid"] == true), "{secrets:#}");

    let (code, _, err) = run(&["pc", "ecds", web, "--from", &from]);
    assert!(code == 2 && err.contains("nothing of that kind") && err.contains("endpoint"), "{err}");
    let (code, _, err) = run(&["pc", "diff", web, "deploy/cart.shop-l5d", "--from", &from]);
    assert!(code == 2 && err.contains("no dump"), "{err}");
    // A pod of no mesh stays one.
    let (code, _, err) = run(&["pc", "all", "deploy/legacy.plain-l5d", "--from", &from]);
    assert!(code == 2 && err.contains("none of these pods has a proxy of a mesh"), "{err}");
}

#[test]
fn policies_and_routes_are_those_that_the_controllers_send() {
    let from = linkerd("misconfig");
    let ask = |words: &[&str]| run(&[words, &["--from", &from]].concat()).1;
    let ports = ask(&["pc", "listener", "-n", "shop-l5d", "-o", "json"]);
    assert!(ports.contains("server catalog-http") && ports.contains("authorizationpolicy catalog-clients"), "{ports}");
    let routes = ask(&["pc", "route", "deploy/web.shop-l5d", "-o", "json"]);
    assert!(routes.contains("10% nosuch.shop-l5d:8080 (answers 500: Service not found nosuch)"), "{routes}");
}

#[test]
fn what_the_controllers_send_shows_who_is_late() {
    let from = linkerd("leaf-expired-stuck");
    let (_, out, _) = run(&["pc", "secret", "deploy/web.shop-l5d", "--from", &from, "-o", "json"]);
    let leaf = serde_json::from_str::<Value>(&out).expect("JSON")["proxies"][0]["secrets"][0].clone();
    assert_eq!(
        (&leaf["name"], &leaf["valid"], &leaf["not_after"]),
        (&"leaf".into(), &false.into(), &"2026-11-23T20:10:50Z".into())
    );
    // No controller runs: what the proxy has stays visible, and the rest is said.
    let from = linkerd("destination-down");
    let (_, out, _) = run(&["pc", "cluster", "deploy/load.shop-l5d", "--from", &from]);
    assert!(out.contains("catalog.shop-l5d:8079") && out.contains("no replica of linkerd-destination runs"), "{out}");
}
