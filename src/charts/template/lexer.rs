//! Text to tokens.

use super::ast::Pos;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Token<'a> {
    Text(&'a str),
    Open,
    Close,
    Space,
    Word(&'a str),
    /// With its dot: `.name`.
    Field(&'a str),
    Dot,
    /// With its dollar.
    Variable(&'a str),
    Number(&'a str),
    Char(&'a str),
    Quoted(&'a str),
    Raw(&'a str),
    Pipe,
    Comma,
    Declare,
    Assign,
    LeftParen,
    RightParen,
    End,
}

#[derive(Clone, Copy, Debug)]
pub struct Located<'a> {
    pub pos: Pos,
    pub token: Token<'a>,
}

/// Where and why text is no template.
#[derive(Debug)]
pub struct Wrong {
    pub pos: Pos,
    pub message: String,
}

const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

pub fn lex(text: &str) -> Result<Vec<Located<'_>>, Wrong> {
    let mut tokens = Vec::new();
    let mut at = 0;
    let mut trim_next = false;
    loop {
        let rest = &text[at..];
        let open = rest.find("{{");
        let mut plain = &rest[..open.unwrap_or(rest.len())];
        let mut start = at;
        if trim_next {
            let cut = plain.trim_start_matches(SPACE);
            start += plain.len() - cut.len();
            plain = cut;
        }
        let trims = |at: usize| text[at..].starts_with('-') && text[at + 1..].starts_with(SPACE);
        if let Some(open) = open
            && trims(at + open + 2)
        {
            plain = plain.trim_end_matches(SPACE);
        }
        if !plain.is_empty() {
            tokens.push(Located { pos: start as Pos, token: Token::Text(plain) });
        }
        let Some(open) = open else { break };
        let begin = at + open;
        let mut inside = begin + 2;
        if trims(inside) {
            inside += 2;
        }
        let after = if text[inside..].starts_with("/*") {
            comment(text, inside)?
        } else {
            tokens.push(Located { pos: begin as Pos, token: Token::Open });
            action(text, inside, &mut tokens)?
        };
        at = after.0;
        trim_next = after.1;
    }
    tokens.push(Located { pos: text.len() as Pos, token: Token::End });
    Ok(tokens)
}

/// The end of an action at this place: its length, and whether it trims what follows.
fn closing(rest: &str) -> Option<(usize, bool)> {
    if rest.starts_with("}}") {
        return Some((2, false));
    }
    (rest.starts_with(SPACE) && rest[1..].starts_with("-}}")).then_some((4, true))
}

fn comment(text: &str, at: usize) -> Result<(usize, bool), Wrong> {
    let wrong = |message: &str| Wrong { pos: at as Pos, message: message.to_owned() };
    let end = text[at..].find("*/").ok_or_else(|| wrong("unclosed comment"))? + at + 2;
    let (length, trim) = closing(&text[end..]).ok_or_else(|| wrong("comment ends before closing delimiter"))?;
    Ok((end + length, trim))
}

fn action<'a>(text: &'a str, mut at: usize, tokens: &mut Vec<Located<'a>>) -> Result<(usize, bool), Wrong> {
    let mut parens = 0usize;
    loop {
        let rest = &text[at..];
        let wrong = |message: String| Err(Wrong { pos: at as Pos, message });
        if let Some((length, trim)) = closing(rest) {
            if parens > 0 {
                return wrong("unclosed left paren".to_owned());
            }
            tokens.push(Located { pos: at as Pos, token: Token::Close });
            return Ok((at + length, trim));
        }
        let Some(first) = rest.chars().next() else { return wrong("unclosed action".to_owned()) };
        let (token, length) = match first {
            c if SPACE.contains(&c) => {
                let mut length = rest.len() - rest.trim_start_matches(SPACE).len();
                // The last space may belong to the closing ` -}}`.
                if rest[length..].starts_with("-}}") {
                    length -= 1;
                }
                (Token::Space, length)
            }
            ':' if rest.starts_with(":=") => (Token::Declare, 2),
            ':' => return wrong("expected :=".to_owned()),
            '=' => (Token::Assign, 1),
            '|' => (Token::Pipe, 1),
            ',' => (Token::Comma, 1),
            '(' => {
                parens += 1;
                (Token::LeftParen, 1)
            }
            ')' => {
                let Some(open) = parens.checked_sub(1) else { return wrong("unexpected right paren".to_owned()) };
                parens = open;
                (Token::RightParen, 1)
            }
            '"' => {
                let length = quoted(rest, '"')
                    .ok_or_else(|| Wrong { pos: at as Pos, message: "unterminated quoted string".to_owned() })?;
                (Token::Quoted(&rest[..length]), length)
            }
            '\'' => {
                let length = quoted(rest, '\'')
                    .ok_or_else(|| Wrong { pos: at as Pos, message: "unterminated character constant".to_owned() })?;
                (Token::Char(&rest[..length]), length)
            }
            '`' => {
                let Some(end) = rest[1..].find('`') else { return wrong("unterminated raw quoted string".to_owned()) };
                (Token::Raw(&rest[1..=end]), end + 2)
            }
            '$' => {
                let length = 1 + word(&rest[1..]);
                bounded(rest, length, at)?;
                (Token::Variable(&rest[..length]), length)
            }
            '.' if !rest[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                let length = 1 + word(&rest[1..]);
                bounded(rest, length, at)?;
                if length == 1 { (Token::Dot, 1) } else { (Token::Field(&rest[..length]), length) }
            }
            c if c == '+' || c == '-' || c == '.' || c.is_ascii_digit() => {
                let length = number(rest);
                if length == 0 || rest[length..].starts_with(|c: char| c.is_alphanumeric() || c == '_') {
                    return wrong(format!("bad number syntax: {:?}", rest.chars().take(length + 1).collect::<String>()));
                }
                (Token::Number(&rest[..length]), length)
            }
            c if c.is_alphanumeric() || c == '_' => {
                let length = word(rest);
                bounded(rest, length, at)?;
                (Token::Word(&rest[..length]), length)
            }
            c => return wrong(format!("unexpected character {c:?} in an action")),
        };
        tokens.push(Located { pos: at as Pos, token });
        at += length;
    }
}

fn word(text: &str) -> usize {
    text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len())
}

/// A name must be followed by something that ends it.
fn bounded(rest: &str, length: usize, at: usize) -> Result<(), Wrong> {
    let fine = |c: char| SPACE.contains(&c) || ".,|:=)(".contains(c);
    match rest[length..].chars().next() {
        None => Ok(()),
        Some(c) if fine(c) || rest[length..].starts_with("}}") => Ok(()),
        Some(c) => Err(Wrong { pos: (at + length) as Pos, message: format!("bad character {c:?}") }),
    }
}

fn quoted(text: &str, end: char) -> Option<usize> {
    let mut escaped = false;
    for (i, c) in text.char_indices().skip(1) {
        match c {
            '\n' => return None,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == end => return Some(i + 1),
            _ => {}
        }
    }
    None
}

fn number(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut i = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let hex = text[i..].len() > 1 && bytes[i] == b'0' && matches!(bytes[i + 1], b'x' | b'X');
    if bytes.get(i) == Some(&b'0') && matches!(bytes.get(i + 1), Some(b'x' | b'X' | b'o' | b'O' | b'b' | b'B')) {
        i += 2;
    }
    let start = i;
    while let Some(&c) = bytes.get(i) {
        let exponent = !hex && matches!(c, b'e' | b'E') || matches!(c, b'p' | b'P');
        let sign = matches!(c, b'+' | b'-') && i > start && matches!(bytes[i - 1], b'e' | b'E' | b'p' | b'P');
        if c.is_ascii_digit() || c == b'_' || c == b'.' || exponent || sign || (hex && c.is_ascii_hexdigit()) || c == b'i' {
            i += 1;
        } else {
            break;
        }
    }
    if i == start && !(start > 0 && bytes[start - 1] == b'0') { 0 } else { i }
}
