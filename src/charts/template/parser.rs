//! Tokens to trees.

use super::ast::{Branch, Command, Expr, ExprKind, Node, Origin, Pipe, Pos, Template};
use super::lexer::{Located, Token, Wrong, lex};
use super::number;
use crate::charts::functions::Registry;
use crate::charts::value::Text;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Templates nest no deeper than this, neither blocks nor parentheses.
const NESTING: usize = 100;

struct Parser<'a> {
    tokens: Vec<Located<'a>>,
    next: usize,
    functions: &'a Registry,
    origin: Rc<Origin>,
    variables: Vec<&'a str>,
    loops: usize,
    depth: usize,
    defined: BTreeMap<Text, Rc<Template>>,
}

type Parsed<T> = Result<T, Wrong>;

/// How a list of nodes ended.
#[derive(PartialEq)]
enum Ending<'a> {
    File,
    End,
    Else(&'a str),
}

/// Reads a file; the first of the result is the file itself, then what it defines.
pub fn parse(origin: &Rc<Origin>, functions: &Registry) -> Parsed<Vec<Rc<Template>>> {
    let text = origin.text.as_str();
    let mut parser = Parser {
        tokens: lex(text)?,
        next: 0,
        functions,
        origin: origin.clone(),
        variables: vec!["$"],
        loops: 0,
        depth: 0,
        defined: BTreeMap::new(),
    };
    let (body, ending) = parser.list(true)?;
    if ending != Ending::File {
        return parser.fail("unexpected {{end}} or {{else}}");
    }
    let main = Rc::new(Template { name: origin.name.clone(), origin: origin.clone(), body });
    let mut all = vec![main];
    all.extend(parser.defined.into_values());
    Ok(all)
}

/// Whether a tree prints nothing but white space; such a definition never replaces another.
pub fn is_empty(body: &[Node]) -> bool {
    body.iter().all(|node| matches!(node, Node::Text(text) if text.trim().is_empty()))
}

impl<'a> Parser<'a> {
    fn fail<T>(&self, message: impl Into<String>) -> Parsed<T> {
        let last = self.next.saturating_sub(1).min(self.tokens.len() - 1);
        Err(Wrong { pos: self.tokens[last].pos, message: message.into() })
    }

