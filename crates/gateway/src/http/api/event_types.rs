//! Event types: what events are called, what their data looks like, and samples of it.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use stentor_core::catalogue::Catalogue;
use stentor_core::event::EventType;
use stentor_core::event_type::DeclaredType;
use stentor_core::limits::{SAMPLE_BYTES_MAX, TEXT_BYTES_MAX};
use stentor_core::time::Time;
use stentor_engine::event_types::sample_of;
use stentor_store::event_types::Declared;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

mod view;

use view::{EventTypeRow, EventTypeView, LoadedTypes, SampleView};

use crate::http::AppState;
use crate::http::extract::{CanManage, CanRead, ConfigBody, Id, JsonBody, List, Query, TenantAuth};
use crate::http::problem::{FieldError, Problem, ProblemBody};

const TAG: &str = "event types";

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(load))
        .routes(routes!(get, put, delete))
        .routes(routes!(sample))
}

/// What is declared of an event type. It takes the place of what was declared before.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewEventType, example = json!({
    "description": "An order was placed.",
    "schema": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
    "sample": {"id": "ord_1"},
}))]
struct EventTypeSettings {
    /// What it means, for people; at most 1 024 bytes.
    description: Option<String>,
    /// A JSON Schema of the data, at most 65 536 bytes; drafts 4, 6, 7, 2019-09 and 2020-12. `$ref` must point into the
    /// schema and not in a circle; `format` is not checked.
    #[schema(value_type = Option<serde_json::Value>)]
    schema: Option<Box<RawValue>>,
    /// Data of a typical event, at most 65 536 bytes, sent byte for byte by test sends. It must fit the schema.
    #[schema(value_type = Option<serde_json::Value>)]
    sample: Option<Box<RawValue>>,
    /// The earlier state that goes with the sample, for types about a change.
    #[schema(value_type = Option<serde_json::Value>)]
    sample_previous_data: Option<Box<RawValue>>,
    /// Retires the type: it is left out of the list, and refused where only declared types are taken.
    #[serde(default)]
    #[schema(default = false)]
    archived: bool,
}

/// Which catalogue to load.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CatalogueLoad {
    /// `broxi`, `conversation` or `resource`.
    #[schema(example = "broxi")]
    catalogue: String,
    /// Whether types that stand are replaced; they are kept when not.
    #[serde(default)]
    #[schema(default = false)]
    replace: bool,
}

/// Which event types to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EventTypesQuery {
    /// Also the archived ones.
    #[serde(default)]
    #[param(required = false)]
    archived: bool,
}

/// List event types by name, without their schemas and samples. The list is always whole.
#[utoipa::path(get, path = "/v1/event-types", operation_id = "listEventTypes", tag = TAG, params(EventTypesQuery),
    security(("bearer" = ["read"])),
    responses((status = 200, description = "All event types.", body = List<EventTypeRow>)))]
async fn list(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
    Query(query): Query<EventTypesQuery>,
) -> Result<Json<List<EventTypeRow>>, Problem> {
    let types = state.engine().store().declared_types(auth.tenant).await?;
    let shown = types.into_iter().filter(|listed| query.archived || !listed.archived);
    Ok(Json(List::whole(shown.map(EventTypeRow::from).collect())))
}

/// Read an event type with its schema and sample.
#[utoipa::path(get, path = "/v1/event-types/{name}", operation_id = "getEventType", tag = TAG,
    params(("name" = String, Path, description = "The event type", example = "order.created")),
    security(("bearer" = ["read"])),
    responses((status = 200, description = "The event type.", body = EventTypeView)))]
async fn get(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
    Id(name): Id<EventType>,
) -> Result<Json<EventTypeView>, Problem> {
    let declared = state.engine().store().declared_type(auth.tenant, &name).await?;
    Ok(Json(declared.ok_or_else(Problem::not_found)?.into()))
}

