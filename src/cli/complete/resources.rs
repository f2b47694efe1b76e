//! Names of what a proxy has, asked of the proxy, the recording or the file that stands on the command line.

use super::deadline;
use crate::cli::{ColorWhen, Ctx, Global};
use crate::commands::fleet::{self, Who};
use crate::commands::proxy_config::as_text;
use crate::commands::proxy_config::conversation::Wanted;
use crate::envoy::ask::{Piece, compose};
use crate::envoy::hosts::Hosts;
use crate::envoy::name::NameParts;
use crate::envoy::{Dump, List, Section, Want};
use crate::facts::Outcome;
use crate::mesh;
use crate::source::file;
use crate::source::visit::{Answers, Questions};
use clap::ArgMatches;
use std::collections::BTreeSet;
use std::ffi::OsString;

/// What a flag of proxy-config filters by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Hosts of clusters.
    Fqdn,
    Subset,
    /// Ports in the names of clusters.
    ClusterPort,
    /// Whole names of clusters.
    Cluster,
    Route,
    ListenerAddress,
    ListenerPort,
}

/// Whose names are meant, as far as the line says.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    pods: Vec<String>,
    file: String,
    from: Option<String>,
    context: Vec<String>,
    kubeconfig: Option<std::path::PathBuf>,
    namespace: Option<String>,
    port: Option<u16>,
}

impl Line {
    /// The words that the shell passed, read by the definition of the command line; they are not finished yet.
    pub fn read() -> Option<Self> {
        Line::parse(std::env::args_os().skip_while(|word| word != "--").skip(1).collect())
    }

    fn parse(words: Vec<OsString>) -> Option<Self> {
        let all = crate::cli::command().ignore_errors(true).try_get_matches_from(words).ok()?;
        let mut matches = &all;
        while let Some((_, deeper)) = matches.subcommand() {
            matches = deeper;
        }
        let text = |id: &str| one::<String>(matches, id);
        Some(Line {
            pods: many(matches, "pods"),
            file: text("file").unwrap_or_default(),
            // A context that is typed beats a recording that the environment names.
            from: text("from").filter(|from| !from.is_empty() && !matches.contains_id("context")),
            context: many(matches, "context"),
            kubeconfig: one(matches, "kubeconfig"),
            namespace: text("namespace"),
            port: one(matches, "proxy_admin_port"),
        })
    }
}

fn one<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, id: &str) -> Option<T> {
    matches.try_get_one::<T>(id).ok()?.cloned()
}

fn many(matches: &ArgMatches, id: &str) -> Vec<String> {
    matches.try_get_many::<String>(id).ok().flatten().into_iter().flatten().cloned().collect()
}

impl Names {
    fn section(self) -> Section {
        match self {
            Names::Fqdn | Names::Subset | Names::ClusterPort | Names::Cluster => Section::Clusters,
            Names::Route => Section::Routes,
            Names::ListenerAddress | Names::ListenerPort => Section::Listeners,
        }
    }

    /// The names alone, which is a small part of what a proxy could tell. Addresses of listeners are not in their names.
    fn mask(self) -> Option<&'static str> {
        match self.section() {
            Section::Clusters => Some("cluster.name"),
            Section::Routes => Some("route_config.name"),
            _ => None,
        }
    }

    fn path(self, list: &List) -> String {
        match self.mask() {
            Some(mask) => format!("config_dump?resource={}&mask={mask}", list.name),
            None => list.path(),
        }
    }

    pub fn of_dump(self, dump: &Dump<'_>) -> BTreeSet<String> {
        let clusters = dump.clusters.iter().map(|one| &*one.value.name);
        let of = |name| NameParts::of(name, mesh::cluster_names());
        let parts = || clusters.clone().filter_map(of);
        let texts: BTreeSet<String> = match self {
            Names::Fqdn => clusters.map(|name| of(name).map_or(name, |parts| parts.host).to_owned()).collect(),
            Names::Subset => parts().map(|parts| parts.subset.to_owned()).collect(),
            Names::ClusterPort => parts().filter_map(|parts| Some(parts.port?.to_string())).collect(),
            Names::Cluster => clusters.map(str::to_owned).collect(),
            Names::Route => dump.routes.iter().map(|one| one.value.name.to_string()).collect(),
            Names::ListenerAddress => dump.listeners.iter().map(|one| one.value.address.name().into_owned()).collect(),
            Names::ListenerPort => dump.listeners.iter().map(|one| one.value.address.port().to_string()).collect(),
        };
        texts.into_iter().filter(|text| !text.is_empty() && text != "0").collect()
    }

    fn of_text(self, text: &str) -> BTreeSet<String> {
        let sections = [self.section()];
        match (Dump::read(text, Want { sections: &sections, raw: false }), self) {
            (Ok(dump), _) => self.of_dump(&dump),
            // The answer that `endpoint` reads has the names of clusters too.
            (Err(_), Names::Cluster) => {
                let hosts = Hosts::read(text, false).unwrap_or_default();
                hosts.clusters.iter().map(|cluster| cluster.name.to_string()).collect()
            }
            (Err(_), _) => BTreeSet::new(),
        }
    }
}

