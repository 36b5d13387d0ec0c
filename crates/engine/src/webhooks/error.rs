//! Why a webhook is not created or changed.

use stentor_core::batch::BatchRefusal;
use stentor_core::cloudevents::HandshakeRefusal;
use stentor_core::destination_url::UrlRefusal;
use stentor_core::id::WebhookId;
use stentor_core::limits::{FALLBACKS_MAX, SECRETS_MAX};
use stentor_core::signature::SigningError;
use stentor_core::transform::TransformRefusal;
use stentor_store::StoreError;

use crate::destination::Unprepared;

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
