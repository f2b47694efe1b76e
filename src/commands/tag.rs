//! `meshctl tag`: names that stand for a revision of a control plane, so that namespaces need not change with it.

use super::installing::planning::failed;
use super::load;
use super::plan::only;
use crate::charts::object::Ref;
use crate::cli::Ctx;
use crate::error::{Error, Kind, Result};
use crate::mesh::MESHES;
use crate::mesh::revisions::{DEFAULT, NewTag, Revisions, Tag, meant};
use crate::report::{Block, Column, Line, Report, Span, Table, Tone};
use crate::source::apply::{Kinds, Manner, Writer};
use crate::source::live::Cluster;
use crate::ui::{Choice, Prompt};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const API: &str = "admissionregistration.k8s.io/v1";
const MUTATING: &str = "MutatingWebhookConfiguration";
const VALIDATING: &str = "ValidatingWebhookConfiguration";

const EXAMPLES: &str = "\
Examples:
  meshctl tag list                                 which name stands for which revision, and who uses it
  meshctl tag set prod --revision 1-31             namespaces with istio.io/rev=prod get 1-31 from now on
  meshctl tag set prod --revision 1-32 --overwrite the next restart of their pods brings 1-32
  meshctl tag set default --revision 1-31          istio-injection=enabled means 1-31
  meshctl tag remove prod";

/// Names that stand for a revision of Istio
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct TagArgs {
    #[command(subcommand)]
    pub part: Part,
}

#[derive(Subcommand, Debug)]
pub enum Part {
    /// Let a name stand for a revision
    #[command(visible_alias = "create", after_help = EXAMPLES)]
    Set(SetArgs),
    /// Print what `tag set` would apply
    #[command(after_help = EXAMPLES)]
    Generate(SetArgs),
    /// Show the names, their revisions and the namespaces that use them
    #[command(visible_alias = "show", after_help = EXAMPLES)]
    List,
    /// Take a name away
    #[command(visible_alias = "delete", after_help = EXAMPLES)]
    Remove(RemoveArgs),
}

#[derive(Args, Debug)]
pub struct SetArgs {
    /// The name
    #[arg(value_name = "TAG")]
    pub tag: String,
    /// The revision that it stands for
    #[arg(short, long, value_name = "NAME")]
    pub revision: String,
    /// Although it stands for another one now
    #[arg(long)]
    pub overwrite: bool,
    /// Name of the webhook configuration
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    pub webhook_name: String,
    /// Inject namespaces without any label too (with the tag `default`)
    #[arg(long)]
    pub auto_inject_namespaces: bool,
    /// Don't ask
    #[arg(short, long, visible_alias = "skip-confirmation")]
    pub yes: bool,
}

impl SetArgs {
    /// Without a question, whatever it stood for.
    pub fn of(tag: &str, revision: &str) -> SetArgs {
        let (tag, revision) = (tag.to_owned(), revision.to_owned());
        SetArgs { tag, revision, overwrite: true, webhook_name: String::new(), auto_inject_namespaces: false, yes: true }
    }
}

#[derive(Args, Debug)]
pub struct RemoveArgs {
    /// The name
    #[arg(value_name = "TAG")]
    pub tag: String,
    /// Don't ask
    #[arg(short, long, visible_alias = "skip-confirmation")]
    pub yes: bool,
}

pub fn run(ctx: &Ctx, args: &TagArgs) -> Result<Report> {
    load::block_on(async {
        let cluster = only(ctx).await?;
        let seen = Seen::read(&cluster).await?;
        match &args.part {
            Part::List => Ok(seen.report(&cluster)),
            Part::Generate(args) => {
                let made = seen.made(args).await?;
                let text: Vec<String> = made.iter().map(crate::render::yaml::document).collect();
                let list = json!({ "apiVersion": "v1", "kind": "List", "items": made });
                Ok(Report::new("meshctl/tag-manifest/v1", &list, vec![Block::Code(text.join("---\n"))]))
            }
            Part::Set(args) => {
                seen.set(args).await?;
                let seen = Seen::read(&cluster).await?;
                ctx.ui.hint("pods keep their proxies until they restart");
                Ok(seen.report(&cluster))
            }
            Part::Remove(args) => {
                seen.remove(ctx, args).await?;
                Ok(Seen::read(&cluster).await?.report(&cluster))
            }
        }
    })
}

