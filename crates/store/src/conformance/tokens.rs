//! Tokens: found by their secret, with everything the caller needs to refuse them.

use std::time::Duration;

use stentor_core::id::TokenId;
use stentor_core::token::{Scope, Scopes, Token, TokenOwner};

use super::Backend;
use super::fixtures::{START, Scene};

async fn by_secret(scene: &Scene, secret: &str) -> Option<Token> {
    scene.store.token_by_secret(secret).await.expect("a token is read")
}

async fn store(scene: &Scene, token: &Token, secret: &str) {
    assert!(scene.store.create_token(token, secret).await.expect("a token is created"));
}

/// A token is found by exactly its secret, with every field, also after a restart.
pub async fn a_token_is_found_by_its_secret(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let mut expiring = scene.new_token(tenant);
    expiring.name = "Ørders '; --".into();
    expiring.scopes = [Scope::Publish, Scope::Manage].into_iter().collect();
    expiring.expires_at = Some(START.plus(Duration::from_micros(1)));
    let mut powerless = scene.new_token(tenant);
    powerless.scopes = Scopes::default();
    store(&scene, &expiring, "secret one").await;
    store(&scene, &powerless, "secret two").await;
    let scene = scene.reopen(backend).await;
    assert_eq!(by_secret(&scene, "secret one").await, Some(expiring), "expired ones are found too");
    assert_eq!(by_secret(&scene, "secret two").await, Some(powerless));
    for other in ["", "secret", "secret one ", "SECRET ONE", "secret three"] {
        assert_eq!(by_secret(&scene, other).await, None, "{other:?}");
    }
}

/// A revoked token is found as revoked, and no longer listed.
pub async fn a_revoked_token_is_found_as_revoked(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let (revoked, kept) = (scene.new_token(tenant), scene.new_token(tenant));
    store(&scene, &revoked, "revoked").await;
    store(&scene, &kept, "kept").await;
    let now = scene.tick();
    assert!(scene.store.revoke_token(tenant, revoked.id, now).await.expect("the answer is a value"));
    let found = by_secret(&scene, "revoked").await;
    assert_eq!(found, Some(Token { revoked_at: Some(now), ..revoked }));
    assert_eq!(by_secret(&scene, "kept").await.as_ref(), Some(&kept));
    assert_eq!(scene.store.tokens(tenant).await.expect("tokens are read"), [kept]);
    let unknown = TokenId::from_bytes([9; 16]);
    assert!(!scene.store.revoke_token(tenant, unknown, now).await.expect("the answer is a value"));
}

/// A tenant's tokens are listed newest first; expired ones are still listed, the operator's and others' are not.
pub async fn tokens_are_listed_newest_first(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (tenant, other) = (scene.tenant().await, scene.tenant().await);
    let mut expected = Vec::new();
    for n in 0..4 {
        let mut token = scene.new_token(tenant);
        token.expires_at = (n == 1).then_some(START);
        store(&scene, &token, &format!("secret {n}")).await;
        expected.insert(0, token);
    }
    store(&scene, &scene.new_token(other), "foreign").await;
    let operator = Token { owner: TokenOwner::Operator, ..scene.new_token(tenant) };
    scene.store.set_operator_token(&operator, "operator").await.expect("the token is stored");
    assert_eq!(scene.store.tokens(tenant).await.expect("tokens are read"), expected);
}

/// A token needs its tenant.
pub async fn a_token_needs_its_tenant(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let orphan = scene.new_token(scene.new_tenant("nobody").id);
    assert!(!scene.store.create_token(&orphan, "orphan").await.expect("the answer is a value"));
    assert_eq!(by_secret(&scene, "orphan").await, None);
}

/// The operator's token is set at every start, and replaced by another one.
pub async fn the_operator_token_is_replaced(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let operator = || Token { owner: TokenOwner::Operator, ..scene.new_token(tenant) };
    let (first, second) = (operator(), operator());
    for _ in 0..2 {
        scene.store.set_operator_token(&first, "first").await.expect("the token is stored");
        assert_eq!(by_secret(&scene, "first").await.map(|token| token.owner), Some(TokenOwner::Operator));
    }
    scene.store.set_operator_token(&second, "second").await.expect("the token is stored");
    assert_eq!(by_secret(&scene, "second").await, Some(second));
    let replaced = by_secret(&scene, "first").await;
    assert!(replaced.is_none_or(|token| !token.is_live(scene.tick())), "the old secret no longer works");
    assert_eq!(scene.version(tenant).await, 1, "no tenant's configuration changed");
}
