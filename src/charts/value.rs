//! Values of chart templates, as Go's reflection sees them.
//!
//! Maps have reference semantics: charts change them in place (`set`, `unset`, `merge`), and every holder sees it.
//! The kind of a map or list is Go's static type; templates can ask for it (`typeOf`), and a missing key depends on it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

pub type Text = Rc<str>;
pub type Entries = BTreeMap<Text, Value>;

#[derive(Clone, Debug)]
pub enum Value {
    Nil,
    Bool(bool),
    /// Go's `int`: literals, `len`, `int`.
    Int(i64),
    /// Go's `int64`: arithmetic and `--set`.
    Int64(i64),
    Float(f64),
    Str(Text),
    Bytes(Rc<[u8]>),
    List(List),
    Map(Map),
    Struct(Rc<Struct>),
    Files(Rc<Files>),
    Time(jiff::Zoned),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListKind {
    Any,
    Str,
    Int,
    Lists,
    /// Of TOML.
    Maps,
}

#[derive(Clone, Debug)]
pub struct List {
    pub kind: ListKind,
    pub items: Rc<Vec<Value>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapKind {
    Any,
    /// Helm's own name for a map of values.
    Values,
    /// A map of strings: a missing key is the empty string.
    Str,
}

#[derive(Debug)]
pub struct MapCell {
    pub kind: MapKind,
    pub entries: RefCell<Entries>,
}

pub type Map = Rc<MapCell>;

/// A Go struct that templates can look into.
#[derive(Debug)]
pub struct Struct {
    pub type_name: &'static str,
    /// What `String()` says, if it has one.
    pub string: Option<Text>,
    pub fields: Vec<Field>,
    /// Methods without arguments.
    pub methods: Vec<(&'static str, Value)>,
}

#[derive(Debug)]
pub struct Field {
    pub name: &'static str,
    /// Name in JSON and YAML.
    pub key: &'static str,
    pub omit_empty: bool,
    pub value: Value,
}

/// The files of a chart that are no templates, by path.
#[derive(Debug, Default)]
pub struct Files(pub BTreeMap<Text, Rc<[u8]>>);

impl Value {
    pub fn str(text: impl Into<Text>) -> Value {
        Value::Str(text.into())
    }

    pub fn list(items: Vec<Value>) -> Value {
        Value::List(List { kind: ListKind::Any, items: Rc::new(items) })
    }

    pub fn strings(items: impl IntoIterator<Item = impl Into<Text>>) -> Value {
        let items = items.into_iter().map(|item| Value::Str(item.into())).collect();
        Value::List(List { kind: ListKind::Str, items: Rc::new(items) })
    }

    pub fn ints(items: Vec<i64>) -> Value {
        Value::List(List { kind: ListKind::Int, items: Rc::new(items.into_iter().map(Value::Int).collect()) })
    }

    pub fn map(entries: Entries) -> Value {
        Value::Map(new_map(entries))
    }

    pub fn map_of(kind: MapKind, entries: Entries) -> Value {
        Value::Map(Rc::new(MapCell { kind, entries: RefCell::new(entries) }))
    }

    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// Go's truth: what `if`, `and`, `or`, `not` and `empty` go by.
    pub fn truth(&self) -> bool {
        match self {
            Value::Nil => false,
            Value::Bool(b) => *b,
            Value::Int(i) | Value::Int64(i) => *i != 0,
            Value::Float(f) => *f != 0.0,
            Value::Str(s) => !s.is_empty(),
            Value::Bytes(b) => !b.is_empty(),
            Value::List(list) => !list.items.is_empty(),
            Value::Map(map) => !map.entries.borrow().is_empty(),
            Value::Files(files) => !files.0.is_empty(),
            Value::Struct(_) | Value::Time(_) => true,
        }
    }

    /// The type as Go's `%T` prints it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Nil => "<nil>",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Int64(_) => "int64",
            Value::Float(_) => "float64",
            Value::Str(_) => "string",
            Value::Bytes(_) => "[]uint8",
            Value::List(list) => match list.kind {
                ListKind::Any => "[]interface {}",
                ListKind::Str => "[]string",
                ListKind::Int => "[]int",
                ListKind::Lists => "[][]interface {}",
                ListKind::Maps => "[]map[string]interface {}",
            },
            Value::Map(map) => match map.kind {
                MapKind::Any => "map[string]interface {}",
                MapKind::Values => "chartutil.Values",
                MapKind::Str => "map[string]string",
            },
            Value::Struct(it) => it.type_name,
            Value::Files(_) => "engine.files",
            Value::Time(_) => "time.Time",
        }
    }

    /// The kind as Go's reflection names it.
    pub fn kind_name(&self) -> &'static str {
        match self {
            Value::Nil => "invalid",
            Value::Bytes(_) | Value::List(_) => "slice",
            Value::Map(_) | Value::Files(_) => "map",
            Value::Struct(it) if it.type_name.starts_with('*') => "ptr",
            Value::Struct(_) | Value::Time(_) => "struct",
            other => other.type_name(),
        }
    }

    /// A copy that shares nothing. Too deep a value is a loop.
    pub fn deep_copy(&self, depth: usize) -> Result<Value, String> {
        let next = depth.checked_sub(1).ok_or("the value holds itself or is nested too deeply")?;
        Ok(match self {
            Value::List(list) => {
                let items = list.items.iter().map(|item| item.deep_copy(next)).collect::<Result<_, _>>()?;
                Value::List(List { kind: list.kind, items: Rc::new(items) })
            }
            Value::Map(map) => {
                let mut copy = Entries::new();
                for (key, value) in map.entries.borrow().iter() {
                    copy.insert(key.clone(), value.deep_copy(next)?);
                }
                Value::map_of(map.kind, copy)
            }
            other => other.clone(),
        })
    }

    /// Go's `reflect.DeepEqual`: types count.
    pub fn same(&self, other: &Value, depth: usize) -> Result<bool, String> {
        let next = depth.checked_sub(1).ok_or("the value holds itself or is nested too deeply")?;
        Ok(match (self, other) {
            (Value::Nil, Value::Nil) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) | (Value::Int64(a), Value::Int64(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a == b,
            (Value::Str(a), Value::Str(b)) => a == b,
            (Value::Bytes(a), Value::Bytes(b)) => a == b,
            (Value::Time(a), Value::Time(b)) => a == b,
            (Value::List(a), Value::List(b)) => {
                if a.kind != b.kind || a.items.len() != b.items.len() {
                    return Ok(false);
                }
                for (a, b) in a.items.iter().zip(b.items.iter()) {
                    if !a.same(b, next)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Value::Map(a), Value::Map(b)) => {
                if Rc::ptr_eq(a, b) {
                    return Ok(true);
                }
                let (x, y) = (a.entries.borrow(), b.entries.borrow());
                if a.kind != b.kind || x.len() != y.len() {
                    return Ok(false);
                }
                for ((k, a), (l, b)) in x.iter().zip(y.iter()) {
                    if k != l || !a.same(b, next)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Value::Struct(a), Value::Struct(b)) => Rc::ptr_eq(a, b),
            _ => false,
        })
    }
}

/// How deep values may nest where they are walked.
pub const DEPTH: usize = 500;

pub fn new_map(entries: Entries) -> Map {
    Rc::new(MapCell { kind: MapKind::Any, entries: RefCell::new(entries) })
}

impl Struct {
    pub fn get(&self, name: &str) -> Option<&Value> {
        let field = self.fields.iter().find(|field| field.name == name).map(|field| &field.value);
        field.or_else(|| self.methods.iter().find(|(method, _)| *method == name).map(|(_, value)| value))
    }
}
