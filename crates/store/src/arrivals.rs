//! How an event's arrival is kept: JSON with short names, because it stands in the event's own row.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use stentor_core::arrival::{Arrival, Element, Proof};
use stentor_core::id::SourceId;
use stentor_core::time::Time;

use crate::error::{StoreResult, unreadable};

#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    #[serde(rename = "s")]
    source: SourceId,
    /// Microseconds since the Unix epoch.
    #[serde(rename = "t")]
    received_at: i64,
    #[serde(rename = "m", borrow)]
    method: std::borrow::Cow<'a, str>,
    #[serde(rename = "p", borrow)]
    path: std::borrow::Cow<'a, str>,
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    peer: Option<IpAddr>,
    #[serde(rename = "v")]
    proof: Proof,
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    dedupe_id: Option<Box<str>>,
    #[serde(rename = "h")]
    headers: Vec<(Box<str>, Box<str>)>,
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    element: Option<Element>,
}

/// None when it cannot be written, which no value that the type can have leads to.
pub(crate) fn write(arrival: &Arrival) -> Option<Vec<u8>> {
    let stored = Stored {
        source: arrival.source,
        received_at: arrival.received_at.as_micros(),
        method: (&*arrival.method).into(),
        path: (&*arrival.path).into(),
        peer: arrival.peer,
        proof: arrival.proof,
        dedupe_id: arrival.dedupe_id.clone(),
        headers: arrival.headers.clone(),
        element: arrival.element,
    };
    serde_json::to_vec(&stored).ok()
}

pub(crate) fn read(bytes: &[u8]) -> StoreResult<Arrival> {
    let stored: Stored<'_> = serde_json::from_slice(bytes).map_err(|_| unreadable("an event's arrival"))?;
    Ok(Arrival {
        source: stored.source,
        received_at: Time::from_micros(stored.received_at),
        method: stored.method.into(),
        path: stored.path.into(),
        peer: stored.peer,
        proof: stored.proof,
        dedupe_id: stored.dedupe_id,
        headers: stored.headers,
        element: stored.element,
    })
}
