//! Whether a form was sent by a page of ours (reliability S21).

use http::HeaderMap;
use http::header::{HOST, ORIGIN};

/// Whether the browser says that the request comes from this very origin. Browsers tell it by `Sec-Fetch-Site` where they trust the
/// connection and by `Origin` with every POST; a request that has neither is none of a browser and is refused.
pub(super) fn is_own(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let authority =
        |origin: &str| origin.split_once("://").map(|(_, authority)| authority.to_ascii_lowercase());
    let origin = text(ORIGIN).and_then(authority);
    origin.is_some() && origin == text(HOST).map(str::to_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn only_the_same_origin_is_own() {
        for (pairs, own) in [
            (&[][..], false),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "same-site"), ("origin", "http://a:1"), ("host", "a:1")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("origin", "http://a:1"), ("host", "A:1")], true),
            (&[("origin", "http://a:2"), ("host", "a:1")], false),
            (&[("origin", "null"), ("host", "null")], false),
            (&[("host", "a:1")], false),
        ] {
            let headers: HeaderMap = pairs
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
                .collect();
            assert_eq!(is_own(&headers), own, "{pairs:?}");
        }
    }
}
