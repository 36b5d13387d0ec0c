//! Broadcasts.

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};
use stentor_core::id::{BroadcastId, TenantId};

use super::row::{self, count, micros};
use super::{SqliteStore, page_of};
use crate::Page;
use crate::broadcasts::{Audience, Broadcast, BroadcastCreated, BroadcastKey, Broadcasts};
use crate::error::StoreResult;

const COLUMNS: &str =
    "id, event_type, data, to_all, tenants, cursor, events, deliveries, created_at, finished_at";

fn broadcast(row: &Row<'_>) -> StoreResult<Broadcast> {
    Ok(Broadcast {
        id: row::id(row, 0, BroadcastId::from_bytes)?,
        event_type: row::event_type(row, 1)?,
        data: Bytes::from(row.get::<_, Vec<u8>>(2)?),
        to_all: row.get(3)?,
        tenants: row.get(4)?,
        cursor: row.get::<_, Option<[u8; 16]>>(5)?.map(TenantId::from_bytes),
        events: row.get(6)?,
        deliveries: count(row.get(7)?),
        created_at: row::time(row, 8)?,
        finished_at: row::optional_time(row, 9)?,
    })
}

fn select(connection: &Connection, rest: &str, values: &[&dyn ToSql]) -> StoreResult<Vec<Broadcast>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM broadcasts {rest}"))?;
    let mut rows = statement.query(values)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(broadcast(row)?);
    }
    Ok(found)
}

fn earlier(connection: &Connection, key: BroadcastKey) -> StoreResult<Option<BroadcastCreated>> {
    let Some(found) = select(connection, "WHERE key_hash = ?1", &[&key.key_hash])?.pop() else {
        return Ok(None);
    };
    let same = connection
        .prepare_cached("SELECT 1 FROM broadcasts WHERE key_hash = ?1 AND body_hash = ?2")?
        .exists(params![key.key_hash, key.body_hash])?;
    Ok(Some(if same { BroadcastCreated::Existing(found) } else { BroadcastCreated::KeyConflict }))
}

fn create(
    connection: &Connection,
    mut broadcast: Broadcast,
    audience: &Audience,
    key: Option<BroadcastKey>,
) -> StoreResult<BroadcastCreated> {
    if let Some(key) = key
        && let Some(earlier) = earlier(connection, key)?
    {
        return Ok(earlier);
    }
    if let Audience::Tenants(tenants) = audience
        && let Some(unknown) = address_to(connection, broadcast.id, tenants)?
    {
        return Ok(BroadcastCreated::UnknownTenant(unknown));
    }
    let sql = match audience {
        Audience::All => "SELECT count(*) FROM tenants WHERE deleted_at IS NULL AND ?1 IS NOT NULL",
        Audience::Tenants(_) => "SELECT count(*) FROM broadcast_tenants WHERE broadcast = ?1",
    };
    broadcast.tenants =
        connection.prepare_cached(sql)?.query_row([broadcast.id.as_bytes()], |row| row.get(0))?;
    broadcast.to_all = *audience == Audience::All;
    let sql = format!(
        "INSERT INTO broadcasts ({COLUMNS}, key_hash, body_hash)
         VALUES (?1, ?2, ?3, ?4, ?5, NULL, 0, 0, ?6, NULL, ?7, ?8)"
    );
    connection.prepare_cached(&sql)?.execute(params![
        broadcast.id.as_bytes(),
        broadcast.event_type.as_str(),
        &broadcast.data[..],
        broadcast.to_all,
        broadcast.tenants,
        micros(broadcast.created_at),
        key.map(|key| key.key_hash),
        key.map(|key| key.body_hash),
    ])?;
    Ok(BroadcastCreated::Created(broadcast))
}