/// Declare an event type, or declare it anew.
///
/// What publishing does with the schema is a setting of the tenant: `event_types.validation`.
#[utoipa::path(put, path = "/v1/event-types/{name}", operation_id = "putEventType", tag = TAG,
    request_body = EventTypeSettings,
    params(("name" = String, Path, description = "1 to 128 of `[A-Za-z0-9_.:/-]`", example = "order.created")),
    security(("bearer" = ["manage"])),
    responses(
        (status = 200, description = "It took the place of what was declared before.", body = EventTypeView),
        (status = 201, description = "It is declared.", body = EventTypeView),
        (status = 409, description = "`event_types_full`", body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn put(
    auth: TenantAuth<CanManage>,
    State(state): State<AppState>,
    Id(name): Id<EventType>,
    JsonBody(settings): ConfigBody<EventTypeSettings>,
) -> Result<(StatusCode, Json<EventTypeView>), Problem> {
    let engine = state.engine();
    let declared = settings.declared(name.clone(), engine.clock().now())?;
    let status = match engine.declare_type(auth.tenant, declared).await? {
        Declared::Created => StatusCode::CREATED,
        Declared::Replaced | Declared::Kept => StatusCode::OK,
    };
    let stored = engine.store().declared_type(auth.tenant, &name).await?;
    Ok((status, Json(stored.ok_or_else(Problem::not_found)?.into())))
}

/// Take the declaration of an event type back. Events of the type stay, and may still be published unless the tenant
/// takes only declared types.
#[utoipa::path(delete, path = "/v1/event-types/{name}", operation_id = "deleteEventType", tag = TAG,
    params(("name" = String, Path, description = "The event type")),
    security(("bearer" = ["manage"])),
    responses((status = 204, description = "It is declared no more.")))]
async fn delete(
    auth: TenantAuth<CanManage>,
    State(state): State<AppState>,
    Id(name): Id<EventType>,
) -> Result<StatusCode, Problem> {
    let deleted = state.engine().delete_type(auth.tenant, &name).await?;
    if deleted { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found()) }
}

/// Show what a test send of an event type would carry.
#[utoipa::path(get, path = "/v1/event-types/{name}/sample", operation_id = "getSample", tag = TAG,
    params(("name" = String, Path, description = "The event type")),
    security(("bearer" = ["read"])),
    responses((status = 200, description = "The sample.", body = SampleView)))]
async fn sample(
    auth: TenantAuth<CanRead>,
    State(state): State<AppState>,
    Id(name): Id<EventType>,
) -> Result<Json<SampleView>, Problem> {
    let declared = state.engine().store().declared_type(auth.tenant, &name).await?;
    let declared = declared.ok_or_else(Problem::not_found)?;
    Ok(Json(SampleView::new(&declared, &sample_of(Some(&declared)))))
}

/// Declare the event types of a catalogue that comes with Stentor.
#[utoipa::path(post, path = "/v1/event-types/load", operation_id = "loadEventTypes", tag = TAG,
    request_body = CatalogueLoad, security(("bearer" = ["manage"])),
    responses(
        (status = 200, description = "What became of each type.", body = LoadedTypes),
        (status = 409, description = "`event_types_full`", body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn load(
    auth: TenantAuth<CanManage>,
    State(state): State<AppState>,
    JsonBody(load): ConfigBody<CatalogueLoad>,
) -> Result<Json<LoadedTypes>, Problem> {
    let catalogue = Catalogue::from_word(&load.catalogue).ok_or_else(|| {
        let names = Catalogue::ALL.map(Catalogue::as_str).join(", ");
        Problem::invalid_field("/catalogue", format!("must be one of {names}"))
    })?;
    let done = state.engine().load_catalogue(auth.tenant, catalogue, load.replace).await?;
    Ok(Json(LoadedTypes::new(done)))
}

impl EventTypeSettings {
    fn declared(self, name: EventType, now: Time) -> Result<DeclaredType, Problem> {
        let mut broken = Vec::new();
        if self.description.as_ref().is_some_and(|text| !(1..=TEXT_BYTES_MAX).contains(&text.len())) {
            broken.push(FieldError::new("/description", format!("must have 1 to {TEXT_BYTES_MAX} bytes")));
        }
        for (pointer, sample) in
            [("/sample", &self.sample), ("/sample_previous_data", &self.sample_previous_data)]
        {
            let Some(sample) = sample else { continue };
            if sample.get().len() > SAMPLE_BYTES_MAX {
                let detail = format!("must be at most {SAMPLE_BYTES_MAX} bytes of JSON");
                broken.push(FieldError::new(pointer, detail));
            } else if serde_json::from_str::<serde_json::Value>(sample.get()).is_err() {
                let detail = "holds a number or a text that few can read, such as 1e400 or a lone surrogate";
                broken.push(FieldError::new(pointer, detail));
            }
        }
        if !broken.is_empty() {
            return Err(Problem::invalid_body(broken));
        }
        Ok(DeclaredType {
            name,
            description: self.description,
            schema: self.schema.map(Into::into),
            sample: self.sample.map(Into::into),
            sample_previous_data: self.sample_previous_data.map(Into::into),
            archived: self.archived,
            created_at: now,
            updated_at: now,
        })
    }
}

#[cfg(test)]
mod tests;
