//! Base 64 and base 32 as Go reads them: what is no such text is told by the place of the first wrong byte.

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const LETTERS32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn wrong(base: u8, at: usize) -> String {
    format!("illegal base{base} data at input byte {at}")
}

/// Line ends are passed over, bits that are left over are not looked at.
pub fn from_base64(text: &str) -> Result<Vec<u8>, String> {
    let bytes = text.as_bytes();
    let blank = |at: usize| bytes.get(at).is_some_and(|byte| matches!(byte, b'\r' | b'\n'));
    let mut out = Vec::with_capacity(bytes.len() / 4 * 3);
    let (mut at, mut group, mut count) = (0, 0u32, 0usize);
    while at < bytes.len() {
        let byte = bytes[at];
        at += 1;
        if let Some(value) = LETTERS.iter().position(|letter| *letter == byte) {
            group = group << 6 | value as u32;
            count += 1;
            if count == 4 {
                out.extend(&group.to_be_bytes()[1..]);
                (group, count) = (0, 0);
            }
            continue;
        }
        match byte {
            b'\r' | b'\n' => continue,
            b'=' if count >= 2 => {}
            _ => return Err(wrong(64, at - 1)),
        }
        if count == 2 {
            while blank(at) {
                at += 1;
            }
            match bytes.get(at) {
                None => return Err(wrong(64, bytes.len())),
                Some(b'=') => at += 1,
                Some(_) => return Err(wrong(64, at - 1)),
            }
        }
        while blank(at) {
            at += 1;
        }
        if at < bytes.len() {
            return Err(wrong(64, at));
        }
        out.extend(&(group << (6 * (4 - count))).to_be_bytes()[1..count]);
        return Ok(out);
    }
    if count == 0 { Ok(out) } else { Err(wrong(64, at - count)) }
}

pub fn base32(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(5) {
        let mut group = [0u8; 8];
        group[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(group);
        let used = (chunk.len() * 8).div_ceil(5);
        for i in 0..8 {
            let symbol = LETTERS32[(bits >> (35 - 5 * i) & 31) as usize];
            out.push(if i < used { symbol as char } else { '=' });
        }
    }
    out
}

/// Places are counted without line ends, as Go does.
pub fn from_base32(text: &str) -> Result<Vec<u8>, String> {
    let clean: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let mut out = Vec::new();
    for (number, chunk) in clean.chunks(8).enumerate() {
        let start = number * 8;
        let (mut group, mut used) = (0u64, 0);
        for (j, byte) in chunk.iter().enumerate() {
            let at = start + j;
            let left = clean.len() - at - 1;
            if *byte == b'=' && j >= 2 && left < 8 {
                if left + j < 7 {
                    return Err(wrong(32, clean.len()));
                }
                if let Some(k) = (0..7 - j).find(|k| clean.get(at + 1 + k).is_some_and(|byte| *byte != b'=')) {
                    return Err(wrong(32, at + k));
                }
                if matches!(j, 1 | 3 | 6) {
                    return Err(wrong(32, at));
                }
                out.extend(&(group << (40 - 5 * j)).to_be_bytes()[3..3 + j * 5 / 8]);
                return Ok(out);
            }
            let value = LETTERS32.iter().position(|letter| letter == byte).ok_or_else(|| wrong(32, at))?;
            group = group << 5 | value as u64;
            used += 1;
        }
        if used < 8 {
            return Err(wrong(32, start));
        }
        out.extend(&group.to_be_bytes()[3..]);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_base_64_is_told_by_its_place() {
        for (text, wanted) in [
            ("Zm9v\nYmE=\n", Ok("fooba")),
            ("Zh==", Ok("f")),
            ("Z=", Err("1")),
            ("Zg=", Err("3")),
            ("Zg=x", Err("2")),
            ("Zg==x", Err("4")),
            ("Zm9vY", Err("4")),
            ("a b", Err("1")),
            ("Zm9\nv*", Err("5")),
        ] {
            let wanted =
                wanted.map(|text| text.as_bytes().to_vec()).map_err(|at| format!("illegal base64 data at input byte {at}"));
            assert_eq!(from_base64(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_base_32_is_told_by_its_place() {
        for text in ["", "f", "fo", "foo", "foob", "fooba", "foobar"] {
            assert_eq!(from_base32(&base32(text.as_bytes())), Ok(text.as_bytes().to_vec()));
        }
        for (text, at) in [("a", 0), ("MZXW6=", 6), ("MZX=====", 3), ("MZ==X===", 3), ("MZXW6YQ", 0)] {
            assert_eq!(from_base32(text), Err(format!("illegal base32 data at input byte {at}")), "{text}");
        }
    }
}
