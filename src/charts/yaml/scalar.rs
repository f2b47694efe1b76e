//! What a plain scalar means in YAML 1.1, as go-yaml resolves it.

use crate::charts::template::number;

#[derive(Debug, PartialEq)]
pub enum Plain {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    /// A date: text for us, but written without quotes it would be one.
    Timestamp,
    Merge,
    Text,
}

pub fn resolve(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Plain::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => return Plain::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Plain::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Plain::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Plain::Float(f64::NEG_INFINITY),
        "<<" => return Plain::Merge,
        _ => {}
    }
    match text.as_bytes()[0] {
        b'.' => number::parse_float(text).filter(|_| !text.contains('_')).map_or(Plain::Text, Plain::Float),
        b'0'..=b'9' | b'+' | b'-' => numeric(text),
        _ => Plain::Text,
    }
}

fn numeric(text: &str) -> Plain {
    if is_timestamp(text) {
        return Plain::Timestamp;
    }
    let plain = text.replace('_', "");
    if let Some(int) = integer(&plain) {
        return Plain::Int(int);
    }
    if is_float(&plain)
        && let Ok(float) = plain.parse::<f64>()
        && float.is_finite()
    {
        return Plain::Float(float);
    }
    Plain::Text
}

fn integer(text: &str) -> Option<i128> {
    let signed = number::parse_int(text).map(i128::from);
    // Beyond a signed number, an unsigned one, without a sign.
    let large = || text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u64>().ok())?.filter(|_| !text.starts_with('0'));
    signed.or_else(|| large().map(i128::from))
}

fn is_float(text: &str) -> bool {
    let rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = rest.find(['e', 'E']).map_or((rest, None), |i| (&rest[..i], Some(&rest[i + 1..])));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let mantissa = match mantissa.split_once('.') {
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
        None => digits(mantissa),
    };
    mantissa && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

/// `2006-1-2`, with or without a time of day.
fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || !bytes[..4].iter().all(u8::is_ascii_digit) || bytes[4] != b'-' {
        return false;
    }
    let (date, time) = text.find(['T', 't', ' ']).map_or((text, None), |i| (&text[..i], Some((&text[i..=i], &text[i + 1..]))));
    let number = |text: &str, from: u32, to: u32| {
        (1..=2).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_digit())
            && text.parse().is_ok_and(|n: u32| (from..=to).contains(&n))
    };
    let parts: Vec<&str> = date.split('-').collect();
    let &[year, month, day] = parts.as_slice() else { return false };
    if !number(month, 1, 12) || !number(day, 1, 31) {
        return false;
    }
    let real = jiff::civil::Date::new(year.parse().unwrap_or(0), month.parse().unwrap_or(0), day.parse().unwrap_or(0)).is_ok();
    let Some((sign, time)) = time else { return real };
    let zone = time.find(['Z', '+', '-']);
    let (clock, zone) = zone.map_or((time, ""), |i| time.split_at(i));
    let fine_zone = match (sign, zone) {
        (" ", zone) => zone.is_empty(),
        (_, "Z") => true,
        (_, zone) => zone.len() == 6 && zone.as_bytes()[3] == b':' && number(&zone[1..3], 0, 24) && number(&zone[4..], 0, 60),
    };
    let (clock, fraction) = clock.split_once('.').map_or((clock, None), |(clock, fraction)| (clock, Some(fraction)));
    let parts: Vec<&str> = clock.split(':').collect();
    let fine = matches!(parts.as_slice(), [h, m, s] if number(h, 0, 23) && number(m, 0, 59) && number(s, 0, 59));
    real && fine && fine_zone && fraction.is_none_or(|f| !f.is_empty() && f.bytes().all(|b| b.is_ascii_digit()))
}

/// `1:20`: a number of base 60 to other readers.
pub fn is_base60(text: &str) -> bool {
    let rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = rest.split_once('.').map_or((rest, ""), |(whole, fraction)| (whole, fraction));
    let mut parts = whole.split(':');
    let first = parts.next().unwrap_or_default();
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let sixty = |part: &str| matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']);
    let rest: Vec<&str> = parts.collect();
    first.starts_with(|c: char| c.is_ascii_digit())
        && digits(first)
        && !rest.is_empty()
        && rest.iter().all(|part| sixty(part))
        && digits(fraction)
}
