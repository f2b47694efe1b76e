use super::*;
use crate::report::{Block, Severity};

const DUMP: &str = include_str!("../../../fixtures/envoy/rejected.json");

fn at() -> Timestamp {
    "2026-11-23T20:00:00Z".parse().unwrap_or_default()
}

fn selection(sections: &[Section]) -> Selection {
    Selection { sections: sections.to_vec(), all: sections.len() > 1, ..Selection::new(at()) }
}

fn text_of(report: &Report) -> String {
    let mut out = String::new();
    for block in &report.body {
        match block {
            Block::Table(table) => {
                for row in std::iter::once(table.columns.iter().map(|column| column.title.clone()).collect::<Vec<_>>()).chain(
                    table.rows.iter().map(|row| row.iter().map(|line| line.iter().map(|span| &*span.text).collect()).collect()),
                ) {
                    out.push_str(&row.join(" | "));
                    out.push('\n');
                }
            }
            Block::Bullets(lines) => {
                lines.iter().for_each(|line| {
                    line.iter().for_each(|span| out.push_str(&span.text));
                    out.push('\n');
                });
            }
            Block::Heading(text) => out.push_str(text),
            _ => {}
        }
    }
    out
}

#[test]
fn a_rejected_update_is_told_once_with_its_reason() {
    let report = report(DUMP.as_bytes(), &selection(&[Section::Listeners]), false).unwrap_or_else(|e| panic!("{e}"));
    let text = text_of(&report);
    assert_eq!(report.worst, Some(Severity::Error));
    assert_eq!(text.matches("script load error").count(), 1, "{text}");
    assert!(text.contains("ACTIVE, UPDATE REJECTED") && text.contains("the one before is still in use"), "{text}");
}

#[test]
fn json_is_one_document_with_rows_and_configuration() {
    let report = report(DUMP.as_bytes(), &selection(&Section::ALL), true).unwrap_or_else(|e| panic!("{e}"));
    let proxy = &report.data["proxies"][0];
    assert_eq!(report.schema, "meshctl/proxy-config/v1");
    assert!(report.body.is_empty());
    for section in ["proxy", "bootstrap", "clusters", "listeners", "routes", "secrets"] {
        assert!(!proxy[section].is_null(), "{section}");
    }
    for list in ["clusters", "listeners", "routes"] {
        let rows = proxy[list].as_array().map(Vec::as_slice).unwrap_or_default();
        assert!(!rows.is_empty() && rows.iter().all(|row| row["config"].is_object() && row["state"].is_string()), "{list}");
    }
    let text = report.data.to_string();
    assert!(!text.contains("PRIVATE KEY"), "a private key got out");
    assert_eq!(proxy["other"][0]["@type"], "type.googleapis.com/envoy.admin.v3.ScopedRoutesConfigDump");
}

#[test]
fn a_dump_that_is_cut_anywhere_gives_what_came_before() {
    let whole = report(DUMP.as_bytes(), &selection(&Section::ALL), false).unwrap_or_else(|e| panic!("{e}"));
    let rows = |report: &Report| -> usize {
        let count = |block: &Block| if let Block::Table(table) = block { table.rows.len() } else { 0 };
        report.body.iter().map(count).sum()
    };
    let (most, mut before) = (rows(&whole), 0);
    for end in (0..DUMP.len()).step_by(509) {
        for machine in [false, true] {
            match report(&DUMP.as_bytes()[..end], &selection(&Section::ALL), machine) {
                // Before the list of sections begins there is nothing to tell it by.
                Err(unusable) => assert!(end < 600, "{end}: {unusable}"),
                Ok(cut) => {
                    assert!(cut.worst >= Some(Severity::Warning), "{end}");
                    if !machine {
                        assert!(text_of(&cut).contains("breaks off"), "{end}");
                        let now = rows(&cut);
                        assert!(before <= now && now <= most, "{end}: {before} {now} {most}");
                        before = now;
                    }
                }
            }
        }
    }
    assert!(before > 0);
}

#[test]
fn a_resource_that_cannot_be_decoded_is_named_and_the_others_are_shown() {
    let text = r#"{"configs":[{"@type":"x.ClustersConfigDump","static_clusters":[
        {"cluster":{"name":"good"}},{"cluster":{"name":"bad","metadata":7}},{"cluster":{"name":"also"}},5]}]}"#;
    for machine in [false, true] {
        let report = report(text.as_bytes(), &selection(&[Section::Clusters]), machine).unwrap_or_else(|e| panic!("{e}"));
        let told = if machine { report.data.to_string() } else { text_of(&report) };
        assert!(told.contains("good") && told.contains("also"), "{told}");
        assert!(told.contains("one of the clusters can't be read: bad"), "{told}");
        assert!(told.contains("without a name"), "{told}");
    }
}

#[test]
fn camel_case_warming_and_unknown_types_are_read() {
    let text = r#"{"configs":[{"dynamicWarmingClusters":[{"versionInfo":"7","cluster":{"name":"outbound|80||a","type":"EDS"},
        "clientStatus":"REQUESTED"}],"@type":"x.ClustersConfigDump"},{"@type":"vendor.v9.New","thing":{"deep":[1]}}]}"#;
    let report = report(text.as_bytes(), &selection(&Section::ALL), true).unwrap_or_else(|e| panic!("{e}"));
    let proxy = &report.data["proxies"][0];
    assert_eq!(proxy["clusters"][0]["state"], "warming");
    assert_eq!(proxy["clusters"][0]["version"], "7");
    assert_eq!(proxy["clusters"][0]["client_status"], "REQUESTED");
    assert_eq!(proxy["other"][0]["thing"]["deep"][0], 1);
}

