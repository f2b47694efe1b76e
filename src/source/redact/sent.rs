//! An object from the text that a server sent to the text that is kept, without building it: of ten thousand pods the
//! values are many times their text, and nearly nothing in them is dropped or hidden.
//!
//! What comes out is what [`intake`] would write, byte for byte. What it can't decide by looking at one string, such as
//! whether the name beside a value makes a secret of it, is left to [`intake`].

use super::names::{exact_secret_field, secret_name};
use super::{COPIES, intake, scan};
use crate::facts::Object;
use crate::json::{Error, Reader};
use serde::de::Error as _;
use serde_json::Value;
use std::borrow::Cow;
use std::sync::Arc;

/// API version and kind, which the items of a list lack.
pub type Kind<'k> = (&'k str, &'k str);

/// An object as it was sent; `None` if it is none or has no name. `kind` is of the list that it stands in.
pub fn sent(text: &str, kind: Option<Kind>) -> Option<Object> {
    as_it_stands(text, kind).unwrap_or_else(|_| built(text, kind))
}

fn built(text: &str, kind: Option<Kind>) -> Option<Object> {
    let mut value: Value = serde_json::from_str(text).ok()?;
    if let Some((version, kind)) = kind {
        let members = value.as_object_mut()?;
        members.insert("apiVersion".to_owned(), version.into());
        members.insert("kind".to_owned(), kind.into());
    }
    intake(value, None)
}

/// Nothing if it has no name; an error if it has to be built to be decided.
fn as_it_stands(text: &str, kind: Option<Kind>) -> Result<Option<Object>, Error> {
    let mut reader = Reader::new(text);
    let mut kept = Kept { kind, out: String::with_capacity(text.len()), ..Kept::default() };
    kept.object(&mut reader, Place::Root, DEEPEST)?;
    reader.end()?;
    let name = if kept.name.is_empty() { kept.generate_name } else { kept.name };
    let named =
        || Object { namespace: kept.namespace.into(), name: name.as_ref().into(), json: Arc::from(kept.out), place: None };
    Ok((!name.is_empty()).then(named))
}

/// So deep may values lie in each other; what lies deeper is built, or refused.
const DEEPEST: u8 = 100;

/// Where a value stands, as far as it matters for what is in it.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Root,
    Metadata,
    Annotations,
    Spec,
    /// Of a CRD.
    Versions,
    Version,
    /// What a program is called with.
    Arguments,
    /// Pairs of name and value.
    Pairs,
    Pair,
    Elsewhere,
}

impl Place {
    /// Of the value behind a key.
    fn below(self, key: &str) -> Self {
        match (self, key) {
            (Place::Root, "metadata") => Place::Metadata,
            (Place::Root, "spec") => Place::Spec,
            (Place::Metadata, "annotations") => Place::Annotations,
            (Place::Spec, "versions") => Place::Versions,
            (_, "args" | "command") => Place::Arguments,
            (_, "env" | "httpHeaders") => Place::Pairs,
            _ => Place::Elsewhere,
        }
    }

    /// Of an element of the list there.
    fn element(self) -> Self {
        match self {
            Place::Versions => Place::Version,
            Place::Pairs => Place::Pair,
            Place::Arguments => Place::Arguments,
            _ => Place::Elsewhere,
        }
    }

    /// What is not kept.
    fn drops(self, key: &str) -> bool {
        match self {
            Place::Metadata => key == "managedFields",
            Place::Annotations => COPIES.contains(&key),
            Place::Version => key == "schema",
            _ => false,
        }
    }

    /// Whether what is in the member depends on more than its own strings.
    fn leaves(self, key: &str) -> bool {
        self == Place::Root && matches!(key, "data" | "stringData" | "binaryData")
    }
}

#[derive(Default)]
struct Kept<'t> {
    kind: Option<Kind<'t>>,
    out: String,
    /// Of the objects that are open: each key, and where its member begins.
    members: Vec<(&'t str, usize)>,
    /// Members before they were put in order.
    disorder: String,
    namespace: Cow<'t, str>,
    name: Cow<'t, str>,
    generate_name: Cow<'t, str>,
}

