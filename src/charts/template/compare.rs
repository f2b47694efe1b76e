//! `eq`, `lt` and their kin: types must fit, as in Go.

use crate::charts::value::Value;
use std::cmp::Ordering;

#[derive(PartialEq)]
enum Basic<'a> {
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(&'a str),
    Nil,
    Other,
}

fn basic(value: &Value) -> Basic<'_> {
    match value {
        Value::Bool(b) => Basic::Bool(*b),
        Value::Int(i) | Value::Int64(i) => Basic::Int(*i),
        Value::Float(f) => Basic::Float(*f),
        Value::Str(s) => Basic::Str(s),
        Value::Nil => Basic::Nil,
        _ => Basic::Other,
    }
}

/// Whether the first equals any of the others.
pub fn equal(args: &[Value]) -> Result<bool, String> {
    let (first, others) = args.split_first().ok_or("wrong number of args for eq: want at least 1 got 0")?;
    if others.is_empty() {
        return Err("missing argument for comparison".to_owned());
    }
    let mut found = false;
    for other in others {
        let same = match (basic(first), basic(other)) {
            (Basic::Nil, Basic::Nil) => true,
            (Basic::Nil, _) | (_, Basic::Nil) => false,
            (Basic::Other, _) | (_, Basic::Other) => {
                let which = if basic(first) == Basic::Other { first } else { other };
                if first.type_name() != other.type_name()
                    || matches!(which, Value::Map(_) | Value::List(_) | Value::Bytes(_) | Value::Files(_))
                {
                    return Err(format!("incompatible types for comparison: {} and {}", first.type_name(), other.type_name()));
                }
                first.same(other, 1)?
            }
            (Basic::Bool(a), Basic::Bool(b)) => a == b,
            (Basic::Int(a), Basic::Int(b)) => a == b,
            (Basic::Float(a), Basic::Float(b)) => a == b,
            (Basic::Str(a), Basic::Str(b)) => a == b,
            _ => return Err(format!("incompatible types for comparison: {} and {}", first.type_name(), other.type_name())),
        };
        // Go stops at the first that is equal.
        if same {
            found = true;
            break;
        }
    }
    Ok(found)
}

pub fn order(a: &Value, b: &Value) -> Result<Option<Ordering>, String> {
    match (basic(a), basic(b)) {
        (Basic::Int(a), Basic::Int(b)) => Ok(Some(a.cmp(&b))),
        (Basic::Float(a), Basic::Float(b)) => Ok(a.partial_cmp(&b)),
        (Basic::Str(a), Basic::Str(b)) => Ok(Some(a.cmp(b))),
        (Basic::Bool(_), Basic::Bool(_)) | (Basic::Other, _) | (_, Basic::Other) | (Basic::Nil, _) | (_, Basic::Nil) => {
            Err("invalid type for comparison".to_owned())
        }
        _ => Err(format!("incompatible types for comparison: {} and {}", a.type_name(), b.type_name())),
    }
}
