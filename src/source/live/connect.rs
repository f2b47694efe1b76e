//! From the flags and the kubeconfig to a client's configuration. Reads files; calls nobody.

use super::Options;
use super::why::why;
use crate::error::{Error, Kind, Result};
use kube::client::AuthError;
use kube::config::{Config, KubeConfigOptions, Kubeconfig, KubeconfigError};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A server that does not even take the connection is given up after this, so that a person waits less than 5 s.
const CONNECT: Duration = Duration::from_millis(3_500);

/// Where a cluster is and who we are there.
pub struct Target {
    pub name: String,
    /// URL without user info; empty when the kubeconfig names none.
    pub server: String,
    pub user: Option<String>,
    /// The reason when this context can't be used.
    pub config: std::result::Result<Box<Config>, String>,
}

/// The contexts that the flags choose.
pub async fn targets(options: &Options) -> Result<Vec<Target>> {
    if options.impersonate_user.is_none() && !options.impersonate_groups.is_empty() {
        let error = Error::new(Kind::Usage, "--as-group needs --as: the API server takes groups only with a user");
        return Err(error.hint(format!("add --as USER to --as-group {}", options.impersonate_groups.join(" --as-group "))));
    }
    let (files, origin) = files(options, std::env::var_os("KUBECONFIG"), std::env::home_dir());
    let kubeconfig = read(&files)?;
    if kubeconfig.contexts.is_empty() && options.kubeconfig.is_none() {
        let chosen = options.all_contexts || !options.contexts.is_empty();
        if let (false, Ok(config)) = (chosen, Config::incluster()) {
            let server = shown(&config.cluster_url);
            let config = tuned(config, options, None);
            return Ok(vec![Target { name: "in-cluster".to_owned(), server, user: None, config: Ok(Box::new(config)) }]);
        }
    }
    let mut targets = Vec::new();
    for name in chosen(&kubeconfig, &origin, options)? {
        targets.push(target(&kubeconfig, name, options).await);
    }
    Ok(targets)
}

/// The files to read, and how to call them in a message. As kubectl: the flag; else the list in `$KUBECONFIG`, of which
/// files may be missing; else `~/.kube/config`.
fn files(options: &Options, list: Option<OsString>, home: Option<PathBuf>) -> (Vec<PathBuf>, String) {
    if let Some(path) = &options.kubeconfig {
        return (vec![path.clone()], path.display().to_string());
    }
    let listed: Vec<PathBuf> =
        list.map(|list| std::env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()).collect()).unwrap_or_default();
    if !listed.is_empty() {
        let names: Vec<_> = listed.iter().map(|path| path.display().to_string()).collect();
        let there = listed.into_iter().filter(|path| path.exists()).collect();
        return (there, format!("$KUBECONFIG ({})", names.join(", ")));
    }
    let home = home.map(|home| home.join(".kube").join("config")).filter(|path| path.exists());
    (home.into_iter().collect(), "~/.kube/config".to_owned())
}

fn read(files: &[PathBuf]) -> Result<Kubeconfig> {
    let mut merged = Kubeconfig::default();
    for path in files {
        let one = Kubeconfig::read_from(path).map_err(|e| unreadable(path, &e))?;
        merged = merged.merge(one).map_err(|e| unreadable(path, &e))?;
    }
    Ok(merged)
}

fn unreadable(path: &Path, error: &KubeconfigError) -> Error {
    let failed = Error::new(Kind::Input, format!("can't read kubeconfig {}", path.display()));
    match error {
        KubeconfigError::ReadConfig(io, _) if io.kind() == std::io::ErrorKind::NotFound => {
            Error { kind: Kind::NoCluster, ..failed }.cause("there is no such file").hint(DEMO)
        }
        KubeconfigError::ReadConfig(io, _) => failed.because(io),
        // The parser's message quotes the lines around the fault, and those may hold a token: only the place is told.
        KubeconfigError::Parse(bad) => failed.cause(match bad.location() {
            Some(at) => format!("line {}, column {} is not what a kubeconfig holds there", at.line(), at.column()),
            None => "it is not the YAML of a kubeconfig".to_owned(),
        }),
        other => failed.cause(other.to_string()),
    }
}

const DEMO: &str = "to see what meshctl does without a cluster: --from demo";

