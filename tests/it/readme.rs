//! The README tells the truth: its screen is what the program prints, its command table is what the program has.
//! `MESHCTL_UPDATE=1 cargo test` writes both anew.

use clap::CommandFactory;
use std::path::Path;

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<(usize, usize, &'a str)> {
    let from = text.find(start)? + start.len();
    let to = from + text[from..].find(end)?;
    Some((from, to, &text[from..to]))
}

fn check(start: &str, end: &str, truth: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).expect("README.md");
    let (from, to, told) = between(&readme, start, end).expect("the README's markers");
    if told != truth && std::env::var_os("MESHCTL_UPDATE").is_some() {
        std::fs::write(&path, format!("{}{truth}{}", &readme[..from], &readme[to..])).expect("README.md is written");
        return;
    }
    assert_eq!(told, truth, "README.md is stale; MESHCTL_UPDATE=1 cargo test --test it readme -- --test-threads=1");
}

#[test]
fn the_screen_is_what_the_program_prints() {
    let (code, stdout, _) = crate::run(&["analyze", "--from", "demo"]);
    assert_eq!(code, 0);
    check("<!-- screen: analyze --from demo -->\n```text\n", "```\n", &stdout);
}

#[test]
fn the_commands_are_those_of_the_program() {
    let mut table = String::from("| command | does |\n|---|---|\n");
    fn rows(table: &mut String, path: &str, command: &clap::Command) {
        for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help") {
            let path = format!("{path} {}", sub.get_name());
            if sub.get_subcommands().any(|below| !below.is_hide_set() && below.get_name() != "help") {
                rows(table, &path, sub);
            } else {
                table.push_str(&format!("| `{path}` | {} |\n", sub.get_about().map(ToString::to_string).unwrap_or_default()));
            }
        }
    }
    rows(&mut table, "meshctl", &meshctl::cli::Cli::command());
    check("<!-- commands -->\n\n", "\nWhere from:", &table);
}
