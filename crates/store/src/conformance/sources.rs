//! Sources, their credentials, and the events that they receive.

use std::sync::Arc;
use std::time::Duration;

use stentor_core::arrival::{Arrival, Element, Proof};
use stentor_core::credential::Credential;
use stentor_core::event::Origin;
use stentor_core::id::{CredentialId, SourceId, TenantId};
use stentor_core::source::{Source, SourceConfig, SourceKey, SourceSecrets, Verification};
use stentor_core::time::Time;
use stentor_core::webhook::SecretText;

use super::Backend;
use super::fixtures::{START, Scene, key, version_of, with_content};
use crate::credentials::CredentialCreated;
use crate::events::EventFilter;
use crate::sources::SourceCreated;
use crate::webhooks::Saved;

fn source(scene: &Scene, tenant: TenantId) -> Source {
    let (at, entropy) = scene.seed();
    let verification = Verification::Preset { name: "github".into(), options: serde_json::Map::new() };
    let current = SourceKey { value: SecretText::new("current".into()), until: None };
    let end = Time::from_micros(1_700_000_000_000_001);
    let previous = SourceKey { value: SecretText::new("previous".into()), until: Some(end) };
    let options = [("verify_token".to_owned(), SecretText::new("token".into()))];
    Source {
        id: SourceId::new(at, entropy),
        tenant,
        active: true,
        config: SourceConfig::new("Ørders '; --".into(), verification),
        secrets: SourceSecrets { keys: vec![current, previous], options: options.into() },
        version: 0,
        created_at: at,
        updated_at: at,
        expires_at: None,
    }
}

async fn create(scene: &Scene, tenant: TenantId) -> Source {
    let source = source(scene, tenant);
    let SourceCreated::At(version) = scene.store.create_source(&source, None).await.expect("stored") else {
        panic!("the source is new");
    };
    Source { version, ..source }
}

fn credential(scene: &Scene, source: &Source) -> Credential {
    let (at, entropy) = scene.seed();
    Credential {
        id: CredentialId::new(at, entropy),
        source: source.id,
        tenant: source.tenant,
        name: "n".into(),
        environment: Some("production".into()),
        username: format!("user{entropy}"),
        created_at: at,
        last_used_at: None,
        expires_at: None,
        revoked_at: None,
    }
}

fn pair(text: &str) -> SecretText {
    SecretText::new(text.into())
}

/// A source comes back with every field, also after a restart, and moves the version of its tenant alone.
pub async fn a_source_comes_back(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (tenant, other) = (scene.tenant().await, scene.tenant().await);
    let mut source = create(&scene, tenant).await;
    assert_eq!(source.version, scene.version(tenant).await);
    source.active = false;
    source.config.description = Some("d".into());
    source.expires_at = Some(START.plus(Duration::from_micros(1)));
    source.updated_at = scene.tick();
    source.version = version_of(scene.store.update_source(&source).await.expect("changed"));
    let scene = scene.reopen(backend).await;
    assert_eq!(scene.store.source(tenant, source.id).await.expect("read").as_ref(), Some(&source));
    assert_eq!(scene.store.source(other, source.id).await.expect("read"), None);
    assert_eq!((scene.version(tenant).await, scene.version(other).await), (source.version, 1));
    let stale = Source { version: source.version - 1, ..source.clone() };
    assert_eq!(scene.store.update_source(&stale).await.expect("an answer"), Saved::Changed);
    let foreign = Source { tenant: other, ..source };
    assert_eq!(scene.store.update_source(&foreign).await.expect("an answer"), Saved::NotFound);
}

/// A key stands for the source that was created with it.
pub async fn a_source_is_created_once_per_key(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let (first, second) = (source(&scene, tenant), source(&scene, tenant));
    let created = scene.store.create_source(&first, Some(&key(1, 1))).await.expect("stored");
    assert!(matches!(created, SourceCreated::At(_)));
    let again = scene.store.create_source(&second, Some(&key(1, 1))).await.expect("an answer");
    assert_eq!(again, SourceCreated::Before(first.id));
    let conflict = scene.store.create_source(&second, Some(&key(1, 2))).await.expect("an answer");
    assert_eq!(conflict, SourceCreated::KeyConflict(first.id));
    let nobody = source(&scene, TenantId::from_bytes([9; 16]));
    assert_eq!(scene.store.create_source(&nobody, None).await.expect("an answer"), SourceCreated::NotFound);
}

