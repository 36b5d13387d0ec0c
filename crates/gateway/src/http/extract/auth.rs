//! Who asks, and for which tenant.

use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use stentor_core::id::{TenantId, TokenId};
use stentor_core::token::{Scope, Token, TokenOwner};

use crate::http::AppState;
use crate::http::problem::{Code, Problem};
use crate::http::rate_limit::ActsFor;

/// Chooses the tenant that the operator's token acts for.
pub const TENANT_HEADER: &str = "stentor-tenant";
/// Longest token that is looked up at all, in bytes.
const TOKEN_BYTES_MAX: usize = 512;

/// A scope that a handler demands, named in its signature.
pub trait DemandedScope: Send + Sync {
    /// The scope.
    const SCOPE: Scope;
}

/// Demands the scope `publish`.
#[derive(Debug, Clone, Copy)]
pub struct CanPublish;

/// Demands the scope `read`.
#[derive(Debug, Clone, Copy)]
pub struct CanRead;

/// Demands the scope `manage`.
#[derive(Debug, Clone, Copy)]
pub struct CanManage;

impl DemandedScope for CanPublish {
    const SCOPE: Scope = Scope::Publish;
}

impl DemandedScope for CanRead {
    const SCOPE: Scope = Scope::Read;
}

impl DemandedScope for CanManage {
    const SCOPE: Scope = Scope::Manage;
}

/// The tenant that a request acts for, by a token that has the scope `S`.
///
/// A tenant's token acts for its tenant. The operator's acts for the tenant that `Stentor-Tenant` names, or for the one
/// named `default`.
#[derive(Debug, Clone)]
pub struct TenantAuth<S> {
    /// Whom the request acts for; every query takes it.
    pub tenant: TenantId,
    /// The token used.
    pub token: Arc<Token>,
    scope: PhantomData<S>,
}

impl<S> TenantAuth<S> {
    /// The token, if it is one that the tenant can revoke while the request is under way.
    pub fn revocable(&self) -> Option<TokenId> {
        match self.token.owner {
            TokenOwner::Tenant(_) => Some(self.token.id),
            TokenOwner::Operator => None,
        }
    }
}

impl<S: DemandedScope> FromRequestParts<AppState> for TenantAuth<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let token = authenticate(parts, state).await?;
        if !token.scopes.contains(S::SCOPE) {
            return Err(Problem::insufficient_scope(S::SCOPE));
        }
        let named = named_tenant(&parts.headers)?;
        let tenant = match token.owner {
            TokenOwner::Tenant(own) => own_tenant(own, named)?,
            TokenOwner::Operator => chosen_tenant(named, state).await?,
        };
        if let Some(acts_for) = parts.extensions.get::<ActsFor>() {
            acts_for.set(tenant);
        }
        Ok(Self { tenant, token, scope: PhantomData })
    }
}

/// The operator.
#[derive(Debug, Clone)]
pub struct OperatorAuth {
    /// The token used.
    pub token: Arc<Token>,
}

impl FromRequestParts<AppState> for OperatorAuth {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let token = authenticate(parts, state).await?;
        match token.owner {
            TokenOwner::Operator => Ok(Self { token }),
            TokenOwner::Tenant(_) => {
                Err(Problem::new(Code::OperatorRequired, "This needs the operator's token."))
            }
        }
    }
}

/// The token of a request.
///
/// # Errors
/// When there is none that lives, or the address has sent too many that do not.
pub async fn authenticate(parts: &Parts, state: &AppState) -> Result<Arc<Token>, Problem> {
    let secret = bearer(&parts.headers)?;
    let engine = state.engine();
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let wait = peer.and_then(|peer| state.guesses().wait(peer, engine.clock().elapsed()));
    if let Some(wait) = wait
        && !engine.authenticator().has_worked(secret)
    {
        let detail = "Too many wrong tokens came from this address; wait before the next one.";
        return Err(Problem::new(Code::TooManyWrongTokens, detail).with_retry_after(wait));
    }
    let token = match secret.len() {
        ..=TOKEN_BYTES_MAX => engine.authenticator().authenticate(secret).await?,
        _ => None,
    };
    token.ok_or_else(|| {
        note_wrong_token(peer, state);
        Problem::new(Code::InvalidToken, "The token is unknown, revoked or expired.")
    })
}

