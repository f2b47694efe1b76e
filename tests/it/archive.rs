//! Stored sources: what is written is what is read.

use jiff::Timestamp;
use meshctl::error::Kind;
use meshctl::facts::{Answer, Facts, Need, Outcome, Place, Problem, SourceKind, kinds};
use meshctl::source::{archive, redact};
use proptest::prelude::*;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub fn now() -> Timestamp {
    "2026-11-23T20:00:00Z".parse().unwrap()
}

pub fn open(path: &Path) -> meshctl::error::Result<Vec<Facts>> {
    archive::open(path.to_str().unwrap(), None, now())
}

pub fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path)
}

/// Facts with every kind of outcome.
pub fn sample() -> Facts {
    let mut facts = Facts::new("prod", SourceKind::Live, now());
    facts.namespace = Some("shop".into());
    facts.problems.push(Problem::new(Place { file: "a.yaml".into(), line: 3, column: 1 }, "odd"));
    let pod = |name: &str, place| {
        let value = json!({"kind": "Pod", "metadata": {"name": name, "namespace": "shop"}, "spec": {"note": "ü\n\u{1b}[31m"}});
        redact::intake(value, place).unwrap()
    };
    let place = Place { file: "a.yaml".into(), line: 7, column: 1 };
    facts.answer(Need::list(&kinds::POD), Outcome::Objects(vec![pod("a", None), pod("b", Some(place))]));
    let service = redact::intake(json!({"metadata": {"name": "a"}}), None).unwrap();
    let at = "2026-11-23T19:59:58.5Z".parse().unwrap();
    let partial = Some("page 2 was cut off".to_owned());
    facts.insert(Need::list(&kinds::SERVICE), Answer { outcome: Outcome::Objects(vec![service]), at, partial });
    facts.answer(Need::list(&kinds::NODE), Outcome::Objects(Vec::new()));
    facts.answer(Need::list(&kinds::JOB), Outcome::Absent("no such kind".into()));
    facts.answer(Need::list(&kinds::CRON_JOB), Outcome::Forbidden("cronjobs.batch is forbidden".into()));
    facts.answer(Need::list(&kinds::CONFIG_MAP), Outcome::TimedOut("no answer in 10s".into()));
    facts.answer(Need::list(&kinds::INGRESS), Outcome::Failed("503".into()));
    facts.answer(Need::list(&kinds::GATEWAY), Outcome::NotAsked("nobody asked".into()));
    facts.answer(Need::Version, Outcome::Text("{\"minor\":\"33\"}".into()));
    facts.answer(Need::query("up"), Outcome::Text(String::new()));
    facts
}

/// The same but for the kind, which becomes Recording.
fn assert_same(read: &Facts, written: &Facts) {
    assert_eq!(read.kind, SourceKind::Recording);
    assert_eq!((&read.cluster, read.now, &read.namespace), (&written.cluster, written.now, &written.namespace));
    assert_eq!(read.problems, written.problems);
    assert_eq!(read.iter().collect::<Vec<_>>(), written.iter().collect::<Vec<_>>());
}

#[test]
fn what_is_written_is_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut second = sample();
    second.cluster = "staging".into();
    for name in ["x.tar.zst", "folder"] {
        let path = dir.path().join(name);
        let summary = archive::write(&path, &[sample(), second.clone()], false).unwrap();
        let read = open(&path).unwrap();
        assert_eq!(read.len(), 2);
        assert_same(&read[0], &sample());
        assert_same(&read[1], &second);
        let again = archive::summary(&path).unwrap();
        assert_eq!(serde_json::to_value(&again).unwrap(), serde_json::to_value(&summary).unwrap());
        assert_eq!(again.clusters[0].needs.len(), 10);
    }
}

