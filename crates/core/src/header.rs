//! The custom headers of a webhook (reliability S7): what a user may add to each request, and what not.
//!
//! Values are often credentials: they are marked sensitive and absent from `Debug` and errors.

mod refusal;
mod reserved;
#[cfg(test)]
mod tests;

use std::fmt;

use http::{HeaderName, HeaderValue};

pub use refusal::HeaderRefusal;
pub use reserved::{is_of_connection, is_reserved};

/// Most custom headers of one webhook.
pub const HEADERS_MAX: usize = 32;
/// Longest name of a custom header, in bytes.
pub const HEADER_NAME_BYTES_MAX: usize = 128;
/// Longest value of a custom header, in bytes.
pub const HEADER_VALUE_BYTES_MAX: usize = 4_096;
/// Largest sum of all names and values of one webhook, in bytes.
pub const HEADERS_BYTES_MAX: usize = 16 * 1_024;

/// Custom headers in the order given; each is safe to put on the wire as it is.
///
/// The serde form, a list of `[name, value]`, holds the values in the clear. It is for what gets encrypted before it
/// is stored; an API shows [`CustomHeaders::names`]. Reading it applies every rule again.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CustomHeaders(Vec<CustomHeader>);

#[derive(Clone, PartialEq, Eq)]
struct CustomHeader {
    /// As the user spelled it, for showing; the wire name is lower-case.
    name: String,
    wire_name: HeaderName,
    /// Always visible ASCII, spaces and tabs; marked sensitive.
    value: HeaderValue,
}

/// Kept as a list of pairs; only ever inside the encrypted part of a webhook.
impl serde::Serialize for CustomHeaders {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> serde::Deserialize<'de> for CustomHeaders {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pairs = Vec::<(String, String)>::deserialize(deserializer)?;
        Self::parse(pairs).map_err(serde::de::Error::custom)
    }
}

impl CustomHeaders {
    /// Reads headers from name and value pairs. Rendered templates and stored values come through here too.
    ///
    /// # Errors
    /// The first header that breaks a rule, by name or by position if the name itself is unusable.
    pub fn parse<N: AsRef<str>, V: AsRef<str>>(
        headers: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, HeaderRefusal> {
        let mut accepted: Vec<CustomHeader> = Vec::new();
        let mut total_bytes = 0;
        for (index, (name, value)) in headers.into_iter().enumerate() {
            if index >= HEADERS_MAX {
                return Err(HeaderRefusal::TooMany);
            }
            let header = parse_one(index + 1, name.as_ref(), value.as_ref())?;
            if accepted.iter().any(|earlier| earlier.wire_name == header.wire_name) {
                return Err(HeaderRefusal::Duplicate { name: header.name });
            }
            total_bytes += header.name.len() + header.value.len();
            if total_bytes > HEADERS_BYTES_MAX {
                return Err(HeaderRefusal::TooLarge);
            }
            accepted.push(header);
        }
        Ok(Self(accepted))
    }

    /// Names as spelled and values in the clear, in order: for encrypting before storage, not for showing.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        let readable = "parsing accepts only visible ASCII, spaces and tabs";
        self.0.iter().map(move |header| (header.name.as_str(), header.value.to_str().expect(readable)))
    }

    /// Names as spelled, in order: all that the API shows.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|header| header.name.as_str())
    }

    /// Ready for a request; cloning the value shares its bytes.
    pub fn wire(&self) -> impl ExactSizeIterator<Item = (&HeaderName, &HeaderValue)> {
        self.0.iter().map(|header| (&header.wire_name, &header.value))
    }

    /// Whether a header of this name is present, in any case.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.names().any(|own| own.eq_ignore_ascii_case(name))
    }

    /// How many headers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for CustomHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.names().map(|name| (name, "[hidden]"))).finish()
    }
}

/// `position` counts from 1.
fn parse_one(position: usize, name: &str, value: &str) -> Result<CustomHeader, HeaderRefusal> {
    if name.len() > HEADER_NAME_BYTES_MAX {
        return Err(HeaderRefusal::NameTooLong { position });
    }
    let wire_name =
        HeaderName::from_bytes(name.as_bytes()).map_err(|_| HeaderRefusal::NameInvalid { position })?;
    let name = name.to_owned();
    if is_reserved(wire_name.as_str()) {
        return Err(HeaderRefusal::Reserved { name });
    }
    if value.len() > HEADER_VALUE_BYTES_MAX {
        return Err(HeaderRefusal::ValueTooLong { name });
    }
    let visible = |byte: u8| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t');
    if !value.bytes().all(visible) {
        return Err(HeaderRefusal::ValueInvalid { name });
    }
    if value.trim_matches([' ', '\t']).len() != value.len() {
        return Err(HeaderRefusal::ValuePadded { name });
    }
    let mut value =
        HeaderValue::from_str(value).map_err(|_| HeaderRefusal::ValueInvalid { name: name.clone() })?;
    value.set_sensitive(true);
    Ok(CustomHeader { name, wire_name, value })
}
