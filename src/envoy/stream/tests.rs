use super::*;
use crate::envoy::dump::{Dump, Want};
use crate::envoy::hosts::Hosts;
use crate::envoy::proptests::any_json;
use proptest::prelude::*;

const DUMPS: [&str; 3] = [
    include_str!("../../../fixtures/envoy/istio/config_dump.json"),
    include_str!("../../../fixtures/envoy/rejected.json"),
    include_str!("../../../fixtures/envoy/secrets.json"),
];
const HOSTS: [&str; 2] =
    [include_str!("../../../fixtures/envoy/clusters.json"), include_str!("../../../fixtures/envoy/istio/clusters.json")];

/// Gives so many bytes at once.
struct Slow<'t>(&'t [u8], usize);

impl Read for Slow<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let length = into.len().min(self.1);
        self.0.read(&mut into[..length])
    }
}

/// What is read of it in parts, if it is in order, and what is read of it whole.
fn dump(text: &[u8], sections: &[Section], (threads, batch, at_once): (usize, usize, usize)) -> (Option<String>, String) {
    let mut arenas = Arenas::new(threads, batch);
    let parts = Dump::read_parts(Slow(text, at_once), sections, &mut arenas).ok().map(|dump| format!("{dump:?}"));
    let whole = std::str::from_utf8(text).ok().map(|text| Dump::read(text, Want { sections, raw: false }));
    (parts, format!("{:?}", whole.and_then(Result::ok).unwrap_or_default()))
}

fn hosts(text: &[u8], (threads, batch, at_once): (usize, usize, usize)) -> (Option<String>, String) {
    let mut arenas = Arenas::new(threads, batch);
    let parts = Hosts::read_parts(Slow(text, at_once), &mut arenas).ok().map(|hosts| format!("{hosts:?}"));
    let whole = std::str::from_utf8(text).ok().map(|text| Hosts::read(text, false));
    (parts, format!("{:?}", whole.and_then(Result::ok).unwrap_or_default()))
}

#[test]
fn in_parts_the_same_is_read_as_whole() {
    let ways = [(1, 64, 7), (2, 200, 200), (3, 4096, 1000), (2, 100_000, 65_536), (1, 8 << 20, 8 << 20)];
    let wanted: [&[Section]; 4] = [&Section::ALL, &[Section::Clusters], &[Section::Listeners, Section::Extensions], &[]];
    for way in ways {
        for text in DUMPS {
            for sections in wanted {
                let (parts, whole) = dump(text.as_bytes(), sections, way);
                assert!(parts.as_ref() == Some(&whole), "{way:?} {sections:?}");
            }
        }
        for text in HOSTS {
            let (parts, whole) = hosts(text.as_bytes(), way);
            assert!(parts.as_ref() == Some(&whole), "{way:?}");
        }
    }
}

/// At every kilobyte and at the last bytes: no cut is taken for the end.
#[test]
fn what_is_cut_is_odd() {
    let cut = |text: &[u8], odd: &dyn Fn(&[u8]) -> bool| {
        let end = text.trim_ascii_end().len();
        for at in (0..end).step_by(1024).chain(end.saturating_sub(40)..end) {
            assert!(odd(&text[..at]), "cut at byte {at}");
        }
    };
    let way = (2, 32 << 10, 32 << 10);
    for text in DUMPS {
        cut(text.as_bytes(), &|text| dump(text, &[Section::Secrets], way).0.is_none());
    }
    for text in HOSTS {
        cut(text.as_bytes(), &|text| hosts(text, way).0.is_none());
    }
}

#[test]
fn what_is_no_such_answer_is_odd() {
    let texts: [&[u8]; 14] = [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"<html>",
        b"{\"configs\":[1]}",
        b"{\"configs\":{}}",
        b"{\"configs\":[]} x",
        b"{\"configs\":[{\"a\":1,}]}",
        b"{\"configs\":[{\"a\" 1}]}",
        b"{\"configs\":[{\"dynamic_listeners\":[{\"name\":7,\"active_state\":[]}]}]}",
        b"{\"configs\":[{\"dynamic_listeners\":[{\"name\":\"\xff\"}]}]}",
        b"{\"configs\":[{\"unknown\":\"\xff\"}]}",
        b"{\"configs\":[],\"x\":\"\xc3",
    ];
    for text in texts {
        assert_eq!(dump(text, &Section::ALL, (2, 64, 64)).0, None, "{}", String::from_utf8_lossy(text));
        assert_eq!(hosts(text, (2, 64, 64)).0, None, "{}", String::from_utf8_lossy(text));
    }
    let split = "{\"configs\":[{\"x\":\"é大\"}]}";
    for at_once in 1..5 {
        assert!(dump(split.as_bytes(), &[], (1, 16, at_once)).0.is_some(), "a character in two parts is in order");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is taken in parts is what the whole gives; nothing is made up, nothing is lost.
    #[test]
    fn in_parts_nothing_else_is_read(value in any_json(), pretty: bool, batch in 1_usize..400, at_once in 1_usize..80, cut: prop::sample::Index, how in 0..4) {
        let body = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap_or_default();
        let dumps = [body.clone(), format!("{{\"configs\": [{body}]}}")];
        let answers = [body.clone(), format!("{{\"cluster_statuses\": [{body}]}}")];
        let changed = |text: &str| {
            let mut bytes = text.as_bytes().to_vec();
            let at = cut.index(bytes.len());
            match how {
                0 => bytes.truncate(at),
                1 => bytes[at] = b",]}{[\"\\:"[at % 8],
                2 => drop(bytes.remove(at)),
                _ => {}
            }
            bytes
        };
        for text in dumps {
            let (parts, whole) = dump(&changed(&text), &Section::ALL, (2, batch, at_once));
            prop_assert!(parts.is_none_or(|parts| parts == whole), "{text}");
        }
        for text in answers {
            let (parts, whole) = hosts(&changed(&text), (2, batch, at_once));
            prop_assert!(parts.is_none_or(|parts| parts == whole), "{text}");
        }
    }
}
