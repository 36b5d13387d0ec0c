//! What is decided before the body is read.

use std::sync::Arc;

use stentor_core::basic_auth::BasicPair;
use stentor_core::id::{CredentialId, SourceId};
use stentor_core::plan::Feature;
use stentor_store::StoreError;

use super::gate::Entered;
use super::{Head, IngestRefusal};
use crate::accept::PublishError;
use crate::engine::Engine;
use crate::sources::KnownSource;

impl Engine {
    /// Lets a request in at `/`, where the credential chooses the source.
    ///
    /// # Errors
    /// Why it may not come in.
    pub async fn enter_by_pair(&self, pair: &BasicPair, head: &Head) -> Result<Entered, IngestRefusal> {
        self.enter_with(pair, None, head).await
    }

    /// Lets a request in with a credential, of this source if one is named.
    async fn enter_with(
        &self,
        pair: &BasicPair,
        of: Option<SourceId>,
        head: &Head,
    ) -> Result<Entered, IngestRefusal> {
        if !head.is_confidential {
            return Err(IngestRefusal::HttpsRequired);
        }
        let now = self.clock().now();
        let (known, credential) =
            self.sources().by_pair(pair.pair(), now).ok_or(IngestRefusal::UnknownCredential)?;
        let is_another = of.is_some_and(|id| id != known.source.id);
        if is_another || !known.source.config.verification.is_basic() {
            return Err(IngestRefusal::UnknownCredential);
        }
        let entered = self.admit(known, Some(credential.credential.id), head).await?;
        self.sources().was_used(&credential, now);
        Ok(entered)
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
        let known = self.sources().source(id).ok_or(IngestRefusal::UnknownSource)?;
        if !known.source.config.verification.is_basic() {
            return self.admit(known, None, head).await;
        }
        let pair = pair.ok_or(IngestRefusal::UnknownCredential)?;
        self.enter_with(pair, Some(id), head).await
    }

    /// Whether the source with this id asks for credentials.
    pub fn asks_for_credentials(&self, id: SourceId) -> bool {
        self.sources().source(id).is_some_and(|known| known.source.config.verification.is_basic())
    }

    async fn admit(
        &self,
        known: Arc<KnownSource>,
        credential: Option<CredentialId>,
        head: &Head,
    ) -> Result<Entered, IngestRefusal> {
        let now = self.clock().now();
        let source = &known.source;
        if !source.takes_at(now) {
            return Err(IngestRefusal::Inactive);
        }
        if !source.config.admits(head.peer) {
            return Err(IngestRefusal::PeerNotAllowed(head.peer));
        }
        let tenant = self.directory().known(source.tenant).await.map_err(unanswered)?;
        let tenant = tenant.ok_or(IngestRefusal::UnknownSource)?;
        if !tenant.includes(Feature::Ingest) {
            return Err(IngestRefusal::NotInPlan);
        }
        let gate = self.doors().gate(known, self.sources());
        let standing = gate.count(now).map_err(IngestRefusal::TooFast)?;
        Ok(Entered { gate, credential, standing })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unanswered(error: StoreError) -> IngestRefusal {
    PublishError::Unavailable(error.to_string()).into()
}
