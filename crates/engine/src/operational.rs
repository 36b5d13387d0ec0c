//! Operational events: events of origin [`Origin::Operational`] that Stentor publishes about itself, to the webhooks of the
//! tenant that ask for them.
//!
//! What must not be lost is noted in the transaction of what it tells: the outcome that disables a webhook leaves a row, the
//! [`announcer`](Engine::announce_for_ever) turns it into an event and takes the row away. A process that dies between the two
//! does it again with the same key, so the event is stored once.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use stentor_core::event::{EventType, Origin};
use stentor_core::id::{TenantId, WebhookId};
use stentor_core::operational::{DELIVERY_DEAD, WEBHOOK_DISABLED};
use stentor_store::operational::{Death, Disabling};
use tracing::{info, warn};

use crate::accept::{Publish, PublishError};
use crate::engine::Engine;

/// How long the key of an operational event is remembered: longer than a gateway stays down. Those of `delivery.dead`, which
/// may be many, are remembered as long as a publisher's.
pub(crate) const KEY_WINDOW: Duration = Duration::from_secs(400 * 24 * 3_600);
/// How often notes are looked for without being told of one.
const LOOK_INTERVAL: Duration = Duration::from_secs(30);
/// Pause before an event that could not be stored is tried again.
const PAUSE: Duration = Duration::from_secs(1);
/// Notes read at a time.
const CHUNK_ROWS: u32 = 100;

