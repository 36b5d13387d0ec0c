//! File descriptors: every connection needs one, and the usual soft limit of 1 024 is far below what a gateway with many
//! slow receivers holds.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tracing::warn;

/// Raises the soft limit to the hard one, as a process may that does not use `select(2)` (getrlimit(2)). Returns the
/// limit in force, if the system tells.
pub(super) fn raise_limit() -> Option<u64> {
    let (soft, hard) = match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok(limits) => limits,
        Err(error) => {
            warn!(%error, "the limit of file descriptors is not known");
            return None;
        }
    };
    if soft == hard {
        return Some(soft);
    }
    match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => Some(hard),
        Err(error) => {
            warn!(%error, soft, hard, "the limit of file descriptors could not be raised");
            Some(soft)
        }
    }
}

/// How many connections to the API fit: half of the descriptors are kept for receivers and the database (reliability
/// F13), so that clients who only connect cannot stop deliveries.
pub(super) fn connections_that_fit(configured: usize, limit: Option<u64>) -> usize {
    let Some(limit) = limit else { return configured };
    let room = usize::try_from(limit / 2).unwrap_or(usize::MAX).max(1);
    if configured > room {
        warn!(configured, room, limit, "fewer connections than configured fit the limit of file descriptors");
    }
    configured.min(room)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_descriptors_are_for_connections() {
        assert_eq!(connections_that_fit(10_000, Some(256)), 128);
        assert_eq!(connections_that_fit(100, Some(256)), 100);
        assert_eq!(connections_that_fit(10_000, Some(u64::MAX)), 10_000);
        assert_eq!(connections_that_fit(10_000, None), 10_000);
        assert_eq!(connections_that_fit(10, Some(0)), 1);
    }

    #[test]
    fn the_limit_is_raised() {
        let limit = raise_limit();
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("Linux tells");
        assert_eq!((soft, limit), (hard, Some(hard)));
    }
}