#[cold]
fn undecided() -> Error {
    Error::custom("it has to be built")
}

impl<'t> Kept<'t> {
    fn value(&mut self, reader: &mut Reader<'t>, place: Place, depth: u8) -> Result<(), Error> {
        match reader.peek() {
            Some(b'"') => {
                let text = reader.string()?;
                self.string(text, place)
            }
            Some(b'{') => self.object(reader, place, depth),
            Some(b'[') => self.list(reader, place, depth),
            _ => {
                let text = reader.scalar();
                self.out.push_str(text);
                if is_word(text) || is_whole(text) { Ok(()) } else { Err(undecided()) }
            }
        }
    }

    fn object(&mut self, reader: &mut Reader<'t>, place: Place, depth: u8) -> Result<(), Error> {
        let depth = depth.checked_sub(1).ok_or_else(undecided)?;
        let first = self.members.len();
        self.out.push('{');
        let begin = self.out.len();
        let given = self.kind.filter(|_| place == Place::Root);
        if let Some((version, kind)) = given {
            for (key, text) in [("apiVersion", version), ("kind", kind)] {
                self.key(key, first);
                push_quoted(text, &mut self.out)?;
            }
        }
        reader.object(|reader, key| {
            // One that is escaped is rare.
            let Cow::Borrowed(key) = key else { return Err(undecided()) };
            if place.drops(key) || given.is_some() && matches!(key, "apiVersion" | "kind") {
                return reader.skip();
            }
            if place.leaves(key) {
                return Err(undecided());
            }
            self.key(key, first);
            if reader.peek() != Some(b'"') {
                return self.value(reader, place.below(key), depth);
            }
            let text = reader.string()?;
            match (place, key) {
                (Place::Metadata, "namespace") => self.namespace.clone_from(&text),
                (Place::Metadata, "name") => self.name.clone_from(&text),
                (Place::Metadata, "generateName") => self.generate_name.clone_from(&text),
                (Place::Pair, "name") if secret_name(&text) => return Err(undecided()),
                _ => {}
            }
            if exact_secret_field(key) {
                return Err(undecided());
            }
            self.string(text, Place::Elsewhere)
        })?;
        self.in_order(begin, first)?;
        self.out.push('}');
        Ok(())
    }

    /// The beginning of a member.
    fn key(&mut self, key: &'t str, first: usize) {
        if self.members.len() > first {
            self.out.push(',');
        }
        self.members.push((key, self.out.len()));
        self.out.push('"');
        self.out.push_str(key);
        self.out.push_str("\":");
    }

    /// The members of the object that began there come by their keys.
    fn in_order(&mut self, begin: usize, first: usize) -> Result<(), Error> {
        let members = &mut self.members[first..];
        if !members.is_sorted_by(|a, b| a.0 < b.0) {
            self.disorder.clear();
            self.disorder.push_str(&self.out[begin..]);
            let ends: Vec<usize> = members.iter().skip(1).map(|next| next.1 - 1).chain([self.out.len()]).collect();
            let mut sorted: Vec<(&str, usize, usize)> =
                members.iter().zip(ends).map(|(&(key, from), end)| (key, from, end)).collect();
            sorted.sort_unstable();
            // Of two with the same key the last one counts.
            if sorted.windows(2).any(|two| two[0].0 == two[1].0) {
                return Err(undecided());
            }
            self.out.truncate(begin);
            for (n, (_, from, end)) in sorted.into_iter().enumerate() {
                if n > 0 {
                    self.out.push(',');
                }
                self.out.push_str(&self.disorder[from - begin..end - begin]);
            }
        }
        self.members.truncate(first);
        Ok(())
    }

