//! Answers kept for requests with an idempotency key: a repeat gets the first answer and does nothing.
//!
//! For what has no key in a row of its own, such as tokens or retries. The key is taken before anything is done and the answer is
//! kept after it, so a process that dies between leaves a key that is open for ever: whether the request did something is then
//! unknown, and a repeat is told so instead of doing it once more.

use std::fmt;

use async_trait::async_trait;
use stentor_core::time::Time;

use crate::error::StoreResult;
use crate::journal::IdempotencyKey;
use crate::seal::Place;

/// Where an answer's sealed body stands.
pub(crate) const fn place(key_hash: &[u8; 32]) -> Place<'_> {
    Place { table: "answers", row: key_hash, field: "body" }
}

/// An answer as it was given.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// Its HTTP status.
    pub status: u16,
    /// Its media type.
    pub content_type: Option<Box<str>>,
    /// Its body. It may show a secret, so it is stored sealed and never printed.
    pub body: Vec<u8>,
}

impl fmt::Debug for KeptAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, content_type, body } = self;
        let (kind, length) = (content_type, body.len());
        f.debug_struct("KeptAnswer")
            .field("status", status)
            .field("content_type", kind)
            .field("bytes", &length)
            .finish()
    }
}

/// What became of taking a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyTaken {
    /// It was free: the request may be carried out, and its answer is expected.
    First,
    /// It was taken before by the same request, which has no answer yet.
    Open,
    /// The same request was answered this.
    Answered(KeptAnswer),
    /// It was taken before by another request.
    Reused,
}

/// Keys of requests and their answers. The hash of a key covers whose it is, so no two tenants meet.
#[async_trait]
pub trait Answers: Send + Sync {
    /// Takes a key that is free or has expired at `now`; otherwise tells what became of it. `body_hash` is of the whole request.
    async fn take_key(&self, key: &IdempotencyKey, now: Time) -> StoreResult<KeyTaken>;

    /// Keeps the answer to the request that took the key, until the key expires.
    async fn keep_answer(&self, key_hash: [u8; 32], answer: &KeptAnswer) -> StoreResult<()>;

    /// Frees a key that has no answer, after a request that did nothing.
    async fn free_key(&self, key_hash: [u8; 32]) -> StoreResult<()>;
}
