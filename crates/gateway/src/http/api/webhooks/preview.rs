//! What a webhook would send of a stored event.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use stentor_core::id::{EventId, WebhookId};
use stentor_engine::destination::Unmade;
use stentor_engine::webhooks::RequestPreview;
use utoipa::ToSchema;

use super::TAG;
use super::shaping::TransformView;
use super::view::MASK;
use crate::http::AppState;
use crate::http::extract::{CanRead, ConfigBody, Id, JsonBody, TenantAuth, optional_object};
use crate::http::problem::{Problem, ProblemBody};

/// Which event, and by which templates.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PreviewRequest {
    /// A stored event.
    #[schema(value_type = String, example = "evt_01h455vb4pex5vsknk084sn02q")]
    event_id: EventId,
    /// Other templates than the webhook's, to try them before they are saved.
    #[serde(default, deserialize_with = "optional_object")]
    transform: Option<TransformView>,
}

/// A request that is not sent.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PreviewView {
    /// Why there is no request for this event: the delivery would end as `dead`. Null when there is one.
    error: Option<String>,
    /// The headers, names in lower case. Signatures and values of the webhook's own headers are masked.
    headers: BTreeMap<String, String>,
    /// The exact body, but for the delivery's id; null when it is not text.
    body: Option<String>,
    /// The body in base64, when it is not text.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

/// Show what the webhook would send of a stored event. Nothing is sent.
#[utoipa::path(post, path = "/v1/webhooks/{id}/preview", operation_id = "previewWebhook", tag = TAG,
    request_body = PreviewRequest, params(("id" = String, Path, description = "`wh_…`")),
    security(("bearer" = ["read"])),
    responses(
        (status = 200, description = "The request, or why there is none.", body = PreviewView),
        (status = 404, description = "`not_found`", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn preview(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
    Id(id): Id<WebhookId>,
    JsonBody(request): ConfigBody<PreviewRequest>,
) -> Result<Json<PreviewView>, Problem> {
    let transform = request.transform.map(|view| view.transform().unwrap_or_default());
    let made = state.engine().preview_request(auth.tenant, id, request.event_id, transform).await?;
    Ok(Json(made.ok_or_else(Problem::not_found)?.into()))
}

impl From<Result<RequestPreview, Unmade>> for PreviewView {
    fn from(made: Result<RequestPreview, Unmade>) -> Self {
        let preview = match made {
            Ok(preview) => preview,
            Err(unmade) => {
                let error = Some(unmade.to_string());
                return Self { error, headers: BTreeMap::new(), body: None, body_base64: None };
            }
        };
        let is_masked = |name: &str| {
            preview.signature_headers.iter().chain(&preview.own_headers).any(|masked| masked == name)
        };
        let shown = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            let value = if is_masked(name.as_str()) { MASK } else { value.to_str().unwrap_or(MASK) };
            (name.to_string(), value.to_owned())
        };
        let bytes = &preview.body.bytes;
        let body = std::str::from_utf8(bytes).ok().map(str::to_owned);
        Self {
            error: None,
            headers: preview.headers.iter().map(shown).collect(),
            body_base64: body.is_none().then(|| STANDARD.encode(bytes)),
            body,
        }
    }
}