    fn list(&mut self, reader: &mut Reader<'t>, place: Place, depth: u8) -> Result<(), Error> {
        let depth = depth.checked_sub(1).ok_or_else(undecided)?;
        let mut comma = false;
        self.out.push('[');
        reader.array(|reader| {
            if std::mem::replace(&mut comma, true) {
                self.out.push(',');
            }
            match (place.element(), reader.peek()) {
                // Only a text is an argument.
                (Place::Arguments, Some(b'{' | b'[')) => self.value(reader, Place::Elsewhere, depth),
                (element, _) => self.value(reader, element, depth),
            }
        })?;
        self.out.push(']');
        Ok(())
    }

    fn string(&mut self, text: Cow<'t, str>, place: Place) -> Result<(), Error> {
        if place == Place::Arguments
            && text.starts_with('-')
            && secret_name(text.split_once('=').map_or(&*text, |(flag, _)| flag))
        {
            return Err(undecided());
        }
        match (scan::mask(&text), &text) {
            // As it stands it needs no escapes.
            (Cow::Borrowed(_), Cow::Borrowed(plain)) => {
                self.out.push('"');
                self.out.push_str(plain);
                self.out.push('"');
                Ok(())
            }
            (other, _) => push_quoted(&other, &mut self.out),
        }
    }
}

fn push_quoted(text: &str, out: &mut String) -> Result<(), Error> {
    out.push_str(&serde_json::to_string(text).map_err(Error::custom)?);
    Ok(())
}

fn is_word(text: &str) -> bool {
    matches!(text, "true" | "false" | "null")
}

/// A number of which there is one spelling.
fn is_whole(text: &str) -> bool {
    const SURE: usize = 18;
    let digits = text.strip_prefix('-').unwrap_or(text);
    let first = digits.bytes().next();
    digits.len() <= SURE
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (text == "0" || first.is_some_and(|first| first != b'0'))
}

#[cfg(test)]
mod tests {
    use super::super::MARKER;
    use super::*;
    use proptest::prelude::*;

