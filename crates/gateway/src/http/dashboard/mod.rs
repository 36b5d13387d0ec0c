//! The dashboard: pages for people, drawn by the server.
//!
//! Every page is a client of the API inside the process ([`calls`]): what it shows and does is what the API answers to the
//! token that the session was opened with. So no page has a rule or a query of its own, and nothing can be reached here that the token
//! could not reach there. A request goes: session ([`session`], for forms also [`sent`]) → calls → page → template.

mod assets;
mod calls;
mod chart;
mod cookies;
mod desk;
mod origin;
mod pages;
mod pretty;
mod refusal;
mod secured;
mod sent;
mod session;
mod shapes;
mod shell;
mod sign_in;
mod status;
#[cfg(test)]
mod tests;
mod write;

use axum::Router;
use axum::middleware::map_response;

use crate::http::AppState;
pub use refusal::told;

/// What every page works with. Cheap to clone.
#[derive(Clone)]
struct Dashboard {
    app: AppState,
    /// The API, for calls inside the process.
    api: Router,
}

/// The routes, over the API.
pub fn router(app: AppState, api: Router) -> Router<AppState> {
    let pages = Router::new().merge(sign_in::router()).merge(pages::router());
    let secured = pages.layer(map_response(secured::headers));
    secured.merge(assets::router()).with_state(Dashboard { app, api })
}
