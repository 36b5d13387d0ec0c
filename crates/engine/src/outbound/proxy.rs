//! The operator's egress proxy: SOCKS5 or HTTP `CONNECT`.
//!
//! The proxy is only ever asked to connect to an address that was classified here a moment before, never to a name: where
//! a name leads would otherwise be decided behind the guard. What goes through the tunnel is what would go over a direct
//! connection, TLS included, so the proxy sees no request.

mod http_connect;
mod socks5;

use std::fmt;
use std::net::SocketAddr;

use stentor_core::attempt::NetworkError;
use stentor_core::webhook::SecretText;
use tokio::net::TcpStream;

/// A proxy that every connection to a receiver goes through. `Debug` hides the credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct EgressProxy {
    /// How it is spoken to.
    pub protocol: ProxyProtocol,
    /// Its name or address, the latter without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What it asks for, if anything.
    pub credentials: Option<ProxyCredentials>,
}

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// RFC 1928, with RFC 1929 for credentials.
    Socks5,
    /// RFC 9110 section 9.3.6, over a plain connection.
    HttpConnect,
}

/// What a proxy asks for: 1 to 255 bytes each, and no colon in the user's name.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyCredentials {
    /// The user's name.
    pub user: String,
    /// The password.
    pub password: SecretText,
}

impl EgressProxy {
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Has the proxy connect to `receiver`. Afterwards the stream is one to the receiver: no byte of it was read.
    pub(super) async fn tunnel(
        &self,
        stream: &mut TcpStream,
        receiver: SocketAddr,
    ) -> Result<(), NetworkError> {
        match self.protocol {
            ProxyProtocol::Socks5 => socks5::tunnel(stream, receiver, self.credentials.as_ref()).await,
            ProxyProtocol::HttpConnect => {
                http_connect::tunnel(stream, receiver, self.credentials.as_ref()).await
            }
        }
    }
}

impl fmt::Debug for EgressProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EgressProxy")
            .field("protocol", &self.protocol)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("credentials", &self.credentials.as_ref().map(|_| "[hidden]"))
            .finish()
    }
}

/// Whatever breaks between us and the proxy is the proxy's.
fn broken(_: std::io::Error) -> NetworkError {
    NetworkError::Proxy
}
