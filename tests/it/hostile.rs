//! Malformed, truncated and hostile input: a clear error, or a named problem and the rest of the answer.
//!
//! Nothing here may panic, take long, or use memory out of proportion; each test states the exact words.

use crate::archive::{fixture, open, sample};
use meshctl::error::Kind;
use meshctl::facts::{Facts, Need, Outcome, kinds};
use meshctl::source::archive;
use std::fs;
use std::path::Path;

const GOOD: &str = "apiVersion: v1\nkind: Service\nmetadata:\n  name: good\n";

/// Reads `bad` between two good documents; both must count. Gives the problem as `line:column reason`.
fn between(bad: impl AsRef<[u8]>) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.yaml");
    let mut text = GOOD.as_bytes().to_vec();
    text.extend_from_slice(b"---\n");
    text.extend_from_slice(bad.as_ref());
    text.extend_from_slice(b"\n---\n");
    text.extend_from_slice(GOOD.replace("good", "better").as_bytes());
    fs::write(&path, text).unwrap();
    let facts = open(&path).unwrap().remove(0);
    let names: Vec<_> = facts.objects(&kinds::SERVICE).iter().map(|o| &*o.name).collect();
    assert!(names.contains(&"good") && names.contains(&"better"), "{names:?}");
    problems(&facts, &path)
}

fn problems(facts: &Facts, path: &Path) -> String {
    let texts: Vec<_> = facts.problems.iter().map(|p| format!("{} {}", p.place, p.reason)).collect();
    texts.join("; ").replace(&format!("{}:", path.display()), "")
}

