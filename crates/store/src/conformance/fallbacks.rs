//! What a webhook gives up goes to its fallback, with the outcome that gave it up.

use stentor_core::delivery::DeliveryState;
use stentor_core::event::Origin;
use stentor_core::id::{DeliveryId, WebhookId};
use stentor_core::policy::Schedule;
use stentor_core::webhook::{Webhook, WebhookStatus};

use super::Backend;
use super::fixtures::Scene;
use super::purge::purge_all;
use crate::journal::{Fallback, NewDelivery, NewEvent, OutcomeWrite, Write, Written};

impl Scene {
    /// The last attempt of a delivery whose webhook has a fallback.
    fn given_up(&self, of: &NewEvent, nth: usize, to: WebhookId) -> OutcomeWrite {
        let mut write = self.exhausted(of, nth, 1);
        let at = self.tick();
        write.fallback =
            Some(Fallback { webhook: to, id: DeliveryId::new(at, 40), position: at.as_micros() });
        write
    }

    async fn fallback(&self, write: &OutcomeWrite) -> Option<NewDelivery> {
        match self.write(Write::Outcome(Box::new(write.clone()))).await {
            Written::Recorded { applied: true, fallback, .. } => fallback.map(|delivery| *delivery),
            other => panic!("not applied: {other:?}"),
        }
    }
}

/// The same event under a new delivery, in the other webhook's queue, in the sums, and once; ordered and first waits are the
/// fallback's. What the fallback gives up goes no further.
pub async fn what_is_given_up_goes_to_the_fallback(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let mut waiting = scene.new_webhook(tenant);
    waiting.config.policy.schedule = Some(Schedule::List(vec![std::time::Duration::from_secs(30)]));
    let fallbacks =
        [scene.webhook(tenant).await, scene.ordered_webhook(tenant).await, scene.create(waiting).await];
    for to in &fallbacks {
        let event = scene.publish(tenant, &[&webhook]).await;
        let write = scene.given_up(&event, 0, to.id);
        let made = scene.fallback(&write).await.expect("it goes to the fallback");
        assert_eq!((made.webhook, made.shard, made.ordered), (to.id, to.shard, to.config.ordered));
        assert_eq!(made.due_at, to.config.first_wait().map(|wait| write.now.plus(wait)));
        let pending = scene.pending(to).await;
        assert_eq!(pending.len(), 1);
        assert_eq!((pending[0].id, pending[0].event), (made.id, write.event));
        assert_eq!((pending[0].position, pending[0].due_at), (made.position, made.due_at));
        let given_up = scene.delivery(tenant, event.deliveries[0].id).await;
        assert_eq!(given_up.state, DeliveryState::Dead);
        let sums = scene.sums().await;
        assert!(sums.holds(), "{sums:?}");
        let again = scene.write(Write::Outcome(Box::new(write))).await;
        assert_eq!(again, Written::Recorded { applied: false, disabled_version: None, fallback: None });

        let of_fallback = NewEvent { deliveries: vec![made], ..event };
        let further = scene.given_up(&of_fallback, 0, fallbacks[0].id);
        assert_eq!(scene.fallback(&further).await, None, "a fallback's fallback");
        assert_eq!(scene.sums().await.dead, sums.dead + 1);
        assert!(scene.sums().await.holds());
    }
    assert_eq!((scene.sums().await.accepted, scene.sums().await.events), (6, 3));
}

/// A delivery that is taken or tried again does not go to the fallback.
pub async fn only_what_is_dead_goes_there(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let (webhook, to) = (scene.webhook(tenant).await, scene.webhook(tenant).await);
    let event = scene.publish(tenant, &[&webhook]).await;
    let fallback = scene.given_up(&event, 0, to.id).fallback;
    for write in [scene.failed(&event, 0, 1), scene.delivered(&event, 0, 2)] {
        let write = OutcomeWrite { fallback: fallback.clone(), ..write };
        assert_eq!(scene.fallback(&write).await, None);
    }
    assert_eq!((scene.pending(&to).await, scene.sums().await.accepted), (vec![], 1));
}

/// A webhook that is unknown, deleted or another tenant's gets nothing; one that is stopped does.
pub async fn a_fallback_of_nobody_gets_nothing(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let (tenant, other) = (scene.tenant().await, scene.tenant().await);
    let webhook = scene.webhook(tenant).await;
    let (foreign, deleted) = (scene.webhook(other).await, scene.webhook(tenant).await);
    scene.store.delete_webhook(tenant, deleted.id, scene.tick()).await.expect("a webhook is deleted");
    for to in [foreign.id, deleted.id, WebhookId::from_bytes([9; 16])] {
        let event = scene.publish(tenant, &[&webhook]).await;
        assert_eq!(scene.fallback(&scene.given_up(&event, 0, to)).await, None);
    }
    let mut paused: Webhook = scene.webhook(tenant).await;
    scene.set_status(&mut paused, WebhookStatus::Paused).await;
    let event = scene.publish(tenant, &[&webhook]).await;
    let made = scene.fallback(&scene.given_up(&event, 0, paused.id)).await.expect("it is held there");
    assert_eq!(scene.delivery(tenant, made.id).await.state, DeliveryState::Held);
    assert!(scene.sums().await.holds());
}

/// An operational event that is given up ends there.
pub async fn operational_events_go_no_further(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let (webhook, to) = (scene.webhook(tenant).await, scene.webhook(tenant).await);
    let mut event = scene.new_event(tenant, &[&webhook]).await;
    event.event.origin = Origin::Operational;
    scene.store_event(&event).await;
    assert_eq!(scene.fallback(&scene.given_up(&event, 0, to.id)).await, None);
    assert_eq!(scene.pending(&to).await, []);
}

/// Nothing of an old event stays, and the sums hold.
pub async fn a_fallback_is_purged_with_its_event(backend: &dyn Backend) {
    let scene = Scene::open(backend).await;
    let tenant = scene.tenant().await;
    let (webhook, to) = (scene.webhook(tenant).await, scene.webhook(tenant).await);
    let event = scene.publish(tenant, &[&webhook]).await;
    let before = scene.tick();
    let made = scene.fallback(&scene.given_up(&event, 0, to.id)).await.expect("it goes to the fallback");
    let of_fallback = NewEvent { deliveries: vec![made.clone()], ..event };
    assert!(scene.record(&scene.delivered(&of_fallback, 0, 1)).await);
    purge_all(&scene, before, 10).await;
    assert_eq!(scene.store.delivery(tenant, made.id).await.expect("a delivery is read"), None);
    assert!(scene.sums().await.holds());
}
