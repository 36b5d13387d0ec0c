//! Going on after an item that no channel has any more: from what the store has.

use std::sync::Arc;
use std::time::Duration;

use stentor_core::event::EventPattern;
use stentor_core::id::{EventId, TenantId};
use stentor_core::time::Time;
use stentor_store::StoreError;
use stentor_store::events::EventFilter;
use tracing::warn;

use super::Owner;
use super::item::{EventFacts, Fact, Item, Kind};
use super::position::Position;
use super::selection::Selection;
use super::subscription::Next;
use crate::engine::Engine;

/// Events accepted this long before the last item are read again: an event that waited for its commit has an older id than
/// one that was told before it. Longer than a publisher waits.
const OVERLAP: Duration = Duration::from_secs(20);
/// Most events read for one who comes back.
const EVENTS_MAX: u32 = 1_000;

/// What there is for one who comes back.
pub(super) struct Resumed {
    /// Told first, when something is missing or may be.
    pub gap: Option<Next>,
    /// The events, oldest first. Some may have been seen before.
    pub items: Vec<Arc<Item>>,
}

impl Engine {
    /// Events accepted since then. Attempts and requests are not told again one by one: the gap says so.
    pub(super) async fn resumed(&self, owner: Owner, selection: &Selection, last: Time) -> Resumed {
        let since = last.minus(OVERLAP);
        let gap = || Some(Next::Gap { missed: None, since: Some(last) });
        let Some(tenant) =
            owner.filter(|_| selection.wants(Kind::EventAccepted) && selection.webhook.is_none())
        else {
            return Resumed { gap: gap(), items: Vec::new() };
        };
        let event_type = match &selection.event_type {
            None | Some(EventPattern::All) => None,
            Some(EventPattern::Exact(exact)) => Some(exact.as_str().to_owned()),
            Some(EventPattern::Prefix(prefix)) => Some(prefix.to_string()),
        };
        let filter = EventFilter {
            event_type,
            subject: selection.subject.clone(),
            source: selection.source,
            since: Some(since),
            ..EventFilter::default()
        };
        let page = match self.store().events(tenant, &filter, None, EVENTS_MAX, 0).await {
            Ok(page) => page,
            Err(error) => {
                warn!(%error, "a stream cannot be resumed");
                return Resumed { gap: gap(), items: Vec::new() };
            }
        };
        let only_events = selection.kinds.len() == 1;
        let items = page.rows.iter().rev().map(|row| {
            let event = &row.event;
            let position = Position { epoch: 0, sequence: 0, at: event.accepted_at };
            let fact = Fact::Accepted {
                event: EventFacts::of_listed(event),
                webhooks: Box::default(),
                matched: event.matched,
            };
            Item::new(position, event.accepted_at, fact, None).resumed()
        });
        let items = items.filter(|item| selection.takes(item)).map(Arc::new).collect();
        Resumed { gap: if only_events && !page.more { None } else { gap() }, items }
    }

    /// What the feed tells of a stored event.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn event_facts(
        &self,
        tenant: TenantId,
        id: EventId,
    ) -> Result<Option<EventFacts>, StoreError> {
        let after = u128::from_be_bytes(*id.as_bytes()).saturating_add(1);
        let after = EventId::from_bytes(after.to_be_bytes());
        let page = self.store().events(tenant, &EventFilter::default(), Some(after), 1, 0).await?;
        let found = page.rows.into_iter().find(|row| row.event.content.id == id);
        Ok(found.map(|row| EventFacts::of_listed(&row.event)))
    }
}
