//! `meshctl charts`, and where other commands take charts from: repositories and registries on a loopback port.

mod server;

use crate::{meshctl, parts};
use server::{Reply, Server, chart, packed, sha256};
use std::path::Path;
use tempfile::TempDir;

struct Place {
    server: Server,
    home: TempDir,
}

impl Place {
    fn new() -> Place {
        Place { server: Server::start(), home: tempfile::tempdir().expect("a folder") }
    }

    fn run(&self, words: &[&str]) -> (i32, String, String) {
        parts(&meshctl(self.home.path()).args(words).output().expect("meshctl starts"))
    }

    /// A chart that has to come, by what it prints.
    fn rendered(&self, words: &[&str]) -> String {
        let (code, out, err) = self.run(&[&["manifest"], words].concat());
        assert_eq!((code, err.as_str()), (0, ""), "{words:?}");
        out
    }

    /// What has to be refused, with these words on stderr, and nothing kept.
    fn refused(&self, words: &[&str], wanted: &[&str]) {
        let (code, out, err) = self.run(words);
        assert_eq!((code, out.as_str()), (2, ""), "{words:?}: {err}");
        wanted.iter().for_each(|wanted| assert!(err.contains(wanted), "{words:?}: {wanted:?} is not said in\n{err}"));
        assert!(!err.contains("sesame"), "a password is printed: {err}");
    }

    /// Archives that are kept from one run to the next.
    fn kept(&self) -> Vec<String> {
        fn walk(folder: &Path, all: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.path().is_dir() {
                    walk(&entry.path(), all);
                } else {
                    all.push(entry.file_name().to_string_lossy().into_owned());
                }
            }
        }
        let mut all = Vec::new();
        walk(&self.home.path().join(".cache"), &mut all);
        all.retain(|name| name.ends_with(".tgz"));
        all.sort();
        all
    }

    fn registry(&self) -> String {
        format!("oci://127.0.0.1:{}", self.server.port)
    }
}

#[test]
fn a_repository_gives_the_newest_in_the_range_once() {
    let place = Place::new();
    let all = ["1.9.0", "1.10.0", "2.0.0-rc.1"].map(|version| (version, chart("web", version)));
    place.server.repository(&all.each_ref().map(|(version, bytes)| ("web", *version, bytes.as_slice())));
    let repo = place.server.url();
    for (range, wanted) in
        [(None, "1.10.0"), (Some("~1.9"), "1.9.0"), (Some("<1.10"), "1.9.0"), (Some(">=2.0.0-0"), "2.0.0-rc.1")]
    {
        let mut words = vec!["--chart", "web", "--repo", &repo];
        words.extend(range.iter().flat_map(|range| ["--version", range]));
        assert!(place.rendered(&words).contains(&format!("from: {wanted}")), "{range:?}");
    }
    assert_eq!(place.server.asked_for("/web-1.9.0.tgz"), 1, "the second time it is there already");
    let asked = place.server.asked().len();
    assert!(place.rendered(&["--chart", "web", "--repo", &repo, "--version", "1.9.0"]).contains("from: 1.9.0"));
    assert_eq!(place.server.asked().len(), asked, "a full version that is there needs nobody");
    place.refused(&["manifest", "--chart", "web", "--repo", &repo, "--version", "^3"], &["fits ^3", "2.0.0-rc.1, 1.10.0, 1.9.0"]);
    place.refused(&["manifest", "--chart", "web", "--repo", &repo, "--version", "new"], &["no range", "'>=1.28 <1.30'"]);
    place.refused(&["manifest", "--chart", "wep", "--repo", &repo], &["has no chart wep", "it has web"]);
}

