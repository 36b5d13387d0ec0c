//! Portal links: they let a customer look at one tenant in the dashboard for a while.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use stentor_core::id::TokenId;
use stentor_core::time::Time;
use stentor_core::token::{Scope, Scopes, Token, TokenOwner};
use stentor_engine::entropy;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::sources::base;
use super::tokens::new_secret;
use crate::http::extract::{CanManage, ConfigBody, JsonBody, Seconds, TenantAuth};
use crate::http::problem::Problem;
use crate::http::{AppState, sign_in_links};

const TAG: &str = "tokens";
/// What its token is called, so that it is known in lists.
const NAME: &str = "portal link";
/// How long what a link opens may last: a minute to thirty days.
const LASTS: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(60)..=Duration::from_secs(30 * 24 * 3_600);
const LASTS_DEFAULT: Seconds = Seconds(Duration::from_secs(12 * 3_600));

/// What the link opens.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPortalLink {
    /// What its reader may, of what the caller's token may: `read` to look, `manage` to change webhooks, retry and replay as well.
    #[serde(default = "only_read")]
    #[schema(value_type = Vec<String>, min_items = 1, default = json!(["read"]))]
    scopes: Vec<Scope>,
    /// How long what it opens lasts, 1 minute to 30 days; 12 hours when not given. A session ends after 12 hours in any case.
    #[serde(default = "lasts_default")]
    #[schema(value_type = f64, default = 43_200)]
    lasts: Seconds,
}

/// A link. It is a secret: whoever opens it first is signed in.
#[derive(Serialize, ToSchema)]
struct PortalLink {
    /// To be opened in a browser, once, within a day.
    #[schema(example = "https://hooks.example.com/sign-in?code=UjFhV2xHb1hZc0p6bVZ0N0w5d1BhQ2RlRmdIaUprTG0")]
    url: String,
    /// The token that it opens a session of. Revoking it ends what the link opened.
    #[schema(value_type = String, example = "tok_01h455vb4pex5vsknk084sn02q")]
    token_id: TokenId,
    /// When what it opens ends.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Time,
}

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(create))
}

/// Make a link with which a customer can see one's own tenant in the dashboard.
///
/// It works once. What it opens shows this tenant alone.
#[utoipa::path(post, path = "/v1/portal-links", operation_id = "createPortalLink", tag = TAG,
    request_body = NewPortalLink, security(("bearer" = ["manage"])),
    responses((status = 201, description = "Made; the only time that the link is shown.", body = PortalLink)))]
async fn create(
    auth: TenantAuth<CanManage>,
    State(state): State<AppState>,
    headers: HeaderMap,
    JsonBody(new): ConfigBody<NewPortalLink>,
) -> Result<impl IntoResponse, Problem> {
    if !LASTS.contains(&new.lasts.0) {
        return Err(Problem::invalid_field("/lasts", "must be between 60 seconds and 30 days"));
    }
    if new.scopes.is_empty() {
        return Err(Problem::invalid_field("/scopes", "must name at least one of publish, read, manage"));
    }
    if let Some(missing) = new.scopes.iter().find(|scope| !auth.token.scopes.contains(**scope)) {
        return Err(Problem::insufficient_scope(*missing));
    }
    let engine = state.engine();
    let now = engine.clock().now();
    // What a token makes does not outlive it.
    let ends_at = now.plus(new.lasts.0);
    let ends_at = auth.token.expires_at.map_or(ends_at, |end| end.min(ends_at));
    let token = Token {
        id: TokenId::new(now, entropy::bits()),
        owner: TokenOwner::Tenant(auth.tenant),
        name: NAME.to_owned(),
        scopes: new.scopes.into_iter().collect::<Scopes>(),
        created_at: now,
        expires_at: Some(ends_at),
        revoked_at: None,
    };
    // Nobody gets this secret: the token is used by its link only.
    if !engine.store().create_token(&token, &new_secret()).await? {
        return Err(Problem::not_found());
    }
    let path = sign_in_links::create(&**engine.store(), token.id, now, token.expires_at).await?;
    let link =
        PortalLink { url: format!("{}{path}", base(&headers)), token_id: token.id, expires_at: ends_at };
    Ok((StatusCode::CREATED, Json(link)))
}

fn only_read() -> Vec<Scope> {
    vec![Scope::Read]
}

fn lasts_default() -> Seconds {
    LASTS_DEFAULT
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::http::test_app::TestApp;

    #[tokio::test]
    async fn a_link_has_bounds_and_a_token_of_its_own() {
        let app = TestApp::start().await;
        let (_, token) = app.tenant("acme", &["read", "manage"]).await;
        for lasts in [json!(59), json!(2_592_001), json!("31d")] {
            let refused = app.call(&token, "POST /v1/portal-links", json!({ "lasts": lasts })).await;
            assert_eq!(refused.problem(), ("invalid_body".into(), vec!["/lasts".into()]), "{lasts}");
        }
        let made = app.call(&token, "POST /v1/portal-links", json!({ "lasts": "1h" })).await;
        assert_eq!(made.status, 201, "{made:?}");
        assert!(made.text_of("url").contains("/sign-in?code="), "{made:?}");
        let listed = app.call(&token, "GET /v1/tokens", json!(null)).await;
        let own =
            listed.body["data"].as_array().expect("rows").iter().find(|row| row["name"] == "portal link");
        let own = own.unwrap_or_else(|| panic!("no token in {listed:?}"));
        assert_eq!(own["id"], made.body["token_id"]);
        assert_eq!(own["scopes"], json!(["read"]));
        assert_eq!(own["expires_at"], made.body["expires_at"]);
    }

    #[tokio::test]
    async fn a_link_may_what_its_maker_may_and_no_more() {
        let app = TestApp::start().await;
        let (_, token) = app.tenant("acme", &["read", "manage"]).await;
        let both = app.call(&token, "POST /v1/portal-links", json!({ "scopes": ["read", "manage"] })).await;
        assert_eq!(both.status, 201, "{both:?}");
        let more = app.call(&token, "POST /v1/portal-links", json!({ "scopes": ["read", "publish"] })).await;
        assert_eq!((more.status, &more.body["scope"]), (403, &json!("publish")));
        let none = app.call(&token, "POST /v1/portal-links", json!({ "scopes": [] })).await;
        assert_eq!(none.problem(), ("invalid_body".into(), vec!["/scopes".into()]));
    }

    #[tokio::test]
    async fn a_token_that_may_not_read_or_manage_makes_none() {
        let app = TestApp::start().await;
        let (tenant, _) = app.tenant("acme", &["read"]).await;
        for scopes in [&["manage"][..], &["read"], &["publish"]] {
            let token = app.token(&tenant, scopes).await;
            let refused = app.call(&token, "POST /v1/portal-links", json!({})).await;
            assert_eq!(
                (refused.status, refused.problem().0.as_str()),
                (403, "insufficient_scope"),
                "{scopes:?}"
            );
        }
    }
}
