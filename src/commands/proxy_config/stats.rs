//! `proxy-config stats`: what a proxy counts, of itself and of its upstream hosts.

use super::many::{self, Answered, Kept};
use super::questions::Shown;
use super::who::WhoArgs;
use crate::cli::Ctx;
use crate::commands::fleet;
use crate::error::{Error, Kind, Result};
use crate::facts::Outcome;
use crate::render::Format;
use crate::report::{Block, Column, Line, Report, Span, Table, Tone};
use crate::source::file;
use crate::source::visit::{Answers, Questions};
use clap::{Args, ValueEnum};
use regex::Regex;
use serde_json::{Map, Value, json};

const SCHEMA: &str = "meshctl/proxy-stats/v1";

pub const EXAMPLES: &str = "\
Examples:
  meshctl proxy-config stats web-7d9f.shop --filter upstream_rq_5xx
  meshctl proxy-config stats deploy/web.shop --filter 'rq_(4|5)xx'
  meshctl proxy-config stats web-7d9f.shop --type clusters --filter cart
  meshctl proxy-config stats web-7d9f.shop -o prom                  as Prometheus scrapes it
  meshctl proxy-config stats -f stats.txt --used";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Of {
    /// Counters, gauges and histograms of the proxy
    Server,
    /// Upstream hosts, as `/clusters` tells them
    #[value(alias = "cluster")]
    Clusters,
}

#[derive(Args, Clone, Debug)]
pub struct StatsArgs {
    #[command(flatten)]
    pub who: WhoArgs,
    /// What is counted
    #[arg(short = 't', long = "type", value_name = "TYPE", default_value = "server")]
    pub of: Of,
    /// Only names with this in them: a text, a regular expression as Envoy's own filter takes, or a glob with `*`
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub filter: String,
    /// Only what is not zero
    #[arg(long)]
    pub used: bool,
}

/// One thing that is counted.
struct Stat {
    /// Of a host: its cluster and address.
    host: Option<(String, String)>,
    name: String,
    value: String,
}

struct Ask {
    of: Of,
    filter: Filter,
    used: bool,
    form: Form,
    /// Given on as it came.
    printed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// As an Envoy prints it for people.
    Own,
    /// Metrics as Prometheus scrapes them, of what has no other form.
    Scraped,
    /// The same of an Envoy.
    Prometheus,
}

/// A text counts as such wherever it stands somewhere: names of clusters are full of `|` and `.`. Otherwise it is a
/// pattern.
#[derive(Clone)]
struct Filter {
    text: String,
    pattern: Option<Regex>,
}

impl Filter {
    fn new(text: &str) -> Result<Self> {
        let glob = || -> std::result::Result<Regex, regex::Error> {
            let parts: Vec<String> = text.split('*').map(regex::escape).collect();
            Regex::new(&format!("^{}$", parts.join(".*")))
        };
        let pattern = match Regex::new(text) {
            Ok(pattern) => pattern,
            Err(_) if text.contains('*') && !text.contains(['(', '[', '\\']) => {
                glob().map_err(|e| Error::new(Kind::Usage, format!("{text:?} is no pattern")).because(&e))?
            }
            Err(error) => {
                return Err(Error::new(Kind::Usage, format!("--filter {text:?} is no regular expression")).because(&error));
            }
        };
        // One that fits everything, as `a||b` does, was not meant as a pattern.
        Ok(Filter { text: text.to_owned(), pattern: Some(pattern).filter(|pattern| !pattern.is_match("")) })
    }

    /// What to compare with, given all there is.
    fn among<'f>(&'f self, all: &[Stat]) -> impl Fn(&Stat) -> bool + 'f {
        let within = |stat: &Stat, fits: &dyn Fn(&str) -> bool| {
            fits(&stat.name) || stat.host.as_ref().is_some_and(|(cluster, host)| fits(cluster) || fits(host))
        };
        let literal = |text: &str| text.contains(&self.text);
        let found = all.iter().any(|stat| within(stat, &literal));
        move |stat| match &self.pattern {
            Some(pattern) if !found => within(stat, &|text| pattern.is_match(text)),
            _ => within(stat, &literal),
        }
    }
}

