//! The tree of a template.

use crate::charts::functions::Builtin;
use crate::charts::value::Text;

/// A byte offset into the template's text.
pub type Pos = u32;

#[derive(Debug)]
pub struct Template {
    pub name: Text,
    /// The file that defines it, for messages.
    pub origin: std::rc::Rc<Origin>,
    pub body: Vec<Node>,
}

/// Text that templates were read from.
#[derive(Debug)]
pub struct Origin {
    pub name: Text,
    pub text: String,
}

impl Origin {
    /// Line and column, both from 1; the column counts characters.
    pub fn place(&self, pos: Pos) -> (usize, usize) {
        let mut end = (pos as usize).min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &self.text[..end];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }
}

#[derive(Debug)]
pub enum Node {
    Text(Text),
    Action(Pipe),
    If(Branch),
    With(Branch),
    Range(Branch),
    Template { pos: Pos, name: Text, pipe: Option<Pipe> },
    Break(Pos),
    Continue(Pos),
}

#[derive(Debug)]
pub struct Branch {
    pub pos: Pos,
    pub pipe: Pipe,
    pub body: Vec<Node>,
    pub otherwise: Vec<Node>,
}

#[derive(Debug)]
pub struct Pipe {
    pub pos: Pos,
    pub assign: bool,
    pub variables: Vec<Text>,
    pub commands: Vec<Command>,
}

#[derive(Debug)]
pub struct Command {
    pub pos: Pos,
    pub args: Vec<Expr>,
}

#[derive(Debug)]
pub struct Expr {
    pub pos: Pos,
    pub kind: ExprKind,
}

#[derive(Debug)]
pub enum ExprKind {
    Dot,
    Nil,
    Bool(bool),
    Number(Number),
    Str(Text),
    Function(&'static Builtin),
    Field(Vec<Text>),
    Variable(Text, Vec<Text>),
    Pipe(Box<Pipe>),
    Chain(Box<Expr>, Vec<Text>),
}

/// A constant that may be more than one type, as in Go.
#[derive(Clone, Debug)]
pub struct Number {
    pub text: Text,
    pub int: Option<i64>,
    pub float: Option<f64>,
    /// Where any type will do: written like a floating-point number.
    pub prefers_float: bool,
}
