//! Accepting an event: routing it, building its deliveries, and waiting for the commit.

mod repeats;
mod together;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use stentor_core::allowance::{Limit, Standing};
use stentor_core::arrival::Arrival;
use stentor_core::event::{Event, EventContent, EventType, Origin};
use stentor_core::event_type::Mismatch;
use stentor_core::filter::Facts;
use stentor_core::id::{EventId, TenantId, TokenId};
use stentor_core::limits::MATCHED_WEBHOOKS_MAX;
use stentor_core::operational;
use stentor_core::route::RoutingTable;
use stentor_core::time::Time;
use stentor_core::webhook::Webhook;
use stentor_store::StoreError;
use stentor_store::journal::{IdempotencyKey, MessageUnwritten, MessageWrite, NewDelivery, NewEvent};
use tokio::sync::oneshot;

use self::repeats::idempotency_key;
pub use self::together::PublishedTogether;
use crate::directory::Known;
use crate::engine::Engine;
use crate::entropy;
use crate::journal::{AcceptAnswer, AcceptEntry, Accepting};

/// How long an idempotency key is remembered (design section 4).
pub const IDEMPOTENCY_WINDOW: Duration = Duration::from_secs(24 * 3_600);
/// How long a publisher waits for the commit before it is asked to try again.
const STORE_DEADLINE: Duration = Duration::from_secs(15);
/// Bytes that filters may look at, at most, without doing it aside.
const WORK_BYTES_MAX: usize = 2 * 1024 * 1024;
/// How often an event is routed anew because the configuration changed under it, before the publisher is asked to retry.
const REROUTES_MAX: u32 = 8;

/// An event to be published.
#[derive(Debug, Clone)]
pub struct Publish {
    /// Its type.
    pub event_type: EventType,
    /// The exact bytes of its data; valid JSON when the content type says so.
    pub data: Bytes,
    /// Media type of the data.
    pub content_type: Box<str>,
    /// The exact bytes of the earlier state.
    pub previous_data: Option<Bytes>,
    /// When the fact happened; the time of acceptance when none is given.
    pub time: Option<Time>,
    /// What it is about.
    pub subject: Option<Box<str>>,
    /// The publisher's own JSON object.
    pub metadata: Option<Bytes>,
    /// The publisher's key for safe repeats.
    pub idempotency_key: Option<Box<str>>,
    /// How it came in.
    pub origin: Origin,
    /// The tenant's token that it came in with: nothing is stored that commits after the token was revoked. None when it
    /// came in without one, or with the operator's.
    pub token: Option<TokenId>,
    /// The message that it tells of.
    pub telling: Option<Telling>,
    /// How it arrived at a source.
    pub arriving: Option<Arriving>,
}

/// How an event arrived at a source, and by what a repetition is recognised.
#[derive(Debug, Clone)]
pub struct Arriving {
    /// What is kept of the request.
    pub arrival: Arc<Arrival>,
    /// The key of its repetitions, in place of one of the publisher's.
    pub repeats: Option<IdempotencyKey>,
}

/// A message that is stored with the event that tells of it.
#[derive(Debug, Clone)]
pub struct Telling {
    /// The message, and the webhook that delivers it beside those that match.
    pub write: Box<MessageWrite>,
    /// Hash of what the caller asked for: the message itself has parts that are made here.
    pub asked: [u8; 32],
}

/// A stored event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Its id; the first one's when it was published before with the same key.
    pub id: EventId,
    /// Its type.
    pub event_type: EventType,
    /// How many deliveries it has.
    pub deliveries: u32,
    /// Whether it was published before with the same key.
    pub duplicate: bool,
    /// Where its data does not fit the schema of its type, when the tenant wants to be told.
    pub warnings: Vec<Mismatch>,
}

/// Why an event was not stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The key was used before with another body.
    #[error("the idempotency key was used before for {event} with a different body")]
    KeyConflict {
        /// The first event.
        event: EventId,
    },
    /// More webhooks match than one event may go to.
    #[error("the event matches {matched} webhooks, more than {MATCHED_WEBHOOKS_MAX}")]
    TooManyMatches {
        /// How many.
        matched: usize,
    },
    /// The tenant has more waiting to be stored than its share.
    #[error("too many events of this tenant wait to be stored")]
    TenantBusy,
    /// The tenant takes only events of declared types, and this one's is not declared or archived.
    #[error("the event type {0} is not declared")]
    UndeclaredType(EventType),
    /// The data does not fit the schema of its type.
    #[error("the data does not fit the schema of its type in {} places", .0.len())]
    SchemaMismatch(Vec<Mismatch>),
    /// The message that it tells of could not be written.
    #[error("the message could not be written: {0:?}")]
    MessageUnwritten(MessageUnwritten),
    /// The tenant's plan does not allow it now.
    #[error("{}", limited(.0))]
    Limited(Standing),
    /// There is no such tenant.
    #[error("there is no such tenant")]
    UnknownTenant,
    /// The token was revoked meanwhile.
    #[error("the token was revoked")]
    TokenRevoked,
    /// The source was deleted or stopped meanwhile, or the credential revoked.
    #[error("the source takes nothing any more, or the credential was revoked")]
    SourceClosed,
    /// Several events would be too large to be stored in one commit.
    #[error(
        "a list of {events} events with {deliveries} deliveries is more than fits in one commit; send fewer at once"
    )]
    TooManyTogether {
        /// How many events.
        events: usize,
        /// How many deliveries they have together.
        deliveries: usize,
    },
    /// Stored or not is unknown, or nothing can be stored now; safe to repeat with the same key.
    #[error("the event could not be stored: {0}")]
    Unavailable(String),
}

