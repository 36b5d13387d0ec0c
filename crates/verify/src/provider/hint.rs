//! What would have fitted: after a refusal, the usual mistakes are tried one by one.

use std::borrow::Cow;
use std::fmt;

use super::key::{Key, MacKey, Material, bytes};
use super::record::{Algorithm, KeyForm, SignatureEncoding, SignatureRecord};
use super::request::Request;
use super::scheme::Declared;
use super::template::Piece;
use super::verify::matching;

/// Trying costs a digest of the body each, so large bodies, which a stranger may send, are not tried.
const BODY_MAX_BYTES: usize = 65_536;
/// Keys that are tried; sources have one or two.
const KEYS_MAX: usize = 4;

/// The mistake that explains a signature that does not fit. It was tried and fits: this is no guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hint {
    /// The secret was pasted with spaces or a line feed around it.
    SecretHasSpaces,
    /// The sender takes `whsec_` off and decodes the rest.
    SecretShouldBeDecoded,
    /// The sender uses the whole text of the secret, `whsec_` included.
    SecretIsWholeText,
    /// The sender decodes the secret from base64.
    SecretIsBase64,
    /// The sender decodes the secret from hex.
    SecretIsHex,
    /// The signature is over the body without its last line feed.
    BodyGotLineFeed,
    /// The signature is over the body with a line feed at its end.
    BodyLostLineFeed,
    /// The signature is over the same JSON in another layout: something on the way wrote the body anew.
    BodyWrittenAnew,
    /// The signature is over the body alone.
    BodyAlone,
    /// The signature is over `timestamp.body`.
    TimestampAndBody,
    /// The signature is over the URL with the other of http and https.
    UrlScheme,
    /// The signature is over the URL with, or without, a slash at the end of its path.
    UrlSlash,
    /// The signature is over the URL without its query.
    UrlQuery,
}

impl Hint {
    /// The stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::SecretHasSpaces => "secret_has_spaces",
            Self::SecretShouldBeDecoded => "secret_should_be_decoded",
            Self::SecretIsWholeText => "secret_is_whole_text",
            Self::SecretIsBase64 => "secret_is_base64",
            Self::SecretIsHex => "secret_is_hex",
            Self::BodyGotLineFeed => "body_got_line_feed",
            Self::BodyLostLineFeed => "body_lost_line_feed",
            Self::BodyWrittenAnew => "body_written_anew",
            Self::BodyAlone => "body_alone",
            Self::TimestampAndBody => "timestamp_and_body",
            Self::UrlScheme => "url_scheme",
            Self::UrlSlash => "url_slash",
            Self::UrlQuery => "url_query",
        }
    }

    /// The end of the refusal's sentence.
    pub(super) fn clause(hint: Option<&Self>) -> String {
        hint.map_or_else(
            || ": it is another secret, or the body was altered".to_owned(),
            |hint| format!(", but {hint}"),
        )
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::SecretHasSpaces => "it fits without the spaces or line feed around the secret",
            Self::SecretShouldBeDecoded => "it fits when whsec_ is taken off the secret and the rest decoded",
            Self::SecretIsWholeText => {
                "it fits when the whole text of the secret is the key, whsec_ included"
            }
            Self::SecretIsBase64 => "it fits when the secret is decoded from base64",
            Self::SecretIsHex => "it fits when the secret is decoded from hex",
            Self::BodyGotLineFeed => {
                "it fits the body without its last line feed: something on the way added that"
            }
            Self::BodyLostLineFeed => {
                "it fits the body with a line feed at its end: something on the way took that off"
            }
            Self::BodyWrittenAnew => {
                "it fits the same JSON in another layout: something on the way wrote the body anew"
            }
            Self::BodyAlone => "it fits the body alone, without anything before or after it",
            Self::TimestampAndBody => "it fits the timestamp, a full stop and the body",
            Self::UrlScheme => {
                "it fits the URL with the other of http and https: the configured public URL is wrong"
            }
            Self::UrlSlash => "it fits the URL with the slash at the end of its path added or left out",
            Self::UrlQuery => "it fits the URL without its query",
        })
    }
}