/// Line 5 is the `---`, so the bad document's first line is line 6.
macro_rules! bad_documents {
    ($($name:ident: $bad:expr => $problem:expr;)+) => {
        $(#[test] fn $name() { assert_eq!(between($bad), $problem); })+
    };
}

const HELM: &str = "this looks like a Helm template; render it first: helm template . | meshctl analyze --from -";

bad_documents! {
    a_syntax_error: "kind: Pod\n  apiVersion: v1" => "7:13 mapping values are not allowed in this context";
    a_tab_as_indentation: "kind: Pod\nmetadata:\n\tname: x" => "8:2 tabs disallowed within this context (block indentation)";
    a_scalar: "just words" => "6:1 this is not a mapping, so it can't be a Kubernetes object";
    a_list_at_the_top: "- kind: Pod" => "6:1 this is not a mapping, so it can't be a Kubernetes object";
    no_kind: "# note\n\napiVersion: v1" => "8:1 no kind, so it is no Kubernetes object";
    values_of_a_chart: "replicas: 3" => "6:1 neither kind nor apiVersion, so it is no Kubernetes object";
    no_name: "apiVersion: v1\nkind: Pod\nmetadata: {}" => "6:1 this Pod has no metadata.name";
    a_helm_template: "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Release.Name }}" => format!("9:9 {HELM}");
    a_helm_control: "{{- if .Values.x }}\nkind: Pod\n{{- end }}" => format!("6:1 {HELM}");
    a_quoted_helm_name: "apiVersion: v1\nkind: Pod\nmetadata: {name: \"{{ .x }}\"}" => format!("6:1 {HELM}");
    a_key_twice: "kind: Pod\nmetadata:\n  name: a\n  name: b" => "9:3 the key \"name\" stands here a second time";
    bad_utf8: b"kind: Pod\nname: \xff" => "7:7 this byte is not UTF-8";
    a_nul_byte: "kind: P\0od" => "6:8 a NUL byte; this is no text file";
    broken_json: "{\"kind\": \"Pod\",\n  \"metadata\" 1}" => "7:14 expected `:`";
    cut_off_json: "{\"kind\": \"Pod\"" => "7:1 EOF while parsing an object";
    an_unknown_alias: "kind: *nobody" => "6:7 while parsing node, found unknown anchor";
    an_alias_in_itself: "kind: &a [*a]" => "6:11 an alias can't stand inside what it names";
    a_list_item_that_is_none: "apiVersion: v1\nkind: List\nitems:\n- 12\n- kind: Pod" =>
        "9:3 this is not a mapping, so it can't be a Kubernetes object; 10:3 no apiVersion, so it is no Kubernetes object";
    carriage_returns_are_fine: GOOD.replace('\n', "\r\n").replace("good", "other") => "";
    directives_and_comments_are_fine: "# Source: x/y.yaml\n\n---\n# nothing\n---\n%YAML 1.1\n---\n" => "";
}

#[test]
fn an_alias_bomb_is_stopped_where_it_explodes() {
    let mut bomb = "a0: &a0 [lol,lol,lol,lol,lol,lol,lol,lol,lol]\n".to_owned();
    for i in 1..30 {
        let row = format!("*a{},", i - 1).repeat(9);
        bomb.push_str(&format!("a{i}: &a{i} [{row}]\n"));
    }
    let problem = between(&bomb);
    assert!(problem.ends_with("its aliases unfold to far more than the document holds (an alias bomb?)"), "{problem}");
    assert!(problem.starts_with("9:") || problem.starts_with("10:"), "stopped early: {problem}");
}

#[test]
fn depth_is_bounded_in_yaml_json_and_through_aliases() {
    let flow = format!("a: {}1{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(between(&flow).ends_with("nested deeper than 100 levels"), "{}", between(&flow));
    let block = format!("a:\n{}", (1..5000).map(|i| format!("{}b:\n", " ".repeat(i))).collect::<String>());
    assert!(between(&block).contains("nested deeper than 100 levels"), "{}", between(&block));
    let json = format!("{{\"a\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(between(&json).ends_with("recursion limit exceeded"), "{}", between(&json));
    let nested = |i: usize| format!("a{i}: &a{i} {}*a{}{}\n", "[".repeat(60), i - 1, "]".repeat(60));
    let aliases = format!("a0: &a0 1\n{}", (1..50).map(nested).collect::<String>());
    assert!(between(&aliases).ends_with("nested deeper than 100 levels through an alias"), "{}", between(&aliases));
}

#[test]
fn a_scalar_of_10_mb_is_only_large() {
    let big = "x".repeat(10 << 20);
    let text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: big\ndata:\n  a: {big}\n");
    assert_eq!(between(&text), "");
    assert_eq!(between(text.replace(&big, &format!("\"{big}\""))), "");
}

#[test]
fn a_file_of_one_byte_order_mark_and_a_file_in_utf_16() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("bom.yaml"), format!("\u{feff}{GOOD}")).unwrap();
    fs::write(dir.path().join("wide.yaml"), [0xff, 0xfe, b'k', 0]).unwrap();
    let facts = &open(dir.path()).unwrap()[0];
    assert_eq!(facts.objects(&kinds::SERVICE).len(), 1);
    assert_eq!(facts.problems[0].reason, "this is UTF-16; save it as UTF-8");
}

#[test]
fn terminal_escapes_stay_data() {
    // They are a renderer's business; here they must neither fail nor be lost.
    let text = "apiVersion: v1\nkind: Service\nmetadata:\n  name: \"\\e[2J\\e[31mred\"\n";
    assert_eq!(between(text), "");
    let raw = between("kind: \u{1b}[2J");
    assert!(raw.starts_with("6:7 "), "{raw}");
}

#[test]
fn the_same_object_twice() {
    let problem = between(GOOD);
    assert!(problem.starts_with("6:1 Service good is also at "), "{problem}");
    assert!(problem.ends_with("1:1; this later one counts"), "{problem}");
}

#[test]
fn typed_lists_in_both_languages_keep_places() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.yaml");
    let yaml = "apiVersion: v1\nkind: PodList\nitems:\n- metadata:\n    name: a\n- metadata:\n    name: b\n";
    let json =
        "{\"apiVersion\": \"v1\", \"kind\": \"PodList\", \"items\": [\n  {\"metadata\": {\"name\": \"c\"}}, {\"metadata\": {}}]}";
    fs::write(&path, format!("{yaml}---\n{json}\n")).unwrap();
    let facts = &open(&path).unwrap()[0];
    let places: Vec<_> = facts.objects(&kinds::POD).iter().map(|o| o.place.clone().unwrap()).collect();
    assert_eq!(places.iter().map(|p| (p.line, p.column)).collect::<Vec<_>>(), [(4, 3), (6, 3), (10, 3)]);
    assert_eq!(problems(facts, &path), "10:32 this Pod has no metadata.name");
}

