//! A webhook's record of failures, and disabling it with an outcome (engine rule E21).

use stentor_core::event::{EventPattern, Origin};
use stentor_core::retry::HealthChange;
use stentor_core::time::Time;
use stentor_core::webhook::{DisableReason, Webhook, WebhookStatus};

use super::Backend;
use super::fixtures::Scene;
use crate::journal::{OutcomeWrite, Write, Written};
use crate::operational::{Death, Disabling};
use crate::webhooks::Saved;

async fn failing_since(scene: &Scene, webhook: &Webhook) -> Option<Time> {
    scene.store.failing_since(webhook.tenant, webhook.id).await.expect("the record is read")
}

/// Records the outcome and answers the version it disabled the webhook at.
async fn disabled_by(scene: &Scene, outcome: OutcomeWrite) -> Option<u64> {
    match scene.write(Write::Outcome(Box::new(outcome))).await {
        Written::Recorded { applied: true, disabled_version, .. } => disabled_version,
        other => panic!("not applied: {other:?}"),
    }
}

/// The record starts with the first failure, stays while failures go on, ends with a success, and can start again.
pub async fn failures_are_recorded_by_their_transitions(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let (webhook, other) = (scene.webhook(tenant).await, scene.webhook(tenant).await);
    let event = scene.publish(tenant, &[&webhook]).await;
    assert_eq!(failing_since(&scene, &webhook).await, None);
    let steps = [HealthChange::StartedFailing, HealthChange::Unchanged, HealthChange::StartedFailing];
    let mut since = None;
    for (number, health) in (1..).zip(steps) {
        let mut write = scene.failed(&event, 0, number);
        write.health = health;
        assert!(scene.record(&write).await);
        since = since.or(Some(write.now));
        assert_eq!(failing_since(&scene, &webhook).await, since, "only failures since the first one");
    }
    let lanes = scene.store.waiting_lanes(None, 10).await.expect("lanes are read");
    assert_eq!(lanes.iter().map(|lane| lane.failing_since).collect::<Vec<_>>(), [since]);
    assert_eq!(failing_since(&scene, &other).await, None);

    let mut write = scene.delivered(&event, 0, 4);
    write.health = HealthChange::Recovered;
    assert!(scene.record(&write).await);
    assert_eq!(failing_since(&scene, &webhook).await, None);

    let again = scene.publish(tenant, &[&webhook]).await;
    let mut write = scene.exhausted(&again, 0, 1);
    write.health = HealthChange::StartedFailing;
    assert!(scene.record(&write).await);
    assert_eq!(failing_since(&scene, &webhook).await, Some(write.now));
    let scene = scene.reopen(backend).await;
    assert_eq!(failing_since(&scene, &webhook).await, Some(write.now), "it is kept");
}

/// An outcome that is not applied changes neither the record of failures nor the webhook.
pub async fn what_is_not_applied_changes_no_health(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let event = scene.publish(tenant, &[&webhook]).await;
    let mut wrong = scene.failed(&event, 0, 2);
    wrong.health = HealthChange::StartedFailing;
    wrong.disable = Some(DisableReason::Gone);
    let answer = scene.write(Write::Outcome(Box::new(wrong))).await;
    assert_eq!(answer, Written::Recorded { applied: false, disabled_version: None, fallback: None });
    assert_eq!(failing_since(&scene, &webhook).await, None);
    let read = scene.store.webhook(tenant, webhook.id).await.expect("a webhook is read");
    assert_eq!(read, Some(webhook));
}

/// Each reason disables the webhook in the outcome's own transaction, with a new version and its revision.
pub async fn an_outcome_disables_the_webhook_once(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    for reason in DisableReason::ALL {
        let webhook = scene.webhook(tenant).await;
        let event = scene.publish(tenant, &[&webhook]).await;
        let mut first = scene.failed(&event, 0, 1);
        first.disable = Some(reason);
        let version = disabled_by(&scene, first).await.expect("it was active");
        assert_eq!(version, scene.version(tenant).await);
        assert!(version > webhook.version);

        let read =
            scene.store.webhook(tenant, webhook.id).await.expect("a webhook is read").expect("it exists");
        assert_eq!((read.status, read.version), (WebhookStatus::Disabled(reason), version));
        assert_eq!((&read.config, &read.secrets), (&webhook.config, &webhook.secrets));
        let at = async |version| {
            let revision =
                scene.store.revision(tenant, webhook.id, version).await.expect("a revision is read");
            revision.expect("it existed then").status
        };
        assert_eq!(at(version - 1).await, WebhookStatus::Active);
        assert_eq!(at(version).await, WebhookStatus::Disabled(reason));

        let mut second = scene.exhausted(&event, 0, 2);
        second.disable = Some(DisableReason::FailedAttempts);
        assert_eq!(disabled_by(&scene, second).await, None, "it was disabled already");
        let unchanged = scene.store.webhook(tenant, webhook.id).await.expect("a webhook is read");
        assert_eq!(unchanged, Some(read));
        assert_eq!(scene.version(tenant).await, version);
    }
}

