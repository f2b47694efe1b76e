//! Where better knowledge stands beside the guide's verdict, each time with the reason.

use super::interval::Tri;
use super::q2::Q2;
use super::tree::{Inputs, Verdict};
use crate::model::NeedKind;

pub fn dissent(inputs: &Inputs, verdict: Verdict, guide: Verdict, q2: &Q2) -> Vec<String> {
    let mut notes = Vec::new();
    if inputs.identity_mandate && guide != Verdict::Justified {
        notes.push(
            "a mandate outranks the count: workload identity is required, and libraries or a gateway don't give it (your word)"
                .to_owned(),
        );
    }
    if inputs.encryption_mandate && !inputs.identity_mandate && inputs.q1 != Tri::Yes {
        notes.push(
            "encryption is required (your word): at this size the network plugin can encrypt between nodes, without a mesh"
                .to_owned(),
        );
    }
    for need in q2.needs.iter().filter(|need| need.in_guide && need.needed == Tri::Yes && need.answer == Tri::No) {
        let covers = if need.need == NeedKind::Encryption { ": encryption only, neither identity nor authorization" } else { "" };
        notes.push(format!("the guide counts {} as a need; {}{covers}", need.name, need.why));
    }
    let grpc = q2.need(NeedKind::GrpcBalancing);
    match grpc.map(|need| need.answer) {
        Some(Tri::Yes) if guide != Verdict::Justified && verdict != guide => notes.push(
            "the guide doesn't ask about gRPC balancing: one gRPC connection pins a client to one pod behind a ClusterIP"
                .to_owned(),
        ),
        Some(Tri::Unknown) if verdict != guide && grpc.is_some_and(|need| !need.evidence.is_empty()) => notes.push(
            "not in the guide: gRPC behind a ClusterIP was seen; if load is uneven (--answer grpc=yes) that is a need".to_owned(),
        ),
        _ => {}
    }
    if verdict != guide && notes.is_empty() {
        notes.push(format!("the guide's tree says {}; what is known here says {}", guide.word(), verdict.word()));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::super::tree::Verdict;
    use crate::model::{Grade, NeedKind, SignalKind};

    #[test]
    fn identity_for_three_services_is_dissent_from_the_guide() {
        let decision = judge_told(&model_with(3), &["mtls=identity"], &[]);
        assert_eq!((decision.guide_verdict, decision.verdict), (Verdict::Premature, Verdict::Justified));
        assert!(decision.dissent[0].contains("mandate outranks the count"));
    }

    #[test]
    fn encryption_for_three_services_is_a_lighter_solution() {
        let decision = judge_told(&model_with(3), &["mtls=encryption"], &[]);
        assert_eq!((decision.guide_verdict, decision.verdict), (Verdict::Premature, Verdict::LighterSolution));
    }

    #[test]
    fn encryption_that_is_met_is_dissent_too() {
        let mut model = star(12, Grade::Observed);
        signal(&mut model, NeedKind::Encryption, SignalKind::Satisfied, "WireGuard between nodes");
        let no = ["needs=none"];
        let decision = judge_told(&model, &["mtls=encryption"], &no);
        assert_eq!((decision.guide_verdict, decision.verdict), (Verdict::Justified, Verdict::LighterSolution));
        assert!(decision.dissent.iter().any(|d| d.contains("WireGuard") && d.contains("encryption only")));
    }

    #[test]
    fn uneven_grpc_load_is_a_need_that_the_guide_does_not_ask_about() {
        let decision = judge_told(&star(12, Grade::Observed), &[], &["needs=none", "grpc=yes"]);
        assert_eq!((decision.guide_verdict, decision.verdict), (Verdict::LighterSolution, Verdict::Justified));
        assert!(decision.dissent[0].contains("gRPC"));
    }

    #[test]
    fn where_the_guide_is_right_nothing_is_said() {
        assert!(judge(&model_with(3)).dissent.is_empty());
        assert!(judge_told(&star(12, Grade::Observed), &["tracing"], &[]).dissent.is_empty());
    }
}
