//! `meshctl ztunnel-config`: what the proxy of a node knows of workloads, services, policies and certificates.

mod log;

use crate::cli::{Ctx, complete};
use crate::commands::fleet::{self, Found, Who};
use crate::commands::load::now;
use crate::commands::proxy_config::many::{self, Kept};
use crate::commands::proxy_config::questions::Shown;
use crate::error::{Error, Kind, Result};
use crate::facts::Outcome;
use crate::mesh::admin::Speaks;
use crate::mesh::istio::ztunnel::{Dump, Filter, LABELS};
use crate::render::Format;
use crate::report::{Block, Column, Line, Report, Span, Table, Tone};
use crate::source::file;
use crate::source::visit::{Answers, Questions};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

const SCHEMA: &str = "meshctl/ztunnel-config/v1";

const EXAMPLES: &str = "\
Examples:
  meshctl ztunnel-config workload                       what one ztunnel of the cluster knows
  meshctl ztunnel-config workload web-7d9f.shop         the ztunnel of this pod's node, and this pod
  meshctl ztunnel-config certificate --node worker-2    the certificates that this node's ztunnel holds
  meshctl ztunnel-config connections --direction outbound
  meshctl ztunnel-config all -f dump.json               a file with the answer of localhost:15000/config_dump";

/// Show what the proxy of a node knows, in ambient mode
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ZtunnelConfigArgs {
    #[command(subcommand)]
    pub part: Part,
}

#[derive(Subcommand, Debug)]
pub enum Part {
    /// Workloads: address, node, waypoint, protocol
    #[command(visible_aliases = ["workloads", "w"], after_help = EXAMPLES)]
    Workload(WorkloadArgs),
    /// Services: address, waypoint, healthy endpoints
    #[command(visible_aliases = ["services", "s", "svc"], after_help = EXAMPLES)]
    Service(ServiceArgs),
    /// Authorization policies
    #[command(visible_aliases = ["policies", "p", "pol"], after_help = EXAMPLES)]
    Policy(PolicyArgs),
    /// Certificates: leaf, intermediates and roots
    #[command(visible_aliases = ["certificates", "certs", "cert"], after_help = EXAMPLES)]
    Certificate(NodeArgs),
    /// Connections that are open now
    #[command(visible_alias = "cons", after_help = EXAMPLES)]
    Connections(ConnectionsArgs),
    /// All of it
    #[command(after_help = EXAMPLES)]
    All(AllArgs),
    /// Log level: show it, or set it
    #[command(visible_alias = "o", after_help = log::EXAMPLES)]
    Log(log::LogArgs),
}

#[derive(Args, Clone, Debug, Default)]
pub struct NodeArgs {
    /// A ztunnel, or any pod, whose node's ztunnel is asked: POD[.NAMESPACE] or TYPE/NAME[.NAMESPACE]
    #[arg(value_name = "POD", add = complete::node_proxies())]
    pub pods: Vec<String>,
    /// The ztunnel of this node
    #[arg(long, value_name = "NODE", default_value = "", hide_default_value = true)]
    pub node: String,
    /// Read this file with the answer of the admin port instead; `-` is stdin
    #[arg(short, long, value_name = "FILE", default_value = "", hide_default_value = true)]
    pub file: String,
    /// The port of the admin interface [default: 15000]
    #[arg(long, value_name = "PORT")]
    pub proxy_admin_port: Option<u16>,
}

impl NodeArgs {
    fn who(&self) -> Who<'_> {
        let node = (!self.node.is_empty()).then_some(self.node.as_str());
        let speaks = Speaks::NodeProxy;
        Who { names: &self.pods, port: self.proxy_admin_port, speaks, nodes: Some((LABELS, node)), ..Who::envoys() }
    }
}

#[derive(Args, Clone, Debug, Default)]
pub struct WorkloadArgs {
    #[command(flatten)]
    pub of: NodeArgs,
    /// Only this address
    #[arg(long, value_name = "ADDRESS", default_value = "", hide_default_value = true)]
    pub address: String,
    /// Only workloads of this namespace
    #[arg(long, value_name = "NAMESPACE", default_value = "", hide_default_value = true)]
    pub workload_namespace: String,
    /// Only workloads on this node
    #[arg(long, value_name = "NODE", default_value = "", hide_default_value = true)]
    pub workload_node: String,
}

#[derive(Args, Clone, Debug, Default)]
pub struct ServiceArgs {
    #[command(flatten)]
    pub of: NodeArgs,
    /// Only services of this namespace
    #[arg(long, value_name = "NAMESPACE", default_value = "", hide_default_value = true)]
    pub service_namespace: String,
}

