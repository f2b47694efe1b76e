//! `meshctl proxy-config` on files, as a whole process.

use super::run;
use serde_json::Value;

fn fixture(name: &str) -> String {
    format!("{}/fixtures/envoy/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_part_reads_a_file_and_every_alias_is_one() {
    let dump = fixture("rejected.json");
    let hosts = fixture("clusters.json");
    for names in [
        &["cluster", "clusters", "c"][..],
        &["listener", "listeners", "l"],
        &["route", "routes", "r"],
        &["secret", "secrets", "s"],
    ] {
        let answers: Vec<_> = names.iter().map(|name| run(&["pc", name, "-f", &dump])).collect();
        assert_eq!(answers[0].0, 0, "{}", answers[0].2);
        assert!(answers.iter().all(|answer| answer == &answers[0]), "{names:?}");
    }
    for part in ["all", "a", "bootstrap", "b", "eds", "ecds", "ec"] {
        let (code, out, err) = run(&["proxy-config", part, "--file", &dump]);
        assert_eq!((code, err.as_str()), (0, ""), "{part}");
        assert!(!out.is_empty(), "{part}");
    }
    for part in ["endpoint", "endpoints", "ep"] {
        assert!(run(&["pc", part, "-f", &hosts]).1.starts_with("ENDPOINT"), "{part}");
    }
}

#[test]
fn a_refused_update_is_bad_news_for_scripts_that_ask() {
    let dump = fixture("rejected.json");
    let (code, out, _) = run(&["pc", "listener", "-f", &dump, "--fail-on", "error"]);
    assert_eq!(code, 1);
    assert!(out.contains("rejected by the proxy"));
    assert_eq!(run(&["pc", "cluster", "-f", &dump, "--fail-on", "error"]).0, 0);
}

#[test]
fn a_wrong_file_is_an_error_with_the_next_step() {
    let (code, out, err) = run(&["pc", "endpoint", "-f", &fixture("rejected.json")]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("is a config dump") && err.contains("proxy-config eds"), "{err}");
    let (code, _, err) = run(&["pc", "cluster", "-f", "/no/such/file"]);
    assert_eq!(code, 2);
    assert!(err.contains("can't read /no/such/file"), "{err}");
}

#[test]
fn json_and_yaml_say_the_same() {
    let dump = fixture("rejected.json");
    let (code, json, _) = run(&["pc", "all", "-f", &dump, "-o", "json"]);
    assert_eq!(code, 0);
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(value["schema"], "meshctl/proxy-config/v1");
    let yaml: serde_json::Value = serde_yaml::from_str(&run(&["pc", "all", "-f", &dump, "-o", "yaml"]).1).expect("YAML");
    assert_eq!(value, yaml);
}

#[test]
fn a_dump_of_a_ztunnel_and_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("dump.json");
    std::fs::write(&file, r#"{"workloads":[{"name":"web-1","namespace":"shop","workloadIps":["10.0.0.7"],"node":"n1","protocol":"HBONE"}],"services":[]}"#).expect("a file");
    let path = file.display().to_string();
    let (code, out, _) = run(&["zc", "workload", "-f", &path]);
    assert_eq!(code, 0);
    assert!(out.contains("web-1") && out.contains("HBONE"), "{out}");
    let (code, out, _) = run(&["zc", "all", "-f", &path, "-o", "json"]);
    let value: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &value["proxies"][0]["workloads"][0]["address"]), (0, &"10.0.0.7".into()));
    let (code, _, err) = run(&["zc", "workload", "-f", &fixture("rejected.json")]);
    assert_eq!(code, 2);
    assert!(err.contains("proxy-config reads it"), "{err}");
}

#[test]
fn two_dumps_are_compared_by_what_they_mean() {
    let dump = fixture("rejected.json");
    let (code, out, _) = run(&["pc", "diff", &dump, &dump, "--fail-on", "warning"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("They are the same"), "{out}");
    let folder = tempfile::tempdir().expect("a folder");
    let other = folder.path().join("other.json");
    let text = std::fs::read_to_string(&dump).expect("the fixture");
    // Another time everywhere, and one other timeout.
    std::fs::write(&other, text.replace("2026-", "2025-").replace("\"connect_timeout\": \"2s\"", "\"connect_timeout\": \"7s\""))
        .expect("a file");
    let other = other.display().to_string();
    let (code, out, _) = run(&["pc", "diff", &dump, &other, "-o", "json", "--fail-on", "warning"]);
    let value: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &value["different"]), (1, &1.into()), "{out}");
    assert_eq!(run(&["pc", "diff", &dump, &other]).0, 0, "only who asks gets an exit code");
}

