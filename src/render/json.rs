//! `-o json`: one document, whatever was asked. Text is left as it is; JSON escapes it.

use crate::report::Report;
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter};
use std::borrow::Cow;
use std::io::{self, Write};

pub fn render(report: &Report) -> String {
    let mut out = Vec::new();
    // The schema leads, so that a person who looks at the first line knows what it is.
    let fields = match super::machine_form(report) {
        serde_json::Value::Object(fields) => fields,
        other => serde_json::Map::from_iter([("data".to_owned(), other)]),
    };
    let rest = fields.iter().filter(|(key, _)| *key != "schema");
    let ordered = fields.iter().filter(|(key, _)| *key == "schema").chain(rest);
    let _ = out.write_all(b"{");
    for (i, (key, value)) in ordered.enumerate() {
        let key = serde_json::Value::from(key.as_str());
        let value = serde_json::to_string_pretty(value).unwrap_or_else(|e| serde_json::Value::from(e.to_string()).to_string());
        let comma = if i == 0 { "" } else { "," };
        let _ = write!(out, "{comma}\n  {key}: {}", value.replace('\n', "\n  "));
    }
    let _ = out.write_all(b"\n}\n");
    safe(&String::from_utf8_lossy(&out)).into_owned()
}

/// The same document, written as it is made. Fields stand in their own order.
pub fn write(mut out: impl Write, schema: &str, data: &impl Serialize) -> io::Result<()> {
    #[derive(Serialize)]
    struct Document<'d, T> {
        schema: &'d str,
        #[serde(flatten)]
        data: &'d T,
    }
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, Calm(PrettyFormatter::new()));
    Document { schema, data }.serialize(&mut serializer)?;
    out.write_all(b"\n")
}

/// Writes as usual, and what moves a terminal as [`safe`] does: it stands in strings only.
struct Calm(PrettyFormatter<'static>);

impl Formatter for Calm {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        writer.write_all(safe(fragment).as_bytes())
    }
    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }
    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }
    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }
    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }
    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }
    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }
    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }
    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }
    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

/// JSON that says the same and moves no terminal.
pub(super) fn safe(text: &str) -> Cow<'_, str> {
    let calm = |byte: u8| byte == b'\n' || byte.wrapping_sub(b' ') < 95;
    if text.bytes().fold(true, |all, byte| all & calm(byte)) {
        return Cow::Borrowed(text);
    }
    // DEL, C1 controls and bidirectional overrides are legal in JSON and still move a terminal; `\u` is legal too.
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && super::sanitize::is_hostile(c) {
            let mut units = [0; 2];
            c.encode_utf16(&mut units).iter().for_each(|unit| safe.push_str(&format!("\\u{unit:04x}")));
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}
