//! Credentials: made here, shown once, known afterwards by their keyed hash.

use stentor_core::credential::{Credential, CredentialPair};
use stentor_core::id::{CredentialId, SourceId, TenantId};
use stentor_core::limits::TEXT_BYTES_MAX;
use stentor_core::source::SourceRefusal;
use stentor_core::time::Time;
use stentor_store::credentials::CredentialCreated;

use super::SourceError;
use crate::engine::Engine;
use crate::entropy;

/// A credential to be made.
#[derive(Debug, Clone)]
pub struct CredentialDraft {
    /// Name shown to people.
    pub name: String,
    /// Where it is used.
    pub environment: Option<String>,
    /// When it stops working by itself.
    pub expires_at: Option<Time>,
}

/// A change of a credential: what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct CredentialChange {
    /// New name.
    pub name: Option<String>,
    /// New environment; the inner `None` removes it.
    pub environment: Option<Option<String>>,
    /// New end; the inner `None` removes it.
    pub expires_at: Option<Option<Time>>,
}

impl Engine {
    /// Makes a credential of a source. The password can be read from the answer and nowhere later.
    ///
    /// # Errors
    /// When the source is none with credentials, has too many, a rule is broken, or the plan does not include receiving.
    pub async fn create_credential(
        &self,
        tenant: TenantId,
        source: SourceId,
        draft: CredentialDraft,
    ) -> Result<(Credential, CredentialPair), SourceError> {
        let now = self.clock().now();
        let of = self.store().source(tenant, source).await?.ok_or(SourceError::NotFound)?;
        self.check_ingest(tenant).await?;
        if !of.config.verification.is_basic() {
            return Err(SourceError::NoCredentials);
        }
        let pair = CredentialPair::generate(&entropy::pair_bytes());
        let credential = Credential {
            id: CredentialId::new(now, entropy::bits()),
            source,
            tenant,
            name: draft.name,
            environment: draft.environment,
            username: pair.username.clone(),
            created_at: now,
            last_used_at: None,
            expires_at: draft.expires_at,
            revoked_at: None,
        };
        check(&credential, draft.expires_at, now)?;
        match self.store().create_credential(&credential, &pair.user_pass(), now).await? {
            CredentialCreated::Done => {
                self.source_changed(tenant, source).await?;
                Ok((credential, pair))
            }
            CredentialCreated::TooMany => Err(SourceError::TooManyCredentials),
            CredentialCreated::NoSource => Err(SourceError::NotFound),
        }
    }

    /// Changes name, environment or end of a credential that is not revoked.
    ///
    /// # Errors
    /// When a rule is broken, or there is no such credential.
    pub async fn change_credential(
        &self,
        tenant: TenantId,
        source: SourceId,
        id: CredentialId,
        change: CredentialChange,
    ) -> Result<Credential, SourceError> {
        let read = self.store().credential(tenant, source, id).await?;
        let mut credential = read.ok_or(SourceError::NotFound)?;
        let end = change.expires_at.flatten();
        credential.name = change.name.unwrap_or(credential.name);
        credential.environment = change.environment.unwrap_or(credential.environment);
        credential.expires_at = change.expires_at.unwrap_or(credential.expires_at);
        check(&credential, end, self.clock().now())?;
        if !self.store().update_credential(&credential).await? {
            return Err(SourceError::NotFound);
        }
        self.source_changed(tenant, source).await?;
        Ok(credential)
    }

    /// Revokes a credential; it stops working at once.
    ///
    /// # Errors
    /// When there is no such credential, or it was revoked before.
    pub async fn revoke_credential(
        &self,
        tenant: TenantId,
        source: SourceId,
        id: CredentialId,
    ) -> Result<(), SourceError> {
        if !self.store().revoke_credential(tenant, source, id, self.clock().now()).await? {
            return Err(SourceError::NotFound);
        }
        Ok(self.source_changed(tenant, source).await?)
    }
}

/// `new_end` is the end if it is to be set now: one that has passed already can stay, but not be chosen.
fn check(credential: &Credential, new_end: Option<Time>, now: Time) -> Result<(), SourceError> {
    let text = |text: &str| {
        !text.trim().is_empty() && text.len() <= TEXT_BYTES_MAX && !text.contains(char::is_control)
    };
    let rule = format!("must be 1 to {TEXT_BYTES_MAX} bytes, not blank, without control characters");
    let mut broken = Vec::new();
    if !text(&credential.name) {
        broken.push(SourceRefusal::at("/name", rule.clone()));
    }
    if !credential.environment.as_deref().is_none_or(text) {
        broken.push(SourceRefusal::at("/environment", rule));
    }
    if new_end.is_some_and(|end| end <= now) {
        broken.push(SourceRefusal::at("/expires_at", "must lie in the future"));
    }
    if broken.is_empty() { Ok(()) } else { Err(SourceError::Refused(broken)) }
}