#[test]
fn a_long_list_is_cut_and_keeps_places() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.yaml");
    let item =
        |i: usize| format!("- metadata:\n    name: n{i}\n  data:\n    text: |\n      - not an item\n      {}\n", "x".repeat(100));
    let mut text = "apiVersion: v1\nkind: ConfigMapList\nitems:\n".to_owned();
    text.extend((0..3000).map(item));
    text.push_str("- metadata: {name: [}\nmetadata:\n  resourceVersion: \"\"\n");
    fs::write(&path, text).unwrap();
    let facts = &open(&path).unwrap()[0];
    let maps = facts.objects(&kinds::CONFIG_MAP);
    assert_eq!(maps.len(), 3000, "{:?}", facts.problems.first());
    let place = maps[2999].place.clone().unwrap();
    assert_eq!((place.line, place.column), (4 + 2999 * 6, 3));
    assert_eq!(facts.problems.len(), 1);
    assert_eq!(facts.problems[0].place.line, 4 + 3000 * 6);
}

#[test]
fn what_can_not_be_opened_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let error = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        let error = open(&path).unwrap_err();
        assert_eq!(error.kind, Kind::Input);
        assert!(!error.hints.is_empty(), "{error}");
        format!("{error} | {}", error.causes.join(" | ")).replace(&format!("{}/", dir.path().display()), "")
    };
    assert_eq!(error("empty.yaml", b""), "no Kubernetes object could be read from empty.yaml | it holds no document");
    assert_eq!(
        error("bug.tar.gz", b"\x1f\x8b\x08"),
        "bug.tar.gz is a gzip archive, such as istioctl bug-report makes; these are not supported yet | "
    );
    assert_eq!(
        error("dump.zip", b"PK\x03\x04"),
        "dump.zip is a zip archive, such as cilium sysdump makes; these are not supported yet | "
    );
    assert_eq!(
        error("a.yaml", b"a: 1"),
        "no Kubernetes object could be read from a.yaml | a.yaml:1:1: neither kind nor apiVersion, so it is no Kubernetes object"
    );
    assert!(error("z.tar.zst", b"\x28\xb5\x2f\xfdgarbage").starts_with("z.tar.zst is no readable recording | "));
    let missing = open(&dir.path().join("nothing")).unwrap_err();
    assert!(missing.causes[0].contains("No such file") && missing.hints[0].contains("demo"), "{missing:?}");
    let empty = tempfile::tempdir().unwrap();
    assert!(open(empty.path()).unwrap_err().message.ends_with("holds no manifests"));
}

/// A recording that was unpacked, changed by `change`, and packed again.
fn repacked(change: impl Fn(&mut tar::Builder<Vec<u8>>, &str, Vec<u8>)) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.tar.zst");
    archive::write(&path, &[sample()], false).unwrap();
    let plain = zstd::decode_all(fs::File::open(&path).unwrap()).unwrap();
    let mut tar = tar::Builder::new(Vec::new());
    for entry in tar::Archive::new(plain.as_slice()).entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
        change(&mut tar, &name, bytes);
    }
    zstd::encode_all(tar.into_inner().unwrap().as_slice(), 1).unwrap()
}

fn append(tar: &mut tar::Builder<Vec<u8>>, name: &str, bytes: &[u8], kind: tar::EntryType) {
    let mut header = tar::Header::new_gnu();
    // Past the check of the library, which refuses to write such names.
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_size(bytes.len() as u64);
    header.set_mode(0o600);
    header.set_entry_type(kind);
    header.set_cksum();
    tar.append(&header, bytes).unwrap();
}

fn file(tar: &mut tar::Builder<Vec<u8>>, name: &str, bytes: &[u8]) {
    append(tar, name, bytes, tar::EntryType::Regular);
}

