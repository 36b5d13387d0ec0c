//! The statements over messages, for reads and for the journal.

use rusqlite::{Connection, OptionalExtension, Row, params};
use stentor_core::conversation::{Channel, ContentType, Message, MessageStatus, MessageType};
use stentor_core::id::{ConversationId, ConversationKey, EventId, MessageId, TenantId};

use crate::Page;
use crate::error::StoreResult;
use crate::sqlite::page_of;
use crate::sqlite::row::{self, first_id_after, first_id_made_with, micros};

const COLUMNS: &str = "m.id, m.conversation, m.content, m.content_type, m.filename, m.kind, m.channel, m.status, \
     m.metadata, m.created_by, m.updated_by, m.created_at, m.updated_at, m.revision, m.event";

fn message(row: &Row<'_>) -> StoreResult<Message> {
    Ok(Message {
        id: row::id(row, 0, MessageId::from_bytes)?,
        conversation: row::id(row, 1, ConversationKey::from_bytes)?,
        content: row.get(2)?,
        content_type: row::word(row, 3, "a content type", ContentType::from_word)?,
        filename: row.get(4)?,
        kind: row::word(row, 5, "a message's type", MessageType::from_word)?,
        channel: row::word(row, 6, "a channel", Channel::from_word)?,
        status: row::word(row, 7, "a message's status", MessageStatus::from_word)?,
        metadata: row.get::<_, Option<String>>(8)?.map(Into::into),
        created_by: row.get(9)?,
        updated_by: row.get(10)?,
        created_at: row::time(row, 11)?,
        updated_at: row::time(row, 12)?,
        revision: row.get(13)?,
    })
}

/// Messages of conversations that are not deleted.
fn live(condition: &str) -> String {
    format!(
        "SELECT {COLUMNS} FROM conversations c CROSS JOIN messages m ON m.conversation = c.key AND m.tenant = c.tenant
         WHERE c.id = ?1 AND c.tenant = ?2 AND c.deleted_at IS NULL AND {condition}"
    )
}

pub(super) fn by_id(
    connection: &Connection,
    tenant: TenantId,
    conversation: ConversationId,
    id: MessageId,
) -> StoreResult<Option<Message>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM messages m CROSS JOIN conversations c ON c.key = m.conversation AND c.tenant = m.tenant
         WHERE m.id = ?3 AND m.tenant = ?2 AND c.id = ?1 AND c.deleted_at IS NULL"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([conversation.as_bytes(), tenant.as_bytes(), id.as_bytes()])?;
    rows.next()?.map(message).transpose()
}

pub(super) fn created_with(
    connection: &Connection,
    tenant: TenantId,
    event: EventId,
) -> StoreResult<Option<Message>> {
    let sql = format!("SELECT {COLUMNS} FROM messages m WHERE m.event = ?1 AND m.tenant = ?2");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([event.as_bytes(), tenant.as_bytes()])?;
    rows.next()?.map(message).transpose()
}

pub(super) fn list(
    connection: &Connection,
    tenant: TenantId,
    conversation: ConversationId,
    before: Option<EventId>,
    rows: u32,
) -> StoreResult<Page<(EventId, Message)>> {
    let before = before.map_or([0xff; 16], |before| *before.as_bytes());
    let mut statement = connection.prepare_cached(&list_sql())?;
    let mut found = statement.query(params![
        conversation.as_bytes(),
        tenant.as_bytes(),
        before,
        rows.saturating_add(1)
    ])?;
    let mut page = Vec::new();
    while let Some(row) = found.next()? {
        page.push((row::id(row, 14, EventId::from_bytes)?, message(row)?));
    }
    Ok(page_of(page, rows))
}

fn list_sql() -> String {
    live("m.event < ?3 ORDER BY m.event DESC LIMIT ?4")
}

pub(in crate::sqlite) fn insert(
    connection: &Connection,
    tenant: TenantId,
    event: EventId,
    message: &Message,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO messages (event, id, tenant, conversation, content, content_type, filename, kind, channel, status,
         metadata, created_by, updated_by, created_at, updated_at, revision)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
    )?;
    statement
        .execute(params![
            event.as_bytes(),
            message.id.as_bytes(),
            tenant.as_bytes(),
            message.conversation.as_bytes(),
            message.content,
            message.content_type.as_str(),
            message.filename,
            message.kind.as_str(),
            message.channel.as_str(),
            message.status.as_str(),
            message.metadata.as_deref(),
            message.created_by,
            message.updated_by,
            micros(message.created_at),
            micros(message.updated_at),
            message.revision,
        ])
        .map(|_| ())
}

/// Whether the stored revision was still that of the argument; it is one more then.
pub(in crate::sqlite) fn update(
    connection: &Connection,
    tenant: TenantId,
    message: &Message,
) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(
        "UPDATE messages SET content = ?5, content_type = ?6, filename = ?7, status = ?8, metadata = ?9,
         updated_by = ?10, updated_at = ?11, revision = revision + 1
         WHERE id = ?1 AND tenant = ?2 AND conversation = ?3 AND revision = ?4",
    )?;
    let changed = statement.execute(params![
        message.id.as_bytes(),
        tenant.as_bytes(),
        message.conversation.as_bytes(),
        message.revision,
        message.content,
        message.content_type.as_str(),
        message.filename,
        message.status.as_str(),
        message.metadata.as_deref(),
        message.updated_by,
        micros(message.updated_at),
    ])?;
    Ok(changed == 1)
}

/// The revision of a message, whatever conversation it is in.
pub(in crate::sqlite) fn revision(
    connection: &Connection,
    tenant: TenantId,
    id: MessageId,
) -> rusqlite::Result<Option<(ConversationKey, u32)>> {
    connection
        .prepare_cached("SELECT conversation, revision FROM messages WHERE id = ?1 AND tenant = ?2")?
        .query_row([id.as_bytes(), tenant.as_bytes()], |row| {
            Ok((row::id(row, 0, ConversationKey::from_bytes)?, row.get(1)?))
        })
        .optional()
}

/// The message that an event is about, as long as one of its first deliveries is kept: they were made in the same
/// microsecond.
pub(in crate::sqlite) fn of_event(
    connection: &Connection,
    tenant: TenantId,
    event: EventId,
) -> rusqlite::Result<Option<(ConversationId, MessageId)>> {
    let (low, high) = (first_id_made_with(event.as_bytes()), first_id_after(event.as_bytes()));
    connection
        .prepare_cached(
            "SELECT conversation, message FROM message_deliveries NOT INDEXED
             WHERE delivery >= ?1 AND delivery < ?2 AND event = ?3 AND tenant = ?4 LIMIT 1",
        )?
        .query_row(params![low, high, event.as_bytes(), tenant.as_bytes()], |row| {
            Ok((row::id(row, 0, ConversationId::from_bytes)?, row::id(row, 1, MessageId::from_bytes)?))
        })
        .optional()
}

/// For the tests of query plans.
#[cfg(test)]
pub(in crate::sqlite) fn statements() -> Vec<String> {
    vec![list_sql()]
}
