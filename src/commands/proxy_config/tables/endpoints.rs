//! Endpoints: as the proxy judges them, and as the control plane sent them.

use super::super::joined::Joined;
use super::{Listing, columns, number, plain, standing, standing_columns, toned, wide};
use crate::envoy::{endpoints, hosts};
use crate::kubernetes::addresses::Backend;
use crate::report::{Cell, Column, Tone};

fn status(text: &str) -> Cell<'_> {
    let tone = match text {
        "HEALTHY" => Tone::Good,
        "UNHEALTHY" | "TIMEOUT" => Tone::Bad,
        "DEGRADED" | "DRAINING" => Tone::Warn,
        _ => Tone::Plain,
    };
    toned(text, tone)
}

/// Columns of the pods behind endpoints; without any that is known there is nothing to show.
fn pod_columns<'p>(mut pods: impl Iterator<Item = Option<&'p Backend>>, reasons: bool) -> [Column; 4] {
    let pod = Column::new("POD");
    let reason = Column::new("REASON");
    [
        if pods.all(|pod| pod.is_none()) { pod.wide() } else { pod },
        if reasons { reason } else { reason.wide() },
        Column::new("NODE").wide(),
        Column::new("ZONE").wide(),
    ]
}

fn pod_cells(pod: Option<&Backend>) -> [Cell<'_>; 3] {
    match pod {
        Some(pod) => [plain(pod.label()), plain(pod.node.as_str()), plain(pod.zone.as_str())],
        None => [plain(""), plain(""), plain("")],
    }
}

/// What the proxy says against a host, then what Kubernetes says against its pod.
fn reasons<'d>(own: &[&'d str], pod: Option<&'d Backend>) -> Cell<'d> {
    match (own, pod.and_then(|pod| pod.problem.as_deref())) {
        ([], problem) => toned(problem.unwrap_or_default(), Tone::Warn),
        (own, problem) => toned(own.iter().copied().chain(problem).collect::<Vec<_>>().join("; "), Tone::Warn),
    }
}

pub fn hosts<'d>(rows: &'d [Joined<'_, hosts::Row<'_>>]) -> Listing<'d> {
    let mut own: Vec<Column> = columns(&["ENDPOINT", "STATUS", "OUTLIER CHECK", "CLUSTER"]).collect();
    own[2].spare = rows.iter().all(|row| row.outlier_check() == "OK");
    let any = rows.iter().any(|row| !row.reasons().is_empty() || row.pod.is_some_and(|pod| pod.problem.is_some()));
    own.extend(pod_columns(rows.iter().map(|row| row.pod), any));
    own.extend(wide(&["WEIGHT", "PRIORITY", "LOCALITY", "HOSTNAME"]));
    let cells = |row: &'d Joined<'_, hosts::Row<'_>>| {
        let [pod, node, zone] = pod_cells(row.pod);
        let outlier = row.outlier_check();
        [
            plain(row.endpoint()),
            status(row.status()),
            toned(outlier, if outlier == "OK" { Tone::Plain } else { Tone::Bad }),
            plain(row.cluster()),
            pod,
            reasons(&row.reasons(), row.pod),
            node,
            zone,
            row.weight().map_or_else(|| plain(""), number),
            number(row.priority()),
            plain(row.locality()),
            plain(row.hostname().unwrap_or_default()),
        ]
    };
    Listing::over(own, rows, cells)
}

pub fn sent<'d>(rows: &'d [Joined<'_, endpoints::Row<'_>>], all: bool) -> Listing<'d> {
    let mut own: Vec<Column> = columns(&["NAME", "STATUS", "LOCALITY", "CLUSTER"]).collect();
    own[2].spare = rows.iter().all(|row| row.locality().is_empty());
    let any = rows.iter().any(|row| row.pod.is_some_and(|pod| pod.problem.is_some()));
    own.extend(pod_columns(rows.iter().map(|row| row.pod), any));
    own.extend(wide(&["WEIGHT", "PRIORITY"]));
    own.extend(standing_columns(rows.iter().map(|row| row.standing())));
    let cells = move |row: &'d Joined<'_, endpoints::Row<'_>>| {
        let [pod, node, zone] = pod_cells(row.pod);
        let [state, version, updated, client] = standing(&row.standing());
        let name = plain(row.label(if all { "endpoint/" } else { "" }));
        let (weight, priority) = (row.weight().map_or_else(|| plain(""), number), number(row.priority()));
        let reason = reasons(&[], row.pod);
        let (locality, cluster) = (plain(row.locality()), plain(row.cluster()));
        [
            name,
            status(row.status()),
            locality,
            cluster,
            pod,
            reason,
            node,
            zone,
            weight,
            priority,
            state,
            version,
            updated,
            client,
        ]
    };
    Listing::over(own, rows, cells)
}
