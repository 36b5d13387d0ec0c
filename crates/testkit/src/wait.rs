//! Waiting for conditions.

use std::time::{Duration, Instant};

/// How long the waits of this crate last before they fail the test. Generous, because the machine may be busy.
pub const DEADLINE: Duration = Duration::from_secs(30);

const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Asks `probe` until it has a value, and returns that.
///
/// # Panics
/// When [`DEADLINE`] passes first; the message carries `what`.
#[track_caller]
pub fn until<T, F: Future<Output = Option<T>>>(
    what: impl Into<String>,
    probe: impl FnMut() -> F,
) -> impl Future<Output = T> {
    until_within(DEADLINE, what, probe)
}

/// [`until`] with another deadline.
///
/// # Panics
/// When the deadline passes first; the message carries `what` and the place of the call.
#[track_caller]
pub fn until_within<T, F: Future<Output = Option<T>>>(
    deadline: Duration,
    what: impl Into<String>,
    mut probe: impl FnMut() -> F,
) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    let what = what.into();
    async move {
        let give_up = Instant::now() + deadline;
        let mut ticks = tokio::time::interval(POLL_INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Some(value) = probe().await {
                return value;
            }
            assert!(Instant::now() < give_up, "{caller}: waited {deadline:?} in vain: {what}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn returns_the_first_value() {
        let mut asked = 0;
        let value = until("the third answer", || {
            asked += 1;
            let answer = (asked == 3).then_some(asked);
            async move { answer }
        });
        assert_eq!(value.await, 3);
    }

    #[tokio::test]
    #[should_panic(expected = "in vain: never")]
    async fn gives_up_and_says_what_it_waited_for() {
        until_within(Duration::from_millis(20), "never", || async { None::<()> }).await;
    }
}
