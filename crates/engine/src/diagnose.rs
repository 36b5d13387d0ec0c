//! Why deliveries do not arrive: a destination looked at step by step, each step with what was found and what to do.
//!
//! The cast: [`finding`] is the table of everything that can be found; [`report`] is what comes out; `network` goes from the
//! URL to an open connection, `certificate` judges what the server showed, `exchange` sends a GET and a signed POST,
//! `webhook` adds what Stentor itself knows. All of it goes through the one guarded client: nothing is dialled here that a
//! delivery would not dial (promise P8), and an address that is refused is not even named.

mod certificate;
mod exchange;
pub mod finding;
mod network;
pub mod report;
mod webhook;

use std::time::Duration;

use stentor_core::address::AddressPolicy;
use stentor_core::destination_url::{DestinationUrl, UrlRefusal};
use stentor_core::id::{TenantId, WebhookId};
use stentor_core::profile::Profile;
use stentor_core::shard::Shard;
use stentor_core::signature::{PreparedSignature, SigningError};
use stentor_core::time::Time;
use stentor_core::webhook::{
    SecretText, SigningSecret, Webhook, WebhookConfig, WebhookSecrets, WebhookStatus,
};
use stentor_store::StoreError;

use self::exchange::Tried;
use self::finding::{CheckName, Finding};
use self::report::{Check, Diagnosis};
use crate::clock::Stopwatch;
use crate::engine::Engine;
use crate::entropy;
use crate::outbound::OutboundClient;
use crate::places::Places;

/// Diagnoses under way in this process: few, because each may hold connections for a minute.
static DIAGNOSES: Places = Places::new(16, 2);

