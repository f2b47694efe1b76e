//! What istiod says at `/debug/syncz`: who is connected to it, and what each was sent and has acknowledged.

use crate::envoy::field::Text;
use crate::json::{self, Error, Mould, Moulds, Reader};
use crate::mesh::sync::{Connection, Subscription, short, word};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// So many bytes, some hundred proxies, are worth a thread.
const SHARE: usize = 512 << 10;

/// Fields of one proxy; those of types that have names of their own repeat what stands in `resources`.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Proxy<'a> {
    #[serde(borrow)]
    proxy: Cow<'a, str>,
    #[serde(borrow)]
    proxy_type: Cow<'a, str>,
    #[serde(borrow)]
    cluster_id: Cow<'a, str>,
    #[serde(borrow)]
    istio_version: Cow<'a, str>,
    #[serde(borrow)]
    resources: Pushes<'a>,
}
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Pushed<'a> {
    #[serde(borrow)]
    sent: Cow<'a, str>,
    #[serde(borrow)]
    acked: Cow<'a, str>,
    #[serde(borrow)]
    sent_time: Text<'a>,
    #[serde(borrow)]
    last_error: Cow<'a, str>,
}

/// By the short name of the type.
#[derive(Default)]
struct Pushes<'a>(Vec<(Cow<'static, str>, Pushed<'a>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pushes<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Types;
        impl<'de> Visitor<'de> for Types {
            type Value = Pushes<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("what was pushed, by type")
            }
            fn visit_unit<E>(self) -> Result<Pushes<'de>, E> {
                Ok(Pushes::default())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<Pushes<'de>, A::Error> {
                let mut types = Vec::new();
                while let Some((Text(url), pushed)) = all.next_entry::<Text<'de>, Pushed<'de>>()? {
                    types.push((short(&url), pushed));
                }
                types.sort_by(|(a, _), (b, _)| a.cmp(b));
                Ok(Pushes(types))
            }
        }
        from.deserialize_any(Types)
    }
}

impl<'a> Proxy<'a> {
    /// All that differs from proxy to proxy, always in the same order.
    fn texts(&mut self) -> impl Iterator<Item = &mut Cow<'a, str>> {
        let own = [&mut self.proxy, &mut self.proxy_type, &mut self.cluster_id, &mut self.istio_version];
        own.into_iter().chain(self.resources.0.iter_mut().flat_map(|(_, pushed)| pushed.texts()))
    }

    /// Clients that only ask for debug data, such as a CLI, stand in the list too: they are in no cluster.
    fn is_proxy(&self) -> bool {
        !self.cluster_id.is_empty() || !self.resources.0.is_empty()
    }

    fn connection(&self, plane: usize, clock: &mut Clock<'a>) -> Connection {
        let (proxy, namespace) = self.proxy.rsplit_once('.').unwrap_or((&self.proxy, ""));
        Connection {
            proxy: proxy.to_owned(),
            namespace: word(namespace),
            cluster: word(&self.cluster_id),
            kind: word(if self.proxy_type == "router" { "gateway" } else { &self.proxy_type }),
            version: Some(&*self.istio_version).filter(|version| !version.is_empty()).map(word),
            plane,
            types: self.resources.0.iter().map(|(kind, pushed)| pushed.subscription(kind.clone(), clock)).collect(),
        }
    }
}

impl<'a> Pushed<'a> {
    fn texts(&mut self) -> [&mut Cow<'a, str>; 4] {
        [&mut self.sent, &mut self.acked, &mut self.sent_time.0, &mut self.last_error]
    }

    fn subscription(&self, kind: Cow<'static, str>, clock: &mut Clock<'a>) -> Subscription {
        let at = match &self.sent_time.0 {
            Cow::Borrowed(at) => clock.at(at),
            Cow::Owned(at) => at.parse().ok(),
        };
        Subscription {
            kind,
            sent: !self.sent.is_empty(),
            acknowledged: self.sent == self.acked,
            at,
            error: Some(self.last_error.trim()).filter(|error| !error.is_empty()).map(str::to_owned),
        }
    }
}

/// Reads times, of which many are of the same minute.
#[derive(Default)]
struct Clock<'a> {
    /// The minute as it was last said, up to its seconds, and when it began.
    said: &'a str,
    began: i64,
}