impl Questions for Ask {
    type Made = std::result::Result<Shown, String>;

    fn next(&self, _: usize, known: &Answers) -> Vec<String> {
        let path = match (self.form, self.of) {
            (Form::Scraped, _) => "metrics",
            (Form::Prometheus, _) => "stats/prometheus",
            (Form::Own, Of::Server) => "stats",
            (Form::Own, Of::Clusters) => "clusters",
        };
        if known.is_empty() { vec![path.to_owned()] } else { Vec::new() }
    }

    fn done(&self, _: usize, known: Answers) -> Self::Made {
        match known.into_iter().next().map(|(_, answer)| (answer.outcome, answer.partial)) {
            Some((Outcome::Bytes(bytes), partial)) => Ok(Shown { faults: partial.into_iter().collect(), ..self.shown(&bytes)? }),
            Some((other, _)) => Err(other.why().to_owned()),
            None => Err("it was not asked".to_owned()),
        }
    }
}

impl Ask {
    fn shown(&self, bytes: &[u8]) -> std::result::Result<Shown, String> {
        let text = String::from_utf8_lossy(bytes);
        if text.trim_start().starts_with(['<', '{']) {
            return Err(format!("it is not the text form of {}", if self.of == Of::Server { "stats" } else { "clusters" }));
        }
        let read = |line| match (self.form, self.of) {
            (Form::Scraped | Form::Prometheus, _) => scraped(line),
            (Form::Own, Of::Server) => server(line),
            (Form::Own, Of::Clusters) => host(line),
        };
        let mut all: Vec<Stat> = text.lines().filter_map(read).collect();
        let fits = self.filter.among(&all);
        let kept = |stat: &Stat| fits(stat) && !(self.used && matches!(stat.value.as_str(), "0" | "" | "No recorded values"));
        if self.printed {
            return Ok(Shown { blocks: vec![Block::Code(exposed(&text, &kept)?)], ..shown(&[]) });
        }
        all.retain(kept);
        Ok(shown(&all))
    }
}

/// `cluster.web.upstream_rq_total: 7`.
fn server(line: &str) -> Option<Stat> {
    let (name, value) = line.split_once(": ")?;
    Some(Stat { host: None, name: name.to_owned(), value: value.to_owned() })
}

/// `request_total{direction="inbound"} 7`
fn scraped(line: &str) -> Option<Stat> {
    let (name, value) = line.rsplit_once(' ').filter(|_| !line.starts_with('#'))?;
    Some(Stat { host: None, name: name.to_owned(), value: value.to_owned() })
}

/// `web::10.0.0.1:80::rq_total::7`, or without the host for the cluster itself. Names of clusters hold no `::`, but
/// addresses of version 6 do.
fn host(line: &str) -> Option<Stat> {
    let (cluster, rest) = line.split_once("::")?;
    let (rest, value) = rest.rsplit_once("::")?;
    let (host, name) = rest.rsplit_once("::").unwrap_or(("", rest));
    Some(Stat { host: Some((cluster.to_owned(), host.to_owned())), name: name.to_owned(), value: value.to_owned() })
}

/// The lines that are meant, with what is said of their metric before them.
fn exposed(text: &str, kept: &impl Fn(&Stat) -> bool) -> std::result::Result<String, String> {
    let (mut out, mut heads, mut counted) = (String::with_capacity(text.len()), Vec::new(), false);
    for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        if line.starts_with('#') {
            if std::mem::take(&mut counted) {
                heads.clear();
            }
            heads.push(line);
            continue;
        }
        counted = true;
        let stat = scraped(line).filter(|stat| stat.value.parse::<f64>().is_ok() && !stat.name.ends_with(':'));
        let stat = stat.ok_or("it is not what Prometheus scrapes")?;
        if kept(&stat) {
            heads.drain(..).chain([line]).for_each(|line| {
                out.push_str(line);
                out.push('\n');
            });
        }
    }
    Ok(out)
}

