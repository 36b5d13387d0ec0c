//! Conversations: kept to the last field, and the webhook that delivers their messages lives as long as it is needed.

use stentor_core::conversation::{Channel, Conversation};
use stentor_core::delivery::DeliveryState;
use stentor_core::id::{ConversationId, TenantId};
use stentor_core::webhook::{Webhook, WebhookStatus};

use super::Backend;
use super::fixtures::conversations::{
    create, new_conversation, new_webhook, read, say, try_create, webhook_of,
};
use super::fixtures::{Scene, key};
use crate::conversations::{Changed, ConversationCreated};

/// Every field comes back, also after a restart; another tenant finds nothing.
pub async fn a_conversation_comes_back(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (tenant, other) = (scene.tenant().await, scene.tenant().await);
    let webhook = new_webhook(&scene, tenant, "secret one");
    let conversation = new_conversation(&scene, &webhook);
    let bare = Conversation { workflow_id: None, signed: false, ..new_conversation(&scene, &webhook) };
    for each in [&conversation, &bare] {
        let created = try_create(&scene, each, &webhook).await;
        assert_eq!(created, ConversationCreated::Done(Box::new(each.clone())));
    }
    assert_eq!(try_create(&scene, &conversation, &webhook).await, ConversationCreated::Exists);
    let scene = scene.reopen(backend).await;
    for each in [conversation, bare] {
        assert_eq!(scene.store.conversation(tenant, each.id).await.expect("read").as_ref(), Some(&each));
        assert_eq!(scene.store.conversation(other, each.id).await.expect("read"), None);
    }
    let nobody = TenantId::from_bytes([9; 16]);
    let webhook = new_webhook(&scene, nobody, "secret one");
    let lost = new_conversation(&scene, &webhook);
    assert_eq!(try_create(&scene, &lost, &webhook).await, ConversationCreated::NotFound);
}

/// The same URL and secret share a webhook, which is made with the first and moves the configuration once.
pub async fn conversations_share_their_webhook(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (tenant, other) = (scene.tenant().await, scene.tenant().await);
    let first = create(&scene, tenant, "secret one").await;
    let version = scene.version(tenant).await;
    let same = create(&scene, tenant, "secret one").await;
    assert_eq!((same.webhook, scene.version(tenant).await), (first.webhook, version));
    assert_ne!(create(&scene, tenant, "secret two").await.webhook, first.webhook);
    assert_ne!(create(&scene, other, "secret one").await.webhook, first.webhook);
    assert!(scene.version(tenant).await > version);
    let own = scene.webhook(tenant).await;
    let listed = async |all| {
        let page = scene.store.webhooks(tenant, None, all, None, 10).await.expect("a list is read");
        page.rows.into_iter().map(|webhook| webhook.id).collect::<Vec<_>>()
    };
    assert_eq!(listed(false).await, [own.id]);
    assert_eq!(listed(true).await.len(), 3);
    let routing = scene.store.routing(tenant).await.expect("read").expect("a tenant");
    assert_eq!(routing.webhooks.iter().filter(|webhook| webhook.config.of_conversations).count(), 2);
}

/// A key stands for its first conversation.
pub async fn a_conversation_is_created_once_per_key(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = new_webhook(&scene, tenant, "secret one");
    let create = async |conversation: &Conversation, body| {
        let created = scene.store.create_conversation(conversation, &webhook, Some(&key(1, body))).await;
        created.expect("the answer is a value")
    };
    let first = new_conversation(&scene, &webhook);
    assert!(matches!(create(&first, 1).await, ConversationCreated::Done(_)));
    let again = new_conversation(&scene, &webhook);
    assert_eq!(create(&again, 1).await, ConversationCreated::Before(first.id));
    assert_eq!(create(&again, 2).await, ConversationCreated::KeyConflict(first.id));
    assert_eq!(scene.store.conversation(tenant, again.id).await.expect("read"), None);
}

/// Lists hold each conversation once, newest first, and nothing of others.
pub async fn conversations_are_listed_once_each(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (tenant, other) = (scene.tenant().await, scene.tenant().await);
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(create(&scene, tenant, "secret one").await);
        create(&scene, other, "secret one").await;
    }
    let gone = made.remove(2);
    let now = scene.tick();
    assert!(scene.store.delete_conversation(tenant, gone.id, now).await.expect("the answer is a value"));
    made.reverse();
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = scene.store.conversations(tenant, before, 3).await.expect("a list is read");
        before = page.rows.last().map(|conversation| conversation.key);
        seen.extend(page.rows);
        if !page.more {
            break;
        }
    }
    assert_eq!(seen, made);
}

