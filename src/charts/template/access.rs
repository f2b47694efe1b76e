//! What a dot reaches: keys of maps, fields and methods of structs.

use crate::charts::functions::files;
use crate::charts::value::{MapKind, Value};
use std::rc::Rc;

/// The value at `name`. `args` are for methods.
pub fn field(receiver: &Value, name: &str, args: &[Value]) -> Result<Value, String> {
    let no_args = || match args {
        [] => Ok(()),
        _ => Err(format!("{name} is not a method but has arguments")),
    };
    match receiver {
        Value::Nil => Err(format!("nil pointer evaluating interface {{}}.{name}")),
        Value::Map(map) => {
            if map.kind == MapKind::Values {
                match (name, args) {
                    ("AsMap", []) => return Ok(Value::map(map.entries.borrow().clone())),
                    ("YAML", []) => return crate::charts::yaml::emit::to_yaml(receiver).map(|text| Value::str(text + "\n")),
                    ("Table" | "PathValue" | "Encode", _) => {
                        return Err(format!("the method .{name} of values is not supported"));
                    }
                    _ => {}
                }
            }
            no_args()?;
            let missing = || if map.kind == MapKind::Str { Value::str("") } else { Value::Nil };
            Ok(map.entries.borrow().get(name).cloned().unwrap_or_else(missing))
        }
        Value::Files(files) => match files::method(files, name, args) {
            Some(result) => result,
            None => {
                no_args()?;
                Ok(files.0.get(name).map_or(Value::Bytes(Rc::from([])), |bytes| Value::Bytes(bytes.clone())))
            }
        },
        Value::List(list) if name == "Has" => {
            let [Value::Str(wanted)] = args else { return Err("wrong number of args for Has: want 1 string".to_owned()) };
            Ok(Value::Bool(list.items.iter().any(|item| matches!(item, Value::Str(text) if text == wanted))))
        }
        Value::Struct(it) => {
            no_args()?;
            it.get(name).cloned().ok_or_else(|| format!("can't evaluate field {name} in type {}", it.type_name))
        }
        Value::Time(time) => {
            no_args()?;
            let number = |n: i64| Ok(Value::Int(n));
            match name {
                "Year" => number(i64::from(time.year())),
                "Day" => number(i64::from(time.day())),
                "Hour" => number(i64::from(time.hour())),
                "Minute" => number(i64::from(time.minute())),
                "Second" => number(i64::from(time.second())),
                "YearDay" => number(i64::from(time.day_of_year())),
                "Unix" => Ok(Value::Int64(time.timestamp().as_second())),
                "UnixNano" => Ok(Value::Int64(i64::try_from(time.timestamp().as_nanosecond()).unwrap_or(0))),
                _ => Err(format!("the method .{name} of a time is not supported")),
            }
        }
        other => Err(format!("can't evaluate field {name} in type {}", other.type_name())),
    }
}
