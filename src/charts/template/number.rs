//! Constants of templates.

use super::ast::Number;

/// Reads a number as Go writes them: bases, underscores, exponents.
pub fn parse(text: &str) -> Result<Number, String> {
    let bad = || format!("bad number syntax: {text:?}");
    if text.ends_with('i') {
        return Err(format!("complex numbers such as {text} are not supported"));
    }
    let int = parse_int(text);
    let float = parse_float(text);
    let whole = float.filter(|f| f.fract() == 0.0 && f.abs() < 9.2e18).map(|f| f as i64);
    if int.is_none() && float.is_none() {
        return Err(bad());
    }
    let hex = text.trim_start_matches(['+', '-']).to_ascii_lowercase().starts_with("0x");
    let prefers_float = !hex && text.contains(['.', 'e', 'E', 'p', 'P']);
    if int.is_none() && !prefers_float {
        return Err(format!("{text} overflows int"));
    }
    Ok(Number { text: text.into(), int: int.or(whole), float: float.or(int.map(|i| i as f64)), prefers_float })
}

/// Go's `strconv.ParseInt(text, 0, 64)`.
pub fn parse_int(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, rest) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, &lower[..]),
    };
    if rest.is_empty() || rest.contains("__") || rest.ends_with('_') || (radix == 10 && rest.starts_with('_')) {
        return None;
    }
    if rest.starts_with(['+', '-']) {
        return None;
    }
    // Underscores are only for literals that say their base, or decimal ones between digits.
    let plain = rest.replace('_', "");
    let value = i128::from_str_radix(&plain, radix).ok()?;
    i64::try_from(if negative { -value } else { value }).ok()
}

/// Go's `strconv.ParseFloat(text, 64)`, without hexadecimal ones.
pub fn parse_float(text: &str) -> Option<f64> {
    let plain = text.replace('_', "");
    let rest = plain.strip_prefix(['+', '-']).unwrap_or(&plain);
    if !rest.starts_with(|c: char| c.is_ascii_digit() || c == '.') || !rest.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    plain.parse::<f64>().ok().filter(|f| f.is_finite())
}
