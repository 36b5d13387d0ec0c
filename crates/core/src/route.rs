//! Routes: ordered rules that send events to named webhooks, and the table that finds the webhooks of an event.

mod table;

use serde::{Deserialize, Serialize};

use crate::event::EventPattern;
use crate::filter::Filter;
use crate::id::{RouteId, TenantId, WebhookId};
use crate::time::Time;

pub use self::table::{RouteStep, RoutingTable, trace};

/// What a route does; may be kept and shown in the clear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteConfig {
    /// Name shown to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Which event types it takes.
    pub events: Vec<EventPattern>,
    /// Which of those events, by what they hold; none means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// Where it sends them. None at all takes the events and sends them nowhere.
    pub webhooks: Vec<WebhookId>,
    /// Whether the routes after it are tried as well.
    #[serde(default)]
    pub goes_on: bool,
    /// Whether it is tried only when no other route took the event.
    #[serde(default)]
    pub is_default: bool,
    /// Whether it is tried at all.
    pub active: bool,
}

impl RouteConfig {
    /// An active route for every event type, in which nothing else is set.
    pub fn new(webhooks: Vec<WebhookId>) -> Self {
        Self {
            name: None,
            events: vec![EventPattern::All],
            filter: None,
            webhooks,
            goes_on: false,
            is_default: false,
            active: true,
        }
    }
}

/// An ordered rule of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Its id.
    pub id: RouteId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Its place among the tenant's routes, from 0, without gaps.
    pub position: u32,
    /// What it does.
    pub config: RouteConfig,
    /// The tenant's configuration version of its last change.
    pub version: u64,
    /// When it was created.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}
