//! Changing webhooks: the use cases that API, dashboard and command line share.

mod draft;
mod fallbacks;
mod handshake;
mod preview;
mod request_hash;

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use stentor_core::batch::BatchRefusal;
use stentor_core::cloudevents::HandshakeRefusal;
use stentor_core::destination_url::{DestinationUrl, UrlRefusal};
use stentor_core::id::{TenantId, WebhookId};
use stentor_core::limits::{FALLBACKS_MAX, SECRETS_MAX};
use stentor_core::shard::Shard;
use stentor_core::signature::SigningError;
use stentor_core::time::Time;
use stentor_core::transform::TransformRefusal;
use stentor_core::webhook::{
    SecretText, SigningSecret, Webhook, WebhookConfig, WebhookSecrets, WebhookStatus,
};
use stentor_store::StoreError;
use stentor_store::journal::IdempotencyKey;
use stentor_store::webhooks::{CreatedOnce, Saved};

pub use self::draft::{WebhookChange, WebhookDraft};
pub use self::preview::RequestPreview;
use self::request_hash::hash_of;
use crate::accept::IDEMPOTENCY_WINDOW;
use crate::destination::{Prepared, Unprepared};
use crate::engine::Engine;
use crate::entropy;

/// How often a change is tried anew when another change came between.
const CHANGE_TRIES_MAX: u32 = 8;

/// Why a webhook was not created or changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WebhookError {
    /// There is no such webhook, or no such tenant.
    #[error("there is no such webhook")]
    NotFound,
    /// The address is refused.
    #[error("{0}")]
    Url(UrlRefusal),
    /// The secret or the signature cannot sign.
    #[error("{0}")]
    Signing(SigningError),
    /// The templates are refused.
    #[error("{0}")]
    Transform(TransformRefusal),
    /// It cannot have batches.
    #[error("{0}")]
    Batch(BatchRefusal),
    /// The receiver does not allow deliveries.
    #[error("{0}")]
    Handshake(HandshakeRefusal),
    /// As many requests that try a receiver out as may be are on their way.
    #[error("too many test sends are on their way")]
    TooManyTests,
    /// The idempotency key was used before with another body.
    #[error("the idempotency key was used before for {0} with a different body")]
    KeyConflict(WebhookId),
    /// More secrets overlap than allowed.
    #[error("at most {SECRETS_MAX} signing secrets may overlap; wait until an older one has expired")]
    TooManySecrets,
    /// The webhook that is to get what is given up does not exist.
    #[error("on_dead names no webhook of this tenant")]
    UnknownFallback,
    /// What is given up would come back, or go too far.
    #[error("on_dead leads back to the webhook itself, or over more than {FALLBACKS_MAX} webhooks")]
    FallbackLoop,
    /// It delivers the messages of conversations.
    #[error("the webhook belongs to conversations; change or delete those")]
    OfConversations,
    /// The webhook keeps being changed by others.
    #[error("the webhook is being changed by others; try again")]
    Busy,
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How a secret is replaced.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// The new secret; one is made when none is given.
    pub secret: Option<SecretText>,
    /// How long the old secret keeps signing beside the new one. With a one-value signature header, the old one signs
    /// alone until this has passed and the new one takes over then (readings, "over the wire").
    pub overlap: Duration,
}

impl Engine {
    /// Creates a webhook. The secret can be read from the answer and nowhere later, except that a repeat with the same
    /// idempotency key and body within 24 hours answers with the same webhook.
    ///
    /// # Errors
    /// When the address, the secret or the profile is refused, the key was used with another body, or the database does
    /// not answer.
    pub async fn create_webhook(
        &self,
        tenant: TenantId,
        draft: WebhookDraft,
        idempotency_key: Option<&str>,
    ) -> Result<Webhook, WebhookError> {
        let now = self.clock().now();
        let body_hash = hash_of(&draft, idempotency_key.unwrap_or_default());
        let webhook = self.drafted(tenant, draft, now)?;
        self.check_fallbacks(tenant, webhook.id, webhook.config.on_dead).await?;
        Prepared::new(&webhook, now)?;
        let webhook = self.permitted_by_receiver(webhook, None).await?;
        let saved = match idempotency_key {
            None => match self.store().create_webhook(&webhook).await? {
                Saved::At(version) => CreatedOnce::At(version),
                Saved::NotFound | Saved::Changed => CreatedOnce::NotFound,
            },
            Some(key) => {
                let key_hash = Sha256::digest(format!("webhook\0{key}")).into();
                let key = IdempotencyKey { key_hash, body_hash, expires_at: now.plus(IDEMPOTENCY_WINDOW) };
                self.store().create_webhook_once(&webhook, &key).await?
            }
        };
        match saved {
            CreatedOnce::At(version) => {
                self.directory().forget(tenant);
                Ok(Webhook { version, ..webhook })
            }
            CreatedOnce::Before(id) => self.store().webhook(tenant, id).await?.ok_or(WebhookError::NotFound),
            CreatedOnce::KeyConflict(first) => Err(WebhookError::KeyConflict(first)),
            CreatedOnce::NotFound => Err(WebhookError::NotFound),
        }
    }

