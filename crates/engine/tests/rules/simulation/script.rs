//! What the receiver does in a life.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use fastrand::Rng;
use stentor_core::id::DeliveryId;
use tokio::sync::Semaphore;

use crate::support::*;

/// How often each attempt came, by the number of deaths before it.
pub(super) type Came = Arc<Mutex<HashMap<(DeliveryId, u32, u64), u32>>>;

pub(super) fn note(visit: &Visit, deaths: &AtomicU64, came: &Came) {
    let key = (visit.delivery, visit.number, deaths.load(Ordering::SeqCst));
    *came.lock().unwrap().entry(key).or_insert(0) += 1;
}

/// What a request gets depends on the seed, the event and the attempt alone.
pub(super) fn script(
    seed: u64,
    gate: &Arc<Semaphore>,
    deaths: &Arc<AtomicU64>,
    came: &Came,
) -> impl Fn(&Visit) -> Answer + Send + Sync + use<> {
    let (gate, deaths, came) = (Arc::clone(gate), Arc::clone(deaths), Arc::clone(came));
    move |visit| {
        note(visit, &deaths, &came);
        let mut rng = Rng::with_seed(seed ^ visit.n().rotate_left(20) ^ u64::from(visit.number));
        match rng.u32(0..100) {
            0..60 => Answer::Status(200),
            60..80 => Answer::Status(500),
            80..90 => Answer::Slow(rng.u32(1..20), if rng.bool() { 200 } else { 503 }),
            90..94 => Answer::Later(429, seconds(rng.u64(1..5))),
            94..99 => Answer::Held(Arc::clone(&gate), if rng.bool() { 200 } else { 500 }),
            _ => Answer::Status(410),
        }
    }
}
