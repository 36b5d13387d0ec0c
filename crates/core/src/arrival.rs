//! How an event arrived at a source: what is kept of the request beside its body.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::id::{CredentialId, SourceId};
use crate::time::Time;

/// What is kept of the request that an event came in with. The body is the event's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// The source that received it.
    pub source: SourceId,
    /// When its head was read; the event's `accepted_at` is when it was accepted.
    pub received_at: Time,
    /// HTTP method.
    pub method: Box<str>,
    /// Path and query.
    pub path: Box<str>,
    /// Who sent it, as far as trusted proxies tell.
    pub peer: Option<IpAddr>,
    /// How it proved itself.
    pub proof: Proof,
    /// What the source's dedupe rule found in it, or its `Idempotency-Key`.
    pub dedupe_id: Option<Box<str>>,
    /// Headers that are kept, with lower-case names, in their order. Never `Authorization` or `Cookie`.
    pub headers: Vec<(Box<str>, Box<str>)>,
    /// Which element of the body's array it is, when the source splits.
    pub element: Option<Element>,
}

/// An element of a list that came as one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Element {
    /// Counted from 0.
    pub index: u32,
    /// How many there are.
    pub of: u32,
    /// Bytes of the whole list.
    pub list_bytes: u64,
}

impl Arrival {
    /// Whether the event stands for its request: it is no further element of a list.
    pub fn is_first(&self) -> bool {
        self.element.is_none_or(|element| element.index == 0)
    }

    /// Whether two events came in with the same request: all but their place in it is the same.
    pub fn is_of_same_request(&self, other: &Self) -> bool {
        let Self { source, received_at, method, path, peer, proof, dedupe_id, headers, element: _ } = self;
        *received_at == other.received_at
            && *source == other.source
            && *peer == other.peer
            && *proof == other.proof
            && (method, path, dedupe_id, headers)
                == (&other.method, &other.path, &other.dedupe_id, &other.headers)
    }
}

/// How a request proved itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// Its source asks for none.
    None,
    /// By this credential.
    Credential(CredentialId),
    /// By a signature or token that this secret made, counted from 0 for the newest of the source.
    Key(u16),
}
