//! Which addresses Stentor may dial (promise P8: closed by default; reliability S1, S2, S5).
//!
//! The cast: [`classify`] knows the special-purpose ranges of the Internet; [`AllowRule`] is one exception that the
//! operator wrote; [`AddressPolicy`] joins the two with the port rules and the gateway's own listeners.
//! `AddressPolicy::check` is asked at every connect, with the address that is dialled and not a name that may
//! resolve differently a moment later.

mod allow_rule;
mod refusal;
mod table;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};

pub use allow_rule::{AllowRule, AllowRuleError, AllowRuleErrorKind};
pub use refusal::Refusal;
pub use table::classify;

/// Ports below 1024 that webhook receivers use; every other one there is refused (reliability S5).
const LOW_PORTS_ALLOWED: [u16; 2] = [80, 443];

/// Ports from 1024 up whose usual service can be harmed by a stray HTTP request: databases, caches, brokers,
/// container and cluster control, remote desktops (reliability S5 names the first four).
const HIGH_PORTS_DENIED: [u16; 32] = [
    6379, 5432, 11211, 9200, // Redis, PostgreSQL, memcached, Elasticsearch
    2375, 2376, 2379, 2380, 6443, 10250, 10255, // Docker, etcd, Kubernetes
    1433, 1521, 3306, 5984, 9042, 9300, 27017, 27018, 27019, // other databases
    2181, 4369, 5672, 9092, 26379, // ZooKeeper, Erlang, AMQP, Kafka, Redis Sentinel
    2049, 3389, 5900, 5985, 5986, 6000, 6667, // NFS, RDP, VNC, WinRM, X11, IRC
];

/// What the operator lets Stentor connect to. `Default` and [`AddressPolicy::closed`] allow public addresses over
/// https only; everything else is an explicit exception.
#[derive(Clone, Debug, Default)]
pub struct AddressPolicy {
    allow: Vec<AllowRule>,
    http: bool,
    loopback: bool,
    internal_names: bool,
    own_listeners: Vec<SocketAddr>,
    own_addresses: Vec<IpAddr>,
    denied_ports: Vec<u16>,
}

impl AddressPolicy {
    /// Public addresses over https, nothing else (promise P8).
    #[must_use]
    pub fn closed() -> Self {
        Self::default()
    }

    /// `--dev`: also plain http, and receivers on loopback. Other private ranges stay closed.
    #[must_use]
    pub fn dev() -> Self {
        Self { http: true, loopback: true, ..Self::default() }
    }

    /// Adds the operator's exceptions.
    #[must_use]
    pub fn with_allow(mut self, rules: impl IntoIterator<Item = AllowRule>) -> Self {
        self.allow.extend(rules);
        self
    }

    /// Lets destinations use plain http.
    #[must_use]
    pub fn with_http(mut self, allowed: bool) -> Self {
        self.http = allowed;
        self
    }

    /// Lets destinations have single-label names and names under `.internal`, `.local` and the like. What such a
    /// name resolves to is still checked, so this is useless without an [`AllowRule`].
    #[must_use]
    pub fn with_internal_names(mut self, allowed: bool) -> Self {
        self.internal_names = allowed;
        self
    }

    /// Adds addresses that this process listens on: dialling one is a loop and always refused, exceptions or not.
    #[must_use]
    pub fn with_own_listeners(mut self, listeners: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.own_listeners.extend(listeners);
        self
    }

    /// Adds the addresses of this machine's interfaces: a listener bound to `0.0.0.0` or `[::]` is reached through
    /// each of them. Loopback is known without being told.
    #[must_use]
    pub fn with_own_addresses(mut self, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        self.own_addresses.extend(addresses.into_iter().map(|address| address.to_canonical()));
        self
    }

    /// Adds ports to the built-in deny list.
    #[must_use]
    pub fn with_denied_ports(mut self, ports: impl IntoIterator<Item = u16>) -> Self {
        self.denied_ports.extend(ports);
        self
    }

    /// Whether destinations may use plain http.
    #[must_use]
    pub fn allows_http(&self) -> bool {
        self.http
    }