#[test]
fn dumps_stand_behind_the_rest_and_need_not_be_whole_for_who_reads_none() {
    let mut facts = sample();
    let dump = |pod: &str, path: &str| Need::PodGet { namespace: "shop".into(), pod: pod.into(), port: 15000, path: path.into() };
    let big: Vec<u8> =
        (0u32..40_000).flat_map(|n| format!("{{\"a\":{}}}\n", n.wrapping_mul(2_654_435_761)).into_bytes()).collect();
    for pod in ["a", "b"] {
        facts.answer(dump(pod, "config_dump"), Outcome::Bytes(Arc::new(big.clone())));
        facts.answer(dump(pod, "debug/syncz"), Outcome::Bytes(Arc::new(b"[]".to_vec())));
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.tar.zst");
    archive::write(&path, &[facts.clone()], false).unwrap();
    assert_same(&open(&path).unwrap()[0], &facts);

    let bytes = fs::read(&path).unwrap();
    let place = |part: &str| {
        let tar = zstd::decode_all(bytes.as_slice()).unwrap();
        let mut tar = tar::Archive::new(tar.as_slice());
        let names: Vec<String> = tar.entries().unwrap().map(|e| e.unwrap().path().unwrap().display().to_string()).collect();
        names.iter().position(|name| name.contains(part)).unwrap_or_else(|| panic!("no {part} in {names:?}"))
    };
    let first = place("configdump");
    for before in ["meshctl-snapshot.json", "pods", "services", "version", "query", "debugsyncz.b"] {
        assert!(place(before) < first, "{before}");
    }
    let small = |path: &Path| archive::open_with(path.to_str().unwrap(), None, now(), &|_| false);
    fs::write(&path, &bytes[..bytes.len() - 500]).unwrap();
    let read = small(&path).unwrap().remove(0);
    assert_eq!(read.problems(), facts.problems, "what is cut off there is not asked for");
    assert!(read.get(&dump("b", "debug/syncz")).is_some_and(|answer| matches!(&answer.outcome, Outcome::Bytes(_))));
    assert!(matches!(&read.get(&dump("a", "config_dump")).unwrap().outcome, Outcome::NotAsked(_)));
    let whole = open(&path).unwrap().remove(0);
    assert!(whole.problems.iter().any(|p| p.reason.starts_with("it is damaged or cut off")), "{:?}", whole.problems);

    // The last bytes of the first frame are the checksum of what everybody reads.
    let frame = zstd::zstd_safe::find_frame_compressed_size(&bytes).unwrap();
    assert!(frame < bytes.len() / 2, "{frame} of {}", bytes.len());
    let mut damaged = bytes;
    damaged[frame - 1] ^= 1;
    fs::write(&path, damaged).unwrap();
    let problems = small(&path).unwrap().remove(0).problems();
    assert!(problems.iter().any(|p| p.reason.starts_with("it is damaged or cut off")), "{problems:?}");
}

#[test]
fn a_list_is_read_when_it_is_asked_for_and_told_of_once_if_it_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    let mut facts = sample();
    facts.problems.clear();
    archive::write(&path, &[facts], false).unwrap();
    let file = fs::read_dir(path.join("0")).unwrap().map(|f| f.unwrap().path()).find(|f| f.to_str().unwrap().contains("pods"));
    let file = file.unwrap();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.split_once('\n').unwrap().0.to_owned() + "\nno object\n").unwrap();
    let opened = || archive::open_with(path.to_str().unwrap(), None, now(), &|_| false).unwrap().remove(0);
    let one = opened();
    assert!(one.get(&Need::list(&kinds::SERVICE)).is_some());
    assert_eq!(one.problems(), [], "what nobody asked for");
    for _ in 0..2 {
        let pods = one.get(&Need::list(&kinds::POD)).unwrap();
        assert!(matches!(&pods.outcome, Outcome::Objects(objects) if objects.len() == 1));
        assert!(pods.partial.as_deref().is_some_and(|why| why.starts_with("1 of 2 objects are missing")), "{:?}", pods.partial);
        let problems = one.problems();
        assert!(matches!(problems.as_slice(), [only] if only.reason.ends_with("line 2 is no recorded object")), "{problems:?}");
    }
    assert_eq!(opened().whole().problems, one.problems());
}

#[test]
fn the_same_facts_give_the_same_bytes_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a.tar.zst"), dir.path().join("b.tar.zst"));
    archive::write(&a, &[sample()], false).unwrap();
    archive::write(&b, &open(&a).unwrap(), false).unwrap();
    // A recording of a recording differs in the kind only.
    archive::write(&a, &open(&b).unwrap(), true).unwrap();
    assert_eq!(fs::read(&a).unwrap(), fs::read(&b).unwrap());
    assert_eq!(fs::metadata(&a).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing temporary stays");
}

