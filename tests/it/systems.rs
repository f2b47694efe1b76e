//! Look-alikes of public systems, one for each way of wiring: what the whole program says of them, from the file to JSON.
//!
//! The law over all of them: the verdict is right or *undetermined*, never a confident wrong one. What is right stands
//! beside each, as somebody who wrote the system would say it.

use serde_json::Value;
use std::collections::BTreeSet;

/// What the author of a system knows, and what the manifests let one see of it.
struct System {
    files: &'static [&'static str],
    /// The verdicts that a person who knows the system could accept.
    right: &'static [&'static str],
    /// What is said: the verdict, question 1 and its bounds.
    verdict: &'static str,
    more_than_5: &'static str,
    bounds: (u64, u64),
    /// Calls between counted services, `from>to`.
    calls: &'static [&'static str],
    languages: &'static [&'static str],
}

const BOOKS: System = System {
    files: &["books"],
    right: &["premature"],
    verdict: "premature",
    more_than_5: "no",
    bounds: (0, 4),
    calls: &[],
    languages: &[],
};
const ONLINE_SHOP: System = System {
    files: &["online-shop"],
    right: &["lighter-solution", "justified"],
    verdict: "undetermined",
    more_than_5: "yes",
    bounds: (9, 11),
    calls: &[
        "checkout>cart",
        "checkout>email",
        "checkout>payment",
        "checkout>shipping",
        "frontend>ads",
        "frontend>cart",
        "frontend>catalog",
        "frontend>checkout",
        "recommend>catalog",
    ],
    languages: &[],
};
const TRAINS: System = System {
    files: &["trains"],
    right: &["lighter-solution", "justified"],
    verdict: "undetermined",
    more_than_5: "unknown",
    bounds: (0, 13),
    calls: &[],
    languages: &[],
};
const SOCKS: System = System {
    files: &["socks"],
    right: &["lighter-solution", "justified"],
    verdict: "undetermined",
    more_than_5: "unknown",
    bounds: (0, 8),
    calls: &[],
    languages: &["java"],
};
const HOTEL: System = System {
    files: &["hotel"],
    right: &["lighter-solution", "justified"],
    verdict: "undetermined",
    more_than_5: "unknown",
    bounds: (0, 8),
    calls: &[],
    languages: &[],
};
const HOTEL_WITH_POLICIES: System = System {
    files: &["hotel", "hotel-policies"],
    more_than_5: "yes",
    bounds: (8, 8),
    calls: &[
        "desk>bookings",
        "desk>guests",
        "desk>hints",
        "desk>profiles",
        "desk>search",
        "search>bookings",
        "search>geo",
        "search>rates",
    ],
    ..HOTEL
};
const SOCIAL: System = System { files: &["social"], ..HOTEL };
const STARGAZER: System = System {
    files: &["stargazer"],
    right: &["justified"],
    verdict: "justified",
    more_than_5: "yes",
    bounds: (11, 12),
    calls: &[
        "basket>flagd",
        "dome>observatory",
        "dome>pictures",
        "observatory>basket",
        "observatory>flagd",
        "observatory>skymap",
        "observatory>telescope",
        "observatory>till",
        "post>quote",
        "skymap>telescope",
        "till>basket",
        "till>coins",
        "till>flagd",
        "till>post",
    ],
    languages: &["go", "python", "node", "dotnet"],
};
const PETS: System = System {
    files: &["pets"],
    right: &["premature", "lighter-solution", "justified"],
    verdict: "undetermined",
    more_than_5: "unknown",
    bounds: (0, 6),
    calls: &[],
    languages: &[],
};
const STUDIO: System = System {
    files: &["studio"],
    right: &["lighter-solution", "justified"],
    verdict: "undetermined",
    more_than_5: "yes",
    bounds: (7, 7),
    calls: &["api>library", "api>player", "api>users", "drm>users", "encoder>library", "library>search", "player>drm"],
    languages: &["java"],
};
const ALL: [&System; 10] =
    [&BOOKS, &ONLINE_SHOP, &TRAINS, &SOCKS, &HOTEL, &HOTEL_WITH_POLICIES, &SOCIAL, &STARGAZER, &PETS, &STUDIO];

