//! Names to addresses, behind a trait so that tests own the answers.

use std::net::IpAddr;

use async_trait::async_trait;

/// Turns a name into addresses. What it answers is not trusted: every address is decided about before it is dialled.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// All addresses of a name in the order of preference; aliases are followed.
    ///
    /// # Errors
    /// When there is no address, and why. An empty list means the same as [`ResolveError::NotFound`].
    async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, ResolveError>;
}

/// Why a name has no addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The name does not exist, or has no address.
    #[error("the name does not exist or has no address")]
    NotFound,
    /// The resolver failed or did not answer in time; the name may exist.
    #[error("the resolver failed")]
    Failed,
}
