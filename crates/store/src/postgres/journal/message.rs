//! The message that an event tells of: both are stored, or neither.

use stentor_core::id::{ConversationId, ConversationKey, EventId, MessageId, TenantId, WebhookId};

use super::{Batch, column};
use crate::error::{StoreError, StoreResult};
use crate::journal::{IdempotencyKey, MessageUnwritten, MessageWrite, NewDelivery, NewEvent, Written};
use crate::postgres::connection::Values;
use crate::postgres::conversations::messages;
use crate::postgres::row::{self, Id};
use crate::postgres::webhooks;

impl Batch<'_> {
    /// Accepts one event, with the message that it tells of.
    pub(super) async fn accept_one(&mut self, new: &NewEvent) -> StoreResult<Written> {
        let tenant = new.event.tenant;
        self.read_versions([tenant].into_iter()).await?;
        let current = self.version(tenant);
        if current != Some(new.event.config_version) {
            return Ok(Written::StaleConfig { current });
        }
        if let Some(message) = &new.message
            && let Some(hindrance) = self.message_hindrance(new, message).await?
        {
            return Ok(hindrance);
        }
        let written = self.accept(&[new]).await?.pop();
        if let (Some(message), Some(Written::Accepted { .. })) = (&new.message, &written) {
            self.write_message(new, message).await?;
        }
        written.ok_or_else(|| StoreError::Unexpected("an event was not answered".into()))
    }

    /// What keeps the message from being written; nothing was written when there is an answer. A repeat under the same key
    /// is answered as one before its own message is found in its way.
    async fn message_hindrance(
        &self,
        new: &NewEvent,
        message: &MessageWrite,
    ) -> StoreResult<Option<Written>> {
        let tenant = new.event.tenant;
        if let Some(key) = &new.idempotency
            && let Some(earlier) = self.key_used(key, new).await?
        {
            return Ok(Some(earlier));
        }
        let unwritten = |why| Ok(Some(Written::MessageUnwritten(why)));
        let Some((key, webhook)) = self.live_conversation(tenant, message.conversation).await? else {
            return unwritten(MessageUnwritten::NoConversation);
        };
        if key != message.message.conversation || webhook != message.webhook {
            return unwritten(MessageUnwritten::Changed);
        }
        let stored = messages::revision(self.session, tenant, message.message.id).await?;
        match stored {
            Some(_) if message.is_new => unwritten(MessageUnwritten::Exists),
            None if message.is_new => Ok(None),
            Some(stored) if stored == (key, message.message.revision) => Ok(None),
            _ => unwritten(MessageUnwritten::Changed),
        }
    }

    /// Writes the message, and which deliveries are about it.
    async fn write_message(&self, new: &NewEvent, message: &MessageWrite) -> StoreResult<()> {
        let (tenant, event) = (new.event.tenant, new.event.content.id);
        if message.is_new {
            messages::insert(self.session, tenant, event, &message.message).await?;
        } else if !messages::update(self.session, tenant, &message.message).await? {
            return Err(StoreError::Unexpected("the message changed within its own write".into()));
        }
        let about = (message.conversation, message.message.id);
        let traced: Vec<_> = new.deliveries.iter().map(|delivery| (event, delivery, about)).collect();
        self.trace(tenant, &traced).await
    }

    /// New deliveries of an event that tells of a message are about that message too.
    pub(super) async fn trace_redeliveries(
        &self,
        tenant: TenantId,
        items: &[(EventId, &NewDelivery)],
    ) -> StoreResult<()> {
        let mut traced = Vec::new();
        let mut last = None;
        for (event, delivery) in items {
            let about = match last {
                Some((of, about)) if of == *event => about,
                _ => messages::of_event(self.session, tenant, *event).await?,
            };
            last = Some((*event, about));
            traced.extend(about.map(|about| (*event, *delivery, about)));
        }
        self.trace(tenant, &traced).await
    }

    async fn trace(
        &self,
        tenant: TenantId,
        traced: &[(EventId, &NewDelivery, (ConversationId, MessageId))],
    ) -> StoreResult<()> {
        if traced.is_empty() {
            return Ok(());
        }
        let sql = "INSERT INTO message_deliveries (delivery, event, tenant, conversation, message)
             SELECT k.delivery, k.event, $5, k.conversation, k.message
             FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[]) AS k (delivery, event, conversation, message)";
        let values: &Values<'_> = &[
            &column(traced, |(_, delivery, _)| Id::from(delivery.id)),
            &column(traced, |(event, ..)| Id::from(*event)),
            &column(traced, |(.., (conversation, _))| Id::from(*conversation)),
            &column(traced, |(.., (_, message))| Id::from(*message)),
            &Id::from(tenant),
        ];
        self.session.execute(sql, values).await.map(|_| ())
    }

    async fn live_conversation(
        &self,
        tenant: TenantId,
        id: ConversationId,
    ) -> StoreResult<Option<(ConversationKey, WebhookId)>> {
        let sql =
            "SELECT key, webhook FROM conversations WHERE id = $1 AND tenant = $2 AND deleted_at IS NULL";
        let found = self.session.first(sql, &[&Id::from(id), &Id::from(tenant)]).await?;
        found
            .map(|row| {
                Ok((row::id(&row, 0, ConversationKey::from_bytes)?, row::id(&row, 1, WebhookId::from_bytes)?))
            })
            .transpose()
    }

    /// What a key that has not expired was used for.
    async fn key_used(&self, key: &IdempotencyKey, new: &NewEvent) -> StoreResult<Option<Written>> {
        let (tenant, now) = (new.event.tenant, new.event.accepted_at);
        match webhooks::earlier_use(self.session, tenant, key, now).await? {
            Some(_) => self.earlier_use(tenant, key).await,
            None => Ok(None),
        }
    }
}