/// Names alone of a live proxy; of a recording, its whole dump.
struct Ask {
    names: Names,
    wanted: Wanted,
}

impl Questions for Ask {
    type Made = BTreeSet<String>;

    fn next(&self, _: usize, known: &Answers) -> Vec<String> {
        match self.wanted.live {
            true if known.is_empty() => self.names.section().lists().map(|list| self.names.path(&list)).collect(),
            true => Vec::new(),
            false => self.wanted.next(known),
        }
    }

    fn done(&self, _: usize, known: Answers) -> BTreeSet<String> {
        if !self.wanted.live {
            return self.wanted.came(&known).map(|came| self.names.of_text(&as_text(&came.bytes).0)).unwrap_or_default();
        }
        let lists = self.names.section().lists();
        let texts: Vec<(List, String)> = lists
            .filter_map(|list| match &known.iter().find(|(path, _)| *path == self.names.path(&list))?.1.outcome {
                Outcome::Bytes(bytes) => Some((list, as_text(bytes).0.into_owned())),
                _ => None,
            })
            .collect();
        let pieces: Vec<Piece<'_>> = texts.iter().map(|(list, text)| Piece::List(*list, text)).collect();
        self.names.of_text(&compose(&pieces).0)
    }
}

/// `None` if nobody is named, or nobody answers.
pub fn ask(names: Names, line: &Line) -> Option<Vec<String>> {
    if !line.file.is_empty() {
        // stdin is the shell's.
        let bytes = (line.file != "-").then(|| file::read(&line.file).ok()).flatten()?;
        return Some(names.of_text(&as_text(&bytes).0).into_iter().collect());
    }
    let pod = line.pods.first().filter(|pod| !pod.is_empty())?;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut global = Global::for_errors(ColorWhen::Never);
    global.quiet = true;
    global.request_timeout = deadline();
    global.from.clone_from(&line.from);
    global.context.clone_from(&line.context);
    global.kubeconfig.clone_from(&line.kubeconfig);
    global.namespace.clone_from(&line.namespace);
    let ctx = Ctx::new(global);
    let pods = [pod.clone()];
    let visited = fleet::ask(&ctx, Who { names: &pods, port: line.port, ..Who::envoys() }, |found| Ask {
        names,
        wanted: Wanted { sections: vec![names.section()], whole: false, live: found.live },
    });
    let all: BTreeSet<String> = visited.ok()?.proxies.into_iter().flat_map(|(_, names)| names).collect();
    (!all.is_empty()).then(|| all.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line::parse(text.split(' ').map(OsString::from).collect()).expect("a line")
    }

    #[test]
    fn an_unfinished_line_says_whose_names_are_meant() {
        let live = line("meshctl --context prod pc cluster web-1.shop -n shop --fqdn ");
        assert_eq!(
            (live.pods, live.context, live.namespace.as_deref()),
            (vec!["web-1.shop".into()], vec!["prod".into()], Some("shop"))
        );
        let of_file = line("meshctl proxy-config route -f dump.json --name 8");
        assert_eq!((of_file.file.as_str(), of_file.pods.len()), ("dump.json", 0));
        let recorded = line("meshctl pc endpoint --from shop.tar.zst deploy/web.shop --cluster");
        assert_eq!((recorded.from.as_deref(), recorded.pods[0].as_str()), (Some("shop.tar.zst"), "deploy/web.shop"));
    }

    #[test]
    fn names_of_a_dump() {
        let text = r#"{"configs":[{"static_clusters":[{"cluster":{"name":"agent"}}],"dynamic_active_clusters":[
            {"cluster":{"name":"outbound|80|v1|web.shop.svc"}},{"cluster":{"name":"outbound|443||web.shop.svc"}}]},
            {"dynamic_route_configs":[{"route_config":{"name":"80"}}]},
            {"dynamic_listeners":[{"name":"l","active_state":{"listener":{"address":{"socket_address":{"address":"0.0.0.0","port_value":15006}}}}}]}]}"#;
        let told = |names: Names| names.of_text(text).into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(told(Names::Fqdn), "agent web.shop.svc");
        assert_eq!(told(Names::Subset), "v1");
        assert_eq!(told(Names::ClusterPort), "443 80");
        let hosts = Names::Cluster.of_text(r#"{"cluster_statuses":[{"name":"a|b"}]}"#);
        assert_eq!(hosts.into_iter().collect::<Vec<_>>(), ["a|b"]);
        assert_eq!(told(Names::Cluster), "agent outbound|443||web.shop.svc outbound|80|v1|web.shop.svc");
        assert_eq!(
            (told(Names::Route), told(Names::ListenerAddress), told(Names::ListenerPort)),
            ("80".into(), "0.0.0.0".into(), "15006".into())
        );
    }
}
