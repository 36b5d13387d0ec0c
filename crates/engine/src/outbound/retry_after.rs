//! `Retry-After` (RFC 9110 section 10.2.3): a receiver's wish, read leniently and bounded.

use std::time::{Duration, UNIX_EPOCH};

use http::HeaderMap;
use http::header::RETRY_AFTER;
use stentor_core::limits::WAIT_SECONDS_MAX;
use stentor_core::time::Time;

/// The wait that the header asks for, in seconds or until an HTTP date, at most the longest wait of a schedule.
/// A date that is not in the future, a negative number and anything else are no wish at all.
pub(super) fn parse(headers: &HeaderMap, now: Time) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are still a wish for a very long wait.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let date = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
        let wait = Time::ZERO.plus(date).since(now);
        (!wait.is_zero()).then_some(wait)?
    };
    Some(wait.min(Duration::from_secs(WAIT_SECONDS_MAX)))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn parsed(value: &'static str) -> Option<Duration> {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))]);
        parse(&headers, Time::parse("1994-11-06T08:49:00Z").unwrap())
    }

    #[test]
    fn reads_seconds_and_every_form_of_date() {
        assert_eq!(parsed("120"), Some(Duration::from_secs(120)));
        assert_eq!(parsed(" 0 "), Some(Duration::ZERO));
        assert_eq!(parsed("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::from_secs(37)));
        assert_eq!(parsed("Sunday, 06-Nov-94 08:49:37 GMT"), Some(Duration::from_secs(37)));
        assert_eq!(parsed("Sun Nov  6 08:49:37 1994"), Some(Duration::from_secs(37)));
    }

    #[test]
    fn ignores_what_is_neither() {
        for value in ["-1", "+5", "1.5", "", "soon", "10, 20", "Sun, 06 Nov 1994 08:48:59 GMT", "0x10"] {
            assert_eq!(parsed(value), None, "{value:?}");
        }
        assert_eq!(parse(&HeaderMap::new(), Time::ZERO), None);
    }

    #[test]
    fn is_bounded() {
        let longest = Some(Duration::from_secs(WAIT_SECONDS_MAX));
        assert_eq!(parsed("99999999999999999999999"), longest);
        assert_eq!(parsed("Fri, 31 Dec 9999 23:59:59 GMT"), longest);
    }
}
