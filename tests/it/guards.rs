//! The walls of the house. Each checker is shown something bad first, so that it can be seen to fail.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file by its path from the root, with `/`.
struct File {
    path: String,
    text: String,
}

impl File {
    fn sample(path: &str, text: &str) -> Self {
        File { path: path.to_owned(), text: text.to_owned() }
    }
}

/// Every file under a folder that is text, in a stable order.
fn files(folder: &str) -> Vec<File> {
    fn walk(folder: &Path, all: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() { walk(&path, all) } else { all.push(path) }
        }
    }
    let mut all = Vec::new();
    walk(&root().join(folder), &mut all);
    all.sort();
    let name = |path: &Path| path.strip_prefix(root()).unwrap_or(path).to_string_lossy().replace('\\', "/");
    all.iter().filter_map(|path| Some(File { path: name(path), text: fs::read_to_string(path).ok()? })).collect()
}

fn sources() -> Vec<File> {
    let mut all = files("src");
    all.retain(|file| file.path.ends_with(".rs"));
    assert!(all.len() > 20, "the walk found too little");
    all
}

/// The lines that are code: no comment, and nothing after the tests begin.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(i, line)| (i + 1, line));
    let before_tests = lines.take_while(|(_, line)| !line.starts_with("#[cfg(test)]"));
    before_tests.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Test files beside the code are called `tests.rs`, or `proptests.rs`.
fn is_test(file: &File) -> bool {
    file.path.ends_with("tests.rs") || file.path.contains("/tests/")
}

fn is_in(file: &File, rooms: &[&str]) -> bool {
    rooms.iter().any(|room| file.path == *room || (room.ends_with('/') && file.path.starts_with(room)))
}

/// Where code of these files says one of these words.
fn saying(files: &[File], words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| !is_test(file)) {
        for (number, line) in code(&file.text) {
            if let Some(word) = words.iter().find(|word| line.contains(**word)) {
                found.push(format!("{}:{number} says {word}", file.path));
            }
        }
    }
    found
}

fn nothing(found: Vec<String>) {
    assert!(found.is_empty(), "{}", found.join("\n"));
}

const PURE: &[&str] = &[
    "src/model/",
    "src/analysis/",
    "src/mesh/",
    "src/render/",
    "src/kubernetes/",
    "src/facts/",
    "src/envoy/",
    "src/charts/",
    "src/report.rs",
];
const IMPURE: &[&str] = &[
    "kube::",
    "tokio",
    "std::fs",
    "std::env",
    "std::net",
    "reqwest",
    "SystemTime",
    "Timestamp::now",
    "Zoned::now",
    "Instant::now",
];

#[test]
fn pure_rooms_do_no_io() {
    assert_eq!(saying(&[File::sample("src/model/x.rs", "use kube::Client;")], IMPURE).len(), 1);
    assert!(saying(&[File::sample("src/model/x.rs", "/// Not `kube::Client`.")], IMPURE).is_empty());
    let mut pure = sources();
    pure.retain(|file| is_in(file, PURE));
    nothing(saying(&pure, IMPURE));
}

#[test]
fn tables_and_colours_live_in_render() {
    const DRAWING: &[&str] = &["comfy_table", "colored::", "indicatif", "serde_yaml", "terminal_size::"];
    assert_eq!(saying(&[File::sample("src/cli.rs", "use comfy_table::Table;")], DRAWING).len(), 1);
    let mut others = sources();
    others.retain(|file| !is_in(file, &["src/render/", "src/ui.rs", "src/ui/"]));
    nothing(saying(&others, DRAWING));
}

/// Nothing outside `mesh/<name>` says a mesh's name in code. Comments may: they explain.
#[test]
fn only_a_mesh_says_its_name() {
    let names: Vec<&str> = ::meshctl::mesh::MESHES.iter().map(|mesh| mesh.id()).collect();
    let found = |files: &[File]| {
        let lower: Vec<File> = files.iter().map(|file| File::sample(&file.path, &file.text.to_lowercase())).collect();
        saying(&lower, &names)
    };
    assert_eq!(found(&[File::sample("src/model/x.rs", "if name == \"Istio\" {")]).len(), 1);
    // Exactly these may: the table of kinds (it names API groups), the registry, and the table of network plugins (a
    // plugin is recognised whether or not its mesh is in use, and kube-proxy's absence is judged by it).
    let allowed = ["src/facts/kinds.rs", "src/mesh/mod.rs", "src/kubernetes/plugins.rs"];
    let mut neutral = sources();
    neutral.retain(|file| is_in(file, PURE) && !allowed.contains(&file.path.as_str()));
    neutral.retain(|file| !names.iter().any(|name| file.path.starts_with(&format!("src/mesh/{name}"))));
    nothing(found(&neutral));
}

