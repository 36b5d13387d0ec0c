//! Tenants. Only the operator manages them.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use stentor_core::event_type::{TypeRules, Validation};
use stentor_core::id::TenantId;
use stentor_core::limits::TEXT_BYTES_MAX;
use stentor_core::profile::Profile;
use stentor_core::tenant::{DEFAULT_PLAN, Tenant, TenantSettings};
use stentor_core::time::Time;
use stentor_engine::entropy;
use stentor_store::tenants::TenantSaved;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::AppState;
use crate::http::api::usage::UsageView;
use crate::http::extract::{
    ConfigBody, Cursor, Id, JsonBody, Limit, List, OperatorAuth, Query, optional_object,
};
use crate::http::problem::{Code, FieldError, Problem, ProblemBody};

const TAG: &str = "tenants";

/// A tenant to be created.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTenant {
    /// Unique among tenants; 1 to 1 024 bytes.
    #[schema(example = "acme")]
    name: String,
    /// A plan of the operator's configuration; it decides what the tenant may use.
    #[serde(default = "default_plan")]
    #[schema(default = "default")]
    plan: String,
    /// The profile of its webhooks that are created without one; `standard` when not given.
    #[schema(value_type = Option<String>, example = "resource")]
    default_profile: Option<Profile>,
    /// What publishing demands of event types.
    #[serde(default, deserialize_with = "optional_object")]
    event_types: Option<TypeRulesSettings>,
}

/// What publishing demands of event types.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TypeRulesSettings {
    /// What happens to an event whose data does not fit the schema of its type: `off` (nobody looks), `warn` (it is
    /// accepted and the answer says so) or `reject`.
    #[schema(value_type = Option<String>, example = "warn")]
    validation: Option<Validation>,
    /// Whether events of undeclared and archived types are refused.
    strict: Option<bool>,
}

/// What publishing demands of event types.
#[derive(Debug, Serialize, ToSchema)]
struct TypeRulesView {
    #[schema(value_type = String, example = "off")]
    validation: Validation,
    strict: bool,
}

/// What is given changes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TenantPatch {
    /// New name.
    name: Option<String>,
    /// New plan, in force at once. What was used stays used.
    plan: Option<String>,
    /// What publishing demands of event types; what is not given of it stays.
    #[serde(default, deserialize_with = "optional_object")]
    event_types: Option<TypeRulesSettings>,
    /// New default profile; null returns to `standard`.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    default_profile: Option<Option<Profile>>,
}

/// Tells null from nothing.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Profile>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// A tenant.
#[derive(Debug, Serialize, ToSchema)]
struct TenantView {
    #[schema(value_type = String, example = "tnt_01h455vb4pex5vsknk084sn02q")]
    id: TenantId,
    name: String,
    plan: String,
    /// The profile of its webhooks that are created without one; null stands for `standard`.
    #[schema(value_type = Option<String>)]
    default_profile: Option<Profile>,
    event_types: TypeRulesView,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
}

/// A tenant and what it uses of its plan.
#[derive(Debug, Serialize, ToSchema)]
struct TenantDetails {
    #[serde(flatten)]
    tenant: TenantView,
    usage: UsageView,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TenantsQuery {
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
    /// `next_cursor` of the previous page.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<TenantId>>,
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(get, patch, delete))
}

/// Create a tenant.
#[utoipa::path(post, path = "/v1/tenants", operation_id = "createTenant", tag = TAG, request_body = NewTenant,
    security(("bearer" = ["operator"])),
    responses(
        (status = 201, description = "Created.", body = TenantView),
        (status = 409, description = "`name_taken`", body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn create(
    _operator: OperatorAuth,
    State(state): State<AppState>,
    JsonBody(new): ConfigBody<NewTenant>,
) -> Result<impl IntoResponse, Problem> {
    let created_at = state.engine().clock().now();
    let tenant = Tenant {
        id: TenantId::new(created_at, entropy::bits()),
        name: checked_text("/name", new.name)?,
        plan: known_plan(&state, new.plan)?,
        default_profile: new.default_profile,
        config_version: 1,
        settings: TenantSettings { event_types: ruled(TypeRules::default(), new.event_types) },
        created_at,
    };
    saved(state.engine().store().create_tenant(&tenant).await?)?;
    state.forget_tenants();
    Ok((StatusCode::CREATED, Json(TenantView::from(tenant))))
}

/// List tenants, newest first.
#[utoipa::path(get, path = "/v1/tenants", operation_id = "listTenants", tag = TAG, params(TenantsQuery),
    security(("bearer" = ["operator"])),
    responses((status = 200, description = "A page.", body = List<TenantView>)))]
async fn list(
    _operator: OperatorAuth,
    State(state): State<AppState>,
    Query(query): Query<TenantsQuery>,
) -> Result<Json<List<TenantView>>, Problem> {
    let before = query.cursor.map(|cursor| cursor.id());
    let page = state.engine().store().tenants(before, query.limit.rows()).await?;
    Ok(Json(List::from_page(page, |tenant| tenant.id, TenantView::from)))
}

