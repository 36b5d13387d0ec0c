//! Accepting events.

use std::collections::{BTreeMap, HashMap, HashSet};

use stentor_core::event::Origin;
use stentor_core::id::{EventId, TenantId, WebhookId};

use super::{Batch, column};
use crate::arrivals;
use crate::error::{StoreError, StoreResult};
use crate::journal::{IdempotencyKey, NewDelivery, NewEvent, Written};
use crate::postgres::connection::{Values, both};
use crate::postgres::row::{
    self, Id, integer, made_together, micros, number16, origin_number, shard_number, small,
};
use crate::postgres::usage::DAY_MICROS;

pub(in crate::postgres) const INSERT_PAYLOADS: &str = "INSERT INTO payloads (id, tenant, data, previous_data, metadata) \
     SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::bytea[], $5::bytea[])";
pub(in crate::postgres) const INSERT_EVENTS: &str = "INSERT INTO events (id, tenant, event_type, content_type, time, accepted_at, \
     subject, origin, config_version, matched, source, arrival) SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::int8[], \
     $6::int8[], $7::bytea[], $8::int2[], $9::int8[], $10::int4[], $11::uuid[], $12::bytea[])";
pub(in crate::postgres) const INSERT_PENDING: &str = "INSERT INTO pending (id, tenant, event, webhook, shard, position, due_at, \
     attempts, claims) SELECT k.*, 0, 0 FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::int2[], $6::int8[], \
     $7::int8[]) AS k";
/// Keys that may be used anew; then those that nobody has. Sorted, so that two writers never wait for each other (E13).
pub(in crate::postgres) const FORGET_KEYS: &str = "DELETE FROM idempotency i USING \
     unnest($1::uuid[], $2::bytea[], $3::int8[]) AS k (tenant, key_hash, now) \
     WHERE i.tenant = k.tenant AND i.key_hash = k.key_hash AND i.expires_at <= k.now";
pub(in crate::postgres) const TAKE_KEYS: &str = "INSERT INTO idempotency (tenant, key_hash, body_hash, event, matched, expires_at) \
     SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::bytea[], $4::uuid[], $5::int4[], $6::int8[]) \
     ON CONFLICT (tenant, key_hash) DO NOTHING RETURNING tenant, key_hash";
pub(in crate::postgres) const FIND_KEYS: &str = "SELECT i.tenant, i.key_hash, i.body_hash, i.event, i.matched \
     FROM unnest($1::uuid[], $2::bytea[]) AS k (tenant, key_hash) \
     JOIN idempotency i ON i.tenant = k.tenant AND i.key_hash = k.key_hash";

/// A tenant's key.
type Key = (TenantId, [u8; 32]);

/// What a key was used for: the hash of the body, the event, and how many webhooks it matched.
struct Use {
    body_hash: [u8; 32],
    event: EventId,
    matched: u32,
}

impl Use {
    fn answer(&self, key: &IdempotencyKey) -> Written {
        if self.body_hash == key.body_hash {
            Written::Duplicate { event: self.event, matched: self.matched }
        } else {
            Written::KeyConflict { event: self.event }
        }
    }
}

fn key_of(new: &NewEvent) -> Option<(Key, &IdempotencyKey)> {
    new.idempotency.as_ref().map(|key| ((new.event.tenant, key.key_hash), key))
}

