//! The messages of a conversation.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use serde::Deserialize;
use stentor_core::id::{ConversationId, EventId, MessageId};
use stentor_store::deliveries::DeliveryFilter;
use utoipa::IntoParams;

use super::TAG;
use super::settings::{MessagePatch, MessageSettings};
use super::view::{MessageDetails, MessageTold, MessageView};
use crate::http::AppState;
use crate::http::api::deliveries::delivery_list;
use crate::http::extract::{
    CanPublish, CanRead, ConfigBody, Cursor, Id, IdempotencyKey, JsonBody, Limit, List, Query, TenantAuth,
};
use crate::http::problem::{Problem, ProblemBody};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct MessagesQuery {
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
    /// `next_cursor` of the previous page.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<EventId>>,
}

/// Create a message.
///
/// It fires `message.created`, which goes to the callback URL of the conversation and to every webhook that matches. The
/// answer leaves after the message, the event and all its deliveries are committed and synced.
#[utoipa::path(post, path = "/v1/conversations/{id}/messages", operation_id = "createMessage", tag = TAG,
    request_body = MessageSettings,
    params(
        ("id" = String, Path, description = "The conversation, a UUID"),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeating the same body with it creates nothing new"),
    ),
    security(("bearer" = ["publish"])),
    responses(
        (status = 201, description = "Created.", body = MessageTold),
        (status = 409, description = "`id_taken`, `idempotency_key_reused`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "`tenant_busy`", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn create(
    auth: TenantAuth<CanPublish>,
    State(state): State<AppState>,
    Id(conversation): Id<ConversationId>,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody(settings): ConfigBody<MessageSettings>,
) -> Result<impl IntoResponse, Problem> {
    let draft = settings.draft();
    let token = auth.revocable();
    let (message, told) =
        state.engine().create_message(auth.tenant, token, conversation, &draft, key.as_deref()).await?;
    Ok((StatusCode::CREATED, Json(MessageTold::new(conversation, message, Some(told)))))
}

/// List the messages of a conversation, newest first.
#[utoipa::path(get, path = "/v1/conversations/{id}/messages", operation_id = "listMessages", tag = TAG,
    params(("id" = String, Path, description = "The conversation, a UUID"), MessagesQuery),
    security(("bearer" = ["read"])),
    responses((status = 200, description = "A page.", body = List<MessageView>)))]
pub(super) async fn list(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
    Id(conversation): Id<ConversationId>,
    Query(query): Query<MessagesQuery>,
) -> Result<Json<List<MessageView>>, Problem> {
    let (store, before) = (state.engine().store(), query.cursor.map(|cursor| cursor.id()));
    store.conversation(auth.tenant, conversation).await?.ok_or_else(Problem::not_found)?;
    let page = store.messages(auth.tenant, conversation, before, query.limit.rows()).await?;
    let shown = |(_, message)| MessageView::new(conversation, message);
    Ok(Json(List::from_page(page, |(event, _)| *event, shown)))
}

/// Read a message with its newest deliveries.
#[utoipa::path(get, path = "/v1/conversations/{id}/messages/{message_id}", operation_id = "getMessage", tag = TAG,
    params(
        ("id" = String, Path, description = "The conversation, a UUID"),
        ("message_id" = String, Path, description = "The message, a UUID"),
    ),
    security(("bearer" = ["read"])),
    responses((status = 200, description = "The message.", body = MessageDetails)))]
pub(super) async fn get(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
    Id((conversation, id)): Id<(ConversationId, MessageId)>,
) -> Result<Json<MessageDetails>, Problem> {
    let message = state.engine().store().message(auth.tenant, conversation, id).await?;
    let message = MessageView::new(conversation, message.ok_or_else(Problem::not_found)?);
    let filter =
        DeliveryFilter { conversation: Some(conversation), message: Some(id), ..DeliveryFilter::default() };
    let deliveries = delivery_list(&state, auth.tenant, &filter, None, Limit::default()).await?.data;
    Ok(Json(MessageDetails { message, deliveries }))
}

/// Change a message: JSON Merge Patch (RFC 7396).
///
/// Another status fires `message.processed` or `message.failed`, stored with the change as on creation. A status does not
/// go back to `RECEIVED`.
#[utoipa::path(patch, path = "/v1/conversations/{id}/messages/{message_id}", operation_id = "changeMessage", tag = TAG,
    request_body = MessagePatch,
    params(
        ("id" = String, Path, description = "The conversation, a UUID"),
        ("message_id" = String, Path, description = "The message, a UUID"),
    ),
    security(("bearer" = ["publish"])),
    responses(
        (status = 200, description = "Changed.", body = MessageTold),
        (status = 409, description = "`changed_meanwhile`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "`tenant_busy`", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn patch(
    auth: TenantAuth<CanPublish>,
    State(state): State<AppState>,
    Id((conversation, id)): Id<(ConversationId, MessageId)>,
    JsonBody(patch): ConfigBody<MessagePatch>,
) -> Result<Json<MessageTold>, Problem> {
    let change = patch.check()?;
    let token = auth.revocable();
    let (message, told) =
        state.engine().change_message(auth.tenant, token, (conversation, id), &change).await?;
    Ok(Json(MessageTold::new(conversation, message, told)))
}
