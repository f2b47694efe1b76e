//! Serde's side of the reader.

use super::error::{Error, Kind};
use super::keep::Keep;
use super::raw::TOKEN;
use super::reader::Reader;
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor, value::BorrowedStrDeserializer};
use std::borrow::Cow;

impl<K> Reader<'_, K> {
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        self.depth = self.depth.checked_sub(1).ok_or_else(|| self.syntax("nested too deep"))?;
        let value = read(self)?;
        self.depth += 1;
        Ok(value)
    }

    fn number<'de, V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        let at = self.at;
        let text = self.scalar();
        if !is_number(text) {
            return Err(Error::new(Kind::Syntax, at, "expected a number"));
        }
        if let Ok(number) = text.parse::<u64>() {
            return visitor.visit_u64(number);
        }
        // Only a fraction has a zero with a sign.
        if let Ok(number) = text.parse::<i64>()
            && number != 0
        {
            return visitor.visit_i64(number);
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => visitor.visit_f64(number),
            _ => Err(Error::new(Kind::Syntax, at, "number out of range")),
        }
    }

    fn word<'de, V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        let at = self.at;
        match self.scalar() {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            "null" => visitor.visit_unit(),
            _ => Err(Error::new(Kind::Syntax, at, "expected a value")),
        }
    }
}

/// As JSON writes it: Rust's own parsers take `01`, `1.` and more.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let whole = digits(unsigned);
    if whole == 0 || (whole > 1 && unsigned.starts_with('0')) {
        return false;
    }
    let mut rest = &unsigned[whole..];
    if let Some(fraction) = rest.strip_prefix('.') {
        let length = digits(fraction);
        if length == 0 {
            return false;
        }
        rest = &fraction[length..];
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        return !exponent.is_empty() && digits(exponent) == exponent.len();
    }
    rest.is_empty()
}

impl<'t, 'de, K: Keep<'t, 'de>> Deserializer<'de> for &mut Reader<'t, K> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.peek() {
            Some(b'"') => match self.string()? {
                Cow::Borrowed(text) => visitor.visit_borrowed_str(self.keep.keep(text)),
                Cow::Owned(text) => visitor.visit_string(text),
            },
            Some(b'{') => {
                self.at += 1;
                self.deeper(|reader| visitor.visit_map(Members { reader, first: true }))
            }
            Some(b'[') => {
                self.at += 1;
                self.deeper(|reader| visitor.visit_seq(Elements { reader, first: true }))
            }
            Some(b'-' | b'0'..=b'9') => self.number(visitor),
            Some(b't' | b'f' | b'n') => self.word(visitor),
            Some(_) => Err(self.syntax("expected a value")),
            None => Err(self.eof()),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.peek() == Some(b'n') { self.word(visitor) } else { visitor.visit_some(self) }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.skip()?;
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        if name == TOKEN {
            visitor.visit_borrowed_str(self.keep.keep(self.raw()?.get()))
        } else {
            visitor.visit_newtype_struct(self)
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.string()? {
            Cow::Borrowed(text) => visitor.visit_enum(BorrowedStrDeserializer::new(self.keep.keep(text))),
            Cow::Owned(text) => visitor.visit_enum(text.into_deserializer()),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map struct identifier
    }
}

struct Members<'r, 't, K> {
    reader: &'r mut Reader<'t, K>,
    first: bool,
}

impl<'t, 'de, K: Keep<'t, 'de>> MapAccess<'de> for Members<'_, 't, K> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        match self.reader.next_key(std::mem::take(&mut self.first))? {
            None => Ok(None),
            Some(Cow::Borrowed(key)) => seed.deserialize(Key { key, keep: self.reader.keep }).map(Some),
            Some(Cow::Owned(key)) => seed.deserialize(key.into_deserializer()).map(Some),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(&mut *self.reader).map_err(|error| error.or_at(self.reader.at))
    }
}

/// The name of a field is only looked at; the key of a map is kept.
struct Key<'t, K> {
    key: &'t str,
    keep: K,
}

impl<'t, 'de, K: Keep<'t, 'de>> Deserializer<'de> for Key<'t, K> {
    type Error = Error;

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(self.key)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        BorrowedStrDeserializer::new(self.keep.keep(self.key)).deserialize_any(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        BorrowedStrDeserializer::new(self.keep.keep(self.key)).deserialize_enum(name, variants, visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct ignored_any
    }
}

struct Elements<'r, 't, K> {
    reader: &'r mut Reader<'t, K>,
    first: bool,
}

impl<'t, 'de, K: Keep<'t, 'de>> SeqAccess<'de> for Elements<'_, 't, K> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        if !self.reader.next_element(std::mem::take(&mut self.first))? {
            return Ok(None);
        }
        seed.deserialize(&mut *self.reader).map(Some).map_err(|error| error.or_at(self.reader.at))
    }

    /// Most lists have one element, and to a list that grows the first one means four.
    fn size_hint(&self) -> Option<usize> {
        Some(usize::from(self.first && !self.reader.is_next(b']')))
    }
}
