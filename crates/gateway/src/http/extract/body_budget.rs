//! The memory for bodies of requests, one budget for the whole process (reliability S10).

use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::problem::{Code, Problem};

/// Bytes that all bodies under way may have together.
const BUDGET_BYTES: usize = 256 * 1024 * 1024;
/// Room that is made at least when a body grows, in bytes.
const STEP_BYTES: usize = 64 * 1024;

/// What is left of the memory for bodies. Clones share it.
#[derive(Debug, Clone)]
pub struct BodyBudget(Arc<Semaphore>);

/// A body that was read. Its part of the budget is free again when it is dropped, which a handler does when it answers.
#[derive(Debug)]
pub struct ReadBody {
    bytes: Bytes,
    _taken: OwnedSemaphorePermit,
}

/// A body that is being read.
pub(super) struct Filling {
    budget: BodyBudget,
    taken: OwnedSemaphorePermit,
    most: usize,
    bytes: Vec<u8>,
}

impl Default for BodyBudget {
    fn default() -> Self {
        Self::new(BUDGET_BYTES)
    }
}

impl BodyBudget {
    /// A budget of that many bytes.
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes)))
    }

    /// Begins a body of at most `limit` bytes, if what it announces is left.
    pub(super) fn begin(&self, announced: Option<usize>, limit: usize) -> Result<Filling, Problem> {
        if announced.unwrap_or(0) > self.0.available_permits() {
            return Err(overloaded());
        }
        let most = announced.unwrap_or(limit);
        Ok(Filling { budget: self.clone(), taken: self.take(0)?, most, bytes: Vec::new() })
    }

    fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Problem> {
        let count = u32::try_from(bytes).map_err(|_| overloaded())?;
        Arc::clone(&self.0).try_acquire_many_owned(count).map_err(|_| overloaded())
    }
}

impl Filling {
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Copies what came: a slice would keep the whole read buffer of the connection.
    pub(super) fn push(&mut self, data: &[u8]) -> Result<(), Problem> {
        let needed = self.bytes.len() + data.len();
        if needed > self.bytes.capacity() {
            let step = self.bytes.len().max(STEP_BYTES);
            let room = needed.max((self.bytes.len() + step).min(self.most));
            self.taken.merge(self.budget.take(room - self.bytes.capacity())?);
            self.bytes.reserve_exact(room - self.bytes.len());
        }
        self.bytes.extend_from_slice(data);
        Ok(())
    }

    pub(super) fn finish(mut self) -> ReadBody {
        self.bytes.shrink_to_fit();
        ReadBody { bytes: self.bytes.into(), _taken: self.taken }
    }
}

impl Deref for ReadBody {
    type Target = Bytes;

    fn deref(&self) -> &Bytes {
        &self.bytes
    }
}

fn overloaded() -> Problem {
    Problem::new(Code::Overloaded, "Too many bytes of requests are under way; nothing was stored.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(budget: &BodyBudget, announced: Option<usize>, frames: &[&[u8]]) -> Result<ReadBody, Problem> {
        let mut filling = budget.begin(announced, 4)?;
        frames.iter().try_for_each(|frame| filling.push(frame))?;
        Ok(filling.finish())
    }

    #[test]
    fn what_is_under_way_counts_until_it_is_dropped() {
        let budget = BodyBudget::new(10);
        let first = read(&budget, Some(6), &[b"123", b"456"]).expect("fits");
        assert_eq!((&first[..], budget.0.available_permits()), (&b"123456"[..], 4));
        for announced in [Some(5), Some(4), None] {
            let refused = read(&budget, announced, &[b"12", b"345"]).expect_err("beyond the budget");
            assert_eq!((refused.code(), budget.0.available_permits()), (Code::Overloaded, 4));
        }
        read(&budget, None, &[b"1234"]).expect("fits");
        drop(first);
        assert_eq!(
            read(&budget, None, &[b"12345", b"67890"]).expect("fits").len(),
            10,
            "grows with what comes"
        );
        assert_eq!(budget.0.available_permits(), 10);
    }

    #[test]
    fn announcing_takes_nothing() {
        let budget = BodyBudget::new(10);
        let _waiting = budget.begin(Some(10), 10).expect("fits");
        read(&budget, Some(10), &[b"1234567890"]).expect("fits as well");
    }
}
