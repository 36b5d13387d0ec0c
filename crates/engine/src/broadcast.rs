//! Broadcasts: one event by the operator for every tenant, or for some.
//!
//! A broadcast is a row with a cursor, like a replay. Its runner takes the next tenants, routes an event for each, and writes
//! the events and the moved cursor in one transaction; so it goes on after a restart where it was, and nobody gets it twice.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use stentor_core::event::{Event, EventContent, EventType, Origin};
use stentor_core::filter::Facts;
use stentor_core::id::{BroadcastId, TenantId};
use stentor_core::limits::MATCHED_WEBHOOKS_MAX;
use stentor_core::time::Time;
use stentor_store::StoreError;
use stentor_store::broadcasts::{Audience, Broadcast, BroadcastCreated, BroadcastKey, BroadcastStep};
use stentor_store::journal::{NewEvent, Write, Written};
use tracing::{info, warn};

use crate::accept::new_deliveries;
use crate::commands::CommandError;
use crate::engine::Engine;
use crate::entropy;

/// Tenants of one step.
const CHUNK_TENANTS: u32 = 50;
/// A step ends with the tenant that makes its deliveries as many as this.
const CHUNK_DELIVERIES: usize = 1_000;
/// Pause before a database that did not answer is asked again.
const PAUSE: Duration = Duration::from_millis(500);

impl Engine {
    /// Begins to publish an event to every tenant that there is, or to some. It goes on in the background. With a key that
    /// was used before it begins nothing.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn start_broadcast(
        &self,
        event_type: EventType,
        data: Bytes,
        audience: Audience,
        idempotency_key: Option<&str>,
    ) -> Result<BroadcastCreated, StoreError> {
        let created_at = self.clock().now();
        let key = idempotency_key.map(|key| broadcast_key(key, &event_type, &data, &audience));
        let broadcast = Broadcast {
            id: BroadcastId::new(created_at, entropy::bits()),
            event_type,
            data,
            to_all: audience == Audience::All,
            tenants: 0,
            cursor: None,
            events: 0,
            deliveries: 0,
            created_at,
            finished_at: None,
        };
        let created = self.store().create_broadcast(&broadcast, &audience, key).await?;
        if let BroadcastCreated::Created(broadcast) = &created {
            self.run_broadcast(broadcast.clone());
        }
        Ok(created)
    }

    /// Goes on with the broadcasts that a stop interrupted.
    pub(crate) async fn resume_broadcasts(&self) -> Result<(), StoreError> {
        for broadcast in self.store().unfinished_broadcasts().await? {
            self.run_broadcast(broadcast);
        }
        Ok(())
    }

    fn run_broadcast(&self, broadcast: Broadcast) {
        let engine = self.clone();
        tokio::spawn(async move {
            let mut cursor = broadcast.cursor;
            while !engine.is_stopping() {
                match engine.broadcast_step(&broadcast, cursor).await {
                    Ok(Progress::Moved(to)) => cursor = to,
                    Ok(Progress::Stale) => {}
                    Ok(Progress::Finished) => {
                        return info!(broadcast = %broadcast.id, "a broadcast is finished");
                    }
                    Err(error) => {
                        warn!(broadcast = %broadcast.id, %error, "a broadcast waits for the database");
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        });
    }

    async fn broadcast_step(
        &self,
        broadcast: &Broadcast,
        cursor: Option<TenantId>,
    ) -> Result<Progress, CommandError> {
        let tenants = self.store().broadcast_tenants(broadcast, cursor, CHUNK_TENANTS).await?;
        let mut step = BroadcastStep {
            broadcast: broadcast.id,
            events: Vec::with_capacity(tenants.len()),
            cursor: None,
            done: tenants.is_empty(),
            now: self.clock().now(),
        };
        let mut deliveries = 0;
        for tenant in tenants {
            step.cursor = Some(tenant);
            let Some(event) = self.event_for(broadcast, tenant, step.now).await? else { continue };
            deliveries += event.deliveries.len();
            step.events.push(event);
            if deliveries >= CHUNK_DELIVERIES {
                break;
            }
        }
        let (done, to) = (step.done, step.cursor);
        let routed: Vec<TenantId> = step.events.iter().map(|event| event.event.tenant).collect();
        match self.journal().write(Write::Broadcast(Box::new(step))).await? {
            // It was made before, by a commit of which nobody could tell.
            Written::Broadcast(None) => match self.store().broadcast(broadcast.id).await? {
                Some(stored) if stored.finished_at.is_none() => Ok(Progress::Moved(stored.cursor)),
                _ => Ok(Progress::Finished),
            },
            Written::Broadcast(Some(_)) if done => Ok(Progress::Finished),
            Written::Broadcast(Some(_)) => Ok(Progress::Moved(to)),
            Written::StaleConfig { .. } => {
                routed.into_iter().for_each(|tenant| self.directory().forget(tenant));
                Ok(Progress::Stale)
            }
            other => Err(CommandError::Unavailable(format!("unexpected answer {other:?}"))),
        }
    }

    /// The tenant's event; none when there is no such tenant any more. What is read of a tenant for this alone is not kept.
    async fn event_for(
        &self,
        broadcast: &Broadcast,
        tenant: TenantId,
        now: Time,
    ) -> Result<Option<NewEvent>, StoreError> {
        let was_known = self.directory().knows(tenant);
        let Some(table) = self.directory().table(tenant).await? else { return Ok(None) };
        if !was_known {
            self.directory().forget(tenant);
        }
        let content = EventContent {
            id: entropy::event_id(now),
            event_type: broadcast.event_type.clone(),
            time: broadcast.created_at,
            content_type: "application/json".into(),
            data: broadcast.data.clone(),
            previous_data: None,
            subject: None,
            arrival: None,
        };
        let mut webhooks = table.matching(&Facts::of(&content, content.view().as_deref(), None));
        if webhooks.len() > MATCHED_WEBHOOKS_MAX {
            warn!(%tenant, broadcast = %broadcast.id, matched = webhooks.len(), "a broadcast goes to the first webhooks only");
            webhooks.truncate(MATCHED_WEBHOOKS_MAX);
        }
        let event = Event {
            tenant,
            content: Arc::new(content),
            accepted_at: now,
            metadata: None,
            origin: Origin::Operational,
            config_version: table.version(),
            matched: u32::try_from(webhooks.len()).unwrap_or(u32::MAX),
        };
        let deliveries = new_deliveries(&webhooks, now, self.positions().next(now));
        Ok(Some(NewEvent { event, idempotency: None, deliveries, message: None }))
    }
}

/// What one step did.
enum Progress {
    Moved(Option<TenantId>),
    /// Routing was out of date: it is to be made again.
    Stale,
    Finished,
}

fn broadcast_key(key: &str, event_type: &EventType, data: &[u8], audience: &Audience) -> BroadcastKey {
    let mut body = Sha256::new();
    let mut part = |bytes: &[u8]| {
        body.update((bytes.len() as u64).to_be_bytes());
        body.update(bytes);
    };
    part(event_type.as_str().as_bytes());
    part(data);
    if let Audience::Tenants(tenants) = audience {
        tenants.iter().for_each(|tenant| part(tenant.as_bytes()));
    }
    BroadcastKey { key_hash: Sha256::digest(key.as_bytes()).into(), body_hash: body.finalize().into() }
}
