//! One integration binary; a file beside this one is a module here.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::print_stderr)]
mod archive;
mod charts;
mod cli;
mod completions;
mod guards;
mod hostile;
mod import;
mod install;
mod live;
mod manifest;
mod meshes;
mod permissions;
mod proxy_config;
mod proxy_status;
mod readme;
mod recorded;
mod systems;
mod version;
mod ztunnel_config;

use std::process::{Command, Output};

/// The binary in an environment of its own: no kubeconfig, no colour, a fixed width.
pub fn meshctl(home: &std::path::Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshctl"));
    command.env_clear().env("HOME", home).env("COLUMNS", "100").current_dir(home).stdin(std::process::Stdio::null());
    command
}

/// Runs it with these words and gives exit code, stdout and stderr.
pub fn run(words: &[&str]) -> (i32, String, String) {
    run_with(words, &[])
}

/// The same with environment variables.
pub fn run_with(words: &[&str], environment: &[(&str, &str)]) -> (i32, String, String) {
    let home = tempfile::tempdir().expect("a folder");
    let output = meshctl(home.path()).args(words).envs(environment.iter().copied()).output().expect("meshctl starts");
    parts(&output)
}

pub fn parts(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}
