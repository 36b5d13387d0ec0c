//! A request as the API shows it, wherever it comes from: an event, a refused request, or the live feed.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Serialize;
use stentor_core::event::Event;
use stentor_core::id::{EventId, RequestId, SourceId};
use stentor_core::time::Time;
use stentor_engine::feed::{Fact, Item};
use stentor_engine::receptions::{BODY_KEPT_MAX, Reception, Verdict};
use stentor_engine::requests::{Outcome, RequestRow};
use stentor_store::requests::RefusedRequest;
use utoipa::ToSchema;

use crate::http::event_stream::frame;
use crate::http::problem::Code;

/// A request without its headers and body.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub(super) struct RequestSummary {
    #[schema(value_type = String, example = "req_01h455vb4pex5vsknk084sn02q")]
    id: Option<RequestId>,
    /// Null when no source matched.
    #[schema(value_type = Option<String>)]
    source_id: Option<SourceId>,
    #[schema(value_type = String, format = DateTime)]
    received_at: Option<Time>,
    /// The sender's address, as far as trusted proxies tell.
    #[schema(example = "203.0.113.7")]
    peer: Option<String>,
    #[schema(example = "POST")]
    method: String,
    path: String,
    content_type: Option<String>,
    /// Bytes of the body that were read or, when it was refused unread, announced.
    body_bytes: u64,
    /// `accepted`, `duplicate`, `challenge` or `refused`.
    #[schema(example = "refused")]
    outcome: &'static str,
    /// The status of the answer, when it is known.
    status: Option<u16>,
    /// Why it was refused: a stable code of the documentation of errors.
    code: Option<String>,
    /// Why it was refused, in a sentence.
    detail: Option<String>,
    /// Whether the sender was told that all is well although it was refused (`on_invalid: store_and_200`).
    hidden: bool,
    /// The events that it became, or became before. In lists of requests, only the first of those that a body was split into.
    #[schema(value_type = Vec<String>)]
    event_ids: Vec<EventId>,
    /// How many events it became.
    event_count: u32,
    /// From its head to the verdict, the commit included, in milliseconds.
    duration_ms: f64,
}

/// A request with all that was kept of it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RequestDetail {
    #[serde(flatten)]
    summary: RequestSummary,
    /// The headers that the source keeps, in their order. Never `Authorization` or `Cookie`.
    headers: Vec<RequestHeader>,
    /// The body as text; null when it is not UTF-8.
    body: Option<String>,
    /// The body in base64, when it is not UTF-8.
    body_base64: Option<String>,
    /// Whether there was more of the body than is shown.
    body_truncated: bool,
    /// From its head to the last byte of the body that was read, in milliseconds, when it is known.
    body_ms: Option<f64>,
    /// What the sender or the owner of the source can do about a refusal.
    advice: Option<&'static str>,
}

/// A request as it is handed to somebody who helps: without the values of its headers, its body, and what its query may hold.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct SupportRequest {
    #[serde(flatten)]
    summary: RequestSummary,
    /// The names of the headers that were kept.
    header_names: Vec<String>,
    /// What the sender or the owner of the source can do about a refusal.
    advice: Option<&'static str>,
}

impl SupportRequest {
    pub(in crate::http::api) fn of(row: &RequestRow) -> Self {
        let RequestDetail { mut summary, headers, advice, .. } = RequestDetail::of(row);
        if let Some((path, _)) = summary.path.split_once('?') {
            summary.path = format!("{path}?[redacted]");
        }
        Self { summary, header_names: headers.into_iter().map(|header| header.name).collect(), advice }
    }
}

/// A header.
#[derive(Debug, Serialize, ToSchema)]
struct RequestHeader {
    name: String,
    /// Bytes that are not UTF-8 show as `\u{FFFD}`.
    value: String,
}

/// The frame of a request, in full.
pub(super) fn whole(item: &Item) -> &Bytes {
    item.whole(|item| match &item.fact {
        Fact::Request(reception) => frame(item, &RequestDetail::received(reception)),
        _ => Bytes::new(),
    })
}

