//! What sprig makes of passwords: bcrypt, the master password's children, AES in CBC.

use super::Context;
use super::bases::from_base64;
use aes::Aes256;
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use base64::Engine;
use base64::alphabet;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{NO_PAD, STANDARD};
use blowfish::Blowfish;
use ring::{hmac, pbkdf2};
use std::num::NonZeroU32;

/// Doublings of the work; what Go's bcrypt takes when nobody says.
const COST: u32 = 10;
/// bcrypt works on no more.
const LONGEST: usize = 72;

pub fn bcrypt(context: &Context<'_>, password: &str) -> String {
    if password.len() > LONGEST {
        return format!("failed to encrypt string with bcrypt: bcrypt: password length exceeds {LONGEST} bytes");
    }
    let mut salt = [0; 16];
    (context.random)(&mut salt);
    bcrypt_with(password, &salt)
}

fn bcrypt_with(password: &str, salt: &[u8; 16]) -> String {
    let key = [password.as_bytes(), &[0]].concat();
    let mut state: Blowfish = Blowfish::bc_init_state();
    state.salted_expand_key(salt, &key);
    for _ in 0..1u64 << COST {
        state.bc_expand_key(&key);
        state.bc_expand_key(salt);
    }
    let mut hash = Vec::new();
    for pair in b"OrpheanBeholderScryDoubt".chunks_exact(8) {
        let word = |at: usize| u32::from_be_bytes([pair[at], pair[at + 1], pair[at + 2], pair[at + 3]]);
        let mut block = [word(0), word(4)];
        for _ in 0..64 {
            block = state.bc_encrypt(block);
        }
        hash.extend(block.iter().flat_map(|word| word.to_be_bytes()));
    }
    // The first implementation left out the last byte, and so do all others.
    hash.truncate(23);
    let letters = GeneralPurpose::new(&alphabet::BCRYPT, NO_PAD);
    format!("$2a${COST:02}${}{}", letters.encode(salt), letters.encode(hash))
}

const TEMPLATES: &[(&str, &[&str])] = &[
    ("maximum", &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"]),
    (
        "long",
        &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
    ),
    ("medium", &["CvcnoCvc", "CvcCvcno"]),
    ("short", &["Cvcn"]),
    ("basic", &["aaanaaan", "aannaaan", "aaannaaa"]),
    ("pin", &["nnnn"]),
];

fn letters(class: char) -> &'static [u8] {
    match class {
        'V' => b"AEIOU",
        'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        'v' => b"aeiou",
        'c' => b"bcdfghjklmnpqrstvwxyz",
        'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        'n' => b"0123456789",
        'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

/// The password of a site, from the master password, as the Master Password algorithm has it.
pub fn derived(counter: u32, kind: &str, password: &str, user: &str, site: &str) -> Result<String, String> {
    let Some((_, templates)) = TEMPLATES.iter().find(|(name, _)| *name == kind) else {
        return Ok(format!("cannot find password template {kind}"));
    };
    let seeded = |text: &str| -> Result<Vec<u8>, String> {
        let length = u32::try_from(text.len()).map_err(|_| "the text is too long".to_owned())?;
        Ok([b"com.lyndir.masterpassword".as_slice(), &length.to_be_bytes(), text.as_bytes()].concat())
    };
    let key = scrypt(password.as_bytes(), &seeded(user)?, 32_768, 2);
    let message = [seeded(site)?, counter.to_be_bytes().to_vec()].concat();
    let seed = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &message);
    let seed = seed.as_ref();
    let template = templates[usize::from(seed[0]) % templates.len()];
    let letter = |(class, byte): (char, &u8)| letters(class)[usize::from(*byte) % letters(class).len()] as char;
    Ok(template.chars().zip(&seed[1..]).map(letter).collect())
}

/// Words of a block: 8 times 128 bytes.
const BLOCK: usize = 256;

/// RFC 7914, with blocks of 8.
fn scrypt(password: &[u8], salt: &[u8], cost: usize, parallel: usize) -> [u8; 64] {
    let derive = |salt: &[u8], out: &mut [u8]| {
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, NonZeroU32::MIN, salt, password, out);
    };
    let mut bytes = vec![0; BLOCK * 4 * parallel];
    derive(salt, &mut bytes);
    for lane in bytes.chunks_exact_mut(BLOCK * 4) {
        let mut block = [0u32; BLOCK];
        for (word, four) in block.iter_mut().zip(lane.chunks_exact(4)) {
            *word = u32::from_le_bytes([four[0], four[1], four[2], four[3]]);
        }
        let mut kept = Vec::with_capacity(cost * BLOCK);
        for _ in 0..cost {
            kept.extend_from_slice(&block);
            mix(&mut block);
        }
        for _ in 0..cost {
            let at = block[BLOCK - 16] as usize % cost * BLOCK;
            block.iter_mut().zip(&kept[at..]).for_each(|(word, other)| *word ^= other);
            mix(&mut block);
        }
        for (word, four) in block.iter().zip(lane.chunks_exact_mut(4)) {
            four.copy_from_slice(&word.to_le_bytes());
        }
    }
    let mut key = [0; 64];
    derive(&bytes, &mut key);
    key
}

fn mix(block: &mut [u32; BLOCK]) {
    let mut last = [0u32; 16];
    last.copy_from_slice(&block[BLOCK - 16..]);
    let mut out = [0u32; BLOCK];
    for (i, part) in block.chunks_exact(16).enumerate() {
        last.iter_mut().zip(part).for_each(|(word, other)| *word ^= other);
        salsa(&mut last);
        // Even parts first, odd ones behind them.
        let at = (i / 2 + i % 2 * BLOCK / 32) * 16;
        out[at..at + 16].copy_from_slice(&last);
    }
    *block = out;
}

