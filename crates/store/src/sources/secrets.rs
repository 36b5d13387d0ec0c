//! How every backend keeps what a source is configured with: JSON, the secrets sealed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stentor_core::id::SourceId;
use stentor_core::source::{Source, SourceKey, SourceSecrets};
use stentor_core::time::Time;
use stentor_core::webhook::SecretText;
use zeroize::Zeroizing;

use crate::error::{StoreError, StoreResult, unreadable};
use crate::seal::{Place, Sealer};

/// Secrets as they are sealed: JSON of its own, because the API's text form of a time drops microseconds.
#[derive(Serialize, Deserialize)]
struct Stored {
    keys: Vec<StoredKey>,
    options: BTreeMap<String, SecretText>,
}

#[derive(Serialize, Deserialize)]
struct StoredKey {
    value: SecretText,
    /// Microseconds since the Unix epoch.
    until: Option<i64>,
}

fn place(id: &SourceId) -> Place<'_> {
    Place { table: "sources", row: id.as_bytes(), field: "secrets" }
}

/// The secrets of a source, sealed.
pub(crate) fn seal(source: &Source, sealer: &Sealer) -> StoreResult<Vec<u8>> {
    let store =
        |key: &SourceKey| StoredKey { value: key.value.clone(), until: key.until.map(Time::as_micros) };
    let SourceSecrets { keys, options } = &source.secrets;
    let stored = Stored { keys: keys.iter().map(store).collect(), options: options.clone() };
    let failed = |_| StoreError::Unexpected("a source's secrets cannot be written as JSON".into());
    let json = Zeroizing::new(serde_json::to_vec(&stored).map_err(failed)?);
    Ok(sealer.seal(place(&source.id), &json)?)
}

/// What was sealed.
pub(crate) fn open(id: SourceId, sealed: &[u8], sealer: &Sealer) -> StoreResult<SourceSecrets> {
    let json = sealer.open(place(&id), sealed)?;
    let Stored { keys, options } =
        serde_json::from_slice(&json).map_err(|_| unreadable("a source's secrets"))?;
    let read = |key: StoredKey| SourceKey { value: key.value, until: key.until.map(Time::from_micros) };
    Ok(SourceSecrets { keys: keys.into_iter().map(read).collect(), options })
}

/// The configuration as JSON.
pub(crate) fn config_text(source: &Source) -> StoreResult<String> {
    let failed = |_| StoreError::Unexpected("a source's configuration cannot be written as JSON".into());
    serde_json::to_string(&source.config).map_err(failed)
}