/// A change needs the revision it was made of; another URL or secret brings another webhook.
pub async fn a_change_of_a_conversation_needs_its_revision(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let before = create(&scene, tenant, "secret one").await;
    let change = async |conversation: &Conversation, webhook: Option<&Webhook>| {
        let changed = scene.store.update_conversation(conversation, webhook).await;
        changed.expect("the answer is a value")
    };
    let asked = Conversation { usecase: "other".into(), channel: Channel::Sms, ..before.clone() };
    let expected = Conversation { revision: 1, ..asked.clone() };
    assert_eq!(change(&asked, None).await, Changed::Done(Box::new(expected.clone())));
    assert_eq!(change(&asked, None).await, Changed::Meanwhile);
    let webhook = new_webhook(&scene, tenant, "secret two");
    let moved = Conversation { webhook: webhook.id, revision: 2, ..expected.clone() };
    assert_eq!(change(&expected, Some(&webhook)).await, Changed::Done(Box::new(moved.clone())));
    assert_eq!(scene.store.conversation(tenant, before.id).await.expect("read").as_ref(), Some(&moved));
    scene.store.delete_conversation(tenant, before.id, scene.tick()).await.expect("deleted");
    assert_eq!(change(&moved, None).await, Changed::NotFound);
}

/// A deleted conversation is not found, nor are its messages; its id may be used anew, and starts empty.
pub async fn a_deleted_conversation_leaves_its_id_free(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let conversation = create(&scene, tenant, "secret one").await;
    let (event, message) = say(&scene, &conversation).await;
    let delete = async |id| {
        let deleted = scene.store.delete_conversation(tenant, id, scene.tick()).await;
        deleted.expect("the answer is a value")
    };
    assert!(!delete(ConversationId::from_bytes([9; 16])).await);
    assert!(delete(conversation.id).await && !delete(conversation.id).await);
    assert_eq!(read(&scene, &conversation, message.id).await, None);
    let pending = scene.delivery(tenant, event.deliveries[0].id).await;
    assert_eq!(pending.state, DeliveryState::Pending, "what was accepted is delivered");
    let again = Conversation {
        id: conversation.id,
        ..new_conversation(&scene, &webhook_of(&scene, &conversation).await)
    };
    let webhook = new_webhook(&scene, tenant, "secret one");
    assert!(matches!(try_create(&scene, &again, &webhook).await, ConversationCreated::Done(_)));
    assert_eq!(scene.store.messages(tenant, again.id, None, 9).await.expect("read").rows, []);
    assert_eq!(read(&scene, &again, message.id).await, None);
}

/// A shared webhook goes when no conversation uses it and nothing is pending, and not before.
pub async fn an_unused_webhook_is_retired(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let (one, two) = (create(&scene, tenant, "s").await, create(&scene, tenant, "s").await);
    let (event, _) = say(&scene, &one).await;
    let retire = async || {
        let retired = scene.store.retire_conversation_webhooks(scene.tick(), 10).await;
        retired.expect("the answer is a value")
    };
    let delete = async |conversation: &Conversation| {
        let deleted = scene.store.delete_conversation(tenant, conversation.id, scene.tick()).await;
        assert!(deleted.expect("the answer is a value"));
    };
    delete(&one).await;
    assert!(scene.record(&scene.failed(&event, 0, 1)).await);
    assert_eq!(retire().await, [], "another conversation uses it");
    delete(&two).await;
    assert_eq!(retire().await, [], "a delivery waits for its retry");
    assert!(scene.record(&scene.exhausted(&event, 0, 2)).await);
    let version = scene.version(tenant).await;
    assert_eq!(retire().await, [(tenant, one.webhook)]);
    assert_eq!(retire().await, []);
    assert!(scene.version(tenant).await > version);
    assert_eq!(scene.store.webhook(tenant, one.webhook).await.expect("read"), None);
    let tombstone = scene.store.lane_webhook(tenant, one.webhook).await.expect("read").expect("a tombstone");
    assert_eq!(tombstone.status, WebhookStatus::Deleted);
    assert_ne!(create(&scene, tenant, "s").await.webhook, one.webhook, "a new one is made");
}

/// With its tenant everything is gone.
pub async fn a_deleted_tenants_conversations_are_gone(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let conversation = create(&scene, tenant, "s").await;
    scene.store.delete_tenant(tenant, scene.tick()).await.expect("deleted");
    assert_eq!(scene.store.conversation(tenant, conversation.id).await.expect("read"), None);
    let retired = scene.store.retire_conversation_webhooks(scene.tick(), 10).await.expect("a value");
    assert_eq!(retired, []);
}
