//! The front door: which source a request is for, whether it may come in, and what event it becomes.
//!
//! What needs no body is decided first (`Engine::enter_by_pair`, `Engine::enter_by_id`): who sends, from where, whether the
//! plan includes it and how fast. Then the body is read, and `Engine::take_in` answers handshakes, verifies, recognises
//! repetitions and stores the event as any other: an answer of success leaves after the commit (promise P1).

mod certificates;
mod doors;
mod entering;
mod event;
mod gate;
mod kept;
mod proof;
mod refusal;
mod simulation;
mod splitting;

use std::net::IpAddr;

use http::HeaderMap;
use stentor_core::arrival::Proof;
use stentor_core::id::EventId;
use stentor_core::source::SimulatedResponse;
use stentor_core::time::Time;
use stentor_verify::provider::Answer;

pub(crate) use self::certificates::Certificates;
pub(crate) use self::doors::Doors;
pub use self::gate::{Entered, Gate, RateStanding};
pub use self::kept::kept_headers;
pub use self::refusal::IngestRefusal;

/// The head of an inbound request.
#[derive(Debug, Clone)]
pub struct Head {
    /// Method in upper case.
    pub method: String,
    /// Path and query as they came.
    pub path: String,
    /// The query as it came, without the question mark.
    pub query: Option<String>,
    /// The whole URL as it seems to have been called, for providers that sign it.
    pub url: String,
    /// All headers.
    pub headers: HeaderMap,
    /// Who sends: the peer of the connection, or what trusted proxies say.
    pub peer: IpAddr,
    /// Whether nobody on the way could read it: TLS as far as trusted proxies tell, or a peer on this machine.
    pub is_confidential: bool,
    /// When it was read.
    pub received_at: Time,
}

/// What became of a request that was not refused.
#[derive(Debug)]
pub enum TakenIn {
    /// It is stored.
    Stored {
        /// The event, or the first of several.
        event: EventId,
        /// All of them, in the order of the list, when the source splits.
        elements: Option<Vec<EventId>>,
        /// What the source answers instead of the ordinary answer.
        response: Option<SimulatedResponse>,
        /// What the provider wants to read.
        answer: Option<Answer>,
    },
    /// It was stored before.
    Duplicate {
        /// As this event.
        event: EventId,
        /// What the provider wants to read.
        answer: Option<Answer>,
    },
    /// A provider's handshake, and its answer.
    Challenge(Answer),
    /// The source answers something other than success, by its owner's choice. Nothing is stored.
    Declined(SimulatedResponse),
}

/// Which keys fit, or which credential it was.
pub(crate) fn proof_of(credential: Option<stentor_core::id::CredentialId>, key: Option<usize>) -> Proof {
    match (credential, key) {
        (Some(credential), _) => Proof::Credential(credential),
        (None, Some(index)) => Proof::Key(u16::try_from(index).unwrap_or(u16::MAX)),
        (None, None) => Proof::None,
    }
}
