//! Functions that need the machine: `include`, `tpl`, `required`, `fail`.

use super::ast::{Number, Origin};
use super::exec::{Evaluated, Machine, Set};
use super::{parser, print};
use crate::charts::fault::Fault;
use crate::charts::functions::{Kind, Param};
use crate::charts::value::Value;
use std::rc::Rc;

/// As often may a template be included inside itself.
const RECURSION: usize = 1000;
/// `tpl` inside `tpl`.
const TPL_DEPTH: usize = 100;

impl Machine<'_> {
    pub(super) fn special(&mut self, kind: Kind, args: Vec<Value>) -> Evaluated<Value> {
        match (kind, args.as_slice()) {
            (Kind::Include, [Value::Str(name), data]) => {
                let template =
                    self.set.get(name).ok_or_else(|| Fault::new(format!("error calling include: no template {name:?}")))?;
                let times = self.included.entry(name.clone()).or_default();
                *times += 1;
                if *times > RECURSION {
                    return Err(Fault::new(format!("error calling include: template {name:?} includes itself without end")));
                }
                let mut out = String::new();
                let done = self.execute(&template, data, &mut out);
                if let Some(times) = self.included.get_mut(name) {
                    *times -= 1;
                }
                done?;
                Ok(Value::str(out))
            }
            (Kind::Tpl, [Value::Str(text), data]) => self.tpl(text, data),
            (Kind::Required, [Value::Str(message), value]) => match value {
                Value::Nil => Err(Fault::new(message.to_string()).by_chart()),
                Value::Str(text) if text.is_empty() => Err(Fault::new(message.to_string()).by_chart()),
                _ => Ok(value.clone()),
            },
            (Kind::Fail, [Value::Str(message)]) => Err(Fault::new(message.to_string()).by_chart()),
            _ => Err(Fault::new("wrong arguments")),
        }
    }

    fn tpl(&mut self, text: &str, data: &Value) -> Evaluated<Value> {
        if !text.contains("{{") {
            return Ok(Value::str(text.replace(print::NO_VALUE, "")));
        }
        if self.tpls >= TPL_DEPTH {
            return Err(Fault::new("error calling tpl: nested too deeply"));
        }
        self.spend(text.len())?;
        let origin = Rc::new(Origin { name: "text given to tpl".into(), text: text.to_owned() });
        let parsed =
            parser::parse(&origin, self.registry).map_err(|wrong| Fault::at(&origin, "tpl", wrong.pos, wrong.message))?;
        let mut set = Set { outer: Some(self.set.clone()), ..Set::default() };
        let main = parsed[0].clone();
        parsed.into_iter().skip(1).for_each(|template| set.add(template));
        let outer = std::mem::replace(&mut self.set, Rc::new(set));
        self.tpls += 1;
        let mut out = String::new();
        let done = self.execute(&main, data, &mut out);
        self.tpls -= 1;
        self.set = outer;
        done?;
        Ok(Value::str(out.replace(print::NO_VALUE, "")))
    }
}

/// A number takes the type that is wanted, if it can.
pub fn constant(number: &Number, param: Param) -> Result<Value, String> {
    let text = &number.text;
    match param {
        Param::Any if number.prefers_float => number.float.map(Value::Float).ok_or_else(|| format!("{text} is no number")),
        Param::Any => number.int.map(Value::Int).ok_or_else(|| format!("{text} overflows int")),
        Param::Int => number.int.map(Value::Int).ok_or_else(|| format!("expected integer; found {text}")),
        // Go keeps the lower half of a longer one.
        Param::Uint32 => match number.int.filter(|int| *int >= 0) {
            Some(int) => Ok(Value::Int(int & i64::from(u32::MAX))),
            None => Err(format!("expected unsigned integer; found {text}")),
        },
        Param::Float => number.float.map(Value::Float).ok_or_else(|| format!("expected float; found {text}")),
        other => Err(format!("expected {}; found {text}", other.name())),
    }
}
