//! Routes: order, optimistic changes, revisions (engine rules E7, E21).

use stentor_core::event::EventPattern;
use stentor_core::filter::Filter;
use stentor_core::id::{RouteId, TenantId, WebhookId};
use stentor_core::limits::ROUTES_MAX;
use stentor_core::route::{Route, RouteConfig};

use super::Backend;
use super::fixtures::{Scene, version_of};
use crate::routes::{RouteSaved, RoutesThen};

/// At the end, unless its position is changed.
fn new_route(scene: &Scene, tenant: TenantId, webhooks: Vec<WebhookId>) -> Route {
    let (now, entropy) = scene.seed();
    Route {
        id: RouteId::new(now, entropy),
        tenant,
        position: u32::MAX,
        config: RouteConfig::new(webhooks),
        version: 0,
        created_at: now,
        updated_at: now,
    }
}

/// Stores a route and answers it as it is stored.
async fn create(scene: &Scene, route: &Route) -> Route {
    let saved = scene.store.create_route(route).await.expect("a route is created");
    let stored = read(scene, route).await.expect("it is stored");
    assert_eq!(saved, RouteSaved::At(stored.version));
    stored
}

async fn read(scene: &Scene, route: &Route) -> Option<Route> {
    scene.store.route(route.tenant, route.id).await.expect("a route is read")
}

async fn update(scene: &Scene, route: &Route) -> RouteSaved {
    scene.store.update_route(route).await.expect("the answer is a value")
}

/// The ids in their order; the positions are their places.
async fn order(scene: &Scene, tenant: TenantId) -> Vec<RouteId> {
    let routes = scene.store.routes(tenant).await.expect("routes are read");
    let positions: Vec<u32> = routes.iter().map(|route| route.position).collect();
    assert_eq!(positions, (0..).take(routes.len()).collect::<Vec<u32>>());
    let routing = scene.store.routing(tenant).await.expect("routing is read").expect("it exists");
    assert_eq!(routing.routes, routes);
    routes.iter().map(|route| route.id).collect()
}

