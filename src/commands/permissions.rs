//! `meshctl permissions`: the least RBAC, computed from what is asked.
//!
//! The needs that a command declares are the requests it makes, so a role that is written from them is neither more nor
//! less than what it takes.

mod role;

use crate::cli::{Ctx, complete};
use crate::error::{Error, Kind, Result};
use crate::facts::{Facts, Need, Purpose, SourceKind};
use crate::kubernetes;
use crate::mesh::MESHES;
use crate::render::yaml;
use crate::report::{Block, Report};
use clap::Args;
use jiff::Timestamp;
use role::Roles;
use serde_json::json;
use std::collections::BTreeSet;

const EXAMPLES: &str = "\
Examples:
  meshctl permissions | kubectl apply -f -
  meshctl permissions analyze -n shop      a Role for one namespace, and the rest as a ClusterRole
  kubectl create clusterrolebinding meshctl --clusterrole=meshctl --user=ann";

/// Print the least RBAC that a command needs, as a manifest to apply
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct PermissionsArgs {
    /// The command, such as `analyze` [default: all]
    #[arg(value_name = "COMMAND", add = complete::words(commands))]
    pub command: Vec<String>,
}

/// Commands that ask a cluster, and what for. A new reading command adds its line.
fn purposes() -> Vec<(&'static str, Purpose)> {
    // The window changes the queries, not who may ask them.
    let window = || "7d".to_owned();
    vec![("analyze", Purpose::Decide { window: window() }), ("snapshot record", Purpose::Record { window: window() })]
}

/// First words, for completion.
fn commands() -> Vec<(String, String)> {
    purposes().into_iter().filter_map(|(name, _)| Some((name.split(' ').next()?.to_owned(), String::new()))).collect()
}

pub fn run(ctx: &Ctx, args: &PermissionsArgs) -> Result<Report> {
    if ctx.global.from.is_some() {
        ctx.ui.hint("a recording needs no permissions; these are for a live cluster");
    }
    let (title, purposes) = chosen(&args.command.join(" "))?;
    let needs = needs(&purposes);
    let name = match args.command.join("-") {
        words if words.is_empty() => "meshctl".to_owned(),
        words => format!("meshctl-{words}"),
    };
    let roles = Roles::new(&needs, &name, ctx.global.namespace.as_deref());
    Ok(report(&roles, &title))
}

fn chosen(command: &str) -> Result<(String, Vec<Purpose>)> {
    let known = purposes();
    if command.is_empty() {
        return Ok(("every command".to_owned(), known.into_iter().map(|(_, purpose)| purpose).collect()));
    }
    let matches = |name: &str| name == command || name.starts_with(&format!("{command} "));
    let names = known.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let found: Vec<_> = known.into_iter().filter(|(name, _)| matches(name)).map(|(_, purpose)| purpose).collect();
    if found.is_empty() {
        return Err(Error::new(Kind::Usage, format!("`{command}` asks no cluster for anything, or is no command"))
            .hint(format!("commands that do: {names}")));
    }
    Ok((format!("meshctl {command}"), found))
}

/// What is asked in the first round: every kind is declared there, before anything is known.
fn needs(purposes: &[Purpose]) -> BTreeSet<Need> {
    let nothing = Facts::new("", SourceKind::Live, Timestamp::UNIX_EPOCH);
    let mut needs = BTreeSet::new();
    for purpose in purposes {
        needs.extend(kubernetes::needs(&nothing, purpose));
        MESHES.iter().for_each(|mesh| needs.extend(mesh.needs(&nothing, purpose)));
    }
    needs
}

fn report(roles: &Roles, title: &str) -> Report {
    let mut text = format!("# What {title} needs to read, and nothing more. Apply with: kubectl apply -f -\n");
    for (i, document) in roles.documents.iter().enumerate() {
        if i > 0 {
            text.push_str("---\n");
        }
        document.note.lines().for_each(|line| text.push_str(&format!("# {line}\n")));
        text.push_str(&yaml::document(&document.manifest));
    }
    let items: Vec<_> = roles.documents.iter().map(|document| document.manifest.clone()).collect();
    // A `List`, so that the machine forms can be applied just as well.
    let data = json!({ "apiVersion": "v1", "kind": "List", "items": items });
    Report::new("meshctl/permissions/v1", &data, vec![Block::Code(text)])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the API's own types read it: a field that they don't know, or a wrong one, would be lost on the way.
    #[test]
    fn every_role_is_one_that_the_api_knows() {
        use k8s_openapi::api::rbac::v1::{ClusterRole, Role};
        fn same<T: serde::de::DeserializeOwned + serde::Serialize>(manifest: &serde_json::Value) {
            let typed: T = serde_json::from_value(manifest.clone()).expect("a manifest of its kind");
            assert_eq!(serde_json::to_value(typed).expect("JSON"), *manifest);
        }
        for (command, namespace) in [("", None), ("analyze", None), ("snapshot record", Some("shop"))] {
            let (title, purposes) = chosen(command).expect("a command");
            let roles = Roles::new(&needs(&purposes), "meshctl", namespace);
            for document in &roles.documents {
                match document.manifest["kind"].as_str() {
                    Some("Role") => same::<Role>(&document.manifest),
                    _ => same::<ClusterRole>(&document.manifest),
                }
            }
            // And the text that is printed is the same documents.
            let Some(Block::Code(text)) = report(&roles, &title).body.pop() else { panic!("one block of code") };
            let printed: Vec<serde_json::Value> = serde_yaml::Deserializer::from_str(&text)
                .map(|one| serde::Deserialize::deserialize(one).expect("YAML"))
                .collect();
            assert_eq!(printed, roles.documents.iter().map(|document| document.manifest.clone()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_prefix_names_its_commands() {
        assert_eq!(chosen("snapshot").map(|(_, found)| found.len()).ok(), Some(1));
        assert_eq!(chosen("").map(|(_, found)| found.len()).ok(), Some(purposes().len()));
        assert_eq!(chosen("completions").map_err(|e| e.kind).err(), Some(Kind::Usage));
    }
}