impl RequestSummary {
    pub(super) fn of(row: &RequestRow) -> Self {
        match row {
            RequestRow::Accepted(event) => Self::of_event(row, event),
            RequestRow::List(events) => Self::of_event(row, &events[0]),
            RequestRow::Refused(request) => Self::of_refused(row, request),
        }
    }

    fn of_event(row: &RequestRow, event: &Event) -> Self {
        let content = &event.content;
        let base = Self {
            id: Some(row.id()),
            content_type: Some(content.content_type.to_string()),
            body_bytes: content.data.len() as u64,
            outcome: "accepted",
            event_ids: vec![content.id],
            event_count: 1,
            ..Self::default()
        };
        let Some(arrival) = &content.arrival else { return base };
        Self {
            event_count: arrival.element.map_or(1, |element| element.of),
            body_bytes: arrival.element.map_or(base.body_bytes, |element| element.list_bytes),
            source_id: Some(arrival.source),
            received_at: Some(arrival.received_at),
            peer: arrival.peer.map(|peer| peer.to_string()),
            method: arrival.method.to_string(),
            path: arrival.path.to_string(),
            duration_ms: millis(event.accepted_at.since(arrival.received_at)),
            ..base
        }
    }

    /// Of a request that became no event. The detail of a repetition is the event that it was before.
    fn of_refused(row: &RequestRow, request: &RefusedRequest) -> Self {
        let base = Self {
            id: Some(request.id),
            source_id: request.source,
            received_at: Some(request.received_at),
            peer: Some(request.peer.to_string()),
            method: request.method.clone(),
            path: request.path.clone(),
            content_type: request.content_type.clone(),
            body_bytes: request.body_bytes,
            status: Some(request.status),
            duration_ms: millis(request.total_time),
            ..Self::default()
        };
        match row.outcome() {
            Outcome::Duplicate => {
                let event_ids: Vec<EventId> = request.detail.parse().into_iter().collect();
                Self { outcome: "duplicate", event_count: 1, event_ids, ..base }
            }
            Outcome::Challenge => Self { outcome: "challenge", ..base },
            Outcome::Refused | Outcome::Accepted => Self {
                outcome: "refused",
                code: Some(request.code.clone()),
                detail: Some(request.detail.clone()),
                hidden: request.hidden,
                ..base
            },
        }
    }

    fn received(reception: &Reception) -> Self {
        let (outcome, event_ids) = match &reception.verdict {
            Verdict::Accepted { events } => ("accepted", events.clone()),
            Verdict::Duplicate { event } => ("duplicate", vec![*event]),
            Verdict::Challenge => ("challenge", Vec::new()),
            Verdict::Refused { .. } => ("refused", Vec::new()),
        };
        let (code, detail, hidden) = match &reception.verdict {
            Verdict::Refused { code, detail, hidden } => {
                (Some((*code).to_owned()), Some(detail.clone()), *hidden)
            }
            _ => (None, None, false),
        };
        Self {
            id: Some(reception.id),
            source_id: reception.source,
            received_at: Some(reception.received_at),
            peer: Some(reception.peer.to_string()),
            method: reception.method.clone(),
            path: reception.path.clone(),
            content_type: reception.content_type.clone(),
            body_bytes: reception.body_bytes,
            outcome,
            status: Some(reception.status),
            code,
            detail,
            hidden,
            event_count: u32::try_from(event_ids.len()).unwrap_or(u32::MAX),
            event_ids,
            duration_ms: millis(reception.timing.total),
        }
    }

    /// What the documentation of errors says of its code.
    fn advice(&self) -> Option<&'static str> {
        let code = self.code.as_deref()?;
        Code::ALL.iter().find(|known| known.as_str() == code).map(|known| known.advice())
    }
}

