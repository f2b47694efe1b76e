//! A chart: its description, values, templates and parts, from the files it is made of.

use super::value::{Entries, Field, Struct, Text, Value};
use super::yaml::load;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A file of a chart by its path inside it.
pub type Content = BTreeMap<String, Vec<u8>>;

/// Parts inside parts.
const NESTING: usize = 16;

#[derive(Clone, Debug)]
pub struct Dependency {
    pub name: String,
    pub version: String,
    pub condition: String,
    pub alias: String,
    pub tags: Vec<String>,
    /// From a path in the part to a path in its parent.
    pub imports: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
pub struct Chart {
    pub metadata: Entries,
    pub dependencies: Option<Vec<Dependency>>,
    pub values: Entries,
    pub templates: Vec<(String, String)>,
    pub files: BTreeMap<Text, Rc<[u8]>>,
    pub parts: Vec<Chart>,
    /// `values.schema.json`, as it is.
    pub schema: Option<Vec<u8>>,
    /// Objects that templates don't touch: `crds/`, by path.
    pub definitions: Vec<(String, String)>,
}

/// Archives of parts are unpacked by who may decompress.
pub type Unpack<'a> = &'a dyn Fn(&[u8]) -> Result<Content, String>;

impl Chart {
    pub fn new(content: &Content, unpack: Unpack<'_>) -> Result<Chart, String> {
        read(content, unpack, 0)
    }

    pub fn text(&self, key: &str) -> String {
        match self.metadata.get(key) {
            Some(Value::Str(text)) => text.to_string(),
            Some(Value::Float(f)) => super::template::print::float(*f),
            _ => String::new(),
        }
    }

    pub fn name(&self) -> &str {
        match self.metadata.get("name") {
            Some(Value::Str(name)) => name,
            _ => "",
        }
    }

    pub fn version(&self) -> String {
        self.text("version")
    }

    pub fn rename(&mut self, name: &str) {
        self.metadata.insert("name".into(), Value::str(name));
    }

    pub fn is_library(&self) -> bool {
        self.text("type").eq_ignore_ascii_case("library")
    }

    /// Parts that it says it has, and that are not there.
    pub fn missing(&self) -> Vec<&str> {
        let declared = self.dependencies.iter().flatten().map(|dependency| dependency.name.as_str());
        declared.filter(|name| !self.parts.iter().any(|part| part.name() == *name)).collect()
    }

