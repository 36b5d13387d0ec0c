//! What came to the front door, for people: requests that a source accepted, which are its events, and those that were
//! refused, in one list, newest first.

mod recorder;

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
    /// It is this event.
    Accepted(Box<Event>),
    /// It was refused.
    Refused(Box<RefusedRequest>),
}

impl RequestRow {
    /// Its id. That of an accepted one is its event's under another name.
    pub fn id(&self) -> RequestId {
        match self {
            Self::Accepted(event) => request_of(event.content.id),
            Self::Refused(request) => request.id,
        }
    }

    /// Whether it has the text, which is in lower case.
    fn has(&self, text: &str) -> bool {
        let in_text = |part: &str| part.to_lowercase().contains(text);
        let in_bytes = |part: &[u8]| in_text(&String::from_utf8_lossy(part));
        match self {
            Self::Accepted(event) => {
                let content = &event.content;
                let in_arrival = content.arrival.as_ref().is_some_and(|arrival| {
                    let mut headers = arrival.headers.iter();
                    in_text(&arrival.path) || headers.any(|(name, value)| in_text(name) || in_text(value))
                });
                in_arrival || in_text(content.event_type.as_str()) || in_bytes(&content.data)
            }
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
            let before = before.map(|before| EventId::from_bytes(*before.as_bytes()));
            let data_bytes = if filter.text.is_some() { SEARCHED_BYTES_MAX } else { 0 };
            let page = self.store().events(tenant, &events, before, looked_at, data_bytes).await?;
            let accepted =
                page.rows.into_iter().map(|ListedEvent { event, .. }| RequestRow::Accepted(Box::new(event)));
            merged.add(accepted, page.more);
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
        let event = event.filter(|event| event.content.arrival.is_some());
        Ok(event.map(|event| RequestRow::Accepted(Box::new(event))))
    }
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
        let before = self.rows.len();
        self.rows.retain(|row| self.horizon.is_none_or(|horizon| row.id() >= horizon));
        let mut next = self.horizon.filter(|_| before > 0);
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