#[derive(Args, Clone, Debug, Default)]
pub struct PolicyArgs {
    #[command(flatten)]
    pub of: NodeArgs,
    /// Only policies of this namespace
    #[arg(long, value_name = "NAMESPACE", default_value = "", hide_default_value = true)]
    pub policy_namespace: String,
}

#[derive(Args, Clone, Debug, Default)]
pub struct ConnectionsArgs {
    #[command(flatten)]
    pub of: NodeArgs,
    /// Only this direction: inbound or outbound
    #[arg(long, value_name = "DIRECTION", default_value = "", hide_default_value = true)]
    pub direction: String,
    /// Addresses instead of the names behind them
    #[arg(long)]
    pub raw: bool,
    /// Only workloads of this namespace
    #[arg(long, value_name = "NAMESPACE", default_value = "", hide_default_value = true)]
    pub workload_namespace: String,
}

#[derive(Args, Clone, Debug, Default)]
pub struct AllArgs {
    #[command(flatten)]
    pub of: NodeArgs,
    /// Headings are always there; istioctl's flag is taken and changes nothing
    #[arg(long, hide = true)]
    pub with_headers: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Workloads,
    Services,
    Policies,
    Certificates,
    Connections,
}

use Of::{Certificates, Connections, Policies, Services, Workloads};

#[derive(Clone, Debug)]
struct Wanted {
    tables: &'static [Of],
    filter: Filter,
    machine: bool,
    now: Timestamp,
    /// Of each ztunnel, the pods for whose sake it is asked.
    pods: Vec<Vec<(String, String)>>,
}

impl Questions for Wanted {
    type Made = std::result::Result<Shown, String>;

    fn next(&self, _: usize, known: &Answers) -> Vec<String> {
        if known.is_empty() { vec!["config_dump".to_owned()] } else { Vec::new() }
    }

    fn done(&self, number: usize, known: Answers) -> Self::Made {
        let pods = self.pods.get(number).cloned().unwrap_or_default();
        match known.into_iter().next().map(|(_, answer)| answer.outcome) {
            Some(Outcome::Bytes(bytes)) => self.shown(&bytes, pods),
            Some(other) => Err(other.why().to_owned()),
            None => Err("it was not asked".to_owned()),
        }
    }
}

impl Wanted {
    fn shown(&self, bytes: &[u8], pods: Vec<(String, String)>) -> std::result::Result<Shown, String> {
        let dump = Dump::read(bytes)?;
        let filter = Filter { pods, ..self.filter.clone() };
        let (mut blocks, mut data) = (Vec::new(), Map::new());
        for table in self.tables {
            let (name, titles, rows) = match table {
                Workloads => ("workloads", WORKLOAD, values(&dump.workload_rows(&filter))),
                Services => ("services", SERVICE, values(&dump.service_rows(&filter))),
                Policies => ("policies", POLICY, values(&dump.policy_rows(&filter))),
                Certificates => ("certificates", CERTIFICATE, values(&dump.certificate_rows(self.now))),
                Connections => ("connections", CONNECTION, values(&dump.connection_rows(&filter))),
            };
            if self.machine {
                data.insert(name.to_owned(), Value::Array(rows));
                continue;
            }
            if self.tables.len() > 1 {
                blocks.extend((!blocks.is_empty()).then_some(Block::Blank));
                blocks.push(Block::Heading(format!("{}{}", name[..1].to_uppercase(), &name[1..])));
            }
            blocks.push(match rows.is_empty() {
                true => Block::Paragraph(vec![Span::new(format!("no {name}"), Tone::Dim)]),
                false => Block::Table(drawn(titles, &rows)),
            });
        }
        Ok(Shown { blocks, findings: Vec::new(), faults: Vec::new(), data: Kept::of(&data), worst: None })
    }
}