/// What is printed can be read again, by this program and by others, and is the proxy's own text to the letter.
#[test]
fn the_proxys_own_text_is_a_dump_again() {
    let again = tempfile::NamedTempFile::new().expect("a file");
    let path = again.path().to_str().expect("a path").to_owned();
    for name in
        ["istio/config_dump.json", "istio/warming.json", "istio/draining.json", "istio/error-state.json", "istio/ecds.json"]
    {
        let dump = fixture(name);
        let whole = std::fs::read_to_string(&dump).expect("the fixture");
        for part in ["all", "cluster", "listener", "route", "eds", "secret", "bootstrap", "ecds"] {
            let (code, out, _) = run(&["pc", part, "-f", &dump, "-o", "envoy"]);
            assert_eq!(code, 0, "{name} {part}");
            let value: serde_json::Value = serde_json::from_str(&out).expect("JSON");
            let configs = value["configs"].as_array().expect("sections").len();
            assert!(if part == "all" { configs > 0 } else { configs < 2 }, "{name} {part}: {configs}");
            // These are dumps without line breaks, so each element is a line; keys were masked by the proxy itself.
            let elements =
                out.lines().filter_map(|line| line.trim_end_matches(',').strip_suffix('}')).filter(|line| line.len() > 2);
            let own = |line: &str| line.strip_prefix("\"bootstrap\": ").unwrap_or(line).trim_end_matches(['}', ']']).to_owned();
            assert!(elements.clone().all(|line| whole.contains(&own(line))), "{name} {part}");
            assert!(configs == 0 || elements.count() > 0, "{name} {part}");
            std::fs::write(&path, &out).expect("written");
            let (first, second) = (run(&["pc", part, "-f", &dump, "-o", "wide"]), run(&["pc", part, "-f", &path, "-o", "wide"]));
            if configs > 0 {
                assert_eq!(first.1, second.1, "{name} {part}");
            }
        }
    }
    let hosts = fixture("istio/clusters.json");
    std::fs::write(&path, run(&["pc", "endpoint", "-f", &hosts, "-o", "envoy"]).1).expect("written");
    assert_eq!(run(&["pc", "endpoint", "-f", &hosts]).1, run(&["pc", "endpoint", "-f", &path]).1);
}