#[test]
fn what_is_not_what_was_promised_is_not_kept() {
    let place = Place::new();
    let good = chart("web", "1.0.0");
    place.server.repository(&[("web", "1.0.0", &good), ("other", "1.0.0", &good)]);
    let repo = place.server.url();
    let words = ["manifest", "--chart", "web", "--repo", &repo];
    place.server.file("/web-1.0.0.tgz", Reply::ok(chart("web", "1.0.1")));
    place.refused(&words, &["not the chart that the repository promises", &sha256(&good), "nothing of it is kept"]);
    place.server.file("/web-1.0.0.tgz", Reply::ok(good.clone()).cut_off());
    place.refused(&words, &["can't fetch", "before the answer was complete"]);
    place.refused(&["manifest", "--chart", "other", "--repo", &repo], &["is another chart", "other is wanted, and it is web"]);
    place.server.file("/web-1.0.0.tgz", Reply::status(404));
    place.refused(&words, &["web-1.0.0.tgz", "there is nothing (404)"]);
    place.server.file("/index.yaml", Reply::ok("<html>"));
    place.refused(&words, &["can't read the index"]);
    assert!(place.kept().is_empty(), "{:?}", place.kept());
}

#[test]
fn hostile_archives_are_refused() {
    let place = Place::new();
    let meta = ("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n");
    let bomb = packed(&[meta, ("web/values.yaml", &" ".repeat(120 << 20))]);
    assert!(bomb.len() < 2 << 20);
    let repo = place.server.url();
    for (bytes, wanted) in [
        (packed(&[meta, ("web/../../out", "x")]), "illegally contains the path"),
        (packed(&[meta, ("/etc/out", "x")]), "illegally contains the path"),
        (bomb, "too large when unpacked"),
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03cut".to_vec(), "no gzipped tar"),
        (packed(&[("web/values.yaml", "a: 1")]), "Chart.yaml is missing"),
        (packed(&[("web/Chart.yaml", "apiVersion: v2\nname: ../web\nversion: 1.0.0\n")]), "is another chart"),
    ] {
        place.server.repository(&[("web", "1.0.0", &bytes)]);
        place.refused(&["charts", "pull", "--chart", "web", "--repo", &repo, "--to", "out"], &[wanted]);
    }
    let endless =
        packed(&[meta, ("web/templates/a.yaml", "{{ range until 1000000 }}{{ range until 1000000 }}x{{ end }}{{ end }}")]);
    place.server.repository(&[("web", "1.0.0", &endless)]);
    place.refused(&["manifest", "--chart", "web", "--repo", &repo], &["web/templates/a.yaml:1:", "too many steps"]);
    assert!(!place.home.path().join("out").exists());
}

#[test]
fn redirects_are_followed_and_take_no_password_along() {
    let (place, other) = (Place::new(), Server::start());
    let bytes = chart("web", "1.0.0");
    place.server.repository(&[("web", "1.0.0", &bytes)]);
    other.file("/elsewhere", Reply::ok(bytes));
    place.server.file("/web-1.0.0.tgz", Reply::status(302).with("Location", format!("{}/elsewhere", other.url())));
    let repo = format!("http://ann:sesame@127.0.0.1:{}", place.server.port);
    assert!(place.rendered(&["--chart", "web", "--repo", &repo]).contains("from: 1.0.0"));
    assert!(place.server.asked().iter().any(|request| request.authorization.starts_with("Basic ")), "the repository is told");
    assert_eq!(other.asked()[0].authorization, "", "nobody else is");
    place.server.file("/index.yaml", Reply::status(302).with("Location", "/index.yaml"));
    place.refused(&["manifest", "--chart", "web", "--repo", &repo], &["can't fetch", "redirects without end"]);
}

