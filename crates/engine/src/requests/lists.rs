//! Lists that a source split: many events and one request.

use std::time::Duration;

use stentor_core::event::Event;
use stentor_core::id::TenantId;
use stentor_core::limits::BODY_BYTES_MAX;
use stentor_store::StoreError;
use stentor_store::events::{EventFilter, ListedEvent};

use super::{RequestRow, has_text, source_of};
use crate::engine::Engine;

/// Most events of one request.
const ELEMENTS_MAX: u32 = 1_000;

impl Engine {
    /// All elements of the list that one of them belongs to, in their order. They were accepted in the same moment.
    pub(super) async fn elements(&self, tenant: TenantId, one: Event) -> Result<Vec<Event>, StoreError> {
        let filter = EventFilter {
            source: source_of(&one),
            since: Some(one.accepted_at),
            until: Some(one.accepted_at.plus(Duration::from_micros(1))),
            ..EventFilter::default()
        };
        let page = self.store().events(tenant, &filter, None, ELEMENTS_MAX, BODY_BYTES_MAX as u64).await?;
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
pub(super) fn searched(events: Vec<Event>, text: &str) -> Vec<RequestRow> {
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

pub(super) fn is_element(event: &Event) -> bool {
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

/// Whether the event stands for its request.
pub(super) fn is_first(event: &Event) -> bool {
    event.content.arrival.as_ref().is_none_or(|arrival| arrival.is_first())
}
