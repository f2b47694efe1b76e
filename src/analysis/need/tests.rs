//! Whole decisions: the guide's cases, the first screen, and laws that hold for any cluster.

use super::testing::*;
use super::tree::Verdict;
use super::*;
use crate::facts::Facts;
use crate::model::*;
use crate::render::{Format, Style, render};
use crate::report::{Block, Report};
use proptest::prelude::*;

fn verdicts(d: &Decision) -> (Verdict, Verdict) {
    (d.verdict, d.guide_verdict)
}

/// Four applications, one of them in three versions.
fn books() -> Model {
    let mut model = model_of(&["details-v1", "productpage-v1", "ratings-v1", "reviews-v1", "reviews-v2", "reviews-v3"]);
    for (name, ids) in [("details", &[0][..]), ("productpage", &[1]), ("ratings", &[2]), ("reviews", &[3, 4, 5])] {
        service(&mut model, name, ids);
    }
    model
}

#[test]
fn few_services_are_premature_with_no_edge_at_all() {
    assert_eq!(verdicts(&judge(&model_with(5))), (Verdict::Premature, Verdict::Premature));
    assert_eq!(verdicts(&judge(&Model::default())), (Verdict::Premature, Verdict::Premature));
}

#[test]
fn six_workloads_of_four_applications_are_premature() {
    let decision = judge(&books());
    assert_eq!((decision.verdict, decision.q1.bounds), (Verdict::Premature, Interval { lower: 0, upper: Some(4) }));
    assert_eq!(decision.confidence, Confidence::High);
}

#[test]
fn a_canary_among_four_applications_stays_premature() {
    let mut model = books();
    signal(&mut model, NeedKind::Canary, SignalKind::Evidenced, "3 versions behind Service reviews");
    assert_eq!(judge(&model).verdict, Verdict::Premature);
}

#[test]
fn twelve_that_call_each_other_without_a_known_need_are_open_until_someone_says_none() {
    let model = star(12, Grade::Declared);
    let open = judge(&model);
    assert_eq!(
        (open.verdict, open.q1.answer, open.next.flags.as_str()),
        (Verdict::Undetermined, Tri::Yes, "--answer needs=none")
    );
    assert_eq!(open.possible, [Verdict::LighterSolution, Verdict::Justified]);
    let closed = judge_told(&model, &[], &["needs=none"]);
    assert_eq!(verdicts(&closed), (Verdict::LighterSolution, Verdict::LighterSolution));
}

#[test]
fn many_services_and_an_evidenced_need_are_justified() {
    let mut model = star(12, Grade::Observed);
    signal(&mut model, NeedKind::Canary, SignalKind::Evidenced, "2 versions behind Service web");
    let decision = judge(&model);
    assert_eq!(verdicts(&decision), (Verdict::Justified, Verdict::Justified));
    assert!(decision.reason.contains("canary") && decision.plan.candidate.is_some());
    assert_eq!(decision.confidence, Confidence::Medium, "the weakest link");
}

#[test]
fn a_need_that_something_else_meets_is_no_reason() {
    let mut model = star(12, Grade::Observed);
    signal(&mut model, NeedKind::Tracing, SignalKind::Satisfied, "an OpenTelemetry collector");
    let decision = judge_told(&model, &[], &["mtls=no", "canary=no", "retries=no"]);
    assert_eq!(decision.verdict, Verdict::LighterSolution);
}

#[test]
fn sixty_four_silent_workloads_are_undetermined_with_the_next_observation() {
    let decision = judge(&model_with(64));
    assert_eq!(verdicts(&decision), (Verdict::Undetermined, Verdict::Undetermined));
    assert_eq!(decision.next.flags, "--prometheus <URL>");
    assert_eq!(decision.mesh, Tri::Unknown);
    let mut facts = facts();
    facts.kind = crate::facts::SourceKind::Manifests;
    assert_eq!(decide(&facts, &model_with(64), &Told::default(), "7d").next.flags, "--answer services=many");
}

#[test]
fn an_open_count_without_any_need_is_no_mesh_either_way() {
    let decision = judge_told(&model_with(64), &[], &["needs=none"]);
    assert_eq!((decision.verdict, decision.mesh), (Verdict::Undetermined, Tri::No));
    assert_eq!(decision.possible, [Verdict::Premature, Verdict::LighterSolution]);
    assert!(decision.reason.starts_with("no mesh either way"));
}

#[test]
fn what_may_not_be_read_widens_the_verdict() {
    let decision = decide(&forbidden_deployments(), &model_with(2), &Told::default(), "7d");
    assert_eq!((decision.verdict, decision.q1.bounds.upper), (Verdict::Undetermined, None));
}