    /// Whether `localhost` and names under it may be destinations.
    #[must_use]
    pub fn allows_localhost(&self) -> bool {
        self.loopback
    }

    /// Whether names that only resolve inside a private network may be destinations.
    #[must_use]
    pub fn allows_internal_names(&self) -> bool {
        self.internal_names
    }

    /// Decides about one address that is about to be dialled.
    ///
    /// # Errors
    /// The first rule that refuses it: own listener, address class, port.
    pub fn check(&self, address: SocketAddr) -> Result<(), Refusal> {
        if matches!(address, SocketAddr::V6(v6) if v6.scope_id() != 0) {
            return Err(Refusal::Scoped);
        }
        if self.is_own_listener(address) {
            return Err(Refusal::OwnListener);
        }
        if let Err(refusal) = classify(address.ip())
            && !self.excepts(address.ip(), address.port(), refusal)
        {
            return Err(refusal);
        }
        let named_by_rule =
            |rule: &AllowRule| rule.port().is_some() && rule.admits(address.ip(), address.port());
        if self.port_is_open(address.port()) || self.allow.iter().any(named_by_rule) {
            return Ok(());
        }
        Err(Refusal::Port)
    }

    /// Decides about the port of a name whose addresses are not known yet: refused only if no address could make
    /// [`AddressPolicy::check`] accept it.
    pub(crate) fn check_port_of_name(&self, port: u16) -> Result<(), Refusal> {
        let named_by_rule = |rule: &AllowRule| rule.port() == Some(port);
        if self.port_is_open(port) || self.allow.iter().any(named_by_rule) {
            Ok(())
        } else {
            Err(Refusal::Port)
        }
    }

    fn port_is_open(&self, port: u16) -> bool {
        let open = port >= 1024 || LOW_PORTS_ALLOWED.contains(&port);
        open && !HIGH_PORTS_DENIED.contains(&port) && !self.denied_ports.contains(&port)
    }

    /// Whether the operator lets an address through that the table refuses as `refusal`.
    fn excepts(&self, ip: IpAddr, port: u16, refusal: Refusal) -> bool {
        if let Some(transition) = table::transition(ip) {
            return self.excepts_transition(ip, port, &transition);
        }
        if refusal == Refusal::Loopback && self.loopback {
            return true;
        }
        // A wide rule such as 100.64.0.0/10 must not open a cloud's credential service by accident.
        let wide_enough = |rule: &AllowRule| refusal != Refusal::Metadata || rule.is_single_host();
        self.allow.iter().any(|rule| rule.admits(ip, port) && wide_enough(rule))
    }

    /// An address that wraps an IPv4 address is never let through for its outer range alone. Only the well-known
    /// NAT64 prefix is excepted (IPv6-only networks need it), and only for an IPv4 address that may itself be dialled.
    fn excepts_transition(&self, ip: IpAddr, port: u16, transition: &table::Transition) -> bool {
        if transition.kind != Refusal::Nat64 || !self.allow.iter().any(|rule| rule.admits(ip, port)) {
            return false;
        }
        transition.embedded.iter().flatten().all(|&v4| match classify(IpAddr::V4(v4)) {
            Ok(()) => true,
            Err(refusal) => self.excepts(IpAddr::V4(v4), port, refusal),
        })
    }

    fn is_own_listener(&self, address: SocketAddr) -> bool {
        let ip = address.ip().to_canonical();
        self.own_listeners
            .iter()
            .filter(|listener| listener.port() == address.port())
            .any(|listener| self.reaches(ip, listener.ip().to_canonical()))
    }

    /// Whether a connection to `ip` arrives at a listener bound to `bound`, the ports being equal.
    fn reaches(&self, ip: IpAddr, bound: IpAddr) -> bool {
        // Connecting to the unspecified address connects to this machine.
        if ip == bound || ip.is_unspecified() {
            return true;
        }
        let family_served = bound.is_ipv6() || ip.is_ipv4();
        let own = ip.is_loopback() || self.own_addresses.contains(&ip);
        bound.is_unspecified() && family_served && own
    }
}
