//! Webhooks: optimistic changes, tombstones, revisions, secrets (engine rules E7, E15, E21).

use std::collections::BTreeSet;
use std::time::Duration;

use stentor_core::cloudevents::{CloudeventsOptions, Grant, Handshake};
use stentor_core::delivery::DeliveryState;
use stentor_core::event::EventPattern;
use stentor_core::filter::Filter;
use stentor_core::format::Format;
use stentor_core::header::CustomHeaders;
use stentor_core::id::{TenantId, WebhookId};
use stentor_core::policy::{DisableRule, PolicyOverrides, RetryOn, Schedule};
use stentor_core::profile::{Profile, WebhookLimits};
use stentor_core::rate::Rate;
use stentor_core::signature::{Encoding, Signature, SignatureScheme, SignedContent};
use stentor_core::transform::Transform;
use stentor_core::webhook::{DisableReason, SecretText, SigningSecret, Webhook, WebhookStatus};

use super::Backend;
use super::fixtures::{START, Scene, version_of};
use crate::webhooks::{Routing, Saved};

async fn read(scene: &Scene, webhook: &Webhook) -> Option<Webhook> {
    scene.store.webhook(webhook.tenant, webhook.id).await.expect("a webhook is read")
}

async fn update(scene: &Scene, webhook: &Webhook) -> Saved {
    scene.store.update_webhook(webhook).await.expect("a webhook is updated")
}

fn routing_of(version: u64, webhooks: Vec<Webhook>) -> Routing {
    Routing { version, webhooks, routes: Vec::new() }
}

