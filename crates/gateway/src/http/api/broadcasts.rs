//! Broadcasts: one event by the operator for every tenant, or for some.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use bytes::Bytes;
use http::StatusCode;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use stentor_core::event::EventType;
use stentor_core::id::{BroadcastId, TenantId};
use stentor_core::limits::IDEMPOTENCY_KEY_BYTES_MAX;
use stentor_core::time::Time;
use stentor_store::broadcasts::{Audience, Broadcast, BroadcastCreated};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::AppState;
use crate::http::extract::{
    ConfigBody, Cursor, Id, IdempotencyKey, JsonBody, Limit, List, OperatorAuth, Query,
};
use crate::http::problem::{Code, Problem, ProblemBody};

const TAG: &str = "broadcasts";
/// Largest data, in bytes: every tenant gets a copy.
const DATA_BYTES_MAX: usize = 64 * 1024;
/// Most tenants that one broadcast may name.
const TENANTS_MAX: usize = 1_000;

/// An event for many tenants.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewBroadcast {
    /// The type of the event.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "system.maintenance")]
    event_type: EventType,
    /// The event's data, delivered byte for byte; at most 65 536 bytes.
    #[schema(value_type = serde_json::Value)]
    data: Box<RawValue>,
    /// `"all"` for every tenant that there is, or a list of 1 to 1 000 ids.
    #[serde(deserialize_with = "audience")]
    #[schema(value_type = serde_json::Value, example = "all")]
    tenants: Audience,
    /// Makes it safe to ask again: 1 to 256 bytes; the same as the header `Idempotency-Key`.
    idempotency_key: Option<Box<str>>,
}

/// A broadcast and how far it has come.
#[derive(Debug, Serialize, ToSchema)]
struct BroadcastView {
    #[schema(value_type = String, example = "brc_01h455vb4pex5vsknk084sn02q")]
    id: BroadcastId,
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "system.maintenance")]
    event_type: EventType,
    /// `running` or `finished`.
    #[schema(example = "running")]
    status: &'static str,
    /// Whether it is for every tenant that there was.
    to_all: bool,
    /// Tenants that it is for. One that is deleted before its turn gets no event.
    tenants: u32,
    /// Events made so far, one per tenant.
    events: u32,
    /// Deliveries that they have.
    deliveries: u64,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Time>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct BroadcastsQuery {
    #[serde(default)]
    #[param(inline, required = false)]
    limit: Limit,
    /// `next_cursor` of the previous page.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<BroadcastId>>,
}

impl NewBroadcast {
    /// The key of the body or the header, which must not differ.
    fn key(&self, header: Option<Box<str>>) -> Result<Option<Box<str>>, Problem> {
        let Some(own) = &self.idempotency_key else { return Ok(header) };
        if !(1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&own.len()) {
            return Err(Problem::invalid_field("/idempotency_key", "must have 1 to 256 bytes"));
        }
        if header.is_some_and(|header| header != *own) {
            let expected = "differs from the header Idempotency-Key; send one of them";
            return Err(Problem::invalid_field("/idempotency_key", expected));
        }
        Ok(Some(own.clone()))
    }
}

impl From<Broadcast> for BroadcastView {
    fn from(broadcast: Broadcast) -> Self {
        Self {
            id: broadcast.id,
            event_type: broadcast.event_type,
            status: if broadcast.finished_at.is_some() { "finished" } else { "running" },
            to_all: broadcast.to_all,
            tenants: broadcast.tenants,
            events: broadcast.events,
            deliveries: broadcast.deliveries,
            created_at: broadcast.created_at,
            finished_at: broadcast.finished_at,
        }
    }
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(start, list)).routes(routes!(get))
}

