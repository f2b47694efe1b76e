//! bash, whose words are not the shell's words.
//!
//! It splits `--from=shop.yaml` and `arn:aws:eks:…` at `=` and `:`, and replaces only what stands behind the last of
//! them. So the script puts the words together again, and takes off the candidates what bash leaves standing. What means
//! something to the shell, as `outbound|80||web` does, is offered in quotes.

use clap_complete::env::{Bash as Plain, EnvCompleter};
use std::ffi::OsString;
use std::io::{Error, Write};
use std::path::Path;

#[derive(Clone, Copy, Debug)]
pub struct Bash;

const SCRIPT: &str = r#"_clap_complete_NAME() {
    local IFS=$'\013'
    local _CLAP_COMPLETE_SPACE=true
    compopt +o nospace 2> /dev/null && _CLAP_COMPLETE_SPACE=false
    local rest=$COMP_LINE words=() index=0 lead="" word last i
    for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
        word=${COMP_WORDS[i]}
        last=$((${#words[@]} - 1))
        if ((i == 0)) || [[ $rest == [[:space:]]* || -z $rest ]]; then
            words+=("$word")
            last=$((last + 1))
            ((i == COMP_CWORD)) && words[last]=$2
        elif ((i == COMP_CWORD)); then
            lead=${words[last]}
            [[ $word == [=:]* ]] && lead+=$word
            words[last]=$lead$2
        else
            words[last]+=$word
        fi
        ((i == COMP_CWORD)) && index=$last
        [[ -n $word ]] && rest=${rest#*"$word"}
    done
    COMPREPLY=( $( \
        _CLAP_IFS="$IFS" \
        _CLAP_COMPLETE_INDEX="$index" \
        _CLAP_COMPLETE_COMP_TYPE="$COMP_TYPE" \
        _CLAP_COMPLETE_SPACE="$_CLAP_COMPLETE_SPACE" \
        VAR="bash" \
        "COMPLETER" -- "${words[@]}" \
    ) )
    if [[ $? != 0 ]]; then
        unset COMPREPLY
        return
    fi
    COMPREPLY=("${COMPREPLY[@]#"$lead"}")
    local safe='^[[:alnum:]_./:=@,+%~-]*$'
    for ((i = 0; i < ${#COMPREPLY[@]}; i++)); do
        [[ ${COMPREPLY[i]} =~ $safe ]] || COMPREPLY[i]="'${COMPREPLY[i]//\'/\'\\\'\'}'"
    done
    if [[ $_CLAP_COMPLETE_SPACE == false && ${COMPREPLY-} =~ [=/:]$ ]]; then
        compopt -o nospace
    fi
}
if [[ ${BASH_VERSINFO[0]} -eq 4 && ${BASH_VERSINFO[1]} -ge 4 || ${BASH_VERSINFO[0]} -gt 4 ]]; then
    complete -o nospace -o bashdefault -o nosort -F _clap_complete_NAME BIN
else
    complete -o nospace -o bashdefault -F _clap_complete_NAME BIN
fi
"#;

impl EnvCompleter for Bash {
    fn name(&self) -> &'static str {
        Plain.name()
    }

    fn is(&self, name: &str) -> bool {
        Plain.is(name)
    }

    fn write_registration(&self, var: &str, name: &str, bin: &str, completer: &str, buf: &mut dyn Write) -> Result<(), Error> {
        let script = SCRIPT.replace("COMPLETER\"", &format!("{completer}\"")).replace("VAR=", &format!("{var}="));
        let script = script.replace("_NAME", &format!("_{}", name.replace('-', "_"))).replace(" BIN\n", &format!(" {bin}\n"));
        buf.write_all(script.as_bytes())
    }

    fn write_complete(
        &self,
        command: &mut clap::Command,
        words: Vec<OsString>,
        folder: Option<&Path>,
        buf: &mut dyn Write,
    ) -> Result<(), Error> {
        Plain.write_complete(command, words, folder, buf)
    }
}
