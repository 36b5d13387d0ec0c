//! Ids in the hyphenated form of RFC 9562, made here or by the caller: those of conversations (readings 002).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::uuid_v7;
use crate::time::Time;

/// Characters of the hyphenated form; the crate reads others too.
const HYPHENATED_LEN: usize = 36;

/// The text is not a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID such as 018f2a5e-3c1b-7d4e-9a6f-2b8c4d6e8f01")]
pub struct InvalidUuid;

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        uuid_newtype! { $(#[$doc])* $name }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.hyphenated(), f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidUuid;

            fn from_str(text: &str) -> Result<Self, InvalidUuid> {
                let hyphenated = Some(text).filter(|text| text.len() == HYPHENATED_LEN);
                hyphenated.and_then(|text| Uuid::try_parse(text).ok()).map(Self).ok_or(InvalidUuid)
            }
        }
    )*};
}

uuid_ids! {
    /// A conversation: a subject with a callback URL.
    ConversationId;
    /// A message of a conversation.
    MessageId;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_hyphenated_form_is_read_and_it_is_written_in_lower_case() {
        let text = "018F2A5E-3c1b-7d4e-9a6f-2b8c4d6e8f01";
        let id: MessageId = text.parse().expect("a UUID");
        assert_eq!(id.to_string(), text.to_lowercase());
        assert_eq!(MessageId::from_bytes(*id.as_bytes()), id);
        for other in [
            "",
            "018f2a5e3c1b7d4e9a6f2b8c4d6e8f01",
            "{018f2a5e-3c1b-7d4e-9a6f-2b8c4d6e8f01}",
            "urn:uuid:018f2a5e-3c1b-7d4e-9a6f-2b8c4d6e8f01",
            "018f2a5e-3c1b-7d4e-9a6f-2b8c4d6e8f0g",
        ] {
            assert_eq!(other.parse::<MessageId>(), Err(InvalidUuid), "{other}");
        }
    }

    #[test]
    fn a_new_one_is_of_version_7() {
        let id = ConversationId::new(Time::from_seconds(1_700_000_000), u64::MAX);
        assert_eq!(Uuid::from_bytes(*id.as_bytes()).get_version_num(), 7);
    }
}
