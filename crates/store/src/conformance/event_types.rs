//! Declared event types: kept to the byte, bounded, and in force from the next configuration version on.

use stentor_core::event::EventType;
use stentor_core::event_type::{DeclaredType, TypeRules, Validation};
use stentor_core::id::TenantId;
use stentor_core::limits::{EVENT_TYPES_MAX, SCHEMA_BYTES_MAX};

use super::Backend;
use super::fixtures::Scene;
use crate::event_types::{Declared, TypesDeclared, TypesInForce};
use crate::tenants::TenantSaved;

fn named(name: &str) -> EventType {
    EventType::parse(name).expect("a plain type")
}

fn declared(scene: &Scene, name: &str) -> DeclaredType {
    let at = scene.tick();
    DeclaredType {
        name: named(name),
        description: Some("Ørders '; --".into()),
        schema: Some(r#"{ "type" : "object" }"#.into()),
        sample: Some(r#"{"n": 1.0, "n": 12345678901234567890}"#.into()),
        sample_previous_data: Some("null".into()),
        archived: false,
        created_at: at,
        updated_at: at,
    }
}

async fn declare(scene: &Scene, tenant: TenantId, types: &[DeclaredType], replace: bool) -> TypesDeclared {
    scene.store.declare_types(tenant, types, replace).await.expect("the answer is a value")
}

async fn read(scene: &Scene, tenant: TenantId, name: &str) -> Option<DeclaredType> {
    scene.store.declared_type(tenant, &named(name)).await.expect("a type is read")
}

async fn in_force(scene: &Scene, tenant: TenantId, known: Option<u64>) -> Option<TypesInForce> {
    scene.store.types_in_force(tenant, known).await.expect("the answer is a value")
}

async fn set_rules(scene: &Scene, tenant: TenantId, event_types: TypeRules) {
    let mut changed = scene.store.tenant(tenant).await.expect("a tenant is read").expect("it is there");
    changed.settings.event_types = event_types;
    let saved = scene.store.update_tenant(&changed).await;
    assert_eq!(saved.expect("the answer is a value"), TenantSaved::Done);
}

/// Every field comes back as it was declared, also after a restart, and only for its tenant.
pub async fn a_declared_type_comes_back(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (tenant, other) = (scene.tenant().await, scene.tenant().await);
    let full = declared(&scene, "order.created");
    let bare = DeclaredType {
        description: None,
        schema: None,
        sample: None,
        sample_previous_data: None,
        archived: true,
        ..declared(&scene, "a")
    };
    let done = declare(&scene, tenant, &[full.clone(), bare.clone()], true).await;
    assert_eq!(done, TypesDeclared::Done(vec![Declared::Created, Declared::Created]));
    let scene = scene.reopen(backend).await;
    assert_eq!(read(&scene, tenant, "order.created").await, Some(full));
    assert_eq!(read(&scene, tenant, "a").await, Some(bare));
    assert_eq!(read(&scene, other, "order.created").await, None);
    assert_eq!(read(&scene, tenant, "Order.created").await, None);
    let list = scene.store.declared_types(tenant).await.expect("types are listed");
    let seen: Vec<_> =
        list.iter().map(|one| (one.name.as_str(), one.has_schema, one.has_sample, one.archived)).collect();
    assert_eq!(seen, [("a", false, false, true), ("order.created", true, true, false)]);
    assert_eq!(scene.store.declared_types(other).await.expect("types are listed"), []);
}

/// One that stands is replaced or kept, as asked; the time of its declaration stays.
pub async fn a_type_is_replaced_or_kept(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let first = declared(&scene, "a");
    declare(&scene, tenant, std::slice::from_ref(&first), true).await;
    let version = scene.version(tenant).await;
    let second = DeclaredType { description: None, ..declared(&scene, "a") };
    let kept = declare(&scene, tenant, std::slice::from_ref(&second), false).await;
    assert_eq!(kept, TypesDeclared::Done(vec![Declared::Kept]));
    assert_eq!(read(&scene, tenant, "a").await.as_ref(), Some(&first));
    assert_eq!(scene.version(tenant).await, version, "nothing changed");
    let replaced = declare(&scene, tenant, std::slice::from_ref(&second), true).await;
    assert_eq!(replaced, TypesDeclared::Done(vec![Declared::Replaced]));
    let expected = DeclaredType { created_at: first.created_at, ..second };
    assert_eq!(read(&scene, tenant, "a").await, Some(expected));
    assert!(scene.version(tenant).await > version);
}

/// What would be too much changes nothing.
pub async fn types_are_bounded_all_or_none(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let bare = |n: usize| DeclaredType { schema: None, ..declared(&scene, &format!("t{n}")) };
    let full: Vec<_> = (0..EVENT_TYPES_MAX).map(bare).collect();
    assert!(matches!(declare(&scene, tenant, &full, true).await, TypesDeclared::Done(_)));
    let version = scene.version(tenant).await;
    let more = [DeclaredType { description: None, ..bare(0) }, bare(EVENT_TYPES_MAX)];
    assert_eq!(declare(&scene, tenant, &more, true).await, TypesDeclared::TooMany);
    assert_eq!(read(&scene, tenant, "t0").await.as_ref(), Some(&full[0]), "the first of them was undone");
    assert_eq!(scene.version(tenant).await, version);
    let large: Vec<_> = (0..65)
        .map(|n| DeclaredType { schema: Some(" ".repeat(SCHEMA_BYTES_MAX).into()), ..bare(n) })
        .collect();
    assert_eq!(declare(&scene, tenant, &large, true).await, TypesDeclared::TooLarge);
    assert_eq!(
        declare(&scene, tenant, &full, true).await,
        TypesDeclared::Done(vec![Declared::Replaced; 1_000])
    );
    let nobody = TenantId::from_bytes([9; 16]);
    assert_eq!(declare(&scene, nobody, &full, true).await, TypesDeclared::NotFound);
}

/// A deleted type is gone, once, for its tenant.
pub async fn a_deleted_type_is_gone(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (tenant, other) = (scene.tenant().await, scene.tenant().await);
    for owner in [tenant, other] {
        declare(&scene, owner, &[declared(&scene, "a")], true).await;
    }
    let version = scene.version(tenant).await;
    let delete = async || scene.store.delete_type(tenant, &named("a")).await.expect("the answer is a value");
    assert!(delete().await && !delete().await);
    assert_eq!(scene.version(tenant).await, version + 1);
    assert_eq!(read(&scene, tenant, "a").await, None);
    assert!(read(&scene, other, "a").await.is_some());
}

/// What publishing demands is read as the rules ask for it, and only when it changed.
pub async fn what_is_in_force_follows_the_rules(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (tenant, webhooks_of) = (scene.tenant().await, scene.tenant().await);
    let archived = DeclaredType { archived: true, ..declared(&scene, "old") };
    declare(&scene, tenant, &[declared(&scene, "a"), archived], true).await;
    let off = in_force(&scene, tenant, None).await.expect("read");
    assert_eq!((off.rules, off.types), (TypeRules::default(), vec![]), "nobody asks for them");
    assert_eq!(in_force(&scene, tenant, Some(off.version)).await, None);

    let strict = TypeRules { strict: true, ..TypeRules::default() };
    set_rules(&scene, tenant, strict).await;
    let found = in_force(&scene, tenant, Some(off.version)).await.expect("changed");
    assert_eq!((found.rules, found.types), (strict, vec![(named("a"), None)]));
    assert_eq!(found.version, scene.version(tenant).await);

    set_rules(&scene, tenant, TypeRules { validation: Validation::Warn, strict: false }).await;
    let found = in_force(&scene, tenant, None).await.expect("read");
    assert_eq!(found.types, [(named("a"), Some(r#"{ "type" : "object" }"#.into()))]);
    scene.webhook(tenant).await;
    assert!(scene.version(tenant).await > found.version, "a webhook changes the configuration");
    assert_eq!(in_force(&scene, tenant, Some(found.version)).await, None, "and no event type");
    set_rules(&scene, tenant, found.rules).await;
    assert_eq!(in_force(&scene, tenant, Some(found.version)).await, None, "the same rules are no change");
    assert_eq!(in_force(&scene, webhooks_of, None).await.expect("read").types, []);
    assert_eq!(in_force(&scene, TenantId::from_bytes([9; 16]), None).await, None);
}
