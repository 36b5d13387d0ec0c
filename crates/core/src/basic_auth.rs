//! `Authorization: Basic …` as RFC 7617 has it, and each way in which it goes wrong told apart.
//!
//! The seeds' senders build the header by hand, in a shell or in code, so the mistakes are known (readings "000, 001 inbound"):
//! each has its own text that says what to change. No text repeats what was sent.

#[cfg(test)]
mod tests;

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

/// Most characters after the scheme that are looked at. Credentials that Stentor makes have 76.
const ENCODED_CHARS_MAX: usize = 1_024;

/// Padding may be missing: the credentials are compared decoded, so nothing is gained by refusing.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A username and a password that came with a request. `Debug` shows neither.
#[derive(Clone, PartialEq, Eq)]
pub struct BasicPair {
    decoded: Zeroizing<String>,
    colon: usize,
}

/// Why a header holds no username and password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BasicRefusal {
    /// There is no header.
    #[error(
        "Authorization is missing; send Authorization: Basic followed by the base64 of username:password"
    )]
    Missing,
    /// The header came more than once.
    #[error("Authorization is given twice; send it once")]
    Repeated,
    /// Another scheme, or none.
    #[error("Authorization must begin with Basic and a space, followed by the base64 of username:password")]
    WrongScheme,
    /// Nothing follows the scheme.
    #[error("nothing follows Basic; add the base64 of username:password")]
    Empty,
    /// Longer than any credentials.
    #[error(
        "what follows Basic is longer than {ENCODED_CHARS_MAX} characters; it must be the base64 of username:password alone"
    )]
    TooLong,
    /// The base64 is broken by white space.
    #[error(
        "the base64 is broken into lines or holds spaces; write it in one piece (with GNU coreutils: base64 -w0), and encode \
         nothing but username:password (echo -n)"
    )]
    Wrapped,
    /// Not base64.
    #[error("what follows Basic is not base64 (A-Z, a-z, 0-9, +, / and = at the end)")]
    NotBase64,
    /// The bytes are not UTF-8.
    #[error("the decoded credentials are not UTF-8; encode username:password as UTF-8 before base64")]
    NotUtf8,
    /// The option of `echo` was encoded as text.
    #[error(
        "the decoded credentials begin with \"-n \": the shell's echo printed its option; use printf %s 'username:password' | base64"
    )]
    EchoOption,
    /// A line end was encoded with the password.
    #[error(
        "the decoded credentials end with a newline; encode username:password without one (echo -n, or printf %s)"
    )]
    TrailingNewline,
    /// No colon between username and password.
    #[error("the decoded credentials hold no colon; encode username:password with a colon between them")]
    NoColon,
    /// A control character (RFC 7617 section 2 forbids them).
    #[error("the decoded credentials hold a control character; only what was shown at their creation works")]
    ControlCharacter,
}

impl BasicRefusal {
    /// Stable word for the kind.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Repeated => "repeated",
            Self::WrongScheme => "wrong_scheme",
            Self::Empty => "empty",
            Self::TooLong => "too_long",
            Self::Wrapped => "wrapped",
            Self::NotBase64 => "not_base64",
            Self::NotUtf8 => "not_utf8",
            Self::EchoOption => "echo_option",
            Self::TrailingNewline => "trailing_newline",
            Self::NoColon => "no_colon",
            Self::ControlCharacter => "control_character",
        }
    }
}

impl BasicPair {
    /// Reads the values of all `Authorization` headers of a request. The scheme may be in any case (RFC 9110 section 11.1) and
    /// the password may hold colons (RFC 7617 section 2).
    ///
    /// # Errors
    /// What is wrong, in the order in which a sender would find it.
    pub fn read<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, BasicRefusal> {
        let mut values = values.into_iter();
        let value = values.next().ok_or(BasicRefusal::Missing)?;
        if values.next().is_some() {
            return Err(BasicRefusal::Repeated);
        }
        Self::decode(encoded(value.trim_ascii())?)
    }

    fn decode(encoded: &[u8]) -> Result<Self, BasicRefusal> {
        if encoded.len() > ENCODED_CHARS_MAX {
            return Err(BasicRefusal::TooLong);
        }
        if encoded.iter().any(u8::is_ascii_whitespace) {
            return Err(BasicRefusal::Wrapped);
        }
        let bytes = Zeroizing::new(LENIENT.decode(encoded).map_err(|_| BasicRefusal::NotBase64)?);
        let text = std::str::from_utf8(&bytes).map_err(|_| BasicRefusal::NotUtf8)?;
        if text.starts_with("-n ") {
            return Err(BasicRefusal::EchoOption);
        }
        if text.ends_with(['\n', '\r']) {
            return Err(BasicRefusal::TrailingNewline);
        }
        let colon = text.find(':').ok_or(BasicRefusal::NoColon)?;
        if text.contains(char::is_control) {
            return Err(BasicRefusal::ControlCharacter);
        }
        Ok(Self { decoded: Zeroizing::new(text.to_owned()), colon })
    }

    /// Before the first colon.
    pub fn username(&self) -> &str {
        &self.decoded[..self.colon]
    }

    /// After the first colon.
    pub fn password(&self) -> &str {
        &self.decoded[self.colon + 1..]
    }

    /// Both with the colon between them: what is hashed to look the credential up.
    pub fn pair(&self) -> &str {
        &self.decoded
    }
}

impl fmt::Debug for BasicPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BasicPair([hidden])")
    }
}

/// What follows the scheme.
fn encoded(value: &[u8]) -> Result<&[u8], BasicRefusal> {
    let (scheme, rest) = match value.iter().position(|byte| byte.is_ascii_whitespace()) {
        Some(space) => value.split_at(space),
        None => (value, &[][..]),
    };
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return Err(BasicRefusal::WrongScheme);
    }
    match rest.trim_ascii() {
        [] => Err(BasicRefusal::Empty),
        rest => Ok(rest),
    }
}

/// Whether a head, as it came, holds Basic credentials that a line feed breaks: what `base64` makes of more than 57 bytes when
/// a shell puts it into a header. No HTTP parser reads such a head, so this is asked of one that could not be read.
pub fn is_wrapped_in_head(head: &[u8]) -> bool {
    let mut lines = head.split_inclusive(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        let Some((name, value)) =
            line.iter().position(|byte| *byte == b':').map(|colon| line.split_at(colon))
        else {
            continue;
        };
        let is_basic = name.eq_ignore_ascii_case(b"authorization")
            && value[1..].trim_ascii().get(..6).is_some_and(|start| start.eq_ignore_ascii_case(b"basic "));
        let is_bare = line.ends_with(b"\n") && !line.ends_with(b"\r\n");
        let is_piece = |next: &&[u8]| {
            let piece = next.trim_ascii();
            let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
            !piece.is_empty() && piece.iter().all(fits)
        };
        if is_basic && is_bare && lines.peek().is_some_and(is_piece) {
            return true;
        }
    }
    false
}
