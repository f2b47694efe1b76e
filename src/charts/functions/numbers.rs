//! Arithmetic. Sprig converts whatever it is given; what is no number is 0.

use super::{Builtin, Param::*, done, fixed, int, open, text};
use crate::charts::template::number;
use crate::charts::template::print;
use crate::charts::value::Value;

/// No list of numbers grows beyond this.
const MOST: i64 = 1_000_000;

pub const TABLE: &[Builtin] = &[
    fixed("atoi", &[Str], |_, a| Ok(Value::Int(text(a, 0).strip_prefix('+').unwrap_or(text(a, 0)).parse().unwrap_or(0)))),
    fixed("int64", &[Any], |_, a| Ok(Value::Int64(to_int(&a[0])))),
    fixed("int", &[Any], |_, a| Ok(Value::Int(to_int(&a[0])))),
    fixed("float64", &[Any], |_, a| Ok(Value::Float(to_float(&a[0])))),
    fixed("toDecimal", &[Any], |_, a| Ok(Value::Int64(i64::from_str_radix(&print::value(&a[0]), 8).unwrap_or(0)))),
    open("seq", &[], Int, |_, a| done(seq(a)?)),
    fixed("add1", &[Any], |_, a| Ok(Value::Int64(to_int(&a[0]).wrapping_add(1)))),
    open("add", &[], Any, |_, a| Ok(Value::Int64(a.iter().fold(0, |sum: i64, n| sum.wrapping_add(to_int(n)))))),
    fixed("sub", &[Any, Any], |_, a| Ok(Value::Int64(to_int(&a[0]).wrapping_sub(to_int(&a[1]))))),
    fixed("div", &[Any, Any], |_, a| match to_int(&a[1]) {
        0 => Err("integer divide by zero".to_owned()),
        by => Ok(Value::Int64(to_int(&a[0]).wrapping_div(by))),
    }),
    fixed("mod", &[Any, Any], |_, a| match to_int(&a[1]) {
        0 => Err("integer divide by zero".to_owned()),
        by => Ok(Value::Int64(to_int(&a[0]).wrapping_rem(by))),
    }),
    open("mul", &[Any], Any, |_, a| Ok(Value::Int64(a.iter().fold(1, |product: i64, n| product.wrapping_mul(to_int(n)))))),
    open("max", &[Any], Any, |_, a| Ok(Value::Int64(a.iter().map(to_int).max().unwrap_or(0)))),
    open("biggest", &[Any], Any, |_, a| Ok(Value::Int64(a.iter().map(to_int).max().unwrap_or(0)))),
    open("min", &[Any], Any, |_, a| Ok(Value::Int64(a.iter().map(to_int).min().unwrap_or(0)))),
    open("maxf", &[Any], Any, |_, a| Ok(Value::Float(a.iter().map(to_float).fold(f64::NEG_INFINITY, f64::max)))),
    open("minf", &[Any], Any, |_, a| Ok(Value::Float(a.iter().map(to_float).fold(f64::INFINITY, f64::min)))),
    fixed("floor", &[Any], |_, a| Ok(Value::Float(to_float(&a[0]).floor()))),
    fixed("ceil", &[Any], |_, a| Ok(Value::Float(to_float(&a[0]).ceil()))),
    open("round", &[Any, Int], Float, |_, a| {
        let on = match a.get(2) {
            Some(Value::Float(on)) => *on,
            _ => 0.5,
        };
        let power = 10f64.powi(int(a, 1).clamp(-400, 400) as i32);
        let digit = power * to_float(&a[0]);
        let rounded = if digit.fract() >= on { digit.ceil() } else { digit.floor() };
        Ok(Value::Float(rounded / power))
    }),
    fixed("add1f", &[Any], |_, a| decimal(&[a[0].clone(), Value::Int(1)], '+')),
    open("addf", &[], Any, |_, a| decimal(&[&[Value::Int(0)], a].concat(), '+')),
    open("subf", &[Any], Any, |_, a| decimal(a, '-')),
    open("mulf", &[Any], Any, |_, a| decimal(a, '*')),
    open("divf", &[Any], Any, |_, a| decimal(a, '/')),
];

