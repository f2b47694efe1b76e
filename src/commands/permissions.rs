//! `meshctl permissions`: the least RBAC, computed from what is asked.
//!
//! The needs that a command declares are the requests it makes, so a role that is written from them is neither more nor
//! less than what it takes.

mod role;

use crate::cli::{Ctx, complete};
use crate::error::{Error, Kind, Result};
use crate::facts::{Channel, Facts, Need, Purpose, Resource, SourceKind, kinds};
use crate::kubernetes::{self, target};
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

/// Commands that ask a cluster, and what. A new reading command adds its line.
fn asking() -> Vec<(&'static str, BTreeSet<Need>)> {
    // The window changes the queries, not who may ask them.
    let window = || "7d".to_owned();
    let mut record = needs(&Purpose::Record { window: window(), proxies: true, flows: None });
    record.extend(proxies());
    record.extend([program(), metrics()]);
    let mut sync = needs(&Purpose::Sync(Channel::default()));
    sync.extend([port(), program(), metrics()]);
    // Of one proxy: its roots and its mesh's trust domain.
    let mut status = sync.clone();
    status.insert(one(&kinds::CONFIG_MAP));
    let mut wait = status.clone();
    wait.extend(MESHES.iter().flat_map(|mesh| mesh.followed()).map(|followed| one(&followed.resource)));
    // Not what `--proxies` takes besides, which is what `proxy-status` takes.
    let mut check = needs(&Purpose::Health { proxies: false, deep: false });
    check.extend(needs(&Purpose::Before));
    check.extend([port(), program(), metrics()]);
    let mut versions = needs(&Purpose::Versions);
    versions.insert(port());
    vec![
        ("analyze", needs(&Purpose::Decide { window: window(), flows: None })),
        ("meshes", needs(&Purpose::State)),
        ("check", check),
        ("check-inject", needs(&Purpose::Members)),
        ("proxy-status", status),
        ("wait", wait),
        ("version", versions),
        ("proxy-config", envoys()),
        ("ztunnel-config", proxies()),
        ("snapshot record", record),
    ]
}

/// One object by its name.
fn one(resource: &Resource) -> Need {
    Need::Get { resource: resource.clone(), namespace: Some(String::new()), name: String::new() }
}

/// A port of any pod.
fn port() -> Need {
    Need::PodGet { namespace: String::new(), pod: String::new(), port: 0, path: String::new() }
}

/// Metrics at a port of any pod, also of one that is not running yet.
fn metrics() -> Need {
    let (namespace, pod, path) = (String::new(), String::new(), String::new());
    Need::PodMetrics { namespace, pod, port: 0, path, names: Vec::new() }
}

/// A program in any container.
fn program() -> Need {
    Need::Exec { namespace: String::new(), pod: String::new(), container: String::new(), command: Vec::new() }
}

/// One proxy, by whatever name: it stands for all of them.
fn proxies() -> BTreeSet<Need> {
    let pods = Need::Select { resource: kinds::POD.clone(), namespace: None, labels: String::new() };
    let named =
        target::resources().map(|(_, resource)| Need::Get { resource: resource.clone(), namespace: None, name: String::new() });
    // What tells of those that have no dump.
    let beside = |resource: &Resource| Need::Get { resource: resource.clone(), namespace: None, name: String::new() };
    let beside = crate::mesh::proxy::kinds().into_iter().map(beside);
    named.chain([pods, port(), metrics()]).chain(beside).collect()
}

/// The same, who is behind the endpoints that they have, and what they were made from.
fn envoys() -> BTreeSet<Need> {
    let nothing = Facts::new("", SourceKind::Live, Timestamp::UNIX_EPOCH);
    let made_from = crate::mesh::origin::first_needs(&nothing);
    proxies().into_iter().chain([Need::list(&kinds::ENDPOINT_SLICE)]).chain(made_from).collect()
}

/// First words, for completion.
fn commands() -> Vec<(String, String)> {
    asking().into_iter().filter_map(|(name, _)| Some((name.split(' ').next()?.to_owned(), String::new()))).collect()
}

pub fn run(ctx: &Ctx, args: &PermissionsArgs) -> Result<Report> {
    if ctx.global.from.is_some() {
        ctx.ui.hint("a recording needs no permissions; these are for a live cluster");
    }
    let (title, needs) = chosen(&args.command.join(" "))?;
    let name = match args.command.join("-") {
        words if words.is_empty() => "meshctl".to_owned(),
        words => format!("meshctl-{words}"),
    };
    let roles = Roles::new(&needs, &name, ctx.global.namespace.as_deref());
    Ok(report(&roles, &title))
}

fn chosen(command: &str) -> Result<(String, BTreeSet<Need>)> {
    let known = asking();
    if command.is_empty() {
        return Ok(("every command".to_owned(), known.into_iter().flat_map(|(_, needs)| needs).collect()));
    }
    // What somebody typed may be an alias.
    let command = match command {
        "pc" => "proxy-config",
        "ps" => "proxy-status",
        "zc" => "ztunnel-config",
        other => other,
    };
    let matches = |name: &str| name == command || name.starts_with(&format!("{command} "));
    let names = known.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let mut found = known.into_iter().filter(|(name, _)| matches(name)).map(|(_, needs)| needs).peekable();
    if found.peek().is_none() {
        return Err(Error::new(Kind::Usage, format!("`{command}` asks no cluster for anything, or is no command"))
            .hint(format!("commands that do: {names}")));
    }
    Ok((format!("meshctl {command}"), found.flatten().collect()))
}

/// What is asked in the first round, before anything is known, and the kinds that are asked later.
fn needs(purpose: &Purpose) -> BTreeSet<Need> {
    let nothing = Facts::new("", SourceKind::Live, Timestamp::UNIX_EPOCH);
    let mut needs: BTreeSet<Need> = kubernetes::needs(&nothing, purpose).into_iter().collect();
    needs.extend(crate::mesh::needs(&nothing, purpose));
    needs.extend(MESHES.iter().flat_map(|mesh| mesh.later(purpose)).map(Need::list));
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
            let (title, asked) = chosen(command).expect("a command");
            let roles = Roles::new(&asked, "meshctl", namespace);
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
        let needs = |command: &str| chosen(command).map(|(_, needs)| needs).ok();
        assert_eq!(needs("snapshot"), needs("snapshot record"));
        assert_eq!(needs("pc"), Some(envoys()));
        assert!(needs("").is_some_and(|all| asking().iter().all(|(_, needs)| needs.is_subset(&all))));
        assert_eq!(chosen("completions").map_err(|e| e.kind).err(), Some(Kind::Usage));
    }
}