    fn take(&mut self) -> Located<'a> {
        let token = self.tokens[self.next.min(self.tokens.len() - 1)];
        self.next += 1;
        token
    }

    fn peek(&self) -> Token<'a> {
        self.tokens[self.next.min(self.tokens.len() - 1)].token
    }

    fn spaces(&mut self) {
        while self.peek() == Token::Space {
            self.next += 1;
        }
    }

    fn expect(&mut self, wanted: Token<'static>, context: &str) -> Parsed<()> {
        self.spaces();
        if self.peek() == wanted {
            self.next += 1;
            return Ok(());
        }
        let found = describe(self.peek());
        self.next += 1;
        self.fail(format!("unexpected {found} in {context}"))
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth > NESTING {
            return self.fail(format!("nested more than {NESTING} levels deep"));
        }
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn list(&mut self, top: bool) -> Parsed<(Vec<Node>, Ending<'a>)> {
        let mut nodes = Vec::new();
        loop {
            let located = self.take();
            match located.token {
                Token::Text(text) => nodes.push(Node::Text(text.into())),
                Token::End if top => return Ok((nodes, Ending::File)),
                Token::End => return self.fail("unexpected EOF: an {{end}} is missing"),
                Token::Open => {
                    self.spaces();
                    let pos = self.tokens[self.next.min(self.tokens.len() - 1)].pos;
                    let Token::Word(word) = self.peek() else {
                        nodes.push(Node::Action(self.action()?));
                        continue;
                    };
                    self.next += 1;
                    match word {
                        "end" => {
                            self.expect(Token::Close, "end")?;
                            return Ok((nodes, Ending::End));
                        }
                        "else" => return Ok((nodes, self.otherwise()?)),
                        "if" => nodes.push(Node::If(self.branch(pos, "if")?)),
                        "with" => nodes.push(Node::With(self.branch(pos, "with")?)),
                        "range" => nodes.push(Node::Range(self.branch(pos, "range")?)),
                        "define" if top && self.depth == 0 => self.define()?,
                        "define" => return self.fail("unexpected {{define}} inside another block"),
                        "block" => nodes.push(self.block(pos)?),
                        "template" => nodes.push(self.call(pos, "template clause")?),
                        "break" | "continue" => {
                            self.expect(Token::Close, word)?;
                            if self.loops == 0 {
                                return self.fail(format!("{{{{{word}}}}} outside {{{{range}}}}"));
                            }
                            nodes.push(if word == "break" { Node::Break(pos) } else { Node::Continue(pos) });
                        }
                        _ => {
                            self.next -= 1;
                            nodes.push(Node::Action(self.action()?));
                        }
                    }
                }
                other => return self.fail(format!("unexpected {}", describe(other))),
            }
        }
    }

    /// What follows `else`: nothing, or the word that begins another condition.
    fn otherwise(&mut self) -> Parsed<Ending<'a>> {
        self.spaces();
        if let Token::Word(word @ ("if" | "with")) = self.peek() {
            self.next += 1;
            return Ok(Ending::Else(word));
        }
        self.expect(Token::Close, "else")?;
        Ok(Ending::Else(""))
    }

    fn action(&mut self) -> Parsed<Pipe> {
        self.pipeline(Token::Close, "command")
    }

    fn branch(&mut self, pos: Pos, word: &str) -> Parsed<Branch> {
        self.deeper(|this| {
            let scope = this.variables.len();
            let pipe = this.pipeline(Token::Close, word)?;
            let is_loop = usize::from(word == "range");
            this.loops += is_loop;
            let inner = this.list(false);
            this.loops -= is_loop;
            let (body, ending) = inner?;
            let otherwise = match ending {
                Ending::End | Ending::File => Vec::new(),
                Ending::Else("") => {
                    let (nodes, ending) = this.list(false)?;
                    if ending != Ending::End {
                        return this.fail("expected end; found {{else}}");
                    }
                    nodes
                }
                Ending::Else(next) => {
                    if next != word {
                        return this.fail(format!("unexpected {{{{else {next}}}}} in {word}"));
                    }
                    let at = this.tokens[this.next.saturating_sub(1)].pos;
                    let branch = this.branch(at, next)?;
                    vec![if next == "if" { Node::If(branch) } else { Node::With(branch) }]
                }
            };
            this.variables.truncate(scope);
            Ok(Branch { pos, pipe, body, otherwise })
        })
    }

    fn name(&mut self, context: &str) -> Parsed<Text> {
        self.spaces();
        match self.take().token {
            Token::Quoted(text) => match unquote(text) {
                Some(name) => Ok(name.into()),
                None => self.fail("bad string"),
            },
            Token::Raw(text) => Ok(text.into()),
            other => self.fail(format!("unexpected {} in {context}", describe(other))),
        }
    }

    fn define(&mut self) -> Parsed<()> {
        let name = self.name("define clause")?;
        self.expect(Token::Close, "define clause")?;
        self.body(name)
    }

    /// The body of a definition, with variables of its own.
    fn body(&mut self, name: Text) -> Parsed<()> {
        let outer = std::mem::replace(&mut self.variables, vec!["$"]);
        let loops = std::mem::take(&mut self.loops);
        let inner = self.deeper(|this| this.list(false));
        self.variables = outer;
        self.loops = loops;
        let (body, ending) = inner?;
        if ending != Ending::End {
            return self.fail("expected end; found {{else}}");
        }
        let known = self.defined.get(&name).is_some_and(|old| !is_empty(&old.body));
        if known && is_empty(&body) {
            return Ok(());
        }
        if known {
            return self.fail(format!("multiple definition of template {name:?}"));
        }
        let template = Template { name: name.clone(), origin: self.origin.clone(), body };
        self.defined.insert(name, Rc::new(template));
        Ok(())
    }

    fn block(&mut self, pos: Pos) -> Parsed<Node> {
        let name = self.name("block clause")?;
        let pipe = self.pipeline(Token::Close, "block clause")?;
        self.body(name.clone())?;
        Ok(Node::Template { pos, name, pipe: Some(pipe) })
    }

    fn call(&mut self, pos: Pos, context: &str) -> Parsed<Node> {
        let name = self.name(context)?;
        self.spaces();
        let pipe = if self.peek() == Token::Close {
            self.next += 1;
            None
        } else {
            Some(self.pipeline(Token::Close, context)?)
        };
        Ok(Node::Template { pos, name, pipe })
    }

    fn pipeline(&mut self, end: Token<'static>, context: &str) -> Parsed<Pipe> {
        self.spaces();
        let pos = self.tokens[self.next.min(self.tokens.len() - 1)].pos;
        let (variables, assign) = self.declaration(context)?;
        let mut commands: Vec<Command> = Vec::new();
        loop {
            self.spaces();
            if self.peek() == end {
                self.next += 1;
                if commands.is_empty() {
                    return self.fail(format!("missing value for {context}"));
                }
                break;
            }
            let command = self.command()?;
            if !commands.is_empty()
                && matches!(
                    command.args[0].kind,
                    ExprKind::Bool(_) | ExprKind::Dot | ExprKind::Nil | ExprKind::Number(_) | ExprKind::Str(_)
                )
            {
                let stage = commands.len() + 1;
                return Err(Wrong { pos: command.pos, message: format!("non executable command in pipeline stage {stage}") });
            }
            commands.push(command);
        }
        // A variable is known from behind its own value on.
        if !assign {
            for name in &variables {
                self.variables.push(name);
            }
        }
        Ok(Pipe { pos, assign, variables: variables.iter().map(|name| Text::from(*name)).collect(), commands })
    }

    fn declaration(&mut self, context: &str) -> Parsed<(Vec<&'a str>, bool)> {
        let mut names = Vec::new();
        let start = self.next;
        loop {
            self.spaces();
            let Token::Variable(name) = self.peek() else { break };
            self.next += 1;
            self.spaces();
            names.push(name);
            match self.peek() {
                token @ (Token::Declare | Token::Assign) => {
                    self.next += 1;
                    let assign = token == Token::Assign;
                    if let Some(unknown) = names.iter().find(|name| assign && !self.variables.contains(name)) {
                        let message = format!("undefined variable {unknown:?}");
                        return self.fail(message);
                    }
                    return Ok((names, assign));
                }
                Token::Comma if context == "range" && names.len() < 2 => self.next += 1,
                Token::Comma => return self.fail(format!("too many declarations in {context}")),
                _ => break,
            }
        }
        self.next = start;
        Ok((Vec::new(), false))
    }

    fn command(&mut self) -> Parsed<Command> {
        self.spaces();
        let pos = self.tokens[self.next.min(self.tokens.len() - 1)].pos;
        let mut args = Vec::new();
        loop {
            self.spaces();
            if let Some(operand) = self.operand()? {
                args.push(operand);
            }
            match self.peek() {
                Token::Space => self.next += 1,
                Token::Close | Token::RightParen => break,
                Token::Pipe => {
                    self.next += 1;
                    self.spaces();
                    if matches!(self.peek(), Token::Close | Token::RightParen) {
                        return self.fail("missing command after |");
                    }
                    break;
                }
                other => {
                    self.next += 1;
                    return self.fail(format!("unexpected {} in operand", describe(other)));
                }
            }
        }
        if args.is_empty() {
            return self.fail("empty command");
        }
        Ok(Command { pos, args })
    }

    fn operand(&mut self) -> Parsed<Option<Expr>> {
        let Some(mut expr) = self.term()? else { return Ok(None) };
        let mut fields = Vec::new();
        while let Token::Field(name) = self.peek() {
            self.next += 1;
            fields.push(Text::from(&name[1..]));
        }
        if fields.is_empty() {
            return Ok(Some(expr));
        }
        match &mut expr.kind {
            ExprKind::Field(names) | ExprKind::Variable(_, names) => names.extend(fields),
            ExprKind::Bool(_) | ExprKind::Str(_) | ExprKind::Number(_) | ExprKind::Nil | ExprKind::Dot => {
                return self.fail("unexpected . after a constant");
            }
            _ => {
                let pos = expr.pos;
                expr = Expr { pos, kind: ExprKind::Chain(Box::new(expr), fields) };
            }
        }
        Ok(Some(expr))
    }

    fn term(&mut self) -> Parsed<Option<Expr>> {
        let Located { pos, token } = self.take();
        let kind = match token {
            Token::Word("nil") => ExprKind::Nil,
            Token::Word("true") => ExprKind::Bool(true),
            Token::Word("false") => ExprKind::Bool(false),
            Token::Word(word) => match self.functions.get(word) {
                Some(function) => ExprKind::Function(function),
                None => return self.fail(format!("function {word:?} not defined")),
            },
            Token::Dot => ExprKind::Dot,
            Token::Variable(name) => {
                if !self.variables.contains(&name) {
                    return self.fail(format!("undefined variable {name:?}"));
                }
                ExprKind::Variable(name.into(), Vec::new())
            }
            Token::Field(name) => ExprKind::Field(vec![name[1..].into()]),
            Token::Number(text) => match number::parse(text) {
                Ok(number) => ExprKind::Number(number),
                Err(message) => return self.fail(message),
            },
            Token::Char(text) => match unquote(text).and_then(|text| text.chars().next()) {
                Some(c) => ExprKind::Number(super::ast::Number {
                    text: text.into(),
                    int: Some(c as i64),
                    float: Some(f64::from(c as u32)),
                    prefers_float: false,
                }),
                None => return self.fail("malformed character constant"),
            },
            Token::LeftParen => {
                ExprKind::Pipe(Box::new(self.deeper(|this| this.pipeline(Token::RightParen, "parenthesized pipeline"))?))
            }
            Token::Quoted(text) => match unquote(text) {
                Some(text) => ExprKind::Str(text.into()),
                None => return self.fail("invalid escape in a string"),
            },
            Token::Raw(text) => ExprKind::Str(text.replace('\r', "").into()),
            _ => {
                self.next -= 1;
                return Ok(None);
            }
        };
        Ok(Some(Expr { pos, kind }))
    }
}

