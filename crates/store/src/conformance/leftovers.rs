//! What configuration leaves behind goes once nobody can ask about it, and not before.

use std::time::Duration;

use stentor_core::id::{ReplayId, TokenId};
use stentor_core::time::Time;
use stentor_core::token::{Scopes, Token, TokenOwner};
use stentor_core::webhook::Webhook;

use super::Backend;
use super::fixtures::Scene;
use super::purge::purge_all;
use crate::replays::Replay;
use crate::webhooks::Saved;

/// Deletes all of it, in pieces of two.
async fn purge(scene: &Scene, before: Time) -> u32 {
    let mut total = 0;
    loop {
        let deleted = scene.store.purge_leftovers(before, 2).await.expect("leftovers are purged");
        total += deleted;
        if deleted == 0 {
            return total;
        }
    }
}

async fn rename(scene: &Scene, webhook: &mut Webhook, name: &str) {
    scene.advance(Duration::from_secs(60));
    webhook.config.name = Some(name.to_owned());
    webhook.updated_at = scene.tick();
    match scene.store.update_webhook(webhook).await.expect("a webhook is changed") {
        Saved::At(version) => webhook.version = version,
        other => panic!("not changed: {other:?}"),
    }
}

/// A revision stays while an event that it was in force for may be there; the newest stays for good.
pub async fn revisions_go_once_another_was_in_force(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let mut webhook = scene.webhook(tenant).await;
    let mut versions = vec![webhook.version];
    for name in ["second", "third"] {
        rename(&scene, &mut webhook, name).await;
        versions.push(webhook.version);
    }
    let second_until = webhook.updated_at;
    let named = async |version| {
        let revision = scene.store.revision(tenant, webhook.id, version).await.expect("a revision is read");
        revision.map(|webhook| webhook.config.name)
    };
    // Just when the third came, events of the second may still be there.
    assert_eq!(purge(&scene, second_until).await, 1);
    assert_eq!(named(versions[0]).await, None);
    assert_eq!(named(versions[1]).await, Some(Some("second".to_owned())));
    scene.advance(Duration::from_secs(365 * 24 * 3_600));
    assert_eq!(purge(&scene, scene.tick()).await, 1);
    assert_eq!((named(versions[1]).await, named(versions[2]).await), (None, Some(Some("third".to_owned()))));
    assert_eq!(scene.store.webhook(tenant, webhook.id).await.expect("a webhook is read"), Some(webhook));
}

/// A tombstone stays while a delivery names it, pending or finished.
pub async fn tombstones_go_after_their_deliveries(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let done = scene.publish(tenant, &[&webhook]).await;
    assert!(scene.record(&scene.failed(&done, 0, 1)).await);
    assert!(scene.record(&scene.delivered(&done, 0, 2)).await);
    let waiting = scene.publish(tenant, &[&webhook]).await;
    assert!(scene.record(&scene.failed(&waiting, 0, 1)).await);
    let deleted = scene.store.delete_webhook(tenant, webhook.id, scene.tick()).await.expect("it is deleted");
    assert!(matches!(deleted, Saved::At(_)), "{deleted:?}");
    scene.advance(Duration::from_secs(3_600));
    let before = scene.tick();
    let stone = async || scene.store.lane_webhook(tenant, webhook.id).await.expect("a webhook is read");
    purge(&scene, before).await;
    assert!(stone().await.is_some(), "its lane still cancels what is pending");
    purge_all(&scene, before, 100).await;
    assert!(purge(&scene, before).await > 0);
    assert_eq!(stone().await, None);
    let revision =
        scene.store.revision(tenant, webhook.id, webhook.version).await.expect("a revision is read");
    assert_eq!(revision, None);
    assert!(scene.sums().await.holds());
}

fn token(owner: TokenOwner, number: u8, expires_at: Option<Time>) -> Token {
    Token {
        id: TokenId::from_bytes([number; 16]),
        owner,
        name: "t".into(),
        scopes: Scopes::all(),
        created_at: Time::from_seconds(1_000),
        expires_at,
        revoked_at: None,
    }
}

/// Live tokens, unfinished replays and the operator's token stay, however old.
pub async fn only_what_has_ended_goes(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let now = scene.tick();
    let before = now.plus(Duration::from_secs(60));
    let later = before.plus(Duration::from_secs(1));
    let owner = TokenOwner::Tenant(tenant);
    for (number, expires_at) in [(1, None), (2, None), (3, Some(now)), (4, Some(later))] {
        let secret = format!("secret {number}");
        assert!(scene.store.create_token(&token(owner, number, expires_at), &secret).await.expect("stored"));
    }
    let revoked = scene.store.revoke_token(tenant, TokenId::from_bytes([2; 16]), now).await;
    assert!(revoked.expect("it is revoked"));
    let operator = token(TokenOwner::Operator, 5, Some(now));
    scene.store.set_operator_token(&operator, "secret 5").await.expect("stored");
    let mut replays = Vec::new();
    for (number, finished_at) in [(1, None), (2, Some(now)), (3, Some(later))] {
        let replay = Replay {
            id: ReplayId::from_bytes([number; 16]),
            tenant,
            webhook: webhook.id,
            since: now,
            until: now,
            cursor: None,
            deliveries: 0,
            created_at: now,
            finished_at,
        };
        scene.store.create_replay(&replay).await.expect("stored");
        replays.push(replay);
    }
    assert_eq!(purge(&scene, before).await, 3, "two tokens and a replay");
    let mut kept = Vec::new();
    for number in 1..=5 {
        let found = scene.store.token_by_secret(&format!("secret {number}")).await.expect("a token is read");
        kept.push(found.is_some());
    }
    assert_eq!(kept, [true, false, false, true, true]);
    let mut left = Vec::new();
    for replay in &replays {
        left.push(scene.store.replay(tenant, replay.id).await.expect("a replay is read").is_some());
    }
    assert_eq!(left, [true, false, true]);
}