/// A title and the field of the row that it stands over; what begins with `+` is for `-o wide`.
type Titles = &'static [(&'static str, &'static str)];
const WORKLOAD: Titles = &[
    ("NAMESPACE", "namespace"),
    ("POD NAME", "pod_name"),
    ("ADDRESS", "address"),
    ("NODE", "node"),
    ("WAYPOINT", "waypoint"),
    ("PROTOCOL", "protocol"),
    ("+STATUS", "status"),
];
const SERVICE: Titles = &[
    ("NAMESPACE", "namespace"),
    ("SERVICE NAME", "service_name"),
    ("SERVICE VIP", "service_vip"),
    ("WAYPOINT", "waypoint"),
    ("ENDPOINTS", "healthy_endpoints/all_endpoints"),
];
const POLICY: Titles = &[("NAMESPACE", "namespace"), ("POLICY NAME", "policy_name"), ("ACTION", "action"), ("SCOPE", "scope")];
const CERTIFICATE: Titles = &[
    ("CERTIFICATE NAME", "certificate_name"),
    ("TYPE", "type"),
    ("STATUS", "status"),
    ("VALID CERT", "valid_cert"),
    ("SERIAL NUMBER", "serial_number"),
    ("NOT AFTER", "not_after"),
    ("NOT BEFORE", "not_before"),
    ("+REASON", "reason"),
];
const CONNECTION: Titles = &[
    ("WORKLOAD", "workload"),
    ("DIRECTION", "direction"),
    ("LOCAL", "local"),
    ("REMOTE", "remote"),
    ("REMOTE TARGET", "remote_target"),
    ("PROTOCOL", "protocol"),
];

fn values<T: serde::Serialize>(rows: &[T]) -> Vec<Value> {
    rows.iter().map(|row| serde_json::to_value(row).unwrap_or_default()).collect()
}

fn drawn(titles: Titles, rows: &[Value]) -> Table {
    let column = |(title, _): &(&str, &str)| match title.strip_prefix('+') {
        Some(title) => Column::new(title).wide(),
        None => Column::new(*title),
    };
    let text = |value: &Value| {
        value.as_str().map_or_else(|| if value.is_null() { String::new() } else { value.to_string() }, str::to_owned)
    };
    let cell = |row: &Value, field: &str| -> Line {
        let shown = field.split('/').map(|field| text(&row[field])).collect::<Vec<_>>().join("/");
        let tone = match (field, shown.as_str()) {
            ("valid_cert", "true") => Tone::Good,
            ("valid_cert", _) => Tone::Bad,
            ("status", "Unavailable" | "Unhealthy") => Tone::Bad,
            _ => Tone::Plain,
        };
        vec![Span::new(shown, tone)]
    };
    let rows = rows.iter().map(|row| titles.iter().map(|(_, field)| cell(row, field)).collect()).collect();
    Table { columns: titles.iter().map(column).collect(), rows }
}

pub fn run(ctx: &Ctx, args: &ZtunnelConfigArgs) -> Result<Report> {
    let none = Filter::default;
    let (of, tables, filter): (&NodeArgs, &'static [Of], Filter) = match &args.part {
        Part::Log(args) => return log::run(ctx, args),
        Part::Workload(args) => {
            let (address, namespace, node) = (args.address.clone(), args.workload_namespace.clone(), args.workload_node.clone());
            (&args.of, &[Workloads], Filter { address, namespace, node, ..none() })
        }
        Part::Service(args) => (&args.of, &[Services], Filter { namespace: args.service_namespace.clone(), ..none() }),
        Part::Policy(args) => (&args.of, &[Policies], Filter { namespace: args.policy_namespace.clone(), ..none() }),
        Part::Certificate(args) => (args, &[Certificates], none()),
        Part::Connections(args) => {
            let (namespace, direction, raw) = (args.workload_namespace.clone(), args.direction.clone(), args.raw);
            (&args.of, &[Connections], Filter { namespace, direction, raw, ..none() })
        }
        Part::All(args) => (&args.of, &[Workloads, Services, Policies, Certificates, Connections], none()),
    };
    let machine = matches!(ctx.global.output, Format::Json | Format::Yaml);
    let mut wanted = Wanted { tables, filter, machine, now: now(), pods: Vec::new() };
    if !of.file.is_empty() {
        let shown = wanted.shown(&file::read(&of.file)?, Vec::new());
        let shown = shown.map_err(|why| Error::new(Kind::Input, format!("can't use {}: {why}", of.file)))?;
        return Ok(Report::new(SCHEMA, &json!({ "proxies": [shown.data] }), shown.blocks));
    }
    let mut who = of.who();
    // Each ztunnel knows all of these; certificates and connections are its own.
    who.one_is_enough = of.node.is_empty() && !matches!(tables, [Certificates] | [Connections]);
    let visited = fleet::ask(ctx, who, |Found { proxies, now, .. }| {
        wanted.now = now;
        wanted.pods = proxies.iter().map(|proxy| proxy.sake_of.clone()).collect();
        wanted.clone()
    })?;
    let answered = many::split(visited)?;
    if !answered.failed.is_empty() {
        ctx.incomplete.set(true);
    }
    Ok(many::report(SCHEMA, answered, machine))
}
