//! Refused requests are kept within their bounds, listed by source, and seen by nobody else.

use std::time::Duration;

use stentor_core::id::{RequestId, SourceId, TenantId};
use stentor_core::time::Time;

use super::Backend;
use super::fixtures::Scene;
use crate::requests::{ALREADY_PROCESSED, HANDSHAKE, RefusedBounds, RefusedFilter, RefusedRequest, Refuser};

const WIDE: RefusedBounds = RefusedBounds { rows: 1_000, bytes: 8 * 1024 * 1024 };

fn request(scene: &Scene, source: Option<(TenantId, SourceId)>) -> RefusedRequest {
    let received_at = scene.tick();
    RefusedRequest {
        id: RequestId::new(received_at, 0),
        tenant: source.map(|(tenant, _)| tenant),
        source: source.map(|(_, source)| source),
        peer: "2001:db8::7".parse().expect("an address"),
        received_at,
        method: "POST".into(),
        path: "/in/x?n=1".into(),
        headers: vec![("x-signature".into(), vec![b'a', 0xff]), ("x-signature".into(), b"b".to_vec())],
        content_type: Some("text/plain".into()),
        body: vec![0, 1, 0xff].into(),
        body_bytes: 70_000,
        body_time: Duration::from_micros(1_500),
        total_time: Duration::from_micros(2_500),
        code: "bad_signature".into(),
        detail: "The signature does not fit.".into(),
        hidden: true,
        status: 401,
    }
}

fn source(number: u8) -> (TenantId, SourceId) {
    (TenantId::from_bytes([1; 16]), SourceId::from_bytes([number; 16]))
}

async fn listed(scene: &Scene, refuser: Refuser, filter: &RefusedFilter) -> Vec<RequestId> {
    let page = scene.store.refused_requests(refuser, filter, None, 250).await.expect("listed");
    assert!(!page.more);
    page.rows.into_iter().map(|request| request.id).collect()
}

/// Everything of it comes back, whoever it was for; recording it twice changes nothing.
pub async fn a_refused_request_comes_back(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (of_source, of_nobody) = (request(&scene, Some(source(1))), request(&scene, None));
    for _ in 0..2 {
        let both = vec![of_source.clone(), of_nobody.clone()];
        scene.store.record_refused(both, WIDE).await.expect("recorded");
    }
    let (tenant, id) = source(1);
    let read = |tenant, id| scene.store.refused_request(tenant, id);
    assert_eq!(read(Some(tenant), of_source.id).await.expect("read"), Some(of_source.clone()));
    assert_eq!(read(None, of_nobody.id).await.expect("read"), Some(of_nobody.clone()));
    let refuser = Refuser::Source(tenant, id);
    assert_eq!(listed(&scene, refuser, &RefusedFilter::default()).await, [of_source.id]);
    assert_eq!(listed(&scene, Refuser::Nobody, &RefusedFilter::default()).await, [of_nobody.id]);
    let with_bodies = RefusedFilter { bodies: true, ..RefusedFilter::default() };
    let page = scene.store.refused_requests(refuser, &with_bodies, None, 1).await.expect("listed");
    assert_eq!(page.rows, [of_source]);
}

/// Neither another tenant nor another source sees it.
pub async fn a_refused_request_is_its_tenants(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let own = request(&scene, Some(source(1)));
    scene.store.record_refused(vec![own.clone()], WIDE).await.expect("recorded");
    let (other, (_, id)) = (TenantId::from_bytes([9; 16]), source(1));
    assert_eq!(scene.store.refused_request(Some(other), own.id).await.expect("read"), None);
    assert_eq!(scene.store.refused_request(None, own.id).await.expect("read"), None);
    for refuser in [Refuser::Source(other, id), Refuser::Source(source(2).0, source(2).1), Refuser::Nobody] {
        assert_eq!(listed(&scene, refuser, &RefusedFilter::default()).await, []);
    }
}