impl Engine {
    /// Publishes an operational event, once per key: a repeat changes nothing, whatever its data. One whose data has a
    /// `webhook_id` is about that webhook and is not sent to it.
    ///
    /// # Errors
    /// When it was not stored, or may not have been; safe to repeat.
    pub(crate) async fn emit(
        &self,
        tenant: TenantId,
        event_type: &'static str,
        key: String,
        data: Value,
    ) -> Result<(), PublishError> {
        let about = data.get("webhook_id").and_then(Value::as_str).map(Into::into);
        let publish = Publish {
            event_type: EventType::parse(event_type).expect("operational events have valid types"),
            data: data.to_string().into(),
            content_type: "application/json".into(),
            previous_data: None,
            time: None,
            subject: about,
            metadata: None,
            // No publisher's key holds a zero byte.
            idempotency_key: Some(format!("operational\0{event_type}\0{key}").into()),
            origin: Origin::Operational,
            token: None,
            telling: None,
            arriving: None,
        };
        match self.publish(tenant, publish).await {
            Ok(published) if !published.duplicate => {
                info!(%tenant, event = %published.id, event_type, "an operational event");
                Ok(())
            }
            Ok(_) | Err(PublishError::KeyConflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Emits what is noted, at start, when told, and now and then.
    pub(crate) async fn announce_for_ever(self) {
        loop {
            match self.announce().await {
                Ok(()) => {
                    let clock = self.clock();
                    tokio::select! {
                        () = self.announcing().notified() => {}
                        () = clock.sleep_until(clock.now().plus(LOOK_INTERVAL)) => {}
                    }
                }
                Err(error) => {
                    warn!(%error, "an operational event waits for the database");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn announce(&self) -> Result<(), PublishError> {
        loop {
            let noted = self.store().disablings(CHUNK_ROWS).await.map_err(unavailable)?;
            let deaths = self.store().deaths(CHUNK_ROWS).await.map_err(unavailable)?;
            if noted.is_empty() && deaths.is_empty() {
                return Ok(());
            }
            let mut told = self.announce_dead(deaths).await;
            for disabling in noted {
                // One tenant that has too much waiting does not hold up the others.
                told = told.and(self.announce_disabled(&disabling).await);
            }
            told?;
        }
    }

    async fn announce_disabled(&self, disabling: &Disabling) -> Result<(), PublishError> {
        let Disabling { tenant, webhook, version, .. } = *disabling;
        let as_it_was = self.store().revision(tenant, webhook, version).await.map_err(unavailable)?;
        let url = as_it_was.as_ref().map(|webhook| webhook.config.url.as_str());
        let name = as_it_was.as_ref().and_then(|webhook| webhook.config.name.as_deref());
        let data = disabled_data(disabling, url, name);
        match self.emit(tenant, WEBHOOK_DISABLED, format!("{webhook} {version}"), data).await {
            // Whoever has no tenant any more has nobody to be told.
            Ok(()) | Err(PublishError::UnknownTenant) => {}
            // It would be the same the next time.
            Err(error @ PublishError::TooManyMatches { .. }) => {
                warn!(%tenant, %webhook, %error, "a disabled webhook cannot be told of");
            }
            Err(error) => return Err(error),
        }
        self.store().disabling_emitted(webhook, version).await.map_err(unavailable)
    }

    /// All at once, so that many share a commit.
    async fn announce_dead(&self, deaths: Vec<Death>) -> Result<(), PublishError> {
        let emitted = join_all(deaths.iter().map(|death| {
            let key = format!("{} {}", death.delivery, death.attempts);
            self.emit(death.tenant, DELIVERY_DEAD, key, dead_data(death))
        }));
        let (mut done, mut told) = (Vec::new(), Ok(()));
        for (death, emitted) in deaths.iter().zip(emitted.await) {
            match emitted {
                Ok(()) | Err(PublishError::UnknownTenant) => done.push((death.delivery, death.attempts)),
                Err(error @ PublishError::TooManyMatches { .. }) => {
                    warn!(tenant = %death.tenant, delivery = %death.delivery, %error, "a dead delivery cannot be told of");
                    done.push((death.delivery, death.attempts));
                }
                Err(error) => told = Err(error),
            }
        }
        self.store().deaths_emitted(&done).await.map_err(unavailable)?;
        told
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unavailable(error: stentor_store::StoreError) -> PublishError {
    PublishError::Unavailable(error.to_string())
}

/// What `webhook.disabled` says: which, why, since when, by which attempt, and how to resume.
fn disabled_data(disabling: &Disabling, url: Option<&str>, name: Option<&str>) -> Value {
    let Disabling { webhook, reason, failing_since, disabled_at, delivery, event, attempt, .. } = *disabling;
    json!({
        "webhook_id": webhook,
        "name": name,
        "url": url,
        "reason": reason.as_str(),
        "failing_since": failing_since,
        "disabled_at": disabled_at,
        "last_attempt": {
            "delivery_id": delivery,
            "event_id": event,
            "number": attempt,
            "outcome": disabling.outcome,
            "reason": disabling.outcome_reason,
            "status": disabling.status,
        },
        "resume": resume(webhook),
    })
}

/// What `delivery.dead` says: which, why, by which attempt, and how to send it again.
fn dead_data(death: &Death) -> Value {
    json!({
        "delivery_id": death.delivery,
        "event_id": death.event,
        "event_type": death.event_type,
        "webhook_id": death.webhook,
        "reason": death.reason,
        "died_at": death.died_at,
        "attempts": death.attempts,
        "last_attempt": {
            "number": death.attempts,
            "outcome": death.outcome,
            "reason": death.outcome_reason,
            "status": death.status,
        },
        "retry": {"method": "POST", "path": format!("/v1/deliveries/{}/retry", death.delivery)},
    })
}

/// The request that resumes a webhook.
fn resume(webhook: WebhookId) -> Value {
    json!({"method": "PATCH", "path": format!("/v1/webhooks/{webhook}"), "body": {"active": true}})
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::HeaderValue;
    use stentor_core::address::AddressPolicy;
    use stentor_core::id::{DeliveryId, EventId};
    use stentor_core::tenant::{DEFAULT_PLAN, Tenant, TenantSettings};
    use stentor_core::time::Time;
    use stentor_core::webhook::DisableReason;
    use stentor_store::Store;
    use stentor_store::events::EventFilter;
    use stentor_store::seal::MasterKey;
    use stentor_store::sqlite::SqliteStore;

    use crate::EngineOptions;
    use crate::clock::ManualClock;
    use crate::outbound::OutboundOptions;

    use super::*;

    #[tokio::test]
    async fn an_event_is_emitted_once_per_key_whatever_its_data() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let store = SqliteStore::open(&folder.path().join("test.db"), &MasterKey::from_bytes([7; 32]));
        let store: Arc<dyn Store> = Arc::new(store.expect("a new database"));
        let (id, created_at) = (TenantId::from_bytes([1; 16]), Time::from_seconds(1_700_000_000));
        let plan = DEFAULT_PLAN.into();
        let tenant = Tenant {
            id,
            name: "t".into(),
            plan,
            default_profile: None,
            config_version: 1,
            settings: TenantSettings::default(),
            created_at,
        };
        store.create_tenant(&tenant).await.expect("stored");
        let policy = AddressPolicy::closed();
        let outbound = OutboundOptions::new(policy.clone(), HeaderValue::from_static("test"));
        let options = EngineOptions::new(policy, outbound, Arc::new(|reason| panic!("{reason}")));
        let clock = Arc::new(ManualClock::new(created_at));
        let engine = Engine::start(Arc::clone(&store), options, clock).await.expect("started");
        let emit = async |kind, key: &str, data| engine.emit(id, kind, key.into(), data).await;
        for (kind, key, n) in
            [("a.b", "1", 1), ("a.b", "1", 1), ("a.b", "1", 2), ("a.b", "2", 3), ("a.c", "1", 4)]
        {
            emit(kind, key, json!({"n": n})).await.expect("stored, now or before");
        }
        let events = store.events(id, &EventFilter::default(), None, 10, 1_000).await.expect("read").rows;
        let mut seen: Vec<String> = events
            .iter()
            .map(|listed| format!("{} {:?}", listed.event.content.event_type, listed.event.content.data))
            .collect();
        seen.sort_unstable();
        assert_eq!(seen, [r#"a.b b"{\"n\":1}""#, r#"a.b b"{\"n\":3}""#, r#"a.c b"{\"n\":4}""#]);
        assert!(events.iter().all(|listed| listed.event.origin == Origin::Operational));
        let unknown = engine.emit(TenantId::from_bytes([2; 16]), "a.b", "1".into(), json!({})).await;
        assert_eq!(unknown, Err(PublishError::UnknownTenant));
        engine.shutdown(Duration::from_secs(5)).await;
    }

    #[test]
    fn a_disabled_webhook_is_told_with_its_last_attempt_and_the_way_back() {
        let at = Time::from_seconds(1_700_000_000);
        let webhook = WebhookId::new(at, 8);
        let disabling = Disabling {
            tenant: TenantId::from_bytes([1; 16]),
            webhook,
            version: 7,
            reason: DisableReason::FailedAttempts,
            failing_since: Some(at),
            disabled_at: at.plus(Duration::from_secs(60)),
            delivery: DeliveryId::new(at, 12),
            event: EventId::new(at, 16),
            attempt: 5,
            outcome: "refused".into(),
            outcome_reason: None,
            status: Some(500),
        };
        let data = disabled_data(&disabling, Some("https://example.com/"), None);
        assert_eq!(data["webhook_id"], webhook.to_string());
        assert_eq!((&data["url"], &data["name"]), (&json!("https://example.com/"), &Value::Null));
        assert_eq!(data["reason"], "failed_attempts");
        assert_eq!(data["failing_since"], "2023-11-14T22:13:20.000Z");
        assert_eq!(data["last_attempt"]["number"], 5);
        assert_eq!(data["last_attempt"]["status"], 500);
        assert_eq!(data["resume"]["path"], format!("/v1/webhooks/{webhook}"));
    }
}