/// Sources are listed newest first, once each; all of them in the order of their ids.
pub async fn sources_are_listed_once_each(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (tenant, other) = (scene.tenant().await, scene.tenant().await);
    let mut own = Vec::new();
    for _ in 0..3 {
        own.insert(0, create(&scene, tenant).await.id);
    }
    let foreign = create(&scene, other).await.id;
    let ids = |rows: Vec<Source>| rows.into_iter().map(|source| source.id).collect::<Vec<_>>();
    let page = scene.store.sources(tenant, None, 2).await.expect("a list");
    assert!(page.more && ids(page.rows) == own[..2]);
    let page = scene.store.sources(tenant, Some(own[1]), 2).await.expect("a list");
    assert!(!page.more && ids(page.rows) == own[2..]);
    let mut all = own;
    all.push(foreign);
    all.sort();
    let first = ids(scene.store.all_sources(None, 3).await.expect("a list"));
    let rest = ids(scene.store.all_sources(first.last().copied(), 3).await.expect("a list"));
    assert_eq!([first, rest].concat(), all);
}

/// A deleted source takes its credentials along; a deleted tenant takes all of it.
pub async fn what_is_deleted_is_gone(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (tenant, other) = (scene.tenant().await, scene.tenant().await);
    let store = &scene.store;
    let (source, kept) = (create(&scene, tenant).await, create(&scene, tenant).await);
    for (of, text) in [(&source, "one"), (&kept, "two")] {
        let made = store.create_credential(&credential(&scene, of), &pair(text), START).await;
        assert_eq!(made.expect("stored"), CredentialCreated::Done);
    }
    let by = async |text: &str| store.credential_by_hash(store.pair_hash(text)).await.expect("read");
    assert_eq!(store.delete_source(other, source.id).await.expect("an answer"), Saved::NotFound);
    assert!(by("one").await.is_some());
    let deleted = store.delete_source(tenant, source.id).await.expect("deleted");
    assert_eq!(deleted, Saved::At(scene.version(tenant).await));
    assert_eq!(store.source(tenant, source.id).await.expect("read"), None);
    assert!(by("one").await.is_none() && by("two").await.is_some());
    store.delete_tenant(tenant, scene.tick()).await.expect("deleted");
    assert!(by("two").await.is_none());
    assert_eq!(store.all_sources(None, 10).await.expect("a list"), []);
}

/// Sources whose time is over are found, and no others.
pub async fn expired_sources_are_found(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    create(&scene, tenant).await;
    for expires_at in [START, START.plus(Duration::from_secs(10))] {
        let source = Source { expires_at: Some(expires_at), ..source(&scene, tenant) };
        scene.store.create_source(&source, None).await.expect("stored");
    }
    let found = |after: u64| scene.store.expired_sources(START.plus(Duration::from_secs(after)), 10);
    assert_eq!(found(1).await.expect("a list").len(), 1);
    assert_eq!(found(10).await.expect("a list").len(), 2);
}