/// A flood of one source pushes out its own oldest and nobody else's.
pub async fn refused_requests_are_bounded_by_source(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let quiet = request(&scene, Some(source(2)));
    scene.store.record_refused(vec![quiet.clone()], WIDE).await.expect("recorded");
    let flood: Vec<RefusedRequest> = (0..30).map(|_| request(&scene, Some(source(1)))).collect();
    let bounds = RefusedBounds { rows: 10, ..WIDE };
    for piece in flood.chunks(7) {
        scene.store.record_refused(piece.to_vec(), bounds).await.expect("recorded");
    }
    let newest: Vec<RequestId> = flood.iter().rev().take(10).map(|request| request.id).collect();
    let (tenant, id) = source(1);
    assert_eq!(listed(&scene, Refuser::Source(tenant, id), &RefusedFilter::default()).await, newest);
    let last = request(&scene, Some(source(1)));
    let bytes = RefusedBounds { bytes: 3 * last.weight(), ..WIDE };
    scene.store.record_refused(vec![last.clone()], bytes).await.expect("recorded");
    let kept = listed(&scene, Refuser::Source(tenant, id), &RefusedFilter::default()).await;
    assert_eq!(kept, [last.id, newest[0], newest[1]]);
    let (tenant, id) = source(2);
    assert_eq!(listed(&scene, Refuser::Source(tenant, id), &RefusedFilter::default()).await, [quiet.id]);
}

/// Pages, codes and times choose what they say.
pub async fn refused_requests_are_listed_by_what_is_asked(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let mut all: Vec<RefusedRequest> = (0..5).map(|_| request(&scene, Some(source(1)))).collect();
    all[3].code = "stale".into();
    let mut others: Vec<RefusedRequest> = (0..2).map(|_| request(&scene, Some(source(3)))).collect();
    others[0].code = ALREADY_PROCESSED.into();
    others[1].code = HANDSHAKE.into();
    let refused = request(&scene, Some(source(3)));
    scene
        .store
        .record_refused([others.clone(), vec![refused.clone()]].concat(), WIDE)
        .await
        .expect("recorded");
    let of_others = Refuser::Source(source(3).0, source(3).1);
    let only = RefusedFilter { refused_only: true, ..RefusedFilter::default() };
    assert_eq!(listed(&scene, of_others, &only).await, [refused.id]);
    assert_eq!(listed(&scene, of_others, &RefusedFilter::default()).await.len(), 3);
    let repetitions = RefusedFilter { code: Some(ALREADY_PROCESSED.into()), ..RefusedFilter::default() };
    assert_eq!(listed(&scene, of_others, &repetitions).await, [others[0].id]);
    scene.store.record_refused(all.clone(), WIDE).await.expect("recorded");
    let (tenant, id) = source(1);
    let refuser = Refuser::Source(tenant, id);
    let page = scene.store.refused_requests(refuser, &RefusedFilter::default(), Some(all[4].id), 2).await;
    let page = page.expect("listed");
    assert_eq!(page.rows.iter().map(|row| row.id).collect::<Vec<_>>(), [all[3].id, all[2].id]);
    assert!(page.more && page.rows.iter().all(|row| row.body.is_empty()));
    let stale = RefusedFilter { code: Some("stale".into()), ..RefusedFilter::default() };
    assert_eq!(listed(&scene, refuser, &stale).await, [all[3].id]);
    let (since, until) = (Some(all[1].received_at), Some(all[3].received_at));
    let between = RefusedFilter { since, until, ..RefusedFilter::default() };
    assert_eq!(listed(&scene, refuser, &between).await, [all[2].id, all[1].id]);
}

/// What is older goes, in pieces.
pub async fn refused_requests_go_with_age(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let old: Vec<RefusedRequest> = (0..3).map(|_| request(&scene, None)).collect();
    scene.advance(Duration::from_secs(60));
    let before: Time = scene.tick();
    let young = request(&scene, Some(source(1)));
    let all = old.iter().chain([&young]).cloned().collect();
    scene.store.record_refused(all, WIDE).await.expect("recorded");
    for went in [2, 1, 0] {
        assert_eq!(scene.store.purge_refused(before, 2).await.expect("purged"), went);
    }
    let read = scene.store.refused_request(young.tenant, young.id).await.expect("read");
    assert_eq!(read, Some(young));
}
