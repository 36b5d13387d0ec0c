//! Replay: new deliveries for old events (glossary). The event keeps its id, so receivers that deduplicate by it within
//! their window ignore a replay (readings, "over the wire").
//!
//! A replay of a range is a row with a cursor. Its runner looks at the events after the cursor, a chunk at a time, and
//! writes new deliveries and the moved cursor in one transaction; so it goes on after a restart where it was, and nothing
//! is made twice.

use std::time::Duration;

use stentor_core::event::{Event, Origin};
use stentor_core::filter::Facts;
use stentor_core::id::{EventId, ReplayId, TenantId, WebhookId};
use stentor_core::limits::MATCHED_WEBHOOKS_MAX;
use stentor_core::operational;
use stentor_core::time::Time;
use stentor_core::webhook::Webhook;
use stentor_store::StoreError;
use stentor_store::journal::{NewDelivery, Write, Written};
use stentor_store::lanes::LaneKey;
use stentor_store::replays::Replay;
use tracing::{info, warn};

use crate::accept::new_deliveries;
use crate::commands::CommandError;
use crate::engine::Engine;
use crate::entropy;

/// Events looked at per step.
const CHUNK_ROWS: u32 = 200;
/// A replay waits while its webhook has more than this waiting (engine rule E16).
const BACKLOG_MAX: u32 = 1_000;
/// Pause before looking again at a webhook that has enough waiting, or at a database that did not answer.
const PAUSE: Duration = Duration::from_millis(500);

