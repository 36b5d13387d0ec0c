//! The closed sets of words that seed 002 prints.

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word used in the API, in the store and on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The one with that word.
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == word)
            }
        }
    )*};
}

words! {
    /// Where a conversation takes place.
    Channel {
        /// The caller's own API.
        Api = "API",
        /// WhatsApp.
        Whatsapp = "WHATSAPP",
        /// Short messages.
        Sms = "SMS",
    }

    /// What a message holds.
    ContentType {
        /// Plain text.
        Text = "TEXT",
        /// A picture.
        Image = "IMAGE",
        /// A film.
        Video = "VIDEO",
        /// A file.
        Document = "DOCUMENT",
        /// A recording.
        Audio = "AUDIO",
    }

    /// Who speaks.
    MessageType {
        /// A person.
        UserInput = "USER_INPUT",
        /// The system.
        System = "SYSTEM",
        /// A program that answers.
        Bot = "BOT",
    }

    /// How far a message has come.
    MessageStatus {
        /// It is there.
        Received = "RECEIVED",
        /// It was dealt with.
        Processed = "PROCESSED",
        /// It could not be dealt with.
        Failed = "FAILED",
    }
}

impl ContentType {
    /// Whether it may have a file name.
    pub const fn is_media(self) -> bool {
        !matches!(self, Self::Text)
    }
}

impl MessageStatus {
    /// The type of the event that a change to this status fires; nothing changes back to received.
    pub const fn event_type(self) -> Option<&'static str> {
        match self {
            Self::Received => None,
            Self::Processed => Some("message.processed"),
            Self::Failed => Some("message.failed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip_in_the_store_and_in_json() {
        for kind in MessageType::ALL {
            assert_eq!(MessageType::from_word(kind.as_str()), Some(*kind));
            assert_eq!(serde_json::to_string(kind).expect("JSON"), format!("\"{}\"", kind.as_str()));
        }
        assert_eq!(ContentType::ALL.len() + Channel::ALL.len() + MessageStatus::ALL.len(), 11);
        assert_eq!(Channel::from_word("api"), None, "words are exact");
    }
}