/// Salsa20 with eight rounds.
fn salsa(block: &mut [u32; 16]) {
    const ROUND: [[usize; 4]; 8] = [
        [0, 4, 8, 12],
        [5, 9, 13, 1],
        [10, 14, 2, 6],
        [15, 3, 7, 11],
        [0, 1, 2, 3],
        [5, 6, 7, 4],
        [10, 11, 8, 9],
        [15, 12, 13, 14],
    ];
    let mut x = *block;
    for _ in 0..4 {
        for [a, b, c, d] in ROUND {
            x[b] ^= x[a].wrapping_add(x[d]).rotate_left(7);
            x[c] ^= x[b].wrapping_add(x[a]).rotate_left(9);
            x[d] ^= x[c].wrapping_add(x[b]).rotate_left(13);
            x[a] ^= x[d].wrapping_add(x[c]).rotate_left(18);
        }
    }
    block.iter_mut().zip(x).for_each(|(word, mixed)| *word = word.wrapping_add(mixed));
}

/// The password is the key, cut or filled with zeros.
fn cipher(password: &str) -> Aes256 {
    let mut key = [0; 32];
    let length = password.len().min(32);
    key[..length].copy_from_slice(&password.as_bytes()[..length]);
    Aes256::new(&key.into())
}

pub fn encrypted(context: &Context<'_>, password: &str, plain: &str) -> String {
    if plain.is_empty() {
        return String::new();
    }
    let mut before = [0; 16];
    (context.random)(&mut before);
    let cipher = cipher(password);
    let missing = 16 - plain.len() % 16;
    let padded = [plain.as_bytes(), &vec![missing as u8; missing]].concat();
    let mut out = before.to_vec();
    for chunk in padded.chunks_exact(16) {
        before.iter_mut().zip(chunk).for_each(|(byte, other)| *byte ^= other);
        let mut block = before.into();
        cipher.encrypt_block(&mut block);
        before = block.into();
        out.extend(before);
    }
    STANDARD.encode(out)
}

pub fn decrypted(password: &str, text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    let bytes = from_base64(text)?;
    if bytes.len() < 32 || !bytes.len().is_multiple_of(16) {
        return Err("it is not encrypted: the length is wrong".to_owned());
    }
    let cipher = cipher(password);
    let mut plain = Vec::new();
    for pair in bytes.windows(32).step_by(16) {
        let (before, chunk) = pair.split_at(16);
        let mut block = [0; 16];
        block.copy_from_slice(chunk);
        let mut block = block.into();
        cipher.decrypt_block(&mut block);
        plain.extend(block.iter().zip(before).map(|(byte, other)| byte ^ other));
    }
    let padding = plain.last().map_or(0, |byte| usize::from(*byte));
    let length = plain.len().checked_sub(padding).ok_or("it can't be decrypted: slice bounds out of range")?;
    plain.truncate(length);
    String::from_utf8(plain).map_err(|_| "decrypted bytes that are no text are not supported".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charts::value::Value;

    #[test]
    fn bcrypt_is_what_others_check() {
        // Vectors that implementations have in common.
        let letters = GeneralPurpose::new(&alphabet::BCRYPT, NO_PAD);
        for (password, wanted) in [
            ("", "$2a$10$k1wbIrmNyFAPwPVPSVa/zecw2BCEnBwVS2GbrmgzxFUOqW9dk4TCW"),
            ("a", "$2a$10$k87L/MF28Q673VKh8/cPi.SUl7MU/rWuSiIDDFayrKk/1tBsSQu4u"),
            ("abc", "$2a$10$WvvTPHKwdBJ3uk0Z37EMR.hLA2W6N9AEBhEgrAOljy2Ae5MtaSIUi"),
        ] {
            let mut salt = [0; 16];
            salt.copy_from_slice(&letters.decode(&wanted[7..29]).unwrap());
            assert_eq!(bcrypt_with(password, &salt), wanted, "{password:?}");
        }
    }

    #[test]
    fn scrypt_is_that_of_its_rfc() {
        let key = scrypt(b"pleaseletmein", b"SodiumChloride", 16_384, 1);
        assert_eq!(key[..8], [0x70, 0x23, 0xbd, 0xcb, 0x3a, 0xfd, 0x73, 0x48]);
        assert_eq!(
            key[56..],
            [0xe6, 0x1e, 0x85, 0xdc, 0x0d, 0x65, 0x1e, 0x40, 0xdf, 0xcf, 0x01, 0x7b, 0x45, 0x57, 0x58, 0x87][8..]
        );
    }

    #[test]
    fn what_is_encrypted_can_be_read_again() {
        let now = jiff::Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC);
        let context = Context { now: &now, random: &|bytes| bytes.fill(7), lookup: &|_, _, _, _| Ok(Value::Nil) };
        for plain in ["x", "sixteen bytes  .", "and more than sixteen of them"] {
            let text = encrypted(&context, "secret", plain);
            assert_eq!(decrypted("secret", &text).as_deref(), Ok(plain));
            assert_ne!(decrypted("other", &text).as_deref(), Ok(plain));
        }
        assert!(decrypted("secret", "YWJj").is_err() && decrypted("secret", "*").unwrap_err().contains("byte 0"));
    }
}
