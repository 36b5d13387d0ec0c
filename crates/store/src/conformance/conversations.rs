//! Conversations and messages: a message and the event that tells of it are one thing, and the webhook that delivers them
//! lives as long as it is needed.

use std::time::Duration;

use stentor_core::conversation::{
    Channel, ContentType, Conversation, Message, MessageChange, MessageDraft, MessageStatus, MessageType,
};
use stentor_core::delivery::DeliveryState;
use stentor_core::id::{ConversationId, ConversationKey, EventId, MessageId, TenantId};
use stentor_core::webhook::{Webhook, WebhookStatus};

use super::Backend;
use super::fixtures::{Scene, key};
use crate::conversations::{Changed, ConversationCreated};
use crate::deliveries::DeliveryFilter;
use crate::journal::{MessageUnwritten, MessageWrite, NewEvent, Write, Written};

fn new_conversation(scene: &Scene, webhook: &Webhook) -> Conversation {
    let (at, entropy) = scene.seed();
    Conversation {
        id: ConversationId::new(at, entropy),
        key: ConversationKey::new(at, entropy),
        tenant: webhook.tenant,
        channel: Channel::Whatsapp,
        usecase: "WORKFLOW_EXECUTION".into(),
        workflow_id: Some("1'23".into()),
        callback_url: webhook.config.url.clone(),
        signed: true,
        webhook: webhook.id,
        revision: 0,
        created_at: at,
        updated_at: at,
    }
}

/// A webhook for conversations with this secret.
fn new_webhook(scene: &Scene, tenant: TenantId, secret: &str) -> Webhook {
    let mut webhook = scene.new_webhook(tenant);
    webhook.config.events = Vec::new();
    webhook.config.of_conversations = true;
    webhook.secrets.signing[0].value = stentor_core::webhook::SecretText::new(secret.into());
    webhook
}

async fn try_create(scene: &Scene, conversation: &Conversation, webhook: &Webhook) -> ConversationCreated {
    let created = scene.store.create_conversation(conversation, webhook, None).await;
    created.expect("the answer is a value")
}

async fn create(scene: &Scene, tenant: TenantId, secret: &str) -> Conversation {
    let webhook = new_webhook(scene, tenant, secret);
    match try_create(scene, &new_conversation(scene, &webhook), &webhook).await {
        ConversationCreated::Done(conversation) => *conversation,
        other => panic!("not created: {other:?}"),
    }
}

async fn webhook_of(scene: &Scene, conversation: &Conversation) -> Webhook {
    let read = scene.store.webhook(conversation.tenant, conversation.webhook).await;
    read.expect("a webhook is read").expect("its conversations use it")
}

