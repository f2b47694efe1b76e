//! The order of keys that go-yaml writes: numbers inside them count as numbers.
//! `later`: of its third version, where a letter behind the same digits comes first.

use std::cmp::Ordering;

pub fn compare(a: &str, b: &str, later: bool) -> Ordering {
    let (x, y): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let Some(i) = x.iter().zip(&y).position(|(c, d)| c != d) else { return x.len().cmp(&y.len()) };
    let (c, d) = (x[i], y[i]);
    let behind_digits = later && i > 0 && x[i - 1].is_numeric();
    match (c.is_alphabetic(), d.is_alphabetic()) {
        (true, true) => return c.cmp(&d),
        (true, false) if behind_digits => return Ordering::Less,
        (false, true) if behind_digits => return Ordering::Greater,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    // A zero inside a number is one of its digits, one before it is not.
    let leading = |c: char| c == '0';
    let before = || x[..i].iter().rev().take_while(|c| c.is_numeric()).any(|c| *c != '0');
    let start = i64::from((leading(c) || leading(d)) && before());
    let number = |chars: &[char]| {
        let digits: Vec<char> = chars[i..].iter().copied().take_while(|c| c.is_numeric()).collect();
        let digit = |c: &char| i64::from(*c as u32) - i64::from(b'0');
        (digits.iter().fold(start, |n, c| n.wrapping_mul(10).wrapping_add(digit(c))), digits.len())
    };
    let ((n, n_end), (m, m_end)) = (number(&x), number(&y));
    n.cmp(&m).then(n_end.cmp(&m_end)).then(c.cmp(&d))
}
