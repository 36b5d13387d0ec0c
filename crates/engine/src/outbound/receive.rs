//! Reading an answer, no more of it than is of use (reliability S28).

use bytes::BytesMut;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::response::Parts;
use http::{HeaderValue, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use stentor_core::attempt::{AttemptOutcome, CapturedResponse};
use stentor_core::limits::{RESPONSE_READ_BYTES_MAX, RESPONSE_STORED_BYTES_MAX};
use stentor_core::time::Time;

use super::{failure, retry_after};

/// What has been received of a body so far. Kept outside the exchange, so that a deadline does not lose it.
#[derive(Default)]
pub(super) struct Received {
    kept: BytesMut,
    read_bytes: usize,
    complete: bool,
    /// Where a redirect leads.
    pub(super) location: Option<HeaderValue>,
}

impl Received {
    /// Takes one piece; `false` when the limit is passed and reading must stop.
    fn take(&mut self, piece: &[u8]) -> bool {
        let room = RESPONSE_STORED_BYTES_MAX - self.kept.len();
        // Copied, because a small piece would keep the connection's whole read buffer alive.
        self.kept.extend_from_slice(&piece[..piece.len().min(room)]);
        self.read_bytes = self.read_bytes.saturating_add(piece.len());
        self.read_bytes <= RESPONSE_READ_BYTES_MAX
    }

    pub(super) fn into_captured(self) -> Option<CapturedResponse> {
        if self.kept.is_empty() {
            return None;
        }
        let truncated = !self.complete || self.read_bytes > self.kept.len();
        Some(CapturedResponse { body: self.kept.freeze(), truncated })
    }
}

/// Reads the body of an answer to its end, which gives the connection back to the pool, or to the limit, which drops
/// it. The status decides the outcome unless the answer breaks off before either.
pub(super) async fn receive(
    response: Response<Incoming>,
    now: Time,
    received: &mut Received,
) -> AttemptOutcome {
    let (head, mut body) = response.into_parts();
    loop {
        match body.frame().await {
            None => {
                received.complete = true;
                return outcome(&head, now);
            }
            Some(Ok(frame)) => {
                if frame.data_ref().is_some_and(|piece| !received.take(piece)) {
                    return outcome(&head, now);
                }
            }
            Some(Err(error)) if ends_with_connection(&head) && failure::is_unannounced_end(&error) => {
                received.complete = true;
                return outcome(&head, now);
            }
            Some(Err(error)) => return failure::outcome_of(&error),
        }
    }
}

/// Whether the end of the connection is the end of the body (RFC 9112 section 6.3, rule 8).
fn ends_with_connection(head: &Parts) -> bool {
    let framed = head.headers.contains_key(CONTENT_LENGTH) || head.headers.contains_key(TRANSFER_ENCODING);
    head.version < http::Version::HTTP_2 && !framed
}

fn outcome(head: &Parts, now: Time) -> AttemptOutcome {
    let status = head.status.as_u16();
    if head.status.is_success() {
        AttemptOutcome::Delivered { status }
    } else {
        AttemptOutcome::Refused { status, retry_after: retry_after::parse(&head.headers, now) }
    }
}