/// Publish an event to every tenant, or to some.
///
/// Each tenant gets one event, delivered to its webhooks that ask for the type; it counts in no quota. It goes on in the
/// background and survives restarts. With an idempotency key it can be asked for again safely, at any time.
#[utoipa::path(post, path = "/v1/broadcasts", operation_id = "startBroadcast", tag = TAG, request_body = NewBroadcast,
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeating the same body with it begins nothing new")),
    security(("bearer" = ["operator"])),
    responses(
        (status = 202, description = "Begun.", body = BroadcastView),
        (status = 409, description = "`idempotency_key_reused`", body = ProblemBody, content_type = "application/problem+json"),
    ))]
async fn start(
    _operator: OperatorAuth,
    State(state): State<AppState>,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody(new): ConfigBody<NewBroadcast>,
) -> Result<impl IntoResponse, Problem> {
    let key = new.key(key)?;
    let data = Box::<str>::from(new.data);
    if data.len() > DATA_BYTES_MAX {
        return Err(Problem::invalid_field("/data", format!("must have at most {DATA_BYTES_MAX} bytes")));
    }
    let data = Bytes::from(data.into_string());
    let named = match &new.tenants {
        Audience::All => Vec::new(),
        Audience::Tenants(tenants) => tenants.clone(),
    };
    let broadcast =
        match state.engine().start_broadcast(new.event_type, data, new.tenants, key.as_deref()).await? {
            BroadcastCreated::Created(broadcast) | BroadcastCreated::Existing(broadcast) => broadcast,
            BroadcastCreated::KeyConflict => {
                let detail = "The idempotency key was used before for another broadcast.";
                return Err(Problem::new(Code::IdempotencyKeyReused, detail));
            }
            BroadcastCreated::UnknownTenant(unknown) => {
                let index = named.iter().position(|tenant| *tenant == unknown).unwrap_or_default();
                return Err(Problem::invalid_field(format!("/tenants/{index}"), "there is no such tenant"));
            }
        };
    Ok((StatusCode::ACCEPTED, Json(BroadcastView::from(broadcast))))
}

/// List broadcasts, newest first.
#[utoipa::path(get, path = "/v1/broadcasts", operation_id = "listBroadcasts", tag = TAG, params(BroadcastsQuery),
    security(("bearer" = ["operator"])),
    responses((status = 200, description = "A page.", body = List<BroadcastView>)))]
async fn list(
    _operator: OperatorAuth,
    State(state): State<AppState>,
    Query(query): Query<BroadcastsQuery>,
) -> Result<Json<List<BroadcastView>>, Problem> {
    let before = query.cursor.map(|cursor| cursor.id());
    let page = state.engine().store().broadcasts(before, query.limit.rows()).await?;
    Ok(Json(List::from_page(page, |broadcast| broadcast.id, BroadcastView::from)))
}

/// Read how far a broadcast has come.
#[utoipa::path(get, path = "/v1/broadcasts/{id}", operation_id = "getBroadcast", tag = TAG,
    params(("id" = String, Path, description = "`brc_…`")),
    security(("bearer" = ["operator"])),
    responses((status = 200, description = "The broadcast.", body = BroadcastView)))]
async fn get(
    _operator: OperatorAuth,
    State(state): State<AppState>,
    Id(id): Id<BroadcastId>,
) -> Result<Json<BroadcastView>, Problem> {
    let broadcast = state.engine().store().broadcast(id).await?;
    Ok(Json(BroadcastView::from(broadcast.ok_or_else(Problem::not_found)?)))
}

/// `"all"`, or a list of ids.
fn audience<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Audience, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        Word(String),
        Tenants(Vec<TenantId>),
    }
    let expected =
        || D::Error::custom(format!("expected \"all\" or a list of 1 to {TENANTS_MAX} ids, tnt_…"));
    match Given::deserialize(deserializer).map_err(|_| expected())? {
        Given::Word(word) if word == "all" => Ok(Audience::All),
        Given::Tenants(tenants) if (1..=TENANTS_MAX).contains(&tenants.len()) => {
            Ok(Audience::Tenants(tenants))
        }
        Given::Word(_) | Given::Tenants(_) => Err(expected()),
    }
}

#[cfg(test)]
mod tests;
