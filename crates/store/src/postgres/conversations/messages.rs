//! The statements over messages, for reads and for the journal.

use stentor_core::conversation::{Channel, ContentType, Message, MessageStatus, MessageType};
use stentor_core::id::{ConversationId, ConversationKey, EventId, MessageId, TenantId};
use tokio_postgres::Row;

use crate::Page;
use crate::error::StoreResult;
use crate::postgres::connection::{Session, Values};
use crate::postgres::row::{self, Id, first_id_after, first_id_made_with, micros, page_of};

const COLUMNS: &str = "m.id, m.conversation, m.content, m.content_type, m.filename, m.kind, m.channel, m.status, \
     m.metadata, m.created_by, m.updated_by, m.created_at, m.updated_at, m.revision, m.event";

fn message(row: &Row) -> StoreResult<Message> {
    Ok(Message {
        id: row::id(row, 0, MessageId::from_bytes)?,
        conversation: row::id(row, 1, ConversationKey::from_bytes)?,
        content: row::text(row, 2)?,
        content_type: row::word(row, 3, "a content type", ContentType::from_word)?,
        filename: row::optional_text(row, 4)?,
        kind: row::word(row, 5, "a message's type", MessageType::from_word)?,
        channel: row::word(row, 6, "a channel", Channel::from_word)?,
        status: row::word(row, 7, "a message's status", MessageStatus::from_word)?,
        metadata: row.try_get::<_, Option<&str>>(8)?.map(Into::into),
        created_by: row::text(row, 9)?,
        updated_by: row::text(row, 10)?,
        created_at: row::time(row, 11)?,
        updated_at: row::time(row, 12)?,
        revision: row::count32(row, 13)?,
    })
}

pub(super) async fn by_id(
    session: &Session,
    tenant: TenantId,
    conversation: ConversationId,
    id: MessageId,
) -> StoreResult<Option<Message>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM messages m JOIN conversations c ON c.key = m.conversation AND c.tenant = m.tenant
         WHERE m.id = $3 AND m.tenant = $2 AND c.id = $1 AND c.deleted_at IS NULL"
    );
    let values: &Values<'_> = &[&Id::from(conversation), &Id::from(tenant), &Id::from(id)];
    session.first(&sql, values).await?.map(|row| message(&row)).transpose()
}

pub(super) async fn created_with(
    session: &Session,
    tenant: TenantId,
    event: EventId,
) -> StoreResult<Option<Message>> {
    let sql = format!("SELECT {COLUMNS} FROM messages m WHERE m.event = $1 AND m.tenant = $2");
    session.first(&sql, &[&Id::from(event), &Id::from(tenant)]).await?.map(|row| message(&row)).transpose()
}

pub(super) async fn list(
    session: &Session,
    tenant: TenantId,
    conversation: ConversationId,
    before: Option<EventId>,
    rows: u32,
) -> StoreResult<Page<(EventId, Message)>> {
    let before = before.map_or(Id::HIGHEST, Id::from);
    let values: &Values<'_> = &[&Id::from(conversation), &Id::from(tenant), &before, &(i64::from(rows) + 1)];
    let found = session.query(&list_sql(), values).await?;
    let read = |row| Ok((row::id(row, 14, EventId::from_bytes)?, message(row)?));
    Ok(page_of(found.iter().map(read).collect::<StoreResult<_>>()?, rows))
}

/// Of conversations that are not deleted.
pub(in crate::postgres) fn list_sql() -> String {
    format!(
        "SELECT {COLUMNS} FROM conversations c JOIN messages m ON m.conversation = c.key AND m.tenant = c.tenant
         WHERE c.id = $1 AND c.tenant = $2 AND c.deleted_at IS NULL AND m.event < $3 ORDER BY m.event DESC LIMIT $4"
    )
}

pub(in crate::postgres) async fn insert(
    session: &Session,
    tenant: TenantId,
    event: EventId,
    message: &Message,
) -> StoreResult<()> {
    let sql = "INSERT INTO messages (event, id, tenant, conversation, content, content_type, filename, kind, channel,
         status, metadata, created_by, updated_by, created_at, updated_at, revision)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
    let values: &Values<'_> = &[
        &Id::from(event),
        &Id::from(message.id),
        &Id::from(tenant),
        &Id::from(message.conversation),
        &message.content.as_bytes(),
        &message.content_type.as_str(),
        &message.filename.as_deref().map(str::as_bytes),
        &message.kind.as_str(),
        &message.channel.as_str(),
        &message.status.as_str(),
        &message.metadata.as_deref(),
        &message.created_by.as_bytes(),
        &message.updated_by.as_bytes(),
        &micros(message.created_at),
        &micros(message.updated_at),
        &i64::from(message.revision),
    ];
    session.execute(sql, values).await.map(|_| ())
}

/// Whether the stored revision was still that of the argument; it is one more then.
pub(in crate::postgres) async fn update(
    session: &Session,
    tenant: TenantId,
    message: &Message,
) -> StoreResult<bool> {
    let sql =
        "UPDATE messages SET content = $5, content_type = $6, filename = $7, status = $8, metadata = $9,
         updated_by = $10, updated_at = $11, revision = revision + 1
         WHERE id = $1 AND tenant = $2 AND conversation = $3 AND revision = $4";
    let values: &Values<'_> = &[
        &Id::from(message.id),
        &Id::from(tenant),
        &Id::from(message.conversation),
        &i64::from(message.revision),
        &message.content.as_bytes(),
        &message.content_type.as_str(),
        &message.filename.as_deref().map(str::as_bytes),
        &message.status.as_str(),
        &message.metadata.as_deref(),
        &message.updated_by.as_bytes(),
        &micros(message.updated_at),
    ];
    Ok(session.execute(sql, values).await? == 1)
}

/// The revision of a message, whatever conversation it is in.
pub(in crate::postgres) async fn revision(
    session: &Session,
    tenant: TenantId,
    id: MessageId,
) -> StoreResult<Option<(ConversationKey, u32)>> {
    let sql = "SELECT conversation, revision FROM messages WHERE id = $1 AND tenant = $2";
    let found = session.first(sql, &[&Id::from(id), &Id::from(tenant)]).await?;
    found.map(|row| Ok((row::id(&row, 0, ConversationKey::from_bytes)?, row::count32(&row, 1)?))).transpose()
}

/// The message that an event is about, as long as one of its first deliveries is kept: they were made in the same
/// microsecond.
pub(in crate::postgres) async fn of_event(
    session: &Session,
    tenant: TenantId,
    event: EventId,
) -> StoreResult<Option<(ConversationId, MessageId)>> {
    let (low, high) = (Id(first_id_made_with(event.as_bytes())), Id(first_id_after(event.as_bytes())));
    let sql = "SELECT conversation, message FROM message_deliveries
         WHERE delivery >= $1 AND delivery < $2 AND event = $3 AND tenant = $4 LIMIT 1";
    let found = session.first(sql, &[&low, &high, &Id::from(event), &Id::from(tenant)]).await?;
    found
        .map(|row| {
            Ok((row::id(&row, 0, ConversationId::from_bytes)?, row::id(&row, 1, MessageId::from_bytes)?))
        })
        .transpose()
}
