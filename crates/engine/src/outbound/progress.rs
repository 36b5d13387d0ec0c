//! How far an exchange has come, so that a timeout can say where it struck.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use stentor_core::attempt::Phase;
use tokio::time::Instant;

tokio::task_local! {
    /// The pool hands its connector a URI and nothing else, so the exchange reaches it through the task.
    static CURRENT: Arc<Progress>;
}

/// Shared by the exchange and the parts of it that run inside the HTTP library. Phases only ever go forward: the pool
/// may give the exchange another connection while the one it started is still being opened in the background.
#[derive(Debug)]
pub(super) struct Progress {
    phase: AtomicU8,
    deadline: Instant,
}

impl Progress {
    /// Starts an exchange. On a pooled connection it begins with sending; a connector says so if there is more to do.
    pub(super) fn until(deadline: Instant) -> Arc<Self> {
        Arc::new(Self { phase: AtomicU8::new(NOT_CONNECTING), deadline })
    }

    /// The exchange that the current task is running.
    pub(super) fn current() -> Option<Arc<Self>> {
        CURRENT.try_with(Arc::clone).ok()
    }

    /// Makes this the current exchange while `exchange` runs.
    pub(super) async fn scope<F: Future>(self: Arc<Self>, exchange: F) -> F::Output {
        CURRENT.scope(self, exchange).await
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.phase.fetch_max(rank(phase), Ordering::Relaxed);
    }

    pub(super) fn phase(&self) -> Phase {
        let reached = self.phase.load(Ordering::Relaxed);
        let phases = [Phase::Resolve, Phase::Connect, Phase::Handshake, Phase::Response, Phase::Body];
        phases.into_iter().find(|&phase| rank(phase) == reached).unwrap_or(Phase::Response)
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(super) fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

const NOT_CONNECTING: u8 = 0;

fn rank(phase: Phase) -> u8 {
    match phase {
        Phase::Resolve => 1,
        Phase::Connect => 2,
        Phase::Handshake => 3,
        Phase::Response => 4,
        Phase::Body => 5,
    }
}
