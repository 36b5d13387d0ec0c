//! Start, stop, upkeep and backup.

use std::time::Duration;

use stentor_core::id::WebhookId;

use super::Backend;
use super::fixtures::Scene;
use crate::maintenance::{KeptStarts, PreviousEnd};

/// A process learns how the one before it ended (engine rule E22).
pub async fn a_process_learns_how_the_last_one_ended(backend: &dyn Backend) {
    let mut scene = Scene::open(backend).await;
    let expected = [
        (PreviousEnd::FirstStart, true),
        (PreviousEnd::Clean, true),
        (PreviousEnd::Clean, false),
        (PreviousEnd::Unclean, false),
        (PreviousEnd::Unclean, true),
        (PreviousEnd::Clean, false),
    ];
    for (step, (end, orderly)) in expected.into_iter().enumerate() {
        let now = scene.tick();
        assert_eq!(scene.store.begin_process(now).await.expect("the start is noted"), end, "start {step}");
        if orderly {
            scene.store.end_process(scene.tick()).await.expect("the end is noted");
        }
        scene = scene.reopen(backend).await;
    }
}

/// What one process keeps of starts the next one takes, and no other after it (engine rule E14).
pub async fn starts_are_taken_once(backend: &dyn Backend) {
    let mut scene = Scene::open(backend).await;
    let take = async |scene: &Scene| scene.store.take_starts().await.expect("starts are taken");
    assert_eq!(take(&scene).await, None);
    let webhook = |byte| WebhookId::from_bytes([byte; 16]);
    let starts = vec![scene.tick(), scene.tick(), scene.tick()];
    let kept = KeptStarts {
        known_since: scene.tick(),
        webhooks: vec![(webhook(1), starts), (webhook(2), vec![scene.tick()])],
    };
    let older = KeptStarts { webhooks: vec![(webhook(3), vec![scene.tick()])], ..kept.clone() };
    scene.store.keep_starts(&older).await.expect("starts are kept");
    scene.store.keep_starts(&kept).await.expect("starts are kept");
    scene = scene.reopen(backend).await;
    let mut taken = take(&scene).await.expect("starts were kept");
    taken.webhooks.sort();
    assert_eq!(taken, kept);
    assert_eq!(take(&scene).await, None);
}

/// Upkeep, closing hours and pings change nothing that anybody reads.
pub async fn upkeep_changes_nothing(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let done = scene.publish(tenant, &[&webhook]).await;
    assert!(scene.record(&scene.delivered(&done, 0, 1)).await);
    scene.publish(tenant, &[&webhook]).await;
    let before = (scene.sums().await, scene.pending(&webhook).await);
    for _ in 0..3 {
        scene.advance(Duration::from_secs(3_600));
        scene.store.upkeep().await.expect("upkeep works");
        scene.store.close_hours(scene.tick()).await.expect("hours are closed");
        scene.store.ping().await.expect("the database answers");
        assert_eq!(before, (scene.sums().await, scene.pending(&webhook).await));
    }
}

/// A copy made while events come in opens, conserves, and holds everything acknowledged before it was asked for.
pub async fn a_backup_opens_and_conserves(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    for _ in 0..20 {
        let event = scene.publish(tenant, &[&webhook]).await;
        assert!(scene.record(&scene.delivered(&event, 0, 1)).await);
    }
    let waiting = scene.publish(tenant, &[&webhook]).await;
    let before = scene.sums().await;
    let file = backend.scratch_file();
    let publishing = async {
        for _ in 0..20 {
            scene.publish(tenant, &[&webhook]).await;
        }
    };
    let (backup, ()) = tokio::join!(scene.store.backup(&file), publishing);
    backup.expect("a backup is written");
    let after = scene.sums().await;

    let copy = backend.open_copy(&file).await;
    let copied = copy.conservation(None).await.expect("the sums are read");
    assert!(copied.holds(), "{copied:?}");
    assert!((before.events..=after.events).contains(&copied.events), "{before:?} {copied:?} {after:?}");
    let event = copy.event(tenant, waiting.event.content.id).await.expect("an event is read");
    assert_eq!(event, Some(waiting.event));
    assert_eq!(
        copy.webhook(tenant, webhook.id).await.expect("a webhook is read"),
        Some(webhook),
        "with its secrets"
    );
}

/// A backup never writes over a file.
pub async fn a_backup_needs_a_new_file(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let file = backend.scratch_file();
    std::fs::write(&file, b"precious").expect("a scratch file can be written");
    assert!(scene.store.backup(&file).await.is_err());
    assert_eq!(std::fs::read(&file).expect("the file is still there"), b"precious");
}
