//! Who sends a request, and whether it was readable on the way, as far as trusted proxies tell (reliability S8).
//!
//! `X-Forwarded-For` and `X-Forwarded-Proto` are believed only from the operator's proxies (`http.trusted_proxies`); of a chain
//! of them the last address that is none of the proxies is the sender. From anybody else they mean nothing.

use std::net::IpAddr;

use http::HeaderMap;
use ipnet::IpNet;

/// Longest chain of proxies that is followed.
const HOPS_MAX: usize = 16;

/// A request's sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sender {
    /// Its address.
    pub address: IpAddr,
    /// Whether it sends over TLS as a trusted proxy says.
    pub over_tls: bool,
    /// Whether nobody on the way could read the request: over TLS, or from this machine itself.
    pub is_confidential: bool,
}

impl Sender {
    /// The sender of a request that came from `peer`.
    pub fn of(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> Self {
        let peer = peer.to_canonical();
        let is_trusted = |address: IpAddr| proxies.iter().any(|proxy| proxy.contains(&address));
        if !is_trusted(peer) {
            return Self { address: peer, over_tls: false, is_confidential: peer.is_loopback() };
        }
        let address = forwarded_for(headers, is_trusted).unwrap_or(peer);
        let over_tls =
            last_of(headers, "x-forwarded-proto").is_some_and(|it| it.eq_ignore_ascii_case("https"));
        // A trusted proxy that says nothing of TLS may have had a plain request itself.
        Self { address, over_tls, is_confidential: over_tls || (address == peer && peer.is_loopback()) }
    }
}

/// The last address in the chain that is none of the proxies. A hop that is no address ends the chain: what stands before it
/// cannot be known.
fn forwarded_for(headers: &HeaderMap, is_trusted: impl Fn(IpAddr) -> bool) -> Option<IpAddr> {
    let mut found = None;
    let values: Vec<&str> =
        headers.get_all("x-forwarded-for").iter().map(|value| value.to_str().unwrap_or("")).collect();
    let hops = values.iter().rev().flat_map(|value| value.rsplit(','));
    for hop in hops.take(HOPS_MAX) {
        let Some(address) = hop_address(hop.trim()) else { break };
        found = Some(address);
        if !is_trusted(address) {
            break;
        }
    }
    found
}

/// An address, with a port or not, an IPv6 one in brackets or not.
fn hop_address(text: &str) -> Option<IpAddr> {
    let plain = text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    plain.or_else(with_port).or_else(bracketed).map(|address| address.to_canonical())
}

/// The last element of a list header: what the nearest proxy wrote.
fn last_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get_all(name).iter().next_back()?.to_str().ok()?.rsplit(',').next().map(str::trim)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn sender(peer: &str, headers: &[(&'static str, &'static str)]) -> (String, bool, bool) {
        let proxies: Vec<IpNet> = ["10.0.0.0/8", "2001:db8::/32"].map(|net| net.parse().unwrap()).to_vec();
        let pairs = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let mut map = HeaderMap::new();
        pairs.for_each(|(name, value)| _ = map.append(name, value));
        let Sender { address, over_tls, is_confidential } = Sender::of(peer.parse().unwrap(), &map, &proxies);
        (address.to_string(), over_tls, is_confidential)
    }

    #[test]
    fn strangers_are_not_believed() {
        let claims = [("x-forwarded-for", "127.0.0.1"), ("x-forwarded-proto", "https")];
        assert_eq!(sender("203.0.113.7", &claims), ("203.0.113.7".into(), false, false));
        assert_eq!(sender("127.0.0.1", &claims), ("127.0.0.1".into(), false, true));
        assert_eq!(sender("::ffff:127.0.0.1", &[]), ("127.0.0.1".into(), false, true));
    }

    #[test]
    fn of_a_chain_the_last_that_is_no_proxy_counts() {
        let of = |chain: &'static str| {
            sender("10.1.1.1", &[("x-forwarded-for", chain), ("x-forwarded-proto", "https")]).0
        };
        assert_eq!(of("203.0.113.7"), "203.0.113.7");
        assert_eq!(of("198.51.100.1, 203.0.113.7, 10.2.2.2"), "203.0.113.7");
        assert_eq!(of("127.0.0.1, 203.0.113.7:443"), "203.0.113.7");
        assert_eq!(of("[2001:db8::1]:80, 10.2.2.2"), "2001:db8::1");
        assert_eq!(of("203.0.113.7, unknown"), "10.1.1.1");
        assert_eq!(of(""), "10.1.1.1");
        let repeated = [("x-forwarded-for", "198.51.100.1"), ("x-forwarded-for", "203.0.113.7")];
        assert_eq!(sender("10.1.1.1", &repeated).0, "203.0.113.7");
    }

    #[test]
    fn only_https_all_the_way_is_confidential() {
        let of = |proto: &'static str| {
            sender("10.1.1.1", &[("x-forwarded-for", "203.0.113.7"), ("x-forwarded-proto", proto)])
        };
        assert_eq!(of("https"), ("203.0.113.7".into(), true, true));
        assert_eq!(of("http"), ("203.0.113.7".into(), false, false));
        assert_eq!(of("https, http"), ("203.0.113.7".into(), false, false));
        assert_eq!(sender("10.1.1.1", &[]), ("10.1.1.1".into(), false, false));
    }
}
