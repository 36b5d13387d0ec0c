//! Sources: where inbound webhooks come from, and their credentials.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use stentor_core::id::SourceId;
use stentor_core::webhook::SecretText;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

mod credentials;
mod merge;
mod parts;
mod presets;
mod response;
mod settings;
#[cfg(test)]
mod tests;
mod verification;
mod view;

use settings::SourceSettings;
pub(super) use view::{SourceView, base};

use crate::http::AppState;
use crate::http::extract::{
    CanManage, CanRead, ConfigBody, Cursor, Id, IdempotencyKey, JsonBody, Limit, List, Query, Seconds,
    TenantAuth,
};
use crate::http::problem::{Problem, ProblemBody};

const TAG: &str = "sources";
/// How long an old secret is accepted beside a new one, when not said otherwise, and at most.
const OVERLAP_DEFAULT: Duration = Duration::from_secs(24 * 3_600);
const OVERLAP_MAX: Duration = Duration::from_secs(7 * 24 * 3_600);

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(get, patch, delete))
        .routes(routes!(rotate_secret))
        .routes(routes!(credentials::create, credentials::list))
        .routes(routes!(credentials::patch, credentials::revoke))
        .routes(routes!(presets::list))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SourcesQuery {
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
    /// `next_cursor` of the previous page.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<SourceId>>,
}

/// How the secret of a source is replaced.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SourceSecretRotation {
    /// The new secret, as the provider shows it.
    #[schema(value_type = String)]
    secret: SecretText,
    /// How long the old secret is accepted beside it, at most 7 days; 1 day when not given.
    overlap: Option<Seconds>,
}

/// Create a source.
///
/// Without `verification` its requests carry credentials, made with `POST /v1/sources/{id}/credentials`.
#[utoipa::path(post, path = "/v1/sources", operation_id = "createSource", tag = TAG, request_body = SourceSettings,
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeating the same body with it creates nothing new")),
    security(("bearer" = ["manage"])),
    responses(
        (status = 201, description = "Created.", body = SourceView),
        (status = 403, description = "`plan_lacks_feature`, `insufficient_scope`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`too_many_sources`, `idempotency_key_reused`", body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn create(
    auth: TenantAuth<CanManage>,
    State(state): State<AppState>,
    headers: HeaderMap,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody(settings): ConfigBody<SourceSettings>,
) -> Result<impl IntoResponse, Problem> {
    let source = state.engine().create_source(auth.tenant, settings.draft()?, key.as_deref()).await?;
    Ok((StatusCode::CREATED, Json(SourceView::new(&source, &headers))))
}

/// List sources, newest first.
#[utoipa::path(get, path = "/v1/sources", operation_id = "listSources", tag = TAG, params(SourcesQuery),
    security(("bearer" = ["read"])),
    responses((status = 200, description = "A page.", body = List<SourceView>)))]
async fn list(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
    headers: HeaderMap,
    Query(query): Query<SourcesQuery>,
) -> Result<Json<List<SourceView>>, Problem> {
    let before = query.cursor.map(|cursor| cursor.id());
    let page = state.engine().store().sources(auth.tenant, before, query.limit.rows()).await?;
    Ok(Json(List::from_page(page, |source| source.id, |source| SourceView::new(&source, &headers))))
}

/// Read a source.
#[utoipa::path(get, path = "/v1/sources/{id}", operation_id = "getSource", tag = TAG,
    params(("id" = String, Path, description = "`src_…`")),
    security(("bearer" = ["read"])),
    responses((status = 200, description = "The source.", body = SourceView)))]
async fn get(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
    headers: HeaderMap,
    Id(id): Id<SourceId>,
) -> Result<Json<SourceView>, Problem> {
    let source = state.engine().store().source(auth.tenant, id).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(SourceView::new(&source, &headers)))
}

/// Change a source: JSON Merge Patch (RFC 7396).
///
/// Lists and `response` are replaced as a whole; null returns a member to its default. `verification.secret` replaces all
/// secrets at once; to let an old one go on for a while, rotate it.
#[utoipa::path(patch, path = "/v1/sources/{id}", operation_id = "changeSource", tag = TAG,
    request_body = merge::SourcePatch, params(("id" = String, Path, description = "`src_…`")),
    security(("bearer" = ["manage"])),
    responses(
        (status = 200, description = "Changed.", body = SourceView),
        (status = 409, description = "`changed_meanwhile`", body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn patch(
    auth: TenantAuth<CanManage>,
    State(state): State<AppState>,
    headers: HeaderMap,
    Id(id): Id<SourceId>,
    JsonBody(patch): ConfigBody<merge::Patch>,
) -> Result<Json<SourceView>, Problem> {
    let now = state.engine().clock().now();
    let edit = |source: &mut stentor_core::source::Source, _| merge::apply(&patch, source, now);
    let source = state.engine().change_source(auth.tenant, id, edit).await?;
    Ok(Json(SourceView::new(&source, &headers)))
}

/// Delete a source with its credentials. Requests to it are refused at once; its events stay.
#[utoipa::path(delete, path = "/v1/sources/{id}", operation_id = "deleteSource", tag = TAG,
    params(("id" = String, Path, description = "`src_…`")),
    security(("bearer" = ["manage"])),
    responses((status = 204, description = "Deleted.")))]
async fn delete(
    auth: TenantAuth<CanManage>,
    State(state): State<AppState>,
    Id(id): Id<SourceId>,
) -> Result<StatusCode, Problem> {
    state.engine().delete_source(auth.tenant, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Replace the secret that requests are verified with; the old one is accepted for a while.
#[utoipa::path(post, path = "/v1/sources/{id}/rotate-secret", operation_id = "rotateSourceSecret", tag = TAG,
    request_body = SourceSecretRotation, params(("id" = String, Path, description = "`src_…`")),
    security(("bearer" = ["manage"])),
    responses(
        (status = 200, description = "Replaced; `verification.secrets` tells until when each is accepted.", body = SourceView),
        (status = 409, description = "`no_secrets`, `too_many_secrets`", body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn rotate_secret(
    auth: TenantAuth<CanManage>,
    State(state): State<AppState>,
    headers: HeaderMap,
    Id(id): Id<SourceId>,
    JsonBody(rotation): ConfigBody<SourceSecretRotation>,
) -> Result<Json<SourceView>, Problem> {
    let overlap = rotation.overlap.map_or(OVERLAP_DEFAULT, |overlap| overlap.0);
    if overlap > OVERLAP_MAX {
        let expected = format!("must be at most {} seconds (7 days)", OVERLAP_MAX.as_secs());
        return Err(Problem::invalid_field("/overlap", expected));
    }
    let changed = state.engine().rotate_source_secret(auth.tenant, id, &rotation.secret, overlap).await;
    // The refusal names the secret where a whole source has it.
    let source = changed.map_err(|error| Problem::from(error).moved("/verification/secret", "/secret"))?;
    Ok(Json(SourceView::new(&source, &headers)))
}