fn load(bytes: &[u8]) -> meshctl::error::Result<Facts> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.tar.zst");
    fs::write(&path, bytes).unwrap();
    let facts = open(&path).map(|mut all| all.remove(0));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is unpacked");
    facts
}

#[test]
fn paths_that_lead_outside_and_links_are_not_followed() {
    let bytes = repacked(|tar, name, bytes| {
        file(tar, name, &bytes);
        file(tar, "../../evil", b"x");
        file(tar, "/etc/evil", b"x");
        append(tar, "0/link", b"", tar::EntryType::Symlink);
    });
    let facts = load(&bytes).unwrap();
    assert_eq!(facts.objects(&kinds::POD).len(), 2);
    let reasons: Vec<_> = facts.problems.iter().map(|p| p.reason.as_str()).collect();
    assert!(reasons.contains(&"its entry \"../../evil\" is a path that leads outside; not read"), "{reasons:?}");
    assert!(reasons.contains(&"its entry \"0/link\" is a link or a device; not read"), "{reasons:?}");
}

#[test]
fn a_folder_whose_files_are_links_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    archive::write(&path, &[sample()], false).unwrap();
    let pods =
        fs::read_dir(path.join("0")).unwrap().map(|f| f.unwrap().path()).find(|f| f.to_string_lossy().contains("pods")).unwrap();
    fs::remove_file(&pods).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &pods).unwrap();
    let facts = &open(&path).unwrap()[0];
    assert_eq!(facts.get(&Need::list(&kinds::POD)).unwrap().outcome.word(), "failed");
    assert_eq!(facts.objects(&kinds::SERVICE).len(), 1);
}

#[test]
fn an_archive_of_100_000_entries_is_walked_through() {
    let first = std::cell::Cell::new(true);
    let bytes = repacked(|tar, name, bytes| {
        file(tar, name, &bytes);
        if first.replace(false) {
            (0..100_000).for_each(|i| file(tar, &format!("junk/{i}"), b""));
        }
    });
    assert_eq!(load(&bytes).unwrap().objects(&kinds::POD).len(), 2);
}

#[test]
fn an_archive_without_index_is_not_hoarded() {
    let mut tar = tar::Builder::new(Vec::new());
    let chunk = vec![0u8; 8 << 20];
    (0..10).for_each(|i| file(&mut tar, &format!("junk/{i}"), &chunk));
    let error = load(&zstd::encode_all(tar.into_inner().unwrap().as_slice(), 1).unwrap()).unwrap_err();
    assert_eq!(error.causes, ["no meshctl-snapshot.json in its first 64 MiB"]);
}

#[test]
fn a_compressed_bomb_inside_a_list_is_cut() {
    // 80 MiB of one line; the reader holds at most 64.
    let bytes = repacked(|tar, name, bytes| {
        let bomb = if name.contains("-pods") { vec![b' '; 80 << 20] } else { bytes };
        file(tar, name, &bomb);
    });
    let facts = load(&bytes).unwrap();
    let pods = facts.get(&Need::list(&kinds::POD)).unwrap();
    assert!(pods.partial.as_deref().unwrap().contains("2 of 2 objects are missing"), "{pods:?}");
    assert_eq!(facts.objects(&kinds::SERVICE).len(), 1);
}

#[test]
fn a_long_name_record_is_not_swallowed_whole() {
    let bytes = repacked(|tar, name, bytes| {
        append(tar, "././@LongLink", &vec![b'a'; 1 << 20], tar::EntryType::GNULongName);
        file(tar, name, &bytes);
    });
    assert_eq!(load(&bytes).unwrap().objects(&kinds::POD).len(), 2);
}

