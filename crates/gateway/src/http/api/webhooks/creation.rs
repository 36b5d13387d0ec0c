//! The body that creates a webhook: the settings, or the same in seed 003's `webhook_config`.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use stentor_core::id::TenantId;
use stentor_core::profile::Profile;
use stentor_engine::Engine;
use stentor_engine::webhooks::WebhookDraft;

use super::settings::WebhookSettings;
use crate::http::extract::parse_json;
use crate::http::problem::Problem;

const WRAPPER: &str = "webhook_config";

/// The members of the body as they are written: filters keep every digit.
pub(super) type CreationBody = BTreeMap<String, Box<RawValue>>;

/// Reads the settings out of it. Seed 003's wrapper implies its profile; without it the tenant's default counts.
///
/// # Errors
/// `invalid_body` with pointers into the body as it was sent.
pub(super) async fn draft(
    engine: &Engine,
    tenant: TenantId,
    mut body: CreationBody,
) -> Result<WebhookDraft, Problem> {
    if let Some(inner) = body.remove(WRAPPER) {
        if let Some(beside) = body.keys().next() {
            let detail = format!("cannot stand beside {WRAPPER}");
            return Err(Problem::invalid_field(
                format!("/{}", crate::http::extract::pointer::escaped(beside)),
                detail,
            ));
        }
        let settings: Result<WebhookSettings, _> = parse_json(inner.get().as_bytes());
        return settings
            .and_then(|settings| settings.check(Profile::Broxi))
            .map_err(|problem| problem.below(&format!("/{WRAPPER}")));
    }
    let text = serde_json::to_vec(&body).expect("texts and raw values are JSON");
    let settings: WebhookSettings = parse_json(&text)?;
    let default = match settings.profile {
        Some(profile) => profile,
        None => default_profile(engine, tenant).await?,
    };
    settings.check(default)
}

/// The profile of a webhook that names none.
///
/// # Errors
/// When the tenant cannot be read.
pub(super) async fn default_profile(engine: &Engine, tenant: TenantId) -> Result<Profile, Problem> {
    let tenant = engine.store().tenant(tenant).await?.ok_or_else(Problem::not_found)?;
    Ok(tenant.default_profile.unwrap_or_default())
}
