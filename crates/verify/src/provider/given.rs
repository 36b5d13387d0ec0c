//! The signatures that a request carries, cut out of their header.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::record::{SignatureEncoding, SignatureRecord};
use super::refusal::Refusal;
use super::request::Request;
use crate::standard::MAX_LISTED_SIGNATURES;

/// Longest text of a signature: RSA with 8 192 bits in hex.
const TEXT_MAX_BYTES: usize = 2_048;

/// Padding is mostly left out in the form for URLs.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What the signature's header holds.
pub(super) struct Given<'a> {
    /// All parts, if it is a list of such.
    parts: Vec<(&'a str, &'a str)>,
    /// The signatures as texts, without their prefix.
    pub(super) texts: Vec<Cow<'a, str>>,
}

impl<'a> Given<'a> {
    /// Cuts the signatures out.
    pub(super) fn read(record: &SignatureRecord, request: &Request<'a>) -> Result<Self, Refusal> {
        let mut given = Self { parts: Vec::new(), texts: Vec::new() };
        if let Some(name) = &record.query {
            let value = request.query(name).filter(|value| !value.is_empty());
            given.texts.push(value.ok_or_else(|| Refusal::MissingParameter(name.as_str().into()))?);
            return Ok(given);
        }
        let name = record.header.as_deref().unwrap_or_default();
        if record.numbered {
            return given.numbered(record, name, request);
        }
        let value = request.needed_header(name)?;
        if let Some(parts) = &record.parts {
            for part in bounded(value.split(parts.separator.as_str()), MAX_LISTED_SIGNATURES + 8)? {
                given.parts.extend(part.trim().split_once('='));
            }
            let named = given.parts.iter().filter(|(key, _)| *key == parts.signature);
            given.texts = without_prefix(named.map(|(_, text)| *text), &record.prefix);
            let form = || format!("parts name=value with {:?} between them", parts.separator);
            if given.parts.is_empty() {
                return Err(Refusal::malformed(name, form()));
            }
            if given.texts.is_empty() {
                return Err(Refusal::UnknownVersion(parts.signature.as_str().into()));
            }
        } else if let Some(separator) = &record.separator {
            let entries = bounded(value.split(separator.as_str()), MAX_LISTED_SIGNATURES)?;
            given.texts = without_prefix(entries.into_iter().map(str::trim), &record.prefix);
        } else {
            given.texts = without_prefix([value].into_iter(), &record.prefix);
        }
        if given.texts.is_empty() {
            return Err(Refusal::malformed(name, format!("it begins with {}", record.prefix)));
        }
        if given.texts.len() > MAX_LISTED_SIGNATURES {
            return Err(Refusal::TooManySignatures);
        }
        Ok(given)
    }

    fn numbered(
        mut self,
        record: &SignatureRecord,
        name: &str,
        request: &Request<'a>,
    ) -> Result<Self, Refusal> {
        for number in 1..=MAX_LISTED_SIGNATURES {
            let name = format!("{name}-{number}");
            let Some(value) = request.header(&name)? else { break };
            self.texts.extend(without_prefix([value].into_iter(), &record.prefix));
        }
        if self.texts.is_empty() { Err(Refusal::MissingHeader(format!("{name}-1").into())) } else { Ok(self) }
    }

    /// The part with this name.
    pub(super) fn part(&self, name: &str) -> Option<&'a str> {
        self.parts.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }

    /// The signatures as bytes. Those in a wrong encoding are passed over as long as one is well written.
    pub(super) fn decoded(
        &self,
        encoding: SignatureEncoding,
        expected_bytes: Option<usize>,
    ) -> Result<Vec<Vec<u8>>, Refusal> {
        let all: Vec<Vec<u8>> = self.texts.iter().filter_map(|text| decode(encoding, text)).collect();
        let Some(some) = all.first() else {
            return Err(Refusal::WrongEncoding { expected: encoding.name() });
        };
        let Some(expected_bytes) = expected_bytes else { return Ok(all) };
        let actual_bytes = some.len();
        let fitting: Vec<Vec<u8>> = all.into_iter().filter(|bytes| bytes.len() == expected_bytes).collect();
        if fitting.is_empty() {
            Err(Refusal::WrongLength { expected_bytes, actual_bytes })
        } else {
            Ok(fitting)
        }
    }
}

impl SignatureEncoding {
    const fn name(self) -> &'static str {
        match self {
            Self::Hex => "hex",
            Self::Base64 => "base64",
            Self::Base64url => "base64url",
        }
    }
}

/// Decodes a signature. The case of hexadecimal digits cannot make a wrong signature right, so it is left to the sender.
pub(super) fn decode(encoding: SignatureEncoding, text: &str) -> Option<Vec<u8>> {
    if text.is_empty() || text.len() > TEXT_MAX_BYTES {
        return None;
    }
    match encoding {
        SignatureEncoding::Hex => decode_hex(text),
        SignatureEncoding::Base64 => STANDARD.decode(text).ok(),
        SignatureEncoding::Base64url => BASE64URL.decode(text).ok(),
    }
}

/// Hexadecimal digits of either case.
pub(super) fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    if text.len() % 2 == 1 {
        return None;
    }
    text.as_bytes().chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

fn without_prefix<'a>(texts: impl Iterator<Item = &'a str>, prefix: &str) -> Vec<Cow<'a, str>> {
    texts.filter_map(|text| text.strip_prefix(prefix)).map(Into::into).collect()
}

/// No more than `max`: a stranger does not choose how much is checked.
fn bounded<'a>(mut entries: impl Iterator<Item = &'a str>, max: usize) -> Result<Vec<&'a str>, Refusal> {
    let taken: Vec<&str> = entries.by_ref().take(max).collect();
    if entries.next().is_some() { Err(Refusal::TooManySignatures) } else { Ok(taken) }
}

#[cfg(test)]
mod tests;