#[test]
fn missing_and_garbled_members_are_failures_of_their_own() {
    let bytes = repacked(|tar, name, bytes| match name {
        _ if name.contains("-pods") => file(tar, name, b"{\"object\": {\"metadata\": {\"name\": \"a\"}}}\nnonsense\n"),
        _ if name.contains("-services") => {}
        _ => file(tar, name, &bytes),
    });
    let facts = load(&bytes).unwrap();
    let pods = facts.get(&Need::list(&kinds::POD)).unwrap();
    assert_eq!(facts.objects(&kinds::POD).len(), 1);
    assert!(pods.partial.as_deref().unwrap().starts_with("1 of 2 objects are missing from 0/"), "{pods:?}");
    let services = &facts.get(&Need::list(&kinds::SERVICE)).unwrap().outcome;
    assert!(matches!(services, Outcome::Failed(why) if why.ends_with("is missing from the recording")), "{services:?}");
    assert!(facts.text(&Need::Version).is_some());
    assert!(facts.problems.iter().any(|p| p.reason.ends_with("line 2 is no recorded object")), "{:?}", facts.problems);
}

#[test]
fn a_recording_that_is_cut_off_gives_what_came() {
    let plain = zstd::decode_all(repacked(|tar, name, bytes| file(tar, name, &bytes)).as_slice()).unwrap();
    // In the middle of the services; the index, which comes first, names them too.
    let services = plain.windows(16).rposition(|w| w == b"-services.ndjson").unwrap();
    let facts = load(&zstd::encode_all(&plain[..services + 700], 1).unwrap()).unwrap();
    assert!(facts.problems.iter().any(|p| p.reason.starts_with("it is damaged or cut off")), "{:?}", facts.problems);
    let words: Vec<_> = facts.iter().map(|(_, answer)| answer.outcome.word()).collect();
    assert!(words.contains(&"failed") && words.contains(&"forbidden"), "{words:?}");
    // The compressed bytes cut: whatever is left, it says so.
    let whole = repacked(|tar, name, bytes| file(tar, name, &bytes));
    match load(&whole[..whole.len() - 8]) {
        Ok(facts) => assert!(!facts.problems.is_empty()),
        Err(error) => assert!(error.message.ends_with("is no readable recording")),
    }
}

#[test]
fn an_index_that_lies_is_refused_or_named() {
    let index = |text: &'static str| {
        load(&repacked(move |tar, name, bytes| file(tar, name, if name == archive::MANIFEST { text.as_bytes() } else { &bytes })))
    };
    assert!(index("{").unwrap_err().message.ends_with("its meshctl-snapshot.json is damaged"));
    assert!(index("[1]").unwrap_err().message.ends_with("its meshctl-snapshot.json is damaged"));
    assert!(index(r#"{"format_version": 4294967295}"#).unwrap_err().message.contains("format version 4294967295"));
    let none = index(r#"{"format_version": 1, "taken": "2026-01-01T00:00:00Z", "clusters": []}"#);
    assert!(none.unwrap_err().message.ends_with("holds no cluster"));
    let odd = r#"{"format_version": 1, "taken": "2026-01-01T00:00:00Z", "clusters": [{"name": "x", "kind": "live",
        "now": "2026-01-01T00:00:00Z", "needs": [{"need": {"need": "telepathy"}, "outcome": "answered", "at": "2026-01-01T00:00:00Z"},
        {"need": {"need": "version"}, "outcome": "answered", "at": "2026-01-01T00:00:00Z", "content": "text", "file": "../../etc/passwd"}]}]}"#;
    let facts = index(odd).unwrap();
    assert_eq!(facts.get(&Need::Version).unwrap().outcome.word(), "failed");
    let reasons: Vec<_> = facts.problems.iter().map(|p| p.reason.as_str()).collect();
    assert!(
        reasons.iter().any(|r| r.contains("telepathy")) && reasons.iter().any(|r| r.contains("outside of it")),
        "{reasons:?}"
    );
}

#[test]
fn an_answer_without_a_problem_has_none() {
    let facts = &open(&fixture("manifests/shop.yaml")).unwrap()[0];
    assert_eq!((facts.problems.len(), facts.objects(&kinds::SERVICE).len()), (0, 7));
}

#[test]
fn what_is_binary_is_told_from_its_first_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("core.yaml");
    // 8 GiB that take no room on the disk.
    fs::File::create(&path).unwrap().set_len(8 << 30).unwrap();
    let error = open(&path).unwrap_err();
    assert!(error.causes[0].starts_with("it is binary (it holds NUL bytes)"), "{:?}", error.causes);
}