/// Every field reads back, also after a restart.
pub async fn every_field_of_a_route_comes_back(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await.id;
    let mut route = new_route(&scene, tenant, vec![webhook]);
    route.config = RouteConfig {
        name: Some("Ørders '; --".into()),
        events: ["order.*", "a"].map(|text| EventPattern::parse(text).expect("a pattern")).into(),
        filter: Filter::parse(Some(r#"{ "n": 1.50 }"#), Some(r#"{"s":{"matches":"^a"}}"#)).expect("a filter"),
        webhooks: vec![webhook],
        goes_on: true,
        is_default: true,
        active: false,
    };
    let stored = create(&scene, &route).await;
    let expected = Route { position: 0, version: scene.version(tenant).await, ..route };
    assert_eq!(stored, expected);
    let scene = scene.reopen(backend).await;
    assert_eq!(read(&scene, &expected).await, Some(expected));
}

/// Routes are inserted, moved and deleted without leaving gaps.
pub async fn routes_keep_their_order_without_gaps(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let a = create(&scene, &new_route(&scene, tenant, vec![])).await;
    let b = create(&scene, &new_route(&scene, tenant, vec![])).await;
    let first = create(&scene, &Route { position: 0, ..new_route(&scene, tenant, vec![]) }).await;
    let second = create(&scene, &Route { position: 1, ..new_route(&scene, tenant, vec![]) }).await;
    assert_eq!(order(&scene, tenant).await, [first.id, second.id, a.id, b.id]);
    let moved = Route { position: 9, ..read(&scene, &first).await.expect("a route") };
    assert!(matches!(update(&scene, &moved).await, RouteSaved::At(_)));
    assert_eq!(order(&scene, tenant).await, [second.id, a.id, b.id, first.id]);
    let moved = Route { position: 1, ..read(&scene, &first).await.expect("a route") };
    assert!(matches!(update(&scene, &moved).await, RouteSaved::At(_)));
    assert_eq!(order(&scene, tenant).await, [second.id, first.id, a.id, b.id]);
    let now = scene.tick();
    let deleted = scene.store.delete_route(tenant, first.id, now).await.expect("a route is deleted");
    assert_eq!(deleted, RouteSaved::At(scene.version(tenant).await));
    assert_eq!(order(&scene, tenant).await, [second.id, a.id, b.id]);
    assert_eq!(read(&scene, &first).await, None);
    let again = scene.store.delete_route(tenant, first.id, now).await.expect("the answer is a value");
    assert_eq!(again, RouteSaved::NotFound);
    assert_eq!(update(&scene, &first).await, RouteSaved::NotFound);
}

/// A change is stored only if nobody changed the route since it was read, its position included.
pub async fn a_change_based_on_an_old_read_is_refused(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let original = create(&scene, &new_route(&scene, tenant, vec![])).await;
    let mut mine = original.clone();
    mine.config.name = Some("mine".into());
    assert!(matches!(update(&scene, &mine).await, RouteSaved::At(_)));
    assert_eq!(update(&scene, &original).await, RouteSaved::Changed);
    let mine = read(&scene, &mine).await.expect("a route");
    assert_eq!(mine.config.name.as_deref(), Some("mine"));
    create(&scene, &Route { position: 0, ..new_route(&scene, tenant, vec![]) }).await;
    assert_eq!(update(&scene, &mine).await, RouteSaved::Changed, "it was moved");
}

/// What an order names comes first; the others follow as they stood.
pub async fn an_order_puts_what_it_names_first(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(create(&scene, &new_route(&scene, tenant, vec![])).await.id);
    }
    let ordered = async |wanted: &[RouteId]| {
        scene.store.order_routes(tenant, wanted, scene.tick()).await.expect("the answer is a value")
    };
    let before = scene.version(tenant).await;
    let stranger = new_route(&scene, tenant, vec![]).id;
    assert_eq!(ordered(&[ids[1], stranger]).await, RouteSaved::NotFound);
    assert_eq!((order(&scene, tenant).await, scene.version(tenant).await), (ids.clone(), before));
    assert_eq!(ordered(&[ids[2], ids[1]]).await, RouteSaved::At(before + 1));
    assert_eq!(order(&scene, tenant).await, [ids[2], ids[1], ids[0], ids[3]]);
    ids.reverse();
    assert_eq!(ordered(&ids).await, RouteSaved::At(before + 2));
    assert_eq!(order(&scene, tenant).await, ids);
}

/// A webhook that is newly named must be there; one that was deleted since may stay.
pub async fn a_route_names_webhooks_of_its_tenant(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (tenant, other) = (scene.tenant().await, scene.tenant().await);
    let (own, gone) = (scene.webhook(tenant).await.id, scene.webhook(tenant).await.id);
    let foreign = scene.webhook(other).await.id;
    let refused = scene.store.create_route(&new_route(&scene, tenant, vec![own, foreign])).await;
    assert_eq!(refused.expect("the answer is a value"), RouteSaved::UnknownWebhook(foreign));
    let mut route = create(&scene, &new_route(&scene, tenant, vec![gone])).await;
    version_of(scene.store.delete_webhook(tenant, gone, scene.tick()).await.expect("a webhook is deleted"));
    route.config.webhooks = vec![own, gone];
    assert!(matches!(update(&scene, &route).await, RouteSaved::At(_)));
    let mut route = read(&scene, &route).await.expect("a route");
    route.config.webhooks = vec![own, foreign];
    assert_eq!(update(&scene, &route).await, RouteSaved::UnknownWebhook(foreign));
    let refused = scene.store.create_route(&new_route(&scene, tenant, vec![gone])).await;
    assert_eq!(refused.expect("the answer is a value"), RouteSaved::UnknownWebhook(gone));
}

/// A tenant has only so many.
pub async fn routes_are_bounded(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (tenant, other) = (scene.tenant().await, scene.tenant().await);
    for _ in 0..ROUTES_MAX {
        scene.store.create_route(&new_route(&scene, tenant, vec![])).await.expect("a route is created");
    }
    let refused = scene.store.create_route(&new_route(&scene, tenant, vec![])).await;
    assert_eq!(refused.expect("the answer is a value"), RouteSaved::Full);
    assert_eq!(order(&scene, tenant).await.len(), ROUTES_MAX);
    create(&scene, &new_route(&scene, other, vec![])).await;
    let nobody = new_route(&scene, scene.new_tenant("nobody").id, vec![]);
    let refused = scene.store.create_route(&nobody).await.expect("the answer is a value");
    assert_eq!(refused, RouteSaved::NotFound);
}

/// Publishing notices every change.
pub async fn every_change_of_a_route_moves_the_version(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let mut version = scene.version(tenant).await;
    let mut moved = async |saved: RouteSaved| {
        version += 1;
        assert_eq!(saved, RouteSaved::At(version));
        assert_eq!(scene.version(tenant).await, version);
    };
    let (a, b) = (new_route(&scene, tenant, vec![]), new_route(&scene, tenant, vec![]));
    moved(scene.store.create_route(&a).await.expect("a route is created")).await;
    moved(scene.store.create_route(&b).await.expect("a route is created")).await;
    let mut stored = read(&scene, &a).await.expect("a route");
    stored.config.active = false;
    moved(update(&scene, &stored).await).await;
    let now = scene.tick();
    moved(scene.store.order_routes(tenant, &[b.id, a.id], now).await.expect("routes are ordered")).await;
    moved(scene.store.delete_route(tenant, b.id, now).await.expect("a route is deleted")).await;
}

/// `explain` asks what was in force: each version answers the routes as they were, and which webhooks were there.
pub async fn routes_then_are_those_in_force(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhooks = [scene.webhook(tenant).await.id, scene.webhook(tenant).await.id];
    let mut expected = vec![(scene.version(tenant).await, RoutesThen::default())];
    let mut note = async |live: &[WebhookId]| {
        let routes = scene.store.routes(tenant).await.expect("routes are read");
        let live = live.iter().copied().collect();
        expected.push((scene.version(tenant).await, RoutesThen { routes, live }));
    };
    let a = create(&scene, &new_route(&scene, tenant, webhooks.to_vec())).await;
    note(&webhooks).await;
    let b = create(&scene, &Route { position: 0, ..new_route(&scene, tenant, vec![webhooks[0]]) }).await;
    note(&webhooks).await;
    let mut changed = read(&scene, &a).await.expect("a route");
    changed.config.name = Some("changed".into());
    update(&scene, &changed).await;
    note(&webhooks).await;
    let now = scene.tick();
    scene.store.order_routes(tenant, &[a.id, b.id], now).await.expect("routes are ordered");
    note(&webhooks).await;
    version_of(scene.store.delete_webhook(tenant, webhooks[0], now).await.expect("a webhook is deleted"));
    note(&webhooks[1..]).await;
    scene.store.delete_route(tenant, a.id, now).await.expect("a route is deleted");
    note(&[]).await;
    scene.store.delete_tenant(tenant, now).await.expect("a tenant is deleted");
    for (version, then) in expected {
        let found = scene.store.routes_at(tenant, version).await.expect("revisions are read");
        assert_eq!(found, then, "at version {version}");
    }
    assert_eq!(scene.store.routes(tenant).await.expect("routes are read"), []);
    let after = scene.store.routes_at(tenant, u64::MAX).await.expect("revisions are read");
    assert_eq!(after, RoutesThen::default());
}

/// Another tenant's route is as good as none.
pub async fn routes_do_not_reach_others(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (own, stranger) = (scene.tenant().await, scene.tenant().await);
    let route = create(&scene, &new_route(&scene, own, vec![])).await;
    let theirs = create(&scene, &new_route(&scene, stranger, vec![])).await;
    let (now, store) = (scene.tick(), &scene.store);
    assert_eq!(store.route(stranger, route.id).await.expect("a route is read"), None);
    assert_eq!(store.routes(stranger).await.expect("routes are read"), std::slice::from_ref(&theirs));
    let then = store.routes_at(stranger, u64::MAX).await.expect("revisions are read");
    assert_eq!(then.routes, [theirs]);
    let foreign = Route { tenant: stranger, ..route.clone() };
    assert_eq!(update(&scene, &foreign).await, RouteSaved::NotFound);
    let deleted = store.delete_route(stranger, route.id, now).await.expect("the answer is a value");
    assert_eq!(deleted, RouteSaved::NotFound);
    let ordered = store.order_routes(stranger, &[route.id], now).await.expect("the answer is a value");
    assert_eq!(ordered, RouteSaved::NotFound);
    assert_eq!(read(&scene, &route).await, Some(route));
}
