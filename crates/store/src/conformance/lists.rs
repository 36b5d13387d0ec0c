//! Lists: newest first, every row exactly once, every filter (engine rule E16).

use std::collections::BTreeSet;
use std::time::Duration;

use stentor_core::delivery::{CancelReason, DeliveryState, FinalState};
use stentor_core::event::{EventType, Origin};
use stentor_core::id::{DeliveryId, EventId, TenantId};
use stentor_core::time::Time;
use stentor_core::webhook::{DisableReason, WebhookStatus};

use super::Backend;
use super::fixtures::{START, Scene, with_content};
use crate::deliveries::DeliveryFilter;
use crate::events::{EventFilter, ListedEvent};
use crate::journal::{NewEvent, Write};

/// Walks the list in pages of `rows` and checks that each page but the last is full.
async fn walk_deliveries(
    scene: &Scene,
    tenant: TenantId,
    filter: &DeliveryFilter,
    rows: u32,
) -> Vec<DeliveryId> {
    let (mut before, mut seen) = (None, Vec::new());
    loop {
        let page = scene.store.deliveries(tenant, filter, before, rows).await.expect("a list is read");
        assert!(page.rows.len() <= rows as usize, "a page holds at most what was asked for");
        assert!(!page.more || page.rows.len() == rows as usize, "a page that is followed by others is full");
        assert!(before.is_none() || !page.rows.is_empty(), "`more` promised rows");
        for row in &page.rows {
            assert_eq!(*row, scene.delivery(tenant, row.id).await, "the list and the single read agree");
        }
        seen.extend(page.rows.iter().map(|row| row.id));
        before = page.rows.last().map(|row| row.id);
        if !page.more {
            return seen;
        }
    }
}

async fn walk_events(scene: &Scene, tenant: TenantId, filter: &EventFilter, rows: u32) -> Vec<EventId> {
    let (mut before, mut seen) = (None, Vec::new());
    loop {
        let page = scene.store.events(tenant, filter, before, rows, u64::MAX).await.expect("a list is read");
        assert!(page.rows.len() <= rows as usize, "a page holds at most what was asked for");
        assert!(!page.more || page.rows.len() == rows as usize, "a page that is followed by others is full");
        assert!(before.is_none() || !page.rows.is_empty(), "`more` promised rows");
        for ListedEvent { event, data_omitted } in &page.rows {
            assert!(!data_omitted);
            let single = scene.store.event(tenant, event.content.id).await.expect("an event is read");
            assert_eq!(single.as_ref(), Some(event), "the list and the single read agree");
        }
        seen.extend(page.rows.iter().map(|row| row.event.content.id));
        before = page.rows.last().map(|row| row.event.content.id);
        if !page.more {
            return seen;
        }
    }
}

fn newest_first<T: Ord + Copy>(ids: impl IntoIterator<Item = T>) -> Vec<T> {
    let sorted: BTreeSet<T> = ids.into_iter().collect();
    sorted.into_iter().rev().collect()
}

/// Pending and finished deliveries come mixed by id, each once, whatever the page size; every filter alone and combined.
pub async fn deliveries_are_listed_once_each(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhooks = [scene.webhook(tenant).await, scene.webhook(tenant).await];
    let mut all = Vec::new();
    let mut events = Vec::new();
    for n in 0..12 {
        let event = scene.publish(tenant, &[&webhooks[0], &webhooks[1]]).await;
        let first = event.deliveries[0].id;
        let state = match n % 4 {
            0 => DeliveryState::Pending,
            1 => DeliveryState::Delivered,
            2 => DeliveryState::Dead,
            _ => DeliveryState::Cancelled,
        };
        match state {
            DeliveryState::Delivered => assert!(scene.record(&scene.delivered(&event, 0, 1)).await),
            DeliveryState::Dead => assert!(scene.record(&scene.exhausted(&event, 0, 1)).await),
            DeliveryState::Cancelled => {
                let state = FinalState::Cancelled(CancelReason::Requested);
                scene.write(Write::Finish { deliveries: vec![first], state, now: scene.tick() }).await;
            }
            DeliveryState::Pending | DeliveryState::Held => {}
        }
        all.push((first, event.event.content.id, webhooks[0].id, state));
        all.push((event.deliveries[1].id, event.event.content.id, webhooks[1].id, DeliveryState::Pending));
        events.push(event.event.content.id);
    }
    let states = [None].into_iter().chain(DeliveryState::ALL.map(Some));
    for state in states {
        for webhook in [None, Some(webhooks[0].id), Some(webhooks[1].id)] {
            for event in [None, Some(events[2]), Some(events[5])] {
                let filter = DeliveryFilter { state, webhook, event, ..DeliveryFilter::default() };
                let expected =
                    newest_first(all.iter().filter_map(|(id, its_event, its_webhook, its_state)| {
                        let chosen = state.is_none_or(|state| state == *its_state)
                            && webhook.is_none_or(|webhook| webhook == *its_webhook)
                            && event.is_none_or(|event| event == *its_event);
                        chosen.then_some(*id)
                    }));
                for rows in [1, 5, 250] {
                    assert_eq!(
                        walk_deliveries(&scene, tenant, &filter, rows).await,
                        expected,
                        "{filter:?} by {rows}"
                    );
                }
            }
        }
    }
}