#[test]
fn json_is_flat_for_one_cluster_and_a_list_for_several() {
    let decision = judge(&books());
    let one = report_many(std::slice::from_ref(&decision), &[], "meshctl analyze");
    assert_eq!((one.schema.as_str(), one.data["verdict"].as_str()), ("meshctl/decision/v1", Some("premature")));
    assert_eq!(one.data["q1"]["lower"], 0);
    assert_eq!(one.data["q1"]["upper"], 4);
    for key in ["cluster", "source", "now", "namespace", "q2", "flips", "candidates", "cost", "traps", "plan", "edges", "told"] {
        assert!(one.data.get(key).is_some(), "{key}");
    }
    let two = report_many(&[decision.clone(), decision], &[], "meshctl analyze");
    assert_eq!(two.data["clusters"].as_array().map(Vec::len), Some(2));
    let open = decide(&forbidden_deployments(), &model_with(2), &Told::default(), "7d");
    assert!(open.report(&[], "").data["q1"]["upper"].is_null());
}

/// As a terminal of this width shows it.
fn drawn_at(blocks: &[Block], width: usize, format: Format) -> Vec<String> {
    let report = Report::new("meshctl/test/v1", &serde_json::json!({}), blocks.to_vec());
    render(&report, &Style { format, width, color: false }).lines().map(str::to_owned).collect()
}

fn drawn(blocks: &[Block]) -> Vec<String> {
    drawn_at(blocks, 100, Format::Wide)
}

/// Everything that makes the screen long, at once.
fn crowded() -> Decision {
    let mut model = star(40, Grade::Declared);
    for workload in &mut model.workloads {
        workload.host_network = true;
        workload.qos = Qos::Guaranteed;
    }
    signal(&mut model, NeedKind::Encryption, SignalKind::Satisfied, &"a very long reason ".repeat(20));
    signal(&mut model, NeedKind::GrpcBalancing, SignalKind::Evidenced, &"gRPC ".repeat(30));
    for i in 0..4 {
        model.installations.push(Installation {
            mesh: format!("Mesh number {i}"),
            id: "none",
            version: Some("1.2.3".to_owned()),
            revision: None,
            namespace: "a-namespace-with-a-long-name".to_owned(),
            mode: "sidecar".to_owned(),
            meshed: vec![0],
            evidence: Vec::new(),
        });
        model.not_seen.push(NotSeen {
            what: format!("somethings{i}.example.com"),
            outcome: "forbidden".to_owned(),
            why: "forbidden".to_owned(),
            leaves_open: "much".to_owned(),
        });
    }
    let mut facts = forbidden_deployments();
    facts.cluster =
        "arn:aws:eks:eu-central-1:123456789012:cluster/a-name-that-goes-on-and-on-and-on-for-ever-and-ever".to_owned();
    facts.namespace = Some("a-namespace-with-a-very-long-name".to_owned());
    decide(&facts, &model, &told(&["mtls=encryption"], &["fips=no", "oncall=no"]), "7d")
}

#[test]
fn the_first_screen_is_one_page() {
    let mut decisions = vec![crowded(), judge(&books()), judge(&model_with(64)), judge(&star(12, Grade::Declared))];
    decisions.push(judge_told(&model_with(3), &["mtls=identity"], &[]));
    decisions.push(judge_told(&star(12, Grade::Observed), &["tracing", "vms"], &[]));
    for (width, most) in [(100, 28), (80, 38), (60, 56)] {
        for decision in &decisions {
            let lines = drawn_at(&decision.report(&[], "meshctl analyze --from demo").body, width, Format::Table);
            assert!(lines.len() <= most, "{} lines at {width}:\n{}", lines.len(), lines.join("\n"));
            for line in lines.iter().filter(|line| !line.contains("--")) {
                assert!(line.chars().count() <= width, "{} columns: {line}", line.chars().count());
            }
            one_page(&lines);
        }
    }
}

fn one_page(lines: &[String]) {
    for label in ["VERDICT", "GUIDE", "Q1", "Q2", "FLIPS IT", "AGAINST", "NOT SEEN", "NEXT"] {
        assert!(lines.iter().any(|line| line.starts_with(label)), "{label}:\n{}", lines.join("\n"));
    }
}

/// A pull request or a wiki wraps by itself.
#[test]
fn a_paragraph_is_one_line_of_markdown_and_whole() {
    let decision = crowded();
    let blocks = decision.report(&[], "meshctl analyze").body;
    let markdown = drawn_at(&blocks, 100, Format::Markdown);
    assert!(markdown.iter().any(|line| line.trim_start().len() > 300), "{}", markdown.join("\n"));
    // The first line holds a name, which is cut everywhere.
    let cut = |lines: &[String]| lines.iter().skip(1).any(|line| line.contains('…'));
    assert!(!cut(&markdown) && !cut(&drawn(&blocks)), "only a page is cut");
    assert!(cut(&drawn_at(&blocks, 100, Format::Table)));
}