pub fn to_int(value: &Value) -> i64 {
    match value {
        Value::Int(i) | Value::Int64(i) => *i,
        // Go's conversion; beyond the range it gives the smallest number on amd64.
        Value::Float(f) if f.is_nan() || *f >= 9_223_372_036_854_775_808.0 || *f < -9_223_372_036_854_775_808.0 => i64::MIN,
        Value::Float(f) => *f as i64,
        Value::Bool(b) => i64::from(*b),
        Value::Str(text) => number::parse_int(without_zeros(text)).unwrap_or(0),
        _ => 0,
    }
}

/// `8.00` is read as `8`.
fn without_zeros(text: &str) -> &str {
    match text.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() && fraction.bytes().all(|b| b == b'0') => whole,
        _ => text,
    }
}

pub fn to_float(value: &Value) -> f64 {
    match value {
        Value::Int(i) | Value::Int64(i) => *i as f64,
        Value::Float(f) => *f,
        Value::Bool(b) => f64::from(u8::from(*b)),
        Value::Str(text) => number::parse_float(text).unwrap_or(0.0),
        _ => 0.0,
    }
}

pub fn steps(start: i64, stop: i64, step: i64) -> Result<Vec<i64>, String> {
    if (stop < start && step >= 0) || (stop >= start && step <= 0) {
        return Ok(Vec::new());
    }
    let count = (i128::from(stop) - i128::from(start)) / i128::from(step);
    if count > i128::from(MOST) {
        return Err(format!("a list of {count} numbers is too long"));
    }
    let mut all = Vec::new();
    let mut i = start;
    while if step > 0 { i < stop } else { i > stop } {
        all.push(i);
        match i.checked_add(step) {
            Some(next) => i = next,
            None => break,
        }
    }
    Ok(all)
}

fn seq(args: &[Value]) -> Result<String, String> {
    let at = |i| int(args, i);
    let sign = |start: i64, end: i64| if end < start { -1 } else { 1 };
    let all = match args.len() {
        1 => steps(1, at(0).saturating_add(sign(1, at(0))), sign(1, at(0)))?,
        2 => steps(at(0), at(1).saturating_add(sign(at(0), at(1))), sign(at(0), at(1)))?,
        3 if at(2) < at(0) && at(1) > 0 => Vec::new(),
        3 => steps(at(0), at(2).saturating_add(sign(at(0), at(2))), at(1))?,
        _ => Vec::new(),
    };
    let words: Vec<String> = all.iter().map(ToString::to_string).collect();
    Ok(words.join(" "))
}

/// Decimal arithmetic, as sprig's: exact where it fits into 38 digits.
fn decimal(args: &[Value], operator: char) -> Result<Value, String> {
    let unsupported = || "these numbers are too long for exact decimal arithmetic, which is not supported".to_owned();
    let mut result: Option<(i128, u32)> = None;
    for arg in args {
        let next = exact(to_float(arg)).ok_or_else(unsupported)?;
        let Some((a, scale_a)) = result else {
            result = Some(next);
            continue;
        };
        let (b, scale_b) = next;
        let align = |value: i128, by: u32| 10i128.checked_pow(by).and_then(|power| value.checked_mul(power));
        let scale = scale_a.max(scale_b);
        let both = align(a, scale - scale_a).zip(align(b, scale - scale_b));
        result = Some(
            match operator {
                '+' => both.and_then(|(a, b)| a.checked_add(b)).map(|sum| (sum, scale)),
                '-' => both.and_then(|(a, b)| a.checked_sub(b)).map(|rest| (rest, scale)),
                '*' => a.checked_mul(b).map(|product| (product, scale_a + scale_b)),
                _ => {
                    let (a, b) = both.ok_or_else(unsupported)?;
                    if b == 0 {
                        return Err("decimal division by 0".to_owned());
                    }
                    // Sixteen digits behind the point, half away from zero.
                    let shifted = align(a, 16).ok_or_else(unsupported)?;
                    let away = i128::from((shifted % b).unsigned_abs() * 2 >= b.unsigned_abs());
                    let quotient = shifted / b;
                    let away = if (shifted < 0) == (b < 0) { away } else { -away };
                    Some((quotient + away, 16))
                }
            }
            .ok_or_else(unsupported)?,
        );
    }
    let (digits, scale) = result.unwrap_or((0, 0));
    Ok(Value::Float(format!("{digits}e-{scale}").parse().unwrap_or(0.0)))
}

fn exact(value: f64) -> Option<(i128, u32)> {
    let text = format!("{value}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    Some((digits, u32::try_from(fraction.len()).ok()?))
}
