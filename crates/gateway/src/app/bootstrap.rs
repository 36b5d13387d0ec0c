//! What the first start makes: the tenant `default`, a token for it, and the operator's token unless it is configured.
//!
//! It is a first start when there is neither a tenant nor an event. A start that was killed in between is one again; an
//! installation whose tenants were all deleted, but which still has events, keeps its operator's token.

use std::fmt;

use anyhow::{Context, bail};
use stentor_core::id::{TenantId, TokenId};
use stentor_core::tenant::{DEFAULT_PLAN, Tenant, TenantSettings};
use stentor_core::token::{Scopes, Token, TokenOwner};
use stentor_core::webhook::SecretText;
use stentor_engine::clock::Clock;
use stentor_engine::entropy;
use stentor_store::Store;
use stentor_store::tenants::TenantSaved;

use crate::http::api::tokens::new_secret;
use crate::http::{DEFAULT_TENANT, sign_in_links};

/// What the first start made. The secrets can be read nowhere later.
#[derive(Debug)]
pub struct FirstStart {
    /// The operator's token; none when it is configured.
    pub operator_token: Option<SecretText>,
    /// The tenant `default`.
    pub tenant: TenantId,
    /// Its token, with all scopes.
    pub tenant_token: SecretText,
    /// The path that signs the operator in to the dashboard, once.
    pub sign_in: SecretText,
}

impl fmt::Display for FirstStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "First start. The tokens are shown this once; keep them.")?;
        if let Some(token) = &self.operator_token {
            writeln!(f, "  operator token  {}", token.reveal())?;
        }
        writeln!(f, "  tenant          {} ({DEFAULT_TENANT})", self.tenant)?;
        write!(f, "  tenant token    {}", self.tenant_token.reveal())
    }
}

/// Puts the configured operator's token in force, and makes what is missing on a first start.
pub(super) async fn run(
    store: &dyn Store,
    clock: &dyn Clock,
    configured: Option<&SecretText>,
) -> anyhow::Result<Option<FirstStart>> {
    let first = store.tenants(None, 1).await?.rows.is_empty() && store.conservation(None).await?.events == 0;
    let made = (first && configured.is_none()).then(|| SecretText::new(new_secret()));
    let operator = match configured.or(made.as_ref()) {
        Some(secret) => Some(set_operator_token(store, clock, secret).await?),
        None => None,
    };
    let Some(operator) = operator.filter(|_| first) else { return Ok(None) };
    let (tenant, tenant_token) = create_default_tenant(store, clock).await?;
    let sign_in = create_sign_in_link(store, clock, operator).await?;
    Ok(Some(FirstStart { operator_token: made, tenant, tenant_token, sign_in }))
}

/// Puts the token in force and tells its id.
async fn set_operator_token(
    store: &dyn Store,
    clock: &dyn Clock,
    secret: &SecretText,
) -> anyhow::Result<TokenId> {
    let now = clock.now();
    if let Some(token) = store.token_by_secret(secret.reveal()).await? {
        if token.owner == TokenOwner::Operator && token.is_live(now) {
            return Ok(token.id);
        }
        if token.owner != TokenOwner::Operator {
            bail!("the configured operator token is already a tenant's token; choose another");
        }
    }
    let token = token(clock, TokenOwner::Operator, "operator");
    store
        .set_operator_token(&token, secret.reveal())
        .await
        .context("the operator's token could not be stored")?;
    Ok(token.id)
}

async fn create_default_tenant(
    store: &dyn Store,
    clock: &dyn Clock,
) -> anyhow::Result<(TenantId, SecretText)> {
    let created_at = clock.now();
    let tenant = Tenant {
        id: TenantId::new(created_at, entropy::bits()),
        name: DEFAULT_TENANT.into(),
        plan: DEFAULT_PLAN.into(),
        default_profile: None,
        config_version: 1,
        settings: TenantSettings::default(),
        created_at,
    };
    let saved = store.create_tenant(&tenant).await?;
    anyhow::ensure!(
        saved == TenantSaved::Done,
        "the tenant {DEFAULT_TENANT} could not be created: {saved:?}"
    );
    let secret = SecretText::new(new_secret());
    let token = token(clock, TokenOwner::Tenant(tenant.id), "first start");
    let stored = store.create_token(&token, secret.reveal()).await?;
    anyhow::ensure!(stored, "the tenant {DEFAULT_TENANT} is gone");
    Ok((tenant.id, secret))
}

async fn create_sign_in_link(
    store: &dyn Store,
    clock: &dyn Clock,
    operator: TokenId,
) -> anyhow::Result<SecretText> {
    let made = sign_in_links::create(store, operator, clock.now(), None).await;
    made.map(SecretText::new).context("the link to the dashboard could not be stored")
}

fn token(clock: &dyn Clock, owner: TokenOwner, name: &str) -> Token {
    let created_at = clock.now();
    Token {
        id: TokenId::new(created_at, entropy::bits()),
        owner,
        name: name.into(),
        scopes: Scopes::all(),
        created_at,
        expires_at: None,
        revoked_at: None,
    }
}
