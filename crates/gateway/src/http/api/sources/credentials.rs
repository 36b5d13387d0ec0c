//! Credentials of a source.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Deserializer, Serialize};
use stentor_core::credential::Credential;
use stentor_core::id::{CredentialId, SourceId};
use stentor_core::time::Time;
use stentor_engine::sources::{CredentialChange, CredentialDraft};
use utoipa::{IntoParams, ToSchema};

use super::TAG;
use super::view::base;
use crate::http::AppState;
use crate::http::extract::{
    CanManage, CanRead, ConfigBody, Cursor, Id, JsonBody, Limit, List, Query, TenantAuth,
};
use crate::http::problem::{Problem, ProblemBody};

/// A credential to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCredential {
    /// Shown to people; 1 to 1 024 bytes.
    #[serde(default = "unnamed")]
    #[schema(default = "unnamed")]
    name: String,
    /// Where it is used, in your words; 1 to 1 024 bytes.
    #[schema(example = "production")]
    environment: Option<String>,
    /// When it stops working; never when not given.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Time>,
}

/// What is given of a credential changes; null removes it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CredentialPatch {
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    environment: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Option<Time>>,
}

/// A member that is there.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A credential; its password is not kept.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Credential)]
pub(super) struct CredentialView {
    #[schema(value_type = String, example = "crd_01h455vb4pex5vsknk084sn02q")]
    id: CredentialId,
    #[schema(value_type = String)]
    source_id: SourceId,
    name: String,
    environment: Option<String>,
    username: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// When it was last used, to the minute or so.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Time>,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Time>,
    /// What should be done about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<&'static str>,
}

impl CredentialView {
    fn new(credential: Credential, now: Time) -> Self {
        let old =
            "It is older than a year. Create another, set it where this one is used, then revoke this one.";
        Self {
            warnings: credential.is_old(now).then_some(old).into_iter().collect(),
            id: credential.id,
            source_id: credential.source,
            name: credential.name,
            environment: credential.environment,
            username: credential.username,
            created_at: credential.created_at,
            last_used_at: credential.last_used_at,
            expires_at: credential.expires_at,
        }
    }
}

/// A new credential: the only time that its password is shown.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CreatedCredential {
    #[serde(flatten)]
    credential: CredentialView,
    password: String,
    /// Lines for the environment of the sender, as the programs of seed 000 read them.
    #[schema(example = "REASONER_WEBHOOK_USERNAME=u\nREASONER_WEBHOOK_PASSWORD=p")]
    environment_lines: String,
    /// A request that can be pasted into a shell.
    curl: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CredentialsQuery {
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
    /// `next_cursor` of the previous page.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<CredentialId>>,
}

/// Make a credential of a source. The answer is the only one that shows its password.
#[utoipa::path(post, path = "/v1/sources/{id}/credentials", operation_id = "createCredential", tag = TAG,
    request_body = Option<NewCredential>, params(("id" = String, Path, description = "`src_…`")),
    security(("bearer" = ["manage"])),
    responses(
        (status = 201, description = "Made.", body = CreatedCredential),
        (status = 403, description = "`plan_lacks_feature`, `insufficient_scope`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`no_credentials`, `too_many_credentials`", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn create(
    auth: TenantAuth<CanManage>,
    State(state): State<AppState>,
    headers: HeaderMap,
    Id(source): Id<SourceId>,
    body: Option<ConfigBody<NewCredential>>,
) -> Result<impl IntoResponse, Problem> {
    let new = body.map_or_else(
        || NewCredential { name: unnamed(), environment: None, expires_at: None },
        |JsonBody(new)| new,
    );
    let draft = CredentialDraft { name: new.name, environment: new.environment, expires_at: new.expires_at };
    let engine = state.engine();
    let (credential, pair) = engine.create_credential(auth.tenant, source, draft).await?;
    let (username, password) = (pair.username.as_str(), pair.password.reveal());
    let created = CreatedCredential {
        environment_lines: format!(
            "REASONER_WEBHOOK_USERNAME={username}\nREASONER_WEBHOOK_PASSWORD={password}"
        ),
        curl: format!(
            "curl -X POST '{}/' -H 'Content-Type: application/json' -H \"Authorization: Basic $(printf %s '{username}:{password}' | base64)\" -d '{{\"event\":\"test.event\"}}'",
            base(&headers),
        ),
        password: password.to_owned(),
        credential: CredentialView::new(credential, engine.clock().now()),
    };
    Ok((StatusCode::CREATED, Json(created)))
}

/// List the credentials of a source that are not revoked, newest first.
#[utoipa::path(get, path = "/v1/sources/{id}/credentials", operation_id = "listCredentials", tag = TAG,
    params(("id" = String, Path, description = "`src_…`"), CredentialsQuery),
    security(("bearer" = ["read"])),
    responses((status = 200, description = "A page.", body = List<CredentialView>)))]
pub(super) async fn list(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
    Id(source): Id<SourceId>,
    Query(query): Query<CredentialsQuery>,
) -> Result<Json<List<CredentialView>>, Problem> {
    let store = state.engine().store();
    store.source(auth.tenant, source).await?.ok_or_else(Problem::not_found)?;
    let before = query.cursor.map(|cursor| cursor.id());
    let page = store.credentials(auth.tenant, source, before, query.limit.rows()).await?;
    let now = state.engine().clock().now();
    Ok(Json(List::from_page(page, |row| row.id, |row| CredentialView::new(row, now))))
}

/// Change name, environment or end of a credential.
#[utoipa::path(patch, path = "/v1/sources/{id}/credentials/{credential_id}", operation_id = "changeCredential", tag = TAG,
    request_body = CredentialPatch,
    params(("id" = String, Path, description = "`src_…`"), ("credential_id" = String, Path, description = "`crd_…`")),
    security(("bearer" = ["manage"])),
    responses((status = 200, description = "Changed.", body = CredentialView)))]
pub(super) async fn patch(
    auth: TenantAuth<CanManage>,
    State(state): State<AppState>,
    Id((source, id)): Id<(SourceId, CredentialId)>,
    JsonBody(patch): ConfigBody<CredentialPatch>,
) -> Result<Json<CredentialView>, Problem> {
    let change =
        CredentialChange { name: patch.name, environment: patch.environment, expires_at: patch.expires_at };
    let changed = state.engine().change_credential(auth.tenant, source, id, change).await?;
    Ok(Json(CredentialView::new(changed, state.engine().clock().now())))
}

/// Revoke a credential. It stops working at once.
#[utoipa::path(delete, path = "/v1/sources/{id}/credentials/{credential_id}", operation_id = "revokeCredential", tag = TAG,
    params(("id" = String, Path, description = "`src_…`"), ("credential_id" = String, Path, description = "`crd_…`")),
    security(("bearer" = ["manage"])),
    responses((status = 204, description = "Revoked.")))]
pub(super) async fn revoke(
    auth: TenantAuth<CanManage>,
    State(state): State<AppState>,
    Id((source, id)): Id<(SourceId, CredentialId)>,
) -> Result<StatusCode, Problem> {
    state.engine().revoke_credential(auth.tenant, source, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn unnamed() -> String {
    "unnamed".to_owned()
}
