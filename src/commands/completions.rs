//! `meshctl completions`: the script that makes the shell ask us.

use crate::cli::complete;
use crate::error::{Error, Kind, Result};
use crate::report::{Block, Report};
use clap::{Args, ValueEnum};
use serde_json::json;

const EXAMPLES: &str = "\
Examples:
  source <(meshctl completions bash)                                  # in ~/.bashrc
  source <(meshctl completions zsh)                                   # in ~/.zshrc, after compinit
  meshctl completions fish > ~/.config/fish/completions/meshctl.fish
  eval (meshctl completions elvish | slurp)                           # in rc.elv
  meshctl completions powershell | Out-String | Invoke-Expression     # in $PROFILE

The script asks meshctl at every Tab, so contexts and namespaces are those of the cluster at hand
(at most 300 ms, then nothing; answers are kept for 10 s). MESHCTL_COMPLETION_TIMEOUT=1s waits longer.";

/// Print the script that completes commands, flags and names in a shell
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
    Elvish,
    Powershell,
}

impl Shell {
    pub const ALL: [Shell; 5] = [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish, Shell::Powershell];

    pub fn name(self) -> &'static str {
        match self {
            Shell::Bash => "bash",
            Shell::Zsh => "zsh",
            Shell::Fish => "fish",
            Shell::Elvish => "elvish",
            Shell::Powershell => "powershell",
        }
    }

    /// The name under which the shell looks for it; files of these names are in `completions/`.
    pub fn file_name(self) -> &'static str {
        match self {
            Shell::Bash => "meshctl.bash",
            Shell::Zsh => "_meshctl",
            Shell::Fish => "meshctl.fish",
            Shell::Elvish => "meshctl.elv",
            Shell::Powershell => "_meshctl.ps1",
        }
    }
}

pub fn script(shell: Shell) -> Result<String> {
    let internal = || Error::new(Kind::Internal, format!("can't write the script for {}", shell.name()));
    let writer = complete::SHELLS.completer(shell.name()).ok_or_else(internal)?;
    let mut script = Vec::new();
    writer.write_registration("COMPLETE", "meshctl", "meshctl", "meshctl", &mut script).map_err(|e| internal().because(&e))?;
    let script = String::from_utf8(script).map_err(|e| internal().because(&e))?;
    Ok(format!("{}\n", script.trim_end()))
}

pub fn run(args: &CompletionsArgs) -> Result<Report> {
    let script = script(args.shell)?;
    let data = json!({ "shell": args.shell.name(), "script": script });
    Ok(Report::new("meshctl/completions/v1", &data, vec![Block::Code(script)]))
}
