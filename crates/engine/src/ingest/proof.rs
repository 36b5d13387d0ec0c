//! Whether a request comes from its sender, and the handshakes of providers.

use std::time::Duration;

use stentor_core::destination_url::DestinationUrl;
use stentor_core::source::OnInvalid;
use stentor_core::time::Time;
use stentor_verify::provider::{
    Answer, CertificateUrl, Key, Refusal, Request, Scheme, Verified, challenge, needs_certificate, verify,
};
use tracing::info;

use super::gate::Gate;
use super::{Head, IngestRefusal};
use crate::engine::Engine;

/// How long fetching a certificate or confirming a subscription may take: the provider waits for our answer.
const FETCH_TIME: Duration = Duration::from_secs(5);

/// What verification came to.
pub(super) enum Proven {
    /// A handshake.
    Challenge(Answer),
    /// Genuine, or nothing was asked for.
    Genuine(Option<Verified>),
}

impl Engine {
    /// Answers a handshake or verifies the request.
    pub(super) async fn prove(&self, gate: &Gate, head: &Head, body: &[u8]) -> Result<Proven, IngestRefusal> {
        let Some(scheme) = &gate.known.scheme else { return Ok(Proven::Genuine(None)) };
        let now = self.clock().now();
        let url = match &gate.source().config.public_url {
            Some(url) => url.with_query(head.query.as_deref()),
            None => head.url.clone(),
        };
        let headers: Vec<(&str, &[u8])> =
            head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let mut request =
            Request { method: &head.method, url: &url, headers: &headers, body, certificate: None };
        let refused = |refusal| unproven(gate, scheme, refusal);
        let needed = needs_certificate(scheme, &request).map_err(&refused)?;
        let certificate = match &needed {
            Some(url) => Some(self.certificate(url, now).await?),
            None => None,
        };
        request.certificate = certificate.as_deref();
        let decided = decide(scheme, &gate.known.keys_at(now), &request, now).map_err(&refused)?;
        if let Proven::Challenge(Answer { confirm: Some(url), .. }) = &decided {
            self.confirm(url, now).await;
        }
        Ok(decided)
    }

    /// The certificate at a provider's address, from memory when it was fetched lately.
    async fn certificate(&self, url: &CertificateUrl, now: Time) -> Result<Vec<u8>, IngestRefusal> {
        if let Some(known) = self.certificates().get(url.as_str(), now) {
            return Ok(known.to_vec());
        }
        let fetched = self.fetch(url, now).await.map_err(IngestRefusal::CertificateUnavailable)?;
        self.certificates().keep(url.as_str(), fetched.clone(), now);
        Ok(fetched.to_vec())
    }

    /// Completes a subscription. The sender repeats the handshake when it did not work.
    async fn confirm(&self, url: &CertificateUrl, now: Time) {
        if let Err(problem) = self.fetch(url, now).await {
            info!(%problem, "a subscription could not be confirmed; its sender will ask again");
        }
    }

    /// Reads what is at a provider's address through the guarded client; redirects are not followed.
    async fn fetch(&self, url: &CertificateUrl, now: Time) -> Result<bytes::Bytes, String> {
        let client = self.outbound().ok_or("this engine does not send over the network")?;
        let url =
            DestinationUrl::parse(url.as_str(), self.address_policy()).map_err(|error| error.to_string())?;
        let look = client.get(&url, now, FETCH_TIME).await;
        if !look.report.outcome.is_success() {
            return Err(look.report.outcome.kind().to_owned());
        }
        match look.report.response {
            Some(captured) if captured.truncated => Err("it is too large".into()),
            Some(captured) => Ok(captured.body),
            None => Ok(bytes::Bytes::new()),
        }
    }
}

fn decide(scheme: &Scheme, keys: &[Key], request: &Request<'_>, now: Time) -> Result<Proven, Refusal> {
    let now_ms = u64::try_from(now.as_millis()).unwrap_or(0);
    if let Some(answer) = challenge(scheme, keys, request, now_ms)? {
        return Ok(Proven::Challenge(answer));
    }
    verify(scheme, keys, request, now_ms).map(|verified| Proven::Genuine(Some(verified)))
}

fn unproven(gate: &Gate, scheme: &Scheme, refusal: Refusal) -> IngestRefusal {
    IngestRefusal::Unproven {
        refusal: Box::new(refusal),
        answer: scheme.refused_answer().map(Box::new),
        is_hidden: gate.source().config.on_invalid == OnInvalid::StoreAnd200,
    }
}
