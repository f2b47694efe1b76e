//! The strongest argument against the verdict, chosen by situation, with its source.

use super::graph::{self, Languages};
use super::tree::Verdict;
use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CounterArgument {
    pub text: String,
    /// Who published it, and when.
    pub source: &'static str,
}

pub struct Situation<'a> {
    pub verdict: Verdict,
    pub languages: &'a Languages,
    /// How many applications.
    pub applications: usize,
    /// There may be some, and permissions hide them.
    pub blind: bool,
    pub on_call: Option<bool>,
    /// Encryption is the only need that speaks for a mesh.
    pub encryption_only: bool,
    pub installed: bool,
    /// Workload identity is required, for few services or an unknown number.
    pub identity_for_few: bool,
}

pub fn strongest(case: &Situation<'_>) -> CounterArgument {
    let languages = case.languages;
    let (text, source) = match case.verdict {
        Verdict::Premature => (
            "the count only stands for interaction; a mandate for workload identity outweighs it at any size".to_owned(),
            "servicemesh.es: some monoliths benefit too",
        ),
        Verdict::LighterSolution => (
            "a library per language drifts: each team retries differently, and a fix means every release".to_owned(),
            "Lyft engineering: many languages, half-built RPC libraries",
        ),
        _ if case.on_call == Some(false) => (
            "nobody is on call for it: a mesh without an owner fails at its first certificate or upgrade".to_owned(),
            "CNCF microsurvey 2022: shortage of expertise 47 %, complexity 41 %",
        ),
        _ if case.identity_for_few => (
            "for few services identity can come without proxies: SPIFFE certificates mounted into the pods".to_owned(),
            "cert-manager csi-driver-spiffe; SPIFFE CSI driver",
        ),
        _ if case.encryption_only => (
            "encryption alone doesn't need a mesh: the network plugin can encrypt between nodes".to_owned(),
            "LiveWyer, Mar 2024: \"be certain to challenge the need\"",
        ),
        _ if case.blind => (
            "workloads may not be read here, and nothing else speaks for a mesh".to_owned(),
            "the guide: more than 5 services that call each other",
        ),
        _ if case.applications == 0 => (
            "no application was found here: a mesh would carry nobody's calls".to_owned(),
            "the guide: more than 5 services that call each other",
        ),
        _ if case.applications == 1 => (
            "only one application was found here: a mesh stands between services".to_owned(),
            "the guide: more than 5 services that call each other",
        ),
        _ if languages.single().is_some() => (
            format!("everything here is {}: one library does retries and tracing without a proxy", languages.names()),
            "Meta ServiceRouter, OSDI'23: 99 % of RPC by library, 1 % by proxy",
        ),
        _ if languages.known.len() < 2 => (
            match languages.known.first() {
                Some(language) => format!(
                    "if the {} applications are all {}, one library may do what a mesh would",
                    case.applications,
                    graph::name(*language)
                ),
                None => format!("if the {} applications share one language, one library may do", case.applications),
            },
            "Meta ServiceRouter, OSDI'23: 99 % of RPC by library, 1 % by proxy",
        ),
        _ if case.installed => (
            "what is installed already costs its upgrades: every minor release, for as long as it stays".to_owned(),
            "CNCF microsurvey 2022: shortage of expertise 47 %, complexity 41 %",
        ),
        _ => (
            "somebody has to run it: expertise is what most teams lacked, not features".to_owned(),
            "CNCF microsurvey 2022: shortage of expertise 47 %, complexity 41 %",
        ),
    };
    CounterArgument { text, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Language;

    #[test]
    fn one_language_argues_for_a_library() {
        let languages = Languages { known: vec![Language::Java], seen: 42, of: 42 };
        let case = Situation {
            verdict: Verdict::Justified,
            languages: &languages,
            applications: 42,
            blind: false,
            on_call: None,
            encryption_only: false,
            installed: false,
            identity_for_few: false,
        };
        assert!(strongest(&case).text.contains("Java"));
        assert!(strongest(&case).source.contains("OSDI'23"));
        assert!(strongest(&Situation { on_call: Some(false), ..case }).text.contains("on call"));
    }

    #[test]
    fn without_applications_nobody_shares_a_language() {
        let languages = Languages::default();
        let text = |verdict, applications| {
            let (on_call, encryption_only, installed, identity_for_few) = (None, false, false, false);
            let languages = &languages;
            let blind = false;
            strongest(&Situation {
                verdict,
                languages,
                applications,
                blind,
                on_call,
                encryption_only,
                installed,
                identity_for_few,
            })
            .text
        };
        assert!(text(Verdict::Undetermined, 0).starts_with("no application was found"));
        assert!(text(Verdict::Undetermined, 1).starts_with("only one application"));
        assert!(text(Verdict::Undetermined, 2).contains("the 2 applications"));
    }
}
