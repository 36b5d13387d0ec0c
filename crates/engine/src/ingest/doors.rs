//! The gates of the sources that requests came to: what each counts between requests. The sources themselves are the directory's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use stentor_core::arrival::{Arrival, Proof};
use stentor_core::id::SourceId;
use stentor_store::StoreError;

use super::gate::Gate;
use crate::engine::Engine;
use crate::sources::{KnownSource, SourceDirectory};

/// Most gates kept beyond those of sources that exist; then those of others go.
const SPARE_MAX: usize = 1_024;

/// The gates of sources that requests came to.
#[derive(Debug, Default)]
pub(crate) struct Doors(Mutex<HashMap<SourceId, Arc<Gate>>>);

impl Doors {
    /// The source's gate. A change of the source makes a new one, which goes on counting where the old one was.
    pub(super) fn gate(&self, known: Arc<KnownSource>, sources: &SourceDirectory) -> Arc<Gate> {
        let mut gates = self.0.lock().expect("no panic while holding the lock");
        let id = known.source.id;
        let before = gates.get(&id);
        if let Some(gate) = before.filter(|gate| Arc::ptr_eq(&gate.known, &known)) {
            return Arc::clone(gate);
        }
        let gate = Arc::new(Gate::new(known, before.map(|gate| &**gate)));
        if before.is_none() && gates.len() >= sources.count() + SPARE_MAX {
            gates.retain(|id, _| sources.source(*id).is_some());
        }
        gates.insert(id, Arc::clone(&gate));
        gate
    }
}

impl Engine {
    /// Whether the source still takes what arrived, and by the same credential.
    pub(crate) async fn still_open(&self, arrival: &Arrival) -> Result<bool, StoreError> {
        let now = self.clock().now();
        let Some(known) = self.sources().source(arrival.source) else { return Ok(false) };
        let source = &known.source;
        if !source.takes_at(now) {
            return Ok(false);
        }
        match arrival.proof {
            Proof::Credential(id) => {
                let credential = self.store().credential(source.tenant, source.id, id).await?;
                Ok(credential.is_some_and(|credential| credential.is_live(now)))
            }
            Proof::None | Proof::Key(_) => Ok(true),
        }
    }
}