#[test]
fn the_proxys_own_text_is_filtered_masked_and_says_what_is_missing() {
    let dump = fixture("istio/config_dump.json");
    let (_, out, _) = run(&["pc", "cluster", "-f", &dump, "--fqdn", "istiod", "--port", "443", "-o", "envoy"]);
    let value: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let clusters = value["configs"][0]["dynamic_active_clusters"].as_array().expect("clusters");
    assert!(
        !clusters.is_empty() && clusters.iter().all(|one| one["cluster"]["name"].as_str().is_some_and(|n| n.contains("istiod")))
    );

    let mut file = tempfile::NamedTempFile::new().expect("a file");
    let text = r#"{"configs":[{"@type":"x.SecretsConfigDump","static_secrets":[{"name":"a","secret":{"name":"a",
        "tls_certificate":{"private_key":{"inline_string":"K3Y"}}}}, {"name":"b", "secret":{"name":"#;
    std::io::Write::write_all(&mut file, text.as_bytes()).expect("written");
    let path = file.path().to_str().expect("a path");
    for format in ["envoy", "json", "yaml", "wide"] {
        let (code, out, err) = run(&["pc", "secret", "-f", path, "-o", format]);
        assert!(code == 0 && out.contains('a') && !out.contains("K3Y"), "{format}: {out}");
        assert!((format != "envoy" && format != "wide") || (err + &out).contains("breaks off"), "{format}");
    }
    let (code, out, err) = run(&["pc", "stats", "-f", path, "-o", "envoy"]);
    assert!(code == 2 && out.is_empty() && err.contains("-o envoy is for"), "{err}");
}

#[test]
fn a_bootstrap_that_says_nothing_is_unknown() {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    let text = br#"{"configs":[{"@type":"type.googleapis.com/envoy.admin.v3.BootstrapConfigDump"}]}"#;
    std::io::Write::write_all(&mut file, text).expect("written");
    let (code, out, _) = run(&["pc", "bootstrap", "-f", file.path().to_str().expect("a path")]);
    assert!(code == 0 && out.contains("Envoy Version") && out.contains("unknown"), "{out}");
}

/// A file of more than a megabyte is read in parts, what comes through stdin whole: nobody sees which it was.
#[test]
fn a_big_file_is_shown_as_the_same_through_stdin_is() {
    let grown = |name: &str| {
        let text = std::fs::read_to_string(fixture(name)).expect("a fixture");
        let mut answer: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let times = (3 << 20) / text.len();
        let grow = |section: &mut serde_json::Value| {
            for list in section.as_object_mut().into_iter().flat_map(|section| section.values_mut()) {
                if let serde_json::Value::Array(items) = list {
                    *items = (0..times).flat_map(|_| items.clone()).collect();
                }
            }
        };
        match answer["configs"].as_array_mut() {
            Some(sections) => sections.iter_mut().for_each(grow),
            None => grow(&mut answer),
        }
        serde_json::to_vec_pretty(&answer).expect("JSON")
    };
    let same = |part: &str, format: &str, text: &[u8]| {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        std::io::Write::write_all(&mut file, text).expect("written");
        let path = file.path().to_str().expect("a path");
        let (code, out, err) = run(&["pc", part, "-o", format, "-f", path]);
        let home = tempfile::tempdir().expect("a folder");
        let stdin = std::fs::File::open(file.path()).expect("the file");
        let through = super::meshctl(home.path()).args(["pc", part, "-o", format, "-f", "-"]).stdin(stdin).output();
        let through = super::parts(&through.expect("meshctl starts"));
        assert!((code, &out, err.replace(path, "stdin")) == (through.0, &through.1, through.2), "{part} -o {format}");
        (code, out)
    };
    let dump = grown("istio/config_dump.json");
    for part in ["cluster", "listener", "route", "eds", "secret", "bootstrap", "ecds", "all"] {
        assert_eq!(same(part, "table", &dump).0, 0, "{part}");
    }
    let hosts = grown("istio/clusters.json");
    assert!(same("endpoint", "wide", &hosts).1.lines().count() > 1000, "more than is drawn at once");
    assert!(same("route", "wide", &dump).1.lines().count() > 100);
    assert_eq!(same("endpoint", "table", &dump).0, 2);
    for (part, text) in [("cluster", &dump), ("endpoint", &hosts)] {
        let cut = &text[..text.len() / 2];
        assert!(same(part, "table", cut).1.contains("breaks off"), "{part}");
        let mut broken = text.clone();
        broken[text.len() / 2] = 0xff;
        assert!(same(part, "table", &broken).1.contains("not UTF-8"), "{part}");
    }
}

fn snapshot(name: &str) -> String {
    format!("{}/fixtures/snapshots/{name}.tar.zst", env!("CARGO_MANIFEST_DIR"))
}

fn json(words: &[&str]) -> serde_json::Value {
    let (code, out, err) = run(&[words, &["-o", "json"]].concat());
    assert_eq!(code, 0, "{err}");
    serde_json::from_str(&out).expect("JSON")
}

/// A recording has the pods; a file alone does not, and then nothing is said of them.
#[test]
fn endpoints_are_joined_with_the_pods_behind_them() {
    let healthy = snapshot("istio/healthy");
    for part in ["endpoint", "eds"] {
        let of = |more: &[&str]| json(&[&["pc", part, "deploy/a.mesh", "--from", &healthy], more].concat());
        let report = of(&["--cluster", "outbound|8080||b.mesh.svc.cluster.local"]);
        let list = if part == "eds" { "eds" } else { "endpoints" };
        let rows = report["proxies"][0][list].as_array().expect("rows");
        let pods: Vec<&str> = rows.iter().filter_map(|row| row["pod"]["name"].as_str()).collect();
        assert_eq!(pods.len(), 2, "{rows:?}");
        assert!(pods.iter().all(|pod| pod.starts_with("b-v")) && rows[0]["pod"]["node"].is_string(), "{pods:?}");
        assert!(rows.iter().all(|row| row["pod"]["problem"].is_null()));
        let (_, wide, _) = run(&["pc", part, "deploy/a.mesh", "--from", &healthy, "-o", "wide"]);
        assert!(wide.lines().next().is_some_and(|titles| titles.contains("POD") && titles.contains("NODE")), "{wide}");
        let outside = of(&["--cluster", "outbound|80||outside.example.test"]);
        assert!(outside["proxies"][0][list][0]["pod"].is_null(), "an address outside of the cluster is nobody's");
    }
    let (_, out, _) = run(&["pc", "endpoint", "-f", &fixture("istio/clusters.json")]);
    assert!(!out.lines().next().is_some_and(|titles| titles.contains("POD")), "{out}");
}

/// No secrets are discovered there: certificates stand in listeners and clusters.
#[test]
fn certificates_of_a_proxy_without_secret_discovery() {
    let healthy = snapshot("consul/healthy");
    let report = json(&["pc", "secret", "deploy/web.consul-apps", "--from", &healthy]);
    let rows = report["proxies"][0]["secrets"].as_array().expect("secrets");
    assert_eq!(rows.iter().map(|row| row["type"].as_str().unwrap_or_default()).collect::<Vec<_>>(), ["Cert Chain", "CA"]);
    let (leaf, root) = (&rows[0], &rows[1]);
    assert!(leaf["certificates"][0]["uris"][0].as_str().is_some_and(|uri| uri.ends_with("/svc/web")), "{leaf}");
    assert_eq!(leaf["root"]["serial_number"], root["certificates"][0]["serial_number"]);
    assert!(leaf["used_by"].as_array().is_some_and(|users| users.len() > 1), "told once, with all who use it: {leaf}");
    assert_eq!((&leaf["valid"], &leaf["name"]), (&true.into(), &"<inline>".into()));
    let (code, out, err) = run(&["pc", "rootca-compare", "deploy/web.consul-apps", "deploy/api.consul-apps", "--from", &healthy]);
    assert!(code == 0 && out.contains("holds the same roots"), "{out}{err}");
    // The proxy's own list of what it has loaded is a file that can be read too.
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    let text = br#"{"certificates":[{"cert_chain":[{"path":"/tls.crt","serial_number":"0f","valid_from":"2020-01-01T00:00:00Z",
        "expiration_time":"2020-02-01T00:00:00Z","subject_alt_names":[{"dns":"web"}]}]}]}"#;
    std::io::Write::write_all(&mut file, text).expect("written");
    let (code, out, _) = run(&["pc", "secret", "-f", file.path().to_str().expect("a path"), "--fail-on", "error"]);
    assert!(code == 1 && out.contains("/tls.crt") && out.contains("expired"), "{out}");
}

