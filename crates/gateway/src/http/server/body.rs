//! Bodies of requests with deadlines, and what becomes of a body that the handler did not want.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::BoxError;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use super::BodyDeadlines;
use super::io::Busy;

/// How long and how much of an unwanted body is read and thrown away, so that a client that is still sending sees our
/// answer and not a reset (readings 000, "lingering close").
const LINGER_MAX: Duration = Duration::from_secs(5);
const LINGER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The body came more slowly than [`BodyDeadlines`] allow.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the body came too slowly")]
pub struct SlowBody;

/// A request's body with deadlines. They start when the body is first waited for, so a body that came with its head
/// costs no timer.
pub(super) struct GuardedBody {
    /// None once it has ended.
    incoming: Option<Incoming>,
    busy: Option<Busy>,
    deadlines: BodyDeadlines,
    waiting: Option<Waiting>,
    received: u64,
    lingers: bool,
}

struct Waiting {
    since: Instant,
    /// Fires at the end of the grace, then at the end of each interval.
    timer: Pin<Box<Sleep>>,
    /// Bytes received when the timer was last set; none during the grace.
    mark: Option<u64>,
}

impl GuardedBody {
    /// `lingers` says whether an unwanted rest may be read and thrown away.
    pub(super) fn new(incoming: Incoming, busy: Busy, deadlines: BodyDeadlines, lingers: bool) -> Self {
        Self { incoming: Some(incoming), busy: Some(busy), deadlines, waiting: None, received: 0, lingers }
    }

    fn finish(&mut self) {
        self.incoming = None;
        self.busy = None;
        self.waiting = None;
    }

    /// Ready when the body is too slow.
    fn poll_slow(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let BodyDeadlines { whole, grace, interval, interval_bytes_min } = self.deadlines;
        let waiting = self.waiting.get_or_insert_with(|| {
            let since = Instant::now();
            Waiting { since, timer: Box::pin(tokio::time::sleep_until(since + grace.min(whole))), mark: None }
        });
        loop {
            ready!(waiting.timer.as_mut().poll(cx));
            let fired = waiting.timer.deadline();
            let too_little = waiting.mark.is_some_and(|mark| self.received - mark < interval_bytes_min);
            if too_little || fired >= waiting.since + whole {
                return Poll::Ready(());
            }
            waiting.mark = Some(self.received);
            waiting.timer.as_mut().reset((fired + interval).min(waiting.since + whole));
        }
    }
}

impl Body for GuardedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let Some(incoming) = &mut this.incoming else { return Poll::Ready(None) };
        match Pin::new(incoming).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                this.received += frame.data_ref().map_or(0, |data| data.len() as u64);
                if this.incoming.as_ref().is_some_and(Body::is_end_stream) {
                    this.finish();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                this.finish();
                Poll::Ready(Some(Err(error.into())))
            }
            Poll::Ready(None) => {
                this.finish();
                Poll::Ready(None)
            }
            Poll::Pending => {
                ready!(this.poll_slow(cx));
                // Not waited for any longer, neither by the handler nor by lingering.
                this.finish();
                Poll::Ready(Some(Err(SlowBody.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for GuardedBody {
    fn drop(&mut self) {
        if let Some(incoming) = self.incoming.take()
            && self.lingers
            && !incoming.is_end_stream()
        {
            let busy = self.busy.take();
            tokio::spawn(async move {
                // Whatever ends it, the connection is then closed or goes on by itself.
                let _ended = tokio::time::timeout(LINGER_MAX, discard(incoming)).await;
                drop(busy);
            });
        }
    }
}

async fn discard(mut incoming: Incoming) {
    let mut discarded = 0;
    while let Some(Ok(frame)) = incoming.frame().await {
        discarded += frame.data_ref().map_or(0, Bytes::len);
        if discarded > LINGER_BYTES_MAX {
            return;
        }
    }
}
