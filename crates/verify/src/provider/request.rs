//! One received request, as far as its verification looks at it.

use std::borrow::Cow;
use std::fmt;

use super::refusal::Refusal;

/// A received request. Nothing is copied.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The method in upper case.
    pub method: &'a str,
    /// The whole URL as the sender knows it: `https://hooks.example.com/in/src_1?x=1`. Behind a proxy this is the public
    /// URL, not the one that arrived.
    pub url: &'a str,
    /// Names (in any case) and values, repeated ones included.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The bytes of the body as received.
    pub body: &'a [u8],
    /// The certificate that [`needs_certificate`](super::needs_certificate) asked for, in PEM.
    pub certificate: Option<&'a [u8]>,
}

impl fmt::Debug for Request<'_> {
    /// Headers and bodies carry tokens, so only their number and size are shown.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Request");
        shown.field("method", &self.method).field("headers", &self.headers.len());
        shown.field("body_bytes", &self.body.len()).finish_non_exhaustive()
    }
}

impl<'a> Request<'a> {
    /// The value of a header that may be absent. A repeated one is refused: two readers could choose differently.
    pub(super) fn header(&self, name: &str) -> Result<Option<&'a str>, Refusal> {
        let mut values = self.headers.iter().filter(|(given, _)| given.eq_ignore_ascii_case(name));
        let Some((_, value)) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(Refusal::RepeatedHeader(name.into()));
        }
        let text = std::str::from_utf8(value).map_err(|_| Refusal::malformed(name, "text in UTF-8"))?;
        Ok(Some(text))
    }

    /// The value of a header that must be there and not be empty.
    pub(super) fn needed_header(&self, name: &str) -> Result<&'a str, Refusal> {
        self.header(name)?
            .filter(|value| !value.is_empty())
            .ok_or_else(|| Refusal::MissingHeader(name.into()))
    }

    /// The decoded value of a query parameter.
    pub(super) fn query(&self, name: &str) -> Option<Cow<'a, str>> {
        let query = self.query_text()?;
        url::form_urlencoded::parse(query.as_bytes()).find(|(given, _)| given == name).map(|(_, value)| value)
    }

    /// What follows the question mark.
    pub(super) fn query_text(&self) -> Option<&'a str> {
        let (_, rest) = self.url.split_once('?')?;
        Some(rest.split_once('#').map_or(rest, |(query, _)| query))
    }
}
