//! What is decided before the body is read.

use std::sync::Arc;

use stentor_core::basic_auth::BasicPair;
use stentor_core::id::{CredentialId, SourceId};
use stentor_core::plan::Feature;
use stentor_store::StoreError;

use super::gate::{Entered, Gate};
use super::{Head, IngestRefusal};
use crate::accept::PublishError;
use crate::engine::Engine;

impl Engine {
    /// Lets a request in at `/`, where the credential chooses the source.
    ///
    /// # Errors
    /// Why it may not come in.
    pub async fn enter_by_pair(&self, pair: &BasicPair, head: &Head) -> Result<Entered, IngestRefusal> {
        if !head.is_confidential {
            return Err(IngestRefusal::HttpsRequired);
        }
        let now = self.clock().now();
        let found = self.doors().credential(pair.pair()).await.map_err(unanswered)?;
        let live = found.filter(|credential| credential.is_live(now));
        let credential = live.ok_or(IngestRefusal::UnknownCredential)?;
        let gate = self.doors().gate(credential.source).await.map_err(unanswered)?;
        let is_basic = |gate: &Arc<Gate>| gate.source.config.verification.is_basic();
        let gate = gate.filter(is_basic).ok_or(IngestRefusal::UnknownCredential)?;
        self.admit(gate, Some(credential.id), head).await
    }

    /// Lets a request in at `/in/{source_id}`. A source with credentials asks for one of its own; `pair` is what the request
    /// shows, if it shows anything.
    ///
    /// # Errors
    /// Why it may not come in. When the credential is missing, [`IngestRefusal::UnknownCredential`].
    pub async fn enter_by_id(
        &self,
        id: SourceId,
        pair: Option<&BasicPair>,
        head: &Head,
    ) -> Result<Entered, IngestRefusal> {
        let gate = self.doors().gate(id).await.map_err(unanswered)?.ok_or(IngestRefusal::UnknownSource)?;
        if !gate.source.config.verification.is_basic() {
            return self.admit(gate, None, head).await;
        }
        let pair = pair.ok_or(IngestRefusal::UnknownCredential)?;
        let entered = self.enter_by_pair(pair, head).await?;
        if entered.gate.source.id == id { Ok(entered) } else { Err(IngestRefusal::UnknownCredential) }
    }

    /// Whether the source with this id asks for credentials; none when there is no such source.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn asks_for_credentials(&self, id: SourceId) -> Result<Option<bool>, StoreError> {
        let gate = self.doors().gate(id).await?;
        Ok(gate.map(|gate| gate.source.config.verification.is_basic()))
    }

    async fn admit(
        &self,
        gate: Arc<Gate>,
        credential: Option<CredentialId>,
        head: &Head,
    ) -> Result<Entered, IngestRefusal> {
        let now = self.clock().now();
        let source = &gate.source;
        if !source.takes_at(now) {
            return Err(IngestRefusal::Inactive);
        }
        if !source.config.admits(head.peer) {
            return Err(IngestRefusal::PeerNotAllowed(head.peer));
        }
        let known = self.directory().known(source.tenant).await.map_err(unanswered)?;
        let known = known.ok_or(IngestRefusal::UnknownSource)?;
        if !known.plan.features.contains(&Feature::Ingest) {
            return Err(IngestRefusal::NotInPlan);
        }
        let standing = gate.count(now).map_err(IngestRefusal::TooFast)?;
        if let Some(credential) = credential {
            self.doors().note_used(credential, now);
        }
        Ok(Entered { gate, credential, standing })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unanswered(error: StoreError) -> IngestRefusal {
    PublishError::Unavailable(error.to_string()).into()
}
