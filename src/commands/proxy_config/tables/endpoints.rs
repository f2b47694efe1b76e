//! Endpoints: as the proxy judges them, and as the control plane sent them.

use super::super::joined::Joined;
use super::{columns, plain, standing, standing_columns, wide};
use crate::envoy::{endpoints, hosts};
use crate::kubernetes::addresses::Backend;
use crate::report::{Column, Line, Span, Table, Tone};

fn status(text: &str) -> Line {
    let tone = match text {
        "HEALTHY" => Tone::Good,
        "UNHEALTHY" | "TIMEOUT" => Tone::Bad,
        "DEGRADED" | "DRAINING" => Tone::Warn,
        _ => Tone::Plain,
    };
    vec![Span::new(text, tone)]
}

/// Columns of the pods behind endpoints; without any that is known there is nothing to show.
fn pod_columns<'p>(pods: impl Iterator<Item = Option<&'p Backend>> + Clone) -> [Column; 3] {
    let pod = Column::new("POD");
    [if pods.clone().all(|pod| pod.is_none()) { pod.wide() } else { pod }, Column::new("NODE").wide(), Column::new("ZONE").wide()]
}

fn pod_cells(pod: Option<&Backend>) -> [Line; 3] {
    match pod {
        Some(pod) => [plain(pod.label()), plain(pod.node.as_str()), plain(pod.zone.as_str())],
        None => [plain(""), plain(""), plain("")],
    }
}

/// What the proxy says against a host, then what Kubernetes says against its pod.
fn reasons(own: &[&str], pod: Option<&Backend>) -> Line {
    let pod = pod.and_then(|pod| pod.problem.as_deref());
    vec![Span::new(own.iter().copied().chain(pod).collect::<Vec<_>>().join("; "), Tone::Warn)]
}

fn reason_column(any: bool) -> Column {
    if any { Column::new("REASON") } else { Column::new("REASON").wide() }
}

pub fn hosts(rows: &[Joined<'_, hosts::Row<'_>>]) -> Table {
    let mut table =
        Table { columns: columns(&["ENDPOINT", "STATUS", "OUTLIER CHECK", "CLUSTER"]), rows: Vec::with_capacity(rows.len()) };
    table.columns[2].spare = rows.iter().all(|row| row.outlier_check() == "OK");
    let [pod, node, zone] = pod_columns(rows.iter().map(|row| row.pod));
    let any = rows.iter().any(|row| !row.reasons().is_empty() || row.pod.is_some_and(|pod| pod.problem.is_some()));
    table.columns.extend([pod, reason_column(any), node, zone]);
    table.columns.extend(wide(&["WEIGHT", "PRIORITY", "LOCALITY", "HOSTNAME"]));
    for row in rows {
        let [pod, node, zone] = pod_cells(row.pod);
        table.rows.push(vec![
            plain(row.endpoint()),
            status(row.status()),
            vec![Span::new(row.outlier_check(), if row.outlier_check() == "OK" { Tone::Plain } else { Tone::Bad })],
            plain(row.cluster),
            pod,
            reasons(&row.reasons(), row.pod),
            node,
            zone,
            plain(row.weight().map_or_else(String::new, |weight| weight.to_string())),
            plain(row.priority().to_string()),
            plain(row.locality()),
            plain(row.hostname().unwrap_or_default()),
        ]);
    }
    table
}

pub fn sent(rows: &[Joined<'_, endpoints::Row<'_>>], all: bool) -> Table {
    let mut table = Table { columns: columns(&["NAME", "STATUS", "LOCALITY", "CLUSTER"]), rows: Vec::with_capacity(rows.len()) };
    table.columns[2].spare = rows.iter().all(|row| row.locality.is_empty());
    let [pod, node, zone] = pod_columns(rows.iter().map(|row| row.pod));
    let any = rows.iter().any(|row| row.pod.is_some_and(|pod| pod.problem.is_some()));
    table.columns.extend([pod, reason_column(any), node, zone]);
    table.columns.extend(wide(&["WEIGHT", "PRIORITY"]));
    table.columns.extend(standing_columns(rows.iter().map(|row| &row.standing)));
    for row in rows {
        let name = row.addresses.join(",");
        let [pod, node, zone] = pod_cells(row.pod);
        let mut cells = vec![
            plain(if all { format!("endpoint/{name}") } else { name }),
            status(row.status),
            plain(row.locality.as_str()),
            plain(row.cluster),
            pod,
            reasons(&[], row.pod),
            node,
            zone,
            plain(row.weight.map_or_else(String::new, |weight| weight.to_string())),
            plain(row.priority.to_string()),
        ];
        cells.extend(standing(&row.standing));
        table.rows.push(cells);
    }
    table
}
