//! Conversations and their messages (seed 002).

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use serde::Deserialize;
use stentor_core::id::{ConversationId, ConversationKey};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

mod messages;
mod settings;
#[cfg(test)]
mod tests;
mod view;

use settings::{ConversationPatch, ConversationSettings};
use view::ConversationView;

use crate::http::AppState;
use crate::http::extract::{
    CanManage, CanRead, ConfigBody, Cursor, Id, IdempotencyKey, JsonBody, Limit, List, Query, TenantAuth,
};
use crate::http::problem::{Problem, ProblemBody};

const TAG: &str = "conversations";

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(get, patch, delete))
        .routes(routes!(messages::create, messages::list))
        .routes(routes!(messages::get, messages::patch))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ConversationsQuery {
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
    /// `next_cursor` of the previous page.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<ConversationKey>>,
}

/// Create a conversation.
///
/// Its messages are delivered to `config.callback_url` with the profile `conversation`. All conversations with the same
/// callback URL and secret share one webhook and its limits: 10 requests in flight, 100 in any minute.
#[utoipa::path(post, path = "/v1/conversations", operation_id = "createConversation", tag = TAG,
    request_body = ConversationSettings,
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeating the same body with it creates nothing new")),
    security(("bearer" = ["manage"])),
    responses(
        (status = 201, description = "Created.", body = ConversationView),
        (status = 409, description = "`id_taken`, `idempotency_key_reused`", body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn create(
    auth: TenantAuth<CanManage>,
    State(state): State<AppState>,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody(settings): ConfigBody<ConversationSettings>,
) -> Result<impl IntoResponse, Problem> {
    let draft = settings.check()?;
    let created = state.engine().create_conversation(auth.tenant, draft, key.as_deref()).await?;
    Ok((StatusCode::CREATED, Json(ConversationView::from(created))))
}

/// List conversations, newest first.
#[utoipa::path(get, path = "/v1/conversations", operation_id = "listConversations", tag = TAG,
    params(ConversationsQuery), security(("bearer" = ["read"])),
    responses((status = 200, description = "A page.", body = List<ConversationView>)))]
async fn list(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
    Query(query): Query<ConversationsQuery>,
) -> Result<Json<List<ConversationView>>, Problem> {
    let before = query.cursor.map(|cursor| cursor.id());
    let page = state.engine().store().conversations(auth.tenant, before, query.limit.rows()).await?;
    Ok(Json(List::from_page(page, |conversation| conversation.key, ConversationView::from)))
}

/// Read a conversation.
#[utoipa::path(get, path = "/v1/conversations/{id}", operation_id = "getConversation", tag = TAG,
    params(("id" = String, Path, description = "A UUID")),
    security(("bearer" = ["read"])),
    responses((status = 200, description = "The conversation.", body = ConversationView)))]
async fn get(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
    Id(id): Id<ConversationId>,
) -> Result<Json<ConversationView>, Problem> {
    let conversation = state.engine().store().conversation(auth.tenant, id).await?;
    Ok(Json(conversation.ok_or_else(Problem::not_found)?.into()))
}

/// Change a conversation: JSON Merge Patch (RFC 7396).
///
/// With another `callback_url` or `secret` new messages go there; what is pending still goes where it was to go.
/// `secret: null` ends signing.
#[utoipa::path(patch, path = "/v1/conversations/{id}", operation_id = "changeConversation", tag = TAG,
    request_body = ConversationPatch,
    params(("id" = String, Path, description = "A UUID")),
    security(("bearer" = ["manage"])),
    responses(
        (status = 200, description = "Changed.", body = ConversationView),
        (status = 409, description = "`changed_meanwhile`", body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn patch(
    auth: TenantAuth<CanManage>,
    State(state): State<AppState>,
    Id(id): Id<ConversationId>,
    JsonBody(patch): ConfigBody<ConversationPatch>,
) -> Result<Json<ConversationView>, Problem> {
    let change = patch.check()?;
    let changed = state.engine().change_conversation(auth.tenant, id, &change).await?;
    Ok(Json(changed.into()))
}

/// Delete a conversation with its messages.
///
/// What is pending is still delivered: it was accepted. The webhook that delivers it goes with the last conversation that
/// uses it, once nothing is pending.
#[utoipa::path(delete, path = "/v1/conversations/{id}", operation_id = "deleteConversation", tag = TAG,
    params(("id" = String, Path, description = "A UUID")),
    security(("bearer" = ["manage"])),
    responses((status = 204, description = "Deleted.")))]
async fn delete(
    auth: TenantAuth<CanManage>,
    State(state): State<AppState>,
    Id(id): Id<ConversationId>,
) -> Result<StatusCode, Problem> {
    let deleted = state.engine().delete_conversation(auth.tenant, id).await?;
    if deleted { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found()) }
}
