//! What came to the front door, for people: requests that a source accepted, which are its events, and those that were
//! refused, in one list, newest first.

mod recorder;

use std::time::Duration;

use stentor_core::event::Event;
use stentor_core::id::{EventId, RequestId, SourceId, TenantId};
use stentor_core::time::Time;
use stentor_store::StoreError;
use stentor_store::events::{EventFilter, ListedEvent};
use stentor_store::requests::{RefusedFilter, RefusedRequest, Refuser};

pub(crate) use self::recorder::Recorder;
use crate::engine::Engine;

/// Rows of each kind that one page of a search looks at, at most.
const SEARCHED_MAX: u32 = 500;
/// Bodies larger than this are not searched, in bytes.
const SEARCHED_BYTES_MAX: u64 = 64 * 1024;
/// Reads of events for one page, at most: further elements of lists are passed over, and two of the longest lists fit.
const READS_MAX: usize = 6;
/// Most events of one request.
const ELEMENTS_MAX: u32 = 1_000;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is stored as an event.
    Accepted,
    /// It was refused.
    Refused,
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
    /// It was refused.
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

fn is_first(event: &Event) -> bool {
    event.content.arrival.as_ref().is_none_or(|arrival| arrival.is_first())
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
        let wants = |outcome| filter.outcome.is_none_or(|wanted| wanted == outcome);
        let mut merged = Merged::default();
        if wants(Outcome::Refused) {
            let refuser = Refuser::Source(tenant, source);
            merged.refused(self, refuser, filter, before, looked_at).await?;
        }
        if wants(Outcome::Accepted) && filter.code.is_none() {
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

    /// All elements of the list that one of them belongs to, in their order. They were accepted in the same moment.
    async fn elements(&self, tenant: TenantId, one: Event) -> Result<Vec<Event>, StoreError> {
        let filter = EventFilter {
            source: source_of(&one),
            since: Some(one.accepted_at),
            until: Some(one.accepted_at.plus(Duration::from_micros(1))),
            ..EventFilter::default()
        };
        let page = self.store().events(tenant, &filter, None, ELEMENTS_MAX, SEARCHED_BYTES_MAX).await?;
        let rows = page.rows.into_iter().map(|ListedEvent { event, .. }| event);
        let mut elements: Vec<Event> = rows.filter(|event| of_same_request(event, &one)).collect();
        elements.sort_by_key(index_of);
        // Those that retention took leave the one that was read.
        if elements.is_empty() {
            elements.push(one);
        }
        Ok(elements)
    }
}

/// The requests of events that have the text. An element of a list stands with the first of it, if that is among them.
fn searched(events: Vec<Event>, text: &str) -> Vec<RequestRow> {
    let mut lists: Vec<Vec<Event>> = Vec::new();
    let mut rows = Vec::new();
    let (in_lists, alone): (Vec<Event>, Vec<Event>) = events.into_iter().partition(is_element);
    rows.extend(alone.into_iter().map(|event| RequestRow::Accepted(Box::new(event))));
    let (firsts, others): (Vec<Event>, Vec<Event>) = in_lists.into_iter().partition(is_first);
    lists.extend(firsts.into_iter().map(|first| vec![first]));
    for event in others.into_iter().filter(|event| has_text(event, text)) {
        match lists.iter_mut().find(|list| of_same_request(&list[0], &event)) {
            Some(list) => list.push(event),
            None => lists.push(vec![event]),
        }
    }
    rows.extend(lists.into_iter().map(RequestRow::List));
    rows
}

fn is_element(event: &Event) -> bool {
    event.content.arrival.as_ref().is_some_and(|arrival| arrival.element.is_some())
}

fn of_same_request(event: &Event, other: &Event) -> bool {
    match (&event.content.arrival, &other.content.arrival) {
        (Some(own), Some(others)) => own.is_of_same_request(others),
        _ => false,
    }
}

fn index_of(event: &Event) -> u32 {
    let element = event.content.arrival.as_ref().and_then(|arrival| arrival.element);
    element.map_or(0, |element| element.index)
}

/// Rows of two lists on their way into one.
#[derive(Default)]
struct Merged {
    rows: Vec<RequestRow>,
    /// Down to here everything that there is was looked at.
    horizon: Option<RequestId>,
}

impl Merged {
    async fn refused(
        &mut self,
        engine: &Engine,
        refuser: Refuser,
        filter: &RequestFilter,
        before: Option<RequestId>,
        rows: u32,
    ) -> Result<(), StoreError> {
        let wanted = RefusedFilter {
            code: filter.code.clone(),
            since: filter.since,
            until: filter.until,
            bodies: filter.text.is_some(),
        };
        let page = engine.store().refused_requests(refuser, &wanted, before, rows).await?;
        self.add(page.rows.into_iter().map(|request| RequestRow::Refused(Box::new(request))), page.more);
        Ok(())
    }

    /// Adds accepted requests below `before`, one for each list.
    async fn accepted(
        &mut self,
        engine: &Engine,
        tenant: TenantId,
        events: &EventFilter,
        text: Option<&str>,
        before: Option<RequestId>,
        wanted: u32,
    ) -> Result<(), StoreError> {
        let mut before = before.map(|before| EventId::from_bytes(*before.as_bytes()));
        let mut looked_at = if text.is_some() { SEARCHED_MAX } else { wanted };
        let data_bytes = if text.is_some() { SEARCHED_BYTES_MAX } else { 0 };
        let mut found = Vec::new();
        for _ in 0..READS_MAX {
            let page = engine.store().events(tenant, events, before, looked_at, data_bytes).await?;
            found.extend(page.rows.into_iter().map(|ListedEvent { event, .. }| event));
            before = found.last().map(|event| event.content.id).filter(|_| page.more);
            let enough = found.iter().filter(|event| is_first(event)).count() >= wanted as usize;
            if before.is_none() || text.is_some() || enough {
                break;
            }
            looked_at = SEARCHED_MAX;
        }
        self.horizon = self.horizon.max(before.map(request_of));
        self.rows.extend(match text.map(str::to_lowercase) {
            None => found
                .into_iter()
                .filter(is_first)
                .map(|event| RequestRow::Accepted(Box::new(event)))
                .collect(),
            Some(text) => searched(found, &text),
        });
        Ok(())
    }

    fn add(&mut self, rows: impl Iterator<Item = RequestRow>, more: bool) {
        self.rows.extend(rows);
        if more {
            let last = self.rows.last().map(RequestRow::id);
            self.horizon = self.horizon.max(last);
        }
    }

    fn page(mut self, text: Option<&str>, rows: u32) -> RequestPage {
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        // What lies below the horizon of either list comes with a later page.
        self.rows.retain(|row| self.horizon.is_none_or(|horizon| row.id() >= horizon));
        let mut next = self.horizon;
        self.rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.id()));
        if let Some(text) = text.map(str::to_lowercase) {
            self.rows.retain(|row| row.has(&text));
        }
        if self.rows.len() > rows {
            self.rows.truncate(rows);
            next = self.rows.last().map(RequestRow::id);
        }
        RequestPage { rows: self.rows, next }
    }
}

#[cfg(test)]
mod tests;