/// Held is pending while the webhook is paused or disabled: pausing moves all its rows at once, resuming moves them back.
pub async fn held_follows_the_webhook(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let (mut webhook, other) = (scene.webhook(tenant).await, scene.webhook(tenant).await);
    let waiting = scene.publish(tenant, &[&webhook, &other]).await;
    let done = scene.publish(tenant, &[&webhook]).await;
    assert!(scene.record(&scene.delivered(&done, 0, 1)).await);
    let disabled = WebhookStatus::Disabled(DisableReason::Gone);
    for status in [WebhookStatus::Paused, WebhookStatus::Active, disabled, WebhookStatus::Active] {
        scene.set_status(&mut webhook, status).await;
        let expected = if status.delivers() { DeliveryState::Pending } else { DeliveryState::Held };
        assert_eq!(scene.delivery(tenant, waiting.deliveries[0].id).await.state, expected);
        assert_eq!(scene.delivery(tenant, waiting.deliveries[1].id).await.state, DeliveryState::Pending);
        assert_eq!(scene.delivery(tenant, done.deliveries[0].id).await.state, DeliveryState::Delivered);
        for state in [DeliveryState::Pending, DeliveryState::Held] {
            let filter =
                DeliveryFilter { state: Some(state), webhook: Some(webhook.id), ..DeliveryFilter::default() };
            let listed = walk_deliveries(&scene, tenant, &filter, 10).await;
            let mine = (state == expected).then_some(waiting.deliveries[0].id);
            assert_eq!(listed, Vec::from_iter(mine), "{status:?} {state:?}");
        }
        let sums = scene.sums().await;
        assert_eq!((sums.pending, sums.delivered), (2, 1), "held rows are pending in the sums");
    }
}

struct Sample {
    id: EventId,
    event_type: &'static str,
    subject: Option<&'static str>,
    accepted_at: Time,
}

async fn publish_samples(scene: &Scene, tenant: TenantId) -> Vec<Sample> {
    let types = ["order.created", "order.item.added", "order", "orders.x", "Order.created", "a_b.c", "axb.c"];
    let mut samples = Vec::new();
    for event_type in types {
        for subject in [None, Some("customer-1"), Some("Customer-1")] {
            let event: NewEvent = with_content(scene.new_event(tenant, &[]).await, |content| {
                content.event_type = EventType::parse(event_type).expect("a plain type");
                content.subject = subject.map(Into::into);
            });
            samples.push((event, event_type, subject));
        }
    }
    // Order of ids is not order of commits: the newest are committed first.
    for (event, _, _) in samples.iter().rev() {
        scene.store_event(event).await;
    }
    let sample = |(event, event_type, subject): (NewEvent, _, _)| Sample {
        id: event.event.content.id,
        event_type,
        subject,
        accepted_at: event.event.accepted_at,
    };
    samples.into_iter().map(sample).collect()
}

fn matches(filter: &EventFilter, sample: &Sample) -> bool {
    let of_type = filter.event_type.as_ref().is_none_or(|wanted| {
        if wanted.ends_with('.') {
            sample.event_type.starts_with(wanted.as_str())
        } else {
            sample.event_type == wanted
        }
    });
    of_type
        && filter.subject.as_ref().is_none_or(|wanted| sample.subject == Some(wanted))
        && filter.since.is_none_or(|since| sample.accepted_at >= since)
        && filter.until.is_none_or(|until| sample.accepted_at < until)
}

