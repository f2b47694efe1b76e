//! Go's layouts of dates: an example date says the form.

use jiff::Zoned;
use jiff::fmt::strtime;

/// Elements, longest first where one begins another, and the form they stand for.
const ELEMENTS: &[(&str, &str)] = &[
    ("January", "%B"),
    ("Jan", "%b"),
    ("Monday", "%A"),
    ("Mon", "%a"),
    ("MST", "%Z"),
    ("2006", "%Y"),
    ("-07:00", "%:z"),
    ("-0700", "%z"),
    ("Z07:00", "Z"),
    ("01", "%m"),
    ("02", "%d"),
    ("03", "%I"),
    ("04", "%M"),
    ("05", "%S"),
    ("06", "%y"),
    ("002", "%j"),
    ("15", "%H"),
    ("PM", "%p"),
    ("pm", "%P"),
    ("_2", "%e"),
    ("1", "%-m"),
    ("2", "%-d"),
    ("3", "%-I"),
    ("4", "%-M"),
    ("5", "%-S"),
];

pub fn format(time: &Zoned, layout: &str) -> String {
    let mut out = String::new();
    let mut rest = layout;
    'next: while let Some(first) = rest.chars().next() {
        if let Some(fraction) = fraction(rest, &out) {
            let digits = format!("{:09}", time.subsec_nanosecond());
            let mut shown = digits[..fraction - 1].to_owned();
            if rest[1..].starts_with('9') {
                shown.truncate(shown.trim_end_matches('0').len());
            }
            if !shown.is_empty() {
                out.push_str(&rest[..1]);
                out.push_str(&shown);
            }
            rest = &rest[fraction..];
            continue;
        }
        for (element, form) in ELEMENTS {
            let Some(after) = rest.strip_prefix(element) else { continue };
            if *element == "Jan" && after.starts_with(|c: char| c.is_ascii_lowercase()) {
                continue;
            }
            if *form == "%Z" && time.time_zone().to_fixed_offset().is_ok_and(|offset| !offset.is_zero()) {
                // A zone that has no name.
                out.push_str(&strtime::format("%z", time).unwrap_or_default());
            } else if *form == "Z" {
                let zone =
                    if time.offset().is_zero() { "Z".to_owned() } else { strtime::format("%:z", time).unwrap_or_default() };
                out.push_str(&zone);
            } else {
                out.push_str(&strtime::format(form, time).unwrap_or_default());
            }
            rest = after;
            continue 'next;
        }
        out.push(first);
        rest = &rest[first.len_utf8()..];
    }
    out
}

/// The length of `.000` or `.999` that follows seconds.
fn fraction(rest: &str, before: &str) -> Option<usize> {
    let sign = rest.starts_with(['.', ',']) && before.ends_with(|c: char| c.is_ascii_digit());
    let digit = rest[1.min(rest.len())..].chars().next().filter(|c| sign && (*c == '0' || *c == '9'))?;
    let length = rest[1..].chars().take_while(|c| *c == digit).count();
    let ends = !rest[1 + length..].starts_with(|c: char| c.is_ascii_digit());
    (ends && length <= 9).then_some(1 + length)
}

/// Reads a date of the layout; `None` where it doesn't fit, or where we can't tell.
pub fn parse(layout: &str, text: &str, zone: &jiff::tz::TimeZone) -> Option<Zoned> {
    let mut form = String::new();
    let mut rest = layout;
    'next: while let Some(first) = rest.chars().next() {
        for (element, with) in ELEMENTS {
            if let Some(after) = rest.strip_prefix(element) {
                form.push_str(match *with {
                    "Z" if text.ends_with('Z') => "Z",
                    "Z" => "%:z",
                    with => with,
                });
                rest = after;
                continue 'next;
            }
        }
        if first == '%' {
            form.push('%');
        }
        form.push(first);
        rest = &rest[first.len_utf8()..];
    }
    let parsed = strtime::parse(&form, text).ok()?;
    if let Some(offset) = parsed.offset() {
        // The zone of this machine if it has that offset then, else one that is nothing but an offset.
        let time = parsed.to_timestamp().ok()?;
        let here = time.to_zoned(zone.clone());
        let same = here.offset() == offset;
        return Some(if same { here } else { time.to_zoned(jiff::tz::TimeZone::fixed(offset)) });
    }
    let mut date = parsed;
    if date.hour().is_none() {
        date.set_hour(Some(0)).ok()?;
    }
    let zone = if layout.contains("Z07:00") { &jiff::tz::TimeZone::UTC } else { zone };
    date.to_datetime().or_else(|_| date.to_date().map(|date| date.at(0, 0, 0, 0))).ok()?.to_zoned(zone.clone()).ok()
}
