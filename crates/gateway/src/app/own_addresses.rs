//! The addresses of this machine's interfaces: a listener on all of them is reached through each.

use std::net::IpAddr;

use tracing::warn;

/// All addresses of all interfaces; none when the system does not tell.
pub(super) fn all() -> Vec<IpAddr> {
    let interfaces = match nix::ifaddrs::getifaddrs() {
        Ok(interfaces) => interfaces,
        Err(error) => {
            warn!(%error, "the machine's own addresses are not known; deliveries to them are not refused");
            return Vec::new();
        }
    };
    let addresses = interfaces.filter_map(|interface| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
    });
    addresses.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_among_them() {
        assert!(all().iter().any(IpAddr::is_loopback));
    }
}