impl<'a> Clock<'a> {
    fn at(&mut self, text: &'a str) -> Option<Timestamp> {
        let Some((minute, second, nanosecond)) = parts(text) else { return text.parse().ok() };
        if minute != self.said {
            let at: Timestamp = text.parse().ok()?;
            // Before 1970 fractions count backwards.
            if at.as_second() < 0 {
                return Some(at);
            }
            *self = Clock { said: minute, began: at.as_second() - second };
        }
        Timestamp::new(self.began + second, nanosecond).ok()
    }
}

/// Of `2026-11-28T20:31:38.32222192Z`: what stands before the seconds, these, and what follows in nanoseconds.
fn parts(text: &str) -> Option<(&str, i64, i32)> {
    const MINUTE: usize = 17;
    let (minute, rest) = text.split_at_checked(MINUTE)?;
    let (second, rest) = rest.as_bytes().split_first_chunk::<2>()?;
    let [tens, ones] = second.map(|digit| i64::from(digit.wrapping_sub(b'0')));
    (tens < 6 && ones < 10).then_some(())?;
    Some((minute, tens * 10 + ones, nanosecond(rest)?))
}

/// Of `.32222192Z`, which ends a time in UTC.
fn nanosecond(text: &[u8]) -> Option<i32> {
    const DIGITS: usize = 9;
    let fraction = text.strip_suffix(b"Z")?;
    if fraction.is_empty() {
        return Some(0);
    }
    let digits = fraction.strip_prefix(b".").filter(|digits| (1..=DIGITS).contains(&digits.len()))?;
    let mut value = 0;
    for digit in digits {
        value = value * 10 + i32::from(digit.is_ascii_digit().then(|| digit - b'0')?);
    }
    (digits.len()..DIGITS).for_each(|_| value *= 10);
    Some(value)
}

/// A proxy that was read, and which of the texts that it was written with each of its own is.
struct Known<'a> {
    proxy: Proxy<'a>,
    places: Vec<Option<usize>>,
}

impl<'a> Known<'a> {
    /// `texts` are all that it was written with.
    fn new(mut proxy: Proxy<'a>, texts: &[&'a str]) -> Self {
        let place = |text: &mut Cow<'a, str>| match text {
            Cow::Borrowed(text) => texts.iter().position(|known| std::ptr::eq(*known, *text)),
            Cow::Owned(_) => None,
        };
        let places = proxy.texts().map(place).collect();
        Known { proxy, places }
    }

    /// The proxy that is written in the same way, with these texts.
    fn with(&mut self, text: impl Fn(usize) -> Option<&'a str>) -> &Proxy<'a> {
        for (own, place) in self.proxy.texts().zip(&self.places) {
            if let Some(new) = place.and_then(&text) {
                *own = Cow::Borrowed(new);
            }
        }
        &self.proxy
    }
}

/// Reads proxies, and doesn't look twice at how they are written.
struct Proxies<'a> {
    plane: usize,
    clock: Clock<'a>,
    ways: Moulds<Known<'a>>,
    texts: Vec<Range<usize>>,
}

impl<'a> Proxies<'a> {
    fn next(&mut self, reader: &mut Reader<'a>) -> Result<Option<Connection>, Error> {
        let proxy = match reader.like(&mut self.ways, &mut self.texts) {
            Some(known) => known.with(|place| Some(reader.part_of(self.texts.get(place)?))),
            None => {
                let (written, proxy) = reader.written()?;
                let (mould, texts) = Mould::of(written);
                let texts: Vec<&str> = texts.into_iter().map(|range| &written[range]).collect();
                &self.ways.add(mould, Known::new(proxy, &texts)).proxy
            }
        };
        Ok(proxy.is_proxy().then(|| proxy.connection(self.plane, &mut self.clock)))
    }
}

/// Everybody in it; `plane` is whose answer it is.
pub fn connections(bytes: &[u8], plane: usize) -> Result<Vec<Connection>, String> {
    let text = std::str::from_utf8(bytes).map_err(|e| e.to_string())?;
    let proxies = || Proxies { plane, clock: Clock::default(), ways: Moulds::default(), texts: Vec::new() };
    json::list(text, SHARE, || reads(proxies())).map_err(|e| e.to_string())
}

