//! Standard Webhooks 1.0.0: three headers, and signatures over `id.timestamp.body`.
//!
//! Source: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

mod headers;
mod listed;
mod signer;
#[cfg(test)]
mod tests;
mod verifier;

pub use self::headers::Headers;
pub use self::listed::MAX_LISTED_SIGNATURES;
pub use self::signer::{Signer, SignerKey};
pub use self::verifier::{Verifier, VerifierKey};

/// Header with the unique id of the event; the same on every attempt, so it serves as idempotency key.
pub const ID_HEADER: &str = "webhook-id";
/// Header with the time of the attempt in Unix seconds.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// Header with the space-separated list of signatures.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

/// The name under which Svix and its customers send [`ID_HEADER`].
pub const SVIX_ID_HEADER: &str = "svix-id";
/// The name under which Svix and its customers send [`TIMESTAMP_HEADER`].
pub const SVIX_TIMESTAMP_HEADER: &str = "svix-timestamp";
/// The name under which Svix and its customers send [`SIGNATURE_HEADER`].
pub const SVIX_SIGNATURE_HEADER: &str = "svix-signature";

/// Version of an HMAC-SHA256 signature.
const HMAC_VERSION: &str = "v1";
/// Version of an ed25519 signature.
#[cfg(feature = "ed25519")]
const ED25519_VERSION: &str = "v1a";

/// The signed content `id.timestamp.body` in parts, so that the body is never copied.
fn content_parts<'a>(id: &'a str, timestamp: &'a [u8], body: &'a [u8]) -> [&'a [u8]; 5] {
    [id.as_bytes(), b".", timestamp, b".", body]
}

/// An id with a full stop would let `id` + `timestamp.body` be read as another id, timestamp and body
/// with the same signature, so the specification forbids it.
fn id_is_unambiguous(id: &str) -> bool {
    !id.is_empty() && !id.contains('.')
}
