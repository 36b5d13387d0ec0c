//! Waiting for the database while another process has it.

use std::time::Duration;

use anyhow::Context;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use stentor_store::postgres::{PostgresStore, StandBy};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::http::problem::Problem;
use crate::http::server::{self, Answer, ServerOptions};

/// How often it is looked whether the database can be had.
const LOOK: Duration = Duration::from_secs(1);

/// Answers while another process has the database: this one lives and is not ready.
#[derive(Clone)]
struct StandingBy;

impl Answer for StandingBy {
    async fn answer(self, request: Request<Body>) -> Response {
        match request.uri().path() {
            "/healthz" => StatusCode::OK.into_response(),
            _ => {
                Problem::unavailable(&"this process stands by; another one has the database").into_response()
            }
        }
    }
}

/// Returns once this process has the database. Until then requests are answered with 503.
pub(super) async fn until_taken(
    mut node: StandBy,
    listener: &TcpListener,
    options: ServerOptions,
) -> anyhow::Result<PostgresStore> {
    if !node.take_over().await? {
        info!("standing by: another process has the database");
        let stop = CancellationToken::new();
        // Ends with this, and is not waited for: the lease runs.
        let _stop = stop.clone().drop_guard();
        tokio::spawn(server::serve(twin(listener)?, StandingBy, stop, options));
        while !taken(&mut node).await {
            tokio::time::sleep(LOOK).await;
        }
        info!("the database is taken over");
    }
    Ok(node.begin().await?)
}

async fn taken(node: &mut StandBy) -> bool {
    node.take_over().await.unwrap_or_else(|error| {
        warn!(%error, "whether the database can be had is unknown");
        false
    })
}

/// The same socket once more: it stays open between the two who answer on it.
fn twin(listener: &TcpListener) -> anyhow::Result<TcpListener> {
    use std::os::fd::AsFd as _;
    let socket = listener.as_fd().try_clone_to_owned().context("the listener cannot be shared")?;
    TcpListener::from_std(std::net::TcpListener::from(socket)).context("the listener cannot be shared")
}