fn shown(stats: &[Stat]) -> Shown {
    let cell = |text: &str| -> Line { vec![Span::new(text, Tone::Plain)] };
    let hosts = stats.iter().any(|stat| stat.host.is_some());
    let mut columns = vec![Column::new("STAT"), Column::new("VALUE")];
    if hosts {
        columns.splice(0..0, [Column::new("CLUSTER"), Column::new("HOST")]);
    }
    let row = |stat: &Stat| {
        let host = stat.host.iter().flat_map(|(cluster, host)| [cell(cluster), cell(host)]);
        host.chain([cell(&stat.name), cell(&stat.value)]).collect()
    };
    let table = Table { columns, rows: stats.iter().map(row).collect() };
    let none = || Block::Paragraph(vec![Span::new("nothing of that name is counted", Tone::Dim)]);
    let number = |text: &str| text.parse::<u64>().map_or_else(|_| Value::from(text), Value::from);
    let data: Vec<Value> = stats
        .iter()
        .map(|stat| {
            let mut one = Map::new();
            if let Some((cluster, host)) = &stat.host {
                one.insert("cluster".to_owned(), cluster.as_str().into());
                one.insert("host".to_owned(), host.as_str().into());
            }
            one.insert("name".to_owned(), stat.name.as_str().into());
            one.insert("value".to_owned(), number(&stat.value));
            Value::Object(one)
        })
        .collect();
    Shown {
        blocks: vec![if table.rows.is_empty() { none() } else { Block::Table(table) }],
        findings: Vec::new(),
        faults: Vec::new(),
        data: Kept::of(&json!({ "stats": data })),
        worst: None,
    }
}

