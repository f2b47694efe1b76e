//! Finds hosts in text: URLs, `host:port`, DSNs, connection strings. Pure text, no knowledge of the cluster.
//!
//! What comes out is made of the parsed pieces alone, so that nothing secret (userinfo, paths, queries) leaves here.

/// A host somebody wrote down.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Lowercase.
    pub host: String,
    pub port: Option<u16>,
    /// Lowercase: `http`, `amqp`, …; empty when there was none.
    pub scheme: String,
    /// How sure the text itself makes it.
    pub form: Form,
}

/// In what form it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// `scheme://host…` or a connection string: nothing else looks like it.
    Url,
    /// `host:port`: an image, a key or a time may look like it.
    HostPort,
    /// A host alone, in a place that is named after a host.
    Bare,
}

impl Reference {
    /// What to show.
    pub fn text(&self) -> String {
        let port = self.port.map(|p| format!(":{p}")).unwrap_or_default();
        match &*self.scheme {
            "" => format!("{}{port}", self.host),
            scheme => format!("{scheme}://{}{port}", self.host),
        }
    }
}

/// Longer lines than this are data, not configuration.
const LONGEST: usize = 64 * 1024;

/// Every reference in a text.
pub fn scan(text: &str) -> Vec<Reference> {
    let mut found = Vec::new();
    if text.len() > LONGEST {
        return found;
    }
    let cleaned;
    let text = if text.contains("<redacted>") {
        cleaned = text.replace("<redacted>", "redacted");
        &cleaned
    } else {
        text
    };
    connection_string(text, &mut found);
    for token in text.split(is_break) {
        if token.contains("://") {
            urls(token, &mut found);
        } else if token.contains(':') {
            plain(token, &mut found);
        }
    }
    found.dedup();
    found
}

fn is_break(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '"' | '\'' | '`' | ';' | '|' | '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' | '\\')
}

fn urls(token: &str, found: &mut Vec<Reference>) {
    let mut rest = token;
    while let Some(at) = rest.find("://") {
        // From behind, so that a sign of several bytes before the scheme is no place to cut.
        let scheme = rest[..at].trim_end_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
        let scheme_at = scheme.len();
        // `--url=` and `-Dx=` end at a sign that no scheme holds; a leading dash is left over.
        let scheme = rest[scheme_at..at].trim_start_matches(['-', '.', '+']).to_ascii_lowercase();
        let after = &rest[at + 3..];
        let end = after.find(['/', '?', '#', '&']).unwrap_or(after.len());
        let (authority, path) = after.split_at(end);
        if authority.is_empty() {
            // gRPC's resolver names: `dns:///host:port`, `dns://authority/host:port`.
            if matches!(&*scheme, "dns" | "xds" | "passthrough" | "discovery") {
                let target = path.trim_start_matches('/').split(['/', '?']).next().unwrap_or_default();
                push(host_port(target), &scheme, Form::Url, found);
            }
        } else if !matches!(&*scheme, "" | "file" | "unix" | "classpath" | "data" | "oci" | "urn" | "spiffe" | "npipe" | "jar") {
            authorities(authority, path, &scheme, found);
        }
        rest = after;
    }
}

fn authorities(authority: &str, path: &str, scheme: &str, found: &mut Vec<Reference>) {
    let (userinfo, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    // `user:12/34@host`: a password with a slash; what stands before it is no host.
    if userinfo.is_empty() && hosts.contains(':') && path.contains('@') {
        return;
    }
    for host in hosts.split(',') {
        push(host_port(host), scheme, Form::Url, found);
    }
}

fn plain(token: &str, found: &mut Vec<Reference>) {
    for part in token.split([',', '&']) {
        let value = part.rsplit_once('=').map_or(part, |(_, value)| value);
        // Userinfo, and Oracle's `thin:@host:1521`.
        let value = value.rsplit_once('@').map_or(value, |(_, host)| host).trim_start_matches('/');
        let value = value.strip_prefix("tcp:").unwrap_or(value);
        let (address, rest) = value.split_at(value.find(['/', '?', '#']).unwrap_or(value.len()));
        // `host:1521:sid` is Oracle's.
        let address = match address.match_indices(':').nth(1) {
            Some((second, _)) if token.contains("oracle") => &address[..second],
            _ => address,
        };
        if part.contains("://") || (rest.is_empty() && address.ends_with(':')) {
            continue;
        }
        if let Some((host, Some(port))) = host_port(address) {
            push(Some((host, Some(port))), "", Form::HostPort, found);
        }
    }
}

/// `Host=h;Port=5432;Username=u`, `Server=tcp:h,1433;Database=d`, libpq's `host=h port=5432 dbname=d`.
fn connection_string(text: &str, found: &mut Vec<Reference>) {
    if !text.contains('=') || text.len() > 4096 {
        return;
    }
    let (mut host, mut port, mut telling) = (None, None, false);
    for pair in text.split([';', ' ', '"', '\'']) {
        let Some((key, value)) = pair.split_once('=') else { continue };
        let value = value.trim();
        match key.trim().to_ascii_lowercase().as_str() {
            // `Data Source=` and `Network Address=` are cut at their blank.
            "host" | "server" | "source" | "address" | "addr" | "hostname" if host.is_none() => host = Some(value),
            "port" => port = value.parse::<u16>().ok(),
            "user" | "username" | "uid" | "id" | "password" | "pwd" | "database" | "dbname" | "catalog" | "sslmode" => {
                telling = true
            }
            _ => {}
        }
    }
    let Some(host) = host.filter(|_| telling || port.is_some()) else { return };
    let host = host.strip_prefix("tcp:").unwrap_or(host);
    let (name, own_port) = host.split_once([',', ':']).map_or((host, None), |(name, port)| (name, port.trim().parse().ok()));
    if let Some((name, _)) = host_port(name) {
        push(Some((name, own_port.or(port))), "", Form::Url, found);
    }
}

fn push(parsed: Option<(String, Option<u16>)>, scheme: &str, form: Form, found: &mut Vec<Reference>) {
    if let Some((host, port)) = parsed {
        let reference = Reference { host, port, scheme: scheme.to_owned(), form };
        if !found.contains(&reference) {
            found.push(reference);
        }
    }
}

/// `host` or `host:port`, if it is one: a DNS name that isn't a number, with a sane port.
pub fn host_port(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port.parse::<u16>().ok().filter(|p| *p > 0)?)),
        None => (text, None),
    };
    Some((host_name(host)?, port))
}

