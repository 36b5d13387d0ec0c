//! The URL of a receiver: parsed once, checked once, kept in one canonical form (reliability S4).
//!
//! `http::Uri` and `url::Url` disagree about what is a name and what is an address (`0x7f.1`, `2130706433`), so a
//! destination is only ever read by `url` and dialled from this struct; nothing may parse the text again.

mod name;
mod refusal;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use http::uri::PathAndQuery;
use serde::{Deserialize, Serialize};
use url::{Position, Url};

use crate::address::{AddressPolicy, Refusal};
pub use refusal::UrlRefusal;

/// Longest URL of a receiver, in bytes, as written and in canonical form.
pub const URL_BYTES_MAX: usize = 2048;

/// A receiver's URL in canonical form: http or https, no userinfo, no fragment, a host without trailing dot.
///
/// Reading one through serde is [`DestinationUrl::from_stored`]: right for what we wrote ourselves, wrong for what
/// a user sends; that goes through [`DestinationUrl::parse`]. `Debug` hides the query, which may hold secrets.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DestinationUrl(Url);

/// The host of a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Host<'a> {
    /// Written as an address in any notation; it is dialled without asking a resolver.
    Ip(IpAddr),
    /// A lower-case ASCII name (internationalised labels as punycode).
    Name(&'a str),
}

impl DestinationUrl {
    /// Reads what a user wrote and refuses what must not be saved. A name is not resolved here: its addresses are
    /// decided about at every connect.
    ///
    /// # Errors
    /// The first rule that the URL breaks.
    pub fn parse(text: &str, policy: &AddressPolicy) -> Result<Self, UrlRefusal> {
        let destination = Self::from_stored(text)?;
        if !destination.is_https() && !policy.allows_http() {
            return Err(UrlRefusal::HttpNotAllowed);
        }
        match destination.host() {
            Host::Ip(ip) => policy.check(SocketAddr::new(ip, destination.port()))?,
            Host::Name(host) => {
                name::check(host, policy)?;
                policy.check_port_of_name(destination.port())?;
            }
        }
        Ok(destination)
    }

    /// Reads a URL that was accepted earlier, perhaps under another policy. Only the rules that hold under every
    /// policy are applied.
    ///
    /// # Errors
    /// The first such rule that the URL breaks; for a URL that we stored this means damage.
    pub fn from_stored(text: &str) -> Result<Self, UrlRefusal> {
        check_raw(text)?;
        let mut url = Url::parse(text)?;
        if url.fragment().is_some() {
            return Err(UrlRefusal::Fragment);
        }
        if url.port() == Some(0) {
            return Err(UrlRefusal::Address(Refusal::Port));
        }
        strip_trailing_dot(&mut url)?;
        if let Some(url::Host::Domain(host)) = url.host() {
            name::check_form(host)?;
        }
        let canonical = Self(url);
        if canonical.as_str().len() > URL_BYTES_MAX {
            return Err(UrlRefusal::TooLong);
        }
        // Found here rather than at the first delivery: the HTTP client could not send such a path.
        PathAndQuery::try_from(canonical.path_and_query()).map_err(|_| UrlRefusal::Path)?;
        Ok(canonical)
    }

    /// The canonical text. It may hold secrets in its query: logs take [`DestinationUrl::redacted`].
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host to dial and to verify the certificate against.
    #[must_use]
    pub fn host(&self) -> Host<'_> {
        match self.0.host().expect("parsing accepts only http and https, whose URLs have a host") {
            url::Host::Domain(name) => Host::Name(name),
            url::Host::Ipv4(ip) => Host::Ip(IpAddr::V4(ip)),
            url::Host::Ipv6(ip) => Host::Ip(IpAddr::V6(ip)),
        }
    }

    /// The port to dial, the scheme's own if none is written.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().expect("http and https have a default port")
    }

    /// Whether the connection uses TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Host, and port unless it is the scheme's own: the value of the `Host` header (RFC 9110 section 7.2).
    #[must_use]
    pub fn authority(&self) -> &str {
        self.0.authority()
    }

    /// The request target in origin form (RFC 9112 section 3.2.1); never empty.
    #[must_use]
    pub fn path_and_query(&self) -> &str {
        &self.0[Position::BeforePath..Position::AfterQuery]
    }

    /// The text for logs: the query, where receivers like to put tokens, is replaced.
    #[must_use]
    pub fn redacted(&self) -> String {
        let visible = &self.0[..Position::AfterPath];
        if self.0.query().is_some() { format!("{visible}?[redacted]") } else { visible.to_owned() }
    }
}

impl fmt::Debug for DestinationUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DestinationUrl").field(&self.redacted()).finish()
    }
}

impl TryFrom<String> for DestinationUrl {
    type Error = UrlRefusal;

    fn try_from(text: String) -> Result<Self, UrlRefusal> {
        Self::from_stored(&text)
    }
}

impl From<DestinationUrl> for String {
    fn from(destination: DestinationUrl) -> Self {
        destination.0.into()
    }
}

/// The rules on the text itself: the URL standard silently repairs what these refuse, and a text that is read
/// differently elsewhere is how address checks are bypassed.
fn check_raw(text: &str) -> Result<(), UrlRefusal> {
    if text.len() > URL_BYTES_MAX {
        return Err(UrlRefusal::TooLong);
    }
    if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err(UrlRefusal::Character);
    }
    let (scheme, rest) = text.split_once(':').ok_or(UrlRefusal::Scheme)?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(UrlRefusal::Scheme);
    }
    let rest = rest.strip_prefix("//").ok_or(UrlRefusal::Slashes)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    if authority.is_empty() {
        return Err(UrlRefusal::Slashes);
    }
    if authority.contains('@') { Err(UrlRefusal::Userinfo) } else { Ok(()) }
}

/// `example.com.` and `example.com` are the same host, and `localhost.` must not slip by as another name.
fn strip_trailing_dot(url: &mut Url) -> Result<(), UrlRefusal> {
    let Some(stripped) = url.domain().and_then(|name| name.strip_suffix('.')).map(str::to_owned) else {
        return Ok(());
    };
    url.set_host(Some(&stripped))?;
    Ok(())
}
