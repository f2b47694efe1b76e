//! Completion: the shipped files, and the answers a shell gets.

use crate::meshctl;
use ::meshctl::commands::completions::{Shell, script};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// `MESHCTL_UPDATE=1 cargo test --test it completions` writes the files anew.
#[test]
fn shipped_files_are_fresh() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("completions");
    for shell in Shell::ALL {
        let file = folder.join(shell.file_name());
        let wanted = script(shell).expect("a script");
        if std::env::var_os("MESHCTL_UPDATE").is_some() {
            std::fs::write(&file, &wanted).expect("written");
        }
        let shipped = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(shipped == wanted, "{} is stale: MESHCTL_UPDATE=1 cargo test --test it completions", shell.file_name());
    }
    let files = std::fs::read_dir(&folder).expect("completions/").count();
    assert_eq!(files, Shell::ALL.len(), "completions/ holds generated files only");
}

const KUBECONFIG: &str = "\
apiVersion: v1
kind: Config
current-context: prod
clusters:
- {name: east, cluster: {server: 'http://SERVER'}}
contexts:
- {name: prod, context: {cluster: east, user: me}}
- {name: staging, context: {cluster: east, user: me}}
users:
- {name: me, user: {}}
";

/// As the script in bash asks: the words, and which of them is under the cursor.
fn complete(home: &Path, words: &[&str]) -> Vec<String> {
    let mut command = meshctl(home);
    command.env("COMPLETE", "bash").env("_CLAP_IFS", "\n").env("KUBECONFIG", home.join("kubeconfig"));
    command.env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string()).env("_CLAP_COMPLETE_COMP_TYPE", "9");
    if let Ok(time) = std::fs::read_to_string(home.join("patience")) {
        command.env("MESHCTL_COMPLETION_TIMEOUT", time);
    }
    let output = command.arg("--").args(words).output().expect("meshctl starts");
    assert!(output.stderr.is_empty(), "Tab prints nothing: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").lines().map(str::to_owned).collect()
}

fn home(server: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a folder");
    std::fs::write(home.path().join("kubeconfig"), KUBECONFIG.replace("SERVER", server)).expect("written");
    home
}

#[test]
fn commands_flags_and_values() {
    let home = home("127.0.0.1:1");
    assert_eq!(complete(home.path(), &["meshctl", "an"]), ["analyze"]);
    assert!(complete(home.path(), &["meshctl", "analyze", "--ex"]).contains(&"--explain".to_owned()));
    assert_eq!(complete(home.path(), &["meshctl", "analyze", "-o", "mark"]), ["markdown"]);
    assert!(complete(home.path(), &["meshctl", "analyze", "--from", "de"]).contains(&"demo".to_owned()));
}

#[test]
fn contexts_come_from_the_kubeconfig() {
    let home = home("127.0.0.1:1");
    assert_eq!(complete(home.path(), &["meshctl", "--context", ""]), ["prod", "staging"]);
    assert_eq!(complete(home.path(), &["meshctl", "analyze", "--context", "s"]), ["staging"]);
    // The file on the line wins over the environment's.
    std::fs::write(home.path().join("other"), KUBECONFIG.replace("staging", "sandbox")).expect("written");
    assert_eq!(complete(home.path(), &["meshctl", "-c", "other", "--context", "s"]), ["sandbox"]);
}

#[test]
fn tab_never_hangs_and_never_complains() {
    // Takes connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let home = home(&silent.local_addr().expect("an address").to_string());
    let begin = Instant::now();
    assert!(complete(home.path(), &["meshctl", "-n", ""]).is_empty());
    // 300 ms of ours, and a slow machine's start of a process.
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    std::fs::write(home.path().join("kubeconfig"), "{{{").expect("written");
    assert!(complete(home.path(), &["meshctl", "--context", ""]).is_empty());
}

#[test]
fn an_empty_word_offers_commands_by_name_and_no_flags() {
    let home = home("127.0.0.1:1");
    let commands = complete(home.path(), &["meshctl", ""]);
    assert!(commands.contains(&"proxy-config".to_owned()) && !commands.contains(&"pc".to_owned()), "{commands:?}");
    assert!(!commands.iter().any(|word| word.starts_with('-')), "{commands:?}");
    assert!(complete(home.path(), &["meshctl", "pc", "li"]).contains(&"listener".to_owned()), "an alias is understood");
    assert!(complete(home.path(), &["meshctl", "-"]).contains(&"--from".to_owned()));
    let hidden = complete(home.path(), &["meshctl", "permissions", ""]);
    assert!(hidden.contains(&"analyze".to_owned()) && !hidden.contains(&"--columns".to_owned()), "{hidden:?}");
}

