//! Catalogues: event types that come with Stentor and are declared by name. One for each of the systems whose events
//! Stentor delivers in their own form.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::event::EventType;
use crate::event_type::DeclaredType;
use crate::profile::Profile;
use crate::time::Time;

/// A list of event types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Catalogue {
    /// Workflows, components, users and quotas (seed 003).
    Broxi,
    /// Messages of conversations (seed 002).
    Conversation,
    /// Resources, users and payments (seed 004).
    Resource,
}

/// One row, as it stands in its file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: EventType,
    description: String,
    schema: Option<Box<RawValue>>,
    sample: Box<RawValue>,
    sample_previous_data: Option<Box<RawValue>>,
}

impl Catalogue {
    /// Every catalogue.
    pub const ALL: [Self; 3] = [Self::Broxi, Self::Conversation, Self::Resource];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Broxi => "broxi",
            Self::Conversation => "conversation",
            Self::Resource => "resource",
        }
    }

    /// The catalogue of that name.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|catalogue| catalogue.as_str() == word)
    }

    /// The catalogue of the system that a profile stands in for.
    pub const fn of_profile(profile: Profile) -> Option<Self> {
        match profile {
            Profile::Broxi => Some(Self::Broxi),
            Profile::Conversation => Some(Self::Conversation),
            Profile::Resource => Some(Self::Resource),
            Profile::Standard | Profile::Raw | Profile::Cloudevents => None,
        }
    }

    /// Its event types, declared at `now`.
    pub fn types(self, now: Time) -> Vec<DeclaredType> {
        let text = match self {
            Self::Broxi => include_str!("../catalogues/broxi.json"),
            Self::Conversation => include_str!("../catalogues/conversation.json"),
            Self::Resource => include_str!("../catalogues/resource.json"),
        };
        let rows: Vec<Row> = serde_json::from_str(text).expect("the catalogues that come along are tested");
        rows.into_iter().map(|row| row.declared(now)).collect()
    }
}

impl Row {
    fn declared(self, now: Time) -> DeclaredType {
        DeclaredType {
            name: self.name,
            description: Some(self.description),
            schema: self.schema.map(Into::into),
            sample: Some(self.sample.into()),
            sample_previous_data: self.sample_previous_data.map(Into::into),
            archived: false,
            created_at: now,
            updated_at: now,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::schema::Schema;

    fn names(catalogue: Catalogue) -> Vec<String> {
        catalogue.types(Time::ZERO).iter().map(|declared| declared.name.to_string()).collect()
    }

    #[test]
    fn each_is_whole() {
        assert_eq!(names(Catalogue::Broxi).len(), 15);
        assert_eq!(
            names(Catalogue::Conversation),
            ["message.created", "message.processed", "message.failed"]
        );
        let resource = [
            "resource.created",
            "resource.updated",
            "resource.deleted",
            "user.created",
            "user.updated",
            "payment.succeeded",
            "payment.failed",
        ];
        assert_eq!(names(Catalogue::Resource), resource);
    }

    #[test]
    fn samples_fit_their_schemas() {
        for declared in Catalogue::ALL.into_iter().flat_map(|catalogue| catalogue.types(Time::ZERO)) {
            let sample = declared.sample.as_deref().expect("every type has one");
            assert!(
                serde_json::from_str::<Value>(sample).is_ok_and(|data| data.is_object()),
                "{}",
                declared.name
            );
            if let Some(schema) = &declared.schema {
                let schema = Schema::compile(schema).expect("a schema");
                assert_eq!(schema.mismatches(sample.as_bytes()), [], "{}", declared.name);
            }
        }
    }

    #[test]
    fn numbers_stand_as_they_are_printed() {
        let types = Catalogue::Broxi.types(Time::ZERO);
        let completed = types.iter().find(|declared| declared.name.as_str() == "workflow.completed");
        let sample = completed.and_then(|declared| declared.sample.as_deref()).expect("a sample");
        assert!(
            sample.contains(r#""execution_time":2.0"#) && sample.contains(r#""cost":0.0045"#),
            "{sample}"
        );
    }

    #[test]
    fn words_round_trip() {
        for catalogue in Catalogue::ALL {
            assert_eq!(Catalogue::from_word(catalogue.as_str()), Some(catalogue));
        }
        assert_eq!(Catalogue::from_word("other"), None);
    }
}