/// Tries the usual mistakes of shared secrets. Asymmetric signatures cost too much to try.
pub(super) fn find(
    declared: &Declared,
    keys: &[Key],
    request: &Request<'_>,
    content: &[Cow<'_, [u8]>],
    signatures: &[Vec<u8>],
) -> Option<Hint> {
    let is_mac = declared.algorithm.signs() && !declared.algorithm.is_asymmetric();
    if !is_mac || request.body.len() > BODY_MAX_BYTES {
        return None;
    }
    let keys = &keys[..keys.len().min(KEYS_MAX)];
    let parts: Vec<&[u8]> = content.iter().map(Cow::as_ref).collect();
    other_key(declared.algorithm, declared.key, keys, &parts, signatures)
        .or_else(|| other_body(declared, keys, request.body, &parts, signatures))
        .or_else(|| other_content(declared, keys, request.body, &parts, signatures))
        .or_else(|| other_url(declared, keys, request.url, &parts, signatures))
}

/// The same for a special scheme, by the record that it would have: `pieces` are what is signed, with their kinds.
pub(super) fn find_special(
    algorithm: Algorithm,
    form: KeyForm,
    keys: &[Key],
    request: &Request<'_>,
    pieces: &[(Piece, &[u8])],
    signatures: &[Vec<u8>],
) -> Option<Hint> {
    if request.body.len() > BODY_MAX_BYTES {
        return None;
    }
    let declared = Declared {
        algorithm,
        signature: SignatureRecord::default(),
        encoding: SignatureEncoding::Base64,
        key: form,
        signed: pieces.iter().map(|(piece, _)| piece.clone()).collect(),
    };
    let keys: Vec<Key> = keys
        .iter()
        .take(KEYS_MAX)
        .filter_map(|key| {
            let bytes = bytes(form, &key.text).or_else(|_| bytes(KeyForm::Utf8, &key.text)).ok()?;
            Key::with(Material::Mac(MacKey::new(algorithm, &bytes)), &key.text).ok()
        })
        .collect();
    let content: Vec<Cow<'_, [u8]>> = pieces.iter().map(|(_, bytes)| Cow::Borrowed(*bytes)).collect();
    find(&declared, &keys, request, &content, signatures)
}

/// Reads the secrets' texts in other forms.
fn other_key(
    algorithm: Algorithm,
    form: KeyForm,
    keys: &[Key],
    parts: &[&[u8]],
    signatures: &[Vec<u8>],
) -> Option<Hint> {
    let forms = [
        (KeyForm::Whsec, Hint::SecretShouldBeDecoded),
        (KeyForm::Utf8, Hint::SecretIsWholeText),
        (KeyForm::Base64, Hint::SecretIsBase64),
        (KeyForm::Hex, Hint::SecretIsHex),
    ];
    let fits = |form, text: &str| {
        let Ok(bytes) = bytes(form, text) else { return false };
        let material = Material::Mac(MacKey::new(algorithm, &bytes));
        Key::with(material, text).is_ok_and(|key| matching(&[key], parts, signatures).is_some())
    };
    keys.iter().find_map(|key| {
        let trimmed = key.text.trim();
        if trimmed.len() < key.text.len() && fits(form, trimmed) {
            return Some(Hint::SecretHasSpaces);
        }
        forms.into_iter().find(|(other, _)| *other != form && fits(*other, trimmed)).map(|(_, hint)| hint)
    })
}

/// Replaces the body by what it may have been.
fn other_body(
    declared: &Declared,
    keys: &[Key],
    body: &[u8],
    parts: &[&[u8]],
    signatures: &[Vec<u8>],
) -> Option<Hint> {
    let position = declared.signed.iter().position(|piece| *piece == Piece::Body)?;
    let fits = |other: &[u8]| {
        let mut parts = parts.to_vec();
        parts[position] = other;
        other != body && matching(keys, &parts, signatures).is_some()
    };
    let without = body.strip_suffix(b"\n").map(|body| body.strip_suffix(b"\r").unwrap_or(body));
    if without.is_some_and(fits) {
        return Some(Hint::BodyGotLineFeed);
    }
    if fits(&[body, b"\n"].concat()) {
        return Some(Hint::BodyLostLineFeed);
    }
    let compact = without_space(body);
    let anew = fits(&compact) || fits(&with_space(&compact));
    anew.then_some(Hint::BodyWrittenAnew)
}

/// The two contents that senders mix up.
fn other_content(
    declared: &Declared,
    keys: &[Key],
    body: &[u8],
    parts: &[&[u8]],
    signatures: &[Vec<u8>],
) -> Option<Hint> {
    if parts.len() > 1 && matching(keys, &[body], signatures).is_some() {
        return Some(Hint::BodyAlone);
    }
    let timestamp = declared.signed.iter().position(|piece| *piece == Piece::Timestamp);
    let timestamp = timestamp.map(|position| parts[position])?;
    matching(keys, &[timestamp, b".", body], signatures).map(|_| Hint::TimestampAndBody)
}

/// Replaces the URL by its neighbours.
fn other_url(
    declared: &Declared,
    keys: &[Key],
    url: &str,
    parts: &[&[u8]],
    signatures: &[Vec<u8>],
) -> Option<Hint> {
    let position = declared.signed.iter().position(|piece| *piece == Piece::Url)?;
    let (path, query) = url.split_once('?').map_or((url, None), |(path, query)| (path, Some(query)));
    let whole = |path: String| query.map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
    let scheme = match url.strip_prefix("http://") {
        Some(rest) => format!("https://{rest}"),
        None => format!("http://{}", url.strip_prefix("https://").unwrap_or(url)),
    };
    let slash = path.strip_suffix('/').map_or_else(|| format!("{path}/"), str::to_owned);
    let others =
        [(scheme, Hint::UrlScheme), (whole(slash), Hint::UrlSlash), (path.to_owned(), Hint::UrlQuery)];
    others.into_iter().find_map(|(other, hint)| {
        let mut parts = parts.to_vec();
        parts[position] = other.as_bytes();
        matching(keys, &parts, signatures).map(|_| hint)
    })
}

/// JSON as `JSON.stringify` lays it out. Works on bytes, so that no number or escape changes.
fn without_space(json: &[u8]) -> Vec<u8> {
    let mut written = Vec::with_capacity(json.len());
    each_outside(json, |byte, is_outside| {
        if !(is_outside && byte.is_ascii_whitespace()) {
            written.push(byte);
        }
    });
    written
}

/// JSON as Python's `json.dumps` lays it out, from the form without space.
fn with_space(compact: &[u8]) -> Vec<u8> {
    let mut written = Vec::with_capacity(compact.len() + compact.len() / 4);
    each_outside(compact, |byte, is_outside| {
        written.push(byte);
        if is_outside && matches!(byte, b',' | b':') {
            written.push(b' ');
        }
    });
    written
}

/// Tells for each byte whether it stands outside of strings.
fn each_outside(json: &[u8], mut see: impl FnMut(u8, bool)) {
    let (mut in_string, mut is_escaped) = (false, false);
    for &byte in json {
        see(byte, !in_string);
        if is_escaped {
            is_escaped = false;
        } else if in_string && byte == b'\\' {
            is_escaped = true;
        } else if byte == b'"' {
            in_string = !in_string;
        }
    }
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    crate::plain::append_hex(bytes, &mut text);
    text
}

#[cfg(test)]
mod tests;
