//! Lists that are long enough for several readers.

use super::{Error, Reader};
use crate::shares;
use std::ops::Range;

/// The elements of a text that is a list, each made into something as soon as it is read, by what `reads` gives to each
/// thread. Fewer bytes than `least` aren't worth a thread.
///
/// Where the share of each further thread begins is guessed: at what looks like the beginning of the first element. Whoever
/// reads the share before it finds out whether an element begins there; where none does, one thread reads the whole.
pub fn list<'a, R: Send, F>(text: &'a str, least: usize, reads: impl Fn() -> F + Sync) -> Result<Vec<R>, Error>
where
    F: FnMut(&mut Reader<'a>) -> Result<Option<R>, Error>,
{
    let starts = starts(text, (text.len() / least.max(1)).min(shares::threads()));
    from(text, &starts, &reads).or_else(|error| if starts.len() > 1 { from(text, &[0], &reads) } else { Err(error) })
}

fn from<'a, R: Send, F>(text: &'a str, starts: &[usize], reads: &(impl Fn() -> F + Sync)) -> Result<Vec<R>, Error>
where
    F: FnMut(&mut Reader<'a>) -> Result<Option<R>, Error>,
{
    let one = |places: Range<usize>| share(text, starts[places.start], starts.get(places.end).copied(), reads());
    let mut made = shares::ranges(starts.len(), 1, one).into_iter();
    let mut all = made.next().transpose()?.unwrap_or_default();
    for share in made {
        all.append(&mut share?);
    }
    Ok(all)
}

fn starts(text: &str, threads: usize) -> Vec<usize> {
    let mut starts = vec![0];
    let Some(head) = head(text) else { return starts };
    let next = format!(",{head}");
    for n in 1..threads {
        let from = text.len() / threads * n;
        let found = memchr::memmem::find(&text.as_bytes()[from..], next.as_bytes()).map(|at| from + at + 1);
        starts.extend(found.filter(|start| starts.last() < Some(start)));
    }
    starts
}

/// How the first element begins: up to the end of its first key.
fn head(text: &str) -> Option<&str> {
    let mut reader = Reader::new(text);
    reader.take(b'[', "a list").ok()?;
    let from = reader.at();
    reader.take(b'{', "an object").ok()?;
    reader.string().ok()?;
    text.get(from..reader.at())
}

fn share<'a, R>(
    text: &'a str,
    start: usize,
    next: Option<usize>,
    mut read: impl FnMut(&mut Reader<'a>) -> Result<Option<R>, Error>,
) -> Result<Vec<R>, Error> {
    let mut reader = Reader::part(text, start, text.len());
    let mut made = Vec::new();
    if start == 0 {
        reader.take(b'[', "a list")?;
    }
    let mut more = start > 0 || reader.next_element(true)?;
    while more {
        made.extend(read(&mut reader)?);
        if made.len() == 1 {
            // As if the rest were like it; what others read comes behind the first.
            let end = next.filter(|_| start > 0).unwrap_or(text.len());
            made.reserve((end - start) / (reader.at() - start).max(1));
        }
        more = reader.next_element(false)?;
        match next {
            Some(next) if more && reader.at() == next => return Ok(made),
            Some(next) if !more || reader.at() > next => return Err(reader.syntax("no element begins where one was looked for")),
            _ => {}
        }
    }
    match next {
        Some(_) => Err(reader.eof()),
        None => reader.end().map(|()| made),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn values<'a>() -> impl FnMut(&mut Reader<'a>) -> Result<Option<Value>, Error> {
        |reader| reader.decode().map(Some)
    }

    fn any_element() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![any::<i16>().prop_map(Value::from), "[a{},\"\\[\\]:é ]{0,8}".prop_map(Value::from)];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[ab]", inner, 0..3).prop_map(|map| Value::from(serde_json::Map::from_iter(map))),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever was guessed, the same comes out as from one reader, or from none of them.
        #[test]
        fn any_guess_is_found_out(all in prop::collection::vec(any_element(), 0..6), pretty: bool, guess: prop::sample::Index, cut: prop::sample::Index) {
            let mut text = if pretty { serde_json::to_string_pretty(&all) } else { serde_json::to_string(&all) }.expect("JSON");
            let whole = |text: &str| from(text, &[0], &values).ok();
            prop_assert_eq!(whole(&text), Some(all.clone()), "{}", text);
            let places: Vec<usize> = (1..text.len()).filter(|at| text.is_char_boundary(*at)).collect();
            let at = guess.get(&places);
            if let Ok(read) = from(&text, &[0, *at], &values) {
                prop_assert_eq!(&read, &all, "{} from {}", text, at);
            }
            prop_assert_eq!(list(&text, 1, values).ok(), Some(all), "{}", text);
            text.truncate(*cut.get(&places));
            prop_assert!(list(&text, 1, values).is_err(), "{}", text);
        }
    }

    #[test]
    fn long_lists_are_shared() {
        for (open, between) in [("[", ","), ("[\n  ", ",\n  ")] {
            let one = |n: usize| format!("{{\"proxy\":\"p{n}\",\"in\":[{{\"proxy\":1}},{{\"proxy\":2}}]}}");
            let text = format!("{open}{}]\n", (0..400).map(one).collect::<Vec<_>>().join(between));
            let starts = starts(&text, 4);
            assert_eq!(starts.len(), 4);
            let name = |one: Value| one["proxy"].as_str().filter(|name| *name != "p7").map(str::to_owned);
            let name = || |reader: &mut Reader<'_>| reader.decode().map(name);
            let expected: Vec<String> = (0..400).filter(|n| *n != 7).map(|n| format!("p{n}")).collect();
            assert_eq!(list(&text, 100, name).expect("a list"), expected);
        }
    }
}
