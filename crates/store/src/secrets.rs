//! A webhook's secrets as they are sealed: JSON of its own, because the API's text form of a time drops microseconds.

use serde::{Deserialize, Serialize};
use stentor_core::header::CustomHeaders;
use stentor_core::id::WebhookId;
use stentor_core::time::Time;
use stentor_core::webhook::{SecretText, SigningSecret, WebhookSecrets};
use zeroize::Zeroizing;

use crate::error::{StoreError, StoreResult, unreadable};
use crate::seal::{Place, Sealer};

#[derive(Serialize, Deserialize)]
struct Stored {
    signing: Vec<StoredSecret>,
    headers: CustomHeaders,
}

#[derive(Serialize, Deserialize)]
struct StoredSecret {
    value: SecretText,
    /// Microseconds since the Unix epoch.
    active_from: i64,
    active_until: Option<i64>,
}

/// Where they are sealed for; revisions keep the same sealed bytes.
fn place(id: &WebhookId) -> Place<'_> {
    Place { table: "webhooks", row: id.as_bytes(), field: "secrets" }
}

pub(crate) fn seal(id: WebhookId, secrets: &WebhookSecrets, sealer: &Sealer) -> StoreResult<Vec<u8>> {
    let store = |secret: &SigningSecret| StoredSecret {
        value: secret.value.clone(),
        active_from: secret.active_from.as_micros(),
        active_until: secret.active_until.map(Time::as_micros),
    };
    let stored =
        Stored { signing: secrets.signing.iter().map(store).collect(), headers: secrets.headers.clone() };
    let failed = |_| StoreError::Unexpected("a webhook's secrets cannot be written as JSON".into());
    let json = Zeroizing::new(serde_json::to_vec(&stored).map_err(failed)?);
    Ok(sealer.seal(place(&id), &json)?)
}

pub(crate) fn open(id: WebhookId, sealed: &[u8], sealer: &Sealer) -> StoreResult<WebhookSecrets> {
    let json = sealer.open(place(&id), sealed)?;
    let stored: Stored = serde_json::from_slice(&json).map_err(|_| unreadable("a webhook's secrets"))?;
    let read = |secret: StoredSecret| SigningSecret {
        value: secret.value,
        active_from: Time::from_micros(secret.active_from),
        active_until: secret.active_until.map(Time::from_micros),
    };
    Ok(WebhookSecrets { signing: stored.signing.into_iter().map(read).collect(), headers: stored.headers })
}