    /// `.Chart` of templates.
    pub fn describe(&self, is_root: bool) -> Value {
        let text = |name, key| Field { name, key, omit_empty: true, value: Value::str(self.text(key)) };
        let any = |name, key, empty: Value| {
            let value = self.metadata.get(key).cloned().unwrap_or(empty);
            Field { name, key, omit_empty: true, value }
        };
        let none = || Value::list(Vec::new());
        let fields = vec![
            text("Name", "name"),
            text("Home", "home"),
            any("Sources", "sources", none()),
            text("Version", "version"),
            text("Description", "description"),
            any("Keywords", "keywords", none()),
            any("Maintainers", "maintainers", none()),
            text("Icon", "icon"),
            text("APIVersion", "apiVersion"),
            text("Condition", "condition"),
            text("Tags", "tags"),
            text("AppVersion", "appVersion"),
            any("Deprecated", "deprecated", Value::Bool(false)),
            any("Annotations", "annotations", Value::map_of(super::value::MapKind::Str, Entries::new())),
            text("KubeVersion", "kubeVersion"),
            any("Dependencies", "dependencies", none()),
            text("Type", "type"),
            Field { name: "IsRoot", key: "IsRoot", omit_empty: false, value: Value::Bool(is_root) },
        ];
        let type_name = "struct { chart.Metadata; IsRoot bool }";
        Value::Struct(Rc::new(Struct { type_name, string: None, fields, methods: Vec::new() }))
    }
}

fn read(content: &Content, unpack: Unpack<'_>, depth: usize) -> Result<Chart, String> {
    if depth > NESTING {
        return Err("the chart holds charts that hold charts without end".to_owned());
    }
    let yaml = |name: &str| -> Result<Option<Entries>, String> {
        let Some(bytes) = content.get(name) else { return Ok(None) };
        let text = std::str::from_utf8(bytes).map_err(|_| format!("{name} is no text"))?;
        match load::document(text).map_err(|e| format!("{name}: {e}"))? {
            Value::Map(map) => Ok(Some(map.entries.borrow().clone())),
            Value::Nil => Ok(Some(Entries::new())),
            _ => Err(format!("{name} is no mapping")),
        }
    };
    let metadata = yaml("Chart.yaml")?.ok_or("Chart.yaml is missing: this is no chart")?;
    let mut dependencies = declared(&metadata);
    if let Some(old) = yaml("requirements.yaml")? {
        dependencies = declared(&old);
    }
    let mut chart = Chart {
        metadata,
        dependencies,
        values: yaml("values.yaml")?.unwrap_or_default(),
        templates: Vec::new(),
        files: BTreeMap::new(),
        parts: Vec::new(),
        schema: content.get("values.schema.json").cloned(),
        definitions: Vec::new(),
    };
    if chart.name().is_empty() {
        return Err("Chart.yaml names no chart".to_owned());
    }
    // Files of a part, by the folder or archive it lies in.
    let mut parts: BTreeMap<String, Content> = BTreeMap::new();
    for (path, bytes) in content {
        match path.as_str() {
            "Chart.yaml" | "Chart.lock" | "values.yaml" | "values.schema.json" => {}
            "requirements.yaml" | "requirements.lock" => _ = chart.files.insert(path.as_str().into(), bytes.as_slice().into()),
            _ if path.starts_with("templates/") => {
                // A template that is no text can't be told from one that is; Go takes bytes.
                let text = String::from_utf8(bytes.clone()).map_err(|_| format!("{path} is no text"))?;
                chart.templates.push((path.clone(), text));
            }
            _ if path.starts_with("charts/") => {
                if path.ends_with(".prov") {
                    chart.files.insert(path.as_str().into(), bytes.as_slice().into());
                    continue;
                }
                let rest = &path["charts/".len()..];
                let (folder, inner) = rest.split_once('/').map_or((rest, None), |(folder, inner)| (folder, Some(inner)));
                if folder.starts_with(['_', '.']) {
                    continue;
                }
                match inner {
                    Some(inner) => _ = parts.entry(folder.to_owned()).or_default().insert(inner.to_owned(), bytes.clone()),
                    None if folder.ends_with(".tgz") => _ = parts.insert(folder.to_owned(), unpack(bytes)?),
                    None => {}
                }
            }
            _ => {
                if path.starts_with("crds/") && [".yaml", ".yml", ".json"].iter().any(|end| path.ends_with(end)) {
                    let text = String::from_utf8(bytes.clone()).map_err(|_| format!("{path} is no text"))?;
                    chart.definitions.push((path.clone(), text));
                }
                chart.files.insert(path.as_str().into(), bytes.as_slice().into());
            }
        }
    }
    for (folder, content) in &parts {
        let part = read(content, unpack, depth + 1).map_err(|e| format!("charts/{folder}: {e}"))?;
        chart.parts.push(part);
    }
    Ok(chart)
}

fn declared(metadata: &Entries) -> Option<Vec<Dependency>> {
    let Some(Value::List(list)) = metadata.get("dependencies") else { return None };
    let one = |value: &Value| {
        let map = value.as_map()?.entries.borrow();
        let text = |key: &str| match map.get(key) {
            Some(Value::Str(text)) => text.to_string(),
            _ => String::new(),
        };
        let list = |key: &str| match map.get(key) {
            Some(Value::List(list)) => list.items.to_vec(),
            _ => Vec::new(),
        };
        let tags =
            list("tags").iter().filter_map(|tag| if let Value::Str(tag) = tag { Some(tag.to_string()) } else { None }).collect();
        let imports = list("import-values").iter().filter_map(import).collect();
        Some(Dependency {
            name: text("name"),
            version: text("version"),
            condition: text("condition"),
            alias: text("alias"),
            tags,
            imports,
        })
    };
    Some(list.items.iter().filter_map(one).collect())
}

fn import(value: &Value) -> Option<(String, String)> {
    match value {
        Value::Str(name) => Some((format!("exports.{name}"), ".".to_owned())),
        Value::Map(map) => {
            let map = map.entries.borrow();
            let text = |key: &str| match map.get(key) {
                Some(Value::Str(text)) => Some(text.to_string()),
                _ => None,
            };
            Some((text("child")?, text("parent")?))
        }
        _ => None,
    }
}
