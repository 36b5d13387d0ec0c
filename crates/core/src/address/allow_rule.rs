//! One exception of the operator's config: a network, and perhaps one port of it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Refusal, table};

/// A network that may be dialled although the table refuses it.
///
/// Text forms: `10.0.0.0/8`, `10.1.2.3`, `10.1.2.3:8080`, `10.0.0.0/8:8080`, `fd00::/8`, `fd00::1`,
/// `[fd00::1]:443`, `[fd00::/8]:443`. Without a port the usual port rules hold; with one, exactly that port passes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AllowRule {
    net: IpNet,
    port: Option<u16>,
}

/// An allow rule that cannot be read. Config is the operator's own, so the text is repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("allow rule {text:?}: {kind}")]
pub struct AllowRuleError {
    /// The rule as written.
    pub text: String,
    /// What is wrong with it.
    pub kind: AllowRuleErrorKind,
}

/// What is wrong with an allow rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AllowRuleErrorKind {
    /// Neither an IPv4 nor an IPv6 address; names are not looked up.
    #[error("{0:?} is not an IP address (names are not accepted here)")]
    Address(String),
    /// Not a number, or too large for the family.
    #[error("{prefix:?} is not a prefix length from 0 to {max}")]
    Prefix {
        /// The prefix as written.
        prefix: String,
        /// Largest prefix of the family, in bits.
        max: u8,
    },
    /// `10.1.2.3/8`: most likely a slip, and it would open more than meant.
    #[error("the address has bits beyond its prefix; write {0} for the whole network")]
    HostBits(IpNet),
    /// Not a port from 1 to 65535.
    #[error("{0:?} is not a port from 1 to 65535")]
    Port(String),
    /// An opening bracket without its closing one, or text between it and the port.
    #[error("brackets are written as [fd00::1]:443")]
    Bracket,
    /// A range whose addresses wrap IPv4 addresses; an exception for it could never match.
    #[error("IPv6 forms of IPv4 addresses are never dialled; allow the IPv4 network instead")]
    Transition,
}

impl AllowRule {
    /// The network that may be dialled.
    #[must_use]
    pub fn net(&self) -> IpNet {
        self.net
    }

    /// The only port that may be dialled there, if the rule names one.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    pub(super) fn admits(&self, ip: IpAddr, port: u16) -> bool {
        self.net.contains(&ip) && self.port.is_none_or(|only| only == port)
    }

    pub(super) fn is_single_host(&self) -> bool {
        self.net.prefix_len() == self.net.max_prefix_len()
    }
}

impl FromStr for AllowRule {
    type Err = AllowRuleError;

    fn from_str(text: &str) -> Result<Self, AllowRuleError> {
        parse(text.trim()).map_err(|kind| AllowRuleError { text: text.to_owned(), kind })
    }
}

impl TryFrom<String> for AllowRule {
    type Error = AllowRuleError;

    fn try_from(text: String) -> Result<Self, AllowRuleError> {
        text.parse()
    }
}

impl From<AllowRule> for String {
    fn from(rule: AllowRule) -> Self {
        rule.to_string()
    }
}

impl fmt::Display for AllowRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.port, self.net) {
            (None, net) => write!(f, "{net}"),
            (Some(port), IpNet::V4(net)) => write!(f, "{net}:{port}"),
            (Some(port), IpNet::V6(net)) => write!(f, "[{net}]:{port}"),
        }
    }
}

fn parse(text: &str) -> Result<AllowRule, AllowRuleErrorKind> {
    let (network, port) = split_port(text)?;
    let port = port.map(parse_port).transpose()?;
    let net = parse_network(network)?;
    let form = |address| table::transition(address).map(|transition| transition.kind);
    match (form(net.network()), form(net.broadcast())) {
        (Some(first), Some(last)) if first == last && first != Refusal::Nat64 => {
            Err(AllowRuleErrorKind::Transition)
        }
        _ => Ok(AllowRule { net, port }),
    }
}

/// Splits off `:port`. A bare IPv6 address has several colons and no port.
fn split_port(text: &str) -> Result<(&str, Option<&str>), AllowRuleErrorKind> {
    if let Some(rest) = text.strip_prefix('[') {
        let (inside, after) = rest.split_once(']').ok_or(AllowRuleErrorKind::Bracket)?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((inside, Some(port))),
            None if after.is_empty() => Ok((inside, None)),
            None => Err(AllowRuleErrorKind::Bracket),
        };
    }
    match text.split_once(':') {
        Some((network, port)) if !port.contains(':') => Ok((network, Some(port))),
        _ => Ok((text, None)),
    }
}

fn parse_port(text: &str) -> Result<u16, AllowRuleErrorKind> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits && port > 0 => Ok(port),
        _ => Err(AllowRuleErrorKind::Port(text.to_owned())),
    }
}

fn parse_network(text: &str) -> Result<IpNet, AllowRuleErrorKind> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| AllowRuleErrorKind::Address(address.to_owned()))?;
    let host = IpNet::from(address);
    let Some(prefix) = prefix else { return Ok(host) };
    let wrong = || AllowRuleErrorKind::Prefix { prefix: prefix.to_owned(), max: host.max_prefix_len() };
    let digits = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
    let length: u8 = prefix.parse().ok().filter(|_| digits).ok_or_else(wrong)?;
    let net = IpNet::new(address, length).map_err(|_| wrong())?;
    if net.addr() != net.network() { Err(AllowRuleErrorKind::HostBits(net.trunc())) } else { Ok(net) }
}