/// A credential is found by exactly its pair, and changes move the version.
pub async fn a_credential_is_found_by_its_pair(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (tenant, other) = (scene.tenant().await, scene.tenant().await);
    let source = create(&scene, tenant).await;
    let mut own = credential(&scene, &source);
    let before = scene.version(tenant).await;
    let made = scene.store.create_credential(&own, &pair("user:pass"), START).await.expect("stored");
    assert_eq!(made, CredentialCreated::Done);
    assert!(scene.version(tenant).await > before);
    own.name = "renamed".into();
    own.environment = None;
    own.expires_at = Some(START.plus(Duration::from_micros(1)));
    assert!(scene.store.update_credential(&own).await.expect("changed"));
    let scene = scene.reopen(backend).await;
    let store = &scene.store;
    let hash = store.pair_hash("user:pass");
    assert_eq!(store.credential_by_hash(hash).await.expect("read").as_ref(), Some(&own));
    for text in ["user:pas", "user:passs", "User:pass", ""] {
        assert_eq!(store.credential_by_hash(store.pair_hash(text)).await.expect("read"), None, "{text}");
    }
    assert_eq!(store.credential_pairs(source.id).await.expect("a list"), [(hash, own.clone())]);
    assert_eq!(store.all_credentials(None, 10).await.expect("a list"), [(hash, own.clone())]);
    assert_eq!(store.credential(other, source.id, own.id).await.expect("read"), None);
    assert_eq!(store.credentials(other, source.id, None, 10).await.expect("a list").rows, []);
    assert!(!store.revoke_credential(other, source.id, own.id, START).await.expect("an answer"));
    let foreign = Credential { tenant: other, ..credential(&scene, &source) };
    let refused = store.create_credential(&foreign, &pair("x:y"), START).await.expect("an answer");
    assert_eq!(refused, CredentialCreated::NoSource);
    assert!(store.revoke_credential(tenant, source.id, own.id, START).await.expect("revoked"));
    assert!(!store.revoke_credential(tenant, source.id, own.id, START).await.expect("an answer"));
    assert!(!store.update_credential(&own).await.expect("an answer"), "a revoked one stays as it is");
    assert_eq!(store.credentials(tenant, source.id, None, 10).await.expect("a list").rows, []);
    assert_eq!(store.all_credentials(None, 10).await.expect("a list"), []);
    let found = store.credential_by_hash(hash).await.expect("read").expect("it is kept for a while");
    assert_eq!(found.revoked_at, Some(START));
}

/// The time of the last use only moves forward, without another version.
pub async fn a_use_is_noted(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let source = create(&scene, tenant).await;
    let own = credential(&scene, &source);
    scene.store.create_credential(&own, &pair("a:b"), START).await.expect("stored");
    let version = scene.version(tenant).await;
    let later = START.plus(Duration::from_secs(60));
    for at in [START, later, START] {
        scene.store.touch_credentials(&[(own.id, at)]).await.expect("noted");
    }
    let read = scene.store.credential(tenant, source.id, own.id).await.expect("read").expect("there");
    assert_eq!((read.last_used_at, scene.version(tenant).await), (Some(later), version));
}

/// An event that a source received keeps how it arrived, and is listed by its source.
pub async fn a_received_event_keeps_its_arrival(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (tenant, other) = (scene.tenant().await, scene.tenant().await);
    let source = create(&scene, tenant).await;
    let arrival = Arrival {
        source: source.id,
        received_at: Time::from_micros(1_700_000_000_000_007),
        method: "POST".into(),
        path: "/in/x?a=\"é\"".into(),
        peer: Some("2001:db8::1".parse().expect("an address")),
        proof: Proof::Key(1),
        dedupe_id: Some("d".into()),
        headers: vec![("x-a".into(), "1".into()), ("x-a".into(), "\"\u{e9}".into())],
        element: Some(Element { index: 3, of: 7, list_bytes: 90 }),
    };
    let published = scene.publish(tenant, &[]).await;
    let mut received = scene.new_event(tenant, &[]).await;
    received.event.origin = Origin::Source;
    let received = with_content(received, |content| content.arrival = Some(Arc::new(arrival)));
    scene.store_event(&received).await;
    let scene = scene.reopen(backend).await;
    for event in [&published, &received] {
        let read = scene.store.event(tenant, event.event.content.id).await.expect("read");
        assert_eq!(read.as_ref(), Some(&event.event));
    }
    let of = |source| EventFilter { source: Some(source), ..EventFilter::default() };
    let page = scene.store.events(tenant, &of(source.id), None, 10, 0).await.expect("a list");
    assert_eq!(page.rows.len(), 1);
    assert_eq!(page.rows[0].event.content.arrival, received.event.content.arrival);
    assert_eq!(page.rows[0].event.origin, Origin::Source);
    let foreign = scene.store.events(other, &of(source.id), None, 10, 0).await.expect("a list");
    assert_eq!(foreign.rows, []);
    let unknown = SourceId::from_bytes([9; 16]);
    assert_eq!(scene.store.events(tenant, &of(unknown), None, 10, 0).await.expect("a list").rows, []);
}