/// Events come newest id first, each once, whatever the page size; every filter alone and combined, to the letter.
pub async fn events_are_listed_once_each(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let samples = publish_samples(&scene, tenant).await;
    let types =
        [None, Some("order."), Some("order.created"), Some("order.item."), Some("a_b."), Some("nothing.")];
    let (middle, end) = (samples[6].accepted_at, samples[20].accepted_at);
    let times = [
        (None, None),
        (Some(middle), None),
        (None, Some(middle)),
        (Some(middle), Some(end)),
        (Some(end), Some(end)),
    ];
    for event_type in types {
        for subject in [None, Some("customer-1"), Some("nobody")] {
            for (since, until) in times {
                let (event_type, subject) = (event_type.map(Into::into), subject.map(Into::into));
                let filter = EventFilter { event_type, subject, since, until, source: None };
                let chosen = samples.iter().filter(|sample| matches(&filter, sample));
                let expected = newest_first(chosen.map(|sample| sample.id));
                for rows in [2, 250] {
                    assert_eq!(
                        walk_events(&scene, tenant, &filter, rows).await,
                        expected,
                        "{filter:?} by {rows}"
                    );
                }
            }
        }
    }
}

/// Content over the list's limit, data and earlier data together, is left out; content of exactly the limit comes along.
pub async fn large_data_is_left_out_of_lists(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let mut expected = Vec::new();
    for (data, previous_data, omitted) in
        [(1_000, None, false), (1_001, None, true), (600, Some(400), false), (1, Some(1_000), true)]
    {
        let event = with_content(scene.new_event(tenant, &[]).await, |content| {
            content.data = vec![b'x'; data].into();
            content.previous_data = previous_data.map(|bytes| vec![b'y'; bytes].into());
        });
        scene.store_event(&event).await;
        expected.push((event.event, omitted));
    }
    let listed = scene.store.events(tenant, &EventFilter::default(), None, 10, 1_000).await;
    let mut rows = listed.expect("a list is read").rows;
    rows.reverse();
    assert_eq!(rows.len(), expected.len());
    for (row, (event, omitted)) in rows.into_iter().zip(expected) {
        assert_eq!((row.event.content.id, row.data_omitted), (event.content.id, omitted));
        if omitted {
            let content = &row.event.content;
            assert!(content.data.is_empty() && content.previous_data.is_none());
            assert_eq!((&content.subject, row.event.matched), (&event.content.subject, event.matched));
        } else {
            assert_eq!(row.event, event);
        }
    }
}

/// The walk of a replay: ids and types of a span of time, oldest first, each once.
pub async fn event_types_walk_a_span_of_time(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let samples = publish_samples(&scene, tenant).await;
    let (since, until) = (samples[3].accepted_at, samples[17].accepted_at);
    for rows in [1, 5, 14, 100] {
        let (mut after, mut seen) = (None, Vec::new());
        loop {
            let types = scene.store.event_types(tenant, since, until, after, rows).await;
            let types = types.expect("types are read");
            assert!(types.len() <= rows as usize);
            let Some((last, _)) = types.last() else { break };
            after = Some(*last);
            for (id, event_type) in types {
                let content = scene.store.content(tenant, id).await.expect("content is read");
                assert_eq!(content.map(|content| content.event_type.clone()), Some(event_type));
                seen.push(id);
            }
        }
        assert_eq!(seen, samples[3..17].iter().map(|sample| sample.id).collect::<Vec<_>>());
    }
    let mut own = scene.new_event(tenant, &[]).await;
    own.event.origin = Origin::Operational;
    scene.store_event(&own).await;
    let later = START.plus(Duration::from_secs(1_000_000));
    let last = scene.store.event_types(tenant, own.event.accepted_at, later, None, 10).await;
    assert_eq!(last.expect("types are read"), [], "an operational event is not replayed");
    let none = scene.store.event_types(tenant, later, later, None, 10).await.expect("types are read");
    assert_eq!(none, []);
}