/// The files of a system in a folder of their own, and what `analyze` with these words prints.
fn analyze(files: &[&str], words: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    for name in files {
        let from = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/systems/{name}.yaml"));
        std::fs::copy(from, folder.path().join(format!("{name}.yaml"))).expect("the fixture");
    }
    let from = folder.path().to_str().expect("UTF-8");
    let (code, stdout, stderr) = crate::run(&[&["analyze", "-q", "--from", from], words].concat());
    assert_eq!((code, stderr.as_str()), (0, ""), "{files:?}");
    stdout
}

fn decision(files: &[&str]) -> Value {
    serde_json::from_str(&analyze(files, &["-o", "json"])).expect("JSON")
}

/// `Deployment shop/cart` → `cart`.
fn name(title: &Value) -> &str {
    let title = title.as_str().expect("a title");
    title.rsplit_once('/').map_or(title, |(_, name)| name)
}

fn edges(decision: &Value) -> &[Value] {
    decision["edges"].as_array().expect("a list").as_slice()
}

/// Edges of a class and grade as `from>to`.
fn pairs(decision: &Value, class: &str, grade: &str) -> BTreeSet<String> {
    let fits = |edge: &&Value| edge["class"] == class && edge["grade"] == grade;
    let pair = |edge: &Value| format!("{}>{}", name(&edge["from"]), name(&edge["to"]));
    edges(decision).iter().filter(fits).map(pair).collect()
}

fn set(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|item| (*item).to_owned()).collect()
}

#[test]
fn each_system_gets_its_bounds_its_calls_and_its_languages() {
    for system in ALL {
        let files = system.files;
        let d = decision(files);
        assert_eq!((&d["q1"]["answer"], &d["verdict"]), (&system.more_than_5.into(), &system.verdict.into()), "{files:?}");
        let bounds = (d["q1"]["lower"].as_u64(), d["q1"]["upper"].as_u64());
        assert_eq!(bounds, (Some(system.bounds.0), Some(system.bounds.1)), "{files:?}");
        let counted = edges(&d).iter().filter(|edge| edge["counts"] == true);
        let calls: BTreeSet<String> = counted.map(|edge| format!("{}>{}", name(&edge["from"]), name(&edge["to"]))).collect();
        assert_eq!(calls, set(system.calls), "{files:?}");
        assert_eq!(d["q2"]["languages"]["known"], Value::from(system.languages), "{files:?}");
    }
}

#[test]
fn the_verdict_is_right_or_undetermined() {
    for system in ALL {
        let d = decision(system.files);
        let said = d["verdict"].as_str().expect("a word");
        assert!(said == "undetermined" || system.right.contains(&said), "{:?}: {said}", system.files);
        let possible = d["possible"].as_array().expect("a list");
        let kept = |right: &&str| possible.iter().any(|verdict| verdict == *right);
        assert!(system.right.iter().any(kept), "{:?}: {possible:?} rules out what is right", system.files);
    }
}

#[test]
fn invisible_wiring_is_unknown_and_the_next_observation_is_named() {
    for system in ALL.iter().filter(|system| system.calls.is_empty() && system.bounds.1 > 5) {
        let d = decision(system.files);
        assert_eq!((&d["verdict"], &d["q1"]["confidence"]), (&"undetermined".into(), &"none".into()), "{:?}", system.files);
        let next = d["next"]["text"].as_str().expect("a text");
        assert!(next.contains("how many services") && next.contains("metrics"), "{:?}: {next}", system.files);
        assert_eq!(d["next"]["flags"], "--answer services=many", "{:?}", system.files);
        for width in ["80", "100"] {
            let words = [("COLUMNS", width)];
            let file = format!("{}/fixtures/systems/{}.yaml", env!("CARGO_MANIFEST_DIR"), system.files[0]);
            let (_, screen, _) = crate::run_with(&["analyze", "-q", "--from", &file], &words);
            let flat = screen.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(flat.contains("metrics show it: meshctl analyze"), "the whole step is on the screen: {screen}");
        }
    }
}

#[test]
fn a_table_of_addresses_in_many_hands_gives_candidates() {
    let d = decision(SOCIAL.files);
    assert_eq!(d["q1"]["counts"]["declared"], 0);
    // Seven applications that may each call the six others.
    assert_eq!(d["q1"]["counts"]["candidates"], 42);
    assert!(pairs(&d, "datastore", "declared").is_empty(), "a table that all read says of nobody what he stores");
    assert!(pairs(&d, "datastore", "candidate").contains("timeline>timeline-redis"));
    // A file with one address is what all of them call.
    assert!(pairs(&d, "telemetry", "declared").contains("compose>jaeger"));
    assert!(d["q1"]["widened_by"].as_array().is_some_and(Vec::is_empty), "memcached is no caller: {}", d["q1"]["widened_by"]);
}

