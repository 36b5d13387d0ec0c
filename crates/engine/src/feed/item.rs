//! What is told: facts with their place in a channel.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use stentor_core::attempt::AttemptOutcome;
use stentor_core::delivery::FinalState;
use stentor_core::event::{Event, EventType};
use stentor_core::id::{DeliveryId, EventId, SourceId, WebhookId};
use stentor_core::time::Time;
use stentor_core::webhook::DisableReason;

use super::position::Position;
use crate::receptions::{Reception, Verdict};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)*) => {
        /// What kind of thing happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind {
            $($(#[$doc])* $name,)*
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

kinds! {
    /// An event is stored.
    EventAccepted = "event.accepted";
    /// A request to a receiver begins. The only kind that is told before anything of it is stored.
    AttemptStarted = "attempt.started";
    /// An attempt is recorded.
    AttemptEnded = "attempt.ended";
    /// A delivery has ended.
    DeliveryFinished = "delivery.finished";
    /// Stentor disabled a webhook.
    WebhookDisabled = "webhook.disabled";
    /// A request to a source was accepted, known from before, or a provider's handshake.
    RequestAccepted = "request.accepted";
    /// A request to a source was refused.
    RequestRefused = "request.refused";
}

impl Kind {
    /// The kind with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == word)
    }

    /// Whether it is about an inbound request.
    pub const fn is_request(self) -> bool {
        matches!(self, Self::RequestAccepted | Self::RequestRefused)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the feed tells of an event: all but its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFacts {
    /// Its id.
    pub id: EventId,
    /// Its type.
    pub event_type: EventType,
    /// What it is about.
    pub subject: Option<Box<str>>,
    /// The source that it came in through.
    pub source: Option<SourceId>,
    /// When the fact happened.
    pub time: Time,
    /// Bytes of its data; none when it was read from the store without them.
    pub data_bytes: Option<usize>,
}

impl EventFacts {
    /// Of a stored event.
    pub fn of(event: &Event) -> Self {
        let content = &event.content;
        Self {
            id: content.id,
            event_type: content.event_type.clone(),
            subject: content.subject.clone(),
            source: content.arrival.as_ref().map(|arrival| arrival.source),
            time: content.time,
            data_bytes: Some(content.data.len()),
        }
    }

    /// Of one that was read without its data.
    pub(super) fn of_listed(event: &Event) -> Self {
        Self { data_bytes: None, ..Self::of(event) }
    }
}

/// An attempt that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptStarted {
    /// Of which event.
    pub event: EventId,
    /// Of which delivery; the first of a batch.
    pub delivery: DeliveryId,
    /// To whom.
    pub webhook: WebhookId,
    /// Its number, 1 for the first.
    pub number: u32,
}

/// An attempt that is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptEnded {
    /// Of which event.
    pub event: EventId,
    /// Of which delivery.
    pub delivery: DeliveryId,
    /// To whom.
    pub webhook: WebhookId,
    /// Its number, 1 for the first.
    pub number: u32,
    /// When it began.
    pub started_at: Time,
    /// From start to outcome.
    pub duration: Duration,
    /// What came of it.
    pub outcome: AttemptOutcome,
    /// When the next one is due.
    pub next_attempt_at: Option<Time>,
}

/// A delivery that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Of which event.
    pub event: EventId,
    /// Which.
    pub delivery: DeliveryId,
    /// To whom.
    pub webhook: WebhookId,
    /// How.
    pub state: FinalState,
    /// Its attempts.
    pub attempts: u32,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// See [`Kind::EventAccepted`].
    Accepted {
        /// The event.
        event: EventFacts,
        /// The webhooks that it goes to; none of them when it was read from the store.
        webhooks: Box<[WebhookId]>,
        /// How many those are.
        matched: u32,
    },
    /// See [`Kind::AttemptStarted`].
    Started(AttemptStarted),
    /// See [`Kind::AttemptEnded`].
    Ended(AttemptEnded),
    /// See [`Kind::DeliveryFinished`].
    Finished(Finished),
    /// See [`Kind::WebhookDisabled`].
    Disabled {
        /// The webhook.
        webhook: WebhookId,
        /// Why, when the commit told it.
        reason: Option<DisableReason>,
    },
    /// See [`Kind::RequestAccepted`] and [`Kind::RequestRefused`].
    Request(Box<Reception>),
}

impl Fact {
    /// Which kind it is of.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Accepted { .. } => Kind::EventAccepted,
            Self::Started(_) => Kind::AttemptStarted,
            Self::Ended(_) => Kind::AttemptEnded,
            Self::Finished(_) => Kind::DeliveryFinished,
            Self::Disabled { .. } => Kind::WebhookDisabled,
            Self::Request(reception) => match reception.verdict {
                Verdict::Refused { .. } => Kind::RequestRefused,
                _ => Kind::RequestAccepted,
            },
        }
    }

    /// The event that it is about, when it is about one.
    pub const fn event(&self) -> Option<EventId> {
        match self {
            Self::Accepted { event, .. } => Some(event.id),
            Self::Started(AttemptStarted { event, .. })
            | Self::Ended(AttemptEnded { event, .. })
            | Self::Finished(Finished { event, .. }) => Some(*event),
            Self::Disabled { .. } | Self::Request(_) => None,
        }
    }

    /// Bytes that it holds, roughly.
    pub(super) fn weight(&self) -> usize {
        let more = match self {
            Self::Accepted { event, webhooks, .. } => {
                event.event_type.as_str().len()
                    + event.subject.as_deref().map_or(0, str::len)
                    + 16 * webhooks.len()
            }
            // It is written up to twice more, once it is shown: as text, or in base64.
            Self::Request(reception) => 4 * reception.weight(),
            _ => 0,
        };
        // An item that is shown holds a line of text too.
        size_of::<Item>() + 512 + more
    }
}