fn reads<'a>(mut proxies: Proxies<'a>) -> impl FnMut(&mut Reader<'a>) -> Result<Option<Connection>, Error> {
    move |reader| proxies.next(reader)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    /// What comes when each proxy is the first that is seen.
    fn one_by_one(all: &[Value]) -> Vec<String> {
        let read = |one: &Value| connections(format!("[{one}]").as_bytes(), 0).expect("a proxy");
        all.iter().flat_map(read).map(|one| format!("{one:?}")).collect()
    }

    fn together(text: &str) -> Vec<String> {
        connections(text.as_bytes(), 0).expect("proxies").into_iter().map(|one| format!("{one:?}")).collect()
    }

    fn any_type() -> impl Strategy<Value = Value> {
        let time = prop_oneof![
            (0..3, 0..1_000_000_000).prop_map(|(second, nano)| json!(format!("2026-11-28T20:31:0{second}.{nano}Z"))),
            Just(json!("2026-11-28T20:31:01+01:00")),
            Just(json!("never")),
            Just(json!(7)),
            Just(Value::Null),
        ];
        let error = prop_oneof![4 => Just(Value::Null), 1 => "[a\n\" ]{0,3}".prop_map(Value::from)];
        ("[ab]", "[ab]", time, error).prop_map(|(sent, acked, time, error)| {
            let mut one = json!({"sent": sent, "acked": acked, "sentTime": time});
            if let (Some(fields), Value::String(_)) = (one.as_object_mut(), &error) {
                fields.insert("lastError".to_owned(), error);
            }
            one
        })
    }

    fn any_proxy() -> impl Strategy<Value = Value> {
        let kinds = prop_oneof![Just("a.b/x.Listener"), Just("x.Cluster"), Just("an.Unknown")];
        let types = prop::collection::btree_map(kinds, any_type(), 0..3);
        ("[ab]{1,2}[.][xy]", "(sidecar|router)?", "(c1|c2)?", types).prop_map(|(proxy, kind, cluster, types)| {
            json!({"cluster_id": cluster, "proxy": proxy, "proxy_type": kind, "other": {"proxy": kind}, "resources": types})
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn who_is_written_like_another_is_read_like_any(all in prop::collection::vec(any_proxy(), 0..40), pretty: bool) {
            let text = if pretty { serde_json::to_string_pretty(&all) } else { serde_json::to_string(&all) }.expect("JSON");
            prop_assert_eq!(together(&text), one_by_one(&all));
        }

        #[test]
        fn the_clock_reads_as_others_do(
            times in prop::collection::vec("(19|20)[0-9]{2}-0[1-3]-[0-3][0-9]T2[0-5]:3[01](:[0-6][0-9]([.][0-9]{0,10})?)?(Z|[+]01:00|z)?", 1..4),
        ) {
            let mut clock = Clock::default();
            // Twice: the second is known then.
            for time in times.iter().flat_map(|time| [time, time]) {
                prop_assert_eq!(clock.at(time), time.parse().ok(), "{}", time);
            }
        }
    }

    #[test]
    fn ways_of_writing_alternate() {
        let proxy = |n: usize| {
            let name = format!("p{n}.ns");
            match n % 6 {
                0 => json!({"proxy": name, "cluster_id": "c", "resources": {"x.Listener": {"sent": "a", "acked": "a"}}}),
                1 => {
                    json!({"proxy": name, "resources": {"x.Listener": {"sent": "a", "acked": "b", "lastError": format!("no {n}")}}})
                }
                2 => json!({"proxy": name}),
                3 => json!({"cluster_id": "c", "proxy": name, "resources": null}),
                4 => json!({"cluster_id": "c", "proxy": name, "resources": {"x.Listener": {}, "y.Cluster": {"sent": name}}}),
                _ => json!({"cluster_id": "c", "proxy": format!("\u{1}{name}"), "resources": {}}),
            }
        };
        let all: Vec<Value> = (0..60).map(proxy).collect();
        let read = together(&Value::from(all.clone()).to_string());
        assert_eq!(read, one_by_one(&all));
        assert_eq!(read.len(), 50, "those in no cluster that ask for nothing are not proxies");
    }
}
