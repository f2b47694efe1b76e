//! `.Files`: what a chart carries beside its templates.

use crate::charts::value::{Entries, Files, Value};
use crate::charts::yaml::emit;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;
use std::rc::Rc;

/// The method of this name, or nothing if there is none.
pub fn method(files: &Rc<Files>, name: &str, args: &[Value]) -> Option<Result<Value, String>> {
    let path = || match args {
        [Value::Str(path)] => Ok(path.clone()),
        _ => Err(format!("wrong number of args for {name}: want 1 string")),
    };
    Some(match name {
        "Get" => path().and_then(|path| content(files, &path).map(Value::str)),
        "GetBytes" => path().map(|path| Value::Bytes(files.0.get(&path).cloned().unwrap_or_else(|| Rc::from([])))),
        "Lines" => path().and_then(|path| {
            let text = content(files, &path)?;
            let lines: Vec<&str> =
                if text.is_empty() { Vec::new() } else { text.strip_suffix('\n').unwrap_or(&text).split('\n').collect() };
            Ok(Value::strings(lines))
        }),
        "Glob" => path().and_then(|pattern| {
            let pattern = glob(&pattern)?;
            let matching = files.0.iter().filter(|(path, _)| pattern.is_match(path));
            Ok(Value::Files(Rc::new(Files(matching.map(|(path, bytes)| (path.clone(), bytes.clone())).collect()))))
        }),
        "AsConfig" => config(files, |path| content(files, path)),
        "AsSecrets" => config(files, |path| Ok(STANDARD.encode(&files.0[path]))),
        _ => return None,
    })
}

fn content(files: &Files, path: &str) -> Result<String, String> {
    let bytes = files.0.get(path).map(|bytes| bytes.to_vec()).unwrap_or_default();
    String::from_utf8(bytes).map_err(|_| format!("the file {path} is no text, which is not supported here"))
}

fn config(files: &Files, read: impl Fn(&str) -> Result<String, String>) -> Result<Value, String> {
    let mut entries = Entries::new();
    for path in files.0.keys() {
        let name = path.rsplit('/').next().unwrap_or(path);
        entries.insert(name.into(), Value::str(read(path)?));
    }
    emit::to_yaml(&Value::map(entries)).map(Value::str)
}

/// Patterns of paths: `*` stays inside a folder, `**` does not.
fn glob(pattern: &str) -> Result<Regex, String> {
    let mut out = String::from("^(?s:");
    let mut chars = pattern.chars().peekable();
    let mut alternatives = 0usize;
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.peek() == Some(&'*') => {
                chars.next();
                out.push_str(".*");
            }
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '[' => {
                out.push('[');
                if chars.peek() == Some(&'!') {
                    chars.next();
                    out.push('^');
                }
                for c in chars.by_ref() {
                    out.push(c);
                    if c == ']' {
                        break;
                    }
                }
            }
            '{' => {
                alternatives += 1;
                out.push_str("(?:");
            }
            '}' if alternatives > 0 => {
                alternatives -= 1;
                out.push(')');
            }
            ',' if alternatives > 0 => out.push('|'),
            '\\' => out.push_str(&regex::escape(&chars.next().map(String::from).unwrap_or_default())),
            c => out.push_str(&regex::escape(&c.to_string())),
        }
    }
    Regex::new(&(out + ")$")).map_err(|_| format!("the pattern {pattern:?} is not supported"))
}
