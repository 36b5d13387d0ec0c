//! Typed identifiers: a `UUIDv7` shown as `<prefix>_<26 characters>` (`TypeID` spec 0.3: Crockford base 32, lower case).
//!
//! The time part makes ids sort by creation, which is what list cursors and append-only keys rely on. Order of ids is
//! not order of commits (engine rule E5).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::time::Time;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Characters of an id after its prefix and underscore.
const ENCODED_LEN: usize = 26;

/// The text is not an id of the expected kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form {prefix}_… with 26 characters after the underscore")]
pub struct InvalidId {
    /// The prefix that was expected.
    pub prefix: &'static str,
}

/// `UUIDv7` (RFC 9562, method 3): milliseconds, 12 bits of the sub-millisecond part, 62 random bits.
fn uuid_v7(at: Time, entropy: u64) -> Uuid {
    let millis = u64::try_from(at.as_millis()).unwrap_or(0) & 0xffff_ffff_ffff;
    let micros = u64::try_from(at.as_micros().rem_euclid(1_000)).unwrap_or(0);
    let fraction = micros * 4096 / 1000;
    let high = (millis << 16) | 0x7000 | fraction;
    let low = (entropy >> 2) | 0x8000_0000_0000_0000;
    Uuid::from_u64_pair(high, low)
}

fn encode(uuid: Uuid) -> [u8; ENCODED_LEN] {
    let mut value = uuid.as_u128();
    let mut text = [b'0'; ENCODED_LEN];
    for slot in text.iter_mut().rev() {
        *slot = ALPHABET[(value & 31) as usize];
        value >>= 5;
    }
    text
}

fn decode(text: &[u8]) -> Option<Uuid> {
    if text.len() != ENCODED_LEN || text[0] > b'7' {
        return None;
    }
    let mut value: u128 = 0;
    for byte in text {
        let digit = ALPHABET.iter().position(|letter| letter == byte)?;
        value = (value << 5) | digit as u128;
    }
    Some(Uuid::from_u128(value))
}

/// What all ids have, whatever their text.
macro_rules! uuid_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new one from the time of creation and 64 random bits (62 are used).
            pub fn new(at: Time, entropy: u64) -> Self {
                Self(uuid_v7(at, entropy))
            }

            /// From the 16 bytes that the store keeps.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The 16 bytes that the store keeps; they sort as the ids do.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

// After the macro that it uses.
mod uuid_form;

pub use uuid_form::{ConversationId, InvalidUuid, MessageId};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        uuid_newtype! { $(#[$doc])* $name }

        impl $name {
            /// The text before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// The millisecond in which the id was made.
            pub fn created_at(&self) -> Time {
                Time::from_millis((self.0.as_u128() >> 80) as i64)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!($prefix, "_"))?;
                let text = encode(self.0);
                f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(|rest| decode(rest.as_bytes()))
                    .map(Self)
                    .ok_or(InvalidId { prefix: $prefix })
            }
        }
    )*};
}

ids! {
    /// A tenant: an isolated customer space.
    TenantId = "tnt";
    /// A bearer token of the operator or of a tenant.
    TokenId = "tok";
    /// A process that uses the database.
    NodeId = "node";
    /// An event: the fact that is delivered.
    EventId = "evt";
    /// A webhook: a registered receiver.
    WebhookId = "wh";
    /// A delivery: one event for one webhook.
    DeliveryId = "del";
    /// A route: an ordered rule that sends events to named webhooks.
    RouteId = "rt";
    /// A replay: a durable, resumable piece of work that makes new deliveries for old events.
    ReplayId = "rpl";
    /// A batch: deliveries that go in one request; see [`crate::batch`].
    BatchId = "bat";
    /// A conversation's place in lists. Its id does not tell its age: it may be the caller's.
    ConversationKey = "cnv";
    /// A broadcast: one event by the operator for each of many tenants.
    BroadcastId = "brc";
    /// A source: where inbound webhooks come from.
    SourceId = "src";
    /// A request that reached the front door, accepted or not.
    RequestId = "req";
    /// A credential: a user name and password of a source.
    CredentialId = "crd";
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_form_is_that_of_typeid() {
        // Vector of the TypeID specification: 0188a5eb-4a84-7096-ae10-9075ae8eae8d.
        let bytes = 0x0188_a5eb_4a84_7096_ae10_9075_ae8e_ae8d_u128.to_be_bytes();
        let id = EventId::from_bytes(bytes);
        let text = id.to_string();
        assert_eq!(text.len(), "evt_".len() + ENCODED_LEN);
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(EventId::from_bytes([0xff; 16]).to_string(), "evt_7zzzzzzzzzzzzzzzzzzzzzzzzz");
        assert_eq!(EventId::from_bytes([0; 16]).to_string(), "evt_00000000000000000000000000");
    }

    #[test]
    fn other_kinds_and_malformed_text_are_refused() {
        let id = EventId::new(Time::from_seconds(1_700_000_000), 42);
        let swapped = id.to_string().replace("evt_", "del_");
        assert!(swapped.parse::<EventId>().is_err());
        for text in ["", "evt_", "evt_8zzzzzzzzzzzzzzzzzzzzzzzzz", "evt_0000000000000000000000000U", "evt-1"]
        {
            assert!(text.parse::<EventId>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn round_trips_and_sorts_by_time(a in 0_i64..4_000_000_000_000_000, b in 0_i64..4_000_000_000_000_000, r in any::<u64>(), s in any::<u64>()) {
            let first = DeliveryId::new(Time::from_micros(a), r);
            let second = DeliveryId::new(Time::from_micros(b), s);
            prop_assert_eq!(first.to_string().parse::<DeliveryId>(), Ok(first));
            prop_assert_eq!(first.created_at().as_millis(), a / 1000);
            if a / 1000 < b / 1000 {
                prop_assert!(first < second);
                prop_assert!(first.to_string() < second.to_string());
            }
        }
    }
}
