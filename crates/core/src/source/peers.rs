//! Which addresses may send to a source.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// The addresses that may send to a source: exact ones and networks (readings 003). Empty means all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct AllowedPeers(Vec<IpNet>);

/// Why a text is no address or network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNetwork {
    /// Neither an address nor a network.
    #[error("is neither an IP address such as 192.0.2.7 nor a network such as 192.0.2.0/24 or 2001:db8::/32")]
    Form,
    /// `10.1.2.3/8`: most likely a slip, and it would admit more than meant.
    #[error("has bits beyond its prefix; write {0} for the whole network")]
    HostBits(IpNet),
}

impl AllowedPeers {
    /// Reads addresses and networks.
    ///
    /// # Errors
    /// The place, counted from 0, of the first that is neither, and why.
    pub fn parse<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Self, (usize, InvalidNetwork)> {
        let networks = texts.into_iter().enumerate();
        networks
            .map(|(index, text)| parse_one(text.as_ref()).map_err(|error| (index, error)))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether an address may send. An IPv4 address within IPv6 counts as the IPv4 address that it is.
    pub fn admits(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.0.is_empty() || self.0.iter().any(|network| network.contains(&peer))
    }

    /// Whether all addresses may send.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many addresses and networks it names.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Its networks as text; a single address without its prefix.
    pub fn texts(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|network| {
            if network.prefix_len() == network.max_prefix_len() {
                network.addr().to_string()
            } else {
                network.to_string()
            }
        })
    }
}

fn parse_one(text: &str) -> Result<IpNet, InvalidNetwork> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.to_canonical().into());
    }
    let network: IpNet = text.parse().map_err(|_| InvalidNetwork::Form)?;
    if network.addr() == network.network() {
        Ok(network)
    } else {
        Err(InvalidNetwork::HostBits(network.trunc()))
    }
}

impl TryFrom<Vec<String>> for AllowedPeers {
    type Error = InvalidNetwork;

    fn try_from(texts: Vec<String>) -> Result<Self, InvalidNetwork> {
        Self::parse(texts).map_err(|(_, error)| error)
    }
}

impl From<AllowedPeers> for Vec<String> {
    fn from(peers: AllowedPeers) -> Self {
        peers.texts().collect()
    }
}
