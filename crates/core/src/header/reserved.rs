//! The header names that a user may not set.

/// Names set by Stentor or by the connection. `X-Real-IP` and `Forwarded` are trusted by receivers (readings 003).
const RESERVED: [&str; 18] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "cookie2",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-real-ip",
    "x-webhook-signature",
    "x-webhook-timestamp",
];

/// Families of such names: proxies, the signature headers of the profiles, CloudEvents' binary mode.
const RESERVED_PREFIXES: [&str; 6] = ["ce-", "proxy-", "svix-", "webhook-", "x-broxi-", "x-forwarded-"];

/// Whether a header name, in any case, is kept from users (reliability S7).
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    let starts_with =
        |prefix: &&str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved))
        || RESERVED_PREFIXES.iter().any(starts_with)
}