/// A DNS name in lowercase, SRV prefixes (`_grpc._tcp.`) and the last dot allowed. Numbers and IPs are none.
pub fn host_name(text: &str) -> Option<String> {
    let text = text.strip_suffix('.').unwrap_or(text);
    if text.is_empty() || text.len() > 253 || text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    let label = |label: &str| {
        let name = label.strip_prefix('_').unwrap_or(label);
        !name.is_empty()
            && label.len() <= 63
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !name.starts_with('-')
            && !name.ends_with('-')
    };
    (text.split('.').all(label) && text.bytes().any(|b| b.is_ascii_alphabetic())).then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hosts(text: &str) -> Vec<String> {
        scan(text).iter().map(Reference::text).collect()
    }

    #[test]
    fn a_letter_of_several_bytes_before_a_scheme_is_no_place_to_cut() {
        assert_eq!(hosts("größe→http://cart:8080 ড়://"), ["http://cart:8080"]);
    }

    #[test]
    fn every_form_of_a_host() {
        for (text, wanted) in [
            ("cart:7070", &["cart:7070"][..]),
            ("http://cart:8080/api?x=1", &["http://cart:8080"]),
            ("amqp://user:p%40ss@rabbitmq:5672/vhost", &["amqp://rabbitmq:5672"]),
            ("amqp://user:<redacted>@rabbitmq:5672", &["amqp://rabbitmq:5672"]),
            ("redis://:pw@cache:6379/0", &["redis://cache:6379"]),
            ("jdbc:mysql://orders-db:3306/orders?useSSL=false", &["mysql://orders-db:3306"]),
            ("mongodb://u:p@a:27017,b:27018,c/db?replicaSet=rs", &["mongodb://a:27017", "mongodb://b:27018", "mongodb://c"]),
            ("a:9092,b:9092", &["a:9092", "b:9092"]),
            ("PLAINTEXT://k1:9092,SSL://k2:9093", &["plaintext://k1:9092", "ssl://k2:9093"]),
            ("Host=pg;Username=u;Password=p", &["pg"]),
            ("Server=sql,1433;Database=d;User Id=sa", &["sql:1433"]),
            ("Server=tcp:sql.shop,1433;Initial Catalog=d", &["sql.shop:1433"]),
            ("host=pg port=5432 dbname=shop", &["pg:5432"]),
            ("user:pw@tcp(mysql:3306)/db", &["mysql:3306"]),
            ("dns:///cart.shop.svc:7070", &["dns://cart.shop.svc:7070"]),
            ("_grpc._tcp.cart.shop.svc.cluster.local:7070", &["_grpc._tcp.cart.shop.svc.cluster.local:7070"]),
            ("-Dcatalog.url=http://catalog:80", &["http://catalog:80"]),
            ("--upstream=cart:80", &["cart:80"]),
            ("until nc -z db 5432; do sleep 1; done", &[]),
            ("${CART_URL:http://cart:8080}", &["http://cart:8080"]),
            ("jdbc:oracle:thin:@ora:1521:sid", &["ora:1521"]),
            ("proxy_pass http://cart/;", &["http://cart"]),
        ] {
            assert_eq!(hosts(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_a_host() {
        for text in [
            "12:30",
            "0.0.0.0:8080",
            "127.0.0.1:80",
            ":8080",
            "/etc/x:ro",
            "a/b/redis:7",
            "-Xmx:512",
            "key:",
            "x:y",
            "::1",
            "[::1]:80",
            "file:///etc/x",
            "unix:///var/run/s.sock",
            "urn:a:b",
            "a:99999",
            "a:0",
            "user:12/34@h:80/",
            "",
            "=",
            "//",
            "://",
            "@:",
        ] {
            let found: Vec<String> = hosts(text).into_iter().filter(|h| h != "h:80").collect();
            assert!(found.is_empty(), "{text}: {found:?}");
        }
        assert_eq!(hosts("http://user:12/34@h:80/"), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn never_panics_and_hosts_are_clean(text in any::<String>()) {
            for r in scan(&text) {
                prop_assert!(r.host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_')), "{:?}", r);
                prop_assert!(!r.text().chars().any(char::is_control));
            }
        }

        #[test]
        fn never_shows_userinfo(user in "[a-z]{3,8}", password in "[a-zA-Z0-9%._~-]{4,12}", host in "[a-z]{1,5}x") {
            let found = scan(&format!("amqp://{user}:{password}@{host}:5672/v"));
            prop_assert_eq!(found.len(), 1);
            prop_assert_eq!(found[0].text(), format!("amqp://{}:5672", host));
        }

        #[test]
        fn survives_separators(text in "[a-z0-9:/@,;=.{}$() _-]{0,60}") {
            for r in scan(&text) {
                prop_assert!(host_name(&r.host).is_some());
            }
        }
    }
}
