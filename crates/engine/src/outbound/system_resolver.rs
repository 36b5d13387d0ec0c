//! The resolver of the machine: its name servers, search list and hosts file, asked without blocking a thread.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use async_trait::async_trait;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{LookupIpStrategy, ResolveHosts, ResolverOpts};

use super::resolver::{ResolveError, Resolver};

/// How long one name server may take for one query.
const QUERY_TIMEOUT: Duration = Duration::from_secs(3);
/// Queries per name server before a lookup fails.
const QUERY_ATTEMPTS: usize = 2;
/// A receiver that moves is found again after this long, whatever its TTL says.
const POSITIVE_TTL_MAX: Duration = Duration::from_secs(60);
/// A name that appears is found after this long (reliability F12).
const NEGATIVE_TTL_MAX: Duration = Duration::from_secs(30);

/// Asks the machine's name servers through an own cache.
pub struct SystemResolver(TokioResolver);

/// The machine's resolver configuration could not be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up name resolution from the system's configuration: {0}")]
pub struct SystemResolverError(String);

impl SystemResolver {
    /// Reads the system's configuration (`/etc/resolv.conf`, `/etc/hosts`) once.
    ///
    /// # Errors
    /// When it is missing or cannot be parsed.
    pub fn new() -> Result<Self, SystemResolverError> {
        let mut builder = TokioResolver::builder_tokio().map_err(SystemResolverError::because)?;
        bound(builder.options_mut());
        builder.build().map(Self).map_err(SystemResolverError::because)
    }

    /// With other name servers, for tests.
    #[cfg(test)]
    pub(super) fn with_config(
        config: hickory_resolver::config::ResolverConfig,
        query_timeout: Duration,
    ) -> Result<Self, SystemResolverError> {
        let mut builder = TokioResolver::builder_with_config(
            config,
            hickory_resolver::net::runtime::TokioRuntimeProvider::default(),
        );
        bound(builder.options_mut());
        builder.options_mut().timeout = query_timeout;
        builder.build().map(Self).map_err(SystemResolverError::because)
    }
}

impl SystemResolverError {
    fn because(cause: impl std::fmt::Display) -> Self {
        Self(cause.to_string())
    }
}

/// Keeps the system's search list and name servers, and bounds time and staleness.
fn bound(options: &mut ResolverOpts) {
    options.timeout = QUERY_TIMEOUT;
    options.attempts = QUERY_ATTEMPTS;
    options.positive_max_ttl = Some(POSITIVE_TTL_MAX);
    options.negative_max_ttl = Some(NEGATIVE_TTL_MAX);
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.use_hosts_file = ResolveHosts::Always;
}

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, ResolveError> {
        // RFC 6761 section 6.3: never asked of a name server, which could point it elsewhere.
        if name == "localhost" || name.ends_with(".localhost") {
            return Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]);
        }
        match self.0.lookup_ip(name).await {
            Ok(answer) => Ok(answer.iter().collect()),
            Err(error) if error.is_nx_domain() || error.is_no_records_found() => Err(ResolveError::NotFound),
            Err(error) => {
                tracing::debug!(name, %error, "name resolution failed");
                Err(ResolveError::Failed)
            }
        }
    }
}
