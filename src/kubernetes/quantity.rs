//! Kubernetes quantities: `100m`, `1Gi`, `0.5`, `1e3`.

/// The value in base units; `None` for text that is no quantity.
fn parse(text: &str) -> Option<f64> {
    let text = text.trim();
    let split = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-'))).unwrap_or(text.len());
    let (number, suffix) = text.split_at(split);
    let exponent = suffix.strip_prefix(['e', 'E']).filter(|rest| !rest.is_empty()).and_then(|rest| rest.parse::<i32>().ok());
    let factor = match (exponent, suffix) {
        (Some(power), _) => 10f64.powi(power),
        (None, "") => 1.0,
        (None, "n") => 1e-9,
        (None, "u") => 1e-6,
        (None, "m") => 1e-3,
        (None, "k" | "K") => 1e3,
        (None, "M") => 1e6,
        (None, "G") => 1e9,
        (None, "T") => 1e12,
        (None, "P") => 1e15,
        (None, "E") => 1e18,
        (None, "Ki") => 1024.0,
        (None, "Mi") => 1024f64.powi(2),
        (None, "Gi") => 1024f64.powi(3),
        (None, "Ti") => 1024f64.powi(4),
        (None, "Pi") => 1024f64.powi(5),
        (None, "Ei") => 1024f64.powi(6),
        _ => return None,
    };
    let value = number.parse::<f64>().ok()? * factor;
    (value.is_finite() && value >= 0.0).then_some(value)
}

/// CPU in millicores, rounded up as the scheduler does.
pub fn cpu_milli(text: &str) -> Option<u64> {
    // The subtraction keeps 0.1 * 1000 from becoming 101.
    parse(text).map(|cores| (cores * 1000.0 - 1e-6).ceil().max(0.0) as u64)
}

/// Memory in bytes.
pub fn bytes(text: &str) -> Option<u64> {
    parse(text).map(|bytes| (bytes - 1e-6).ceil().max(0.0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn any_text_is_a_quantity_or_none(text in "([0-9.eE+-]|[numkKMGTPEi]|\\PC){0,12}") {
            let _ = (cpu_milli(&text), bytes(&text));
        }

        #[test]
        fn millicores_and_mebibytes_come_back(count in 0_u32..10_000_000) {
            proptest::prop_assert_eq!(cpu_milli(&format!("{count}m")), Some(u64::from(count)));
            proptest::prop_assert_eq!(bytes(&format!("{count}Mi")), Some(u64::from(count) << 20));
        }
    }

    #[test]
    fn quantities_as_kubernetes_writes_them() {
        for (text, milli) in
            [("100m", 100), ("0.5", 500), ("2", 2000), ("1e3", 1_000_000), ("0.1", 100), ("1500u", 2), ("1E1", 10_000)]
        {
            assert_eq!(cpu_milli(text), Some(milli), "{text}");
        }
        for (text, value) in
            [("1Gi", 1 << 30), ("128974848", 128_974_848), ("129e6", 129_000_000), ("129M", 129_000_000), ("123Mi", 128_974_848)]
        {
            assert_eq!(bytes(text), Some(value), "{text}");
        }
        for text in ["", "abc", "1Zi", "-1", "1e", "e3", "1 Gi", "..", "999e999"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
