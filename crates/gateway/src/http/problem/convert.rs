//! From the errors of engine, store and core to what clients see.

use stentor_core::allowance::{Limit, Standing};
use stentor_core::json::JsonError;
use stentor_core::signature::SigningError;
use stentor_core::transform::{Part, TransformRefusal};
use stentor_engine::accept::PublishError;
use stentor_engine::commands::CommandError;
use stentor_engine::conversations::ConversationError;
use stentor_engine::event_types::TypeError;
use stentor_engine::feed::WatchError;
use stentor_engine::routes::RouteError;
use stentor_engine::sources::SourceError;
use stentor_engine::webhooks::WebhookError;
use stentor_store::StoreError;

use super::{Code, FieldError, Problem};
use crate::http::extract::pointer;

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) | StoreError::Conflict(_) | StoreError::Fatal(_) => {
                Self::unavailable(&error)
            }
            StoreError::Unexpected(_) => Self::internal(&error),
        }
    }
}

impl From<WatchError> for Problem {
    fn from(error: WatchError) -> Self {
        match error {
            WatchError::TooMany => Self::new(Code::TooManyStreams, "Too many streams are open."),
            WatchError::Stopping => Self::unavailable(&error),
        }
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Store(error) => error.into(),
            CommandError::Unavailable(_) => Self::unavailable(&error),
            CommandError::TooManyBacktests => Self::new(Code::TooManyBacktests, error.to_string()),
            CommandError::TooManyTests => Self::new(Code::TooManyTests, error.to_string()),
        }
    }
}

impl From<PublishError> for Problem {
    fn from(error: PublishError) -> Self {
        let detail = error.to_string();
        match error {
            PublishError::KeyConflict { event } => {
                Self::new(Code::IdempotencyKeyReused, detail).with_event(event)
            }
            PublishError::TooManyTogether { .. } => Self::new(Code::CannotSplit, detail),
            PublishError::TooManyMatches { .. } => Self::new(Code::TooManyMatches, detail),
            PublishError::UndeclaredType(_) => Self::new(Code::UndeclaredEventType, detail),
            PublishError::SchemaMismatch(mismatches) => Self::schema_mismatch(mismatches),
            PublishError::MessageUnwritten(_) => Self::new(Code::ChangedMeanwhile, detail),
            PublishError::TenantBusy => Self::new(Code::TenantBusy, detail),
            PublishError::Limited(standing) => Self::limited(&standing, detail),
            PublishError::UnknownTenant | PublishError::SourceClosed => Self::not_found(),
            PublishError::TokenRevoked => Self::new(Code::InvalidToken, detail),
            PublishError::Unavailable(_) => Self::unavailable(&detail),
        }
    }
}

impl Problem {
    fn limited(standing: &Standing, detail: String) -> Self {
        let code = match standing.limit {
            Limit::Publish => Code::RateLimited,
            Limit::Backlog => Code::BacklogFull,
            Limit::Quota => Code::QuotaExceeded,
        };
        Self::new(code, detail).with_retry_after(standing.retry).with_rate_limit(standing.into())
    }
}

impl From<WebhookError> for Problem {
    fn from(error: WebhookError) -> Self {
        let detail = error.to_string();
        match error {
            WebhookError::NotFound => Self::not_found(),
            WebhookError::Url(refusal) => {
                Self::invalid_body(vec![FieldError::new("/url", detail).with_code(refusal.code())])
            }
            WebhookError::Signing(SigningError::Header(_) | SigningError::RepeatedHeader(_)) => {
                Self::invalid_field("/signature", detail)
            }
            WebhookError::Signing(SigningError::Secret(_) | SigningError::NoActiveSecret) => {
                Self::invalid_field("/secret", detail)
            }
            WebhookError::Transform(refusal) => Self::invalid_body(vec![transform_error(&refusal)]),
            WebhookError::Batch(_) => {
                Self::invalid_body(vec![FieldError::new("/batch", detail).with_code("batch_refused")])
            }
            WebhookError::Handshake(_) => {
                let error = FieldError::new("/cloudevents/handshake", detail).with_code("handshake_refused");
                Self::invalid_body(vec![error])
            }
            WebhookError::TooManyTests => Self::new(Code::TooManyTests, detail),
            WebhookError::KeyConflict(_) => Self::new(Code::IdempotencyKeyReused, detail),
            WebhookError::TooManySecrets => Self::new(Code::TooManySecrets, detail),
            WebhookError::UnknownFallback => Self::new(Code::NotFound, detail),
            WebhookError::FallbackLoop => {
                Self::invalid_body(vec![FieldError::new("/on_dead", detail).with_code("on_dead_loop")])
            }
            WebhookError::OfConversations => Self::new(Code::ConversationWebhook, detail),
            WebhookError::Busy => Self::new(Code::ChangedMeanwhile, detail),
            WebhookError::Store(error) => error.into(),
        }
    }
}

