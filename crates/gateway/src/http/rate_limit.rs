//! The rate-limit headers that answers carry wherever a limit applies (readings 002).

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// Where a caller stands within a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateStanding {
    /// Requests allowed in a window.
    pub limit: u32,
    /// Requests left in this one.
    pub remaining: u32,
    /// Until the window is over.
    pub reset: Duration,
}

/// Writes `RateLimit-Limit`, `-Remaining` and `-Reset` (whole seconds, rounded up).
pub fn write(headers: &mut HeaderMap, standing: RateStanding) {
    let seconds = standing.reset.as_secs() + u64::from(standing.reset.subsec_nanos() > 0);
    headers.insert(LIMIT, HeaderValue::from(standing.limit));
    headers.insert(REMAINING, HeaderValue::from(standing.remaining));
    headers.insert(RESET, HeaderValue::from(seconds));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_started_second_counts() {
        let mut headers = HeaderMap::new();
        write(&mut headers, RateStanding { limit: 10, remaining: 3, reset: Duration::from_millis(1_200) });
        let value = |name: &str| headers[name].to_str().expect("ASCII").to_owned();
        assert_eq!(
            (value("ratelimit-limit"), value("ratelimit-remaining"), value("ratelimit-reset")),
            ("10".into(), "3".into(), "2".into())
        );
    }
}
