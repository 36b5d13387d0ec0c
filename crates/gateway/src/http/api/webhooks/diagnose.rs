//! `POST /v1/webhooks/diagnose`: why deliveries do not arrive.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use stentor_core::id::WebhookId;
use stentor_core::profile::Profile;
use stentor_core::webhook::SecretText;
use stentor_engine::diagnose::{DiagnoseError, Subject};
use utoipa::ToSchema;

use super::TAG;
use super::settings::secret_refusal;
use crate::http::AppState;
use crate::http::extract::{CanManage, ConfigBody, JsonBody, TenantAuth};
use crate::http::problem::{Code, FieldError, Problem, ProblemBody};

#[cfg(test)]
mod tests;
mod view;

use view::DiagnosisView;

/// What to diagnose: a webhook, or any URL.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DiagnosisRequest {
    /// A webhook: its URL is looked at, a signed request is posted as a delivery would be, and its limiter, breaker,
    /// backlog and last errors are told.
    #[schema(value_type = Option<String>, example = "wh_01h455vb4pex5vsknk084sn02q")]
    webhook_id: Option<WebhookId>,
    /// A URL instead. Without `secret` and `profile` nothing is posted.
    #[schema(example = "https://example.com/webhooks")]
    url: Option<String>,
    /// The signing secret of a request to `url`, 8 to 512 bytes; it is kept nowhere.
    #[schema(value_type = Option<String>)]
    secret: Option<SecretText>,
    /// The shape and signature of a request to `url`.
    #[schema(value_type = Option<String>, example = "broxi")]
    profile: Option<Profile>,
}

/// Find out why deliveries do not arrive.
///
/// Looks at the URL, its name, the address policy, TCP, TLS and the certificate, sends a GET and, where it can be signed, a
/// POST with the header `webhook-test: true`, and says of each what was found and what to do. Each step may take 10
/// seconds. Nothing is dialled that a delivery would not dial; an address that must not be is not named.
#[utoipa::path(post, path = "/v1/webhooks/diagnose", operation_id = "diagnoseWebhook", tag = TAG,
    request_body = DiagnosisRequest, security(("bearer" = ["manage"])),
    responses(
        (status = 200, description = "The report, whatever was found.", body = DiagnosisView),
        (status = 404, description = "`not_found`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "`too_many_tests`", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn diagnose(
    auth: TenantAuth<CanManage>,
    State(state): State<AppState>,
    JsonBody(request): ConfigBody<DiagnosisRequest>,
) -> Result<Json<DiagnosisView>, Problem> {
    let diagnosis = state.engine().diagnose(auth.tenant, request.subject()?).await?;
    Ok(Json(diagnosis.into()))
}

impl DiagnosisRequest {
    fn subject(self) -> Result<Subject, Problem> {
        let refused = |pointer: &str, detail: &str| Err(Problem::invalid_field(pointer, detail));
        let (url, secret) = (self.url, self.secret);
        let url = match (self.webhook_id, url) {
            (None, None) => return refused("/url", "is needed, unless webhook_id is given"),
            (Some(_), Some(_)) => return refused("/url", "cannot be given beside webhook_id"),
            (Some(_), None) if secret.is_some() => {
                return refused("/secret", "is the webhook's own; it goes with url only");
            }
            (Some(_), None) if self.profile.is_some() => {
                return refused("/profile", "is the webhook's own; it goes with url only");
            }
            (Some(id), None) => return Ok(Subject::Webhook(id)),
            (None, Some(url)) => url,
        };
        match (secret, self.profile) {
            (None, None) => Ok(Subject::Url { url, signing: None }),
            (Some(_), None) => refused("/profile", "is needed with secret"),
            (None, Some(_)) => refused("/secret", "is needed with profile"),
            (Some(secret), Some(profile)) => match secret_refusal(&secret) {
                Some(refusal) => Err(Problem::invalid_body(vec![refusal])),
                None => Ok(Subject::Url { url, signing: Some((secret, profile)) }),
            },
        }
    }
}

impl From<DiagnoseError> for Problem {
    fn from(error: DiagnoseError) -> Self {
        let detail = error.to_string();
        match error {
            DiagnoseError::NotFound => Self::not_found(),
            DiagnoseError::Url(refusal) => {
                Self::invalid_body(vec![FieldError::new("/url", detail).with_code(refusal.code())])
            }
            DiagnoseError::Signing(_) => Self::invalid_field("/secret", detail),
            DiagnoseError::TooMany => Self::new(Code::TooManyTests, detail),
            DiagnoseError::NoClient => Self::internal(&detail),
            DiagnoseError::Store(error) => error.into(),
        }
    }
}
