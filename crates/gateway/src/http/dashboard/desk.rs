//! What a page of somebody who is signed in has at hand.

use std::sync::Arc;

use axum::extract::{FromRequestParts, OriginalUri};
use http::Method;
use http::header::HOST;
use http::request::Parts;
use stentor_core::id::TenantId;
use stentor_core::tenant::Tenant;
use stentor_core::token::{Scope, TokenOwner};

use super::calls::Calls;
use super::refusal::Refusal;
use super::session::Session;
use super::shell::{Place, Shell, Theme};
use super::{Dashboard, cookies};
use crate::http::AppState;
use crate::http::problem::{Code, Problem};

/// Keeps which tenant the operator looks at.
pub(super) const TENANT_COOKIE: &str = "stentor-tenant";
/// Most tenants that the switcher offers.
const TENANTS_OFFERED: u32 = 100;

/// A signed-in reader, the tenant that pages are about, and the API.
pub(super) struct Desk {
    /// The API for this reader.
    pub(super) calls: Calls,
    /// The session.
    pub(super) session: Session,
    /// The state of the gateway.
    pub(super) app: AppState,
    tenant: Tenant,
    tenants: Vec<Tenant>,
    theme: Theme,
}

impl Desk {
    /// The tenant that pages are about.
    pub(super) fn tenant(&self) -> TenantId {
        self.tenant.id
    }

    /// Whether the reader may change things.
    pub(super) fn can_manage(&self) -> bool {
        self.session.token.scopes.contains(Scope::Manage)
    }

    /// Whether the reader is the operator.
    pub(super) fn is_operator(&self) -> bool {
        self.session.token.owner == TokenOwner::Operator
    }

    /// What is around a page.
    pub(super) fn shell(&self, here: Place, title: impl Into<String>) -> Shell {
        Shell {
            title: title.into(),
            here,
            csrf: self.session.csrf.clone(),
            theme: self.theme,
            tenant: self.tenant.clone(),
            tenants: self.tenants.clone(),
            is_operator: self.is_operator(),
            can_manage: self.can_manage(),
            now: self.app.engine().clock().now(),
            notice: None,
        }
    }
}

impl FromRequestParts<Dashboard> for Desk {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, dashboard: &Dashboard) -> Result<Self, Refusal> {
        let app = dashboard.app.clone();
        let session = Session::of(parts, &app)
            .await?
            .ok_or_else(|| Refusal::signed_out(&parts.headers, back_to(parts)))?;
        let store = app.engine().store();
        let (tenant, tenants) = match session.token.owner {
            TokenOwner::Tenant(own) => (store.tenant(own).await?, Vec::new()),
            TokenOwner::Operator => {
                let tenants = store.tenants(None, TENANTS_OFFERED).await?.rows;
                (chosen(parts, &app, &tenants).await?, tenants)
            }
        };
        let tenant = tenant.ok_or_else(no_tenant)?;
        let token = Arc::clone(&session.token);
        let host = parts.headers.get(HOST).cloned();
        let calls = Calls::new(dashboard.api.clone(), token, Some(tenant.id), host);
        let theme = Theme::of(cookies::read(&parts.headers, Theme::COOKIE));
        Ok(Self { calls, session, app, tenant, tenants, theme })
    }
}

/// The tenant that the operator chose, else the default one, else the newest.
async fn chosen(parts: &Parts, app: &AppState, tenants: &[Tenant]) -> Result<Option<Tenant>, Refusal> {
    let store = app.engine().store();
    let wanted = cookies::read(&parts.headers, TENANT_COOKIE).and_then(|text| text.parse().ok());
    if let Some(id) = wanted
        && let Some(tenant) = store.tenant(id).await?
    {
        return Ok(Some(tenant));
    }
    let default = store.tenant_named(crate::http::DEFAULT_TENANT).await?;
    Ok(default.or_else(|| tenants.first().cloned()))
}

fn no_tenant() -> Refusal {
    let detail = "There is no tenant yet; create one with `stentor tenants create` or POST /v1/tenants.";
    Problem::new(Code::NotFound, detail).into()
}

/// Where to go on after signing in: a page that was asked for, but no form that was sent.
fn back_to(parts: &Parts) -> String {
    let asked = parts.extensions.get::<OriginalUri>().map(|OriginalUri(uri)| uri).unwrap_or(&parts.uri);
    match parts.method {
        Method::GET => asked.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        _ => "/".to_owned(),
    }
}
