//! Certificates and roots.

use super::{Listing, columns, name_cell, plain, standing, toned, wide};
use crate::envoy::secrets::Row;
use crate::report::{Cell, Column, Tone};

/// Fewer days than this until a certificate expires are marked; workload certificates live a day, so not for them.
const SOON: i64 = 30;

pub fn table<'d>(rows: &'d [Row<'_>], all: bool) -> Listing<'d> {
    let titles = ["RESOURCE NAME", "TYPE", "STATUS", "VALID CERT", "SERIAL NUMBER", "NOT AFTER", "NOT BEFORE"];
    let mut own: Vec<Column> = columns(&titles).collect();
    // Told only where all are known: then several trust domains are likely, and the difference matters.
    let domain = Column::new("TRUST DOMAIN");
    own.push(if rows.iter().all(|row| !row.trust_domain.is_empty()) { domain.spare() } else { domain.wide() });
    // A new certificate's beginning is the least of what one wants to know of it.
    own[6].spare = true;
    let users = Column::new("USED BY");
    own.push(if rows.iter().any(|row| !row.used_by.is_empty()) { users } else { users.wide() });
    own.extend(wide(&["DAYS LEFT", "SPIFFE ID", "ROOT", "CERTIFICATES", "PROBLEM"]));
    own.extend(wide(&["VERSION", "LAST UPDATED", "CLIENT STATUS"]));
    Listing::over(own, rows, move |row| cells(row, all))
}

fn cells<'d>(row: &'d Row<'_>, all: bool) -> [Cell<'d>; 17] {
    let first = row.certificates.first();
    let text = |text: Option<&'d str>| plain(text.unwrap_or_default());
    let days = row.days_left.map_or_else(String::new, |days| days.to_string());
    let tone = match row.days_left {
        Some(..0) => Tone::Bad,
        Some(..SOON) if row.kind == "CA" => Tone::Warn,
        _ => Tone::Plain,
    };
    let valid = match row.valid {
        Some(true) => toned("true", Tone::Good),
        Some(false) => toned("false", Tone::Bad),
        None => toned("unknown", Tone::Warn),
    };
    let root = row.root.as_ref().map(|root| format!("{} ({})", root.secret, root.subject));
    let [_, version, updated, client] = standing(&row.standing);
    [
        name_cell(all, "secret", row.name),
        plain(row.kind),
        toned(row.status, if matches!(row.status, "ACTIVE" | "STATIC") { Tone::Plain } else { Tone::Warn }),
        valid,
        text(first.map(|first| first.serial_number.as_str())),
        text(first.map(|first| first.not_after.as_str())),
        text(first.map(|first| first.not_before.as_str())),
        plain(row.trust_domain.as_str()),
        plain(users(row.used_by)),
        toned(days, tone),
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
