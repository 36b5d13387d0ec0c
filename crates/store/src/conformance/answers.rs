//! Answers to requests with an idempotency key: one per key until it expires, readable by nobody else.

use std::time::Duration;

use super::Backend;
use super::fixtures::{START, Scene, key};
use crate::answers::{KeptAnswer, KeyTaken};
use crate::journal::{IdempotencyKey, Write};

const KEY: u8 = 1;
const REQUEST: u8 = 10;
const OTHER_REQUEST: u8 = 11;

fn answer(body: &str) -> KeptAnswer {
    KeptAnswer { status: 201, content_type: Some("application/json".into()), body: body.into() }
}

async fn take(scene: &Scene, key: &IdempotencyKey) -> KeyTaken {
    scene.store.take_key(key, START).await.expect("taken or not")
}

async fn keep(scene: &Scene, key: &IdempotencyKey, answer: &KeptAnswer) {
    scene.store.keep_answer(key.key_hash, answer).await.expect("kept");
}

/// The first request takes the key; the same one is told that it is open and then gets the answer; another one is refused.
/// The first answer stays, over a restart too.
pub async fn an_answer_is_kept_for_its_request(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (own, other) = (key(KEY, REQUEST), key(KEY, OTHER_REQUEST));
    assert_eq!(take(&scene, &own).await, KeyTaken::First);
    assert_eq!(take(&scene, &own).await, KeyTaken::Open);
    assert_eq!(take(&scene, &other).await, KeyTaken::Reused);
    let first = answer(r#"{"token":"shown once"}"#);
    keep(&scene, &own, &first).await;
    keep(&scene, &own, &answer("later")).await;
    let scene = scene.reopen(backend).await;
    assert_eq!(take(&scene, &own).await, KeyTaken::Answered(first));
    assert_eq!(take(&scene, &other).await, KeyTaken::Reused);
}

/// A key whose request did nothing is free again; one with an answer is not freed.
pub async fn a_key_that_did_nothing_is_free_again(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (own, other) = (key(KEY, REQUEST), key(KEY, OTHER_REQUEST));
    assert_eq!(take(&scene, &own).await, KeyTaken::First);
    scene.store.free_key(own.key_hash).await.expect("freed");
    assert_eq!(take(&scene, &other).await, KeyTaken::First);
    keep(&scene, &other, &answer("1")).await;
    scene.store.free_key(own.key_hash).await.expect("left alone");
    assert_eq!(take(&scene, &other).await, KeyTaken::Answered(answer("1")));
}

/// From its expiry on a key may be taken anew, and retention removes it.
pub async fn an_answer_ends_with_its_key(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (own, other) = (key(KEY, REQUEST), key(KEY + 1, REQUEST));
    for key in [&own, &other] {
        assert_eq!(take(&scene, key).await, KeyTaken::First);
        keep(&scene, key, &answer("1")).await;
    }
    let anew = IdempotencyKey {
        expires_at: own.expires_at.plus(Duration::from_secs(60)),
        ..key(KEY, OTHER_REQUEST)
    };
    assert_eq!(scene.store.take_key(&anew, own.expires_at).await.expect("taken"), KeyTaken::First);
    assert_eq!(take(&scene, &anew).await, KeyTaken::Open);
    scene.commit(vec![Write::Purge { before: START, rows_max: 100, now: other.expires_at }]).await;
    assert_eq!(take(&scene, &other).await, KeyTaken::First, "it is gone");
    assert_eq!(take(&scene, &anew).await, KeyTaken::Open, "it lives on");
}