/// An attempt that ends after its webhook was deleted does not bring the webhook back.
pub async fn a_deleted_webhook_is_not_disabled(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let event = scene.publish(tenant, &[&webhook]).await;
    let now = scene.tick();
    scene.store.delete_webhook(tenant, webhook.id, now).await.expect("a webhook is deleted");
    let version = scene.version(tenant).await;
    let mut late = scene.exhausted(&event, 0, 1);
    late.disable = Some(DisableReason::Gone);
    late.health = HealthChange::StartedFailing;
    assert_eq!(disabled_by(&scene, late).await, None);
    assert_eq!(scene.store.webhook(tenant, webhook.id).await.expect("a webhook is read"), None);
    let tombstone = scene.store.lane_webhook(tenant, webhook.id).await.expect("a webhook is read");
    assert_eq!(tombstone.map(|webhook| webhook.status), Some(WebhookStatus::Deleted));
    assert_eq!(scene.version(tenant).await, version);
}

/// A person who makes a disabled webhook active again also clears its record of failures.
pub async fn leaving_disabled_clears_the_record(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let event = scene.publish(tenant, &[&webhook]).await;
    let mut failed = scene.failed(&event, 0, 1);
    failed.health = HealthChange::StartedFailing;
    failed.disable = Some(DisableReason::FailingTooLong);
    let since = failed.now;
    assert!(disabled_by(&scene, failed).await.is_some());
    let mut webhook =
        scene.store.webhook(tenant, webhook.id).await.expect("a webhook is read").expect("it exists");
    webhook.config.name = Some("still disabled".into());
    let disabled = webhook.status;
    scene.set_status(&mut webhook, disabled).await;
    assert_eq!(failing_since(&scene, &webhook).await, Some(since), "it is still disabled");
    scene.set_status(&mut webhook, WebhookStatus::Active).await;
    assert_eq!(failing_since(&scene, &webhook).await, None);
}

/// Disabling leaves a note with the outcome that did it, in the same transaction, until its event is stored; what does not
/// disable leaves none.
pub async fn a_disabled_webhook_is_noted_until_its_event_is_emitted(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let mut notes = Vec::new();
    for reason in DisableReason::ALL {
        let webhook = scene.webhook(tenant).await;
        let event = scene.publish(tenant, &[&webhook]).await;
        let mut first = scene.failed(&event, 0, 1);
        first.health = HealthChange::StartedFailing;
        assert_eq!(disabled_by(&scene, first.clone()).await, None);
        let mut second = scene.failed(&event, 0, 2);
        second.disable = Some(reason);
        let version = disabled_by(&scene, second.clone()).await.expect("it was active");
        assert!(!scene.record(&second).await, "once");
        notes.push(Disabling {
            tenant,
            webhook: webhook.id,
            version,
            reason,
            failing_since: Some(first.now),
            disabled_at: second.now,
            delivery: second.attempt.delivery,
            event: second.event,
            attempt: 2,
            outcome: "refused".into(),
            outcome_reason: None,
            status: Some(503),
        });
    }
    let scene = scene.reopen(backend).await;
    let noted = async |rows| scene.store.disablings(rows).await.expect("notes are read");
    assert_eq!((noted(10).await, noted(2).await), (notes.clone(), notes[..2].to_vec()));
    for note in &notes {
        assert_eq!(noted(1).await.first(), Some(note));
        for version in [note.version + 1, note.version, note.version] {
            scene.store.disabling_emitted(note.webhook, version).await.expect("a note is forgotten");
        }
    }
    assert_eq!(noted(10).await, []);
}

/// A delivery that an attempt gave up is noted where another webhook of the tenant asks for it, once per death, until its
/// event is emitted. Nothing is noted of operational events, of deliveries that go on, or where nobody else asks any more.
pub async fn a_dead_delivery_is_noted_where_another_asks(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (tenant, other) = (scene.tenant().await, scene.tenant().await);
    let webhook = scene.webhook(tenant).await;
    let mut asks = scene.new_webhook(tenant);
    asks.config.events = vec![EventPattern::parse("delivery.*").expect("a pattern")];
    let mut asks = scene.create(asks).await;
    let foreign = scene.webhook(other).await;
    let event = scene.publish(tenant, &[&webhook, &asks]).await;
    let unasked = scene.publish(other, &[&foreign]).await;
    let mut own = scene.new_event(tenant, &[&webhook]).await;
    own.event.origin = Origin::Operational;
    scene.store_event(&own).await;
    let last = scene.exhausted(&event, 0, 2);
    for write in [
        scene.failed(&event, 0, 1),
        last.clone(),
        scene.exhausted(&event, 1, 1),
        scene.exhausted(&unasked, 0, 1),
        scene.exhausted(&own, 0, 1),
    ] {
        assert!(scene.record(&write).await);
    }
    let noted = async |scene: &Scene| scene.store.deaths(10).await.expect("notes are read");
    let scene = scene.reopen(backend).await;
    let expected = Death {
        tenant,
        delivery: last.attempt.delivery,
        attempts: 2,
        event: last.event,
        event_type: event.event.content.event_type.as_str().into(),
        webhook: webhook.id,
        reason: "exhausted".into(),
        died_at: last.now,
        outcome: "refused".into(),
        outcome_reason: None,
        status: Some(503),
    };
    assert_eq!(noted(&scene).await, std::slice::from_ref(&expected));
    for (attempts, left) in [(1, 1), (2, 0), (2, 0)] {
        scene.store.deaths_emitted(&[(expected.delivery, attempts)]).await.expect("a note is forgotten");
        assert_eq!(noted(&scene).await.len(), left);
    }
    asks.config.events = vec![EventPattern::All];
    assert!(matches!(scene.store.update_webhook(&asks).await.expect("changed"), Saved::At(_)));
    let later = scene.publish(tenant, &[&webhook]).await;
    assert!(scene.record(&scene.exhausted(&later, 0, 1)).await);
    assert_eq!(noted(&scene).await, []);
}
