//! Dates and durations.

use super::{Builtin, Context, Param::*, done, fixed, layout, text};
use crate::charts::value::Value;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

pub const TABLE: &[Builtin] = &[
    fixed("now", &[], |c, _| Ok(Value::Time(c.now.clone()))),
    fixed("date", &[Str, Any], |c, a| done(layout::format(&time(c, &a[1])?, text(a, 0)))),
    fixed("dateInZone", &[Str, Any, Str], in_zone),
    fixed("date_in_zone", &[Str, Any, Str], in_zone),
    fixed("htmlDate", &[Any], |c, a| done(layout::format(&time(c, &a[0])?, "2006-01-02"))),
    fixed("htmlDateInZone", &[Any, Str], |c, a| done(layout::format(&zoned(&time(c, &a[0])?, text(a, 1)), "2006-01-02"))),
    fixed("dateModify", &[Str, Time], |_, a| Ok(modified(a).unwrap_or_else(|| a[1].clone()))),
    fixed("date_modify", &[Str, Time], |_, a| Ok(modified(a).unwrap_or_else(|| a[1].clone()))),
    fixed("mustDateModify", &[Str, Time], |_, a| modified(a).ok_or_else(|| format!("time: invalid duration {:?}", text(a, 0)))),
    fixed("must_date_modify", &[Str, Time], |_, a| modified(a).ok_or_else(|| format!("time: invalid duration {:?}", text(a, 0)))),
    fixed("ago", &[Any], |c, a| {
        let since = c.now.timestamp().duration_since(time(c, &a[0])?.timestamp());
        done(shown(since.as_secs() as i128 * 1_000_000_000))
    }),
    fixed("duration", &[Any], |_, a| {
        let seconds = match &a[0] {
            Value::Str(text) => text.parse().unwrap_or(0),
            Value::Int64(seconds) => *seconds,
            _ => 0,
        };
        done(shown(i128::from(seconds) * 1_000_000_000))
    }),
    fixed("durationRound", &[Any], |c, a| {
        let nanoseconds = match &a[0] {
            Value::Str(text) => parse(text).unwrap_or(0),
            Value::Int64(nanoseconds) => i128::from(*nanoseconds),
            Value::Time(time) => c.now.timestamp().duration_since(time.timestamp()).as_nanos(),
            _ => 0,
        };
        done(rounded(nanoseconds))
    }),
    fixed("toDate", &[Str, Str], read),
    fixed("mustToDate", &[Str, Str], read),
    fixed("unixEpoch", &[Time], |_, a| match &a[0] {
        Value::Time(time) => done(time.timestamp().as_second().to_string()),
        _ => done(""),
    }),
];

fn read(context: &Context<'_>, args: &[Value]) -> Result<Value, String> {
    let (form, date) = (text(args, 0), text(args, 1));
    let read = layout::parse(form, date, context.now.time_zone());
    read.map(Value::Time).ok_or_else(|| format!("the date {date:?} with the layout {form:?} is not supported"))
}

fn time(context: &Context<'_>, value: &Value) -> Result<Zoned, String> {
    let zone = context.now.time_zone().clone();
    Ok(match value {
        Value::Time(time) => time.with_time_zone(zone),
        Value::Int(seconds) | Value::Int64(seconds) => {
            Timestamp::from_second(*seconds).map_err(|_| "the time is out of range".to_owned())?.to_zoned(zone)
        }
        _ => context.now.clone(),
    })
}

fn zoned(time: &Zoned, zone: &str) -> Zoned {
    match zone {
        "Local" => time.clone(),
        "" | "UTC" => time.with_time_zone(TimeZone::UTC),
        name => time.with_time_zone(TimeZone::get(name).unwrap_or(TimeZone::UTC)),
    }
}

fn in_zone(context: &Context<'_>, args: &[Value]) -> Result<Value, String> {
    done(layout::format(&zoned(&time(context, &args[1])?, text(args, 2)), text(args, 0)))
}

fn modified(args: &[Value]) -> Option<Value> {
    let Value::Time(time) = &args[1] else { return None };
    let by = SignedDuration::from_nanos(i64::try_from(parse(text(args, 0))?).ok()?);
    time.checked_add(by).ok().map(Value::Time)
}

const UNITS: &[(&str, i128)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Go's `time.ParseDuration`, in nanoseconds.
fn parse(text: &str) -> Option<i128> {
    let (negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total = 0i128;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let (number, after) = rest.split_at(digits);
        let end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, next) = after.split_at(end);
        let (_, size) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') || number.len() > 18 {
            return None;
        }
        total = total.checked_add(whole.parse::<i128>().unwrap_or(0).checked_mul(*size)?)?;
        if !fraction.is_empty() {
            total += fraction.parse::<i128>().ok()? * size / 10i128.pow(fraction.len() as u32);
        }
        rest = next;
    }
    i64::try_from(total).ok().map(|_| if negative { -total } else { total })
}

/// Whole seconds, as Go shows them: `1h0m5s`.
fn shown(nanoseconds: i128) -> String {
    let seconds = (nanoseconds / 1_000_000_000).unsigned_abs();
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{sign}{seconds}s"),
        (0, _) => format!("{sign}{minutes}m{seconds}s"),
        _ => format!("{sign}{hours}h{minutes}m{seconds}s"),
    }
}

fn rounded(nanoseconds: i128) -> String {
    let u = nanoseconds.unsigned_abs();
    let second = 1_000_000_000u128;
    let units = [("y", 31_536_000), ("mo", 2_592_000), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];
    let unit = units.iter().find(|(_, seconds)| u > seconds * second);
    unit.map_or("0s".to_owned(), |(name, seconds)| format!("{}{name}", u / (seconds * second)))
}