#[test]
fn nothing_is_overwritten_unasked() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("x.tar.zst");
    archive::write(&file, &[sample()], false).unwrap();
    let error = archive::write(&file, &[sample()], false).unwrap_err();
    assert_eq!(error.kind, Kind::Output);
    assert!(error.message.ends_with("x.tar.zst is already there"), "{error}");
    assert!(error.hints[0].contains("--force"));
    archive::write(&file, &[sample()], true).unwrap();

    let precious = dir.path().join("precious");
    fs::create_dir(&precious).unwrap();
    fs::write(precious.join("thesis.txt"), "x").unwrap();
    let error = archive::write(&precious, &[sample()], true).unwrap_err();
    assert!(error.message.contains("is no recording, so --force does not replace it"), "{error}");
    assert!(precious.join("thesis.txt").exists());
    assert_eq!(archive::write(&dir.path().join("x.zip"), &[sample()], false).unwrap_err().kind, Kind::Usage);
}

#[test]
fn secrets_of_a_foreign_recording_are_not_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut facts = sample();
    let mut object = facts.objects(&kinds::POD)[0].clone();
    object.json = r#"{"kind":"Pod","metadata":{"name":"a"},"spec":{"password":"hunter2"}}"#.into();
    facts.answer(Need::list(&kinds::POD), Outcome::Objects(vec![object]));
    facts.answer(Need::Version, Outcome::Text("http://u:hunter2@x".into()));
    facts.answer(Need::list(&kinds::JOB), Outcome::Failed("http://u:hunter2@x: refused".into()));
    archive::write(&dir.path().join("x"), &[facts], false).unwrap();
    for cluster in [dir.path().join("x"), dir.path().join("x/0")] {
        for file in fs::read_dir(cluster).unwrap().map(|f| f.unwrap().path()).filter(|f| f.is_file()) {
            assert!(!fs::read_to_string(&file).unwrap().contains("hunter2"), "{}", file.display());
        }
    }
}

#[test]
fn version_0_still_reads() {
    let facts = &open(&fixture("snapshots/v0")).unwrap()[0];
    assert_eq!((facts.cluster.as_str(), facts.now.to_string().as_str()), ("old", "2026-01-02T03:04:05Z"));
    let pods = facts.objects(&kinds::POD);
    assert_eq!((&*pods[0].name, &*pods[0].namespace), ("cart", "shop"));
    assert!(pods[0].json.contains("<redacted>") && !pods[0].json.contains("hunter2"));
    assert!(facts.text(&Need::Version).unwrap().contains("33"));
    assert_eq!(archive::summary(&fixture("snapshots/v0")).unwrap().format_version, 0);
}

#[test]
fn a_newer_version_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(archive::MANIFEST), r#"{"format_version": 7, "layers": []}"#).unwrap();
    let error = open(dir.path()).unwrap_err();
    assert_eq!(error.kind, Kind::Input);
    assert!(error.message.contains("format version 7") && error.message.contains("up to version 1"), "{error}");
    assert!(error.hints[0].contains("upgrade meshctl"));
}

#[test]
fn the_demo_opens() {
    let facts = &archive::open("demo", None, now()).unwrap()[0];
    assert!(facts.problems.is_empty(), "{:?}", facts.problems);
    assert!(facts.objects(&kinds::DEPLOYMENT).len() >= 5);
}

#[test]
fn a_namespace_limits_a_recording() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.tar.zst");
    let manifests = archive::open(fixture("manifests/shop.yaml").to_str().unwrap(), None, now()).unwrap();
    archive::write(&path, &manifests, false).unwrap();
    let count =
        |namespace| archive::open(path.to_str().unwrap(), Some(namespace), now()).unwrap()[0].objects(&kinds::SERVICE).len();
    assert_eq!((count("shop"), count("other")), (7, 0));
    archive::write(&path, &[sample()], true).unwrap();
    let other = &archive::open(path.to_str().unwrap(), Some("other"), now()).unwrap()[0];
    assert_eq!(other.get(&Need::list(&kinds::POD)).unwrap().outcome.word(), "not asked");
}

#[test]
fn a_folder_of_manifests_is_read_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let service = |name: &str| format!("apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\n");
    write("b.yml", &service("b"));
    write("a/x.yaml", &service("a"));
    write(
        "c.json",
        r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"c"}} {"apiVersion":"v1","kind":"Service","metadata":{"name":"d"}}"#,
    );
    write(".hidden/x.yaml", "{{");
    write("notes.txt", "{{");
    std::os::unix::fs::symlink(dir.path(), dir.path().join("a/loop")).unwrap();
    let facts = &open(dir.path()).unwrap()[0];
    let names: Vec<_> = facts.objects(&kinds::SERVICE).iter().map(|o| &*o.name).collect();
    assert_eq!((names.as_slice(), facts.problems.as_slice()), (["a", "b", "c", "d"].as_slice(), [].as_slice()));
    assert_eq!(facts.kind, SourceKind::Manifests);
    assert!(facts.get(&Need::list(&kinds::POD)).is_none(), "left to gather");
}

