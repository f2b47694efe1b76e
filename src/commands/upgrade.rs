//! `meshctl upgrade`: in place, or to a second control plane that namespaces are moved to in waves.

use super::canary::{self, CanaryArgs};
use super::install::{self, InstallArgs};
use crate::cli::Ctx;
use crate::error::{Error, Kind, Result};
use crate::report::Report;
use clap::Args;

const EXAMPLES: &str = "\
Examples:
  meshctl upgrade istio --charts charts/                            in place
  meshctl upgrade istio --charts charts/ -r 1-31 --canary           beside it; namespaces follow one by one
  meshctl upgrade istio --charts charts/ -r 1-31 --canary --namespace-by 3 --max-error-rate 0.5%
  meshctl upgrade istio -r 1-31 --canary --rollback                 every namespace back to where it was
  meshctl upgrade istio --charts charts/ -r 1-31 --canary --remove-old

A wave is relabelled, restarted, waited for until its proxies are in sync, and watched. If too many
requests fail, or it does not come up, it goes back and nothing after it is touched.";

/// Bring an installed mesh to the next version
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct UpgradeArgs {
    #[command(flatten)]
    pub install: InstallArgs,
    #[command(flatten)]
    pub canary: CanaryArgs,
}

pub fn run(ctx: &Ctx, args: &UpgradeArgs) -> Result<Report> {
    if args.canary.canary {
        return canary::run(ctx, &args.install, &args.canary);
    }
    if args.canary.remove_old {
        return Err(Error::new(Kind::Usage, "--remove-old is for an upgrade beside the old one").hint("add --canary"));
    }
    install::run(ctx, &args.install, true)
}
