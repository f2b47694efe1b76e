//! What a name gives away: is the value behind it secret?

/// Parts of a name that make its value secret.
const SECRET: [&str; 13] = [
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "SECRET",
    "TOKEN",
    "API_KEY",
    "APIKEY",
    "ACCESS_KEY",
    "ACCESSKEY",
    "PRIVATE_KEY",
    "PRIVATEKEY",
    "CREDENTIAL",
    "AUTHORIZATION",
];

/// Endings of names that point at a secret, or at the service that keeps it, and are none themselves.
const POINTER: [&str; 18] = [
    "_FILE",
    "_PATH",
    "_DIR",
    "_HOST",
    "_HOSTNAME",
    "_PORT",
    "_URL",
    "_URI",
    "_ADDR",
    "_ADDRESS",
    "_ENDPOINT",
    "_NAME",
    "_NAMESPACE",
    "_TTL",
    "_AUDIENCE",
    "_ISSUER",
    "_ENABLED",
    "_TYPE",
];

/// `DB_PASSWORD`, `--api-key`, `spring.datasource.password`, but not `TOKEN_FILE`.
pub fn secret_name(name: &str) -> bool {
    if name.len() < 5 || name.len() > 256 {
        return false;
    }
    let mut upper = [0u8; 256];
    for (to, from) in upper.iter_mut().zip(name.bytes()) {
        *to = if matches!(from, b'-' | b'.' | b' ' | b'/') { b'_' } else { from.to_ascii_uppercase() };
    }
    let upper = std::str::from_utf8(&upper[..name.len()]).unwrap_or_default();
    SECRET.iter().any(|part| upper.contains(part)) && !POINTER.iter().any(|end| upper.ends_with(end))
}

/// Fields of custom resources that hold a secret in the clear. Exact, because `secretName` and `tokenRef` are pointers.
pub fn exact_secret_field(field: &str) -> bool {
    const FIELDS: [&str; 13] = [
        "password",
        "passwd",
        "passphrase",
        "token",
        "apikey",
        "clientsecret",
        "accesstoken",
        "bearertoken",
        "refreshtoken",
        "secretkey",
        "secretaccesskey",
        "privatekey",
        "authtoken",
    ];
    (5..=15).contains(&field.len()) && FIELDS.iter().any(|name| name.eq_ignore_ascii_case(field))
}

/// The part of a secret-named value that may stay, from its beginning: all of it if it is a switch, a reference such as
/// `$(DB_PASSWORD)`, a path, or `host:port`; of a URL the part before its path. `None`: nothing may stay.
pub fn harmless_part(value: &str) -> Option<&str> {
    let trimmed = value.trim();
    let reference = |open: &str, close: char| {
        trimmed.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)).is_some_and(|name| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        })
    };
    if trimmed.is_empty()
        || matches!(trimmed, "true" | "false" | "null" | super::MARKER)
        || reference("$(", ')')
        || reference("${", '}')
        || host_and_port(trimmed)
        || trimmed.starts_with("/var/run/secrets/")
    {
        return Some(value);
    }
    let (scheme, rest) = value.split_once("://")?;
    if scheme.is_empty() || !scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+.-".contains(&b)) {
        return None;
    }
    // A user name before the host may be the secret; what follows the last @ is the host. Without a name that can be
    // a host, nothing stays.
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest[..authority].rsplit('@').next().unwrap_or_default();
    let host_only = host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b));
    if !host_only || rest[authority..].contains('@') {
        return None;
    }
    let path = rest[authority..].len() > 1 && rest[authority..] != *"/<redacted>";
    Some(if path { &value[..scheme.len() + 3 + authority + 1] } else { value })
}

fn host_and_port(value: &str) -> bool {
    value.rsplit_once(':').is_some_and(|(host, port)| {
        (1..=5).contains(&port.len())
            && port.bytes().all(|b| b.is_ascii_digit())
            && host.starts_with(|c: char| c.is_ascii_alphabetic())
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))
    })
}
