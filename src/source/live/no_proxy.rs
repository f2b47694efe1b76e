//! `NO_PROXY`: whether a host is reached directly.

use std::net::IpAddr;

/// Comma-separated hosts, domains (`.example.com` or `example.com`, both with everything below), addresses, networks
/// (`10.0.0.0/8`), or `*`. Loopback is always direct, as in Go's programs.
pub fn covers(list: &str, host: &str) -> bool {
    let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
    let address: Option<IpAddr> = host.parse().ok();
    if host == "localhost" || address.is_some_and(|ip| ip.is_loopback()) {
        return true;
    }
    list.split(',').map(|entry| entry.trim().to_ascii_lowercase()).filter(|entry| !entry.is_empty()).any(|entry| {
        if entry == "*" {
            return true;
        }
        if let (Some(ip), Some((network, bits))) = (address, entry.split_once('/')) {
            return within(ip, network, bits);
        }
        // A port in the list is for one port only in theory; in practice it means the host.
        let entry = entry.rsplit_once(':').filter(|(name, _)| !name.contains(':')).map_or(entry.as_str(), |(name, _)| name);
        let domain = entry.trim_start_matches("*.").trim_start_matches('.');
        host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
    })
}

fn within(ip: IpAddr, network: &str, bits: &str) -> bool {
    let (Ok(network), Ok(bits)) = (network.parse::<IpAddr>(), bits.parse::<u32>()) else { return false };
    match (ip, network) {
        (IpAddr::V4(a), IpAddr::V4(b)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            u32::from(a) & mask == u32::from(b) & mask
        }
        (IpAddr::V6(a), IpAddr::V6(b)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            u128::from(a) & mask == u128::from(b) & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn entries() {
        let list = "10.0.0.0/8, .svc,example.com:443, fd00::/8,,192.168.1.7";
        for host in
            ["10.9.8.7", "api.shop.svc", "example.com", "k8s.example.com", "[fd00::1]", "192.168.1.7", "127.0.0.1", "localhost"]
        {
            assert!(covers(list, host), "{host}");
        }
        for host in ["11.0.0.1", "badexample.com", "svcx", "fe80::1"] {
            assert!(!covers(list, host), "{host}");
        }
        assert!(covers("*", "anything") && !covers("", "anything"));
    }
}
