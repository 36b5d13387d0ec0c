//! Why a URL cannot be a destination.

use crate::address::Refusal;

/// The closed list of reasons; the texts tell what to change and never repeat the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlRefusal {
    /// Longer than [`super::URL_BYTES_MAX`].
    #[error("the URL is longer than {} bytes", super::URL_BYTES_MAX)]
    TooLong,
    /// Control characters, white space or a backslash, raw.
    #[error("the URL contains a control character, white space or a backslash; percent-encode it")]
    Character,
    /// Any scheme but http and https, or none.
    #[error("the URL must start with https://")]
    Scheme,
    /// `https:host`, `https:///host`.
    #[error("the scheme must be followed by exactly two slashes and a host")]
    Slashes,
    /// Plain http although the policy does not allow it.
    #[error("the URL must use https; plain http is switched off in this gateway's configuration")]
    HttpNotAllowed,
    /// `user:password@`, also when empty.
    #[error("the URL must not contain a user name or password; use a custom header for authorization")]
    Userinfo,
    /// `#…`
    #[error("the URL must not contain a fragment (#…): it would never be sent")]
    Fragment,
    /// Not a URL by the WHATWG standard.
    #[error("the URL cannot be read: {0}")]
    Malformed(#[from] url::ParseError),
    /// The path or query cannot be sent in an HTTP request line.
    #[error("the path or query contains characters that HTTP cannot carry; percent-encode them")]
    Path,
    /// Not a host name: empty or overlong labels, characters outside `a-z 0-9 - _`.
    #[error("the host is not a valid DNS name")]
    Name,
    /// `localhost` and names under it.
    #[error("the host localhost means the gateway itself")]
    Localhost,
    /// A name under a suffix that only resolves inside a private network.
    #[error("the host is a name of a private network")]
    InternalName,
    /// A name without a dot.
    #[error("the host has no domain: write the full name")]
    SingleLabel,
    /// A name of a cloud's metadata service.
    #[error("the host is a cloud metadata service")]
    MetadataName,
    /// The host is written as an address that may not be dialled, or the port is not allowed.
    #[error(transparent)]
    Address(#[from] Refusal),
}

impl UrlRefusal {
    /// Stable identifier for the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong => "url_too_long",
            Self::Character => "url_character",
            Self::Scheme => "url_scheme",
            Self::Slashes => "url_slashes",
            Self::HttpNotAllowed => "url_http_not_allowed",
            Self::Userinfo => "url_userinfo",
            Self::Fragment => "url_fragment",
            Self::Malformed(_) => "url_malformed",
            Self::Path => "url_path",
            Self::Name => "url_host_invalid",
            Self::Localhost => "url_host_localhost",
            Self::InternalName => "url_host_internal",
            Self::SingleLabel => "url_host_single_label",
            Self::MetadataName => "url_host_metadata",
            Self::Address(refusal) => refusal.code(),
        }
    }
}