    /// Nothing in it has to be built.
    const POD: &str = r#"{"metadata":{"name":"cart-1","generateName":"cart-","namespace":"shop","uid":"0b1c","labels":{"app":"cart","é":"ü"},
        "annotations":{"note":"a \u003c b\n","kubectl.kubernetes.io/last-applied-configuration":"{\"password\":\"hunter2\"}"},
        "managedFields":[{"manager":"kubelet","fieldsV1":{"f:status":{".":{}}}}]},
        "spec":{"containers":[{"name":"app","image":"shop:1","args":["serve","--v=2"],"env":[{"name":"CART","value":"u://me:hunter2@h"}],
        "ports":[{"containerPort":8080,"protocol":"TCP"}],"resources":{},"tty":false,"securityContext":null}],"nodeName":"n"},
        "status":{"phase":"Running"}}"#;

    #[test]
    fn most_are_not_built() {
        let object = as_it_stands(POD, Some(("v1", "Pod"))).expect("decided").expect("named");
        assert_eq!((&*object.namespace, &*object.name), ("shop", "cart-1"));
        assert_eq!(Some(&object), built(POD, Some(("v1", "Pod"))).as_ref());
        assert!(
            object
                .json
                .starts_with(r#"{"apiVersion":"v1","kind":"Pod","metadata":{"annotations":{"note":"a < b\n"},"generateName""#)
        );
        assert!(!object.json.contains("hunter2") && object.json.contains(MARKER), "{}", object.json);
    }

    #[test]
    fn what_depends_on_names_is_built() {
        for text in [
            r#"{"metadata":{"name":"x"},"data":{"a":"b"}}"#,
            r#"{"metadata":{"name":"x"},"spec":{"env":[{"name":"DB_PASSWORD","value":"hunter2"}]}}"#,
            r#"{"metadata":{"name":"x"},"spec":{"args":["--token","hunter2"]}}"#,
            r#"{"metadata":{"name":"x"},"spec":{"password":"hunter2"}}"#,
            r#"{"metadata":{"name":"x"},"spec":{"p\u0061ssword":"hunter2"}}"#,
            r#"{"metadata":{"name":"x"},"spec":{"a":1,"a":2}}"#,
            r#"{"metadata":{"name":"x"},"spec":{"a":1.50}}"#,
            r#"{"metadata":{"name":"x"},"spec":{"a":-0}}"#,
        ] {
            assert!(as_it_stands(text, None).is_err(), "{text}");
            let object = sent(text, None).expect("named");
            assert!(!object.json.contains("hunter2"), "{}", object.json);
        }
    }

    #[test]
    fn what_is_no_object_or_nameless_is_nothing() {
        for text in [
            "7",
            "null",
            "[]",
            "",
            "{",
            r#"{"metadata":null}"#,
            r#"{"metadata":"x"}"#,
            r#"{"metadata":{}} "#,
            r#"{"metadata":{"name":7}}"#,
            r#"{"metadata":{"name":"x"},"a":"\ud800"}"#,
        ] {
            assert_eq!(sent(text, None), None, "{text}");
            assert_eq!(sent(text, Some(("v1", "Pod"))), None, "{text}");
        }
        assert_eq!(sent(r#"{"metadata":{"name":"x"}}, {}"#, None), None);
        let deep = format!(r#"{{"metadata":{{"name":"x"}},"spec":{}{}}}"#, "[".repeat(120), "]".repeat(120));
        assert_eq!(&*sent(&deep, None).expect("not too deep").json, deep);
        assert_eq!(sent(&deep.replace("[]", &("[".repeat(9) + &"]".repeat(9))), None), None);
    }

    fn any_text() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            prop::sample::select(
                &[
                    "null",
                    "true",
                    "0",
                    "-0",
                    "-7",
                    "1.0",
                    "1e3",
                    "123456789012345678901",
                    "\"\"",
                    "\"x\"",
                    "\"cart:80\"",
                    "\"--token\"",
                    "\"--token=abc\"",
                    "\"--v=2\"",
                    "\"-x\"",
                    "\"a \\u003c b\"",
                    "\"DB_PASSWORD\"",
                    "\"https://me:hunter2@h/p\"",
                    "\"é\\n\"",
                    "\"password=hunter2\"",
                    "\"eyJhbGciOi.eyJzdWIi.c2ln\"",
                ][..]
            )
            .prop_map(str::to_owned),
            "\"[ a-z:=.@]{0,12}\"",
        ];
        let key = prop::sample::select(
            &[
                "apiVersion",
                "kind",
                "metadata",
                "name",
                "namespace",
                "generateName",
                "annotations",
                "managedFields",
                COPIES[0],
                COPIES[1],
                "spec",
                "versions",
                "schema",
                "data",
                "stringData",
                "binaryData",
                "type",
                "env",
                "httpHeaders",
                "args",
                "command",
                "value",
                "password",
                "token",
                "a",
                "b",
                "\\u0061",
                "é",
            ][..],
        );
        leaf.prop_recursive(5, 40, 5, move |inner| {
            prop_oneof![
                1 => prop::collection::vec(inner.clone(), 0..4).prop_map(|all| format!("[{}]", all.join(", "))),
                3 => prop::collection::vec((key.clone(), inner), 0..5).prop_map(|all| {
                    let members: Vec<String> = all.into_iter().map(|(key, value)| format!("\"{key}\" : {value}")).collect();
                    format!("{{{}}}", members.join(","))
                }),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn it_is_what_would_be_built(metadata in any_text(), spec in any_text(), other in any_text(), named: bool, listed: bool) {
            let metadata = if named { r#"{"name":"x","annotations":{"a":{"b":"c"}}}"# } else { &metadata };
            let text = format!(r#"{{"spec":{spec},"metadata":{metadata},"other":{other}}}"#);
            let kind = listed.then_some(("v1", "Thing"));
            prop_assert_eq!(sent(&text, kind), built(&text, kind), "{}", text);
            let text = format!(r#"{{"metadata":{{"name":"x","a":{metadata},"b":{other}}},"spec":{{"versions":[{spec}],"env":[{other},{spec}]}}}}"#);
            prop_assert_eq!(sent(&text, kind), built(&text, kind), "{}", text);
        }
    }
}