impl RequestDetail {
    pub(super) fn of(row: &RequestRow) -> Self {
        let summary = RequestSummary::of(row);
        match row {
            RequestRow::Accepted(event) => {
                let data = &event.content.data;
                Self::new(summary, kept(event), data, data.len() as u64, None)
            }
            RequestRow::List(events) => {
                let event_ids = events.iter().map(|event| event.content.id).collect();
                let (list, whole) = joined(events);
                let is_whole = whole && events.len() as u64 == u64::from(summary.event_count);
                // What is not there counts as more than can be shown.
                let whole_bytes = if is_whole { list.len() as u64 } else { u64::MAX };
                let summary = RequestSummary { event_ids, ..summary };
                Self::new(summary, kept(&events[0]), &list, whole_bytes, None)
            }
            RequestRow::Refused(request) => {
                let headers = request.headers.iter().map(|(name, value)| header(name, value)).collect();
                Self::new(summary, headers, &request.body, request.body_bytes, Some(request.body_time))
            }
        }
    }

    fn received(reception: &Reception) -> Self {
        let headers = reception.headers.iter().map(|(name, value)| header(name, value)).collect();
        let summary = RequestSummary::received(reception);
        Self::new(summary, headers, &reception.body, reception.body_bytes, Some(reception.timing.body))
    }

    fn new(
        summary: RequestSummary,
        headers: Vec<RequestHeader>,
        body: &[u8],
        whole_bytes: u64,
        body_time: Option<Duration>,
    ) -> Self {
        let (text, base64, shown) = shown(body);
        Self {
            advice: summary.advice(),
            body_truncated: (shown as u64) < whole_bytes,
            summary,
            headers,
            body: text,
            body_base64: base64,
            body_ms: body_time.map(millis),
        }
    }
}

/// The headers that were kept with an event.
fn kept(event: &Event) -> Vec<RequestHeader> {
    let arrival = event.content.arrival.iter().flat_map(|arrival| &arrival.headers);
    arrival.map(|(name, value)| header(name, value.as_bytes())).collect()
}

/// The list that the elements came in with, without the white space between them, and whether it is whole: no more is joined than
/// is shown.
fn joined(elements: &[Event]) -> (Vec<u8>, bool) {
    let mut list = vec![b'['];
    for (index, element) in elements.iter().enumerate() {
        if list.len() > BODY_KEPT_MAX {
            return (list, false);
        }
        if index > 0 {
            list.push(b',');
        }
        list.extend_from_slice(&element.content.data);
    }
    list.push(b']');
    (list, true)
}

/// The start of a body as text, or else in base64, and how many of its bytes that is. What is cut inside a character is cut
/// before it.
fn shown(body: &[u8]) -> (Option<String>, Option<String>, usize) {
    let cut = &body[..body.len().min(BODY_KEPT_MAX)];
    match std::str::from_utf8(cut) {
        Ok(text) => (Some(text.to_owned()), None, cut.len()),
        Err(error) if error.error_len().is_none() && cut.len() == BODY_KEPT_MAX => {
            let text = String::from_utf8_lossy(&cut[..error.valid_up_to()]).into_owned();
            (Some(text), None, error.valid_up_to())
        }
        Err(_) => (None, Some(STANDARD.encode(cut)), cut.len()),
    }
}

fn header(name: &str, value: &[u8]) -> RequestHeader {
    RequestHeader { name: name.to_owned(), value: String::from_utf8_lossy(value).into_owned() }
}

fn millis(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_text_where_they_can_be() {
        assert_eq!(shown("zwölf".as_bytes()), (Some("zwölf".into()), None, 6));
        assert_eq!(shown(b"\xff\x00"), (None, Some("/wA=".into()), 2));
        assert_eq!(shown(b""), (Some(String::new()), None, 0));
        let mut long = vec![b'a'; BODY_KEPT_MAX - 1];
        long.extend_from_slice("ö".as_bytes());
        let (text, base64, bytes) = shown(&long);
        assert_eq!((text.map(|text| text.len()), base64, bytes), (Some(bytes), None, BODY_KEPT_MAX - 1));
    }
}
