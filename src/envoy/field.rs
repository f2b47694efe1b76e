//! The two field types that Envoy's JSON is made of, read leniently.

use crate::json::Raw;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

/// A text, borrowed from the input unless it holds escapes. A number or a boolean is taken as its text (enums may be
/// numbers), `null` as the empty text, as protobuf's JSON has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text<'a>(pub Cow<'a, str>);

impl Text<'_> {
    /// `None` for the empty text: to protobuf, empty and absent are the same.
    pub fn some(&self) -> Option<&str> {
        (!self.0.is_empty()).then(|| &*self.0)
    }
}

impl Deref for Text<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Text(Cow::Borrowed(text))
    }
}

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
            fn visit_string<E>(self, text: String) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text)))
            }
            fn visit_bool<E>(self, value: bool) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(if value { "true" } else { "false" })))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(value.to_string())))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(value.to_string())))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(value.to_string())))
            }
            fn visit_unit<E>(self) -> Result<Text<'de>, E> {
                Ok(Text::default())
            }
        }
        deserializer.deserialize_any(TextVisitor)
    }
}

/// A whole number that is not negative, bare or in quotes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Int(pub u64);

impl<'de> Deserialize<'de> for Int {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IntVisitor;
        impl Visitor<'_> for IntVisitor {
            type Value = Int;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }
            fn visit_u64<E>(self, value: u64) -> Result<Int, E> {
                Ok(Int(value))
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Int, E> {
                u64::try_from(value).map(Int).map_err(|_| E::invalid_value(de::Unexpected::Signed(value), &self))
            }
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Int, E> {
                // Protobuf's JSON allows `1.0` and `1e3` for integers; a cast saturates, it can't go wrong.
                if value >= 0.0 && value.fract() == 0.0 {
                    Ok(Int(value as u64))
                } else {
                    Err(E::invalid_value(de::Unexpected::Float(value), &self))
                }
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Int, E> {
                text.parse().map(Int).map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }
            fn visit_unit<E>(self) -> Result<Int, E> {
                Ok(Int::default())
            }
        }
        deserializer.deserialize_any(IntVisitor)
    }
}

/// In decimal: there may be a hundred thousand ports, each written several times, which `format!` takes its time for.
pub fn push_number(number: u64, into: &mut String) {
    if number > 9 {
        push_number(number / 10, into);
    }
    into.push(char::from(b'0' + (number % 10) as u8));
}

/// Values by their names, in the order of these: nearly always one, where a map has room for eleven.
#[derive(Clone, Debug, Default)]
pub struct ByName<'a>(Vec<(Text<'a>, Raw<'a>)>);

impl<'a> ByName<'a> {
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Raw<'a>)> {
        self.0.iter().map(|(name, raw)| (&**name, raw))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for ByName<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NamesVisitor;
        impl<'de> Visitor<'de> for NamesVisitor {
            type Value = ByName<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<ByName<'de>, M::Error> {
                let mut all: Vec<(Text<'de>, Raw<'de>)> = Vec::new();
                while let Some((name, value)) = map.next_entry()? {
                    // Of a name that comes twice, the last is it.
                    match all.binary_search_by(|(other, _)| other.cmp(&name)) {
                        Ok(at) => all[at].1 = value,
                        Err(at) => {
                            all.reserve_exact(1);
                            all.insert(at, (name, value));
                        }
                    }
                }
                Ok(ByName(all))
            }
        }
        deserializer.deserialize_map(NamesVisitor)
    }
}

/// A list of which there are very many, each short: it takes the room that it needs, where one that grows by itself begins
/// with room for four.
pub fn short<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    struct ShortVisitor<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for ShortVisitor<T> {
        type Value = Vec<T>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a sequence")
        }
        fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Vec<T>, S::Error> {
            let mut all = Vec::new();
            while let Some(one) = list.next_element()? {
                if all.len() == all.capacity() {
                    all.reserve_exact(all.len().max(1));
                }
                all.push(one);
            }
            Ok(all)
        }
    }
    deserializer.deserialize_seq(ShortVisitor(PhantomData))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_stand_in_quotes() {
        let read = |text: &str| serde_json::from_str::<Int>(text).map(|int| int.0);
        assert_eq!(read("8080").ok(), Some(8080));
        assert_eq!(read("\"18446744073709551615\"").ok(), Some(u64::MAX));
        assert_eq!(read("1e3").ok(), Some(1000));
        assert_eq!(read("null").ok(), Some(0));
        for bad in ["-1", "1.5", "\"x\"", "[]", "true"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_short_list_has_no_room_to_spare_and_a_name_counts_once() {
        #[derive(serde::Deserialize)]
        struct Lists(#[serde(deserialize_with = "short")] Vec<u8>);
        for count in [0, 1, 2, 4] {
            let text = serde_json::to_string(&vec![7; count]).unwrap_or_default();
            let list = serde_json::from_str::<Lists>(&text).map(|list| list.0).unwrap_or_default();
            assert_eq!((list.len(), list.capacity()), (count, count));
        }
        let named: ByName = crate::json::from_str(r#"{"b":1,"a":2,"b":3}"#).unwrap_or_default();
        assert_eq!(named.iter().map(|(name, raw)| (name, raw.get())).collect::<Vec<_>>(), [("a", "2"), ("b", "3")]);
    }

    #[test]
    fn a_number_is_written_in_decimal() {
        for number in [0, 7, 10, 99, 100, 65_535, u64::MAX] {
            let mut text = "x".to_owned();
            push_number(number, &mut text);
            assert_eq!(text, format!("x{number}"));
        }
    }

    #[test]
    fn text_borrows_what_has_no_escapes() {
        let plain: Text = serde_json::from_str("\"abc\"").unwrap_or_default();
        assert!(matches!(plain.0, Cow::Borrowed("abc")));
        let escaped: Text = serde_json::from_str(r#""a\"c""#).unwrap_or_default();
        assert!(matches!(escaped.0, Cow::Owned(_)));
        assert_eq!(&*escaped, "a\"c");
        assert_eq!(serde_json::from_str::<Text>("3").ok().as_deref(), Some("3"));
        assert_eq!(serde_json::from_str::<Text>("null").ok().as_deref(), Some(""));
    }
}
