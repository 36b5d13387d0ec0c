//! How requests to receivers can be recognised by the network they come from.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::AppState;
use crate::http::extract::{CanRead, TenantAuth};
use crate::http::problem::Problem;

const TAG: &str = "webhooks";

/// Where requests come from.
#[derive(Debug, Serialize, ToSchema)]
struct Egress {
    /// The addresses and networks that receivers see, as the operator states them; empty when nothing is stated.
    #[schema(example = json!(["203.0.113.7", "198.51.100.0/28"]))]
    addresses: Vec<String>,
    /// The `User-Agent` of requests.
    #[schema(example = "Stentor/0.1.0")]
    user_agent: String,
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(egress))
}

/// Read where requests to receivers come from, so that a receiver can allow them.
///
/// An address alone proves nothing: receivers verify the signature.
#[utoipa::path(get, path = "/v1/egress", operation_id = "getEgress", tag = TAG, security(("bearer" = ["read"])),
    responses((status = 200, description = "What is known.", body = Egress)))]
async fn egress(_auth: TenantAuth<CanRead>, State(state): State<AppState>) -> Result<Json<Egress>, Problem> {
    let facts = state.facts();
    Ok(Json(Egress { addresses: facts.egress().to_vec(), user_agent: facts.user_agent().to_owned() }))
}