#[test]
fn what_a_person_knows_is_offered_with_its_values() {
    let home = home("127.0.0.1:1");
    assert_eq!(complete(home.path(), &["meshctl", "analyze", "--answer", "on"]), ["oncall=yes", "oncall=no"]);
    assert!(
        complete(home.path(), &["meshctl", "analyze", "--require", "canary,mt"]).contains(&"canary,mtls=identity".to_owned())
    );
    assert_eq!(complete(home.path(), &["meshctl", "snapshot", "info", "de"]), ["demo"]);
}

/// bash splits words at `=` and `:`, and replaces only the last piece.
#[test]
fn bash_itself_completes() {
    let home = home("127.0.0.1:1");
    let file = home.path().join("kubeconfig");
    let contexts = KUBECONFIG.replace("staging", "'arn:aws:eks:1:cluster/blue'").replace("SERVER", "127.0.0.1:1");
    std::fs::write(&file, contexts).expect("written");
    let bin = Path::new(env!("CARGO_BIN_EXE_meshctl")).parent().expect("a folder");
    for (words, cursor, current, wanted) in [
        ("meshctl --context pr", 2, "pr", "prod"),
        ("meshctl --context = pr", 3, "pr", "prod"),
        ("meshctl --context =", 2, "", "prod arn:aws:eks:1:cluster/blue"),
        ("meshctl --context arn : aws : ek", 6, "ek", "eks:1:cluster/blue"),
        ("meshctl analyze -o = js", 4, "js", "json"),
    ] {
        // Pieces are written with a space between them; the line has none around a break.
        let line = words.replace(" = ", "=").replace(" =", "=").replace(" : ", ":");
        let ask = format!(
            "source <(meshctl completions bash); COMP_WORDS=({words}); COMP_CWORD={cursor}; COMP_LINE='{line}'; \
             COMP_POINT=${{#COMP_LINE}}; COMP_TYPE=9; _clap_complete_meshctl meshctl '{current}' x; echo \"${{COMPREPLY[@]}}\""
        );
        let mut bash = Command::new("bash");
        bash.args(["--norc", "-c", &ask]).env_clear().env("HOME", home.path()).env("PATH", bin).env("KUBECONFIG", &file);
        let Ok(output) = bash.output() else { return };
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(said.trim(), wanted, "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// An API server that knows namespaces, and counts how often it is asked for them.
fn api_server() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let count = Arc::clone(&count);
            std::thread::spawn(move || serve(stream, &count));
        }
    });
    (address, asked)
}

fn serve(stream: TcpStream, asked: &AtomicUsize) {
    let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
    while let Some(request) = lines.next() {
        lines.by_ref().take_while(|line| !line.is_empty()).for_each(drop);
        let path = request.split(' ').nth(1).unwrap_or_default();
        let body = match path.split('?').next().unwrap_or_default() {
            "/api/v1/namespaces" => {
                asked.fetch_add(1, Ordering::SeqCst);
                r#"{"kind":"NamespaceList","apiVersion":"v1","metadata":{},"items":[{"metadata":{"name":"shop"}},{"metadata":{"name":"web"}}]}"#
            }
            "/api" => r#"{"kind":"APIVersions","versions":["v1"]}"#,
            "/api/v1" => {
                r#"{"kind":"APIResourceList","groupVersion":"v1","resources":[{"name":"namespaces","singularName":"","namespaced":false,"kind":"Namespace","verbs":["list"]}]}"#
            }
            "/apis" => r#"{"kind":"APIGroupList","apiVersion":"v1","groups":[]}"#,
            _ => r#"{"major":"1","minor":"36","gitVersion":"v1.36.0"}"#,
        };
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
        if (&stream).write_all(format!("{head}{body}").as_bytes()).is_err() {
            return;
        }
    }
}

#[test]
fn namespaces_come_from_the_cluster_and_are_kept() {
    let (address, asked) = api_server();
    let home = home(&address);
    // A busy machine may need more than the deadline, which is another test's.
    std::fs::write(home.path().join("patience"), "60s").expect("written");
    let first = complete(home.path(), &["meshctl", "--context", "prod", "-n", ""]);
    assert_eq!(first, ["shop", "web"]);
    assert_eq!(complete(home.path(), &["meshctl", "--context", "prod", "-n", "w"]), ["web"]);
    assert_eq!(asked.load(Ordering::SeqCst), 1, "the second answer comes from the disk");
}
