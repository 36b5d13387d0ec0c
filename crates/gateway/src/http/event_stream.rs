//! A subscription of the live feed as server-sent events (WHATWG HTML, section 9.2).

use std::convert::Infallible;
use std::fmt::Write as _;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName};
use serde::Serialize;
use stentor_core::time::Time;
use stentor_engine::feed::{Item, Next, Position, Subscription};
use tokio::time::{Instant, sleep_until};

use crate::http::problem::{Code, Problem};

/// Where a client that comes back tells what it had last.
const LAST_EVENT_ID: &str = "last-event-id";
/// Keeps nginx from holding the stream back.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// The first line: how long a client should wait before it comes back, in milliseconds.
const HELLO: &[u8] = b"retry: 1000\n\n";
/// A sign of life.
const HEARTBEAT: &[u8] = b":\n\n";

/// How an item is written as a frame; the same for all who get it.
pub type Show = fn(&Item) -> &Bytes;

/// What the client had last, when it says so.
///
/// # Errors
/// When what it says is not of ours.
pub fn last_event_id(headers: &HeaderMap) -> Result<Option<Position>, Problem> {
    let Some(value) = headers.get(LAST_EVENT_ID) else { return Ok(None) };
    let parsed = value.to_str().ok().and_then(|text| text.parse().ok());
    let refuse = || {
        Problem::new(Code::InvalidRequest, "Last-Event-ID must be the id of an earlier item, or be left out.")
    };
    parsed.map(Some).ok_or_else(refuse)
}

/// Answers with the stream. It ends after `lasting`, if that is given, with what is there by then.
pub fn respond(subscription: Subscription, lasting: Option<Duration>, show: Show) -> Response {
    let ends_at = lasting.map(|lasting| Instant::now() + lasting);
    let streaming = Streaming { subscription, ends_at, show, greeted: false };
    let frames = stream::unfold(streaming, |mut streaming| async {
        let chunk = streaming.next().await?;
        Some((Ok::<_, Infallible>(chunk), streaming))
    });
    let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store"), (ACCEL_BUFFERING, "no")];
    (headers, Body::from_stream(frames)).into_response()
}

/// One item as a frame.
pub fn frame(item: &Item, shown: &impl Serialize) -> Bytes {
    framed(Some(item.position), item.fact.kind().as_str(), shown)
}

struct Streaming {
    subscription: Subscription,
    ends_at: Option<Instant>,
    show: Show,
    greeted: bool,
}

impl Streaming {
    /// The next bytes; none at the end.
    async fn next(&mut self) -> Option<Bytes> {
        if !std::mem::replace(&mut self.greeted, true) {
            return Some(Bytes::from_static(HELLO));
        }
        let next = match self.ends_at {
            None => self.subscription.next().await,
            Some(at) => tokio::select! {
                biased;
                next = self.subscription.next() => next,
                () = sleep_until(at) => return None,
            },
        };
        match next {
            Next::Items(items) => match items.as_slice() {
                [only] => Some((self.show)(only).clone()),
                items => {
                    let mut frames = BytesMut::new();
                    for item in items {
                        frames.extend_from_slice((self.show)(item));
                    }
                    Some(frames.freeze())
                }
            },
            Next::Gap { missed, since } => Some(framed(None, "gap", &Gap { missed, since })),
            Next::Quiet => Some(Bytes::from_static(HEARTBEAT)),
            Next::End => None,
        }
    }
}

/// Something is missing between the item before and the one after.
#[derive(Debug, Serialize)]
struct Gap {
    missed: Option<u64>,
    since: Option<Time>,
}

fn framed(id: Option<Position>, event: &str, shown: &impl Serialize) -> Bytes {
    let mut frame = String::new();
    if let Some(id) = id {
        writeln!(frame, "id: {id}").expect("writing to a String");
    }
    // JSON has no line feed in it: one line of data is enough.
    let json = serde_json::to_string(shown).unwrap_or_else(|_| "null".into());
    write!(frame, "event: {event}\ndata: {json}\n\n").expect("writing to a String");
    frame.into()
}
