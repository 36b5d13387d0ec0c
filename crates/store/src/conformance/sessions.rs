//! Sessions and the links that open them: what they allow is their token's, and they end.

use std::time::Duration;

use stentor_core::time::Time;
use stentor_core::token::Token;

use super::Backend;
use super::fixtures::Scene;
use crate::sessions::{NewSession, SESSIONS_PER_TOKEN_MAX};

const HOUR: Duration = Duration::from_secs(3_600);

fn until(secret: &str, created_at: Time) -> NewSession<'_> {
    NewSession { secret, created_at, expires_at: created_at.plus(HOUR) }
}

async fn live_token(scene: &Scene, secret: &str) -> Token {
    let token = scene.new_token(scene.tenant().await);
    assert!(scene.store.create_token(&token, secret).await.expect("a token is created"));
    token
}

async fn token_of(scene: &Scene, secret: &str, now: Time) -> Option<Token> {
    scene.store.session_token(secret, now).await.expect("a session is read")
}

/// A session is found by exactly its secret, also after a restart, until it ends by itself or is ended.
pub async fn a_session_lives_until_its_end(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let token = live_token(&scene, "token").await;
    let now = scene.tick();
    for secret in ["one", "two"] {
        scene.store.open_session(token.id, until(secret, now)).await.expect("stored");
    }
    let scene = scene.reopen(backend).await;
    assert_eq!(token_of(&scene, "one", now).await.as_ref(), Some(&token));
    for other in ["", "token", "ONE", "three"] {
        assert_eq!(token_of(&scene, other, now).await, None, "{other:?}");
    }
    assert_eq!(token_of(&scene, "one", now.plus(HOUR)).await, None);
    assert!(scene.store.end_session("one").await.expect("ended"));
    assert!(!scene.store.end_session("one").await.expect("not there any more"));
    assert_eq!(token_of(&scene, "one", now).await, None);
    assert_eq!(token_of(&scene, "two", now).await, Some(token));
}

/// What a revoked token opened is told as revoked; what a replaced operator's token opened is gone.
pub async fn a_session_ends_with_its_token(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let (token, operator) = (scene.new_token(tenant), scene.new_token(tenant));
    assert!(scene.store.create_token(&token, "token").await.expect("a token is created"));
    scene.store.set_operator_token(&operator, "operator").await.expect("stored");
    let now = scene.tick();
    scene.store.open_session(token.id, until("tenant's", now)).await.expect("stored");
    scene.store.open_session(operator.id, until("operator's", now)).await.expect("stored");
    assert!(token_of(&scene, "operator's", now).await.is_some());
    assert!(scene.store.revoke_token(tenant, token.id, now).await.expect("revoked"));
    let found = token_of(&scene, "tenant's", now).await.expect("still there");
    assert!(!found.is_live(now));
    scene.store.set_operator_token(&scene.new_token(tenant), "another").await.expect("replaced");
    assert_eq!(token_of(&scene, "operator's", now).await, None);
}

/// A link opens one session, once, in time, and only while its token lives. It is no session itself, and no session is a link.
pub async fn a_link_opens_one_session(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let token = live_token(&scene, "token").await;
    let now = scene.tick();
    for link in ["first", "late", "orphan"] {
        scene.store.create_link(token.id, until(link, now)).await.expect("stored");
    }
    let redeem = async |link: &str, session: &str, at: Time| {
        scene.store.redeem_link(link, until(session, at)).await.expect("the answer is a value")
    };
    assert_eq!(token_of(&scene, "first", now).await, None);
    assert!(redeem("first", "session", now).await);
    assert_eq!(token_of(&scene, "session", now).await.as_ref(), Some(&token));
    assert!(!redeem("first", "again", now).await, "used up");
    assert!(!redeem("session", "again", now).await, "a session is no link");
    assert!(!redeem("unknown", "again", now).await);
    assert!(!redeem("late", "again", now.plus(HOUR)).await, "too late");
    assert!(scene.store.end_session("session").await.expect("ended"));
    let tenant = match token.owner {
        stentor_core::token::TokenOwner::Tenant(tenant) => tenant,
        stentor_core::token::TokenOwner::Operator => unreachable!("a tenant's token"),
    };
    assert!(scene.store.revoke_token(tenant, token.id, now).await.expect("revoked"));
    assert!(!redeem("orphan", "again", now).await, "its token is revoked");
    assert_eq!(token_of(&scene, "again", now).await, None);
}

/// A token has so many sessions; the oldest makes room. Others' stay.
pub async fn sessions_of_a_token_are_bounded(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (token, other) = (live_token(&scene, "token").await, live_token(&scene, "other").await);
    scene.store.open_session(other.id, until("other's", scene.tick())).await.expect("stored");
    for number in 0..=SESSIONS_PER_TOKEN_MAX {
        let session = format!("session {number}");
        scene.store.open_session(token.id, until(&session, scene.tick())).await.expect("stored");
    }
    let now = scene.tick();
    assert_eq!(token_of(&scene, "session 0", now).await, None);
    assert!(token_of(&scene, "session 1", now).await.is_some());
    assert!(token_of(&scene, "other's", now).await.is_some());
}
