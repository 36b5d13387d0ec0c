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

/// Names that say how this one connection is to be read, what its sender understands, and over whom it came: whoever hands a
/// request on speaks for itself there (RFC 9110 section 7.6.1; readings, "over the wire"). In lower case.
const OF_CONNECTION: [&str; 17] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-real-ip",
];
const OF_CONNECTION_PREFIXES: [&str; 2] = ["proxy-", "x-forwarded-"];

/// Whether a header, its name in lower case, belongs to the connection that it came on and is not handed on with a request.
#[must_use]
pub fn is_of_connection(name: &str) -> bool {
    OF_CONNECTION.contains(&name) || OF_CONNECTION_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether a header name, in any case, is kept from users (reliability S7).
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    let starts_with =
        |prefix: &&str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved))
        || RESERVED_PREFIXES.iter().any(starts_with)
}