impl Engine {
    /// Stores an event with all its deliveries. Returns after the commit (promise P1).
    ///
    /// # Errors
    /// When it was not stored, or may not have been; see [`PublishError`].
    pub async fn publish(&self, tenant: TenantId, publish: Publish) -> Result<Published, PublishError> {
        let accepted_at = self.clock().now();
        let made = Made::of(tenant, &publish, accepted_at);
        let idempotency = made.idempotency.clone();
        let mut known = self.permitted(tenant, publish.token, self.directory().known(tenant).await).await?;
        // What Stentor says of itself is limited by what it is about.
        let is_limited = publish.origin != Origin::Operational;
        if let Some(limits) = known.limits.as_ref().filter(|_| is_limited) {
            limits.take(1).map_err(PublishError::Limited)?;
        }
        for _ in 0..REROUTES_MAX {
            let (accepting, warnings) = match self.routed(&known, &publish, &made).await {
                Ok(routed) => routed,
                Err(refusal @ PublishError::MessageUnwritten(_)) => return Err(refusal),
                Err(refusal) => {
                    return self.published_before(tenant, &publish, idempotency.as_ref(), refusal).await;
                }
            };
            match self.store_events(accepting, Vec::new()).await? {
                AcceptAnswer::Published(published) => return Ok(Published { warnings, ..published }),
                AcceptAnswer::MessageUnwritten(why) => return Err(PublishError::MessageUnwritten(why)),
                AcceptAnswer::KeyConflict(event) => return Err(PublishError::KeyConflict { event }),
                AcceptAnswer::StaleConfig => {
                    let newer = self.directory().newer_than(tenant, known.table.version()).await;
                    known = self.permitted(tenant, publish.token, newer).await?;
                    if let Some(arriving) = &publish.arriving
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

    /// Judges the event, chooses its webhooks and reserves its place.
    async fn routed(
        &self,
        known: &Known,
        publish: &Publish,
        made: &Made,
    ) -> Result<(Accepting, Vec<Mismatch>), PublishError> {
        let Made { tenant, content, accepted_at, idempotency } = made;
        let warnings = self.judged(known, publish).await?;
        let table = &known.table;
        let mut webhooks = chosen(table, content, publish).await;
        let is_limited = publish.origin != Origin::Operational;
        if !is_limited {
            let subject = content.subject.as_deref();
            webhooks.retain(|webhook| operational::is_receiver(webhook, &content.event_type, subject));
        }
        if let Some(telling) = &publish.telling {
            // A table without it is out of date, or the conversation has another by now.
            let Some(own) = table.webhook(telling.write.webhook) else {
                return Err(PublishError::MessageUnwritten(MessageUnwritten::Changed));
            };
            if !webhooks.iter().any(|webhook| webhook.id == own.id) {
                webhooks.push(Arc::clone(own));
            }
        }
        if webhooks.len() > MATCHED_WEBHOOKS_MAX {
            return Err(PublishError::TooManyMatches { matched: webhooks.len() });
        }
        let event = Event {
            tenant: *tenant,
            content: Arc::clone(content),
            accepted_at: *accepted_at,
            metadata: publish.metadata.clone(),
            origin: publish.origin,
            config_version: table.version(),
            matched: u32::try_from(webhooks.len()).unwrap_or(u32::MAX),
        };
        let deliveries = new_deliveries(&webhooks, *accepted_at, self.positions().next(*accepted_at));
        let reservation = match known.limits.as_ref().filter(|_| is_limited) {
            Some(limits) => {
                Some(limits.reserve(deliveries.len(), *accepted_at).map_err(PublishError::Limited)?)
            }
            None => None,
        };
        let message = publish.telling.as_ref().map(|telling| telling.write.clone());
        let event = Box::new(NewEvent { event, idempotency: idempotency.clone(), deliveries, message });
        Ok((Accepting { event, webhooks, reservation }, warnings))
    }

    async fn store_events(
        &self,
        first: Accepting,
        others: Vec<Accepting>,
    ) -> Result<AcceptAnswer, PublishError> {
        let (waiter, answer) = oneshot::channel();
        self.journal().accept(AcceptEntry { first, others, waiter })?;
        // An event that was not taken by then is left out; one that was may be stored all the same.
        match tokio::time::timeout(STORE_DEADLINE, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(PublishError::Unavailable("stopping".into())),
            Err(_) => Err(PublishError::Unavailable("the database is too slow".into())),
        }
    }

    /// What was read of the tenant, if the token is a live one by it. One that is not known may be newer than what was
    /// read. As the commit checks the version, a token that lives here lives at the commit (engine rule E7).
    async fn permitted(
        &self,
        tenant: TenantId,
        token: Option<TokenId>,
        read: Result<Option<Known>, StoreError>,
    ) -> Result<Known, PublishError> {
        let known = read.map_err(unavailable)?.ok_or(PublishError::UnknownTenant)?;
        let Some(token) = token.filter(|token| !known.has_token(*token)) else { return Ok(known) };
        let newer = self.directory().newer_than(tenant, known.table.version()).await;
        let newer = newer.map_err(unavailable)?.ok_or(PublishError::UnknownTenant)?;
        if newer.has_token(token) { Ok(newer) } else { Err(PublishError::TokenRevoked) }
    }
}

/// What is made of an event once, however often it is routed.
struct Made {
    tenant: TenantId,
    content: Arc<EventContent>,
    accepted_at: Time,
    idempotency: Option<IdempotencyKey>,
}

impl Made {
    fn of(tenant: TenantId, publish: &Publish, accepted_at: Time) -> Self {
        let content = Arc::new(EventContent {
            id: entropy::event_id(accepted_at),
            event_type: publish.event_type.clone(),
            time: publish.time.unwrap_or(accepted_at),
            subject: publish.subject.clone(),
            content_type: publish.content_type.clone(),
            data: publish.data.clone(),
            previous_data: publish.previous_data.clone(),
            arrival: publish.arriving.as_ref().map(|arriving| Arc::clone(&arriving.arrival)),
        });
        let idempotency = match &publish.arriving {
            Some(arriving) => arriving.repeats.clone(),
            None => publish.idempotency_key.as_deref().map(|key| idempotency_key(key, publish, accepted_at)),
        };
        Self { tenant, content, accepted_at, idempotency }
    }
}

/// The webhooks that the event goes to. Filters that have much to look at do it aside, so that others' requests go on.
async fn chosen(
    table: &Arc<RoutingTable>,
    content: &Arc<EventContent>,
    publish: &Publish,
) -> Vec<Arc<Webhook>> {
    if table.work(content.event_type.as_str(), content.bytes()) <= WORK_BYTES_MAX {
        let metadata = publish.metadata.as_deref();
        return table.matching(&Facts::of(content, content.view().as_deref(), metadata));
    }
    let (table, content) = (Arc::clone(table), Arc::clone(content));
    let metadata = publish.metadata.clone();
    let aside = move || table.matching(&Facts::of(&content, content.view().as_deref(), metadata.as_deref()));
    tokio::task::spawn_blocking(aside).await.expect("matching does not panic and is not aborted")
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unavailable(error: StoreError) -> PublishError {
    PublishError::Unavailable(error.to_string())
}

fn limited(standing: &Standing) -> String {
    let max = standing.max;
    match standing.limit {
        Limit::Publish => format!("the tenant publishes faster than its plan allows ({max} at once)"),
        Limit::Backlog => format!("the tenant has as many deliveries pending as its plan allows ({max})"),
        Limit::Quota => format!("the tenant has used up its quota of {max} events"),
    }
}

/// Hands out places in the queues: the time of acceptance in µs, each given once, so that a page of a lane can go on after
/// the last row of the one before.
#[derive(Debug, Default)]
pub(crate) struct Positions(AtomicI64);

impl Positions {
    pub(crate) fn next(&self, now: Time) -> i64 {
        let now = now.as_micros();
        let previous =
            self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(now.max(last + 1)));
        now.max(previous.unwrap_or(0) + 1)
    }
}

/// The deliveries of an event that is accepted at `now`.
pub(crate) fn new_deliveries(webhooks: &[Arc<Webhook>], now: Time, position: i64) -> Vec<NewDelivery> {
    webhooks
        .iter()
        .map(|webhook| NewDelivery {
            id: entropy::delivery_id(now),
            webhook: webhook.id,
            shard: webhook.shard,
            position,
            ordered: webhook.config.ordered,
            due_at: webhook.config.first_wait().map(|wait| now.plus(wait)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_follow_the_clock_and_are_never_given_twice() {
        let positions = Positions::default();
        let now = Time::from_seconds(1_700_000_000);
        let given: Vec<i64> = (0..4).map(|_| positions.next(now)).collect();
        let start = now.as_micros();
        assert_eq!(given, [start, start + 1, start + 2, start + 3]);
        assert_eq!(positions.next(now.minus(Duration::from_secs(9))), start + 4);
        let later = now.plus(Duration::from_secs(1));
        assert_eq!(positions.next(later), later.as_micros());
    }
}