/// Read a tenant and what it uses.
#[utoipa::path(get, path = "/v1/tenants/{id}", operation_id = "getTenant", tag = TAG,
    params(("id" = String, Path, description = "`tnt_…`")),
    security(("bearer" = ["operator"])),
    responses((status = 200, description = "The tenant.", body = TenantDetails)))]
async fn get(
    _operator: OperatorAuth,
    State(state): State<AppState>,
    Id(id): Id<TenantId>,
) -> Result<Json<TenantDetails>, Problem> {
    let tenant = state.engine().store().tenant(id).await?.ok_or_else(Problem::not_found)?;
    let usage = state.engine().usage_of(&tenant).await?.into();
    Ok(Json(TenantDetails { tenant: tenant.into(), usage }))
}

/// Change a tenant's name, plan, default profile or settings.
#[utoipa::path(patch, path = "/v1/tenants/{id}", operation_id = "changeTenant", tag = TAG, request_body = TenantPatch,
    params(("id" = String, Path, description = "`tnt_…`")),
    security(("bearer" = ["operator"])),
    responses(
        (status = 200, description = "Changed.", body = TenantView),
        (status = 409, description = "`name_taken`", body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn patch(
    _operator: OperatorAuth,
    State(state): State<AppState>,
    Id(id): Id<TenantId>,
    JsonBody(patch): ConfigBody<TenantPatch>,
) -> Result<Json<TenantView>, Problem> {
    let store = state.engine().store();
    let mut tenant = store.tenant(id).await?.ok_or_else(Problem::not_found)?;
    if let Some(name) = patch.name {
        tenant.name = checked_text("/name", name)?;
    }
    if let Some(plan) = patch.plan {
        tenant.plan = known_plan(&state, plan)?;
    }
    if let Some(default_profile) = patch.default_profile {
        tenant.default_profile = default_profile;
    }
    tenant.settings.event_types = ruled(tenant.settings.event_types, patch.event_types);
    saved(state.engine().change_tenant(&tenant).await?)?;
    state.engine().directory().forget(id);
    state.forget_tenants();
    Ok(Json(tenant.into()))
}

/// Delete a tenant.
///
/// Its tokens stop working and its webhooks are deleted; what is pending becomes cancelled. Its events go by retention.
#[utoipa::path(delete, path = "/v1/tenants/{id}", operation_id = "deleteTenant", tag = TAG,
    params(("id" = String, Path, description = "`tnt_…`")),
    security(("bearer" = ["operator"])),
    responses((status = 204, description = "Deleted.")))]
async fn delete(
    _operator: OperatorAuth,
    State(state): State<AppState>,
    Id(id): Id<TenantId>,
) -> Result<StatusCode, Problem> {
    saved(state.engine().delete_tenant(id).await?)?;
    state.forget_tenants();
    Ok(StatusCode::NO_CONTENT)
}

/// The rules with what is given of others.
fn ruled(rules: TypeRules, given: Option<TypeRulesSettings>) -> TypeRules {
    let Some(given) = given else { return rules };
    TypeRules {
        validation: given.validation.unwrap_or(rules.validation),
        strict: given.strict.unwrap_or(rules.strict),
    }
}

fn saved(outcome: TenantSaved) -> Result<(), Problem> {
    match outcome {
        TenantSaved::Done => Ok(()),
        TenantSaved::NameTaken => Err(Problem::new(Code::NameTaken, "Another tenant has this name.")),
        TenantSaved::NotFound => Err(Problem::not_found()),
    }
}

/// The name, if the operator's configuration has a plan of that name.
fn known_plan(state: &AppState, name: String) -> Result<String, Problem> {
    let plans = state.engine().limits().plans();
    if plans.get(&name).is_some() {
        return Ok(name);
    }
    let known: Vec<&str> = plans.names().collect();
    let detail = format!("is not a plan of the operator's configuration, which has: {}", known.join(", "));
    Err(Problem::invalid_body(vec![FieldError::new("/plan", detail).with_code("unknown_plan")]))
}

/// Why a text is not a name that people can see and type.
pub(super) fn text_refusal(text: &str) -> Option<String> {
    let visible = !text.trim().is_empty() && !text.contains(char::is_control);
    let fits = visible && text.len() <= TEXT_BYTES_MAX;
    (!fits).then(|| format!("must be 1 to {TEXT_BYTES_MAX} bytes, not blank, without control characters"))
}

/// The text, if it is such a name.
pub(super) fn checked_text(pointer: &str, text: String) -> Result<String, Problem> {
    match text_refusal(&text) {
        None => Ok(text),
        Some(refusal) => Err(Problem::invalid_field(pointer, refusal)),
    }
}

fn default_plan() -> String {
    DEFAULT_PLAN.to_owned()
}

impl From<Tenant> for TenantView {
    fn from(tenant: Tenant) -> Self {
        let TypeRules { validation, strict } = tenant.settings.event_types;
        let event_types = TypeRulesView { validation, strict };
        let Tenant { id, name, plan, default_profile, created_at, .. } = tenant;
        Self { id, name, plan, default_profile, event_types, created_at }
    }
}

#[cfg(test)]
mod tests;
