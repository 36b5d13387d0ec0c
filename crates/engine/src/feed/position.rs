//! Where in a channel an item is, as clients give it back to go on after it.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use stentor_core::time::Time;

/// Bytes of its binary form.
const BYTES: usize = 24;

/// A place in a channel. It grants nothing: whoever gives one back sees only what its token shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Which channel. 0 is none: the item came from the store.
    pub epoch: u64,
    /// The item's number in it.
    pub sequence: u64,
    /// When it was told. Whatever is accepted from then on comes after it.
    pub at: Time,
}

/// The text is no position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Last-Event-ID must be the id of an earlier item of the same stream")]
pub struct InvalidPosition;

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; BYTES];
        bytes[..8].copy_from_slice(&self.epoch.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[16..].copy_from_slice(&self.at.as_micros().to_be_bytes());
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Position {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidPosition)?;
        let bytes: [u8; BYTES] = bytes.try_into().map_err(|_| InvalidPosition)?;
        let part = |at: usize| {
            let mut part = [0; 8];
            part.copy_from_slice(&bytes[at..at + 8]);
            part
        };
        Ok(Self {
            epoch: u64::from_be_bytes(part(0)),
            sequence: u64::from_be_bytes(part(8)),
            at: Time::from_micros(i64::from_be_bytes(part(16))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_and_nothing_else_is_taken() {
        let position =
            Position { epoch: u64::MAX, sequence: 7, at: Time::from_micros(1_700_000_000_000_001) };
        assert_eq!(position.to_string().parse(), Ok(position));
        let text = position.to_string();
        for wrong in ["", "7", &text[1..], &format!("{text}A"), "äöü"] {
            assert_eq!(wrong.parse::<Position>(), Err(InvalidPosition), "{wrong}");
        }
    }
}
