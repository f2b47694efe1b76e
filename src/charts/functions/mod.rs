//! The functions of chart templates: Go's own, sprig's, Helm's. One table a subject.

pub mod bases;
pub mod certificates;
pub mod crypto;
pub mod dates;
pub mod dicts;
pub mod encoding;
pub mod files;
pub mod layout;
pub mod lists;
pub mod logic;
pub mod merge;
pub mod numbers;
pub mod passwords;
pub mod paths;
pub mod patterns;
pub mod strings;
pub mod urls;
pub mod versions;
pub mod words;

use super::value::{Entries, Value};
use std::collections::BTreeMap;

/// What functions may know beside their arguments.
pub struct Context<'a> {
    /// Now, in the zone that sprig calls local.
    pub now: &'a jiff::Zoned,
    pub random: &'a dyn Fn(&mut [u8]),
    /// API version, kind, namespace, name → what the cluster has.
    pub lookup: &'a Lookup<'a>,
}

pub type Lookup<'a> = dyn Fn(&str, &str, &str, &str) -> Result<Value, String> + 'a;

/// The type of a parameter; `Any` is Go's empty interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Param {
    Any,
    Str,
    Int,
    /// Only a constant can be one.
    Uint32,
    Float,
    Bool,
    Map,
    Time,
}

impl Param {
    pub fn name(self) -> &'static str {
        match self {
            Param::Any => "interface {}",
            Param::Str => "string",
            Param::Int => "int",
            Param::Uint32 => "uint32",
            Param::Float => "float64",
            Param::Bool => "bool",
            Param::Map => "map[string]interface {}",
            Param::Time => "time.Time",
        }
    }

    /// Go's check of an argument. `typed`: nothing came out of a map and has a type, which no map is.
    pub fn check(self, value: Value, typed: bool) -> Result<Value, String> {
        let fits = match (self, &value) {
            (Param::Any, _)
            | (Param::Str, Value::Str(_))
            | (Param::Int, Value::Int(_))
            | (Param::Float, Value::Float(_))
            | (Param::Bool, Value::Bool(_))
            | (Param::Time, Value::Time(_)) => true,
            (Param::Map, Value::Map(map)) => map.kind != super::value::MapKind::Str,
            // A nil map: it can be read, not written.
            (Param::Map, Value::Nil) if !typed => return Ok(Value::map(Entries::new())),
            _ => false,
        };
        if fits {
            return Ok(value);
        }
        let wanted = self.name();
        Err(match &value {
            Value::Nil if !typed => format!("invalid value; expected {wanted}"),
            Value::Nil => format!("wrong type for value; expected {wanted}; got interface {{}}"),
            other => format!("wrong type for value; expected {wanted}; got {}", other.type_name()),
        })
    }
}

pub type Run = fn(&Context<'_>, &[Value]) -> Result<Value, String>;

#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Plain(Run),
    And,
    Or,
    Include,
    Tpl,
    Required,
    Fail,
}

#[derive(Debug)]
pub struct Builtin {
    pub name: &'static str,
    pub params: &'static [Param],
    /// What every further argument is.
    pub rest: Option<Param>,
    pub kind: Kind,
}

impl Builtin {
    pub fn param(&self, i: usize) -> Param {
        self.params.get(i).copied().or(self.rest).unwrap_or(Param::Any)
    }

    /// What a call of it weighs beyond its own step of a rendering.
    pub fn weight(&self) -> u64 {
        if matches!(self.name, "bcrypt" | "htpasswd" | "derivePassword" | "genPrivateKey") { 100_000 } else { 0 }
    }

    pub fn arity(&self, count: usize) -> Result<(), String> {
        let wanted = self.params.len();
        if self.rest.is_some() && count < wanted {
            return Err(format!("wrong number of args for {}: want at least {wanted} got {count}", self.name));
        }
        if self.rest.is_none() && count != wanted {
            return Err(format!("wrong number of args for {}: want {wanted} got {count}", self.name));
        }
        Ok(())
    }
}

/// A function of a fixed number of arguments.
const fn fixed(name: &'static str, params: &'static [Param], run: Run) -> Builtin {
    Builtin { name, params, rest: None, kind: Kind::Plain(run) }
}

/// A function that takes any number of further arguments.
const fn open(name: &'static str, params: &'static [Param], rest: Param, run: Run) -> Builtin {
    Builtin { name, params, rest: Some(rest), kind: Kind::Plain(run) }
}

const TABLES: &[&[Builtin]] = &[
    logic::TABLE,
    strings::TABLE,
    words::TABLE,
    lists::TABLE,
    dicts::TABLE,
    merge::TABLE,
    numbers::TABLE,
    encoding::TABLE,
    dates::TABLE,
    patterns::TABLE,
    paths::TABLE,
    urls::TABLE,
    versions::TABLE,
    crypto::TABLE,
    certificates::TABLE,
];

/// Every function by its name.
pub struct Registry(BTreeMap<&'static str, &'static Builtin>);

impl Registry {
    pub fn new() -> Self {
        Registry(TABLES.iter().copied().flatten().map(|builtin| (builtin.name, builtin)).collect())
    }

    pub fn get(&self, name: &str) -> Option<&'static Builtin> {
        self.0.get(name).copied()
    }

    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }
}

impl Default for Registry {
    fn default() -> Self {
        Registry::new()
    }
}

/// The text of an argument that was checked to be one.
fn text(args: &[Value], i: usize) -> &str {
    match args.get(i) {
        Some(Value::Str(text)) => text,
        _ => "",
    }
}

fn int(args: &[Value], i: usize) -> i64 {
    match args.get(i) {
        Some(Value::Int(i) | Value::Int64(i)) => *i,
        _ => 0,
    }
}

fn done(text: impl Into<super::value::Text>) -> Result<Value, String> {
    Ok(Value::Str(text.into()))
}

/// A slice as Go cuts it; what would end in the middle of a character is refused.
fn cut(text: &str, from: i64, to: i64) -> Result<&str, String> {
    let (Ok(from), Ok(to)) = (usize::try_from(from), usize::try_from(to)) else {
        return Err(format!("slice bounds out of range [{from}:{to}]"));
    };
    if from > to || to > text.len() {
        return Err(format!("slice bounds out of range [{from}:{to}] of a string of {} bytes", text.len()));
    }
    text.get(from..to).ok_or_else(|| "a cut through the middle of a character is not supported".to_owned())
}