#[test]
fn what_is_no_dump_is_told_by_what_it_is() {
    let told = |text: &[u8], hosts: bool| {
        let selection = Selection { hosts, ..selection(&[Section::Clusters]) };
        report(text, &selection, false).err().map(|unusable| unusable.why).unwrap_or_default()
    };
    assert!(told(b"", false).contains("empty"));
    assert!(told(b"<!DOCTYPE html><p>404", false).contains("HTML"));
    assert!(told(b"{\"cluster_statuses\":[]}", false).contains("clusters?format=json"));
    assert!(told(b"{\"configs\":[]}", true).contains("is a config dump"));
    assert!(told(b"a::default_priority::max_connections::1", false).contains("text form"));
    assert!(told(b"upstream connect error", false).contains("starts with"));
    assert!(told(b"{\"kind\":\"Status\"}", false).contains("it has kind"));
    assert!(told(b"[1]", false).contains("not a config dump"));
    let deep = [b"{\"configs\":".as_slice(), &b"[".repeat(100_000)].concat();
    assert!(report(&deep, &selection(&[Section::Clusters]), false).is_ok_and(|report| report.worst == Some(Severity::Warning)));
}

#[test]
fn text_that_is_not_utf8_is_mended_and_told() {
    let text = b"{\"configs\":[{\"static_clusters\":[{\"cluster\":{\"name\":\"a\xff\"}}]}]}";
    let report = report(text, &selection(&[Section::Clusters]), false).unwrap_or_else(|e| panic!("{e}"));
    assert!(text_of(&report).contains("not UTF-8 at byte 53"), "{}", text_of(&report));
}

#[test]
fn hosts_say_why_they_get_no_traffic() {
    let text = r#"{"cluster_statuses":[{"name":"c","host_statuses":[
        {"address":{"socket_address":{"address":"10.0.0.2","port_value":80}},"health_status":{"eds_health_status":"HEALTHY"}},
        {"address":{"socket_address":{"address":"10.0.0.1","port_value":80}},"health_status":{"failed_outlier_check":true}},
        {"address":{"pipe":{"path":"/run/x"}}},
        {"address":{"envoy_internal_address":{"server_listener_name":"l","endpoint_id":"e"}}}]}]}"#;
    let hosts = Selection { hosts: true, ..selection(&[Section::Endpoints]) };
    let shown = report(text.as_bytes(), &hosts, false).map(|report| text_of(&report)).unwrap_or_default();
    let rows: Vec<&str> = shown.lines().skip(1).filter_map(|line| Some(line.split_once(" | c")?.0)).collect();
    assert_eq!(
        rows,
        [
            "10.0.0.1:80 | UNKNOWN | FAILED",
            "10.0.0.2:80 | HEALTHY | OK",
            "envoy://l/e | UNKNOWN | OK",
            "unix:///run/x | UNKNOWN | OK"
        ]
    );
    assert!(shown.contains("ejected as an outlier") && shown.contains("1 of 4 endpoints ejected"), "{shown}");
    let healthy = Selection { endpoints: endpoints::Filter { status: "healthy".into(), ..Default::default() }, ..hosts };
    let shown = report(text.as_bytes(), &healthy, false).map(|report| text_of(&report)).unwrap_or_default();
    assert_eq!(shown.lines().count(), 2);
}

#[test]
fn certificates_are_judged_by_the_clock_that_is_given() {
    let of = |now: &str| {
        let now = now.parse().unwrap_or_default();
        let selection = Selection { now, ..selection(&[Section::Secrets]) };
        let text = include_str!("../../../fixtures/envoy/secrets.json");
        report(text.as_bytes(), &selection, true).map(|report| report.data["proxies"][0]["secrets"].clone()).unwrap_or_default()
    };
    let secrets = of("2026-11-23T20:00:00Z");
    assert_eq!(secrets[0]["type"], "Cert Chain");
    assert_eq!(secrets[0]["valid"], true);
    assert_eq!(secrets[0]["days_left"], 0);
    assert_eq!(secrets[0]["trust_domain"], "cluster.local");
    assert_eq!(secrets[0]["certificates"][0]["uris"][0], "spiffe://cluster.local/ns/mesh/sa/b");
    assert_eq!(secrets[1]["type"], "CA");
    let later = of("2026-11-25T20:00:00Z");
    assert_eq!((later[0]["valid"].clone(), later[0]["days_left"].clone()), (false.into(), (-2).into()));
    assert_eq!(later[1]["valid"], true);
}

/// A resource is lost alone, and a bracket too few or a quote too many is placed where it is.
#[test]
fn broken_json_is_told_where_it_breaks() {
    let told = |text: &str| {
        report(text.as_bytes(), &selection(&[Section::Clusters]), false).map(|report| text_of(&report)).unwrap_or_default()
    };
    let inside = told(r#"{"configs":[{"static_clusters":[{"cluster":{"name" 7}},{"cluster":{"name":"good"}}]}]}"#);
    assert!(inside.contains("good") && inside.contains("at line 1 column"), "{inside}");
    let quote = told("{\"configs\":[{\"static_clusters\":[{\"cluster\":{\"name\":\"a\"}},\n{\"cluster\":{\"na\"me\":\"b\"}}]}]}");
    assert!(quote.contains("breaks off at line 2 column 17, among the clusters"), "{quote}");
}