/// A webhook that sets everything it can.
fn full(scene: &Scene, tenant: TenantId) -> Webhook {
    let mut webhook = scene.new_webhook(tenant);
    let metadata = serde_json::json!({ "owner": "é ✓", "n": 1.5, "nested": { "list": [null, true] } });
    let config = &mut webhook.config;
    config.name = Some("Ørders '; --".into());
    config.events =
        ["order.*", "invoice.paid", "*"].map(|text| EventPattern::parse(text).expect("a pattern")).into();
    config.filter =
        Filter::parse(Some(r#"{"n": {"in": [1e2, "é"]}, "m": null}"#), Some(r#"{"s":{"matches":"^a"}}"#))
            .expect("a filter");
    config.profile = Profile::Resource;
    config.policy = PolicyOverrides {
        schedule: Some(Schedule::List([0, 90].map(Duration::from_secs).into())),
        jitter_percent: Some(0),
        timeout: Some(Duration::from_millis(1_500)),
        retry_on: Some(RetryOn { statuses: Some(vec![503, 429]), network: true, timeout: false }),
        disable: Some(DisableRule { failing_for: None, failed_attempts: Some(3), gone: true }),
    };
    config.format = Some(Format::CloudeventsBinary);
    let main = SignatureScheme::Hmac {
        header: "X-Signature".into(),
        timestamp_header: None,
        content: SignedContent::TimestampBody,
        encoding: Encoding::Base64,
        prefix: "v0=".into(),
    };
    let also = vec![
        SignatureScheme::Standard,
        SignatureScheme::Hook0 { header: "x-h".into(), covered: vec!["x-b".into()] },
    ];
    config.signature = Some(Signature { main, also, optional: true });
    config.transform = Some(Transform {
        body: Some("{{ event.data }}\n".into()),
        headers: vec![("X-B".into(), "b".into()), ("X-A".into(), "a".into())],
        content_type: Some("text/plain".into()),
    });
    let granted = Some(Grant { rate: Some(7), at: START });
    let handshake = Some(Handshake { origin: "a.example".into(), rate: Some(9), granted });
    config.cloudevents = Some(CloudeventsOptions { source: Some("/é".into()), handshake });
    let rate = Rate { count: 100, period: Duration::from_secs(60) };
    config.limits = WebhookLimits { concurrency: Some(10), rate: Some(rate) };
    config.ordered = true;
    config.metadata = metadata.as_object().cloned();
    let secret = |text: &str, until| SigningSecret {
        value: SecretText::new(text.into()),
        active_from: START.minus(Duration::from_millis(1)),
        active_until: until,
    };
    webhook.secrets.signing =
        vec![secret("whsec_AAAAAAAAAAAAAAAA", None), secret("påss \"wörd\"\n", Some(START))];
    let headers = [("X-Api-Key", "s3cr3t value"), ("Authorization", "Basic Zm9vOmJhcg==")];
    webhook.secrets.headers = CustomHeaders::parse(headers).expect("plain headers");
    webhook.status = WebhookStatus::Paused;
    webhook
}

/// Every field reads back, secrets included, also after a restart; the version is the tenant's, not the argument's.
pub async fn every_field_of_a_webhook_comes_back(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let mut webhook = full(&scene, tenant);
    webhook.version = 77;
    let webhook = scene.create(webhook).await;
    assert_eq!(webhook.version, scene.version(tenant).await);
    let bare = scene.webhook(tenant).await;
    for expected in [&webhook, &bare] {
        assert_eq!(read(&scene, expected).await.as_ref(), Some(expected));
        let lane = scene.store.lane_webhook(tenant, expected.id).await.expect("a webhook is read");
        assert_eq!(lane.as_ref(), Some(expected));
    }
    let scene = scene.reopen(backend).await;
    assert_eq!(read(&scene, &webhook).await, Some(webhook));
}

/// A change is stored only if nobody changed the webhook since it was read.
pub async fn a_change_based_on_an_old_read_is_refused(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let original = scene.webhook(tenant).await;
    let mut mine = full(&scene, tenant);
    (mine.id, mine.shard, mine.created_at) = (original.id, original.shard, original.created_at);
    mine.version = original.version;
    mine.updated_at = scene.tick();
    mine.version = version_of(update(&scene, &mine).await);
    assert!(mine.version > original.version);
    assert_eq!(read(&scene, &mine).await.as_ref(), Some(&mine));

    let mut theirs = original.clone();
    theirs.config.name = Some("theirs".into());
    let version = scene.version(tenant).await;
    assert_eq!(update(&scene, &theirs).await, Saved::Changed);
    theirs.version = mine.version + 1;
    assert_eq!(update(&scene, &theirs).await, Saved::Changed);
    assert_eq!((read(&scene, &mine).await.as_ref(), scene.version(tenant).await), (Some(&mine), version));
    theirs.version = mine.version;
    assert!(matches!(update(&scene, &theirs).await, Saved::At(_)));
}

/// A change of one webhook leaves the versions of the others as they are, so that they can still be changed.
pub async fn a_change_leaves_other_webhooks_alone(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let (mut first, mut second) = (scene.webhook(tenant).await, scene.webhook(tenant).await);
    scene.set_status(&mut second, WebhookStatus::Paused).await;
    assert_eq!(read(&scene, &first).await.as_ref(), Some(&first));
    scene.set_status(&mut first, WebhookStatus::Paused).await;
    assert_eq!(first.version, scene.version(tenant).await);
}

/// Nothing can be stored for a tenant or webhook that is not there.
pub async fn unknown_webhooks_and_tenants_are_not_found(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let orphan = scene.new_webhook(scene.new_tenant("nobody").id);
    let saved = scene.store.create_webhook(&orphan).await.expect("the answer is a value");
    assert_eq!(saved, Saved::NotFound);
    let missing = scene.new_webhook(tenant);
    assert_eq!(update(&scene, &missing).await, Saved::NotFound);
    let deleted = scene.store.delete_webhook(tenant, missing.id, START).await.expect("the answer is a value");
    assert_eq!(deleted, Saved::NotFound);
    for webhook in [&orphan, &missing] {
        assert_eq!(read(&scene, webhook).await, None);
        let lane = scene.store.lane_webhook(webhook.tenant, webhook.id).await.expect("a webhook is read");
        assert_eq!(lane, None);
    }
    assert_eq!(scene.store.routing(orphan.tenant).await.expect("routing is read"), None);
    assert_eq!(scene.version(tenant).await, 1, "nothing changed");
}

/// A deleted webhook is gone for people and routing, and a tombstone for its lane; its rows stay pending.
pub async fn a_deleted_webhook_is_a_tombstone(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let (webhook, other) = (scene.webhook(tenant).await, scene.webhook(tenant).await);
    let event = scene.publish(tenant, &[&webhook]).await;
    let now = scene.tick();
    let saved = scene.store.delete_webhook(tenant, webhook.id, now).await.expect("a webhook is deleted");
    let version = version_of(saved);
    assert_eq!(read(&scene, &webhook).await, None);
    assert_eq!(update(&scene, &webhook).await, Saved::NotFound);
    let again = scene.store.delete_webhook(tenant, webhook.id, now).await.expect("the answer is a value");
    assert_eq!(again, Saved::NotFound);
    assert_eq!(scene.version(tenant).await, version);
    let routing = scene.store.routing(tenant).await.expect("routing is read");
    assert_eq!(routing, Some(routing_of(version, vec![other.clone()])));
    let page = scene.store.webhooks(tenant, None, false, None, 10).await.expect("a list is read");
    assert_eq!((page.rows, page.more), (vec![other], false));
    let lane =
        scene.store.lane_webhook(tenant, webhook.id).await.expect("a webhook is read").expect("a tombstone");
    assert_eq!((lane.status, lane.shard), (WebhookStatus::Deleted, webhook.shard));
    assert_eq!(scene.pending(&webhook).await.len(), 1);
    assert_eq!(scene.delivery(tenant, event.deliveries[0].id).await.state, DeliveryState::Pending);
    let before = scene.store.revision(tenant, webhook.id, version - 1).await.expect("a revision is read");
    assert_eq!(before.map(|webhook| webhook.config), Some(webhook.config), "what was in force stays known");
}

/// Routing is all webhooks that are not deleted, whatever their status, with their version.
pub async fn routing_is_everything_not_deleted(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    assert_eq!(scene.store.routing(tenant).await.expect("routing is read"), Some(routing_of(1, Vec::new())));
    let mut expected = vec![scene.webhook(tenant).await, scene.create(full(&scene, tenant)).await];
    let mut disabled = scene.webhook(tenant).await;
    scene.set_status(&mut disabled, WebhookStatus::Disabled(DisableReason::Gone)).await;
    expected.push(disabled);
    let mut routing = scene.store.routing(tenant).await.expect("routing is read").expect("it exists");
    routing.webhooks.sort_by_key(|webhook| webhook.id);
    assert_eq!(routing, routing_of(scene.version(tenant).await, expected));
}

/// Lists of webhooks: newest first, each once, by status.
pub async fn webhooks_are_listed_once_each(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let disabled = WebhookStatus::Disabled(DisableReason::FailedAttempts);
    let statuses = [WebhookStatus::Active, WebhookStatus::Paused, disabled];
    let mut all: Vec<(WebhookId, WebhookStatus)> = Vec::new();
    for n in 0..9 {
        let mut webhook = scene.webhook(tenant).await;
        scene.set_status(&mut webhook, statuses[n % 3]).await;
        all.push((webhook.id, statuses[n % 3]));
    }
    for status in [None].into_iter().chain(statuses.map(Some)) {
        let chosen =
            all.iter().filter(|(_, its)| status.is_none_or(|status| status == *its)).map(|(id, _)| *id);
        let expected: Vec<_> = BTreeSet::from_iter(chosen).into_iter().rev().collect();
        for rows in [1, 2, 100] {
            let (mut before, mut seen) = (None, Vec::new());
            loop {
                let page =
                    scene.store.webhooks(tenant, status, false, before, rows).await.expect("a list is read");
                assert!(page.rows.len() <= rows as usize);
                assert!(before.is_none() || !page.rows.is_empty(), "`more` promised rows");
                seen.extend(page.rows.iter().map(|webhook| webhook.id));
                before = seen.last().copied();
                if !page.more {
                    break;
                }
            }
            assert_eq!(seen, expected, "{status:?} by {rows}");
        }
    }
}

/// `explain` asks what was in force: each version answers the last change at or before it.
pub async fn revisions_answer_what_was_in_force(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    scene.webhook(tenant).await;
    let before = scene.version(tenant).await;
    let mut webhook = scene.webhook(tenant).await;
    let mut expected = vec![(before, None), (webhook.version, Some(webhook.clone()))];
    for n in 0..3 {
        let token = scene.new_token(tenant);
        assert!(scene.store.create_token(&token, &format!("secret {n}")).await.expect("a token is created"));
        expected.push((scene.version(tenant).await, Some(webhook.clone())));
        webhook.config.name = Some(format!("name {n}"));
        webhook.config.events = vec![EventPattern::parse(&format!("order.n{n}.*")).expect("a pattern")];
        let status = if n == 1 { WebhookStatus::Paused } else { WebhookStatus::Active };
        scene.set_status(&mut webhook, status).await;
        expected.push((webhook.version, Some(webhook.clone())));
    }
    let seen = |webhook: Webhook| (webhook.config, webhook.status, webhook.version);
    for (version, then) in expected {
        let revision = scene.store.revision(tenant, webhook.id, version).await.expect("a revision is read");
        assert_eq!(revision.map(seen), then.map(seen), "at version {version}");
    }
}
