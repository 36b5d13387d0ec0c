//! Accepted and refused requests on their way into one list.

use stentor_core::id::{EventId, RequestId, TenantId};
use stentor_store::StoreError;
use stentor_store::events::{EventFilter, ListedEvent};
use stentor_store::requests::{ALREADY_PROCESSED, HANDSHAKE, RefusedFilter, Refuser};

use super::lists::{is_first, searched};
use super::{Outcome, RequestFilter, RequestPage, RequestRow, SEARCHED_BYTES_MAX, SEARCHED_MAX, request_of};
use crate::engine::Engine;

/// Reads of events for one page, at most: further elements of lists are passed over, and two of the longest lists fit.
const READS_MAX: usize = 6;

/// Rows of two lists on their way into one.
#[derive(Default)]
pub(super) struct Merged {
    rows: Vec<RequestRow>,
    /// Down to here everything that there is was looked at.
    horizon: Option<RequestId>,
}

impl Merged {
    pub(super) async fn refused(
        &mut self,
        engine: &Engine,
        refuser: Refuser,
        filter: &RequestFilter,
        before: Option<RequestId>,
        rows: u32,
    ) -> Result<(), StoreError> {
        let of_kind = match filter.outcome {
            Some(Outcome::Duplicate) => Some(ALREADY_PROCESSED),
            Some(Outcome::Challenge) => Some(HANDSHAKE),
            _ => None,
        };
        if of_kind.is_some() && filter.code.is_some() {
            // Only what was refused has a code of its own.
            return Ok(());
        }
        let wanted = RefusedFilter {
            code: filter.code.clone().or_else(|| of_kind.map(str::to_owned)),
            refused_only: filter.outcome == Some(Outcome::Refused) || filter.code.is_some(),
            since: filter.since,
            until: filter.until,
            bodies: filter.text.is_some(),
        };
        let page = engine.store().refused_requests(refuser, &wanted, before, rows).await?;
        self.add(page.rows.into_iter().map(|request| RequestRow::Refused(Box::new(request))), page.more);
        Ok(())
    }

    /// Adds accepted requests below `before`, one for each list.
    pub(super) async fn accepted(
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

    pub(super) fn add(&mut self, rows: impl Iterator<Item = RequestRow>, more: bool) {
        self.rows.extend(rows);
        if more {
            let last = self.rows.last().map(RequestRow::id);
            self.horizon = self.horizon.max(last);
        }
    }

    pub(super) fn page(mut self, text: Option<&str>, rows: u32) -> RequestPage {
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
