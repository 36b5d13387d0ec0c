//! `GET /v1/support`: one redacted document about one delivery, event, webhook, conversation, message or inbound request, to be
//! handed to whoever helps.

use axum::Json;
use axum::extract::State;
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use stentor_core::event::{Event, EventType};
use stentor_core::id::{ConversationId, DeliveryId, EventId, MessageId, RequestId, WebhookId};
use stentor_core::limits::{
    ATTEMPTS_MAX, BATCH_EVENTS_MAX, BODY_BYTES_MAX, JSON_DEPTH_MAX, MATCHED_WEBHOOKS_MAX,
    RESPONSE_READ_BYTES_MAX, RESPONSE_STORED_BYTES_MAX, TIMEOUT_SECONDS,
};
use stentor_core::time::Time;
use stentor_core::token::TokenOwner;
use stentor_engine::support::{Bundle, Subject, SupportDelivery, SupportWebhook};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::attempt::AttemptView;
use super::deliveries::DeliverySummary;
use super::requests::SupportRequest;
use super::sources::SourceView;
use super::webhooks::WebhookView;
use crate::http::AppState;
use crate::http::extract::{CanRead, Query, TenantAuth};
use crate::http::problem::Problem;

#[cfg(test)]
mod tests;

const TAG: &str = "support";

/// What it is about: exactly one of them.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SupportQuery {
    /// One delivery.
    #[param(value_type = Option<String>)]
    delivery_id: Option<DeliveryId>,
    /// An event and its 20 newest deliveries.
    #[param(value_type = Option<String>)]
    event_id: Option<EventId>,
    /// A webhook and its 20 newest deliveries.
    #[param(value_type = Option<String>)]
    webhook_id: Option<WebhookId>,
    /// The 20 newest deliveries about a conversation's messages.
    #[param(value_type = Option<String>)]
    conversation_id: Option<ConversationId>,
    /// The 20 newest deliveries about a message.
    #[param(value_type = Option<String>)]
    message_id: Option<MessageId>,
    /// A request to a source, accepted or refused.
    #[param(value_type = Option<String>)]
    request_id: Option<RequestId>,
}

impl SupportQuery {
    fn subject(&self) -> Result<Subject, Problem> {
        let named = [
            self.delivery_id.map(Subject::Delivery),
            self.event_id.map(Subject::Event),
            self.webhook_id.map(Subject::Webhook),
            self.conversation_id.map(Subject::Conversation),
            self.message_id.map(Subject::Message),
            self.request_id.map(Subject::Request),
        ];
        let mut named = named.into_iter().flatten();
        match (named.next(), named.next()) {
            (Some(subject), None) => Ok(subject),
            _ => Err(Problem::invalid_query(
                "delivery_id",
                "exactly one of delivery_id, event_id, webhook_id, conversation_id, message_id and request_id is needed",
            )),
        }
    }
}

/// Everything about one thing. Secrets, header values, the data of events and the queries of URLs are not in it.
#[derive(Serialize, ToSchema)]
#[schema(as = Support)]
struct SupportView {
    #[schema(value_type = String, format = DateTime)]
    generated_at: Time,
    versions: Versions,
    /// The request that it is about.
    request: Option<SupportRequest>,
    /// The source that the request came to, unless it is deleted.
    source: Option<SourceView>,
    /// What is in force of each webhook that it is about.
    webhooks: Vec<SupportWebhookView>,
    event: Option<SupportEvent>,
    /// Newest first.
    deliveries: Vec<SupportDeliveryView>,
    /// Whether there are more deliveries.
    more_deliveries: bool,
    limits: Limits,
    egress: SupportEgress,
    /// The gateway's own configuration; only for the operator's token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    configuration: Option<serde_json::Value>,
}

/// What runs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SupportVersions)]
struct Versions {
    stentor: &'static str,
    target: &'static str,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SupportWebhook)]
struct SupportWebhookView {
    #[serde(flatten)]
    webhook: WebhookView,
    /// Since when it has had only failures.
    #[schema(value_type = Option<String>, format = DateTime)]
    failing_since: Option<Time>,
}

/// An event without its data.
#[derive(Debug, Serialize, ToSchema)]
struct SupportEvent {
    #[schema(value_type = String)]
    id: EventId,
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    event_type: EventType,
    #[schema(value_type = String, format = DateTime)]
    timestamp: Time,
    #[schema(value_type = String, format = DateTime)]
    accepted_at: Time,
    subject: Option<String>,
    origin: &'static str,
    content_type: String,
    /// How large its data is.
    data_bytes: usize,
    /// Webhooks that it matched when it was accepted.
    deliveries: u32,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SupportDelivery)]