#[test]
fn the_command_records_what_it_reads() {
    use clap::Parser;
    use meshctl::cli::{Cli, Ctx};
    use meshctl::commands;
    let run = |args: &[&str]| {
        let cli = Cli::try_parse_from(["meshctl", "snapshot"].iter().chain(args)).unwrap();
        let ctx = Ctx::new(cli.global);
        commands::run(&ctx, cli.command)
    };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("copy.tar.zst");
    let file = file.to_str().unwrap();
    let recorded = run(&["record", file, "--from", "demo"]).unwrap();
    let shown = run(&["info", file]).unwrap();
    assert_eq!((recorded.schema.as_str(), &recorded.data), ("meshctl/snapshot/v1", &shown.data));
    assert_eq!(shown.data["format_version"], 1);
    assert!(shown.data["clusters"][0]["needs"].as_array().unwrap().iter().any(|n| n["need"] == "deployments.apps"));
    assert!(run(&["record", file, "--from", "demo"]).unwrap_err().hints[0].contains("--force"));
    assert!(run(&["info", fixture("manifests").to_str().unwrap()]).unwrap_err().message.ends_with("is no recording"));
}

/// Writes the placeholder behind `--from demo`: `cargo test --test it archive::write_demo -- --ignored`.
#[test]
#[ignore]
fn write_demo() {
    let mut facts = archive::open(fixture("manifests/shop.yaml").to_str().unwrap(), None, now()).unwrap();
    facts[0].cluster = "demo".into();
    archive::write(&fixture("snapshots/demo.tar.zst"), &facts, true).unwrap();
}

/// Numbers for the note: `cargo test --release --test it archive::speed -- --ignored --nocapture`.
#[test]
#[ignore]
fn speed() {
    let dir = tempfile::tempdir().unwrap();
    let one = fs::read_to_string(fixture("manifests/shop.yaml")).unwrap();
    let documents: Vec<&str> = one.split("---\n").skip(1).collect();
    let text: String = (0..20_000)
        .map(|i| format!("---\n{}", documents[i % documents.len()].replace("name: ", &format!("name: n{i}-"))))
        .collect();
    let path = dir.path().join("big.yaml");
    fs::write(&path, &text).unwrap();
    let time = |what: &str, run: &mut dyn FnMut()| {
        let start = std::time::Instant::now();
        run();
        eprintln!("{what}: {:?}", start.elapsed());
    };
    let mut facts = Vec::new();
    time(&format!("YAML, {} MB", text.len() / 1_000_000), &mut || facts = open(&path).unwrap());
    assert_eq!(facts[0].objects(&kinds::DEPLOYMENT).len() + facts[0].objects(&kinds::SERVICE).len(), 20_000);
    let recording = dir.path().join("big.tar.zst");
    time("write", &mut || drop(archive::write(&recording, &facts, false).unwrap()));
    time("read", &mut || drop(open(&recording).unwrap()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn damage_never_panics(cut in 0usize..4000, flips in prop::collection::vec((0usize..4000, 0u8..8), 0..4)) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.tar.zst");
        archive::write(&path, &[sample()], false).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        for (at, bit) in &flips {
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
        }
        if cut % 2 == 0 {
            bytes.truncate(cut % bytes.len());
        }
        fs::write(&path, &bytes).unwrap();
        let _ = open(&path);
    }

    #[test]
    fn damage_under_the_compression_never_panics(cut in 0usize..20_000, flips in prop::collection::vec((0usize..20_000, 0u8..8), 0..6)) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.tar.zst");
        archive::write(&path, &[sample()], false).unwrap();
        let mut bytes = zstd::decode_all(fs::File::open(&path).unwrap()).unwrap();
        for (at, bit) in &flips {
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
        }
        bytes.truncate(if cut % 2 == 0 { cut % bytes.len() } else { bytes.len() });
        fs::write(&path, zstd::encode_all(bytes.as_slice(), 1).unwrap()).unwrap();
        let _ = open(&path);
    }

    #[test]
    fn any_manifest_text_is_survived(text in "(\\PC|\n|---\n|[a-z]+: |- |[&*!|>{}\\[\\]\"'#]|\t|  ){0,60}") {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.yaml");
        fs::write(&path, text).unwrap();
        let _ = open(&path);
    }
}