pub fn run(ctx: &Ctx, args: &StatsArgs) -> Result<Report> {
    let filter = Filter::new(&args.filter)?;
    let printed = ctx.global.output == Format::Prom;
    if printed && args.of == Of::Clusters {
        return Err(Error::new(Kind::Usage, "Prometheus scrapes no hosts: -o prom is not for --type clusters")
            .hint("-o json is another form for programs"));
    }
    let form = if printed { Form::Prometheus } else { Form::Own };
    let ask = || Ask { of: args.of, filter: filter.clone(), used: args.used, form, printed };
    let machine = matches!(ctx.global.output, Format::Json | Format::Yaml);
    let path = args.who.file.as_str();
    if !path.is_empty() {
        let shown = ask().shown(&file::read(path)?);
        let shown = shown.map_err(|why| {
            let page = if printed { "stats/prometheus" } else { "stats" };
            let made = format!("curl -s localhost:15000/{page} > stats.txt makes it");
            Error::new(Kind::Input, format!("can't use {path}: {why}")).hint(made)
        })?;
        let data = json!({ "proxies": [shown.data] });
        return Ok(Report::new(SCHEMA, &data, shown.blocks));
    }
    args.who.pods.nonempty(ctx)?;
    let mut visited = fleet::ask(ctx, args.who.pods.proxies(), |_| ask())?;
    if args.of == Of::Server {
        let others = std::mem::take(&mut visited.others);
        visited.proxies.extend(fleet::visit_others(&others, |_| Ask { form: Form::Scraped, ..ask() })?);
    }
    let mut answered: Answered<Shown> = many::split(visited)?;
    if let [_, _, ..] = answered.good.as_slice() {
        for (proxy, shown) in &mut answered.good {
            let whose = |block: &mut Block| {
                if let Block::Code(text) = block {
                    text.insert_str(0, &format!("# proxy {}\n", proxy.name()));
                }
            };
            shown.blocks.iter_mut().for_each(whose);
        }
    }
    if !answered.failed.is_empty() {
        ctx.incomplete.set(true);
    }
    Ok(many::report(SCHEMA, answered, machine))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(of: Of, filter: &str, used: bool, text: &str) -> Vec<String> {
        let shown = Ask { of, filter: Filter::new(filter).expect("a filter"), used, form: Form::Own, printed: false }
            .shown(text.as_bytes())
            .expect("stats");
        let Some(Block::Table(table)) = shown.blocks.into_iter().next() else { return Vec::new() };
        table.rows.iter().map(|row| row.iter().map(|cell| cell[0].text.clone()).collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn both_forms() {
        let stats = "cluster.web.rq: 7\ncluster.web.cx: 0\nlds.version_text: \"x: y\"\n";
        assert_eq!(texts(Of::Server, "web", true, stats), ["cluster.web.rq 7"]);
        let clusters =
            "web::added_via_api::true\nweb::10.0.0.1:80::rq_total::7\nweb::[::1]:80::rq_total::8\ndb::10.0.0.2:1::rq_total::9\n";
        assert_eq!(
            texts(Of::Clusters, "web", false, clusters),
            ["web  added_via_api true", "web 10.0.0.1:80 rq_total 7", "web [::1]:80 rq_total 8"]
        );
    }

    #[test]
    fn a_filter_is_a_text_a_regular_expression_or_a_glob() {
        let stats = "cluster.outbound|80||web.rq_5xx: 1\ncluster.outbound|80||db.rq_4xx: 2\nserver.live: 1\n";
        let found = |filter| texts(Of::Server, filter, false, stats).len();
        assert_eq!((found(""), found("rq_"), found("outbound|80||web"), found("cluster.outbound")), (3, 2, 1, 2));
        assert_eq!((found("rq_[45]xx"), found("5xx|live"), found("^server"), found("80..db")), (2, 2, 1, 1));
        assert_eq!((found("*.rq_5xx"), found("*live"), found("*rq"), found("outbound|80||shop")), (1, 1, 0, 0));
        assert!(Filter::new("rq_(").is_err());
    }

    #[test]
    fn another_answer_is_refused() {
        for wrong in ["<html>", "{\"stats\":[]}"] {
            let filter = Filter::new("").expect("none");
            let ask = Ask { of: Of::Server, filter, used: false, form: Form::Own, printed: false };
            assert!(ask.shown(wrong.as_bytes()).is_err());
        }
    }

    #[test]
    fn what_prometheus_scrapes_is_given_on_line_by_line() {
        let text = "# HELP a_rq Requests.\n# TYPE a_rq counter\na_rq{c=\"x y\"} 7\na_rq{c=\"z\"} 0\n\n# TYPE b_cx gauge\nb_cx{} 1.5\n# EOF\n";
        let given = |filter: &str, used: bool, text: &str| {
            let filter = Filter::new(filter).expect("a filter");
            let ask = Ask { of: Of::Server, filter, used, form: Form::Prometheus, printed: true };
            ask.shown(text.as_bytes()).map(|shown| match shown.blocks.into_iter().next() {
                Some(Block::Code(text)) => text,
                other => panic!("{other:?}"),
            })
        };
        let a = "# HELP a_rq Requests.\n# TYPE a_rq counter\na_rq{c=\"x y\"} 7\n";
        assert_eq!(given("", false, text), Ok(format!("{a}a_rq{{c=\"z\"}} 0\n# TYPE b_cx gauge\nb_cx{{}} 1.5\n")));
        assert_eq!(given("", true, text), Ok(format!("{a}# TYPE b_cx gauge\nb_cx{{}} 1.5\n")));
        assert_eq!(given("b_", false, text).as_deref(), Ok("# TYPE b_cx gauge\nb_cx{} 1.5\n"));
        assert_eq!(given("x y", false, text).as_deref(), Ok(a));
        assert!(given("", false, "cluster.web.rq: 7\n").is_err() && given("", false, "<html>").is_err());
    }
}