impl Batch<'_> {
    /// Accepts events whose tenants' versions are in force, each key once. Messages are not written.
    pub(super) async fn accept(&mut self, news: &[&NewEvent]) -> StoreResult<Vec<Written>> {
        if news.iter().any(|new| usize::try_from(new.event.matched) != Ok(new.deliveries.len())) {
            let reason = "the event does not have one delivery for each webhook it matched";
            return Err(StoreError::Unexpected(reason.into()));
        }
        self.read_versions(news.iter().map(|new| new.event.tenant)).await?;
        let mut written: Vec<Option<Written>> = news
            .iter()
            .map(|new| {
                let current = self.version(new.event.tenant);
                (current != Some(new.event.config_version)).then_some(Written::StaleConfig { current })
            })
            .collect();
        self.take_keys(news, &mut written).await?;
        let accepted: Vec<&NewEvent> =
            news.iter().zip(&written).filter(|(_, written)| written.is_none()).map(|(new, _)| *new).collect();
        self.insert_events(&accepted).await?;
        let rows: Vec<(TenantId, EventId, &NewDelivery)> = accepted
            .iter()
            .flat_map(|new| {
                new.deliveries.iter().map(|delivery| (new.event.tenant, new.event.content.id, delivery))
            })
            .collect();
        let mut positions = self.insert_deliveries(&rows).await?.into_iter();
        let answer = |(new, written): (&&NewEvent, Option<Written>)| {
            written.unwrap_or_else(|| Written::Accepted {
                positions: positions.by_ref().take(new.deliveries.len()).collect(),
            })
        };
        Ok(news.iter().zip(written).map(answer).collect())
    }

    /// What hinders the first hinders all of them, before anything is written. Whatever is wrong with a later one makes the item
    /// fail, so that it is undone as a whole.
    pub(super) async fn accept_all(&mut self, events: &[NewEvent]) -> StoreResult<Written> {
        let Some((first, others)) = events.split_first() else { return Ok(Written::AcceptedAll(Vec::new())) };
        if others.iter().any(|new| new.idempotency.is_some() || new.message.is_some()) {
            let reason = "only the first of several events has a key or a message";
            return Err(StoreError::Unexpected(reason.into()));
        }
        let mut each = Vec::with_capacity(events.len());
        match self.accept_one(first).await? {
            Written::Accepted { positions } => each.push(positions),
            hindrance => return Ok(hindrance),
        }
        for written in self.accept(&others.iter().collect::<Vec<_>>()).await? {
            let Written::Accepted { positions } = written else {
                let reason = "several events must be of one tenant and version";
                return Err(StoreError::Unexpected(reason.into()));
            };
            each.push(positions);
        }
        Ok(Written::AcceptedAll(each))
    }

    /// Takes the keys of the events that have no answer yet, and answers for those whose key was used before (engine rule E13).
    async fn take_keys(&mut self, news: &[&NewEvent], written: &mut [Option<Written>]) -> StoreResult<()> {
        // The first with a key in the batch may have it.
        let mut first: BTreeMap<Key, &NewEvent> = BTreeMap::new();
        for (new, _) in news.iter().zip(&*written).filter(|(_, written)| written.is_none()) {
            if let Some((key, _)) = key_of(new) {
                first.entry(key).or_insert(new);
            }
        }
        if first.is_empty() {
            return Ok(());
        }
        let wanted: Vec<(Key, &NewEvent, &IdempotencyKey)> =
            first.iter().filter_map(|(key, new)| Some((*key, *new, new.idempotency.as_ref()?))).collect();
        let tenants = column(&wanted, |((tenant, _), ..)| Id::from(*tenant));
        let hashes = column(&wanted, |((_, hash), ..)| hash.to_vec());
        let now = column(&wanted, |(_, new, _)| micros(new.event.accepted_at));
        let bodies = column(&wanted, |(.., key)| key.body_hash.to_vec());
        let events = column(&wanted, |(_, new, _)| Id::from(new.event.content.id));
        let matched = column(&wanted, |(_, new, _)| small(new.event.matched));
        let expiry = column(&wanted, |(.., key)| micros(key.expires_at));
        let take: &Values<'_> = &[&tenants, &hashes, &bodies, &events, &matched, &expiry];
        let forget: &Values<'_> = &[&tenants, &hashes, &now];
        self.session.execute(FORGET_KEYS, forget).await?;
        let taken = self.session.query(TAKE_KEYS, take).await?;
        let read =
            |row: &tokio_postgres::Row| Ok((row::id(row, 0, TenantId::from_bytes)?, row::hash(row, 1)?));
        let taken: HashSet<Key> = taken.iter().map(read).collect::<StoreResult<_>>()?;
        let is_winner = |new: &NewEvent, key: &Key| {
            taken.contains(key) && first.get(key).is_some_and(|first| std::ptr::eq(*first, new))
        };
        let losers: Vec<usize> = (0..news.len())
            .filter(|at| written[*at].is_none())
            .filter(|at| key_of(news[*at]).is_some_and(|(key, _)| !is_winner(news[*at], &key)))
            .collect();
        if losers.is_empty() {
            return Ok(());
        }
        let keys: Vec<Key> = losers.iter().filter_map(|at| key_of(news[*at])).map(|(key, _)| key).collect();
        let uses = self.uses(&keys).await?;
        for at in losers {
            let Some((key, idempotency)) = key_of(news[at]) else { continue };
            let used = uses.get(&key).ok_or_else(|| StoreError::Unavailable("a key vanished".into()))?;
            written[at] = Some(used.answer(idempotency));
        }
        Ok(())
    }

    async fn uses(&self, keys: &[Key]) -> StoreResult<HashMap<Key, Use>> {
        let tenants = column(keys, |(tenant, _)| Id::from(*tenant));
        let hashes = column(keys, |(_, hash)| hash.to_vec());
        let found = self.session.query(FIND_KEYS, &[&tenants, &hashes]).await?;
        let read = |row: &tokio_postgres::Row| {
            let key = (row::id(row, 0, TenantId::from_bytes)?, row::hash(row, 1)?);
            let event = row::id(row, 3, EventId::from_bytes)?;
            Ok((key, Use { body_hash: row::hash(row, 2)?, event, matched: row::small_count(row, 4)? }))
        };
        found.iter().map(read).collect()
    }

    /// What the key was used for.
    pub(super) async fn earlier_use(
        &self,
        tenant: TenantId,
        key: &IdempotencyKey,
    ) -> StoreResult<Option<Written>> {
        let id = (tenant, key.key_hash);
        Ok(self.uses(&[id]).await?.get(&id).map(|used| used.answer(key)))
    }

    async fn insert_events(&mut self, news: &[&NewEvent]) -> StoreResult<()> {
        if news.is_empty() {
            return Ok(());
        }
        let ids = column(news, |new| Id::from(new.event.content.id));
        let tenants = column(news, |new| Id::from(new.event.tenant));
        let failed = || StoreError::Unexpected("the event's arrival cannot be written".into());
        let stored = |new: &&NewEvent| {
            let arrival = new.event.content.arrival.as_deref();
            arrival.map(|arrival| arrivals::write(arrival).ok_or_else(failed)).transpose()
        };
        let arrivals = news.iter().map(stored).collect::<StoreResult<Vec<Option<Vec<u8>>>>>()?;
        let payloads: &Values<'_> = &[
            &ids,
            &tenants,
            &news.iter().map(|new| &new.event.content.data[..]).collect::<Vec<_>>(),
            &news.iter().map(|new| new.event.content.previous_data.as_deref()).collect::<Vec<_>>(),
            &news.iter().map(|new| new.event.metadata.as_deref()).collect::<Vec<_>>(),
        ];
        let events: &Values<'_> = &[
            &ids,
            &tenants,
            &news.iter().map(|new| new.event.content.event_type.as_str()).collect::<Vec<_>>(),
            &news.iter().map(|new| &*new.event.content.content_type).collect::<Vec<_>>(),
            &column(news, |new| micros(new.event.content.time)),
            &column(news, |new| micros(new.event.accepted_at)),
            &news
                .iter()
                .map(|new| new.event.content.subject.as_deref().map(str::as_bytes))
                .collect::<Vec<_>>(),
            &column(news, |new| number16(origin_number(new.event.origin))),
            &column(news, |new| integer(new.event.config_version)),
            &column(news, |new| small(new.event.matched)),
            &column(news, |new| new.event.content.arrival.as_deref().map(|arrival| Id::from(arrival.source))),
            &arrivals,
        ];
        both(self.session.execute(INSERT_PAYLOADS, payloads), self.session.execute(INSERT_EVENTS, events))
            .await?;
        for new in news.iter().filter(|new| self.closed_before > *new.event.content.id.as_bytes()) {
            let change = self.state.changes.of(new.event.tenant);
            change.events += 1;
            change.accepted += i64::from(new.event.matched);
            if new.event.origin != Origin::Operational {
                let day = micros(new.event.accepted_at).div_euclid(DAY_MICROS);
                self.state.changes.use_on(new.event.tenant, day, 1);
            }
        }
        Ok(())
    }

    /// Answers the final positions.
    pub(super) async fn insert_deliveries(
        &mut self,
        rows: &[(TenantId, EventId, &NewDelivery)],
    ) -> StoreResult<Vec<i64>> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let positions = self.positions(rows).await?;
        let pending: &Values<'_> = &[
            &column(rows, |(.., delivery)| Id::from(delivery.id)),
            &column(rows, |(tenant, ..)| Id::from(*tenant)),
            &column(rows, |(_, event, _)| Id::from(*event)),
            &column(rows, |(.., delivery)| Id::from(delivery.webhook)),
            &column(rows, |(.., delivery)| shard_number(delivery.shard)),
            &positions,
            &column(rows, |(.., delivery)| delivery.due_at.map(micros)),
        ];
        self.session.execute(INSERT_PENDING, pending).await?;
        let is_later = |(_, event, delivery): &&(TenantId, EventId, &NewDelivery)| {
            !made_together(delivery.id.as_bytes(), event.as_bytes())
        };
        let later: Vec<_> = rows.iter().filter(is_later).collect();
        if !later.is_empty() {
            let sql = "INSERT INTO later_deliveries (event, delivery, tenant)
                 SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[])";
            let values: &Values<'_> = &[
                &column(&later, |(_, event, _)| Id::from(*event)),
                &column(&later, |(.., delivery)| Id::from(delivery.id)),
                &column(&later, |(tenant, ..)| Id::from(*tenant)),
            ];
            self.session.execute(sql, values).await?;
        }
        Ok(positions)
    }

    /// The places that the deliveries get: at the end of the queue of an ordered webhook (engine rule E5). Counters are locked
    /// in the order of their webhooks.
    async fn positions(&self, rows: &[(TenantId, EventId, &NewDelivery)]) -> StoreResult<Vec<i64>> {
        let mut positions: Vec<i64> = rows.iter().map(|(.., delivery)| delivery.position).collect();
        let ordered = rows.iter().filter(|(.., delivery)| delivery.ordered);
        let webhooks: Vec<Id> = ordered
            .map(|(.., delivery)| Id::from(delivery.webhook))
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect();
        if webhooks.is_empty() {
            return Ok(positions);
        }
        // Locks the counters that are there and makes those that are not, with nothing given out.
        let sql = "INSERT INTO webhook_positions (webhook, last) SELECT k.webhook, $2 FROM unnest($1::uuid[]) AS k (webhook)
             ON CONFLICT (webhook) DO UPDATE SET last = webhook_positions.last RETURNING webhook, last";
        let mut last: BTreeMap<WebhookId, i64> = BTreeMap::new();
        for row in self.session.query(sql, &[&webhooks, &i64::MIN]).await? {
            last.insert(row::id(&row, 0, WebhookId::from_bytes)?, row.try_get(1)?);
        }
        for ((.., delivery), position) in rows.iter().zip(&mut positions).filter(|((.., d), _)| d.ordered) {
            let last = last.entry(delivery.webhook).or_insert(i64::MIN);
            *position = delivery.position.max(last.saturating_add(1));
            *last = *position;
        }
        let sql = "UPDATE webhook_positions p SET last = k.last FROM unnest($1::uuid[], $2::int8[]) AS k (webhook, last)
             WHERE p.webhook = k.webhook";
        let (webhooks, last): (Vec<Id>, Vec<i64>) =
            last.into_iter().map(|(webhook, last)| (Id::from(webhook), last)).unzip();
        self.session.execute(sql, &[&webhooks, &last]).await?;
        Ok(positions)
    }
}