struct SupportDeliveryView {
    #[serde(flatten)]
    summary: DeliverySummary,
    /// First to last. Answers are cleaned of secrets and cut.
    attempts: Vec<AttemptView>,
    /// How many older attempts are left out.
    attempts_omitted: usize,
}

/// Bounds that every tenant meets.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SupportLimits)]
struct Limits {
    body_bytes: usize,
    json_depth: usize,
    batch_events: usize,
    matched_webhooks: usize,
    attempts: usize,
    timeout_seconds_max: u64,
    response_bytes_read: usize,
    response_bytes_kept: usize,
}

/// Where requests come from.
#[derive(Debug, Serialize, ToSchema)]
struct SupportEgress {
    addresses: Vec<String>,
    user_agent: String,
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(support))
}

/// Read everything about one delivery, event, webhook, conversation, message or request as one document for whoever helps.
///
/// It holds configuration in force, errors, attempts, times and limits; it holds no secret, no header value, no data of an
/// event. Bounded: 20 deliveries, 10 attempts each (100 of a single delivery), 512 characters of each answer.
#[utoipa::path(get, path = "/v1/support", operation_id = "getSupport", tag = TAG, params(SupportQuery),
    security(("bearer" = ["read"])), responses(
    (status = 200, description = "The document.", body = SupportView),
    (status = 404, description = "`not_found`", body = crate::http::problem::ProblemBody, content_type = "application/problem+json"),
))]
async fn support(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
    headers: HeaderMap,
    Query(query): Query<SupportQuery>,
) -> Result<Json<SupportView>, Problem> {
    let bundle =
        state.engine().support(auth.tenant, query.subject()?).await?.ok_or_else(Problem::not_found)?;
    let for_operator = auth.token.owner == TokenOwner::Operator;
    let source = bundle.source.as_ref().map(|source| SourceView::handed_out(source, &headers));
    Ok(Json(SupportView { source, ..SupportView::new(bundle, &state, for_operator) }))
}

impl SupportView {
    fn new(bundle: Bundle, state: &AppState, for_operator: bool) -> Self {
        let facts = state.facts();
        Self {
            generated_at: state.engine().clock().now(),
            versions: Versions { stentor: env!("CARGO_PKG_VERSION"), target: std::env::consts::ARCH },
            request: bundle.request.as_ref().map(SupportRequest::of),
            source: None,
            webhooks: bundle.webhooks.into_iter().map(Into::into).collect(),
            event: bundle.event.as_ref().map(SupportEvent::from),
            deliveries: bundle.deliveries.into_iter().map(Into::into).collect(),
            more_deliveries: bundle.more_deliveries,
            limits: Limits::known(),
            egress: SupportEgress {
                addresses: facts.egress().to_vec(),
                user_agent: facts.user_agent().to_owned(),
            },
            configuration: for_operator.then(|| facts.configuration().clone()),
        }
    }
}

impl Limits {
    fn known() -> Self {
        Self {
            body_bytes: BODY_BYTES_MAX,
            json_depth: JSON_DEPTH_MAX,
            batch_events: BATCH_EVENTS_MAX,
            matched_webhooks: MATCHED_WEBHOOKS_MAX,
            attempts: ATTEMPTS_MAX,
            timeout_seconds_max: *TIMEOUT_SECONDS.end(),
            response_bytes_read: RESPONSE_READ_BYTES_MAX,
            response_bytes_kept: RESPONSE_STORED_BYTES_MAX,
        }
    }
}

impl From<SupportWebhook> for SupportWebhookView {
    fn from(each: SupportWebhook) -> Self {
        Self { webhook: WebhookView::handed_out(each.webhook), failing_since: each.failing_since }
    }
}

impl From<&Event> for SupportEvent {
    fn from(event: &Event) -> Self {
        let content = &event.content;
        Self {
            id: content.id,
            event_type: content.event_type.clone(),
            timestamp: content.time,
            accepted_at: event.accepted_at,
            subject: content.subject.as_deref().map(str::to_owned),
            origin: event.origin.as_str(),
            content_type: content.content_type.to_string(),
            data_bytes: content.data.len(),
            deliveries: event.matched,
        }
    }
}

impl From<SupportDelivery> for SupportDeliveryView {
    fn from(delivery: SupportDelivery) -> Self {
        Self {
            summary: delivery.row.into(),
            attempts: delivery.attempts.into_iter().map(AttemptView::from).collect(),
            attempts_omitted: delivery.attempts_omitted,
        }
    }
}
