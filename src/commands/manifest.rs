//! `meshctl manifest`: what would be applied, from a Helm chart.

use super::rendering::{Given, Order, rendered};
use crate::charts::capabilities;
use crate::charts::manifest::Manifests;
use crate::cli::Ctx;
use crate::error::{Error, Kind, Result};
use crate::report::{Block, Report};
use clap::Args;
use serde_json::json;

const EXAMPLES: &str = "\
Examples:
  meshctl manifest --chart charts/gateway --name ingress -n gateways
  meshctl manifest --chart gateway-1.29.0.tgz --name ingress -f values.yaml --set replicaCount=2

It prints what `helm template` prints: the chart's objects in the order of installing, then its hooks.";

/// Print what a Helm chart would apply
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ManifestArgs {
    /// Chart: a folder, or a packed .tgz
    #[arg(long, value_name = "PATH")]
    pub chart: String,
    /// Name of the release
    #[arg(long, value_name = "RELEASE", default_value = "release-name")]
    pub name: String,
    #[command(flatten)]
    pub given: Given,
    /// Kubernetes version that the chart is told
    #[arg(long, value_name = "VERSION", default_value = capabilities::KUBERNETES)]
    pub kube_version: String,
    /// Further API versions that the chart is told, such as monitoring.coreos.com/v1
    #[arg(long, value_name = "VERSION", value_delimiter = ',')]
    pub api_versions: Vec<String>,
}

pub fn run(ctx: &Ctx, args: &ManifestArgs) -> Result<Report> {
    let namespace = ctx.global.namespace.clone().unwrap_or_else(|| "default".to_owned());
    let kubernetes = capabilities::kubernetes(&args.kube_version).ok_or_else(|| {
        Error::new(Kind::Usage, format!("{} is no Kubernetes version", args.kube_version))
            .hint("give one such as --kube-version 1.34.0")
    })?;
    let versions = [capabilities::known(), args.api_versions.clone()].concat();
    let order = Order {
        chart: &args.chart,
        release: &args.name,
        namespace: &namespace,
        revision: 1,
        kubernetes,
        api_versions: Some(&versions),
        layers: &args.given.layers()?,
    };
    let manifests = rendered(&order)?.manifests;
    let text = manifests.print();
    let data = json!({ "release": args.name, "namespace": namespace, "objects": kinds(&manifests), "manifest": text });
    Ok(Report::new("meshctl/manifest/v1", &data, vec![Block::Code(text)]))
}

fn kinds(manifests: &Manifests) -> Vec<serde_json::Value> {
    let all =
        manifests.objects.iter().map(|document| (document, false)).chain(manifests.hooks.iter().map(|document| (document, true)));
    all.map(|(document, hook)| json!({ "kind": document.kind, "source": document.source, "hook": hook, "yaml": document.text }))
        .collect()
}
