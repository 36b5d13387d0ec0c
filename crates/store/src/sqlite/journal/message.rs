//! The message that an event tells of: both are stored, or neither.

use rusqlite::{OptionalExtension, params};
use stentor_core::id::{ConversationId, ConversationKey, EventId, MessageId, TenantId, WebhookId};

use super::{Batch, Fault, ItemResult};
use crate::journal::{IdempotencyKey, MessageUnwritten, MessageWrite, NewDelivery, NewEvent, Written};
use crate::sqlite::conversations::messages;
use crate::sqlite::row::{self, micros};

impl Batch<'_> {
    /// What keeps the message from being written; nothing was written when there is an answer. A repeat under the same key
    /// is answered as one before its own message is found in its way.
    pub(super) fn message_hindrance(
        &self,
        new: &NewEvent,
        message: &MessageWrite,
    ) -> ItemResult<Option<Written>> {
        let tenant = new.event.tenant;
        if let Some(key) = &new.idempotency
            && let Some(earlier) = self.key_used(key, new)?
        {
            return Ok(Some(earlier));
        }
        let unwritten = |why| Ok(Some(Written::MessageUnwritten(why)));
        let Some((key, webhook)) = self.live_conversation(tenant, message.conversation)? else {
            return unwritten(MessageUnwritten::NoConversation);
        };
        if key != message.message.conversation || webhook != message.webhook {
            return unwritten(MessageUnwritten::Changed);
        }
        let stored = messages::revision(self.connection, tenant, message.message.id)?;
        match stored {
            Some(_) if message.is_new => unwritten(MessageUnwritten::Exists),
            None if message.is_new => Ok(None),
            Some(stored) if stored == (key, message.message.revision) => Ok(None),
            _ => unwritten(MessageUnwritten::Changed),
        }
    }

    /// Writes the message, and which deliveries are about it.
    pub(super) fn write_message(&self, new: &NewEvent, message: &MessageWrite) -> ItemResult<()> {
        let (tenant, event) = (new.event.tenant, new.event.content.id);
        if message.is_new {
            messages::insert(self.connection, tenant, event, &message.message)?;
        } else if !messages::update(self.connection, tenant, &message.message)? {
            return Err(Fault::Item("the message changed within its own write"));
        }
        self.trace(tenant, event, &new.deliveries, (message.conversation, message.message.id))
    }

    /// New deliveries of an event that tells of a message are about that message too.
    pub(super) fn trace_redeliveries(
        &self,
        tenant: TenantId,
        event: EventId,
        deliveries: &[NewDelivery],
    ) -> ItemResult<()> {
        match messages::of_event(self.connection, tenant, event)? {
            Some(about) => self.trace(tenant, event, deliveries, about),
            None => Ok(()),
        }
    }

    fn trace(
        &self,
        tenant: TenantId,
        event: EventId,
        deliveries: &[NewDelivery],
        (conversation, message): (ConversationId, MessageId),
    ) -> ItemResult<()> {
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO message_deliveries (delivery, event, tenant, conversation, message)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        for delivery in deliveries {
            insert.execute([
                delivery.id.as_bytes(),
                event.as_bytes(),
                tenant.as_bytes(),
                conversation.as_bytes(),
                message.as_bytes(),
            ])?;
        }
        Ok(())
    }

    fn live_conversation(
        &self,
        tenant: TenantId,
        id: ConversationId,
    ) -> ItemResult<Option<(ConversationKey, WebhookId)>> {
        let mut find = self.connection.prepare_cached(
            "SELECT key, webhook FROM conversations WHERE id = ?1 AND tenant = ?2 AND deleted_at IS NULL",
        )?;
        let read = |row: &rusqlite::Row<'_>| {
            Ok((row::id(row, 0, ConversationKey::from_bytes)?, row::id(row, 1, WebhookId::from_bytes)?))
        };
        Ok(find.query_row([id.as_bytes(), tenant.as_bytes()], read).optional()?)
    }

    /// What a key that has not expired was used for.
    fn key_used(&self, key: &IdempotencyKey, new: &NewEvent) -> ItemResult<Option<Written>> {
        let lives: Option<bool> = self
            .connection
            .prepare_cached("SELECT expires_at > ?3 FROM idempotency WHERE tenant = ?1 AND key_hash = ?2")?
            .query_row(
                params![new.event.tenant.as_bytes(), key.key_hash, micros(new.event.accepted_at)],
                |row| row.get(0),
            )
            .optional()?;
        if lives == Some(true) { self.earlier_use(key, new) } else { Ok(None) }
    }
}