/// Tags and who uses them, as a cluster has them.
pub struct Seen<'c> {
    pub writer: Writer<'c>,
    pub kinds: Kinds,
    pub by: &'static dyn Revisions,
    webhooks: Vec<Value>,
    validators: Vec<Value>,
    pub tags: Vec<Tag>,
    /// Labels of namespaces.
    pub namespaces: BTreeMap<String, BTreeMap<String, String>>,
}

impl<'c> Seen<'c> {
    pub async fn read(cluster: &'c Cluster) -> Result<Seen<'c>> {
        let by = MESHES.iter().find_map(|mesh| mesh.revisions());
        let by = by.ok_or_else(|| Error::new(Kind::Internal, "no mesh has revisions"))?;
        cluster.probe().await?;
        let writer = Writer::new(cluster).await?;
        let kinds = writer.kinds().await?;
        let list = |api: &'static str, kind: &'static str| {
            let (writer, kinds) = (&writer, &kinds);
            async move { writer.list(kinds, (api, kind), None, "").await.map_err(|e| failed(&format!("list {kind}s"), &e)) }
        };
        let (webhooks, validators, spaces) =
            futures::try_join!(list(API, MUTATING), list(API, VALIDATING), list("v1", "Namespace"))?;
        let namespaces = spaces.iter().map(|space| {
            let name = space["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            (name, serde_json::from_value(space["metadata"]["labels"].clone()).unwrap_or_default())
        });
        let namespaces = namespaces.collect();
        let tags = by.tags(&webhooks);
        Ok(Seen { writer, kinds, by, webhooks, validators, tags, namespaces })
    }

    pub fn revisions(&self) -> Vec<String> {
        self.webhooks.iter().filter_map(|webhook| self.by.injector_of(webhook)).collect()
    }

    fn users(&self, tag: &str) -> Vec<&str> {
        let uses = |labels: &BTreeMap<String, String>| self.by.wish(labels).is_some_and(|wish| wish == tag);
        self.namespaces.iter().filter(|(_, labels)| uses(labels)).map(|(name, _)| name.as_str()).collect()
    }

    fn injector(&self, revision: &str) -> Result<&Value> {
        let found = self.webhooks.iter().find(|webhook| self.by.injector_of(webhook).is_some_and(|own| own == revision));
        found.ok_or_else(|| {
            let known = self.revisions();
            let error = Error::new(Kind::Input, format!("there is no injector of revision {revision:?}"));
            if known.is_empty() {
                error.hint(format!("install it first: meshctl install MESH --revision {revision}"))
            } else {
                error.hint(format!("there are: {}", known.join(", ")))
            }
        })
    }

    async fn made(&self, args: &SetArgs) -> Result<Vec<Value>> {
        let new = NewTag { name: &args.tag, webhook: &args.webhook_name, everywhere: args.auto_inject_namespaces };
        if args.auto_inject_namespaces && args.tag != DEFAULT {
            return Err(Error::new(Kind::Usage, "namespaces without a label belong to the tag `default`")
                .hint("leave --auto-inject-namespaces out, or name that tag"));
        }
        let injector = self.injector(&args.revision)?;
        let mut made = vec![self.by.tagged(injector, &new)];
        if let Some((namespace, name)) = self.by.service_of(injector) {
            let at = Ref::new("v1", "Service", &namespace, &name);
            let there = self.writer.get(&self.kinds, &at).await.map_err(|e| failed(&format!("read {at}"), &e))?;
            made.extend(there.map(|service| self.by.tag_service(&service, &args.tag)));
        }
        Ok(made)
    }

    /// Lets a tag stand for a revision; a new one or, if that is asked for, one that stands for another.
    pub async fn set(&self, args: &SetArgs) -> Result<()> {
        let made = self.made(args).await?;
        if args.tag != DEFAULT && self.revisions().contains(&args.tag) {
            return Err(Error::new(Kind::Input, format!("{:?} is the name of a revision", args.tag))
                .hint("a tag needs a name of its own"));
        }
        let there = self.tags.iter().find(|tag| tag.tag == args.tag);
        if let Some(there) = there.filter(|there| there.revision != args.revision && !args.overwrite) {
            return Err(Error::new(Kind::Input, format!("tag {:?} stands for {} already", args.tag, there.revision))
                .hint("--overwrite lets it stand for another one"));
        }
        for object in &made {
            let (at, manner) = (Ref::of(object), Manner { dry_run: false, force: true });
            self.writer.apply(&self.kinds, &at, object, manner).await.map_err(|e| failed(&format!("apply {at}"), &e))?;
        }
        let name = made.first().map(|webhook| Ref::of(webhook).name).unwrap_or_default();
        if let Some(old) = there.filter(|there| there.webhook != name) {
            self.delete(&Ref::new(API, MUTATING, "", &old.webhook)).await?;
        }
        if args.tag != DEFAULT {
            return Ok(());
        }
        // What names no revision is now this one's: nobody else may take it, and validation has to ask somebody who is there.
        for injector in &self.webhooks {
            if let Some(released) = self.by.released(injector).filter(|_| args.revision != DEFAULT) {
                let at = Ref::of(injector);
                let merged = self.writer.merge(&self.kinds, &at, &released).await;
                merged.map_err(|e| failed(&format!("change {at}"), &e))?;
            }
        }
        if let Some(validator) = self.by.validator(&self.validators, &args.revision) {
            let at = Ref::of(&validator);
            let change = json!({ "metadata": { "labels": validator["metadata"]["labels"] }, "webhooks": validator["webhooks"] });
            self.writer.merge(&self.kinds, &at, &change).await.map_err(|e| failed(&format!("change {at}"), &e))?;
        }
        Ok(())
    }

    async fn delete(&self, at: &Ref) -> Result<()> {
        self.writer.delete(&self.kinds, at).await.map(|_| ()).map_err(|e| failed(&format!("remove {at}"), &e))
    }

    async fn remove(&self, ctx: &Ctx, args: &RemoveArgs) -> Result<()> {
        let Some(tag) = self.tags.iter().find(|tag| tag.tag == args.tag) else {
            let known: Vec<&str> = self.tags.iter().map(|tag| tag.tag.as_str()).collect();
            let error = Error::new(Kind::Input, format!("there is no tag {:?}", args.tag));
            return Err(error.hint(if known.is_empty() {
                "there are none".to_owned()
            } else {
                format!("there are: {}", known.join(", "))
            }));
        };
        let users = self.users(&args.tag);
        if !users.is_empty() && !args.yes {
            let why = format!("{} use it, and their new pods would get no proxy", users.join(", "));
            if !ctx.ui.can_ask() {
                return Err(Error::new(Kind::Usage, "nobody is here to say yes")
                    .cause(why)
                    .hint("--yes goes on without a question"));
            }
            let text = format!("Remove tag {}?", args.tag);
            match ctx.ui.ask(&Prompt { text: &text, why: &why, choices: &["yes", "no"] })? {
                Choice::Answer(answer) if answer == "yes" => {}
                _ => return Err(Error::new(Kind::Interrupted, "not done")),
            }
        }
        if let Some((namespace, _)) = self.injector(&tag.revision).ok().and_then(|injector| self.by.service_of(injector)) {
            let service = self.by.tag_service(&Value::Null, &tag.tag);
            let name = service["metadata"]["name"].as_str().unwrap_or_default();
            self.delete(&Ref::new("v1", "Service", &namespace, name)).await?;
        }
        self.delete(&Ref::new(API, MUTATING, "", &tag.webhook)).await
    }

    fn report(&self, cluster: &Cluster) -> Report {
        let rows: Vec<Vec<Line>> = self
            .tags
            .iter()
            .map(|tag| {
                let users = self.users(&tag.tag).join(",");
                [tag.tag.clone(), tag.revision.clone(), users].map(|text| vec![Span::from(text)]).to_vec()
            })
            .collect();
        let none = || Block::Paragraph(vec![Span::new("no name stands for a revision", Tone::Dim)]);
        let columns = ["TAG", "REVISION", "NAMESPACES"].map(Column::new).to_vec();
        let body = vec![if rows.is_empty() { none() } else { Block::Table(Table { columns, rows }) }];
        let tags: Vec<Value> = self
            .tags
            .iter()
            .map(|tag| json!({ "tag": tag.tag, "revision": tag.revision, "webhook": tag.webhook, "namespaces": self.users(&tag.tag) }))
            .collect();
        Report::new("meshctl/tags/v1", &json!({ "cluster": cluster.name(), "tags": tags }), body)
    }

    /// The revision that a namespace gets its proxies from.
    pub fn revision_of(&self, labels: &BTreeMap<String, String>) -> Option<String> {
        let wish = self.by.wish(labels)?;
        Some(meant(&self.tags, &wish).to_owned())
    }
}