    fn drafted(&self, tenant: TenantId, draft: WebhookDraft, now: Time) -> Result<Webhook, WebhookError> {
        let id = WebhookId::new(now, entropy::bits());
        let config = WebhookConfig {
            name: draft.name,
            url: self.parse_url(&draft.url)?,
            events: draft.events,
            filter: draft.filter,
            profile: draft.profile,
            format: draft.format,
            policy: draft.policy,
            signature: draft.signature,
            transform: draft.transform,
            cloudevents: draft.cloudevents,
            limits: draft.limits,
            ordered: draft.ordered,
            batch: draft.batch,
            on_dead: draft.on_dead,
            of_conversations: false,
            metadata: draft.metadata,
        };
        let needed = config.effective_signature().needs_secret();
        let secret = draft.secret.or_else(|| needed.then(new_secret));
        let active = |value| SigningSecret { value, active_from: Time::ZERO, active_until: None };
        Ok(Webhook {
            id,
            tenant,
            shard: Shard::of(id),
            config,
            secrets: WebhookSecrets {
                signing: secret.map(active).into_iter().collect(),
                headers: draft.headers,
            },
            status: if draft.active { WebhookStatus::Active } else { WebhookStatus::Paused },
            version: 0,
            created_at: now,
            updated_at: now,
        })
    }

    /// Changes a webhook. Pending deliveries use the new configuration from their next attempt on.
    ///
    /// # Errors
    /// As for creating, and when there is no such webhook.
    pub async fn change_webhook(
        &self,
        tenant: TenantId,
        id: WebhookId,
        change: WebhookChange,
    ) -> Result<Webhook, WebhookError> {
        let url = change.url.as_deref().map(|text| self.parse_url(text)).transpose()?;
        if let Some(on_dead) = change.on_dead {
            self.check_fallbacks(tenant, id, on_dead).await?;
        }
        self.edit(tenant, id, |webhook, _| apply(webhook, &change, url.as_ref())).await
    }

    /// Replaces the signing secret. The new one can be read from the answer and nowhere later.
    ///
    /// # Errors
    /// When the secret is refused, too many overlap, or there is no such webhook.
    pub async fn rotate_secret(
        &self,
        tenant: TenantId,
        id: WebhookId,
        rotation: Rotation,
    ) -> Result<(Webhook, SecretText), WebhookError> {
        let value = rotation.secret.clone().unwrap_or_else(new_secret);
        let webhook =
            self.edit(tenant, id, |webhook, now| rotate(webhook, &value, rotation.overlap, now)).await?;
        Ok((webhook, value))
    }

    /// Deletes a webhook: nothing is sent any more and what is pending becomes cancelled.
    ///
    /// # Errors
    /// When there is no such webhook or the database does not answer.
    pub async fn delete_webhook(&self, tenant: TenantId, id: WebhookId) -> Result<(), WebhookError> {
        let webhook = self.store().webhook(tenant, id).await?.ok_or(WebhookError::NotFound)?;
        if webhook.config.of_conversations {
            return Err(WebhookError::OfConversations);
        }
        match self.store().delete_webhook(tenant, id, self.clock().now()).await? {
            Saved::At(_) => Ok(self.webhook_changed(tenant, id).await?),
            Saved::NotFound | Saved::Changed => Err(WebhookError::NotFound),
        }
    }