/// Told once, not for each: whoever guesses must not fill the log.
fn note_wrong_token(peer: Option<IpAddr>, state: &AppState) {
    if let Some(peer) = peer
        && state.guesses().note(peer, state.engine().clock().elapsed())
    {
        tracing::warn!(%peer, "too many wrong tokens come from this address; it has to wait");
    }
}

/// The secret of `Authorization: Bearer …` (RFC 6750; the scheme in any case, RFC 9110 section 11.1).
fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let refuse = |detail: &str| Problem::new(Code::Unauthenticated, detail);
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or_else(|| refuse("Send Authorization: Bearer <token>."))?;
    if values.next().is_some() {
        return Err(refuse("Authorization is given twice; send it once."));
    }
    let text = value.to_str().map_err(|_| refuse("Authorization holds characters outside visible ASCII."))?;
    let (scheme, secret) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(refuse("Authorization must use the scheme Bearer."));
    }
    let secret = secret.trim_matches(' ');
    if secret.is_empty() || secret.contains([' ', '\t']) {
        return Err(refuse("Authorization: Bearer must be followed by one token."));
    }
    Ok(secret)
}

fn named_tenant(headers: &HeaderMap) -> Result<Option<TenantId>, Problem> {
    let Some(value) = headers.get(TENANT_HEADER) else { return Ok(None) };
    let id = value.to_str().ok().and_then(|text| text.parse().ok());
    id.map(Some)
        .ok_or_else(|| Problem::new(Code::InvalidRequest, "Stentor-Tenant must be the id of a tenant, tnt_…"))
}

fn own_tenant(own: TenantId, named: Option<TenantId>) -> Result<TenantId, Problem> {
    if named.is_none_or(|named| named == own) {
        return Ok(own);
    }
    Err(Problem::new(
        Code::OperatorRequired,
        "Only the operator's token may choose another tenant; leave Stentor-Tenant out.",
    ))
}

async fn chosen_tenant(named: Option<TenantId>, state: &AppState) -> Result<TenantId, Problem> {
    let missing = || Problem::new(Code::NotFound, "There is no such tenant; name one in Stentor-Tenant.");
    state.chosen_tenant(named).await?.ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (AUTHORIZATION, HeaderValue::from_str(value).expect("legal"))).collect()
    }

    #[test]
    fn the_scheme_is_read_in_any_case_and_everything_else_refused() {
        for text in ["Bearer stk_x", "bearer stk_x", "BEARER  stk_x "] {
            assert_eq!(bearer(&headers(&[text])).expect("one token"), "stk_x", "{text}");
        }
        for values in [
            &[][..],
            &["Basic eA=="],
            &["Bearer"],
            &["Bearer "],
            &["Bearer a b"],
            &["stk_x"],
            &["Bearer a", "Bearer b"],
        ] {
            let problem = bearer(&headers(values)).expect_err("refused");
            assert_eq!(problem.code(), Code::Unauthenticated, "{values:?}");
        }
    }

    #[test]
    fn a_tenants_token_acts_for_its_tenant_only() {
        let (own, other) = (TenantId::from_bytes([1; 16]), TenantId::from_bytes([2; 16]));
        assert_eq!(own_tenant(own, None).expect("own"), own);
        assert_eq!(own_tenant(own, Some(own)).expect("own"), own);
        assert_eq!(own_tenant(own, Some(other)).expect_err("foreign").code(), Code::OperatorRequired);
    }

    #[test]
    fn a_malformed_tenant_is_not_ignored() {
        let mut map = HeaderMap::new();
        assert!(matches!(named_tenant(&map), Ok(None)));
        map.insert(TENANT_HEADER, HeaderValue::from_static("acme"));
        assert_eq!(named_tenant(&map).expect_err("not an id").code(), Code::InvalidRequest);
    }
}
