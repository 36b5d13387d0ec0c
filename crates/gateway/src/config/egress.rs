//! How requests leave: the proxy they go through, and the addresses that receivers see.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use stentor_core::webhook::SecretText;
use stentor_engine::outbound::{EgressProxy, ProxyCredentials, ProxyProtocol};
use url::Url;

/// Most ranges that are listed.
const RANGES_MAX: usize = 64;
const PROXY_EXPECTED: &str = "expected socks5://[USER:PASSWORD@]HOST:PORT or http://[USER:PASSWORD@]HOST:PORT; names are never resolved by the proxy";

/// The egress proxy as it is written: a URL. It may hold a password, so neither errors nor `Debug` show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyUrl(EgressProxy);

impl ProxyUrl {
    /// The proxy.
    pub fn proxy(&self) -> &EgressProxy {
        &self.0
    }

    /// Scheme, host and port: what may be shown.
    pub fn shown(&self) -> String {
        let scheme = match self.0.protocol {
            ProxyProtocol::Socks5 => "socks5",
            ProxyProtocol::HttpConnect => "http",
        };
        format!("{scheme}://{}:{}", self.0.host, self.0.port)
    }
}

impl FromStr for ProxyUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        read_proxy(text).map(Self).ok_or_else(|| PROXY_EXPECTED.to_owned())
    }
}

impl<'de> Deserialize<'de> for ProxyUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

fn read_proxy(text: &str) -> Option<EgressProxy> {
    let url = Url::parse(text).ok()?;
    let (protocol, default_port) = match url.scheme() {
        "socks5" => (ProxyProtocol::Socks5, 1080),
        "http" => (ProxyProtocol::HttpConnect, 80),
        _ => return None,
    };
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    let host = url.host_str().filter(|host| !host.is_empty() && bare)?;
    Some(EgressProxy {
        protocol,
        host: host.trim_matches(['[', ']']).to_ascii_lowercase(),
        port: url.port().unwrap_or(default_port),
        credentials: credentials(&url)?,
    })
}

/// The inner `None` when there are none; the outer when they cannot be sent.
fn credentials(url: &Url) -> Option<Option<ProxyCredentials>> {
    if url.username().is_empty() && url.password().is_none() {
        return Some(None);
    }
    let (user, password) = (decoded(url.username())?, decoded(url.password()?)?);
    let sendable = |text: &str| (1..=255).contains(&text.len()) && !text.contains(char::is_control);
    let legal = sendable(&user) && sendable(&password) && !user.contains(':');
    legal.then(|| Some(ProxyCredentials { user, password: SecretText::new(password) }))
}

/// Undoes percent-encoding.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// An address, or a network, that requests come from as receivers see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EgressRange(IpNet);

impl fmt::Display for EgressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() { self.0.addr().fmt(f) } else { self.0.fmt(f) }
    }
}

impl FromStr for EgressRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let net = match text.parse::<IpAddr>() {
            Ok(address) => Some(IpNet::from(address)),
            Err(_) => text.parse::<IpNet>().ok().filter(|net| net.addr() == net.network()),
        };
        net.map(Self)
            .ok_or_else(|| "expected addresses or networks such as 203.0.113.7 or 203.0.113.0/28".into())
    }
}

impl Serialize for EgressRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The addresses that receivers see, at most 64.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EgressRanges(Vec<EgressRange>);

impl EgressRanges {
    /// The networks.
    pub fn networks(&self) -> Vec<IpNet> {
        self.0.iter().map(|range| range.0).collect()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = EgressRange> {
        self.0.iter().copied()
    }

    fn read<'a>(texts: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let ranges = texts.map(str::parse).collect::<Result<Vec<_>, String>>()?;
        if ranges.len() > RANGES_MAX {
            return Err(format!("expected at most {RANGES_MAX} addresses or networks"));
        }
        Ok(Self(ranges))
    }
}

/// Separated by commas.
impl FromStr for EgressRanges {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::read(text.split(',').map(str::trim).filter(|range| !range.is_empty()))
    }
}

impl<'de> Deserialize<'de> for EgressRanges {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        Self::read(texts.iter().map(String::as_str)).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(text: &str) -> Option<EgressProxy> {
        text.parse::<ProxyUrl>().ok().map(|url| url.0)
    }

    #[test]
    fn a_proxy_is_a_url_with_a_scheme_that_is_known() {
        let socks = proxy("socks5://10.1.2.3:9050").expect("valid");
        assert_eq!(
            (socks.protocol, socks.host.as_str(), socks.port),
            (ProxyProtocol::Socks5, "10.1.2.3", 9050)
        );
        assert_eq!(
            proxy("socks5://[fd00::1]").map(|proxy| (proxy.host, proxy.port)),
            Some(("fd00::1".into(), 1080))
        );
        let http = proxy("http://user:p%40ss%3Aword@Proxy.internal:3128/").expect("valid");
        assert_eq!(
            (http.protocol, http.host.as_str(), http.port),
            (ProxyProtocol::HttpConnect, "proxy.internal", 3128)
        );
        let credentials = http.credentials.expect("given");
        assert_eq!((credentials.user.as_str(), credentials.password.reveal()), ("user", "p@ss:word"));
    }

    #[test]
    fn everything_else_is_refused_and_not_repeated() {
        for text in [
            "",
            "secret",
            "socks5h://secret:1080",
            "socks4://secret:1080",
            "https://secret:443",
            "http://secret/path",
            "http://secret?x",
            "http://user@secret",
            "http://:secret@host",
            "http://us%3Aer:secret@host",
            "http://user:sec%zzret@host",
            "http://user:secret%00@host",
        ] {
            let error = text.parse::<ProxyUrl>().expect_err(text);
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_proxy_shows_without_its_credentials() {
        let url: ProxyUrl = "socks5://user:secret@host:1".parse().expect("valid");
        assert_eq!(url.shown(), "socks5://host:1");
        assert!(!format!("{url:?}").contains("secret"));
    }

    #[test]
    fn ranges_are_addresses_and_networks() {
        let ranges: EgressRanges = "203.0.113.7, 198.51.100.0/24,2001:db8::/64".parse().expect("valid");
        let shown: Vec<String> = ranges.iter().map(|range| range.to_string()).collect();
        assert_eq!(shown, ["203.0.113.7", "198.51.100.0/24", "2001:db8::/64"]);
        for text in ["x", "203.0.113.7/24", "203.0.113", &vec!["203.0.113.7"; 65].join(",")] {
            assert!(text.parse::<EgressRanges>().is_err(), "{text}");
        }
    }
}