impl From<SourceError> for Problem {
    fn from(error: SourceError) -> Self {
        let detail = error.to_string();
        match error {
            SourceError::NotFound => Self::not_found(),
            SourceError::Refused(refusals) => {
                let broken = refusals.into_iter().map(|one| FieldError::new(one.pointer, one.detail));
                Self::invalid_body(broken.collect())
            }
            SourceError::NotInPlan => Self::new(Code::PlanLacksFeature, detail),
            SourceError::TooMany => Self::new(Code::TooManySources, detail),
            SourceError::TooManyCredentials => Self::new(Code::TooManyCredentials, detail),
            SourceError::TooManySecrets => Self::new(Code::TooManySecrets, detail),
            SourceError::KeyConflict(_) => Self::new(Code::IdempotencyKeyReused, detail),
            SourceError::NoSecrets => Self::new(Code::NoSecrets, detail),
            SourceError::NoCredentials => Self::new(Code::NoCredentials, detail),
            SourceError::Busy => Self::new(Code::ChangedMeanwhile, detail),
            SourceError::Store(error) => error.into(),
        }
    }
}

impl From<RouteError> for Problem {
    fn from(error: RouteError) -> Self {
        let detail = error.to_string();
        match error {
            RouteError::NotFound | RouteError::UnknownWebhook(_) => Self::not_found(),
            RouteError::Full => Self::new(Code::TooManyRoutes, detail),
            RouteError::Busy => Self::new(Code::ChangedMeanwhile, detail),
            RouteError::Store(error) => error.into(),
        }
    }
}

impl From<TypeError> for Problem {
    fn from(error: TypeError) -> Self {
        let detail = error.to_string();
        match error {
            TypeError::Schema(refusal) => {
                let pointer = format!("/schema{}", refusal.pointer);
                Self::invalid_body(vec![FieldError::new(pointer, refusal.detail).with_code("schema_refused")])
            }
            TypeError::Sample(mismatches) => {
                let place =
                    |mismatch| FieldError::of_mismatch("/sample", mismatch).with_code("schema_mismatch");
                Self::invalid_body(mismatches.into_iter().map(place).collect())
            }
            TypeError::TooMany | TypeError::TooLarge => Self::new(Code::EventTypesFull, detail),
            TypeError::UnknownTenant => Self::not_found(),
            TypeError::Store(error) => error.into(),
        }
    }
}

impl From<ConversationError> for Problem {
    fn from(error: ConversationError) -> Self {
        let detail = error.to_string();
        match error {
            ConversationError::NotFound => Self::not_found(),
            ConversationError::ConversationExists | ConversationError::MessageExists => {
                Self::new(Code::IdTaken, detail)
            }
            ConversationError::Url(refusal) => {
                let pointer = "/config/callback_url";
                Self::invalid_body(vec![FieldError::new(pointer, detail).with_code(refusal.code())])
            }
            ConversationError::Signing(_) => Self::invalid_field("/config/secret", detail),
            ConversationError::Message(refusals) => {
                let rules = refusals.into_iter();
                Self::invalid_body(rules.map(|rule| FieldError::new(rule.pointer, rule.detail)).collect())
            }
            ConversationError::KeyConflict => Self::new(Code::IdempotencyKeyReused, detail),
            ConversationError::Busy => Self::new(Code::ChangedMeanwhile, detail),
            ConversationError::Publish(error) => error.into(),
            ConversationError::Store(error) => error.into(),
        }
    }
}

impl From<JsonError> for Problem {
    fn from(error: JsonError) -> Self {
        Self::new(Code::InvalidJson, error.to_string()).with_offset(error.offset)
    }
}

/// Where and why templates are refused.
fn transform_error(refusal: &TransformRefusal) -> FieldError {
    let at = match &refusal.part {
        Part::Whole => "/transform".to_owned(),
        Part::Body => "/transform/body".to_owned(),
        Part::Header(name) => format!("/transform/headers/{}", pointer::escaped(name)),
        Part::ContentType => "/transform/content_type".to_owned(),
    };
    FieldError::new(at, refusal.to_string()).with_code("template_refused")
}
