//! Sources and their credentials: the use cases that API and command line share, and what is known of them when a request
//! comes in.

mod credentials;
mod directory;
mod error;

use std::collections::BTreeMap;
use std::time::Duration;

use sha2::{Digest, Sha256};
use stentor_core::id::{SourceId, TenantId};
use stentor_core::plan::Feature;
use stentor_core::source::{Source, SourceConfig, SourceKey, SourceSecrets};
use stentor_core::time::Time;
use stentor_core::webhook::SecretText;
use stentor_store::StoreError;
use stentor_store::journal::IdempotencyKey;
use stentor_store::sources::SourceCreated;
use stentor_store::webhooks::Saved;
use tracing::warn;

pub use self::credentials::{CredentialChange, CredentialDraft};
pub use self::directory::{KnownCredential, KnownSource, SourceDirectory};
pub use self::error::SourceError;
use crate::accept::IDEMPOTENCY_WINDOW;
use crate::engine::Engine;
use crate::entropy;

/// How often a change is tried anew when another change came between.
const CHANGE_TRIES_MAX: u32 = 8;
/// Sources that delete themselves in one round.
const EXPIRED_ROWS: u32 = 100;

/// A source to be created.
#[derive(Debug, Clone)]
pub struct SourceDraft {
    /// Whether it takes requests.
    pub active: bool,
    /// What it is like.
    pub config: SourceConfig,
    /// The secret that requests are verified with, where they are signed.
    pub secret: Option<SecretText>,
    /// Options of the verification that are secrets too.
    pub options: BTreeMap<String, SecretText>,
    /// When it deletes itself.
    pub expires_at: Option<Time>,
}

impl Engine {
    /// Creates a source.
    ///
    /// # Errors
    /// When the tenant's plan does not include sources, a rule is broken, the key was used with another body, or the
    /// database does not answer.
    pub async fn create_source(
        &self,
        tenant: TenantId,
        draft: SourceDraft,
        idempotency_key: Option<&str>,
    ) -> Result<Source, SourceError> {
        let now = self.clock().now();
        self.check_ingest(tenant).await?;
        let key = match idempotency_key {
            None => None,
            Some(key) => Some(creation_key(&draft, key, now)?),
        };
        if draft.expires_at.is_some_and(|end| end <= now) {
            return Err(SourceError::refused("/expires_at", "must lie in the future"));
        }
        let keys = draft.secret.map(|value| SourceKey { value, until: None });
        let source = Source {
            id: SourceId::new(now, entropy::bits()),
            tenant,
            active: draft.active,
            config: draft.config,
            secrets: SourceSecrets { keys: keys.into_iter().collect(), options: draft.options },
            version: 0,
            created_at: now,
            updated_at: now,
            expires_at: draft.expires_at,
        };
        check(&source)?;
        match self.store().create_source(&source, key.as_ref()).await? {
            SourceCreated::At(version) => {
                self.source_changed(tenant, source.id).await?;
                Ok(Source { version, ..source })
            }
            SourceCreated::Before(id) => self.store().source(tenant, id).await?.ok_or(SourceError::NotFound),
            SourceCreated::KeyConflict(id) => Err(SourceError::KeyConflict(id)),
            SourceCreated::TooMany => Err(SourceError::TooMany),
            SourceCreated::NotFound => Err(SourceError::NotFound),
        }
    }

    /// Changes a source; requests that come in afterwards meet the change. The edit is repeated when another change came
    /// between.
    ///
    /// # Errors
    /// What the edit refuses, as for creating, and when there is no such source.
    pub async fn change_source<E: From<SourceError> + Send>(
        &self,
        tenant: TenantId,
        id: SourceId,
        edit: impl Fn(&mut Source, Time) -> Result<(), E> + Send + Sync,
    ) -> Result<Source, E> {
        for _ in 0..CHANGE_TRIES_MAX {
            let now = self.clock().now();
            let read = self.store().source(tenant, id).await.map_err(SourceError::from)?;
            let mut source = read.ok_or(SourceError::NotFound)?;
            edit(&mut source, now)?;
            source.updated_at = now;
            check(&source)?;
            match self.store().update_source(&source).await.map_err(SourceError::from)? {
                Saved::At(version) => {
                    self.source_changed(tenant, id).await.map_err(SourceError::from)?;
                    return Ok(Source { version, ..source });
                }
                Saved::NotFound => return Err(SourceError::NotFound.into()),
                Saved::Changed => {}
            }
        }
        Err(SourceError::Busy.into())
    }

