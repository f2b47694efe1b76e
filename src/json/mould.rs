//! Values that are written like one before: most of ten thousand elements of a list differ in nothing but their texts.

use super::{Reader, scan};
use std::ops::Range;

/// How a value is written: all of it but the texts in it. Keys belong to how it is written, and so does a text with escapes.
#[derive(Debug)]
pub struct Mould {
    /// What stands between the texts, with the quotes around them, one part behind the other.
    parts: String,
    ends: Vec<usize>,
}

impl Mould {
    /// Of a value that was read, and where its texts stand in it.
    pub fn of(value: &str) -> (Self, Vec<Range<usize>>) {
        let bytes = value.as_bytes();
        let mut mould = Mould { parts: String::new(), ends: Vec::new() };
        let mut texts = Vec::new();
        let (mut from, mut at) = (0, 0);
        while let Some(quote) = memchr::memchr(b'"', bytes.get(at..).unwrap_or_default()) {
            let start = at + quote + 1;
            at = scan::end_of_string(bytes, start).unwrap_or(bytes.len());
            let end = scan::end_of_plain(bytes, start);
            let is_key = bytes.get(scan::after_space(bytes, at)) == Some(&b':');
            if end + 1 == at && !is_key {
                mould.add(value.get(from..start));
                texts.push(start..end);
                from = end;
            }
        }
        mould.add(value.get(from..));
        (mould, texts)
    }

    fn add(&mut self, part: Option<&str>) {
        self.parts.push_str(part.unwrap_or_default());
        self.ends.push(self.parts.len());
    }

    /// Whether a value that begins there is written like that one. `texts` are where its texts stand, if it is.
    fn fits(&self, bytes: &[u8], from: usize, texts: &mut Vec<Range<usize>>) -> Fit {
        texts.clear();
        let (mut at, mut part) = (from, 0);
        for (n, end) in self.ends.iter().enumerate() {
            if n > 0 {
                let start = at;
                // What isn't plain is no quote, which is what stands next.
                at = scan::end_of_plain(bytes, start);
                texts.push(start..at);
            }
            let wanted = &self.parts.as_bytes()[part..*end];
            let come = bytes.get(at..).unwrap_or_default();
            match come.get(..wanted.len()) {
                Some(come) if come == wanted => {}
                Some(_) => return Fit::Not,
                None if wanted.starts_with(come) => return Fit::Ends,
                None => return Fit::Not,
            }
            (at, part) = (at + wanted.len(), *end);
        }
        Fit::To(at)
    }
}

/// What came of looking whether something fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It does, and ends before this place.
    To(usize),
    Not,
    /// There is too little of it to know.
    Ends,
}

/// The ways in which the last values were written, each with what is known of them.
#[derive(Debug)]
pub struct Moulds<T> {
    /// What was of use last comes first.
    all: Vec<(Mould, T)>,
}

impl<T> Default for Moulds<T> {
    fn default() -> Self {
        Moulds { all: Vec::new() }
    }
}

impl<T> Moulds<T> {
    /// Whoever makes a list writes its elements in few ways.
    const MOST: usize = 4;

    /// Whether a value that begins there is written in one of these ways. `texts` are where its texts stand, if it is.
    pub fn fit(&mut self, bytes: &[u8], from: usize, texts: &mut Vec<Range<usize>>) -> Fit {
        for n in 0..self.all.len() {
            let fit = self.all[n].0.fits(bytes, from, texts);
            if let Fit::To(_) = fit {
                self.all[..=n].rotate_right(1);
            }
            if fit != Fit::Not {
                return fit;
            }
        }
        Fit::Not
    }

    pub fn add(&mut self, mould: Mould, known: T) -> &mut T {
        self.all.truncate(Self::MOST - 1);
        self.all.insert(0, (mould, known));
        &mut self.all[0].1
    }
}

