//! Trees to text.

use super::ast::{Branch, Command, Expr, ExprKind, Node, Origin, Pipe, Pos, Template};
use super::{access, print};
use crate::charts::fault::Fault;
use crate::charts::functions::{Context, Kind, Param, Registry};
use crate::charts::value::{Text, Value};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Bounds of a rendering: a template bomb ends in an error that says which bound it hit.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Nodes and calls evaluated.
    pub steps: u64,
    /// Bytes of text made, intermediate text included.
    pub bytes: usize,
    /// Nested templates, blocks and expressions.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { steps: 20_000_000, bytes: 512 << 20, depth: 6_000 }
    }
}

/// Templates by name. A `tpl` sees its caller's and adds its own.
#[derive(Default)]
pub struct Set {
    pub outer: Option<Rc<Set>>,
    pub own: BTreeMap<Text, Rc<Template>>,
}

impl Set {
    pub fn get(&self, name: &str) -> Option<Rc<Template>> {
        self.own.get(name).cloned().or_else(|| self.outer.as_ref()?.get(name))
    }

    /// Adds a definition; one that is empty never takes the place of another.
    pub fn add(&mut self, template: Rc<Template>) {
        if super::parser::is_empty(&template.body) && self.get(&template.name).is_some() {
            return;
        }
        self.own.insert(template.name.clone(), template);
    }
}

pub struct Machine<'a> {
    pub set: Rc<Set>,
    pub registry: &'a Registry,
    pub context: &'a Context<'a>,
    pub limits: Limits,
    /// How often each template is being included.
    pub included: BTreeMap<Text, usize>,
    depth: usize,
    pub tpls: usize,
}

pub type Evaluated<T> = Result<T, Fault>;

/// How a list of nodes ended.
#[derive(PartialEq)]
enum Flow {
    On,
    Break,
    Continue,
}

/// One template being carried out.
struct Frame {
    origin: Rc<Origin>,
    name: Text,
    variables: Vec<(Text, Value)>,
}

impl<'a> Machine<'a> {
    pub fn new(set: Rc<Set>, registry: &'a Registry, context: &'a Context<'a>, limits: Limits) -> Self {
        Machine { set, registry, context, limits, included: BTreeMap::new(), depth: 0, tpls: 0 }
    }

    pub fn execute(&mut self, template: &Rc<Template>, dot: &Value, out: &mut String) -> Evaluated<()> {
        let mut frame =
            Frame { origin: template.origin.clone(), name: template.name.clone(), variables: vec![("$".into(), dot.clone())] };
        self.list(&mut frame, &template.body, dot, out)?;
        Ok(())
    }

    fn step(&mut self, frame: &Frame, pos: Pos) -> Evaluated<()> {
        self.steps(1, frame, pos)
    }

    fn steps(&mut self, count: u64, frame: &Frame, pos: Pos) -> Evaluated<()> {
        match self.limits.steps.checked_sub(count) {
            Some(left) => self.limits.steps = left,
            None => return Err(fault(frame, pos, "rendering takes too many steps; the chart loops or grows without end")),
        }
        Ok(())
    }

    pub fn spend(&mut self, bytes: usize) -> Result<(), String> {
        let left = self.limits.bytes.checked_sub(bytes);
        self.limits.bytes = left.ok_or("the chart makes too much text")?;
        Ok(())
    }

    fn deeper<T>(
        &mut self,
        frame: &mut Frame,
        pos: Pos,
        inner: impl FnOnce(&mut Self, &mut Frame) -> Evaluated<T>,
    ) -> Evaluated<T> {
        if self.depth >= self.limits.depth {
            return Err(fault(frame, pos, "templates are nested too deeply; one of them may include itself"));
        }
        self.depth += 1;
        let result = inner(self, frame);
        self.depth -= 1;
        result
    }