fn new_message(scene: &Scene, conversation: &Conversation) -> Message {
    let (at, entropy) = scene.seed();
    let draft = MessageDraft {
        id: None,
        content: "Où est-il? '; --".into(),
        content_type: ContentType::Document,
        filename: Some("a.pdf".into()),
        kind: MessageType::UserInput,
        channel: None,
        status: MessageStatus::Received,
        metadata: Some(r#"{ "n": 1.0 }"#.into()),
        created_by: "user123".into(),
        updated_by: None,
    };
    Message::new(draft, MessageId::new(at, entropy), (conversation.key, conversation.channel), at)
        .expect("the message of a case is valid")
}

/// The event that tells of a message, to the conversation's webhook.
async fn telling(scene: &Scene, conversation: &Conversation, message: &Message, is_new: bool) -> NewEvent {
    let webhook = webhook_of(scene, conversation).await;
    let mut event = scene.new_event(conversation.tenant, &[&webhook]).await;
    // As the engine does: deliveries are made in the microsecond of their event.
    let at = event.event.accepted_at;
    event.deliveries[0].id = stentor_core::id::DeliveryId::new(at, 7);
    event.message = Some(Box::new(MessageWrite {
        conversation: conversation.id,
        webhook: webhook.id,
        message: message.clone(),
        is_new,
    }));
    event
}

async fn say(scene: &Scene, conversation: &Conversation) -> (NewEvent, Message) {
    let message = new_message(scene, conversation);
    let event = telling(scene, conversation, &message, true).await;
    scene.store_event(&event).await;
    (event, message)
}

async fn read(scene: &Scene, conversation: &Conversation, id: MessageId) -> Option<Message> {
    let message = scene.store.message(conversation.tenant, conversation.id, id).await;
    message.expect("a message is read")
}

async fn about(scene: &Scene, tenant: TenantId, filter: DeliveryFilter) -> Vec<EventId> {
    let page = scene.store.deliveries(tenant, &filter, None, 50).await.expect("deliveries are listed");
    page.rows.iter().map(|row| row.event).collect()
}

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

/// A message and its event are stored together, to the byte, and are listed newest first.
pub async fn a_message_is_stored_with_its_event(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (tenant, other) = (scene.tenant().await, scene.tenant().await);
    let conversation = create(&scene, tenant, "secret one").await;
    let (first, message) = say(&scene, &conversation).await;
    let (second, later) = say(&scene, &conversation).await;
    let scene = scene.reopen(backend).await;
    assert_eq!(read(&scene, &conversation, message.id).await.as_ref(), Some(&message));
    assert!(scene.store.event(tenant, first.event.content.id).await.expect("read").is_some());
    let created = scene.store.message_created_with(tenant, first.event.content.id).await.expect("read");
    assert_eq!(created.as_ref(), Some(&message));
    assert_eq!(scene.store.message(other, conversation.id, message.id).await.expect("read"), None);
    let unknown = ConversationId::from_bytes([9; 16]);
    assert_eq!(scene.store.message(tenant, unknown, message.id).await.expect("read"), None);
    let list = async |before| {
        let page = scene.store.messages(tenant, conversation.id, before, 1).await.expect("a list is read");
        (page.rows, page.more)
    };
    assert_eq!(list(None).await, (vec![(second.event.content.id, later)], true));
    assert_eq!(list(Some(second.event.content.id)).await, (vec![(first.event.content.id, message)], false));
    assert_eq!(scene.store.messages(other, conversation.id, None, 9).await.expect("read").rows, []);
}

/// What keeps a message from being written keeps its event, its deliveries and its key from being written too.
pub async fn a_message_that_cannot_be_leaves_nothing(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let conversation = create(&scene, tenant, "secret one").await;
    let (_, message) = say(&scene, &conversation).await;
    let other = create(&scene, tenant, "secret two").await;
    let fresh = new_message(&scene, &conversation);
    let gone = create(&scene, tenant, "secret one").await;
    scene.store.delete_conversation(tenant, gone.id, scene.tick()).await.expect("deleted");
    let mut cases = vec![
        (telling(&scene, &conversation, &message, true).await, MessageUnwritten::Exists),
        (telling(&scene, &conversation, &fresh, false).await, MessageUnwritten::Changed),
        (telling(&scene, &gone, &fresh, true).await, MessageUnwritten::NoConversation),
    ];
    let stale = Message { revision: 3, ..message.clone() };
    cases.push((telling(&scene, &conversation, &stale, false).await, MessageUnwritten::Changed));
    let mut foreign = telling(&scene, &other, &new_message(&scene, &other), true).await;
    foreign.message.as_mut().expect("a message").webhook = conversation.webhook;
    cases.push((foreign, MessageUnwritten::Changed));
    let before = scene.store.conservation(Some(tenant)).await.expect("sums are read");
    for (mut event, why) in cases {
        event.idempotency = Some(key(5, 5));
        assert_eq!(scene.accept(&event).await, Written::MessageUnwritten(why));
        assert_eq!(scene.store.event(tenant, event.event.content.id).await.expect("read"), None);
    }
    assert_eq!(scene.store.conservation(Some(tenant)).await.expect("sums are read"), before);
    assert_eq!(read(&scene, &conversation, message.id).await, Some(message));
    let mut event = telling(&scene, &conversation, &fresh, true).await;
    event.idempotency = Some(key(5, 6));
    assert!(matches!(scene.accept(&event).await, Written::Accepted { .. }), "the key is free");
    let mut again = telling(&scene, &conversation, &fresh, true).await;
    again.idempotency = Some(key(5, 6));
    let first = event.event.content.id;
    assert_eq!(scene.accept(&again).await, Written::Duplicate { event: first, matched: 1 });
    again.idempotency = Some(key(5, 7));
    assert_eq!(scene.accept(&again).await, Written::KeyConflict { event: first });
}

/// A change is stored with the event that tells of it, or alone; either raises the revision.
pub async fn a_message_changes_with_its_event_or_alone(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let conversation = create(&scene, tenant, "secret one").await;
    let (_, message) = say(&scene, &conversation).await;
    let to = MessageChange { status: Some(MessageStatus::Failed), ..MessageChange::default() };
    let (failed, _) = message.changed(&to, scene.tick()).expect("valid");
    let event = telling(&scene, &conversation, &failed, false).await;
    scene.store_event(&event).await;
    let stored = Message { revision: 1, ..failed };
    assert_eq!(read(&scene, &conversation, message.id).await.as_ref(), Some(&stored));
    let alone = Message { content: "new".into(), filename: None, metadata: None, ..stored.clone() };
    let update = async |message: &Message| {
        let changed = scene.store.update_message(tenant, conversation.id, message).await;
        changed.expect("the answer is a value")
    };
    let expected = Message { revision: 2, ..alone.clone() };
    assert_eq!(update(&alone).await, Changed::Done(Box::new(expected.clone())));
    assert_eq!(update(&alone).await, Changed::Meanwhile);
    assert_eq!(read(&scene, &conversation, message.id).await, Some(expected));
    assert_eq!(update(&new_message(&scene, &conversation)).await, Changed::NotFound);
}

/// Deliveries are found by conversation and by message, pending and finished, replayed ones included.
pub async fn deliveries_are_traced_to_their_message(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (tenant, other) = (scene.tenant().await, scene.tenant().await);
    let (one, two) = (create(&scene, tenant, "s").await, create(&scene, tenant, "s").await);
    let (first, message) = say(&scene, &one).await;
    let (second, _) = say(&scene, &one).await;
    let (third, _) = say(&scene, &two).await;
    scene.publish(tenant, &[&webhook_of(&scene, &one).await]).await;
    assert!(scene.record(&scene.exhausted(&second, 0, 1)).await);
    let [first_id, second_id, third_id] = [&first, &second, &third].map(|event| event.event.content.id);
    let of = |conversation: &Conversation| DeliveryFilter {
        conversation: Some(conversation.id),
        ..DeliveryFilter::default()
    };
    assert_eq!(about(&scene, tenant, of(&one)).await, [second_id, first_id]);
    assert_eq!(about(&scene, tenant, of(&two)).await, [third_id]);
    assert_eq!(about(&scene, other, of(&one)).await, []);
    let dead = DeliveryFilter { state: Some(DeliveryState::Dead), ..of(&one) };
    assert_eq!(about(&scene, tenant, dead).await, [second_id]);
    let by_message = DeliveryFilter { message: Some(message.id), ..DeliveryFilter::default() };
    assert_eq!(about(&scene, tenant, by_message.clone()).await, [first_id]);
    assert_eq!(
        about(&scene, tenant, DeliveryFilter { conversation: Some(two.id), ..by_message.clone() }).await,
        []
    );
    let both = DeliveryFilter { conversation: Some(one.id), event: Some(first_id), ..by_message.clone() };
    assert_eq!(about(&scene, tenant, both).await, [first_id]);

    let webhook = webhook_of(&scene, &one).await;
    let again = vec![scene.new_delivery(&webhook, scene.tick())];
    let write = Write::Redeliver { tenant, event: first_id, deliveries: again };
    assert!(matches!(scene.write(write).await, Written::Redelivered(Some(_))));
    assert_eq!(about(&scene, tenant, by_message).await, [first_id, first_id]);
    let traced = scene.store.message_of_event(tenant, first_id).await.expect("read");
    assert_eq!(traced, Some((one.id, message.id)));
    assert_eq!(scene.store.message_of_event(other, first_id).await.expect("read"), None);
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

/// Messages go with the event that their creation fired, and so does the trace of their deliveries.
pub async fn messages_go_by_retention(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let (conversation, gone) = (create(&scene, tenant, "s").await, create(&scene, tenant, "s").await);
    let (event, old) = say(&scene, &conversation).await;
    assert!(scene.record(&scene.exhausted(&event, 0, 1)).await);
    scene.store.delete_conversation(tenant, gone.id, scene.tick()).await.expect("deleted");
    scene.advance(Duration::from_secs(3_600));
    let before = scene.tick();
    let (_, kept) = say(&scene, &conversation).await;
    loop {
        let write = Write::Purge { before, rows_max: 1, now: scene.tick() };
        let Written::Purged { more, .. } = scene.write(write).await else { panic!("not purged") };
        if !more {
            break;
        }
    }
    assert_eq!(read(&scene, &conversation, old.id).await, None);
    assert_eq!(read(&scene, &conversation, kept.id).await.as_ref(), Some(&kept));
    let filter = DeliveryFilter { conversation: Some(conversation.id), ..DeliveryFilter::default() };
    assert_eq!(about(&scene, tenant, filter).await.len(), 1);
    let traced = scene.store.message_of_event(tenant, event.event.content.id).await.expect("read");
    assert_eq!(traced, None);
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
