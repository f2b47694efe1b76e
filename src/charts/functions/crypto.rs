//! Random text, passwords and what is made of them.

use super::{Builtin, Context, Param::*, done, fixed, int, passwords, text};
use crate::charts::value::Value;
use base64::Engine;

pub const TABLE: &[Builtin] = &[
    fixed("randAlphaNum", &[Int], |c, a| done(random(c, int(a, 0), |b| b.is_ascii_alphanumeric())?)),
    fixed("randAlpha", &[Int], |c, a| done(random(c, int(a, 0), |b| b.is_ascii_alphabetic())?)),
    fixed("randNumeric", &[Int], |c, a| done(random(c, int(a, 0), |b| b.is_ascii_digit())?)),
    fixed("randAscii", &[Int], |c, a| done(random(c, int(a, 0), |b| (32..127).contains(b))?)),
    fixed("randBytes", &[Int], |c, a| {
        let mut bytes = vec![0; size(int(a, 0))?];
        (c.random)(&mut bytes);
        done(base64::engine::general_purpose::STANDARD.encode(bytes))
    }),
    fixed("randInt", &[Int, Int], |c, a| {
        let (min, max) = (int(a, 0), int(a, 1));
        let span = u64::try_from(i128::from(max) - i128::from(min)).ok().filter(|span| *span > 0);
        let span = span.ok_or("invalid argument to randInt: the first must be below the second")?;
        Ok(Value::Int(min.wrapping_add(below(c, span) as i64)))
    }),
    fixed("uuidv4", &[], |c, _| {
        let mut bytes = [0; 16];
        (c.random)(&mut bytes);
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        done([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
    }),
    fixed("bcrypt", &[Str], |c, a| done(passwords::bcrypt(c, text(a, 0)))),
    fixed("htpasswd", &[Str, Str], |c, a| {
        let (user, password) = (text(a, 0), text(a, 1));
        if user.contains(':') {
            return done(format!("invalid username: {user}"));
        }
        done(format!("{user}:{}", passwords::bcrypt(c, password)))
    }),
    fixed("derivePassword", &[Uint32, Str, Str, Str, Str], |_, a| {
        done(passwords::derived(int(a, 0) as u32, text(a, 1), text(a, 2), text(a, 3), text(a, 4))?)
    }),
    fixed("encryptAES", &[Str, Str], |c, a| done(passwords::encrypted(c, text(a, 0), text(a, 1)))),
    fixed("decryptAES", &[Str, Str], |_, a| done(passwords::decrypted(text(a, 0), text(a, 1))?)),
];

fn size(count: i64) -> Result<usize, String> {
    usize::try_from(count).ok().filter(|count| *count <= 1 << 20).ok_or_else(|| "too much random text".to_owned())
}

fn random(context: &Context<'_>, count: i64, wanted: fn(&u8) -> bool) -> Result<String, String> {
    let alphabet: Vec<u8> = (0..128).filter(wanted).collect();
    let pick = |_| alphabet[below(context, alphabet.len() as u64) as usize] as char;
    Ok((0..size(count)?).map(pick).collect())
}

/// An even choice among so many.
pub fn below(context: &Context<'_>, count: u64) -> u64 {
    let zone = u64::MAX - u64::MAX % count;
    loop {
        let mut bytes = [0; 8];
        (context.random)(&mut bytes);
        let number = u64::from_le_bytes(bytes);
        if number < zone {
            return number % count;
        }
    }
}