#[test]
fn name_and_password_open_a_repository() {
    let place = Place::new();
    place.server.repository(&[("web", "1.0.0", &chart("web", "1.0.0"))]);
    place.server.file("/web-1.0.0.tgz.prov", Reply::ok("signed"));
    place.server.on(|request| (request.authorization != "Basic YW5uOnNlc2FtZQ==").then(|| Reply::status(401)));
    let repo = place.server.url();
    let words = ["manifest", "--chart", "web", "--repo", &repo];
    place.refused(&words, &["it wants a user's name and password (401)"]);
    let mut command = meshctl(place.home.path());
    command.args(words).args(["--username", "ann"]).env("MESHCTL_CHARTS_PASSWORD", "sesame");
    let (code, out, err) = parts(&command.output().expect("meshctl starts"));
    assert!(code == 0 && out.contains("from: 1.0.0"), "{err}");
    let mut command = meshctl(place.home.path());
    command.args(["charts", "pull", "--prov"]).args(&words[1..]).args(["--username", "ann"]);
    let (code, _, err) = parts(&command.env("MESHCTL_CHARTS_PASSWORD", "sesame").output().expect("meshctl starts"));
    assert!(code == 0 && place.home.path().join("web-1.0.0.tgz.prov").exists(), "what is signed too: {err}");
}