impl<'a> Reader<'a> {
    /// Takes the value that stands next if it is written in one of these ways, and gives what is known of that. Another stays
    /// where it is.
    pub fn like<'m, T>(&mut self, moulds: &'m mut Moulds<T>, texts: &mut Vec<Range<usize>>) -> Option<&'m mut T> {
        self.peek();
        let Fit::To(end) = moulds.fit(self.text.as_bytes(), self.at, texts) else { return None };
        self.at = end;
        moulds.all.first_mut().map(|(_, known)| known)
    }

    /// A part of the text.
    pub fn part_of(&self, range: &Range<usize>) -> &'a str {
        self.text.get(range.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn texts_of(value: &Value) -> Vec<String> {
        match value {
            Value::String(text) => vec![text.clone()],
            Value::Array(all) => all.iter().flat_map(texts_of).collect(),
            Value::Object(all) => all.values().flat_map(texts_of).collect(),
            _ => Vec::new(),
        }
    }

    /// The same with other texts.
    fn with(value: &Value, texts: &mut impl Iterator<Item = String>) -> Value {
        match value {
            Value::String(_) => Value::from(texts.next().unwrap_or_default()),
            Value::Array(all) => all.iter().map(|one| with(one, texts)).collect(),
            Value::Object(all) => all.iter().map(|(key, one)| (key.clone(), with(one, texts))).collect(),
            other => other.clone(),
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![any::<i16>().prop_map(Value::from), "[a{},:é ]{0,20}".prop_map(Value::from)];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[ab:]", inner, 0..3).prop_map(|map| Value::from(serde_json::Map::from_iter(map))),
            ]
        })
    }

    fn moulds(model: &str) -> (Moulds<()>, Vec<String>) {
        let (mould, texts) = Mould::of(model);
        let mut moulds = Moulds::default();
        moulds.add(mould, ());
        (moulds, texts.into_iter().map(|range| model[range].to_owned()).collect())
    }

    fn parts(reader: &Reader<'_>, taken: &[Range<usize>]) -> Vec<String> {
        taken.iter().map(|range| reader.part_of(range).to_owned()).collect()
    }

    fn written(value: &Value, pretty: bool) -> String {
        if pretty { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) }.expect("JSON")
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn other_texts_are_taken_and_nothing_else(
            one in any_value(), other in any_value(), pretty: bool, texts in prop::collection::vec("[a{}\":,é\\\\]{0,20}", 12),
            cut: prop::sample::Index,
        ) {
            let model = written(&one, pretty);
            let (mut moulds, found) = moulds(&model);
            prop_assert_eq!(&found, &texts_of(&one), "{}", model);

            let alike = with(&one, &mut texts.into_iter());
            let text = written(&alike, pretty);
            let plain = texts_of(&alike).iter().all(|text| !text.contains(['"', '\\']));
            let mut reader = Reader::new(&text);
            let mut taken = Vec::new();
            prop_assert_eq!(reader.like(&mut moulds, &mut taken).is_some(), plain, "{} like {}", text, model);
            if plain {
                prop_assert_eq!(parts(&reader, &taken), texts_of(&alike));
                prop_assert!(reader.end().is_ok());
                let part = &text.as_bytes()[..cut.index(text.len())];
                prop_assert_eq!(moulds.fit(part, 0, &mut taken), Fit::Ends, "{:?}", part);
            }

            // What is taken is the same but for its texts, whatever it was.
            let text = written(&other, pretty);
            let mut reader = Reader::new(&text);
            if reader.like(&mut moulds, &mut taken).is_some() && reader.end().is_ok() {
                prop_assert_eq!(with(&one, &mut parts(&reader, &taken).into_iter()), other);
            } else if !pretty {
                prop_assert_ne!(with(&one, &mut texts_of(&other).into_iter()), other);
            }
        }
    }

    #[test]
    fn what_does_not_fit_stays_where_it_is() {
        let (mut moulds, _) = moulds(r#"{"a":"x","b":[1,"y"]}"#);
        let mut taken = Vec::new();
        for other in [
            r#"{"a":"x","b":[2,"y"]}"#,
            r#"{"a":"x","c":[1,"y"]}"#,
            r#"{"a":"\n","b":[1,"y"]}"#,
            "{\"a\":\"\n\",\"b\":[1,\"y\"]}",
        ] {
            assert_eq!(moulds.fit(other.as_bytes(), 0, &mut taken), Fit::Not, "{other}");
            let mut reader = Reader::new(other);
            assert!(reader.like(&mut moulds, &mut taken).is_none(), "{other}");
            assert_eq!(reader.at(), 0);
        }
        let mut reader = Reader::new(r#" {"a":"","b":[1,"é"]},"#);
        assert!(reader.like(&mut moulds, &mut taken).is_some());
        assert_eq!((parts(&reader, &taken), reader.peek()), (vec![String::new(), "é".to_owned()], Some(b',')));
    }

    #[test]
    fn a_text_with_escapes_belongs_to_the_mould() {
        let (mut moulds, texts) = moulds(r#"["a\"b","c"]"#);
        assert_eq!(texts, ["c"]);
        let mut like = |text: &str| Reader::new(text).like(&mut moulds, &mut Vec::new()).is_some();
        assert!(like(r#"["a\"b","d"]"#));
        assert!(!like(r#"["a\"c","d"]"#));
    }

    #[test]
    fn the_last_ways_are_known() {
        let mut moulds = Moulds::default();
        let text = |n: usize| format!(r#"[{n},"x"]"#);
        for n in 0..=Moulds::<usize>::MOST {
            moulds.add(Mould::of(&text(n)).0, n);
        }
        let mut known = |n: usize| Reader::new(&text(n)).like(&mut moulds, &mut Vec::new()).copied();
        assert_eq!(known(0), None, "it was the first");
        for n in [1, 3, 1, 4, 2] {
            assert_eq!(known(n), Some(n));
        }
    }
}