/// Files of a folder that its registry doesn't declare as a module.
fn undeclared(registry: &str, names: &[&str]) -> Vec<String> {
    let declared = |name: &str| registry.lines().any(|line| line == format!("mod {name};") || line == format!("pub mod {name};"));
    names.iter().filter(|name| !declared(name)).map(|name| format!("{name} is not declared")).collect()
}

#[test]
fn no_file_is_forgotten() {
    assert_eq!(undeclared("mod a;\n// mod b;\n", &["a", "b"]), ["b is not declared"]);
    for (folder, registry) in [("tests/it", "main"), ("src/commands", "mod"), ("src/render", "mod"), ("src/mesh", "mod")] {
        let text = fs::read_to_string(root().join(folder).join(format!("{registry}.rs"))).expect("the registry");
        let all = files(folder);
        let inside = all.iter().filter_map(|file| file.path.strip_prefix(&format!("{folder}/")));
        let names: Vec<&str> =
            inside.filter_map(|name| name.strip_suffix(".rs")).filter(|name| !name.contains('/') && *name != registry).collect();
        nothing(undeclared(&text, &names));
    }
}

/// Command files that the command line doesn't know: `x.rs` with `XArgs` and no variant that holds it.
fn unreachable(registry: &str, files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        let name = file.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
        let is_command = file.text.contains("pub fn run(");
        if is_command && !registry.contains(&format!("({name}::")) {
            found.push(format!("{} is no variant of Command", file.path));
        }
    }
    found
}

#[test]
fn every_command_is_registered() {
    let sample = [File::sample("src/commands/lost.rs", "pub fn run(ctx: &Ctx) {}")];
    assert_eq!(unreachable("Analyze(analyze::AnalyzeArgs),", &sample).len(), 1);
    let registry = fs::read_to_string(root().join("src/commands/mod.rs")).expect("the registry");
    let mut commands = sources();
    commands.retain(|file| {
        file.path.starts_with("src/commands/") && file.path.matches('/').count() == 2 && !file.path.ends_with("mod.rs")
    });
    nothing(unreachable(&registry, &commands));
}

fn too_long(files: &[File]) -> Vec<String> {
    let long = files.iter().filter(|file| file.text.lines().count() > 500);
    long.map(|file| format!("{} has {} lines; split it", file.path, file.text.lines().count())).collect()
}

#[test]
fn no_file_grows_without_a_wall() {
    assert_eq!(too_long(&[File::sample("src/util.rs", &"\n".repeat(501))]).len(), 1);
    nothing(too_long(&sources()));
    const RUBBISH: &[&str] = &["util", "utils", "helpers", "common", "misc"];
    let name = |file: &File| file.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned();
    let bad = sources().into_iter().filter(|file| RUBBISH.contains(&name(file).as_str()));
    nothing(bad.map(|file| format!("{}: say what is in it", file.path)).collect());
}

/// Paths of somebody's machine.
fn machine_paths(files: &[File]) -> Vec<String> {
    const MARKS: &[&str] = &["/home/", "/Users/", "/root/", "C:\\Users\\", "/work/", "/tmp/wt"];
    let mut found = Vec::new();
    // This file names them.
    for file in files.iter().filter(|file| file.path != "tests/it/guards.rs") {
        for (i, line) in file.text.lines().enumerate() {
            if let Some(mark) = MARKS.iter().find(|mark| line.contains(**mark)) {
                found.push(format!("{}:{} holds {mark}", file.path, i + 1));
            }
        }
    }
    found
}

#[test]
fn no_path_of_a_machine() {
    assert_eq!(machine_paths(&[File::sample("README.md", "cd /home/ann/meshctl")]).len(), 1);
    let mut all: Vec<File> = ["src", "tests/it", "completions"].into_iter().flat_map(files).collect();
    for name in ["Cargo.toml", "clippy.toml", "deny.toml", "README.md"] {
        all.extend(fs::read_to_string(root().join(name)).map(|text| File::sample(name, &text)));
    }
    nothing(machine_paths(&all));
}