#[test]
fn a_registry_gives_a_chart_by_tag_range_and_digest() {
    let place = Place::new();
    for version in ["1.0.0", "1.1.0", "1.1.0_build.1"] {
        place.server.image("stable/web", version, &chart("web", &version.replace('_', "+")));
    }
    let first = r#"{"name":"stable/web","tags":["1.0.0","latest"]}"#;
    place.server.on(move |request| {
        let next = "</v2/stable/web/tags/list?last=latest>; rel=\"next\"";
        (request.path == "/v2/stable/web/tags/list").then(|| match request.query.as_str() {
            "" => Reply::ok(first).with("Link", next),
            _ => Reply::ok(r#"{"tags":["1.1.0","1.1.0_build.1"]}"#),
        })
    });
    let web = format!("{}/stable/web", place.registry());
    for (chart, range, wanted) in [
        (web.clone(), None, "from: 1.1.0"),
        (format!("{web}:1.0.0"), None, "from: 1.0.0\n"),
        (web.clone(), Some("~1.0"), "from: 1.0.0\n"),
        (web.clone(), Some("1.1.0+build.1"), "from: 1.1.0+build.1"),
    ] {
        let mut words = vec!["--plain-http", "--chart", &chart];
        words.extend(range.iter().flat_map(|range| ["--version", range]));
        assert!(place.rendered(&words).contains(wanted), "{chart} {range:?}");
    }
    let (code, out, err) = place.run(&["charts", "versions", "--plain-http", "--chart", &web]);
    assert!(code == 0 && out.contains("1.1.0") && out.contains("1.0.0") && !out.contains("latest"), "{out}{err}");
    place.refused(&["manifest", "--plain-http", "--chart", &format!("{web}:9.9.9")], &["web:9.9.9", "there is nothing (404)"]);
    let none = format!("{web}@sha256:{}", "0".repeat(64));
    place.refused(&["manifest", "--plain-http", "--chart", &none], &["can't fetch", "404"]);
}

#[test]
fn a_registry_that_wants_a_token_gets_one() {
    let place = Place::new();
    place.server.image("web", "1.0.0", &chart("web", "1.0.0"));
    let realm = format!("{}/token", place.server.url());
    place.server.on(move |request| {
        let challenge = format!("Bearer realm=\"{realm}\",service=\"r.example\",scope=\"repository:web:pull\"");
        match request.path.as_str() {
            "/token" => Some(Reply::ok(r#"{"token":"open"}"#)),
            _ if request.authorization != "Bearer open" => Some(Reply::status(401).with("WWW-Authenticate", challenge)),
            _ => None,
        }
    });
    let web = format!("{}/web:1.0.0", place.registry());
    assert!(place.rendered(&["--plain-http", "--chart", &web]).contains("from: 1.0.0"));
    let token = place.server.asked().into_iter().find(|request| request.path == "/token").expect("a token is asked for");
    assert_eq!(token.query, "service=r.example&scope=repository%3Aweb%3Apull");
    assert_eq!(place.server.asked_for("/token"), 1, "one token is enough");
    place.server.file("/token", Reply::status(403));
    let fresh = Place { server: Server::start(), home: tempfile::tempdir().expect("a folder") };
    fresh.refused(&["manifest", "--plain-http", "--chart", &web], &["no token: it refuses (403)"]);
}

#[test]
fn a_registry_that_lies_is_found_out() {
    let place = Place::new();
    let bytes = chart("web", "1.0.0");
    let layer = format!("/v2/web/blobs/sha256:{}", sha256(&bytes));
    place.server.image("web", "1.0.0", &bytes);
    let web = format!("{}/web:1.0.0", place.registry());
    let words = ["manifest", "--plain-http", "--chart", web.as_str()];
    place.server.file(&layer, Reply::ok(vec![b'x'; bytes.len()]));
    place.refused(&words, &["the manifest promises sha256:"]);
    place.server.file(&layer, Reply::ok(vec![b'x'; bytes.len() + 1]));
    place.refused(&words, &["longer than"]);
    let image = r#"{"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:0","size":1}]}"#;
    place.server.file("/v2/web/manifests/1.0.0", Reply::ok(image));
    place.refused(&words, &["an image, and no Helm chart"]);
    place.server.file("/v2/web/manifests/1.0.0", Reply::ok(image).with("Docker-Content-Digest", "sha256:abc"));
    place.refused(&words, &["its manifest has the checksum", "sha256:abc is promised"]);
    assert!(place.kept().is_empty());
}

/// The way of a machine without a way out: fetched elsewhere, used here.
#[test]
fn a_mesh_is_pulled_and_rendered_without_the_repository() {
    let place = Place::new();
    let names = ["base", "istiod", "cni", "ztunnel", "gateway"];
    let all: Vec<(&str, Vec<u8>)> = names.iter().map(|name| (*name, chart(name, "1.30.1"))).collect();
    place.server.repository(&all.iter().map(|(name, bytes)| (*name, "1.30.1", bytes.as_slice())).collect::<Vec<_>>());
    let repo = place.server.url();
    let (code, out, err) = place.run(&["charts", "pull", "istio", "--repo", &repo, "--version", "1.30", "--to", "air"]);
    assert!(code == 0 && out.contains("5 charts in air") && out.contains("as the index says"), "{out}{err}");
    assert!(err.contains("meshctl install istio --charts air"), "{err}");
    let asked = place.server.asked().len();
    let (code, out, err) = place.run(&["manifest", "istio", "--charts", "air", "--profile", "ambient"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let order: Vec<_> = ["name: istio-system", "name: istio-base", "name: istiod", "name: istio-cni", "name: ztunnel"]
        .iter()
        .map(|text| out.find(text).unwrap_or_else(|| panic!("{text} is missing in\n{out}")))
        .collect();
    assert!(order.is_sorted(), "{out}");
    assert!(!out.contains("istio-ingressgateway"), "ambient has no gateway");
    assert_eq!(place.server.asked().len(), asked, "nobody is asked");
    let (code, out, _) = place.run(&["charts", "values", "istio", "istiod", "--charts", "air"]);
    assert_eq!((code, out.as_str()), (0, "# said by its author\na: 1\n"));
    place.refused(&["manifest", "istio", "--charts", "air", "--version", "^2"], &["can't find the chart base in air", "fits ^2"]);
}

#[test]
fn provenance_is_fetched_and_not_called_verified() {
    let place = Place::new();
    let bytes = chart("web", "1.0.0");
    place.server.repository(&[("web", "1.0.0", &bytes)]);
    let repo = place.server.url();
    let words = ["charts", "pull", "--chart", "web", "--repo", &repo, "--prov", "--to", "out"];
    let (code, out, _) = place.run(&words);
    assert!(code == 0 && out.contains("no provenance"), "{out}");
    let signed = format!("-----BEGIN PGP SIGNED MESSAGE-----\nfiles:\n  web-1.0.0.tgz: sha256:{}\n", sha256(&bytes));
    place.server.file("/web-1.0.0.tgz.prov", Reply::ok(signed));
    let (code, out, _) = place.run(&words);
    assert!(code == 0 && out.contains("signature not verified"), "{out}");
    assert!(place.home.path().join("out/web-1.0.0.tgz.prov").exists());
    place.server.file("/web-1.0.0.tgz.prov", Reply::ok(format!("web-1.0.0.tgz: sha256:{}", "0".repeat(64))));
    let (code, out, _) = place.run(&words);
    assert!(code == 0 && out.contains("another archive's"), "{out}");
}

fn signed(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/fixtures/provenance/{name}", env!("CARGO_MANIFEST_DIR"))).expect(name)
}

const RING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/provenance/ring.gpg");

#[test]
fn signatures_are_verified_wherever_a_chart_comes_from() {
    let place = Place::new();
    let bytes = signed("web-1.0.0.tgz");
    let (name, rita) = ("signed by Rita RSA <rita@charts.example>", signed("rita.prov"));
    place.server.repository(&[("web", "1.0.0", &bytes)]);
    place.server.file("/web-1.0.0.tgz.prov", Reply::ok(rita.clone()));
    place.server.signed_image("charts/web", "1.0.0", &bytes, Some(&rita));
    let (repo, trust) = (place.server.url(), ["--verify", "--keyring", RING]);
    let (code, out, err) =
        place.run(&[&["charts", "pull", "--chart", "web", "--repo", &repo, "--to", "out"], trust.as_slice()].concat());
    assert!(code == 0 && out.contains(name) && out.contains("as the index says"), "{out}{err}");
    assert!(err.contains("key EF0ED0C4BB03B69ECE8FE939D1C22D258A992063, sha256:ea1f8872"), "{err}");
    assert!(!err.contains("hint"), "{err}");
    let (registry, archive) = (format!("{}/charts/web:1.0.0", place.registry()), format!("{repo}/web-1.0.0.tgz"));
    for words in [
        vec!["--chart", "out/web-1.0.0.tgz"],
        vec!["--chart", "web", "--repo", &repo, "--version", "1.0.0"],
        vec!["--chart", &archive],
        vec!["--chart", &registry, "--plain-http"],
    ] {
        let (code, out, err) = place.run(&[&["manifest"], words.as_slice(), &trust].concat());
        assert!(code == 0 && out.contains("kind: ConfigMap") && err.contains(name), "{words:?}: {out}{err}");
    }
    let (code, out, _) =
        place.run(&[&["charts", "pull", "--chart", &registry, "--plain-http", "-o", "json"], trust.as_slice()].concat());
    let json: serde_json::Value = serde_json::from_str(&out).expect("a document");
    assert_eq!((code, &json["charts"][0]["provenance"]), (0, &"verified".into()));
    assert_eq!(json["charts"][0]["signedBy"][0], "Rita RSA <rita@charts.example>");
    // Where Helm looks for it.
    let home = place.home.path().join(".gnupg");
    std::fs::create_dir(&home).expect("a folder");
    place.refused(&["manifest", "--chart", "out/web-1.0.0.tgz", "--verify"], &[".gnupg/pubring.gpg", "gpg --export KEY >FILE"]);
    std::fs::copy(RING, home.join("pubring.gpg")).expect("a keyring");
    let (code, _, err) = place.run(&["manifest", "--chart", "out/web-1.0.0.tgz", "--verify"]);
    assert!(code == 0 && err.contains(name), "{err}");
}

#[test]
fn a_chart_that_nobody_trusted_has_signed_is_not_taken() {
    let place = Place::new();
    let bytes = signed("web-1.0.0.tgz");
    place.server.repository(&[("web", "1.0.0", &bytes)]);
    let (repo, trust) = (place.server.url(), ["--verify", "--keyring", RING]);
    let pull = [&["charts", "pull", "--chart", "web", "--repo", &repo, "--to", "out"], trust.as_slice()].concat();
    place.refused(&pull, &["web-1.0.0.tgz is not signed", "no web-1.0.0.tgz.prov beside it", "helm package --sign"]);
    for (name, wanted) in [
        ("stranger", ["it is signed by the key ", "keys of Rita RSA"]),
        ("changed", ["what it says is not what was signed", "nothing of it is kept"]),
        ("other", ["sha256:ea1e", "nothing of it is kept"]),
        ("named", ["what was signed is web-1.0.1.tgz", "has to keep the name"]),
        ("olga", ["Olga Over <olga@charts.example> has expired", "newer"]),
        ("rex", ["Rex Revoked <rex@charts.example> was taken back", "newer"]),
        ("sha1", ["which is not supported", "gpg --verify"]),
    ] {
        place.server.file("/web-1.0.0.tgz.prov", Reply::ok(signed(&format!("{name}.prov"))));
        place.refused(&pull, &[&["web-1.0.0.tgz is not verified"], wanted.as_slice()].concat());
    }
    place.server.file("/web-1.0.0.tgz.prov", Reply::ok("<html>"));
    place.refused(&pull, &["no message that is signed"]);
    assert!(place.kept().is_empty() && !place.home.path().join("out").exists(), "{:?}", place.kept());
    std::fs::write(place.home.path().join("box"), [&[0; 8], b"KBXf".as_slice()].concat()).expect("written");
    let words = ["charts", "pull", "--chart", "web", "--repo", &repo, "--verify", "--keyring"];
    place.refused(&[&words, ["box"].as_slice()].concat(), &["a keybox", "gpg --export KEY >FILE"]);
    place.refused(&["charts", "pull", "istio", "--keyring", "x"], &["--verify"]);
    // A folder is not what was signed; nor is one archive of a mesh enough.
    std::fs::create_dir(place.home.path().join("air")).expect("a folder");
    std::fs::write(place.home.path().join("air/base-1.30.1.tgz"), chart("base", "1.30.1")).expect("written");
    let words = [&["manifest", "istio", "--profile", "minimal", "--charts", "air"], trust.as_slice()].concat();
    place.refused(&words, &["air/base-1.30.1.tgz is not signed"]);
    place.refused(&[&["manifest", "--chart", "air"], trust.as_slice()].concat(), &["only packed charts are signed"]);
}

#[test]
fn a_repository_that_nobody_reaches_is_one_error_with_the_other_way() {
    let place = Place::new();
    // Bound and given up: nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let repo = format!("http://127.0.0.1:{port}/charts");
    for words in [
        vec!["manifest", "istio", "--repo", &repo],
        vec!["charts", "pull", "linkerd", "--repo", &repo],
        vec!["charts", "versions", "cilium", "--repo", &repo],
    ] {
        place.refused(&words, &[&format!("can't reach {repo}"), "connection refused", "--charts DIR"]);
    }
    place.refused(&["charts", "pull"], &["which mesh, or which chart?", "istio, linkerd, cilium, consul"]);
    place.refused(&["charts", "pull", "istio", "pilot"], &["its parts are: base"]);
    place.refused(&["charts", "pull", "--chart", "./web"], &["is on this machine already"]);
    place.refused(&["manifest"], &["which mesh, or which chart?"]);
}

#[test]
fn what_is_there_is_listed_without_asking_anybody() {
    let place = Place::new();
    let (code, out, err) = place.run(&["charts", "list"]);
    assert_eq!((code, err.as_str()), (0, ""));
    for word in ["istiod", "linkerd-control-plane", "cilium", "consul", "https://helm.cilium.io", "on demand"] {
        assert!(out.contains(word), "{word} is missing in\n{out}");
    }
    assert!(out.lines().all(|line| line.chars().count() <= 100), "{out}");
}
