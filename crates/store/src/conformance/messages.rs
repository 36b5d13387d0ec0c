//! Messages: a message and the event that tells of it are one thing.

use std::time::Duration;

use stentor_core::conversation::{Conversation, Message, MessageChange, MessageStatus};
use stentor_core::delivery::DeliveryState;
use stentor_core::id::ConversationId;

use super::Backend;
use super::fixtures::conversations::{about, create, new_message, read, say, telling, webhook_of};
use super::fixtures::{Scene, key};
use crate::conversations::Changed;
use crate::deliveries::DeliveryFilter;
use crate::journal::{MessageUnwritten, Write, Written};

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
