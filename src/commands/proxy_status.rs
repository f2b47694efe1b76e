//! `meshctl proxy-status`: the state of every proxy's configuration.

mod pod;

use super::load;
use crate::analysis::sync::{self, Health, Proxy};
use crate::cli::{Ctx, complete};
use crate::error::{Error, Kind, Result};
use crate::facts::{Channel, Purpose, Selector, Transport};
use crate::mesh;
use crate::report::Report;
use crate::source::live::Credentials;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  meshctl proxy-status                          every proxy, the worst first
  meshctl proxy-status -n shop -l app=web       some of them
  meshctl proxy-status web-7d9f.shop            what it has beside what it should have
  meshctl proxy-status --only stale,rejected    those that are not well
  meshctl proxy-status --all-contexts -o wide   every cluster; each xDS type with its age
  meshctl proxy-status --fail-on error          exit 1 if one refuses its configuration or is cut off

REJECTED      it refused what was sent last (NACK), and goes on with what it had
DISCONNECTED  its pod has a proxy, and no control plane has a connection of it
STALE         it has not acknowledged what was sent last
NOT SENT      it is connected and got nothing
UNKNOWN       nobody who could tell was heard";

/// Show whether proxies have the configuration sent to them, and why not
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ProxyStatusArgs {
    /// Compare what this proxy has with what its control plane would send: POD[.NAMESPACE], or TYPE/NAME[.NAMESPACE]
    #[arg(value_name = "POD", add = complete::proxies())]
    pub pod: Option<String>,
    /// Proxies of pods with these labels
    #[arg(short = 'l', long, value_name = "SELECTOR", conflicts_with = "pod")]
    pub selector: Option<String>,
    /// Proxies with these states
    #[arg(long, value_name = "STATE", value_delimiter = ',')]
    pub only: Vec<Health>,
    /// Proxies of this revision of the control plane
    #[arg(long, value_name = "REVISION")]
    pub revision: Option<String>,
    #[command(flatten)]
    pub asked: Asked,
    /// Order of the rows
    #[arg(long, value_name = "BY", default_value = "health")]
    pub sort: Sort,
}

/// How control planes are asked.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Control planes")]
pub struct Asked {
    /// How control planes are asked
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub transport: Transport,
    /// Ask the control plane at this address, over gRPC, instead of those in the cluster
    #[arg(long, value_name = "HOST:PORT")]
    pub xds_address: Option<String>,
    /// Name that its certificate must have
    #[arg(long, value_name = "NAME")]
    pub authority: Option<String>,
    /// Folder with cert-chain.pem, key.pem and root-cert.pem, instead of a token and the cluster's root
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub cert_dir: Option<PathBuf>,
    /// gRPC without TLS and without a token (port 15010)
    #[arg(long, conflicts_with_all = ["cert_dir", "authority", "insecure"])]
    pub plaintext: bool,
    /// Take whatever certificate is shown: whoever stands between can read the token
    #[arg(long)]
    pub insecure: bool,
}

impl Asked {
    fn credentials(&self) -> Credentials {
        Credentials { cert_dir: self.cert_dir.clone(), insecure: self.insecure }
    }

    /// The flags, and what is wrong with them.
    fn channel(&self, ctx: &Ctx) -> Result<Channel> {
        if let Some(address) = &self.xds_address {
            let port = address.rsplit_once(':').and_then(|(host, port)| port.parse::<u16>().ok().filter(|_| !host.is_empty()));
            if port.is_none() {
                let error = Error::new(Kind::Usage, format!("--xds-address {address:?} is no HOST:PORT"));
                return Err(error.hint("such as --xds-address istiod.example.org:15012"));
            }
            if self.transport == Transport::Http {
                let error = Error::new(Kind::Usage, "--xds-address is asked over gRPC, and --transport says http");
                return Err(error.hint("leave --transport away"));
            }
        }
        let grpc = self.cert_dir.is_some() || self.plaintext || self.insecure || self.authority.is_some();
        if grpc && self.transport == Transport::Http {
            let error = Error::new(Kind::Usage, "certificates and TLS are for gRPC, and --transport says http");
            return Err(error.hint("use --transport grpc"));
        }
        if self.insecure {
            ctx.ui.warning("--insecure: the certificate of the control plane is not verified");
        }
        Ok(Channel {
            // Who gives a certificate wants it to be used.
            transport: if grpc { Transport::Grpc } else { self.transport },
            address: self.xds_address.clone(),
            authority: self.authority.clone(),
            plaintext: self.plaintext,
            dump_of: None,
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    /// The worst first
    Health,
    Name,
    Namespace,
    Version,
    /// The longest not well first
    Age,
}

pub fn run(ctx: &Ctx, args: &ProxyStatusArgs) -> Result<Report> {
    if let Some(pod) = &args.pod {
        return pod::run(ctx, &args.asked, pod);
    }
    let selector = args.selector.as_deref().map(Selector::parse).transpose();
    let selector = selector.map_err(|why| Error::new(Kind::Usage, why).hint("such as -l app=web,version!=v2"))?;
    // Control planes live elsewhere, so a namespace limits what is shown, not what is read.
    let mut everywhere = ctx.global.clone();
    everywhere.namespace = None;
    let mut wide = Ctx::new(everywhere);
    let channel = args.asked.channel(ctx)?;
    wide.xds = args.asked.credentials();
    let loaded = load::load(&wide, &Purpose::Sync(channel), None)?;
    ctx.incomplete.set(wide.incomplete.get());
    load::known_namespace(ctx, &loaded.facts)?;
    let wanted = |proxy: &Proxy| {
        ctx.global.namespace.as_ref().is_none_or(|only| *only == proxy.namespace)
            && selector.as_ref().is_none_or(|selector| selector.fits(&proxy.labels))
            && (args.only.is_empty() || args.only.contains(&proxy.health))
            && args.revision.as_ref().is_none_or(|only| proxy.revision.as_ref() == Some(only))
    };
    let status = |facts| {
        let mut status = sync::judge(facts, &mesh::model(facts));
        status.retain(wanted);
        order(&mut status.proxies, args.sort);
        status
    };
    let all: Vec<_> = loaded.facts.iter().map(status).collect();
    Ok(load::with_unreachable(sync::report(&all, |command| wide.invocation(command)), &loaded))
}

/// Stable: what is equal stays the worst first.
fn order(proxies: &mut [Proxy], sort: Sort) {
    match sort {
        Sort::Health => {}
        Sort::Name => proxies.sort_by(|a, b| a.name.cmp(&b.name)),
        Sort::Namespace => proxies.sort_by(|a, b| a.namespace.cmp(&b.namespace)),
        Sort::Version => proxies.sort_by(|a, b| a.version.cmp(&b.version)),
        Sort::Age => proxies.sort_by_key(|proxy| std::cmp::Reverse(proxy.age_seconds)),
    }
}
