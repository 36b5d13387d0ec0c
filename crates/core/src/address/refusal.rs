//! Why an address may not be dialled.

use serde::{Deserialize, Serialize};

/// The closed list of reasons for which an address is refused; shown to users and recorded with an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// `0.0.0.0/8`, `::` (RFC 1122, RFC 4291).
    #[error("the address is unspecified (0.0.0.0/8 or ::) and means this machine")]
    Unspecified,
    /// `10/8`, `172.16/12`, `192.168/16`, `fc00::/7`, `fec0::/10` (RFC 1918, RFC 4193, RFC 3879).
    #[error("the address belongs to a private network")]
    Private,
    /// `100.64/10` (RFC 6598).
    #[error("the address is shared carrier space (100.64.0.0/10) and not public")]
    SharedCgnat,
    /// `127/8`, `::1`.
    #[error("the address is loopback and means this machine")]
    Loopback,
    /// `169.254/16`, `fe80::/10` (RFC 3927, RFC 4291).
    #[error("the address is link-local")]
    LinkLocal,
    /// The addresses at which clouds serve credentials to their machines.
    #[error("the address is a cloud metadata service")]
    Metadata,
    /// `192.0.2/24`, `198.51.100/24`, `203.0.113/24`, `2001:db8::/32`, `3fff::/20` (RFC 5737, RFC 3849, RFC 9637).
    #[error("the address is reserved for documentation")]
    Documentation,
    /// `198.18/15`, `2001:2::/48` (RFC 2544, RFC 5180).
    #[error("the address is reserved for benchmarks")]
    Benchmarking,
    /// `224/4`, `ff00::/8`.
    #[error("the address is a multicast group")]
    Multicast,
    /// `255.255.255.255`.
    #[error("the address is the broadcast address")]
    Broadcast,
    /// Set aside by IANA for protocols or the future: `240/4`, `192.0.0/24`, `5f00::/16`, all but `2000::/3`.
    #[error("the address is reserved and not a public unicast address")]
    Reserved,
    /// `::ffff:0:0/96` around a public IPv4 address (RFC 4291).
    #[error("the address is an IPv4-mapped IPv6 address; use the IPv4 address itself")]
    Mapped,
    /// `::/96` around a public IPv4 address (RFC 4291, deprecated).
    #[error("the address is an IPv4-compatible IPv6 address; use the IPv4 address itself")]
    Compatible,
    /// `64:ff9b::/96` around a public IPv4 address (RFC 6052).
    #[error("the address is a NAT64 address")]
    Nat64,
    /// `64:ff9b:1::/48` (RFC 8215).
    #[error("the address is a NAT64 address for local use")]
    Nat64Local,
    /// `2002::/16` around a public IPv4 address, `192.88.99/24` (RFC 3056, RFC 7526).
    #[error("the address is a 6to4 address")]
    SixToFour,
    /// `2001::/32` around public IPv4 addresses (RFC 4380).
    #[error("the address is a Teredo address")]
    Teredo,
    /// An IPv6 address with a zone, such as `fe80::1%eth0`.
    #[error("the address has an IPv6 zone and is only valid on one link")]
    Scoped,
    /// An address and port on which this very process listens.
    #[error("the address is a listener of this gateway, so the delivery would loop")]
    OwnListener,
    /// A port outside the port rules (reliability S5).
    #[error(
        "the port is not allowed: 80, 443 and 1024 up are, without those of databases and other services"
    )]
    Port,
}

impl Refusal {
    /// Stable identifier for the API, stored attempts and metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Private => "private",
            Self::SharedCgnat => "shared_cgnat",
            Self::Loopback => "loopback",
            Self::LinkLocal => "link_local",
            Self::Metadata => "metadata",
            Self::Documentation => "documentation",
            Self::Benchmarking => "benchmarking",
            Self::Multicast => "multicast",
            Self::Broadcast => "broadcast",
            Self::Reserved => "reserved",
            Self::Mapped => "mapped",
            Self::Compatible => "compatible",
            Self::Nat64 => "nat64",
            Self::Nat64Local => "nat64_local",
            Self::SixToFour => "six_to_four",
            Self::Teredo => "teredo",
            Self::Scoped => "scoped",
            Self::OwnListener => "own_listener",
            Self::Port => "port",
        }
    }
}
