//! Answers to requests with an idempotency key.

use std::sync::Arc;

use async_trait::async_trait;
use stentor_core::time::Time;

use super::PostgresStore;
use super::connection::{Session, Values};
use super::row::{self, micros};
use crate::answers::{Answers, KeptAnswer, KeyTaken, place};
use crate::error::{StoreResult, unreadable};
use crate::journal::IdempotencyKey;
use crate::seal::Sealer;

async fn take(session: &Session, key: &IdempotencyKey, now: Time, sealer: &Sealer) -> StoreResult<KeyTaken> {
    let sql = "INSERT INTO answers (key_hash, request_hash, expires_at) VALUES ($1, $2, $3)
         ON CONFLICT (key_hash) DO UPDATE SET request_hash = excluded.request_hash, status = NULL, content_type = NULL,
         body = NULL, expires_at = excluded.expires_at WHERE answers.expires_at <= $4";
    let hash = key.key_hash.as_slice();
    let values: &Values<'_> = &[&hash, &key.body_hash.as_slice(), &micros(key.expires_at), &micros(now)];
    if session.execute(sql, values).await? == 1 {
        return Ok(KeyTaken::First);
    }
    let sql = "SELECT request_hash, status, content_type, body FROM answers WHERE key_hash = $1";
    let found = session.one(sql, &[&hash]).await?;
    if row::hash(&found, 0)? != key.body_hash {
        return Ok(KeyTaken::Reused);
    }
    let (status, sealed): (Option<i32>, Option<&[u8]>) = (found.try_get(1)?, found.try_get(3)?);
    let Some((status, sealed)) = status.zip(sealed) else { return Ok(KeyTaken::Open) };
    let status = u16::try_from(status).map_err(|_| unreadable("a status"))?;
    let content_type: Option<&str> = found.try_get(2)?;
    let body = sealer.open(place(&key.key_hash), sealed)?.to_vec();
    Ok(KeyTaken::Answered(KeptAnswer { status, content_type: content_type.map(Into::into), body }))
}

#[async_trait]
impl Answers for PostgresStore {
    async fn take_key(&self, key: &IdempotencyKey, now: Time) -> StoreResult<KeyTaken> {
        let (key, sealer) = (key.clone(), Arc::clone(&self.sealer));
        self.write(move |session| Box::pin(async move { take(session, &key, now, &sealer).await })).await
    }

    async fn keep_answer(&self, key_hash: [u8; 32], answer: &KeptAnswer) -> StoreResult<()> {
        let body = self.sealer.seal(place(&key_hash), &answer.body)?;
        let (status, content_type) = (i32::from(answer.status), answer.content_type.clone());
        self.write(move |session| {
            Box::pin(async move {
                let sql = "UPDATE answers SET status = $2, content_type = $3, body = $4
                     WHERE key_hash = $1 AND status IS NULL";
                let values: &Values<'_> = &[&key_hash.as_slice(), &status, &content_type.as_deref(), &body];
                session.execute(sql, values).await.map(|_| ())
            })
        })
        .await
    }

    async fn free_key(&self, key_hash: [u8; 32]) -> StoreResult<()> {
        self.write(move |session| {
            Box::pin(async move {
                let sql = "DELETE FROM answers WHERE key_hash = $1 AND status IS NULL";
                session.execute(sql, &[&key_hash.as_slice()]).await.map(|_| ())
            })
        })
        .await
    }
}
