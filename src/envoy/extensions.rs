//! Extension configurations that were discovered by themselves (ECDS).

use super::entry::{Boxed, Resource, Standing};
use super::field::Text;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Extension<'a> {
    #[serde(borrow)]
    pub name: Text<'a>,
    #[serde(borrow, alias = "typedConfig")]
    pub typed_config: Any<'a>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Any<'a> {
    #[serde(borrow, rename = "@type")]
    pub type_url: Text<'a>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Row<'r> {
    pub name: &'r str,
    #[serde(rename = "type")]
    pub kind: &'r str,
    #[serde(flatten)]
    pub standing: Standing<'r>,
}

/// By type, then by name.
pub fn rows<'r>(extensions: &'r [Boxed<'_, Extension<'_>>]) -> Vec<Row<'r>> {
    let mut rows: Vec<_> = extensions.iter().map(|one| row(one)).collect();
    rows.sort_by_key(|row| (row.kind, row.name));
    rows
}

fn row<'r>(one: &'r Resource<'_, Extension<'_>>) -> Row<'r> {
    let url = &*one.value.typed_config.type_url;
    let kind = url.strip_prefix("type.googleapis.com/").unwrap_or(url);
    let name = one.value.name.some().unwrap_or(&one.name);
    Row { name, kind, standing: one.standing() }
}
