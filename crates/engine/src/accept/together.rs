//! Several events of one request, stored in one commit or not at all.

use stentor_core::event::Origin;
use stentor_core::id::{EventId, TenantId};

use super::{Made, Publish, PublishError, REROUTES_MAX, unavailable};
use crate::engine::Engine;
use crate::journal::AcceptAnswer;

/// Most rows of one commit that several events may bring together: those of a whole batch (engine rule E10).
const ROWS_MAX: usize = 4_096;
/// Rows of an event beside its deliveries.
const EVENT_ROWS: usize = 2;

/// What became of several events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublishedTogether {
    /// All are stored; their ids in the order given.
    Stored(Vec<EventId>),
    /// They were stored before with the same key; the first one.
    Before(EventId),
}

impl Engine {
    /// Stores events of one source with all their deliveries, in their order: all of them or none. The first one's key stands
    /// for all. Returns after the commit (promise P1).
    ///
    /// # Errors
    /// When nothing was stored, or may not have been; what hinders one hinders all. See [`PublishError`].
    pub async fn publish_together(
        &self,
        tenant: TenantId,
        all: &[Publish],
    ) -> Result<PublishedTogether, PublishError> {
        let Some(first) = all.first() else { return Ok(PublishedTogether::Stored(Vec::new())) };
        let accepted_at = self.clock().now();
        let made: Vec<Made> = all.iter().map(|publish| Made::of(tenant, publish, accepted_at)).collect();
        let key = made.first().and_then(|made| made.idempotency.clone());
        let mut known = self.permitted(tenant, first.token, self.directory().known(tenant).await).await?;
        let is_limited = first.origin != Origin::Operational;
        if let Some(limits) = known.limits.as_ref().filter(|_| is_limited) {
            limits.take(u32::try_from(all.len()).unwrap_or(u32::MAX)).map_err(PublishError::Limited)?;
        }
        for _ in 0..REROUTES_MAX {
            let mut accepting = Vec::with_capacity(all.len());
            let mut deliveries = 0;
            let mut refused = None;
            for (publish, made) in all.iter().zip(&made) {
                match self.routed(&known, publish, made).await {
                    Ok((routed, _)) => {
                        deliveries += routed.webhooks.len();
                        accepting.push(routed);
                    }
                    Err(refusal) => refused = Some(refusal),
                }
                if refused.is_none() && EVENT_ROWS * all.len() + deliveries > ROWS_MAX {
                    refused = Some(PublishError::TooManyTogether { events: all.len(), deliveries });
                }
                if refused.is_some() {
                    break;
                }
                // A long list leaves room for others' requests.
                tokio::task::yield_now().await;
            }
            if let Some(refusal) = refused {
                // Their places are free before the sender can try again.
                drop(accepting);
                let before = self.published_before(tenant, first, key.as_ref(), refusal).await?;
                return Ok(PublishedTogether::Before(before.id));
            }
            let mut accepting = accepting.into_iter();
            let Some(head) = accepting.next() else { break };
            match self.store_events(head, accepting.collect()).await? {
                AcceptAnswer::Published(published) if published.duplicate => {
                    return Ok(PublishedTogether::Before(published.id));
                }
                AcceptAnswer::Published(_) => {
                    return Ok(PublishedTogether::Stored(made.iter().map(|made| made.content.id).collect()));
                }
                AcceptAnswer::MessageUnwritten(why) => return Err(PublishError::MessageUnwritten(why)),
                AcceptAnswer::KeyConflict(event) => return Err(PublishError::KeyConflict { event }),
                AcceptAnswer::StaleConfig => {
                    let newer = self.directory().newer_than(tenant, known.table.version()).await;
                    known = self.permitted(tenant, first.token, newer).await?;
                    if let Some(arriving) = &first.arriving
                        && !self.still_open(&arriving.arrival).await.map_err(unavailable)?
                    {
                        return Err(PublishError::SourceClosed);
                    }
                }
                AcceptAnswer::Failed(reason) => return Err(PublishError::Unavailable(reason)),
            }
        }
        Err(PublishError::Unavailable("the tenant's webhooks change too fast".into()))
    }
}
