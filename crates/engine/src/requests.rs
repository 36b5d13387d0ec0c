//! What came to the front door, for people: requests that a source accepted, which are its events, and those that were
//! refused, in one list, newest first.

mod lists;
mod merged;
mod recorder;

use stentor_core::event::Event;
use stentor_core::id::{EventId, RequestId, SourceId, TenantId};
use stentor_core::time::Time;
use stentor_store::StoreError;
use stentor_store::events::EventFilter;
use stentor_store::requests::{ALREADY_PROCESSED, HANDSHAKE, RefusedRequest, Refuser};

use self::lists::is_element;
use self::merged::Merged;
pub(crate) use self::recorder::Recorder;
use crate::engine::Engine;

/// Rows of each kind that one page of a search looks at, at most.
const SEARCHED_MAX: u32 = 500;
/// Bodies larger than this are not searched, in bytes.
const SEARCHED_BYTES_MAX: u64 = 64 * 1024;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is stored as an event.
    Accepted,
    /// It was refused.
    Refused,
    /// It was stored before.
    Duplicate,
    /// It was a provider's handshake.
    Challenge,
}

/// Which requests to list. Everything set must hold.
#[derive(Debug, Clone, Default)]
pub struct RequestFilter {
    /// With this outcome.
    pub outcome: Option<Outcome>,
    /// Refused with this code.
    pub code: Option<String>,
    /// Received at or after.
    pub since: Option<Time>,
    /// Received before.
    pub until: Option<Time>,
    /// With this text in path, headers, body or reason, whatever its case.
    pub text: Option<String>,
}

/// A request.
#[derive(Debug, Clone)]
pub enum RequestRow {
    /// It is this event, or the list that this is the first element of.
    Accepted(Box<Event>),
    /// It is these elements of a list; never none.
    List(Vec<Event>),
    /// It was refused, or became no event for another reason: see [`RequestRow::outcome`].
    Refused(Box<RefusedRequest>),
}

impl RequestRow {
    /// Its id. That of an accepted one is its event's under another name.
    pub fn id(&self) -> RequestId {
        match self {
            Self::Accepted(event) => request_of(event.content.id),
            Self::List(events) => request_of(events[0].content.id),
            Self::Refused(request) => request.id,
        }
    }

    /// What became of it.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Accepted(_) | Self::List(_) => Outcome::Accepted,
            Self::Refused(request) => match request.code.as_str() {
                ALREADY_PROCESSED => Outcome::Duplicate,
                HANDSHAKE => Outcome::Challenge,
                _ => Outcome::Refused,
            },
        }
    }

    /// The source that it came to, if one matched.
    pub fn source(&self) -> Option<SourceId> {
        match self {
            Self::Accepted(event) => source_of(event),
            Self::List(events) => source_of(&events[0]),
            Self::Refused(request) => request.source,
        }
    }

    /// The event that it became, or the first of them.
    pub fn event(&self) -> Option<EventId> {
        match self {
            Self::Accepted(event) => Some(event.content.id),
            Self::List(events) => Some(events[0].content.id),
            Self::Refused(_) => None,
        }
    }

    /// Whether it has the text, which is in lower case.
    fn has(&self, text: &str) -> bool {
        let in_text = |part: &str| part.to_lowercase().contains(text);
        let in_bytes = |part: &[u8]| in_text(&String::from_utf8_lossy(part));
        match self {
            Self::Accepted(event) => has_text(event, text),
            Self::List(events) => events.iter().any(|event| has_text(event, text)),
            Self::Refused(request) => {
                let mut headers = request.headers.iter();
                in_text(&request.path)
                    || in_text(&request.detail)
                    || headers.any(|(name, value)| in_text(name) || in_bytes(value))
                    || in_bytes(&request.body)
            }
        }
    }
}

fn source_of(event: &Event) -> Option<SourceId> {
    event.content.arrival.as_ref().map(|arrival| arrival.source)
}

fn has_text(event: &Event, text: &str) -> bool {
    let in_text = |part: &str| part.to_lowercase().contains(text);
    let content = &event.content;
    let in_arrival = content.arrival.as_ref().is_some_and(|arrival| {
        let mut headers = arrival.headers.iter();
        in_text(&arrival.path) || headers.any(|(name, value)| in_text(name) || in_text(value))
    });
    in_arrival || in_text(content.event_type.as_str()) || in_text(&String::from_utf8_lossy(&content.data))
}

/// A page of requests.
#[derive(Debug)]
pub struct RequestPage {
    /// Newest first.
    pub rows: Vec<RequestRow>,
    /// Where the next page begins; none on the last one. A page of a search may be empty and not the last.
    pub next: Option<RequestId>,
}

/// The id under which an accepted request is found.
pub fn request_of(event: EventId) -> RequestId {
    RequestId::from_bytes(*event.as_bytes())
}

impl Engine {
    /// Requests to a source, newest first, with ids below `before`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn requests(
        &self,
        tenant: TenantId,
        source: SourceId,
        filter: &RequestFilter,
        before: Option<RequestId>,
        rows: u32,
    ) -> Result<RequestPage, StoreError> {
        let looked_at = if filter.text.is_some() { SEARCHED_MAX } else { rows };
        let mut merged = Merged::default();
        if filter.outcome != Some(Outcome::Accepted) {
            let refuser = Refuser::Source(tenant, source);
            merged.refused(self, refuser, filter, before, looked_at).await?;
        }
        if filter.outcome.is_none_or(|wanted| wanted == Outcome::Accepted) && filter.code.is_none() {
            let events = EventFilter {
                source: Some(source),
                since: filter.since,
                until: filter.until,
                ..EventFilter::default()
            };
            merged.accepted(self, tenant, &events, filter.text.as_deref(), before, rows).await?;
        }
        Ok(merged.page(filter.text.as_deref(), rows))
    }

    /// Refused requests that no source matched, newest first, with ids below `before`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn unmatched_requests(
        &self,
        filter: &RequestFilter,
        before: Option<RequestId>,
        rows: u32,
    ) -> Result<RequestPage, StoreError> {
        let looked_at = if filter.text.is_some() { SEARCHED_MAX } else { rows };
        let mut merged = Merged::default();
        if filter.outcome != Some(Outcome::Accepted) {
            merged.refused(self, Refuser::Nobody, filter, before, looked_at).await?;
        }
        Ok(merged.page(filter.text.as_deref(), rows))
    }

    /// One request of a tenant, whatever its source; one that no source matched without a tenant.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn request(
        &self,
        tenant: Option<TenantId>,
        id: RequestId,
    ) -> Result<Option<RequestRow>, StoreError> {
        if let Some(refused) = self.store().refused_request(tenant, id).await? {
            return Ok(Some(RequestRow::Refused(Box::new(refused))));
        }
        let Some(tenant) = tenant else { return Ok(None) };
        let event = self.store().event(tenant, EventId::from_bytes(*id.as_bytes())).await?;
        let Some(event) = event.filter(|event| event.content.arrival.is_some()) else { return Ok(None) };
        if is_element(&event) {
            return Ok(Some(RequestRow::List(self.elements(tenant, event).await?)));
        }
        Ok(Some(RequestRow::Accepted(Box::new(event))))
    }
}

#[cfg(test)]
mod tests;