#[test]
fn what_is_wrong_stands_below_the_table_and_in_the_machine_form() {
    let (_, out, _) = run(&["pc", "listener", "-f", &fixture("istio/warming.json")]);
    assert!(out.lines().last().is_some_and(|line| !line.is_empty()) && out.contains("is warming since"), "{out}");
    let report = json(&["pc", "listener", "-f", &fixture("istio/error-state.json")]);
    assert_eq!(report["proxies"][0]["findings"][0]["severity"], "error");
}

/// Envoy itself says nothing of it: it is worked out from custom resources, from the servers' own store, and from names.
#[test]
fn the_entries_that_consul_made_it_of_and_those_that_it_lacks() {
    let of = |words: &[&str], scenario: &str| {
        let file = format!("{}/fixtures/imported/consul/{scenario}.tar.zst", env!("CARGO_MANIFEST_DIR"));
        let (_, out, err) = run(&[words, &["--from", &file, "-o", "json"]].concat());
        serde_json::from_str::<Value>(&out).unwrap_or_else(|e| panic!("{words:?}: {e}: {err}"))
    };
    let titles = |from: &Value| -> Vec<String> {
        let all = from["came_from"].as_array().cloned().unwrap_or_default();
        all.iter()
            .map(|one| format!("{} {}", one["kind"].as_str().unwrap_or_default(), one["name"].as_str().unwrap_or_default()))
            .collect()
    };
    let told = |report: &Value| -> Vec<String> {
        let proxies = report["proxies"].as_array().cloned().unwrap_or_default();
        let all = proxies.iter().flat_map(|one| one["findings"].as_array().cloned().unwrap_or_default());
        all.map(|one| format!("{} {}", one["severity"].as_str().unwrap_or_default(), one["text"].as_str().unwrap_or_default()))
            .collect()
    };
    let routes = of(&["pc", "route", "deploy/web.shop-consul", "--name", "api"], "healthy");
    let rows = &routes["proxies"][0]["routes"][0]["virtual_hosts"][0]["routes"];
    assert_eq!(titles(&rows[0]), ["ServiceRouter api", "ServiceResolver api"], "{routes:#}");
    assert_eq!(titles(&rows[1]), ["ServiceRouter api", "ServiceSplitter api", "ServiceResolver api"]);
    assert_eq!(titles(&rows[2]), ["ServiceSplitter api", "ServiceResolver api"], "what goes by no route of the router");
    let clusters = of(&["pc", "cluster", "deploy/web.shop-consul", "--subset", "v1"], "healthy");
    let rows = clusters["proxies"][0]["clusters"].as_array().expect("clusters");
    assert_eq!((rows.len(), &rows[0]["service_fqdn"], &rows[0]["direction"]), (1, &"api.default.dc1".into(), &"outbound".into()));
    assert_eq!(titles(&rows[0]), ["ServiceResolver api", "ServiceDefaults web", "ServiceDefaults api"]);
    let listeners = of(&["pc", "listener", "deploy/db.shop-consul", "--port", "20000"], "healthy");
    let chain = &listeners["proxies"][0]["listeners"][0]["filter_chains"][0];
    assert_eq!(titles(chain), ["ServiceIntentions to-db", "ServiceDefaults db"]);
    // As it is written, so it is: denied or allowed.
    for scenario in ["healthy", "intention-deny"] {
        let bad: Vec<String> =
            told(&of(&["pc", "all", "-A"], scenario)).into_iter().filter(|one| !one.starts_with("info ")).collect();
        assert_eq!(bad, Vec::<String>::new(), "{scenario}");
    }
    // It has no other sign: api is an upstream of batch, and nobody allows batch to call it.
    let denied = told(&of(&["pc", "all", "deploy/batch.shop-consul"], "healthy"));
    assert!(denied.iter().any(|one| one.starts_with("info api lets batch in by no intention")), "{denied:#?}");
    let lacking = told(&of(&["pc", "route", "deploy/batch.shop-consul"], "cr-not-synced"));
    assert!(lacking[0].starts_with("error ServiceDefaults api.shop-consul as it is written is not in Consul"), "{lacking:#?}");
    assert!(lacking[1].starts_with("error ServiceSplitter db.shop-consul is not in Consul (Synced False"), "{lacking:#?}");
    assert_eq!(lacking.len(), 2);
    let refused = told(&of(&["pc", "listener", "deploy/db.shop-consul"], "rejected-config"));
    assert!(refused[0].contains("rejected by the proxy") && refused[0].contains("script load error"), "{refused:#?}");
    let why = "warning ServiceDefaults db.shop-consul adds builtin/lua, and the proxy refused the listener that was made with it";
    assert_eq!(refused[1..], [why]);
    // Without the store custom resources are all that is known, and that is said.
    let alone = told(&json(&["pc", "listener", "deploy/api.consul-apps", "--from", &snapshot("consul/healthy")]));
    assert!(alone.len() == 1 && alone[0].starts_with("info ") && alone[0].contains("were not compared"), "{alone:#?}");
}

