//! Answers to requests with an idempotency key.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, params};
use stentor_core::time::Time;

use super::SqliteStore;
use super::row::micros;
use crate::answers::{Answers, KeptAnswer, KeyTaken, place};
use crate::error::StoreResult;
use crate::journal::IdempotencyKey;
use crate::seal::Sealer;

fn take(connection: &Connection, key: &IdempotencyKey, now: Time, sealer: &Sealer) -> StoreResult<KeyTaken> {
    let taken = connection
        .prepare_cached(
            "INSERT INTO answers (key_hash, request_hash, expires_at) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET request_hash = excluded.request_hash, status = NULL, content_type = NULL,
             body = NULL, expires_at = excluded.expires_at WHERE expires_at <= ?4",
        )?
        .execute(params![key.key_hash, key.body_hash, micros(key.expires_at), micros(now)])?;
    if taken == 1 {
        return Ok(KeyTaken::First);
    }
    let mut find = connection
        .prepare_cached("SELECT request_hash, status, content_type, body FROM answers WHERE key_hash = ?1")?;
    let (request_hash, status, content_type, sealed) = find.query_row([key.key_hash], |row| {
        Ok((
            row.get::<_, [u8; 32]>(0)?,
            row.get::<_, Option<u16>>(1)?,
            row.get::<_, Option<Box<str>>>(2)?,
            row.get::<_, Option<Vec<u8>>>(3)?,
        ))
    })?;
    if request_hash != key.body_hash {
        return Ok(KeyTaken::Reused);
    }
    let Some((status, sealed)) = status.zip(sealed) else { return Ok(KeyTaken::Open) };
    let body = sealer.open(place(&key.key_hash), &sealed)?.to_vec();
    Ok(KeyTaken::Answered(KeptAnswer { status, content_type, body }))
}

#[async_trait]
impl Answers for SqliteStore {
    async fn take_key(&self, key: &IdempotencyKey, now: Time) -> StoreResult<KeyTaken> {
        let (key, sealer) = (key.clone(), Arc::clone(&self.sealer));
        self.write(move |connection| take(connection, &key, now, &sealer)).await
    }

    async fn keep_answer(&self, key_hash: [u8; 32], answer: &KeptAnswer) -> StoreResult<()> {
        let body = self.sealer.seal(place(&key_hash), &answer.body)?;
        let (status, content_type) = (answer.status, answer.content_type.clone());
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "UPDATE answers SET status = ?2, content_type = ?3, body = ?4 WHERE key_hash = ?1 AND status IS NULL",
                )?
                .execute(params![key_hash, status, content_type, body])?;
            Ok(())
        })
        .await
    }

    async fn free_key(&self, key_hash: [u8; 32]) -> StoreResult<()> {
        self.write(move |connection| {
            connection
                .prepare_cached("DELETE FROM answers WHERE key_hash = ?1 AND status IS NULL")?
                .execute([key_hash])?;
            Ok(())
        })
        .await
    }
}
