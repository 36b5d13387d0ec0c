//! Webhooks: registered receivers.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use stentor_core::event::EventType;
use stentor_core::id::WebhookId;
use stentor_core::webhook::SecretText;
use stentor_engine::webhooks::Rotation;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::attempt::AttemptView;
use super::statistics::BriefHealth;
use crate::http::AppState;
use crate::http::extract::{
    CanManage, CanRead, ConfigBody, Id, IdempotencyKey, JsonBody, List, Query, Seconds, TenantAuth,
};
use crate::http::problem::{Problem, ProblemBody};

mod batch;
mod conditions;
mod creation;
mod diagnose;
mod merge;
mod parts;
mod preview;
mod query;
mod retry_policy;
mod settings;
mod shaping;
mod signature;
mod view;

use query::WebhooksQuery;
use settings::{WebhookSettings, secret_refusal};
use view::WebhookDetail;
pub(in crate::http::api) use view::WebhookView;

const TAG: &str = "webhooks";
/// How long an old secret signs beside a new one, when not said otherwise, and at most.
const OVERLAP_DEFAULT: Duration = Duration::from_secs(24 * 3_600);
const OVERLAP_MAX: Duration = Duration::from_secs(7 * 24 * 3_600);

/// How a signing secret is replaced.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SecretRotation {
    /// The new secret, 8 to 512 bytes; one is made when none is given.
    #[schema(value_type = Option<String>)]
    secret: Option<SecretText>,
    /// How long the old secret goes on signing, at most 7 days; 1 day when not given. Where the signature header has
    /// room for one value, the old secret signs alone until then and the new one takes over.
    overlap: Option<Seconds>,
}

/// A test event.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WebhookTest {
    #[schema(value_type = String)]
    webhook_id: WebhookId,
    #[schema(value_type = String, example = "order.created")]
    event_type: EventType,
    /// The event's data, sent byte for byte; when not given, the sample of the type, or a synthetic one when the type is
    /// not declared.
    #[schema(value_type = Option<serde_json::Value>)]
    data: Option<Box<RawValue>>,
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(test))
        .routes(routes!(diagnose::diagnose))
        .routes(routes!(get, patch, delete))
        .routes(routes!(rotate_secret))
        .routes(routes!(preview::preview))
        .routes(routes!(handshake))
}

/// Create a webhook. The answer is the only one that shows a secret made by the server.
///
/// The settings may stand in an object `webhook_config`, which then implies the profile `broxi`.
#[utoipa::path(post, path = "/v1/webhooks", operation_id = "createWebhook", tag = TAG, request_body = WebhookSettings,
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeating the same body with it creates nothing new")),
    security(("bearer" = ["manage"])),
    responses((status = 201, description = "Created.", body = WebhookView)))]
async fn create(
    auth: TenantAuth<CanManage>,
    State(state): State<AppState>,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody(body): ConfigBody<creation::CreationBody>,
) -> Result<impl IntoResponse, Problem> {
    let draft = creation::draft(state.engine(), auth.tenant, body).await?;
    let webhook = state.engine().create_webhook(auth.tenant, draft, key.as_deref()).await?;
    Ok((StatusCode::CREATED, Json(WebhookView::revealed(webhook))))
}

/// List webhooks, newest first.
#[utoipa::path(get, path = "/v1/webhooks", operation_id = "listWebhooks", tag = TAG, params(WebhooksQuery),
    security(("bearer" = ["read"])),
    responses((status = 200, description = "A page.", body = List<WebhookView>)))]
async fn list(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
    Query(query): Query<WebhooksQuery>,
) -> Result<Json<List<WebhookView>>, Problem> {
    let page = query.page(state.engine(), auth.tenant).await?;
    Ok(Json(List::from_page(page, |webhook| webhook.id, WebhookView::masked)))
}

/// Read a webhook: everything in force, its own settings and its profile's.
#[utoipa::path(get, path = "/v1/webhooks/{id}", operation_id = "getWebhook", tag = TAG,
    params(("id" = String, Path, description = "`wh_…`")),
    security(("bearer" = ["read"])),
    responses((status = 200, description = "The webhook, and how it does.", body = WebhookDetail)))]
async fn get(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
    Id(id): Id<WebhookId>,
) -> Result<Json<WebhookDetail>, Problem> {
    let webhook = state.engine().store().webhook(auth.tenant, id).await?.ok_or_else(Problem::not_found)?;
    let health = BriefHealth::of(state.engine(), auth.tenant, id).await?;
    Ok(Json(WebhookDetail { webhook: WebhookView::masked(webhook), health }))
}

