//! Calls as the report shows them, with ids that outlive a run.

use super::apps::Applications;
use super::q1;
use crate::model::{EdgeClass, Evidence, Grade, Model, Party, Workload};
use serde::Serialize;
use std::collections::BTreeMap;

/// One call as the report shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EdgeLine {
    /// Made of its ends and its class, so that two reports can be compared: `shop/checkout>shop/payment:rpc`. Several
    /// calls that share these, on different ports, have the port at the end: `shop/web>shop/api:rpc:8080`.
    pub id: String,
    pub from: String,
    pub to: String,
    pub class: EdgeClass,
    pub grade: Grade,
    pub port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Counts in question 1: a call between two services that count.
    pub counts: bool,
    pub evidence: Vec<Evidence>,
}

/// A reference to a Service that doesn't exist.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DanglingLine {
    pub from: String,
    pub host: String,
    pub port: Option<u16>,
    /// What kind of call it would be.
    pub class: EdgeClass,
    pub evidence: Evidence,
}

pub fn party(model: &Model, party: &Party) -> String {
    match party {
        Party::Workload(id) => model.workloads.get(*id).map_or_else(|| format!("workload {id}"), Workload::title),
        Party::Service(name) => format!("Service {name}"),
        Party::External(host) => format!("{host} (outside)"),
        Party::Outside => "outside".to_owned(),
    }
}

/// One end in an id: `shop/web`; a namesake of another kind is `shop/web.cronjob`, and a Service that nobody known stands
/// behind is `shop/web.service`.
fn end(model: &Model, party: &Party) -> String {
    match party {
        Party::Workload(id) => {
            let Some(w) = model.workloads.get(*id) else { return format!("workload-{id}") };
            let first = model.workload_named(&w.namespace, &w.name) == Some(*id);
            let kind = if first { String::new() } else { format!(".{}", w.kind.as_str().to_lowercase()) };
            format!("{}/{}{kind}", w.namespace, w.name)
        }
        Party::Service(name) => format!("{name}.service"),
        Party::External(host) => host.clone(),
        Party::Outside => "outside".to_owned(),
    }
}

/// In a stable order: best known first, then by name.
pub fn edges(model: &Model, apps: &Applications) -> Vec<EdgeLine> {
    let line = |edge: &crate::model::Edge| EdgeLine {
        id: format!("{}>{}:{}", end(model, &edge.from), end(model, &edge.to), super::explain::word(&edge.class)),
        from: party(model, &edge.from),
        to: party(model, &edge.to),
        class: edge.class,
        grade: edge.grade,
        port: edge.port,
        protocol: edge.protocol.clone(),
        rate: edge.rate,
        counts: q1::ends(edge, apps).is_some() && edge.grade >= Grade::Declared,
        evidence: edge.evidence.clone(),
    };
    let mut lines: Vec<EdgeLine> = model.edges.iter().map(line).collect();
    lines.sort_by(|a, b| {
        let key = |e: &EdgeLine| (std::cmp::Reverse(e.counts), std::cmp::Reverse(e.grade), e.class);
        key(a).cmp(&key(b)).then_with(|| (&a.from, &a.to, a.port).cmp(&(&b.from, &b.to, b.port)))
    });
    let mut same: BTreeMap<String, usize> = BTreeMap::new();
    for line in &lines {
        *same.entry(line.id.clone()).or_default() += 1;
    }
    for line in lines.iter_mut().filter(|line| same[&line.id] > 1) {
        line.id.push_str(&line.port.map_or_else(|| ":any".to_owned(), |port| format!(":{port}")));
    }
    lines
}

pub fn dangling(model: &Model) -> Vec<DanglingLine> {
    let line = |d: &crate::model::Dangling| DanglingLine {
        from: model.workloads.get(d.from).map(Workload::title).unwrap_or_default(),
        host: d.host.clone(),
        port: d.port,
        class: d.class,
        evidence: d.evidence.clone(),
    };
    model.dangling.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::super::apps::applications;
    use super::super::testing::*;
    use super::*;
    use crate::model::WorkloadKind;

    fn ids(model: &Model) -> Vec<String> {
        edges(model, &applications(model)).into_iter().map(|line| line.id).collect()
    }

    #[test]
    fn an_edge_more_renames_no_other() {
        let mut model = model_with(4);
        edge(&mut model, 2, 3, Grade::Declared);
        assert_eq!(ids(&model), ["shop/w2>shop/w3:rpc"]);
        edge(&mut model, 0, 1, Grade::Observed);
        assert_eq!(ids(&model), ["shop/w0>shop/w1:rpc", "shop/w2>shop/w3:rpc"]);
    }

    #[test]
    fn no_two_edges_share_an_id() {
        let mut model = model_with(3);
        edge(&mut model, 0, 1, Grade::Declared);
        let first = model.edges[0].clone();
        model.edges.push(crate::model::Edge { port: Some(9090), ..first.clone() });
        model.edges.push(crate::model::Edge { class: EdgeClass::WaitFor, ..first.clone() });
        model.edges.push(crate::model::Edge { to: Party::Service("shop/w1".to_owned()), ..first.clone() });
        model.workloads[2].name = "w0".to_owned();
        model.workloads[2].kind = WorkloadKind::CronJob;
        model.edges.push(crate::model::Edge { from: Party::Workload(2), ..first });
        let mut found = ids(&model);
        found.sort();
        assert_eq!(
            found,
            [
                "shop/w0.cronjob>shop/w1:rpc",
                "shop/w0>shop/w1.service:rpc",
                "shop/w0>shop/w1:rpc:80",
                "shop/w0>shop/w1:rpc:9090",
                "shop/w0>shop/w1:wait-for",
            ]
        );
    }
}
