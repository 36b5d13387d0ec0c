//! The URL that a sender was told.

use serde::{Deserialize, Serialize};
use url::Url;

use crate::destination_url::URL_BYTES_MAX;

/// The URL that a sender was told, for providers that sign it: behind a proxy it is not the one that arrives here.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicUrl(Box<str>);

/// Why a text is no such URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPublicUrl {
    /// Not a URL, or of another scheme.
    #[error("must be a URL that starts with https:// or http://")]
    Form,
    /// It holds what a sender does not sign or what belongs to the single request.
    #[error(
        "must have neither user and password, nor query, nor fragment; the query of each request is added to it"
    )]
    Parts,
    /// Longer than allowed.
    #[error("must be at most {URL_BYTES_MAX} bytes")]
    TooLong,
}

impl PublicUrl {
    /// Reads what a user wrote. The text is kept as it is: a signature covers each of its bytes.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn parse(text: &str) -> Result<Self, InvalidPublicUrl> {
        if text.len() > URL_BYTES_MAX {
            return Err(InvalidPublicUrl::TooLong);
        }
        let url = Url::parse(text).map_err(|_| InvalidPublicUrl::Form)?;
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        if !matches!(url.scheme(), "http" | "https") || !is_plain || !url.has_host() {
            return Err(InvalidPublicUrl::Form);
        }
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user || url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidPublicUrl::Parts);
        }
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL that a request with this query was signed for.
    pub fn with_query(&self, query: Option<&str>) -> String {
        query.map_or_else(|| self.0.to_string(), |query| format!("{}?{query}", self.0))
    }
}

impl TryFrom<String> for PublicUrl {
    type Error = InvalidPublicUrl;

    fn try_from(text: String) -> Result<Self, InvalidPublicUrl> {
        Self::parse(&text)
    }
}

impl From<PublicUrl> for String {
    fn from(url: PublicUrl) -> Self {
        url.0.into()
    }
}