fn chosen(kubeconfig: &Kubeconfig, origin: &str, options: &Options) -> Result<Vec<String>> {
    let names: Vec<&str> = kubeconfig.contexts.iter().map(|context| context.name.as_str()).collect();
    if names.is_empty() {
        return Err(Error::new(Kind::NoCluster, "no cluster to ask")
            .cause(format!("{origin} names no context, and this is no pod in a cluster"))
            .hint("--kubeconfig FILE names the cluster, --context NAME chooses among several")
            .hint(DEMO));
    }
    if options.all_contexts {
        return Ok(names.into_iter().map(str::to_owned).collect());
    }
    if options.contexts.is_empty() {
        let current = kubeconfig.current_context.as_deref().filter(|name| !name.is_empty());
        let current = current.ok_or_else(|| {
            Error::new(Kind::NoCluster, format!("{origin} has no current context"))
                .hint(format!("choose one: --context {}", nearest("", &names).join(" | ")))
                .hint("or ask all of them: --all-contexts")
        })?;
        return known(current, &names, origin, "current context").map(|name| vec![name]);
    }
    let mut chosen: Vec<String> = Vec::new();
    for name in &options.contexts {
        let name = known(name, &names, origin, "context")?;
        if !chosen.contains(&name) {
            chosen.push(name);
        }
    }
    Ok(chosen)
}

fn known(name: &str, names: &[&str], origin: &str, what: &str) -> Result<String> {
    if names.contains(&name) {
        return Ok(name.to_owned());
    }
    let near = nearest(name, names);
    let more = names.len().saturating_sub(near.len());
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    Err(Error::new(Kind::NoCluster, format!("{what} {name:?} is not in {origin}"))
        .cause(format!("it has: {}{rest}", near.join(", ")))
        .hint(near.first().map(|first| format!("did you mean --context {} ?", crate::error::quoted(first))).unwrap_or_default()))
}

/// Up to ten names, the most similar first.
pub fn nearest<'a>(wanted: &str, names: &[&'a str]) -> Vec<&'a str> {
    let mut sorted = names.to_vec();
    sorted.sort_by_cached_key(|name| (distance(&wanted.to_lowercase(), &name.to_lowercase()), (*name).to_owned()));
    sorted.truncate(10);
    sorted
}

/// Edits between two words, where a part that is contained whole counts as near.
fn distance(a: &str, b: &str) -> usize {
    if !a.is_empty() && (a.contains(b) || b.contains(a)) {
        return 1;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (diagonal + usize::from(x != *y)).min(above + 1).min(row[j] + 1);
            diagonal = above;
        }
    }
    row.last().copied().unwrap_or(0)
}

async fn target(kubeconfig: &Kubeconfig, name: String, options: &Options) -> Target {
    let context = kubeconfig.contexts.iter().find(|c| c.name == name).and_then(|c| c.context.as_ref());
    let cluster = context.and_then(|c| kubeconfig.clusters.iter().find(|named| named.name == c.cluster));
    let cluster = cluster.and_then(|named| named.cluster.as_ref());
    let server = cluster.and_then(|c| c.server.as_deref()).unwrap_or_default();
    let server = server.parse().map(|uri| shown(&uri)).unwrap_or_else(|_| server.to_owned());
    let own_proxy = cluster.and_then(|c| c.proxy_url.as_deref()).is_some_and(|url| !url.is_empty());
    let user = context.and_then(|c| c.user.clone()).filter(|user| !user.is_empty());
    let choice = KubeConfigOptions { context: Some(name.clone()), ..Default::default() };
    let config = match Config::from_custom_kubeconfig(kubeconfig.clone(), &choice).await {
        Ok(config) => Ok(Box::new(tuned(config, options, Some(own_proxy)))),
        Err(KubeconfigError::LoadClusterOfContext(cluster)) => Err(format!("the kubeconfig has no cluster {cluster:?}")),
        Err(error) => Err(error.to_string()),
    };
    Target { name, server, user, config }
}

/// `own_proxy` tells whether a proxy came from the kubeconfig (then it is meant) or from the environment.
fn tuned(mut config: Config, options: &Options, own_proxy: Option<bool>) -> Config {
    config.connect_timeout = Some(CONNECT.min(options.request_timeout));
    // Deadlines and retries are ours: see call.rs.
    config.default_retry = false;
    if let Some(user) = &options.impersonate_user {
        config.auth_info.impersonate = Some(user.clone());
        config.auth_info.impersonate_groups =
            (!options.impersonate_groups.is_empty()).then(|| options.impersonate_groups.clone());
    }
    if own_proxy == Some(false) && config.proxy_url.is_some() {
        // kube compares NO_PROXY with the proxy's own address; what counts is the cluster's.
        let list = ["NO_PROXY", "no_proxy"].into_iter().find_map(std::env::var_os).unwrap_or_default();
        let host = config.cluster_url.host().unwrap_or_default();
        let plain = config.cluster_url.scheme_str() != Some("https");
        if plain || super::no_proxy::covers(&list.to_string_lossy(), host) {
            config.proxy_url = None;
        }
    }
    config
}