#[test]
fn classes_keep_what_is_no_call_out_of_the_count() {
    let stars = decision(STARGAZER.files);
    let has = |d: &Value, class: &str, wanted: &[&str]| assert_eq!(pairs(d, class, "declared"), set(wanted), "{class}");
    has(&stars, "datastore", &["basket>valkey-basket", "ledger>star-db", "telescope>star-db"]);
    has(&stars, "broker", &["ledger>kafka", "till>kafka"]);
    has(&stars, "scrape", &["collector>observatory", "collector>valkey-basket"]);
    has(&stars, "wait-for", &["basket>valkey-basket", "till>kafka"]);
    has(&stars, "load-generator", &["load-generator>collector", "load-generator>dome", "load-generator>flagd"]);
    assert_eq!(pairs(&stars, "telemetry", "declared").len(), 13, "eleven that send, the collector on, and a page of graphs");
    let pets = decision(PETS.files);
    has(&pets, "datastore", &["packing>documentdb"]);
    has(&pets, "broker", &["orders>rabbitmq", "packing>rabbitmq"]);
    has(&pets, "wait-for", &["orders>rabbitmq"]);
    has(&pets, "browser", &["back-office>packing", "back-office>products", "shop-window>orders", "shop-window>products"]);
    has(&pets, "entry", &["outside>shop-window"]);
    let studio = decision(STUDIO.files);
    has(&studio, "datastore", &["library>library-mysql", "search>elastic", "users>users-pg"]);
    assert!(!studio.to_string().contains("secret@"), "what stands before the @ is nobody's business");
}

#[test]
fn what_is_no_application_is_left_out_with_the_reason() {
    let left_out = |system: &System| -> BTreeSet<String> {
        let d = decision(system.files);
        let list = d["q1"]["left_out"].as_array().expect("a list");
        let line = |l: &Value| format!("{} {}", name(&l["workload"]), l["why"].as_str().unwrap_or_default());
        list.iter().map(line).map(|line| line.split(':').next().unwrap_or_default().to_owned()).collect()
    };
    assert!(left_out(&HOTEL).contains("registry mesh"), "{:?}", left_out(&HOTEL));
    assert!(left_out(&PETS).contains("documentdb datastore") && left_out(&PETS).contains("load-generator load generator"));
    assert!(left_out(&SOCKS).contains("shelf-db datastore") && left_out(&SOCKS).contains("rabbitmq broker"));
}

#[test]
fn what_is_named_and_missing_widens_only_as_an_application() {
    let missing = |system: &System| {
        let d = decision(system.files);
        let list = d["dangling"].as_array().expect("a list").clone();
        list.iter()
            .map(|l| format!("{} {}", l["host"].as_str().unwrap_or_default(), l["class"].as_str().unwrap_or_default()))
            .collect::<Vec<_>>()
    };
    assert_eq!(missing(&SOCKS), ["zipkin.tracing.svc.cluster.local telemetry"]);
    assert_eq!(missing(&PETS), ["describer rpc"]);
    assert_eq!(missing(&ONLINE_SHOP), ["assistant rpc"]);
}

#[test]
fn an_edge_keeps_its_id_when_others_come_and_go() {
    let ids = |files: &[&str]| -> BTreeSet<String> {
        let d = decision(files);
        let all: Vec<String> = edges(&d).iter().map(|edge| edge["id"].as_str().unwrap_or_default().to_owned()).collect();
        let set: BTreeSet<String> = all.iter().cloned().collect();
        assert_eq!(all.len(), set.len(), "{files:?}: no two share one");
        set
    };
    assert!(ids(ONLINE_SHOP.files).contains("shop/checkout>shop/payment:rpc"));
    let (shop, both) = (ids(ONLINE_SHOP.files), ids(&["hotel", "hotel-policies", "online-shop"]));
    assert!(shop.is_subset(&both) && both.len() > shop.len());
}

/// A finding has one home: the need's own table line and its own evidence.
#[test]
fn explain_says_each_finding_once() {
    let screen = analyze(STARGAZER.files, &["--explain", "Q2"]);
    assert_eq!(screen.matches("asks for it:").count(), 1, "{screen}");
    assert!(screen.contains("4 languages"), "{screen}");
}