/// Every part of one proxy of each, narrow and wide; `MESHCTL_UPDATE=1` writes them anew.
#[test]
fn screens_of_every_part() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/screens/proxy-config");
    let parts = ["all", "cluster", "listener", "route", "endpoint", "eds", "secret", "bootstrap", "ecds", "stats"];
    for (mesh, proxy) in [("istio", "deploy/a.mesh"), ("consul", "deploy/web.consul-apps")] {
        let recording = snapshot(&format!("{mesh}/healthy"));
        for part in parts {
            let more: &[&str] = if part == "stats" { &["--filter", "upstream_rq_total"] } else { &[] };
            let of = |format: &str| {
                let (code, out, err) = run(&[&["pc", part, proxy, "--from", &recording, "-o", format], more].concat());
                assert_eq!(code, 0, "{mesh} {part} {format}: {err}");
                out
            };
            let table = of("table");
            assert!(table.lines().all(|line| line.chars().count() <= 100), "{mesh} {part} is wider than 100 columns");
            let out = format!("{table}\n-o wide\n{}", of("wide"));
            let path = folder.join(format!("{mesh}-{part}.txt"));
            if std::env::var_os("MESHCTL_UPDATE").is_some() {
                std::fs::create_dir_all(&folder).expect("a folder");
                std::fs::write(&path, &out).expect("the screen");
            }
            let told = std::fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(told, out, "{mesh}-{part}; MESHCTL_UPDATE=1 cargo test --test it screens_of_every_part");
        }
    }
}