/// A URL that may be printed.
pub fn shown(uri: &http::Uri) -> String {
    let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{}://{host}{}", uri.scheme_str().unwrap_or("https"), uri.path().trim_end_matches('/'))
}

/// What to say when the credentials could not be made; `None` if the error is of another kind. A plugin's output is
/// left out, for it may hold the token.
pub fn credentials_words(error: &kube::Error) -> Option<String> {
    let auth = match error {
        kube::Error::Auth(auth) => auth,
        kube::Error::Service(inner) => inner.downcast_ref::<AuthError>()?,
        _ => return None,
    };
    Some(match auth {
        AuthError::AuthExecStart(io) => format!("the credential plugin can't be run: {io}"),
        AuthError::AuthExecRun { out, .. } => {
            let said = String::from_utf8_lossy(&out.stderr);
            let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it says nothing on stderr");
            format!("the credential plugin failed ({}): {}", out.status, last.trim())
        }
        AuthError::AuthExecParse(_) => "the credential plugin's answer is no ExecCredential".to_owned(),
        other => why(other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_first() {
        assert_eq!(nearest("prdo-eu", &["dev", "prod-eu", "prod-us"]), ["prod-eu", "prod-us", "dev"]);
        assert_eq!(nearest("kind", &["minikube", "kind-shop"])[0], "kind-shop");
    }

    #[test]
    fn urls_lose_their_secrets() {
        let uri = "https://me:secret@api.example:6443/k8s/".parse().unwrap();
        assert_eq!(shown(&uri), "https://api.example:6443/k8s");
    }

    #[test]
    fn the_flag_then_the_list_then_home() {
        let dir = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| dir.path().join(name));
        let home = dir.path().join(".kube").join("config");
        std::fs::create_dir(dir.path().join(".kube")).unwrap();
        for path in [&a, &b, &home] {
            std::fs::write(path, "").unwrap();
        }
        let at_home = || Some(dir.path().to_owned());
        let list = std::env::join_paths([&b, &dir.path().join("missing"), &a]).unwrap();
        let flag = Options { kubeconfig: Some(a.clone()), ..Default::default() };
        let none = Options::default();
        assert_eq!(files(&flag, Some(list.clone()), at_home()).0, vec![a.clone()]);
        assert_eq!(files(&none, Some(list), at_home()).0, [b, a], "as listed, without the missing one");
        assert_eq!(files(&none, Some(OsString::new()), at_home()).0, [home]);
        assert!(files(&none, None, None).0.is_empty());
    }

    #[tokio::test]
    async fn a_broken_kubeconfig_is_named_without_quoting_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config");
        std::fs::write(&path, "users:\n- name: me\n  user:\n    token: hunter2\n   clusters: [\n").unwrap();
        let options = Options { kubeconfig: Some(path), request_timeout: CONNECT, ..Default::default() };
        let error = targets(&options).await.err().unwrap();
        let all = format!("{} {:?}", error.message, error.causes);
        assert_eq!(error.kind, Kind::Input);
        assert!(!all.contains("hunter2") && all.contains("line "), "{all}");
    }

    #[tokio::test]
    async fn what_to_do_next() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config");
        let mut options = Options { kubeconfig: Some(path.clone()), request_timeout: CONNECT, ..Default::default() };
        let error = targets(&options).await.err().unwrap();
        assert_eq!((error.kind, error.causes[0].as_str()), (Kind::NoCluster, "there is no such file"));
        let context = |name: &str| format!("- {{name: {name}, context: {{cluster: c, user: u}}}}\n");
        std::fs::write(&path, format!("contexts:\n{}{}", context("staging"), context("production"))).unwrap();
        let error = targets(&options).await.err().unwrap();
        assert!(error.message.ends_with("has no current context"), "{error}");
        options.contexts = vec!["prodution".to_owned()];
        let error = targets(&options).await.err().unwrap();
        assert_eq!(error.causes, ["it has: production, staging"]);
        options.contexts.clear();
        options.impersonate_groups = vec!["ops".to_owned()];
        assert_eq!(targets(&options).await.err().unwrap().kind, Kind::Usage);
    }
}
