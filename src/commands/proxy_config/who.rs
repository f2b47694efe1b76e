//! Whose configuration: a file, or proxies by pod, by owner, by label, or all of them.

use crate::cli::Ctx;
use crate::cli::complete;
use crate::commands::fleet::Who;
use crate::error::{Error, Kind, Result};
use clap::Args;

#[derive(Args, Clone, Debug, Default)]
pub struct PodsArgs {
    /// The proxies of these pods: POD[.NAMESPACE], or TYPE/NAME[.NAMESPACE] such as deploy/web.shop
    #[arg(value_name = "POD", add = complete::proxies())]
    pub pods: Vec<String>,
    /// The proxies of pods with these labels, such as app=web; with -n of one namespace. All of them: -A
    #[arg(short = 'l', long, value_name = "LABELS")]
    pub selector: Option<String>,
    /// The port of the admin interface, for any Envoy [default: what the pod's mesh uses, such as 15000]
    #[arg(long, value_name = "PORT")]
    pub proxy_admin_port: Option<u16>,
}

#[derive(Args, Clone, Debug, Default)]
pub struct WhoArgs {
    #[command(flatten)]
    pub pods: PodsArgs,
    /// Read this file with the answer of the admin port instead; `-` is stdin
    #[arg(short, long, value_name = "FILE", default_value = "", hide_default_value = true)]
    pub file: String,
}

impl PodsArgs {
    pub fn proxies(&self) -> Who<'_> {
        Who { names: &self.pods, selector: self.selector.as_deref(), port: self.proxy_admin_port, ..Who::envoys() }
    }

    /// All proxies are only asked when somebody says so.
    pub fn nonempty(&self, ctx: &Ctx) -> Result<()> {
        let all = ctx.global.all_namespaces || ctx.global.namespace.is_some();
        if !self.pods.is_empty() || self.selector.is_some() || all {
            return Ok(());
        }
        Err(Error::new(Kind::Usage, "whose configuration? No pod is named, and no file")
            .hint("a pod: meshctl proxy-config all POD.NAMESPACE; all of a Deployment: deploy/NAME.NAMESPACE; all there are: -A")
            .hint("a dump of the admin port: -f FILE"))
    }
}
