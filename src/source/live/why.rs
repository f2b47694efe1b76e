//! Error chains of the network stack, in words that a person can act on.
//!
//! The outer levels ("ServiceError", "client error (Connect)") say nothing; the cause is at the bottom, and for TLS it
//! hides inside an `io::Error` that does not show it as its source.

use std::error::Error;
use std::io::ErrorKind;

/// The cause of a failed call, one line: "connection refused", "TLS: …", "the name can't be resolved (DNS)".
pub fn why(error: &(dyn Error + 'static)) -> String {
    let mut words = None;
    let mut dns = false;
    let mut deepest = String::new();
    walk(error, &mut |level| {
        let text = level.to_string();
        dns |= text.contains("dns error");
        words = words.take().or_else(|| known(level));
        deepest = text;
    });
    match words {
        Some(words) => words,
        None if dns => format!("the name can't be resolved (DNS): {deepest}"),
        None => deepest,
    }
}

/// Whether the server was never reached at all (so that asking it something else is pointless).
pub fn never_connected(error: &(dyn Error + 'static)) -> bool {
    let mut found = false;
    walk(error, &mut |level| {
        found |= level.downcast_ref::<hyper_util::client::legacy::Error>().is_some_and(|e| e.is_connect());
    });
    found
}

/// Visits every level, and what an `io::Error` carries instead of showing it.
fn walk<'a>(error: &'a (dyn Error + 'static), visit: &mut dyn FnMut(&'a (dyn Error + 'static))) {
    let mut next = Some(error);
    while let Some(level) = next {
        visit(level);
        next = match level.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => level.source(),
        };
    }
}

fn known(level: &(dyn Error + 'static)) -> Option<String> {
    if let Some(tls) = level.downcast_ref::<rustls::Error>() {
        return Some(tls_words(tls));
    }
    if let Some(hyper) = level.downcast_ref::<hyper::Error>() {
        return hyper.is_incomplete_message().then(|| "connection closed before the answer was complete".to_owned());
    }
    let kind = level.downcast_ref::<std::io::Error>()?.kind();
    Some(
        match kind {
            ErrorKind::ConnectionRefused => "connection refused",
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => "connection reset by the other side",
            ErrorKind::UnexpectedEof => "connection closed before the answer was complete",
            ErrorKind::TimedOut => "no connection within the deadline",
            ErrorKind::HostUnreachable => "no route to the host",
            ErrorKind::NetworkUnreachable => "the network is unreachable",
            _ => return None,
        }
        .to_owned(),
    )
}

fn tls_words(error: &rustls::Error) -> String {
    use rustls::CertificateError as Bad;
    match error {
        rustls::Error::InvalidCertificate(Bad::UnknownIssuer) => {
            "TLS: the server's certificate is signed by an unknown authority".to_owned()
        }
        rustls::Error::InvalidCertificate(Bad::Expired | Bad::ExpiredContext { .. }) => {
            "TLS: the server's certificate has expired".to_owned()
        }
        rustls::Error::InvalidCertificate(Bad::NotValidForName | Bad::NotValidForNameContext { .. }) => {
            format!(
                "TLS: the server's certificate is for another name ({error}); names must be SANs, a common name is not enough"
            )
        }
        rustls::Error::InvalidMessage(_) => "TLS: the server does not speak TLS on this port".to_owned(),
        other => format!("TLS: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_cause_inside_an_io_error() {
        let tls = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let outer = std::io::Error::other(std::io::Error::other(tls));
        assert_eq!(why(&outer), "TLS: the server's certificate is signed by an unknown authority");
        let refused = std::io::Error::from(ErrorKind::ConnectionRefused);
        assert_eq!(why(&std::io::Error::other(refused)), "connection refused");
        assert_eq!(why(&std::io::Error::other("odd")), "odd");
    }
}