fn describe(token: Token<'_>) -> String {
    match token {
        Token::Text(_) => "text".to_owned(),
        Token::Open => "{{".to_owned(),
        Token::Close => "}}".to_owned(),
        Token::Space => "space".to_owned(),
        Token::Word(text)
        | Token::Field(text)
        | Token::Variable(text)
        | Token::Number(text)
        | Token::Char(text)
        | Token::Quoted(text)
        | Token::Raw(text) => {
            format!("<{}>", text.chars().take(30).collect::<String>())
        }
        Token::Dot => "<.>".to_owned(),
        Token::Pipe => "|".to_owned(),
        Token::Comma => ",".to_owned(),
        Token::Declare => ":=".to_owned(),
        Token::Assign => "=".to_owned(),
        Token::LeftParen => "(".to_owned(),
        Token::RightParen => ")".to_owned(),
        Token::End => "EOF".to_owned(),
    }
}

/// Go's `strconv.Unquote` for `"…"` and `'…'`; `None` also for bytes that are no text.
pub fn unquote(text: &str) -> Option<String> {
    let inner = text.get(1..text.len().checked_sub(1)?)?;
    let mut bytes = Vec::with_capacity(inner.len());
    let mut chars = inner.chars();
    let mut buffer = [0; 4];
    while let Some(c) = chars.next() {
        if c != '\\' {
            bytes.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
            continue;
        }
        let escape = chars.next()?;
        let simple = match escape {
            'a' => 7,
            'b' => 8,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'v' => 11,
            '\\' | '"' | '\'' => escape as u8,
            _ => 0,
        };
        if simple != 0 {
            bytes.push(simple);
            continue;
        }
        let mut number = |count: usize, radix: u32, first: String| -> Option<u32> {
            let digits: String = first.chars().chain(chars.by_ref().take(count)).collect();
            if digits.len() != count + first.len() {
                return None;
            }
            u32::from_str_radix(&digits, radix).ok()
        };
        match escape {
            'x' => bytes.push(u8::try_from(number(2, 16, String::new())?).ok()?),
            'u' => bytes.extend_from_slice(char::from_u32(number(4, 16, String::new())?)?.encode_utf8(&mut buffer).as_bytes()),
            'U' => bytes.extend_from_slice(char::from_u32(number(8, 16, String::new())?)?.encode_utf8(&mut buffer).as_bytes()),
            '0'..='7' => bytes.push(u8::try_from(number(2, 8, escape.to_string())?).ok()?),
            _ => return None,
        }
    }
    String::from_utf8(bytes).ok()
}
