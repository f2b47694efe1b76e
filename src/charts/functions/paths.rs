//! Paths with slashes, as Go's `path`.

use super::{Builtin, Param::*, done, fixed, text};
use crate::charts::value::Value;

pub const TABLE: &[Builtin] = &[
    fixed("base", &[Str], |_, a| done(base(text(a, 0)))),
    fixed("osBase", &[Str], |_, a| done(base(text(a, 0)))),
    fixed("dir", &[Str], |_, a| done(dir(text(a, 0)))),
    fixed("osDir", &[Str], |_, a| done(dir(text(a, 0)))),
    fixed("clean", &[Str], |_, a| done(clean(text(a, 0)))),
    fixed("osClean", &[Str], |_, a| done(clean(text(a, 0)))),
    fixed("ext", &[Str], |_, a| done(ext(text(a, 0)))),
    fixed("osExt", &[Str], |_, a| done(ext(text(a, 0)))),
    fixed("isAbs", &[Str], |_, a| Ok(Value::Bool(text(a, 0).starts_with('/')))),
    fixed("osIsAbs", &[Str], |_, a| Ok(Value::Bool(text(a, 0).starts_with('/')))),
];

fn base(path: &str) -> &str {
    match path.trim_end_matches('/') {
        "" if path.is_empty() => ".",
        "" => "/",
        rest => rest.rsplit('/').next().unwrap_or(rest),
    }
}

fn dir(path: &str) -> String {
    clean(&path[..path.rfind('/').map_or(0, |i| i + 1)])
}

fn ext(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rfind('.').map_or("", |i| &name[i..])
}

pub fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => _ = parts.pop(),
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    match (rooted, parts.join("/")) {
        (true, rest) => format!("/{rest}"),
        (false, rest) if rest.is_empty() => ".".to_owned(),
        (false, rest) => rest,
    }
}
