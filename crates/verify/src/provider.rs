//! Webhooks of many providers: one declarative record of how a sender signs, one function that decides, and the records of over forty
//! providers.
//!
//! ```
//! use stentor_verify::provider::{Scheme, Request, verify};
//!
//! let scheme: Scheme = serde_json::from_str(r#"{
//!     "algorithm": "hmac-sha256",
//!     "signature": {"header": "X-Acme-Signature", "prefix": "sha256="},
//!     "dedupe": [{"header": "X-Acme-Delivery"}],
//!     "event_type": [{"body": "event.kind"}]
//! }"#)?;
//! let keys = [scheme.key("a shared secret")?];
//! let request = Request { method: "POST", url: "https://example.com/", headers: &[], body: b"{}", certificate: None };
//! let refused = verify(&scheme, &keys, &request, 1_700_000_000_000).unwrap_err();
//! assert_eq!(refused.to_string(), "the header X-Acme-Signature is missing");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod body;
mod certificate;
mod challenge;
mod given;
mod hint;
mod key;
mod moment;
mod place;
mod presets;
pub mod record;
mod refusal;
mod request;
mod scheme;
mod special;
mod template;
mod verify;

pub use self::certificate::{CertificateUrl, needs_certificate};
pub use self::challenge::{Answer, Challenge, challenge};
pub use self::hint::Hint;
pub use self::key::{Key, KeyRefused};
pub use self::presets::{Evidence, Preset, preset, presets};
pub use self::record::SchemeRecord;
pub use self::refusal::Refusal;
pub use self::request::Request;
pub use self::scheme::{Scheme, SchemeError};
pub use self::special::Special;
pub use self::verify::{Verified, verify};
