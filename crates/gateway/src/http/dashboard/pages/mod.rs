//! The pages of somebody who is signed in. A file for each thing, with its handlers and what its templates show.

mod conversations;
mod dead_letters;
mod deliveries;
mod event_types;
mod events;
mod find;
mod live;
mod named;
mod overview;
mod routes;
mod settings;
mod sources;
mod tenants;
mod tokens;
mod webhooks;

use axum::Router;

use super::Dashboard;

pub(super) fn router() -> Router<Dashboard> {
    Router::new()
        .merge(overview::router())
        .merge(events::router())
        .merge(webhooks::router())
        .merge(deliveries::router())
        .merge(dead_letters::router())
        .merge(sources::router())
        .merge(routes::router())
        .merge(event_types::router())
        .merge(conversations::router())
        .merge(tokens::router())
        .merge(settings::router())
        .merge(tenants::router())
        .merge(find::router())
        .merge(live::router())
}
