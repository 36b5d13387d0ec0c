//! A destination in the form the HTTP client takes.

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use stentor_core::destination_url::DestinationUrl;

/// A destination made ready for sending. Made once per webhook and cloned per request, which shares its text.
#[derive(Clone)]
pub struct PreparedUrl(Uri);

impl PreparedUrl {
    /// Prepares a destination. The text is not read again: the parts are taken as `DestinationUrl` cut them, so that
    /// what was checked is what is dialled (reliability S4).
    #[must_use]
    pub fn new(destination: &DestinationUrl) -> Self {
        let authority = Authority::try_from(destination.authority()).expect(
            "a destination's host is an address or a name of letters, digits, hyphens and underscores",
        );
        let target = PathAndQuery::try_from(destination.path_and_query())
            .expect("a destination's path was checked when parsed");
        let scheme = if destination.is_https() { Scheme::HTTPS } else { Scheme::HTTP };
        let uri = Uri::builder().scheme(scheme).authority(authority).path_and_query(target).build();
        Self(uri.expect("a URI with scheme, authority and path is complete"))
    }

    pub(super) fn is_https(&self) -> bool {
        self.0.scheme() == Some(&Scheme::HTTPS)
    }

    pub(super) fn into_uri(self) -> Uri {
        self.0
    }
}

impl From<&DestinationUrl> for PreparedUrl {
    fn from(destination: &DestinationUrl) -> Self {
        Self::new(destination)
    }
}

impl std::fmt::Debug for PreparedUrl {
    /// Without path and query, which may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PreparedUrl").field(&self.0.authority().map(Authority::as_str)).finish()
    }
}
