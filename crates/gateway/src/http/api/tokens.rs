//! Tokens: made by the operator for any tenant, or by a tenant's own `manage` token for itself.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use stentor_core::id::{TenantId, TokenId};
use stentor_core::time::Time;
use stentor_core::token::{Scope, Scopes, Token, TokenOwner};
use stentor_engine::{Engine, entropy};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::tenants::checked_text;
use crate::http::AppState;
use crate::http::extract::{CanManage, ConfigBody, Id, JsonBody, List, OperatorAuth, TenantAuth};
use crate::http::problem::Problem;

const TAG: &str = "tokens";
/// What a token's text starts with, so that leaked ones can be found by scanners.
const TOKEN_PREFIX: &str = "stk_";

/// A token to be created.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewToken {
    /// Shown to people; 1 to 1 024 bytes.
    #[serde(default = "unnamed")]
    #[schema(default = "unnamed", example = "billing service")]
    name: String,
    /// At least one of `publish`, `read`, `manage`.
    #[schema(value_type = Vec<String>, min_items = 1, example = json!(["publish"]))]
    scopes: Vec<Scope>,
    /// When it stops working; never when not given.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Time>,
}

/// A token without its secret.
#[derive(Debug, Serialize, ToSchema)]
struct TokenView {
    #[schema(value_type = String, example = "tok_01h455vb4pex5vsknk084sn02q")]
    id: TokenId,
    name: String,
    #[schema(value_type = Vec<String>, example = json!(["publish"]))]
    scopes: Vec<Scope>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Time>,
}

/// A new token with its secret.
#[derive(Serialize, ToSchema)]
struct CreatedToken {
    /// The bearer token. It is kept only as a hash: this is the one time that it can be read.
    #[schema(example = "stk_UjFhV2xHb1hZc0p6bVZ0N0w5d1BhQ2RlRmdIaUprTG0")]
    token: String,
    #[serde(flatten)]
    view: TokenView,
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(create_for_tenant, list_of_tenant))
        .routes(routes!(revoke_of_tenant))
        .routes(routes!(create, list))
        .routes(routes!(revoke))
}

/// Create a token for a tenant.
#[utoipa::path(post, path = "/v1/tenants/{id}/tokens", operation_id = "createTenantToken", tag = TAG,
    request_body = NewToken, params(("id" = String, Path, description = "`tnt_…`")),
    security(("bearer" = ["operator"])),
    responses((status = 201, description = "Created; the only time that the token is shown.", body = CreatedToken)))]
async fn create_for_tenant(
    _operator: OperatorAuth,
    State(state): State<AppState>,
    Id(tenant): Id<TenantId>,
    JsonBody(new): ConfigBody<NewToken>,
) -> Result<impl IntoResponse, Problem> {
    make(state.engine(), tenant, new).await
}

/// List a tenant's tokens, without their secrets.
#[utoipa::path(get, path = "/v1/tenants/{id}/tokens", operation_id = "listTenantTokens", tag = TAG,
    params(("id" = String, Path, description = "`tnt_…`")),
    security(("bearer" = ["operator"])),
    responses((status = 200, description = "All of them, newest first.", body = List<TokenView>)))]
async fn list_of_tenant(
    _operator: OperatorAuth,
    State(state): State<AppState>,
    Id(tenant): Id<TenantId>,
) -> Result<Json<List<TokenView>>, Problem> {
    state.engine().store().tenant(tenant).await?.ok_or_else(Problem::not_found)?;
    show_all(state.engine(), tenant).await
}

/// Revoke a tenant's token. It stops working at once.
#[utoipa::path(delete, path = "/v1/tenants/{id}/tokens/{token_id}", operation_id = "revokeTenantToken", tag = TAG,
    params(("id" = String, Path, description = "`tnt_…`"), ("token_id" = String, Path, description = "`tok_…`")),
    security(("bearer" = ["operator"])),
    responses((status = 204, description = "Revoked.")))]
async fn revoke_of_tenant(
    _operator: OperatorAuth,
    State(state): State<AppState>,
    Id((tenant, token)): Id<(TenantId, TokenId)>,
) -> Result<StatusCode, Problem> {
    withdraw(state.engine(), tenant, token).await
}