/// Change a webhook: JSON Merge Patch (RFC 7396).
///
/// Lists are replaced; null returns a part to the profile's. `active: false` pauses; `true` resumes, also after it was
/// disabled, and what was held goes out under the limits. Pending deliveries use the change from their next attempt on.
#[utoipa::path(patch, path = "/v1/webhooks/{id}", operation_id = "changeWebhook", tag = TAG,
    request_body = merge::WebhookPatch,
    params(("id" = String, Path, description = "`wh_…`")),
    security(("bearer" = ["manage"])),
    responses(
        (status = 200, description = "Changed.", body = WebhookView),
        (status = 409, description = "`changed_meanwhile`", body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn patch(
    auth: TenantAuth<CanManage>,
    State(state): State<AppState>,
    Id(id): Id<WebhookId>,
    JsonBody(patch): ConfigBody<merge::Patch>,
) -> Result<Json<WebhookView>, Problem> {
    let engine = state.engine();
    let webhook = engine.store().webhook(auth.tenant, id).await?.ok_or_else(Problem::not_found)?;
    let default = if patch.unsets("profile") {
        creation::default_profile(engine, auth.tenant).await?
    } else {
        webhook.config.profile
    };
    let changed = engine.change_webhook(auth.tenant, id, merge::change(&webhook, &patch, default)?).await?;
    Ok(Json(WebhookView::masked(changed)))
}

/// Delete a webhook. Nothing is sent any more; what is pending becomes cancelled.
#[utoipa::path(delete, path = "/v1/webhooks/{id}", operation_id = "deleteWebhook", tag = TAG,
    params(("id" = String, Path, description = "`wh_…`")),
    security(("bearer" = ["manage"])),
    responses((status = 204, description = "Deleted.")))]
async fn delete(
    auth: TenantAuth<CanManage>,
    State(state): State<AppState>,
    Id(id): Id<WebhookId>,
) -> Result<StatusCode, Problem> {
    state.engine().delete_webhook(auth.tenant, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Replace the signing secret. The answer is the only one that shows a secret made by the server.
#[utoipa::path(post, path = "/v1/webhooks/{id}/rotate-secret", operation_id = "rotateSecret", tag = TAG,
    request_body = Option<SecretRotation>, params(("id" = String, Path, description = "`wh_…`")),
    security(("bearer" = ["manage"])),
    responses(
        (status = 200, description = "Replaced; `secrets` tells when each one signs.", body = WebhookView),
        (status = 409, description = "`too_many_secrets`", body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn rotate_secret(
    auth: TenantAuth<CanManage>,
    State(state): State<AppState>,
    Id(id): Id<WebhookId>,
    body: Option<ConfigBody<SecretRotation>>,
) -> Result<Json<WebhookView>, Problem> {
    let rotation = body.map(|JsonBody(rotation)| rotation).unwrap_or_default().check()?;
    let (webhook, _) = state.engine().rotate_secret(auth.tenant, id, rotation).await?;
    Ok(Json(WebhookView::revealed(webhook)))
}

/// Ask a `CloudEvents` receiver for permission again, and keep the rate that it allows.
///
/// A webhook without `cloudevents.handshake` is answered as it is.
#[utoipa::path(post, path = "/v1/webhooks/{id}/handshake", operation_id = "repeatHandshake", tag = TAG,
    params(("id" = String, Path, description = "`wh_…`")),
    security(("bearer" = ["manage"])),
    responses(
        (status = 200, description = "Allowed.", body = WebhookView),
        (status = 422, description = "`invalid_body`: the receiver does not allow it.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn handshake(
    auth: TenantAuth<CanManage>,
    State(state): State<AppState>,
    Id(id): Id<WebhookId>,
) -> Result<Json<WebhookView>, Problem> {
    let webhook = state.engine().repeat_handshake(auth.tenant, id).await?;
    Ok(Json(WebhookView::masked(webhook)))
}

/// Send one event now and answer the attempt: the sample of its type, or the data given.
///
/// It works while the webhook is paused or disabled, is not stored, not retried, and does not count in its health. The
/// receiver sees the header `webhook-test: true`.
#[utoipa::path(post, path = "/v1/webhooks/test", operation_id = "testWebhook", tag = TAG, request_body = WebhookTest,
    security(("bearer" = ["manage"])),
    responses(
        (status = 200, description = "The attempt, whatever came of it.", body = AttemptView),
        (status = 404, description = "`not_found`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "`too_many_tests`", body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn test(
    auth: TenantAuth<CanManage>,
    State(state): State<AppState>,
    JsonBody(test): ConfigBody<WebhookTest>,
) -> Result<Json<AttemptView>, Problem> {
    let data = test.data.map(|data| String::from(Box::<str>::from(data)).into());
    let attempt = state.engine().test_webhook(auth.tenant, test.webhook_id, test.event_type, data).await?;
    Ok(Json(attempt.ok_or_else(Problem::not_found)?.into()))
}

impl SecretRotation {
    fn check(self) -> Result<Rotation, Problem> {
        let overlap = self.overlap.map_or(OVERLAP_DEFAULT, |overlap| overlap.0);
        if overlap > OVERLAP_MAX {
            let expected = format!("must be at most {} seconds (7 days)", OVERLAP_MAX.as_secs());
            return Err(Problem::invalid_field("/overlap", expected));
        }
        match self.secret.as_ref().and_then(secret_refusal) {
            Some(refusal) => Err(Problem::invalid_body(vec![refusal])),
            None => Ok(Rotation { secret: self.secret, overlap }),
        }
    }
}

#[cfg(test)]
mod tests;