    fn list(&mut self, frame: &mut Frame, nodes: &[Node], dot: &Value, out: &mut String) -> Evaluated<Flow> {
        for node in nodes {
            let flow = self.node(frame, node, dot, out)?;
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    fn write(&mut self, frame: &Frame, pos: Pos, text: &str, out: &mut String) -> Evaluated<()> {
        self.spend(text.len()).map_err(|message| fault(frame, pos, message))?;
        out.push_str(text);
        Ok(())
    }

    fn node(&mut self, frame: &mut Frame, node: &Node, dot: &Value, out: &mut String) -> Evaluated<Flow> {
        match node {
            Node::Text(text) => self.write(frame, 0, text, out)?,
            Node::Action(pipe) => {
                let value = self.pipeline(frame, pipe, dot)?;
                if pipe.variables.is_empty() {
                    match &value {
                        Value::Str(text) => self.write(frame, pipe.pos, text, out)?,
                        other => self.write(frame, pipe.pos, &print::output(other), out)?,
                    }
                }
            }
            Node::If(branch) => return self.branch(frame, branch, dot, out, false),
            Node::With(branch) => return self.branch(frame, branch, dot, out, true),
            Node::Range(branch) => return self.range(frame, branch, dot, out),
            Node::Template { pos, name, pipe } => {
                let template = self.set.get(name).ok_or_else(|| fault(frame, *pos, format!("template {name:?} not defined")))?;
                let dot = match pipe {
                    Some(pipe) => self.pipeline(frame, pipe, dot)?,
                    None => Value::Nil,
                };
                let inner = self.deeper(frame, *pos, |this, _| this.execute(&template, &dot, out));
                inner.map_err(|inner| inner.through(&frame.origin, &frame.name, *pos))?;
            }
            Node::Break(_) => return Ok(Flow::Break),
            Node::Continue(_) => return Ok(Flow::Continue),
        }
        Ok(Flow::On)
    }

    fn branch(&mut self, frame: &mut Frame, branch: &Branch, dot: &Value, out: &mut String, with: bool) -> Evaluated<Flow> {
        let scope = frame.variables.len();
        let value = self.pipeline(frame, &branch.pipe, dot)?;
        let flow = self.deeper(frame, branch.pos, |this, frame| match (value.truth(), with) {
            (true, true) => this.list(frame, &branch.body, &value, out),
            (true, false) => this.list(frame, &branch.body, dot, out),
            (false, _) => this.list(frame, &branch.otherwise, dot, out),
        });
        frame.variables.truncate(scope);
        flow
    }

    fn range(&mut self, frame: &mut Frame, branch: &Branch, dot: &Value, out: &mut String) -> Evaluated<Flow> {
        let scope = frame.variables.len();
        let value = self.pipeline(frame, &branch.pipe, dot)?;
        let inside = frame.variables.len();
        let pairs: Vec<(Value, Value)> = match &value {
            Value::Nil => Vec::new(),
            Value::List(list) => list.items.iter().enumerate().map(|(i, item)| (Value::Int(i as i64), item.clone())).collect(),
            Value::Map(map) => map.entries.borrow().iter().map(|(key, item)| (Value::Str(key.clone()), item.clone())).collect(),
            Value::Files(files) => {
                files.0.iter().map(|(key, bytes)| (Value::Str(key.clone()), Value::Bytes(bytes.clone()))).collect()
            }
            Value::Bytes(bytes) => {
                bytes.iter().enumerate().map(|(i, byte)| (Value::Int(i as i64), Value::Int(i64::from(*byte)))).collect()
            }
            Value::Int(count) | Value::Int64(count) => {
                if branch.pipe.variables.len() > 1 {
                    return Err(fault(frame, branch.pos, format!("can't use {count} to iterate over more than one variable")));
                }
                if *count > 1_000_000 {
                    return Err(fault(frame, branch.pos, format!("{count} rounds are too many")));
                }
                let number = |i| if matches!(value, Value::Int(_)) { Value::Int(i) } else { Value::Int64(i) };
                (0..*count).map(|i| (number(i), number(i))).collect()
            }
            other => {
                let message = format!("range can't iterate over {}", print::value(other));
                return Err(fault(frame, branch.pipe.pos, message));
            }
        };
        let mut ended = Flow::On;
        for (key, item) in &pairs {
            self.step(frame, branch.pos)?;
            let names = &branch.pipe.variables;
            let bound: Vec<(&Text, &Value)> = match names.as_slice() {
                [] => Vec::new(),
                [only] => vec![(only, item)],
                [first, second, ..] => vec![(first, key), (second, item)],
            };
            for (name, value) in bound {
                if branch.pipe.assign {
                    assign(frame, name, value.clone());
                } else {
                    let slot = frame.variables[..inside].iter_mut().skip(scope).find(|(n, _)| n == name);
                    if let Some((_, slot)) = slot {
                        *slot = value.clone();
                    }
                }
            }
            let flow = self.deeper(frame, branch.pos, |this, frame| this.list(frame, &branch.body, item, out));
            frame.variables.truncate(inside);
            if flow? == Flow::Break {
                break;
            }
        }
        frame.variables.truncate(scope);
        if pairs.is_empty() {
            ended = self.deeper(frame, branch.pos, |this, frame| this.list(frame, &branch.otherwise, dot, out))?;
            frame.variables.truncate(scope);
        }
        Ok(ended)
    }

    fn pipeline(&mut self, frame: &mut Frame, pipe: &Pipe, dot: &Value) -> Evaluated<Value> {
        let value = self.deeper(frame, pipe.pos, |this, frame| {
            let mut value = None;
            for command in &pipe.commands {
                value = Some(this.command(frame, command, dot, value)?);
            }
            Ok(value.unwrap_or(Value::Nil))
        })?;
        for name in &pipe.variables {
            if pipe.assign {
                assign(frame, name, value.clone());
            } else {
                frame.variables.push((name.clone(), value.clone()));
            }
        }
        Ok(value)
    }

    fn command(&mut self, frame: &mut Frame, command: &Command, dot: &Value, last: Option<Value>) -> Evaluated<Value> {
        self.step(frame, command.pos)?;
        let first = &command.args[0];
        let rest = &command.args[1..];
        let no_args = |frame: &Frame| match (rest.is_empty(), &last) {
            (true, None) => Ok(()),
            _ => Err(fault(frame, first.pos, "can't give argument to non-function")),
        };
        match &first.kind {
            ExprKind::Function(_) => self.call(frame, first, rest, dot, last),
            ExprKind::Field(names) => self.chain(frame, first.pos, dot.clone(), names, rest, dot, last),
            ExprKind::Variable(name, names) => {
                let value = variable(frame, name);
                if names.is_empty() {
                    no_args(frame)?;
                    return Ok(value);
                }
                self.chain(frame, first.pos, value, names, rest, dot, last)
            }
            ExprKind::Chain(inner, names) => {
                let receiver = self.arg(frame, inner, dot, Param::Any)?;
                if matches!(inner.kind, ExprKind::Nil) {
                    return Err(fault(frame, first.pos, "indirection through explicit nil"));
                }
                self.chain(frame, first.pos, receiver, names, rest, dot, last)
            }
            ExprKind::Pipe(pipe) => {
                no_args(frame)?;
                self.pipeline(frame, pipe, dot)
            }
            ExprKind::Nil => Err(fault(frame, first.pos, "nil is not a command")),
            _ => {
                no_args(frame)?;
                self.arg(frame, first, dot, Param::Any)
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the whole state of a command: where, on what, with what")]
    fn chain(
        &mut self,
        frame: &mut Frame,
        pos: Pos,
        mut value: Value,
        names: &[Text],
        args: &[Expr],
        dot: &Value,
        last: Option<Value>,
    ) -> Evaluated<Value> {
        for (i, name) in names.iter().enumerate() {
            let mut given = Vec::new();
            if i + 1 == names.len() {
                for arg in args {
                    given.push(self.arg(frame, arg, dot, Param::Any)?);
                }
                given.extend(last.clone());
            }
            // Go: a field of nothing is nothing, but a field of a missing key is an error.
            if i == 0 && matches!(value, Value::Nil) {
                return Ok(Value::Nil);
            }
            value = access::field(&value, name, &given).map_err(|message| fault(frame, pos, message))?;
        }
        Ok(value)
    }

    /// Evaluates an argument and checks it against what the function takes.
    fn arg(&mut self, frame: &mut Frame, expr: &Expr, dot: &Value, param: Param) -> Evaluated<Value> {
        self.step(frame, expr.pos)?;
        let value = match &expr.kind {
            ExprKind::Dot => dot.clone(),
            ExprKind::Nil => Value::Nil,
            ExprKind::Bool(b) => Value::Bool(*b),
            ExprKind::Str(text) => Value::Str(text.clone()),
            ExprKind::Number(number) => {
                return super::special::constant(number, param).map_err(|message| fault(frame, expr.pos, message));
            }
            ExprKind::Field(names) => self.chain(frame, expr.pos, dot.clone(), names, &[], dot, None)?,
            ExprKind::Variable(name, names) => {
                let value = variable(frame, name);
                self.chain(frame, expr.pos, value, names, &[], dot, None)?
            }
            ExprKind::Pipe(pipe) => self.pipeline(frame, pipe, dot)?,
            ExprKind::Function(_) => self.call(frame, expr, &[], dot, None)?,
            ExprKind::Chain(inner, names) => {
                let receiver = self.arg(frame, inner, dot, Param::Any)?;
                self.chain(frame, expr.pos, receiver, names, &[], dot, None)?
            }
        };
        // A missing key has a type in Go, and that is not a map's; the nothing that a function returns has none.
        let typed = match &expr.kind {
            ExprKind::Field(_) | ExprKind::Chain(..) => true,
            ExprKind::Variable(_, names) => !names.is_empty(),
            _ => false,
        };
        param.check(value, typed).map_err(|message| fault(frame, expr.pos, message))
    }

    fn call(&mut self, frame: &mut Frame, function: &Expr, args: &[Expr], dot: &Value, last: Option<Value>) -> Evaluated<Value> {
        let ExprKind::Function(builtin) = &function.kind else { return Ok(Value::Nil) };
        let count = args.len() + usize::from(last.is_some());
        builtin.arity(count).map_err(|message| fault(frame, function.pos, message))?;
        if let Kind::And | Kind::Or = builtin.kind {
            let stop_at = matches!(builtin.kind, Kind::Or);
            let mut value = Value::Nil;
            for arg in args {
                value = self.arg(frame, arg, dot, Param::Any)?;
                if value.truth() == stop_at {
                    return Ok(value);
                }
            }
            return Ok(last.unwrap_or(value));
        }
        let mut given = Vec::with_capacity(count);
        for (i, arg) in args.iter().enumerate() {
            given.push(self.arg(frame, arg, dot, builtin.param(i))?);
        }
        if let Some(last) = last {
            let param = builtin.param(args.len());
            given.push(param.check(last, false).map_err(|message| fault(frame, function.pos, message))?);
        }
        self.steps(builtin.weight(), frame, function.pos)?;
        let result = match builtin.kind {
            Kind::Plain(run) => run(self.context, &given)
                .map_err(|message| fault(frame, function.pos, format!("error calling {}: {message}", builtin.name))),
            _ => {
                let (origin, name) = (frame.origin.clone(), frame.name.clone());
                let inner = self.deeper(frame, function.pos, |this, _| this.special(builtin.kind, given));
                inner.map_err(|inner| inner.through(&origin, &name, function.pos))
            }
        }?;
        let size = match &result {
            Value::Str(text) => text.len(),
            Value::List(list) => list.items.len() * 16,
            _ => 0,
        };
        self.spend(size).map_err(|message| fault(frame, function.pos, message))?;
        Ok(result)
    }
}

fn fault(frame: &Frame, pos: Pos, message: impl Into<String>) -> Fault {
    Fault::at(&frame.origin, &frame.name, pos, message)
}

fn variable(frame: &Frame, name: &str) -> Value {
    let found = frame.variables.iter().rev().find(|(known, _)| **known == *name);
    found.map_or(Value::Nil, |(_, value)| value.clone())
}

fn assign(frame: &mut Frame, name: &str, value: Value) {
    if let Some((_, slot)) = frame.variables.iter_mut().rev().find(|(known, _)| **known == *name) {
        *slot = value;
    }
}