/// Create a token of one's own tenant. It can have only scopes that the caller's token has.
#[utoipa::path(post, path = "/v1/tokens", operation_id = "createToken", tag = TAG, request_body = NewToken,
    security(("bearer" = ["manage"])),
    responses((status = 201, description = "Created; the only time that the token is shown.", body = CreatedToken)))]
async fn create(
    auth: TenantAuth<CanManage>,
    State(state): State<AppState>,
    JsonBody(new): ConfigBody<NewToken>,
) -> Result<impl IntoResponse, Problem> {
    if let Some(missing) = new.scopes.iter().find(|scope| !auth.token.scopes.contains(**scope)) {
        return Err(Problem::insufficient_scope(*missing));
    }
    make(state.engine(), auth.tenant, new).await
}

/// List the tokens of one's own tenant, without their secrets.
#[utoipa::path(get, path = "/v1/tokens", operation_id = "listTokens", tag = TAG,
    security(("bearer" = ["manage"])),
    responses((status = 200, description = "All of them, newest first.", body = List<TokenView>)))]
async fn list(
    auth: TenantAuth<CanManage>,
    State(state): State<AppState>,
) -> Result<Json<List<TokenView>>, Problem> {
    show_all(state.engine(), auth.tenant).await
}

/// Revoke a token of one's own tenant. It stops working at once.
#[utoipa::path(delete, path = "/v1/tokens/{id}", operation_id = "revokeToken", tag = TAG,
    params(("id" = String, Path, description = "`tok_…`")),
    security(("bearer" = ["manage"])),
    responses((status = 204, description = "Revoked.")))]
async fn revoke(
    auth: TenantAuth<CanManage>,
    State(state): State<AppState>,
    Id(token): Id<TokenId>,
) -> Result<StatusCode, Problem> {
    withdraw(state.engine(), auth.tenant, token).await
}

async fn make(
    engine: &Engine,
    tenant: TenantId,
    new: NewToken,
) -> Result<impl IntoResponse + use<>, Problem> {
    let created_at = engine.clock().now();
    if new.scopes.is_empty() {
        return Err(Problem::invalid_field("/scopes", "must name at least one of publish, read, manage"));
    }
    if new.expires_at.is_some_and(|end| end <= created_at) {
        return Err(Problem::invalid_field("/expires_at", "must lie in the future"));
    }
    let token = Token {
        id: TokenId::new(created_at, entropy::bits()),
        owner: TokenOwner::Tenant(tenant),
        name: checked_text("/name", new.name)?,
        scopes: new.scopes.into_iter().collect::<Scopes>(),
        created_at,
        expires_at: new.expires_at,
        revoked_at: None,
    };
    let secret = new_secret();
    if !engine.store().create_token(&token, &secret).await? {
        return Err(Problem::not_found());
    }
    engine.authenticator().forget();
    Ok((StatusCode::CREATED, Json(CreatedToken { token: secret, view: token.into() })))
}

async fn show_all(engine: &Engine, tenant: TenantId) -> Result<Json<List<TokenView>>, Problem> {
    let tokens = engine.store().tokens(tenant).await?;
    Ok(Json(List::whole(tokens.into_iter().map(TokenView::from).collect())))
}

async fn withdraw(engine: &Engine, tenant: TenantId, token: TokenId) -> Result<StatusCode, Problem> {
    let revoked = engine.store().revoke_token(tenant, token, engine.clock().now()).await?;
    engine.authenticator().forget();
    if revoked { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found()) }
}

/// 256 random bits as text: `stk_` and 43 characters.
pub fn new_secret() -> String {
    format!("{TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(entropy::secret_bytes()))
}

fn unnamed() -> String {
    "unnamed".to_owned()
}

impl From<Token> for TokenView {
    fn from(token: Token) -> Self {
        let Token { id, name, scopes, created_at, expires_at, .. } = token;
        Self { id, name, scopes: scopes.iter().collect(), created_at, expires_at }
    }
}

#[cfg(test)]
mod tests;