/// What to look at.
#[derive(Debug)]
pub enum Subject {
    /// A webhook of the tenant.
    Webhook(WebhookId),
    /// Any URL; with a secret and a profile a signed request is posted too.
    Url {
        /// As a person wrote it.
        url: String,
        /// How a request to it is signed and shaped.
        signing: Option<(SecretText, Profile)>,
    },
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum DiagnoseError {
    /// There is no such webhook.
    #[error("there is no such webhook")]
    NotFound,
    /// The text is no URL that could ever be a destination.
    #[error("{0}")]
    Url(UrlRefusal),
    /// The secret cannot sign.
    #[error("{0}")]
    Signing(SigningError),
    /// As many as may be are under way.
    #[error("too many diagnoses are under way")]
    TooMany,
    /// This engine does not send over the network.
    #[error("there is no outbound client")]
    NoClient,
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A destination, and the webhook that would send to it.
struct Target {
    /// How long one step may take.
    probe_time: Duration,
    url: DestinationUrl,
    /// Whoever posts; none when nothing can be signed.
    sends: Option<Webhook>,
    /// The tenant's own webhook.
    stored: bool,
}

impl Engine {
    /// Looks at a destination. What is wrong with it is in the report and no error.
    ///
    /// # Errors
    /// When there is nothing to look at, too many look, or the database does not answer.
    pub async fn diagnose(&self, tenant: TenantId, subject: Subject) -> Result<Diagnosis, DiagnoseError> {
        let _place = DIAGNOSES.enter(tenant).ok_or(DiagnoseError::TooMany)?;
        let client = self.outbound().ok_or(DiagnoseError::NoClient)?;
        let (started_at, stopwatch) = (self.clock().now(), Stopwatch::start());
        let target = self.target(tenant, subject, started_at).await?;
        let mut checks = look(self, client, &target, started_at).await?;
        if let Some(webhook) = target.sends.as_ref().filter(|_| target.stored) {
            checks.extend(webhook::checks(self, webhook, started_at).await?);
        }
        Ok(Diagnosis {
            webhook: target.sends.filter(|_| target.stored).map(|webhook| webhook.id),
            url: target.url.redacted(),
            started_at,
            duration: stopwatch.elapsed(),
            checks,
        })
    }

    async fn target(&self, tenant: TenantId, subject: Subject, now: Time) -> Result<Target, DiagnoseError> {
        let probe_time = self.probe_time();
        match subject {
            Subject::Webhook(id) => {
                let webhook = self.store().webhook(tenant, id).await?.ok_or(DiagnoseError::NotFound)?;
                Ok(Target { probe_time, url: webhook.config.url.clone(), sends: Some(webhook), stored: true })
            }
            Subject::Url { url, signing } => {
                let url = DestinationUrl::from_stored(&url).map_err(DiagnoseError::Url)?;
                let sends = match signing {
                    Some((secret, profile)) => Some(passing(tenant, url.clone(), secret, profile, now)?),
                    None => None,
                };
                Ok(Target { probe_time, url, sends, stored: false })
            }
        }
    }
}

/// A webhook that exists for one request. Its version is used once, so that nothing prepared for it is used again.
fn passing(
    tenant: TenantId,
    url: DestinationUrl,
    secret: SecretText,
    profile: Profile,
    now: Time,
) -> Result<Webhook, DiagnoseError> {
    let id = WebhookId::from_bytes([0; 16]);
    let config = WebhookConfig { profile, ..WebhookConfig::new(url, Vec::new()) };
    let signing = vec![SigningSecret { value: secret, active_from: Time::ZERO, active_until: None }];
    PreparedSignature::new(&config.effective_signature(), &signing, now).map_err(DiagnoseError::Signing)?;
    Ok(Webhook {
        id,
        tenant,
        shard: Shard::of(id),
        config,
        secrets: WebhookSecrets { signing, headers: Default::default() },
        status: WebhookStatus::Active,
        version: entropy::bits(),
        created_at: now,
        updated_at: now,
    })
}

/// Step by step until one makes the next ones pointless.
async fn look(
    engine: &Engine,
    client: &OutboundClient,
    target: &Target,
    now: Time,
) -> Result<Vec<Check>, DiagnoseError> {
    let mut checks = Vec::new();
    if connect(client, target, engine.address_policy(), now, &mut checks).await {
        exchange(engine, client, target, now, &mut checks).await;
    }
    let rest = [CheckName::Dns, CheckName::Tcp, CheckName::Tls]
        .into_iter()
        .chain(certificate::CHECKS)
        .chain([CheckName::Get, CheckName::Post, CheckName::Redirect, CheckName::Time]);
    for name in rest {
        if !checks.iter().any(|check| check.name == name) {
            checks.push(Check::not_tried(name));
        }
    }
    Ok(checks)
}

/// Whether requests can be sent.
async fn connect(
    client: &OutboundClient,
    target: &Target,
    policy: &AddressPolicy,
    now: Time,
    checks: &mut Vec<Check>,
) -> bool {
    let url = &target.url;
    checks.push(network::url(url, policy));
    if checks.iter().any(Check::has_failed) {
        return false;
    }
    checks.push(network::dns(client, url, target.probe_time).await);
    if checks.iter().any(Check::has_failed) {
        return false;
    }
    let (tcp, connection) = network::tcp(client, url, target.probe_time).await;
    checks.push(tcp);
    let Some(connection) = connection else { return false };
    if !url.is_https() {
        let text = "The URL is plain http, so nothing is encrypted.";
        checks.push(Check::new(CheckName::Tls, Finding::TlsNotUsed, text));
        let text = "There is no certificate to look at, because the URL is plain http.";
        checks.extend(certificate::CHECKS.map(|name| Check::new(name, Finding::NotTried, text)));
        return true;
    }
    let stopwatch = Stopwatch::start();
    let look = client.handshake(url, connection, target.probe_time).await;
    checks.push(certificate::handshake(&look).took(stopwatch.elapsed()));
    checks.extend(certificate::judge(&look, url, now));
    look.failure.is_none()
}

async fn exchange(
    engine: &Engine,
    client: &OutboundClient,
    target: &Target,
    now: Time,
    checks: &mut Vec<Check>,
) {
    let get = exchange::get(client, &target.url, now, target.probe_time).await;
    let post = match &target.sends {
        None => None,
        // It cannot fail to start: the event is at hand.
        Some(webhook) => exchange::post(engine.sender(), webhook.clone(), now, target.probe_time).await.ok(),
    };
    let post: Option<&Tried> = post.as_ref();
    checks.push(exchange::judge_get(&get, post));
    checks.push(match post {
        Some(post) => exchange::judge_post(post),
        None => Check::new(CheckName::Post, Finding::PostNotPossible, "Nothing was posted."),
    });
    let timeout =
        target.sends.as_ref().map_or(target.probe_time, |webhook| webhook.config.effective_policy().timeout);
    checks.push(exchange::redirect(&get, post));
    checks.push(exchange::time(&get, post, timeout));
}
