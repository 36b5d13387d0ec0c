//! A tenant: an isolated customer space. Every row and every query is bound to one.

use serde::{Deserialize, Serialize};

use crate::event_type::TypeRules;
use crate::id::TenantId;
use crate::profile::Profile;
use crate::time::Time;

/// A tenant as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Name shown to people; unique among tenants.
    pub name: String,
    /// Plan, which gates features only where the operator defines plans.
    pub plan: String,
    /// The profile of its webhooks that are created without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_profile: Option<Profile>,
    /// Moves with every change of a webhook, route or token of the tenant (engine rule E7).
    pub config_version: u64,
    /// What holds for everything of it.
    pub settings: TenantSettings,
    /// When it was created.
    pub created_at: Time,
}

/// What the operator sets for a whole tenant. Kept as one JSON object, so that a new setting needs no migration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantSettings {
    /// What publishing demands of event types.
    #[serde(default)]
    pub event_types: TypeRules,
}

/// The plan of a tenant that was given none.
pub const DEFAULT_PLAN: &str = "default";
