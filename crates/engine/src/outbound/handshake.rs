//! The `OPTIONS` request of the `CloudEvents` handshake: through the same guarded pool, and only the headers of the answer
//! matter.

use std::sync::Arc;
use std::time::Duration;

use http::header::USER_AGENT;
use http::{HeaderMap, Method, Request};
use stentor_core::attempt::{AttemptOutcome, Phase};
use stentor_core::limits::TIMEOUT_SECONDS;
use tokio::time::{Instant, timeout_at};

use super::body::OutboundBody;
use super::progress::Progress;
use super::receive::{Received, receive};
use super::{OutboundClient, OutboundRequest, failure};

impl OutboundClient {
    /// Sends the request as `OPTIONS`, without its body, and answers the headers of a successful answer.
    ///
    /// # Errors
    /// What came of it instead.
    pub async fn options(&self, request: OutboundRequest) -> Result<HeaderMap, AttemptOutcome> {
        if !request.url.is_https() && !self.allows_http() {
            return Err(AttemptOutcome::Unsendable);
        }
        let timeout = request.timeout.min(Duration::from_secs(*TIMEOUT_SECONDS.end()));
        let progress = Progress::until(Instant::now() + timeout);
        let exchange = self.ask(request, &progress);
        let within_deadline = timeout_at(progress.deadline(), Arc::clone(&progress).scope(exchange)).await;
        within_deadline.unwrap_or_else(|_| Err(AttemptOutcome::Timeout { phase: progress.phase() }))
    }

    async fn ask(
        &self,
        request: OutboundRequest,
        progress: &Arc<Progress>,
    ) -> Result<HeaderMap, AttemptOutcome> {
        let mut http_request = Request::new(OutboundBody::new(bytes::Bytes::new(), Arc::clone(progress)));
        *http_request.method_mut() = Method::OPTIONS;
        *http_request.uri_mut() = request.url.into_uri();
        *http_request.headers_mut() = request.headers;
        http_request.headers_mut().entry(USER_AGENT).or_insert_with(|| self.user_agent());
        let response =
            self.pool().request(http_request).await.map_err(|error| failure::outcome_of(&error))?;
        progress.enter(Phase::Body);
        let headers = response.headers().clone();
        match receive(response, request.now, &mut Received::default()).await {
            AttemptOutcome::Delivered { .. } => Ok(headers),
            other => Err(other),
        }
    }
}