impl Engine {
    /// Delivers one old event again: to the webhooks that match it today, or to one named webhook. Answers the number of new
    /// deliveries; none when there is no such event or webhook.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn replay_event(
        &self,
        tenant: TenantId,
        event: EventId,
        webhook: Option<WebhookId>,
    ) -> Result<Option<u32>, CommandError> {
        let Some(stored) = self.store().event(tenant, event).await? else { return Ok(None) };
        let webhooks = match webhook {
            Some(id) => match self.store().webhook(tenant, id).await? {
                Some(webhook) => vec![std::sync::Arc::new(webhook)],
                None => return Ok(None),
            },
            None => match self.directory().table(tenant).await? {
                Some(table) => {
                    let mut webhooks = table.matching(&facts_of(&stored, stored.content.view().as_deref()));
                    if stored.origin == Origin::Operational {
                        let (kind, subject) = (&stored.content.event_type, stored.content.subject.as_deref());
                        webhooks.retain(|webhook| operational::is_receiver(webhook, kind, subject));
                    }
                    let own = self.webhook_of_message(tenant, event).await?;
                    let own = own.and_then(|own| table.webhook(own));
                    webhooks.extend(own.filter(|own| webhooks.iter().all(|one| one.id != own.id)).cloned());
                    webhooks
                }
                None => return Ok(None),
            },
        };
        let now = self.clock().now();
        let chosen = &webhooks[..webhooks.len().min(MATCHED_WEBHOOKS_MAX)];
        let deliveries = new_deliveries(chosen, now, self.positions().next(now));
        match self.journal().write(Write::Redeliver { tenant, event, deliveries }).await? {
            Written::Redelivered(Some(positions)) => {
                Ok(Some(u32::try_from(positions.len()).unwrap_or(u32::MAX)))
            }
            Written::Redelivered(None) => Ok(None),
            other => Err(CommandError::Unavailable(format!("unexpected answer {other:?}"))),
        }
    }

    /// Begins to deliver to a webhook all events of `[since, until)` that go to it by today's configuration, operational ones
    /// left out. None when there is no such webhook.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn start_replay(
        &self,
        tenant: TenantId,
        webhook: WebhookId,
        since: Time,
        until: Time,
    ) -> Result<Option<Replay>, StoreError> {
        if self.store().webhook(tenant, webhook).await?.is_none() {
            return Ok(None);
        }
        let created_at = self.clock().now();
        let replay = Replay {
            id: ReplayId::new(created_at, entropy::bits()),
            tenant,
            webhook,
            since,
            until: until.min(created_at),
            cursor: None,
            deliveries: 0,
            created_at,
            finished_at: None,
        };
        self.store().create_replay(&replay).await?;
        self.run_replay(replay.clone());
        Ok(Some(replay))
    }

    /// Goes on with the replays that a stop interrupted.
    pub(crate) async fn resume_replays(&self) -> Result<(), StoreError> {
        for replay in self.store().unfinished_replays().await? {
            self.run_replay(replay);
        }
        Ok(())
    }

    fn run_replay(&self, replay: Replay) {
        let engine = self.clone();
        tokio::spawn(async move {
            let mut cursor = replay.cursor;
            while !engine.is_stopping() {
                match engine.replay_step(&replay, cursor).await {
                    Ok(Progress::Moved(to)) => cursor = to,
                    Ok(Progress::Finished) => return info!(replay = %replay.id, "a replay is finished"),
                    Ok(Progress::Waiting) => tokio::time::sleep(PAUSE).await,
                    Err(error) => {
                        warn!(replay = %replay.id, %error, "a replay waits for the database");
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        });
    }

    async fn replay_step(&self, replay: &Replay, cursor: Option<EventId>) -> Result<Progress, CommandError> {
        let now = self.clock().now();
        let step = match self.store().webhook(replay.tenant, replay.webhook).await? {
            Some(webhook) => self.chunk(replay, &webhook, cursor, now).await?,
            // Its webhook was deleted: nothing is left to do.
            None => Some(Chunk::default()),
        };
        let Some(Chunk { items, last }) = step else { return Ok(Progress::Waiting) };
        let done = last.is_none();
        let (tenant, id) = (replay.tenant, replay.id);
        let write = Write::Replay { tenant, replay: id, items, cursor: last, done, now };
        match self.journal().write(write).await? {
            // It was made before, by a commit of which nobody could tell.
            Written::Replayed(None) => match self.store().replay(tenant, id).await? {
                Some(stored) if stored.finished_at.is_none() => Ok(Progress::Moved(stored.cursor)),
                _ => Ok(Progress::Finished),
            },
            Written::Replayed(Some(_)) if done => Ok(Progress::Finished),
            Written::Replayed(Some(_)) => Ok(Progress::Moved(last)),
            other => Err(CommandError::Unavailable(format!("unexpected answer {other:?}"))),
        }
    }

    /// The deliveries of the next chunk; none while the webhook has enough waiting.
    async fn chunk(
        &self,
        replay: &Replay,
        webhook: &Webhook,
        cursor: Option<EventId>,
        now: Time,
    ) -> Result<Option<Chunk>, CommandError> {
        let lane = LaneKey { shard: webhook.shard, webhook: webhook.id };
        if self.store().waiting_count(lane, BACKLOG_MAX + 1).await? > BACKLOG_MAX {
            return Ok(None);
        }
        let types =
            self.store().event_types(replay.tenant, replay.since, replay.until, cursor, CHUNK_ROWS).await?;
        let mut chunk = Chunk { items: Vec::new(), last: types.last().map(|(id, _)| *id) };
        let shared = std::sync::Arc::new(webhook.clone());
        let Some(table) = self.directory().table(replay.tenant).await? else { return Ok(Some(chunk)) };
        for (id, event_type) in types {
            let by_type = webhook.config.events.iter().any(|pattern| pattern.matches(event_type.as_str()));
            let sent = if table.is_chosen_by_type(webhook.id) {
                by_type
            } else {
                // What its filter or a route asks for is in the event.
                let stored = self.store().event(replay.tenant, id).await?;
                stored.is_some_and(|event| {
                    let view = event.content.view();
                    table.sends_to(&facts_of(&event, view.as_deref()), webhook.id)
                })
            };
            // A message goes to its conversation's webhook, which asks for no type.
            let sent = sent
                || (webhook.config.of_conversations
                    && self.webhook_of_message(replay.tenant, id).await? == Some(webhook.id));
            if sent {
                let made = new_deliveries(std::slice::from_ref(&shared), now, self.positions().next(now));
                chunk.items.extend(made.into_iter().map(|delivery| (id, delivery)));
            }
        }
        Ok(Some(chunk))
    }
}

/// What filters see of a stored event, given the view of its data.
pub(crate) fn facts_of<'a>(event: &'a Event, view: Option<&'a str>) -> Facts<'a> {
    Facts::of(&event.content, view, event.metadata.as_deref())
}

/// What one step looks at.
#[derive(Default)]
struct Chunk {
    items: Vec<(EventId, NewDelivery)>,
    /// The last event looked at; none when nothing was left.
    last: Option<EventId>,
}

/// What one step did.
enum Progress {
    Moved(Option<EventId>),
    Waiting,
    Finished,
}
