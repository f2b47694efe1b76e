//! Certificates and roots.

use super::{columns, plain, standing, wide};
use crate::envoy::secrets::Row;
use crate::report::{Column, Line, Span, Table, Tone};

/// Fewer days than this until a certificate expires are marked; workload certificates live a day, so not for them.
const SOON: i64 = 30;

pub fn table(rows: &[Row<'_>], all: bool) -> Table {
    let titles = ["RESOURCE NAME", "TYPE", "STATUS", "VALID CERT", "SERIAL NUMBER", "NOT AFTER", "NOT BEFORE"];
    let mut table = Table { columns: columns(&titles), rows: Vec::new() };
    // Told only where all are known: then several trust domains are likely, and the difference matters.
    let domain = Column::new("TRUST DOMAIN");
    table.columns.push(if rows.iter().all(|row| !row.trust_domain.is_empty()) { domain.spare() } else { domain.wide() });
    // A new certificate's beginning is the least of what one wants to know of it.
    table.columns[6].spare = true;
    let users = Column::new("USED BY");
    table.columns.push(if rows.iter().any(|row| !row.used_by.is_empty()) { users } else { users.wide() });
    table.columns.extend(wide(&["DAYS LEFT", "SPIFFE ID", "ROOT", "CERTIFICATES", "PROBLEM"]));
    table.columns.extend(wide(&["VERSION", "LAST UPDATED", "CLIENT STATUS"]));
    table.rows.extend(rows.iter().map(|row| cells(row, all)));
    table
}

fn cells(row: &Row<'_>, all: bool) -> Vec<Line> {
    let first = row.certificates.first();
    let text = |text: Option<&str>| plain(text.unwrap_or_default());
    let name = if all { format!("secret/{}", row.name) } else { row.name.to_owned() };
    let days = row.days_left.map_or_else(String::new, |days| days.to_string());
    let tone = match row.days_left {
        Some(..0) => Tone::Bad,
        Some(..SOON) if row.kind == "CA" => Tone::Warn,
        _ => Tone::Plain,
    };
    let valid = match row.valid {
        Some(true) => Span::new("true", Tone::Good),
        Some(false) => Span::new("false", Tone::Bad),
        None => Span::new("unknown", Tone::Warn),
    };
    let root = row.root.as_ref().map(|root| format!("{} ({})", root.secret, root.subject));
    let [_, version, updated, client] = standing(&row.standing);
    vec![
        plain(name),
        plain(row.kind),
        vec![Span::new(row.status, if matches!(row.status, "ACTIVE" | "STATIC") { Tone::Plain } else { Tone::Warn })],
        vec![valid],
        text(first.map(|first| first.serial_number.as_str())),
        text(first.map(|first| first.not_after.as_str())),
        text(first.map(|first| first.not_before.as_str())),
        plain(row.trust_domain.as_str()),
        plain(users(row.used_by)),
        vec![Span::new(days, tone)],
        text(first.and_then(|first| first.spiffe_id())),
        plain(root.unwrap_or_default()),
        plain(row.certificates.len().to_string()),
        text(row.problem.as_deref()),
        version,
        updated,
        client,
    ]
}

/// The first, and how many more.
fn users(used_by: &[String]) -> String {
    match used_by {
        [] => String::new(),
        [only] => only.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}
