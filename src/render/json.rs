//! `-o json`: one document, whatever was asked. Text is left as it is; JSON escapes it.

use super::{BUFFER, sanitize};
use crate::report::Report;
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter};
use serde_json::{Map, Serializer, Value};
use std::borrow::Cow;
use std::io::{self, BufWriter, Write};

/// Writes a document as it goes: it is made of many small pieces, which are handed on a buffer at a time.
pub type JsonWriter<'w> = Serializer<BufWriter<&'w mut dyn Write>, Layout>;

fn writer(out: &mut dyn Write) -> JsonWriter<'_> {
    Serializer::with_formatter(BufWriter::with_capacity(BUFFER, out), Layout::default())
}

/// The last line ends too.
fn end(to: JsonWriter<'_>) -> io::Result<()> {
    let mut out = to.into_inner();
    out.write_all(b"\n")?;
    out.flush()
}

/// Two spaces a level, as everybody prints it; and no character that moves a terminal.
#[derive(Default)]
pub struct Layout(PrettyFormatter<'static>);

/// Its methods are called for each value: what a pretty printer does, and what a string may hold.
macro_rules! as_pretty {
    ($($name:ident($($flag:ident)?)),*) => {
        $(fn $name<W: ?Sized + Write>(&mut self, writer: &mut W $(, $flag: bool)?) -> io::Result<()> {
            self.0.$name(writer $(, $flag)?)
        })*
    };
}

impl Formatter for Layout {
    as_pretty!(
        begin_array(),
        end_array(),
        begin_array_value(first),
        end_array_value(),
        begin_object(),
        end_object(),
        begin_object_key(first),
        begin_object_value(),
        end_object_value()
    );

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        // Nearly all are printable ASCII.
        if fragment.bytes().all(|byte| byte.wrapping_sub(b' ') < 95) {
            return writer.write_all(fragment.as_bytes());
        }
        writer.write_all(safe(fragment).as_bytes())
    }
}

/// The document to a stream.
pub fn write(report: &Report, out: &mut dyn Write) -> serde_json::Result<()> {
    let mut to = writer(out);
    match (&report.document, &report.data) {
        (Some(document), Value::Object(more)) => document.write(&report.schema, more, &mut to)?,
        (Some(document), _) => document.write(&report.schema, &Map::new(), &mut to)?,
        // The schema leads, so that a person who looks at the first line knows what it is.
        (None, Value::Object(fields)) => Leading { schema: &report.schema, fields }.serialize(&mut to)?,
        (None, other) => {
            let fields = Map::from_iter([("data".to_owned(), other.clone())]);
            Leading { schema: &report.schema, fields: &fields }.serialize(&mut to)?;
        }
    }
    end(to).map_err(serde_json::Error::io)
}

#[derive(Serialize)]
struct Leading<'l> {
    schema: &'l str,
    #[serde(flatten)]
    fields: &'l Map<String, Value>,
}

pub fn render(report: &Report) -> String {
    let mut out = Vec::new();
    match write(report, &mut out) {
        Ok(()) => String::from_utf8_lossy(&out).into_owned(),
        Err(error) => format!("{}\n", Value::from(error.to_string())),
    }
}

/// The same of what is no report: the fields stand in their own order.
pub fn write_data(out: &mut dyn Write, schema: &str, data: &impl Serialize) -> io::Result<()> {
    #[derive(Serialize)]
    struct Document<'d, T> {
        schema: &'d str,
        #[serde(flatten)]
        data: &'d T,
    }
    let mut to = writer(out);
    Document { schema, data }.serialize(&mut to)?;
    end(to)
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
        if c != '\n' && sanitize::is_hostile(c) {
            let mut units = [0; 2];
            c.encode_utf16(&mut units).iter().for_each(|unit| safe.push_str(&format!("\\u{unit:04x}")));
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}