/// Answers the first tenant that there is not, before anything is written.
fn address_to(
    connection: &Connection,
    id: BroadcastId,
    tenants: &[TenantId],
) -> StoreResult<Option<TenantId>> {
    let mut known =
        connection.prepare_cached("SELECT 1 FROM tenants WHERE id = ?1 AND deleted_at IS NULL")?;
    for tenant in tenants {
        if !known.exists([tenant.as_bytes()])? {
            return Ok(Some(*tenant));
        }
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO broadcast_tenants (broadcast, tenant) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
    )?;
    for tenant in tenants {
        insert.execute([id.as_bytes(), tenant.as_bytes()])?;
    }
    Ok(None)
}

fn tenants_after(
    connection: &Connection,
    broadcast: &Broadcast,
    after: Option<TenantId>,
    rows: u32,
) -> StoreResult<Vec<TenantId>> {
    let sql = if broadcast.to_all {
        "SELECT id FROM tenants WHERE id > ?2 AND deleted_at IS NULL AND created_at <= ?3 AND ?1 IS NOT NULL
         ORDER BY id LIMIT ?4"
    } else {
        "SELECT b.tenant FROM broadcast_tenants b JOIN tenants t ON t.id = b.tenant AND t.deleted_at IS NULL
         WHERE b.broadcast = ?1 AND b.tenant > ?2 AND ?3 IS NOT NULL ORDER BY b.tenant LIMIT ?4"
    };
    let after = after.map_or([0; 16], |after| *after.as_bytes());
    let values = params![broadcast.id.as_bytes(), after, micros(broadcast.created_at), rows];
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_map(values, |row| row::id(row, 0, TenantId::from_bytes))?;
    Ok(found.collect::<Result<_, _>>()?)
}

#[async_trait]
impl Broadcasts for SqliteStore {
    async fn create_broadcast(
        &self,
        broadcast: &Broadcast,
        audience: &Audience,
        key: Option<BroadcastKey>,
    ) -> StoreResult<BroadcastCreated> {
        let (broadcast, audience) = (broadcast.clone(), audience.clone());
        self.write(move |connection| create(connection, broadcast, &audience, key)).await
    }

    async fn broadcast(&self, id: BroadcastId) -> StoreResult<Option<Broadcast>> {
        self.read(move |connection| Ok(select(connection, "WHERE id = ?1", &[id.as_bytes()])?.pop())).await
    }

    async fn broadcasts(&self, before: Option<BroadcastId>, rows: u32) -> StoreResult<Page<Broadcast>> {
        self.read(move |connection| {
            let before = before.map_or([0xff; 16], |before| *before.as_bytes());
            let wanted = rows.saturating_add(1);
            let found = select(connection, "WHERE id < ?1 ORDER BY id DESC LIMIT ?2", &[&before, &wanted])?;
            Ok(page_of(found, rows))
        })
        .await
    }

    async fn unfinished_broadcasts(&self) -> StoreResult<Vec<Broadcast>> {
        self.read(|connection| select(connection, "WHERE finished_at IS NULL ORDER BY id", &[])).await
    }

    async fn broadcast_tenants(
        &self,
        broadcast: &Broadcast,
        after: Option<TenantId>,
        rows: u32,
    ) -> StoreResult<Vec<TenantId>> {
        let broadcast = broadcast.clone();
        self.read(move |connection| tenants_after(connection, &broadcast, after, rows)).await
    }
}

/// Whether a broadcast moves on to this cursor, which is written. It does not when it had come that far before.
pub(super) fn move_on(
    connection: &Connection,
    id: BroadcastId,
    cursor: Option<TenantId>,
    finished_at: Option<i64>,
) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "UPDATE broadcasts SET cursor = coalesce(?2, cursor), finished_at = ?3
             WHERE id = ?1 AND finished_at IS NULL AND (?2 IS NULL OR cursor IS NULL OR cursor < ?2)
             RETURNING 1",
        )?
        .query_row(params![id.as_bytes(), cursor.map(|cursor| *cursor.as_bytes()), finished_at], |_| Ok(()))
        .optional()
        .map(|moved| moved.is_some())
}