    async fn edit(
        &self,
        tenant: TenantId,
        id: WebhookId,
        edit: impl Fn(&mut Webhook, Time) -> Result<(), WebhookError>,
    ) -> Result<Webhook, WebhookError> {
        for _ in 0..CHANGE_TRIES_MAX {
            let now = self.clock().now();
            let before = self.store().webhook(tenant, id).await?.ok_or(WebhookError::NotFound)?;
            if before.config.of_conversations {
                return Err(WebhookError::OfConversations);
            }
            let mut webhook = before.clone();
            edit(&mut webhook, now)?;
            webhook.updated_at = now;
            Prepared::new(&webhook, now)?;
            let webhook = self.permitted_by_receiver(webhook, Some(&before)).await?;
            match self.store().update_webhook(&webhook).await? {
                Saved::At(version) => {
                    self.webhook_changed(tenant, id).await?;
                    return Ok(Webhook { version, ..webhook });
                }
                Saved::NotFound => return Err(WebhookError::NotFound),
                Saved::Changed => {}
            }
        }
        Err(WebhookError::Busy)
    }

    /// Brings routing and the webhook's lane up to date after a change.
    pub(crate) async fn webhook_changed(&self, tenant: TenantId, id: WebhookId) -> Result<(), StoreError> {
        self.directory().forget(tenant);
        if let Some(webhook) = self.store().lane_webhook(tenant, id).await? {
            self.shards().configure(Arc::new(webhook)).await;
        }
        Ok(())
    }

    fn parse_url(&self, text: &str) -> Result<DestinationUrl, WebhookError> {
        DestinationUrl::parse(text, self.address_policy()).map_err(WebhookError::Url)
    }
}

/// A webhook that cannot send is never stored.
impl From<Unprepared> for WebhookError {
    fn from(error: Unprepared) -> Self {
        match error {
            Unprepared::Signing(error) => Self::Signing(error),
            Unprepared::Transform(refusal) => Self::Transform(refusal),
            Unprepared::Batch(refusal) => Self::Batch(refusal),
        }
    }
}

fn apply(
    webhook: &mut Webhook,
    change: &WebhookChange,
    url: Option<&DestinationUrl>,
) -> Result<(), WebhookError> {
    fn set<T: Clone>(field: &mut T, new: Option<&T>) {
        if let Some(new) = new {
            *field = new.clone();
        }
    }
    let config = &mut webhook.config;
    set(&mut config.name, change.name.as_ref());
    set(&mut config.url, url);
    set(&mut config.events, change.events.as_ref());
    set(&mut config.filter, change.filter.as_ref());
    set(&mut config.profile, change.profile.as_ref());
    set(&mut config.format, change.format.as_ref());
    set(&mut config.policy, change.policy.as_ref());
    set(&mut config.signature, change.signature.as_ref());
    set(&mut config.transform, change.transform.as_ref());
    set(&mut config.cloudevents, change.cloudevents.as_ref());
    set(&mut config.limits, change.limits.as_ref());
    set(&mut config.ordered, change.ordered.as_ref());
    set(&mut config.batch, change.batch.as_ref());
    set(&mut config.on_dead, change.on_dead.as_ref());
    set(&mut config.metadata, change.metadata.as_ref());
    set(&mut webhook.secrets.headers, change.headers.as_ref());
    match change.active {
        Some(true) => webhook.status = WebhookStatus::Active,
        Some(false) => webhook.status = WebhookStatus::Paused,
        None => {}
    }
    Ok(())
}

fn rotate(
    webhook: &mut Webhook,
    value: &SecretText,
    overlap: Duration,
    now: Time,
) -> Result<(), WebhookError> {
    let signing = &mut webhook.secrets.signing;
    // The first secret of a webhook that was unsigned has nobody to wait for.
    let takes_turns = webhook.config.effective_signature().is_one_value() && !signing.is_empty();
    let until = now.plus(overlap);
    signing.retain(|secret| secret.active_until.is_none_or(|end| now < end));
    for secret in signing.iter_mut() {
        secret.active_until = Some(secret.active_until.map_or(until, |end| end.min(until)));
    }
    let active_from = if takes_turns { until } else { now };
    signing.insert(0, SigningSecret { value: value.clone(), active_from, active_until: None });
    signing.retain(|secret| secret.active_until.is_none_or(|end| now < end));
    if signing.len() > SECRETS_MAX { Err(WebhookError::TooManySecrets) } else { Ok(()) }
}

fn new_secret() -> SecretText {
    SecretText::new(stentor_verify::Secret::generate(entropy::secret_bytes()))
}