#[test]
fn explain_shows_every_edge_with_object_and_field() {
    let decision = judge(&star(3, Grade::Declared));
    let text = drawn(&decision.report(&[Section::Q1], "meshctl analyze").body).join("\n");
    assert!(text.contains("Deployment shop/w0 env[ADDR] = w1:80") && text.contains("declared"), "{text}");
    let all = drawn(&decision.report(&[Section::All], "meshctl analyze").body).join("\n");
    for part in ["Q1 more than 5", "Q2 any of", "Candidates", "Cost", "Traps", "Plan: "] {
        assert!(all.contains(part), "{part}");
    }
}

#[test]
fn the_detection_limit_stands_beside_each_source() {
    let mut model = model_with(8);
    model.observed.push(ObservedSource {
        name: "traces".to_owned(),
        query: "q".to_owned(),
        window: "24h".to_owned(),
        series: 3,
        unmapped: 1,
        sampling: 0.001,
        caveat: String::new(),
    });
    let text = drawn(&judge(&model).report(&[Section::Q1], "meshctl analyze").body).join("\n");
    assert!(text.contains("95 % probability from 0.035 requests/s"), "{text}");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let text = |d: &Decision| serde_json::to_string(d).unwrap_or_default();
    assert_eq!(text(&crowded()), text(&crowded()));
}

#[test]
fn no_hostile_number_panics() {
    let mut model = model_with(3);
    model.workloads[0].replicas = u32::MAX;
    model.edges.push(Edge {
        from: Party::Workload(999),
        to: Party::Workload(1000),
        port: None,
        protocol: None,
        class: EdgeClass::Rpc,
        grade: Grade::Observed,
        rate: Some(f64::NAN),
        evidence: Vec::new(),
    });
    service(&mut model, "odd", &[0, 77]);
    let d = judge(&model);
    assert_eq!(d.verdict, Verdict::Premature);
    assert!(!drawn(&d.report(&[Section::All], "meshctl analyze").body).is_empty());
}

/// A random cluster: workloads, edges of any grade between them.
fn clusters() -> impl Strategy<Value = Model> {
    let grades = prop_oneof![Just(Grade::Candidate), Just(Grade::Inferred), Just(Grade::Declared), Just(Grade::Observed)];
    (1_usize..12).prop_flat_map(move |count| {
        let edges = proptest::collection::vec((0..count, 0..count, grades.clone()), 0..20);
        edges.prop_map(move |edges| {
            let mut model = model_with(count);
            for (from, to, grade) in edges {
                edge(&mut model, from, to, grade);
            }
            model
        })
    })
}

fn any_facts(whole: bool) -> Facts {
    if whole { facts() } else { forbidden_deployments() }
}

proptest! {
    // A failing case is printed; nothing is written into the source tree.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn more_edges_or_workloads_never_turn_yes_to_no(model in clusters(), from in 0_usize..12, to in 0_usize..12, whole: bool) {
        let before = decide(&any_facts(whole), &model, &Told::default(), "7d");
        let count = model.workloads.len();
        let mut more_edges = model.clone();
        edge(&mut more_edges, from % count, to % count, Grade::Observed);
        let mut more_workloads = model.clone();
        more_workloads.workloads.push(workload("another"));
        for more in [more_edges, more_workloads] {
            let after = decide(&any_facts(whole), &more, &Told::default(), "7d");
            prop_assert!(after.q1.bounds.lower >= before.q1.bounds.lower);
            prop_assert!(!(before.q1.answer == Tri::Yes && after.q1.answer == Tri::No));
        }
    }

    #[test]
    fn never_premature_without_an_upper_bound(model in clusters(), require in proptest::bool::ANY) {
        let told = if require { told(&["tracing"], &[]) } else { Told::default() };
        let decision = decide(&any_facts(false), &model, &told, "7d");
        prop_assert_ne!(decision.verdict, Verdict::Premature);
        prop_assert_eq!(decision.q1.bounds.upper, None);
    }

    #[test]
    fn bounds_never_cross_and_the_screen_stays_one_page(model in clusters(), whole: bool) {
        let decision = decide(&any_facts(whole), &model, &Told::default(), "7d");
        if let Some(upper) = decision.q1.bounds.upper {
            prop_assert!(decision.q1.bounds.lower <= upper);
        }
        let lines = drawn_at(&decision.report(&[], "meshctl analyze").body, 100, Format::Table);
        prop_assert!(lines.len() <= 28 && lines.iter().all(|line| line.chars().count() <= 100));
    }

    #[test]
    fn a_determined_verdict_is_the_only_one_possible(model in clusters(), whole: bool) {
        let decision = decide(&any_facts(whole), &model, &Told::default(), "7d");
        let only = (decision.possible.len() == 1).then(|| decision.possible[0]);
        prop_assert_eq!(decision.verdict, only.unwrap_or(Verdict::Undetermined));
    }
}