/// A fact in its place. Whoever shows it first writes it down for all (engine rule E19).
#[derive(Debug)]
pub struct Item {
    /// Where it is.
    pub position: Position,
    /// When it was told.
    pub at: Time,
    /// Whether it was read from the store for somebody who comes back.
    pub resumed: bool,
    /// What happened.
    pub fact: Fact,
    /// What is known of its event. Filled by the first who needs it; empty inside when the event is gone.
    event: OnceLock<Option<Arc<EventFacts>>>,
    /// How it is shown, in short and in full.
    shown: [OnceLock<Bytes>; 2],
}

impl Item {
    pub(super) fn new(position: Position, at: Time, fact: Fact, event: Option<Arc<EventFacts>>) -> Self {
        let known = OnceLock::new();
        if let Some(event) = event {
            known.get_or_init(|| Some(event));
        }
        Self { position, at, resumed: false, fact, event: known, shown: Default::default() }
    }

    pub(super) fn resumed(self) -> Self {
        Self { resumed: true, ..self }
    }

    /// What is known of the event that it is about; none when it is about none, or not known yet, or the event is gone.
    pub fn event(&self) -> Option<&EventFacts> {
        match &self.fact {
            Fact::Accepted { event, .. } => Some(event),
            _ => self.event.get()?.as_deref(),
        }
    }

    /// The event that somebody has to look up before the item can be judged.
    pub(super) fn unknown_event(&self) -> Option<EventId> {
        let is_known = matches!(self.fact, Fact::Accepted { .. }) || self.event.get().is_some();
        self.fact.event().filter(|_| !is_known)
    }

    pub(super) fn learn(&self, event: Option<Arc<EventFacts>>) {
        self.event.get_or_init(|| event);
    }

    /// How it is shown in short, written by the first who asks.
    pub fn summary(&self, write: impl FnOnce(&Self) -> Bytes) -> &Bytes {
        self.shown[0].get_or_init(|| write(self))
    }

    /// How it is shown in full, written by the first who asks.
    pub fn whole(&self, write: impl FnOnce(&Self) -> Bytes) -> &Bytes {
        self.shown[1].get_or_init(|| write(self))
    }
}
