//! Accepting events.

use rusqlite::{OptionalExtension, params};
use stentor_core::event::Origin;
use stentor_core::id::{EventId, TenantId};

use super::{Batch, Fault, ItemResult};
use crate::arrivals;
use crate::journal::{IdempotencyKey, NewDelivery, NewEvent, Written};
use crate::sqlite::row::{integer, made_together, micros, origin_number};
use crate::sqlite::usage::DAY_MICROS;

pub(super) const INSERT_PAYLOAD: &str =
    "INSERT INTO payloads (data, previous_data, metadata) VALUES (?1, ?2, ?3)";
pub(super) const INSERT_EVENT: &str = "INSERT INTO events (id, tenant, payload, event_type, content_type, time, \
     accepted_at, subject, origin, config_version, matched, source, arrival) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, \
     ?10, ?11, ?12, ?13)";
pub(super) const INSERT_PENDING: &str = "INSERT INTO pending (id, tenant, event, webhook, shard, position, due_at, \
     attempts, claims) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 0)";

impl Batch<'_> {
    pub(super) fn accept(&mut self, new: &NewEvent) -> ItemResult<Written> {
        let event = &new.event;
        let content = &*event.content;
        if usize::try_from(event.matched) != Ok(new.deliveries.len()) {
            return Err(Fault::Item("the event does not have one delivery for each webhook it matched"));
        }
        let current = self.version(event.tenant)?;
        if current != Some(event.config_version) {
            return Ok(Written::StaleConfig { current });
        }
        if let Some(message) = &new.message
            && let Some(hindrance) = self.message_hindrance(new, message)?
        {
            return Ok(hindrance);
        }
        if let Some(key) = &new.idempotency
            && let Some(earlier) = self.take_key(key, new)?
        {
            return Ok(earlier);
        }
        let arrival = match content.arrival.as_deref().map(arrivals::write) {
            None => None,
            Some(Some(bytes)) => Some(bytes),
            Some(None) => return Err(Fault::Item("the event's arrival cannot be written")),
        };
        let data: &[u8] = &content.data;
        let payload = self.insert_payload.insert(params![
            data,
            content.previous_data.as_deref(),
            event.metadata.as_deref()
        ])?;
        self.insert_event.execute(params![
            content.id.as_bytes(),
            event.tenant.as_bytes(),
            payload,
            content.event_type.as_str(),
            &*content.content_type,
            micros(content.time),
            micros(event.accepted_at),
            content.subject.as_deref(),
            origin_number(event.origin),
            integer(event.config_version),
            event.matched,
            content.arrival.as_deref().map(|arrival| *arrival.source.as_bytes()),
            arrival,
        ])?;
        if self.is_closed(content.id.as_bytes()) {
            let change = self.changes.of(event.tenant);
            change.events += 1;
            change.accepted += i64::from(event.matched);
            if event.origin != Origin::Operational {
                self.changes.use_on(event.tenant, micros(event.accepted_at).div_euclid(DAY_MICROS), 1);
            }
        }
        let positions = self.insert_deliveries(event.tenant, content.id, &new.deliveries)?;
        if let Some(message) = &new.message {
            self.write_message(new, message)?;
        }
        Ok(Written::Accepted { positions })
    }

    /// What hinders the first hinders all of them, before anything is written. Whatever is wrong with a later one is a fault, so
    /// that the item is undone as a whole.
    pub(super) fn accept_all(&mut self, events: &[NewEvent]) -> ItemResult<Written> {
        let mut each = Vec::with_capacity(events.len());
        for (index, new) in events.iter().enumerate() {
            if index > 0 && (new.idempotency.is_some() || new.message.is_some()) {
                return Err(Fault::Item("only the first of several events has a key or a message"));
            }
            match self.accept(new)? {
                Written::Accepted { positions } => each.push(positions),
                hindrance if index == 0 => return Ok(hindrance),
                _ => return Err(Fault::Item("several events must be of one tenant and version")),
            }
        }
        Ok(Written::AcceptedAll(each))
    }

    /// Answers the final positions.
    pub(super) fn insert_deliveries(
        &mut self,
        tenant: TenantId,
        event: EventId,
        deliveries: &[NewDelivery],
    ) -> ItemResult<Vec<i64>> {
        let mut positions = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            let position = if delivery.ordered { self.next_position(delivery)? } else { delivery.position };
            self.insert_pending.execute(params![
                delivery.id.as_bytes(),
                tenant.as_bytes(),
                event.as_bytes(),
                delivery.webhook.as_bytes(),
                delivery.shard.0,
                position,
                delivery.due_at.map(micros),
            ])?;
            if !made_together(delivery.id.as_bytes(), event.as_bytes()) {
                self.connection
                    .prepare_cached(
                        "INSERT INTO later_deliveries (event, delivery, tenant) VALUES (?1, ?2, ?3)",
                    )?
                    .execute([event.as_bytes(), delivery.id.as_bytes(), tenant.as_bytes()])?;
            }
            positions.push(position);
        }
        Ok(positions)
    }

    /// The place at the end of an ordered webhook's queue (engine rule E5).
    fn next_position(&mut self, delivery: &NewDelivery) -> ItemResult<i64> {
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO webhook_positions (webhook, last) VALUES (?1, ?2)
             ON CONFLICT DO UPDATE SET last = max(last + 1, excluded.last) RETURNING last",
        )?;
        Ok(statement.query_row(params![delivery.webhook.as_bytes(), delivery.position], |row| row.get(0))?)
    }

    /// Takes the key for this event, or answers what it was used for before (engine rule E13).
    fn take_key(&mut self, key: &IdempotencyKey, new: &NewEvent) -> ItemResult<Option<Written>> {
        let event = &new.event;
        let mut take = self.connection.prepare_cached(
            "INSERT INTO idempotency (tenant, key_hash, body_hash, event, matched, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET body_hash = excluded.body_hash, event = excluded.event,
             matched = excluded.matched, expires_at = excluded.expires_at WHERE expires_at <= ?7",
        )?;
        let taken = take.execute(params![
            event.tenant.as_bytes(),
            key.key_hash,
            key.body_hash,
            event.content.id.as_bytes(),
            event.matched,
            micros(key.expires_at),
            micros(event.accepted_at),
        ])?;
        if taken == 1 { Ok(None) } else { self.earlier_use(key, new) }
    }

    /// What the key was used for.
    pub(super) fn earlier_use(&self, key: &IdempotencyKey, new: &NewEvent) -> ItemResult<Option<Written>> {
        let event = &new.event;
        let mut find = self.connection.prepare_cached(
            "SELECT body_hash, event, matched FROM idempotency WHERE tenant = ?1 AND key_hash = ?2",
        )?;
        let earlier = find
            .query_row(params![event.tenant.as_bytes(), key.key_hash], |row| {
                Ok((row.get::<_, [u8; 32]>(0)?, EventId::from_bytes(row.get(1)?), row.get(2)?))
            })
            .optional()?;
        Ok(earlier.map(|(body_hash, event, matched)| {
            if body_hash == key.body_hash {
                Written::Duplicate { event, matched }
            } else {
                Written::KeyConflict { event }
            }
        }))
    }
}