    /// Replaces the secret that requests are verified with; the one before is accepted for `overlap` more.
    ///
    /// # Errors
    /// When the source has no secrets, the new one cannot be one of its verification, too many overlap, or there is no
    /// such source.
    pub async fn rotate_source_secret(
        &self,
        tenant: TenantId,
        id: SourceId,
        secret: &SecretText,
        overlap: Duration,
    ) -> Result<Source, SourceError> {
        self.change_source(tenant, id, |source, now| {
            if !source.config.verification.has_keys() {
                return Err(SourceError::NoSecrets);
            }
            source.secrets.rotate(secret.clone(), overlap, now);
            let too_many = source.secrets.keys.len() > stentor_core::limits::SECRETS_MAX;
            if too_many { Err(SourceError::TooManySecrets) } else { Ok(()) }
        })
        .await
    }

    /// Deletes a source with its credentials; its events stay. Requests to it are refused at once.
    ///
    /// # Errors
    /// When there is no such source or the database does not answer.
    pub async fn delete_source(&self, tenant: TenantId, id: SourceId) -> Result<(), SourceError> {
        match self.store().delete_source(tenant, id).await? {
            Saved::At(_) => Ok(self.source_changed(tenant, id).await?),
            Saved::NotFound | Saved::Changed => Err(SourceError::NotFound),
        }
    }

    /// Brings what is known of a source up to date, and with it the tenant's configuration version.
    pub(crate) async fn source_changed(&self, tenant: TenantId, id: SourceId) -> Result<(), StoreError> {
        self.directory().forget(tenant);
        self.sources().reload(tenant, id).await
    }

    /// Whether the tenant's plan includes sources.
    pub(crate) async fn check_ingest(&self, tenant: TenantId) -> Result<(), SourceError> {
        let known = self.directory().known(tenant).await?.ok_or(SourceError::NotFound)?;
        if known.includes(Feature::Ingest) { Ok(()) } else { Err(SourceError::NotInPlan) }
    }

    /// Stores when credentials were used and deletes sources whose time is over.
    pub(crate) async fn settle_sources(&self) {
        if let Err(error) = self.note_used_credentials().await {
            warn!(%error, "when credentials were used could not be stored");
        }
        let now = self.clock().now();
        let expired = match self.store().expired_sources(now, EXPIRED_ROWS).await {
            Ok(expired) => expired,
            Err(error) => {
                warn!(%error, "sources whose time is over could not be read");
                return;
            }
        };
        for (tenant, id) in expired {
            match self.delete_source(tenant, id).await {
                Ok(()) | Err(SourceError::NotFound) => {}
                Err(error) => warn!(source = %id, %error, "a source whose time is over could not be deleted"),
            }
        }
    }

    /// Stores when credentials were used.
    pub(crate) async fn note_used_credentials(&self) -> Result<(), StoreError> {
        let used = self.sources().take_used();
        if used.is_empty() {
            return Ok(());
        }
        let stored = self.store().touch_credentials(&used).await;
        if stored.is_err() {
            self.sources().give_back(used);
        }
        stored
    }
}

fn check(source: &Source) -> Result<(), SourceError> {
    let refusals = source.config.refusals(&source.secrets);
    if refusals.is_empty() { Ok(()) } else { Err(SourceError::Refused(refusals)) }
}

/// What the key stands for: everything that was asked for.
fn creation_key(draft: &SourceDraft, key: &str, now: Time) -> Result<IdempotencyKey, SourceError> {
    let failed = |_| StoreError::Unexpected("a source's configuration cannot be written as JSON".into());
    let config = serde_json::to_vec(&draft.config).map_err(failed)?;
    let expires_at = draft.expires_at.map_or(0, Time::as_micros).to_be_bytes();
    let secret = draft.secret.as_ref().map_or("", SecretText::reveal).as_bytes();
    let options = draft.options.iter().flat_map(|(name, value)| [name.as_bytes(), value.reveal().as_bytes()]);
    let mut body = Sha256::new();
    // Keyed by the idempotency key, so that the hash alone confirms no guess of a secret.
    for part in
        [key.as_bytes(), &config, &[u8::from(draft.active)], &expires_at, secret].into_iter().chain(options)
    {
        body.update((part.len() as u64).to_be_bytes());
        body.update(part);
    }
    Ok(IdempotencyKey {
        key_hash: Sha256::digest(format!("source\0{key}")).into(),
        body_hash: body.finalize().into(),
        expires_at: now.plus(IDEMPOTENCY_WINDOW),
    })
}

/// The key under which a source remembers what it has seen: it lies apart from those of publishers and of other sources, and
/// stands for the value alone, whatever came with it.
pub fn seen_key(source: SourceId, value: &[u8], window: Duration, now: Time) -> IdempotencyKey {
    let mut key = Sha256::new();
    key.update(b"source\0seen\0");
    key.update(source.as_bytes());
    key.update(value);
    let key_hash: [u8; 32] = key.finalize().into();
    IdempotencyKey { key_hash, body_hash: key_hash, expires_at: now.plus(window) }
}
