//! TOML to values, with the types that Helm's `fromToml` gives them.

use crate::charts::value::{Entries, List, ListKind, Value};
use jiff::civil;
use jiff::tz::{Offset, TimeZone};
use std::rc::Rc;
use toml::de::{DeTable, DeValue};

/// `local`: the zone that a time with its offset is shown in.
pub fn read(text: &str, local: &TimeZone) -> Result<Value, String> {
    let table = DeTable::parse(text).map_err(|e| match e.span() {
        Some(span) => format!("line {}: {}", text.get(..span.start).unwrap_or_default().matches('\n').count() + 1, e.message()),
        None => e.message().to_owned(),
    })?;
    Reader { text, local }.table(table.get_ref())
}

struct Reader<'a> {
    text: &'a str,
    local: &'a TimeZone,
}

impl Reader<'_> {
    fn table(&self, table: &DeTable<'_>) -> Result<Value, String> {
        let mut entries = Entries::new();
        for (key, value) in table {
            let place = value.span().start;
            entries.insert(key.get_ref().as_ref().into(), self.value(value.get_ref(), place)?);
        }
        Ok(Value::map(entries))
    }

    /// `place`: where it begins.
    fn value(&self, value: &DeValue<'_>, place: usize) -> Result<Value, String> {
        Ok(match value {
            DeValue::String(text) => Value::str(text.as_ref()),
            DeValue::Integer(number) => {
                let read = i64::from_str_radix(number.as_str(), number.radix());
                Value::Int64(read.map_err(|_| format!("{} is out of range for int64", number.as_str()))?)
            }
            DeValue::Float(number) => {
                let read: f64 = number.as_str().parse().map_err(|_| format!("{} is no number", number.as_str()))?;
                if read.is_infinite() && !number.as_str().contains("inf") {
                    return Err(format!("{} is out of range for float64", number.as_str()));
                }
                Value::Float(read)
            }
            DeValue::Boolean(it) => Value::Bool(*it),
            DeValue::Datetime(time) => self.time(time)?,
            DeValue::Table(table) => self.table(table)?,
            DeValue::Array(array) => {
                let items = array.iter().map(|item| self.value(item.get_ref(), item.span().start));
                let items = items.collect::<Result<Vec<_>, _>>()?;
                // `[[name]]` makes a list of maps, `[{}]` one of anything.
                let written = self.text.get(place..).unwrap_or_default();
                let in_line = written.starts_with('[') && !written.starts_with("[[");
                let maps = !in_line && !items.is_empty() && items.iter().all(|item| item.as_map().is_some());
                let kind = if maps { ListKind::Maps } else { ListKind::Any };
                Value::List(List { kind, items: Rc::new(items) })
            }
        })
    }

    fn time(&self, time: &toml::value::Datetime) -> Result<Value, String> {
        let wrong = || format!("the time {time} is not supported");
        // A time without a place is one of its own kind in Go.
        let (Some(day), Some(hour), Some(offset)) = (time.date, time.time, time.offset) else { return Err(wrong()) };
        let offset = match offset {
            toml::value::Offset::Z => None,
            toml::value::Offset::Custom { minutes } => Some(Offset::from_seconds(i32::from(minutes) * 60).map_err(|_| wrong())?),
        };
        let number = |number: u8| i8::try_from(number).map_err(|_| wrong());
        let nanosecond = i32::try_from(hour.nanosecond.unwrap_or(0)).map_err(|_| wrong())?;
        let civil = civil::DateTime::new(
            i16::try_from(day.year).map_err(|_| wrong())?,
            number(day.month)?,
            number(day.day)?,
            number(hour.hour)?,
            number(hour.minute)?,
            number(hour.second.unwrap_or(0))?,
            nanosecond,
        );
        let zone = offset.map_or(TimeZone::UTC, TimeZone::fixed);
        let zoned = civil.and_then(|civil| civil.to_zoned(zone)).map_err(|_| wrong())?;
        let here = offset.is_some_and(|offset| self.local.to_offset(zoned.timestamp()) == offset);
        Ok(Value::Time(if here { zoned.with_time_zone(self.local.clone()) } else { zoned }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charts::yaml::json;

    #[test]
    fn values_have_the_types_of_go() {
        let text = "a = 0x1F\nb = 1.0\nd.e = \"x\\u00e9\"\nl = [1, [\"y\"]]\ni = [{ k = 1 }]\nn = []\n[t]\nx = true\n[[m]]\nz = 1\n[[m]]\n[[p.q]]\n";
        let value = read(text, &TimeZone::UTC).unwrap();
        let wanted =
            r#"{"a":31,"b":1,"d":{"e":"xé"},"i":[{"k":1}],"l":[1,["y"]],"m":[{"z":1},{}],"n":[],"p":{"q":[{}]},"t":{"x":true}}"#;
        assert_eq!(json::compact(&value, true).unwrap(), wanted);
        let kind = |name: &str| value.as_map().unwrap().entries.borrow()[name].type_name();
        assert_eq!(
            [kind("a"), kind("b"), kind("m"), kind("i")],
            ["int64", "float64", "[]map[string]interface {}", "[]interface {}"]
        );
        let inner = value.as_map().unwrap().entries.borrow()["p"].clone();
        assert_eq!(inner.as_map().unwrap().entries.borrow()["q"].type_name(), "[]map[string]interface {}");
    }

    #[test]
    fn what_is_not_toml_or_not_known_is_told() {
        for (text, why) in [
            ("a = 1\nb = ?", "line 2"),
            ("a = 1\na = 2", "line 2: duplicate key"),
            ("a = 9223372036854775808", "int64"),
            ("a = 1e999", "float64"),
            ("a = 2024-02-29", "not supported"),
        ] {
            let told = read(text, &TimeZone::UTC).unwrap_err();
            assert!(told.contains(why), "{text}: {told}");
        }
        assert!(read(&format!("a = {}1{}", "[".repeat(5000), "]".repeat(5000)), &TimeZone::UTC).is_err());
    }
}
