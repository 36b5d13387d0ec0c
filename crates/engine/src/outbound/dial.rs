//! From a host to an open socket: resolve, decide about every address, dial what was decided about.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use stentor_core::address::{AddressPolicy, Refusal};
use stentor_core::attempt::{NetworkError, Phase};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::failure::ConnectFailure;
use super::progress::Progress;
use super::proxy::EgressProxy;
use super::resolver::{ResolveError, Resolver};

/// Most addresses of one name that one attempt tries.
const ADDRESSES_DIALLED_MAX: usize = 3;

pub(super) struct Dialler {
    pub(super) policy: AddressPolicy,
    pub(super) resolver: Arc<dyn Resolver>,
    pub(super) bind_address: Option<IpAddr>,
    pub(super) proxy: Option<EgressProxy>,
}

impl Dialler {
    /// Opens a socket to a host, written as in a canonical URL.
    pub(super) async fn open(
        &self,
        host: &str,
        port: u16,
        progress: &Progress,
    ) -> Result<TcpStream, ConnectFailure> {
        let addresses = match literal(host) {
            Some(ip) => vec![ip],
            None => {
                progress.enter(Phase::Resolve);
                self.resolve(host).await?
            }
        };
        let allowed = self.allowed(&addresses, port)?;
        progress.enter(Phase::Connect);
        self.connect_first(&allowed, progress).await
    }

    /// All addresses of a host, each as the policy judges it.
    pub(super) async fn judge(
        &self,
        host: &str,
        port: u16,
    ) -> Result<Vec<(IpAddr, Result<(), Refusal>)>, ConnectFailure> {
        let addresses = match literal(host) {
            Some(ip) => vec![ip],
            None => self.resolve(host).await?,
        };
        Ok(addresses.into_iter().map(|ip| (ip, self.policy.check(SocketAddr::new(ip, port)))).collect())
    }

    async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, ConnectFailure> {
        self.resolver.resolve(name).await.map_err(|error| {
            ConnectFailure::Network(match error {
                ResolveError::NotFound => NetworkError::NameNotFound,
                ResolveError::Failed => NetworkError::ResolverFailed,
            })
        })
    }

    /// The addresses that may be dialled and will be, in order; refused when the policy leaves none (S1, S2).
    fn allowed(&self, addresses: &[IpAddr], port: u16) -> Result<Vec<SocketAddr>, ConnectFailure> {
        let mut first_refusal = None;
        let mut allowed = Vec::with_capacity(addresses.len());
        for address in addresses.iter().map(|&ip| SocketAddr::new(ip, port)) {
            match self.policy.check(address) {
                Ok(()) => allowed.push(address),
                Err(refusal) => first_refusal = first_refusal.or(Some(refusal)),
            }
        }
        match first_refusal {
            Some(refusal) if allowed.is_empty() => return Err(ConnectFailure::Blocked(refusal)),
            None if allowed.is_empty() => return Err(ConnectFailure::Network(NetworkError::NameNotFound)),
            Some(_) | None => {}
        }
        // A proxy may reach both families, whatever we leave from.
        if self.proxy.is_none() {
            allowed.retain(|address| self.can_leave_for(address.ip()));
        }
        let mut ordered = alternating(allowed);
        ordered.truncate(ADDRESSES_DIALLED_MAX);
        Ok(ordered)
    }

    /// Each address gets an equal share of the time that is left, so that one which swallows packets leaves some for
    /// the next.
    async fn connect_first(
        &self,
        addresses: &[SocketAddr],
        progress: &Progress,
    ) -> Result<TcpStream, ConnectFailure> {
        let mut failure = ConnectFailure::Network(NetworkError::Unreachable);
        for (&address, left) in addresses.iter().zip((1..=addresses.len() as u32).rev()) {
            failure = match timeout(progress.remaining() / left, self.connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(failure)) => failure,
                Err(_) => ConnectFailure::TimedOut(Phase::Connect),
            };
        }
        Err(failure)
    }

    async fn connect(&self, address: SocketAddr) -> Result<TcpStream, ConnectFailure> {
        let Some(proxy) = &self.proxy else {
            return self.open_socket(address).await.map_err(|error| ConnectFailure::from_io(&error));
        };
        let mut stream = self.reach(proxy).await?;
        proxy.tunnel(&mut stream, address).await.map_err(ConnectFailure::Network)?;
        Ok(stream)
    }

    /// Opens a socket to the proxy. The policy is about receivers; the proxy's address is allowed by being configured.
    async fn reach(&self, proxy: &EgressProxy) -> Result<TcpStream, ConnectFailure> {
        let unreachable = ConnectFailure::Network(NetworkError::Proxy);
        let addresses = match literal(proxy.host()) {
            Some(ip) => vec![ip],
            None => self.resolve(proxy.host()).await.map_err(|_| unreachable)?,
        };
        for ip in addresses.into_iter().filter(|&ip| self.can_leave_for(ip)).take(ADDRESSES_DIALLED_MAX) {
            if let Ok(stream) = self.open_socket(SocketAddr::new(ip, proxy.port())).await {
                return Ok(stream);
            }
        }
        Err(unreachable)
    }

    /// Whether the address that connections leave from is of the family.
    fn can_leave_for(&self, ip: IpAddr) -> bool {
        self.bind_address.is_none_or(|local| local.is_ipv4() == ip.is_ipv4())
    }

    async fn open_socket(&self, address: SocketAddr) -> std::io::Result<TcpStream> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(local) = self.bind_address {
            socket.bind(SocketAddr::new(local, 0))?;
        }
        let stream = socket.connect(address).await?;
        // A request is written at once; waiting to fill a packet only delays it.
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// The address that a host of a canonical URL is, if it is not a name. `DestinationUrl` has brought every notation
/// of an address into the one form that this reads.
fn literal(host: &str) -> Option<IpAddr> {
    let unbracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    unbracketed.parse().ok()
}

/// Families by turns, beginning with that of the first address: a machine without a route for one family must not
/// spend all its tries on it.
fn alternating(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let Some(first) = addresses.first().copied() else { return addresses };
    let (preferred, other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv4() == first.is_ipv4());
    let mut other = other.into_iter();
    let mut ordered: Vec<_> =
        preferred.into_iter().flat_map(|address| std::iter::once(address).chain(other.next())).collect();
    ordered.extend(other);
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 443)).collect()
    }

    #[test]
    fn families_alternate_and_none_is_lost() {
        let given = addresses(&["2001:4860::1", "2001:4860::2", "2001:4860::3", "8.8.8.8", "8.8.4.4"]);
        let expected = addresses(&["2001:4860::1", "8.8.8.8", "2001:4860::2", "8.8.4.4", "2001:4860::3"]);
        assert_eq!(alternating(given), expected);
        let given = addresses(&["8.8.8.8", "2001:4860::1", "2001:4860::2"]);
        assert_eq!(alternating(given.clone()), given);
        assert_eq!(alternating(Vec::new()), []);
    }

    #[test]
    fn literals_are_told_from_names() {
        assert_eq!(literal("127.0.0.1"), Some("127.0.0.1".parse().unwrap()));
        assert_eq!(literal("[::1]"), Some("::1".parse().unwrap()));
        assert_eq!(literal("example.com"), None);
        assert_eq!(literal("localhost"), None);
    }
}
