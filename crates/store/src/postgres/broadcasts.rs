//! Broadcasts.

use async_trait::async_trait;
use stentor_core::id::{BroadcastId, TenantId};
use tokio_postgres::Row;

use super::PostgresStore;
use super::connection::{Session, Values};
use super::row::{self, Id, micros, page_of};
use crate::Page;
use crate::broadcasts::{Audience, Broadcast, BroadcastCreated, BroadcastKey, Broadcasts};
use crate::error::{StoreResult, unreadable};

const COLUMNS: &str =
    "id, event_type, data, to_all, tenants, cursor, events, deliveries, created_at, finished_at";

fn broadcast(row: &Row) -> StoreResult<Broadcast> {
    Ok(Broadcast {
        id: row::id(row, 0, BroadcastId::from_bytes)?,
        event_type: row::event_type(row, 1)?,
        data: row::bytes(row, 2)?.ok_or_else(|| unreadable("a broadcast's data"))?,
        to_all: row.try_get(3)?,
        tenants: row::count32(row, 4)?,
        cursor: row::optional_id(row, 5, TenantId::from_bytes)?,
        events: row::count32(row, 6)?,
        deliveries: row::count_of(row, 7)?,
        created_at: row::time(row, 8)?,
        finished_at: row::optional_time(row, 9)?,
    })
}

async fn select(session: &Session, rest: &str, values: &Values<'_>) -> StoreResult<Vec<Broadcast>> {
    let sql = format!("SELECT {COLUMNS} FROM broadcasts {rest}");
    session.query(&sql, values).await?.iter().map(broadcast).collect()
}

async fn earlier(session: &Session, key: BroadcastKey) -> StoreResult<Option<BroadcastCreated>> {
    let Some(found) = select(session, "WHERE key_hash = $1", &[&key.key_hash.as_slice()]).await?.pop() else {
        return Ok(None);
    };
    let sql = "SELECT 1 FROM broadcasts WHERE key_hash = $1 AND body_hash = $2";
    let same = session.first(sql, &[&key.key_hash.as_slice(), &key.body_hash.as_slice()]).await?.is_some();
    Ok(Some(if same { BroadcastCreated::Existing(found) } else { BroadcastCreated::KeyConflict }))
}

async fn create(
    session: &Session,
    mut broadcast: Broadcast,
    audience: Audience,
    key: Option<BroadcastKey>,
) -> StoreResult<BroadcastCreated> {
    if let Some(key) = key
        && let Some(earlier) = earlier(session, key).await?
    {
        return Ok(earlier);
    }
    if let Audience::Tenants(tenants) = &audience
        && let Some(unknown) = address_to(session, broadcast.id, tenants).await?
    {
        return Ok(BroadcastCreated::UnknownTenant(unknown));
    }
    let sql = match audience {
        Audience::All => "SELECT count(*) FROM tenants WHERE deleted_at IS NULL AND $1::uuid IS NOT NULL",
        Audience::Tenants(_) => "SELECT count(*) FROM broadcast_tenants WHERE broadcast = $1",
    };
    broadcast.tenants = row::count32(&session.one(sql, &[&Id::from(broadcast.id)]).await?, 0)?;
    broadcast.to_all = audience == Audience::All;
    let sql = format!(
        "INSERT INTO broadcasts ({COLUMNS}, key_hash, body_hash)
         VALUES ($1, $2, $3, $4, $5, NULL, 0, 0, $6, NULL, $7, $8)"
    );
    let values: &Values<'_> = &[
        &Id::from(broadcast.id),
        &broadcast.event_type.as_str(),
        &&broadcast.data[..],
        &broadcast.to_all,
        &i64::from(broadcast.tenants),
        &micros(broadcast.created_at),
        &key.as_ref().map(|key| key.key_hash.as_slice()),
        &key.as_ref().map(|key| key.body_hash.as_slice()),
    ];
    session.execute(&sql, values).await?;
    Ok(BroadcastCreated::Created(broadcast))
}

/// Answers the first tenant that there is not, before anything is written.
async fn address_to(
    session: &Session,
    id: BroadcastId,
    tenants: &[TenantId],
) -> StoreResult<Option<TenantId>> {
    let ids: Vec<Id> = tenants.iter().copied().map(Id::from).collect();
    let sql = "SELECT k.id FROM unnest($1::uuid[]) WITH ORDINALITY AS k (id, place) WHERE NOT EXISTS
         (SELECT 1 FROM tenants t WHERE t.id = k.id AND t.deleted_at IS NULL) ORDER BY k.place LIMIT 1";
    if let Some(unknown) = session.first(sql, &[&ids]).await? {
        return row::id(&unknown, 0, TenantId::from_bytes).map(Some);
    }
    let sql =
        "INSERT INTO broadcast_tenants (broadcast, tenant) SELECT $1, k.id FROM unnest($2::uuid[]) AS k (id)
         ON CONFLICT DO NOTHING";
    session.execute(sql, &[&Id::from(id), &ids]).await?;
    Ok(None)
}

async fn tenants_after(
    session: &Session,
    broadcast: &Broadcast,
    after: Option<TenantId>,
    rows: u32,
) -> StoreResult<Vec<TenantId>> {
    let after = after.map_or(Id::LOWEST, Id::from);
    let found = if broadcast.to_all {
        let sql = "SELECT id FROM tenants WHERE id > $1 AND deleted_at IS NULL AND created_at <= $2
             ORDER BY id LIMIT $3";
        session.query(sql, &[&after, &micros(broadcast.created_at), &i64::from(rows)]).await?
    } else {
        let sql = "SELECT b.tenant FROM broadcast_tenants b JOIN tenants t ON t.id = b.tenant AND t.deleted_at IS NULL
             WHERE b.broadcast = $1 AND b.tenant > $2 ORDER BY b.tenant LIMIT $3";
        session.query(sql, &[&Id::from(broadcast.id), &after, &i64::from(rows)]).await?
    };
    found.iter().map(|row| row::id(row, 0, TenantId::from_bytes)).collect()
}

#[async_trait]
impl Broadcasts for PostgresStore {
    async fn create_broadcast(
        &self,
        broadcast: &Broadcast,
        audience: &Audience,
        key: Option<BroadcastKey>,
    ) -> StoreResult<BroadcastCreated> {
        let (broadcast, audience) = (broadcast.clone(), audience.clone());
        self.write(move |session| Box::pin(create(session, broadcast, audience, key))).await
    }

    async fn broadcast(&self, id: BroadcastId) -> StoreResult<Option<Broadcast>> {
        self.read(move |session| {
            Box::pin(async move { Ok(select(session, "WHERE id = $1", &[&Id::from(id)]).await?.pop()) })
        })
        .await
    }

    async fn broadcasts(&self, before: Option<BroadcastId>, rows: u32) -> StoreResult<Page<Broadcast>> {
        self.read(move |session| {
            Box::pin(async move {
                let before = before.map_or(Id::HIGHEST, Id::from);
                let rest = "WHERE id < $1 ORDER BY id DESC LIMIT $2";
                Ok(page_of(select(session, rest, &[&before, &(i64::from(rows) + 1)]).await?, rows))
            })
        })
        .await
    }

    async fn unfinished_broadcasts(&self) -> StoreResult<Vec<Broadcast>> {
        self.read(|session| Box::pin(select(session, "WHERE finished_at IS NULL ORDER BY id", &[]))).await
    }

    async fn broadcast_tenants(
        &self,
        broadcast: &Broadcast,
        after: Option<TenantId>,
        rows: u32,
    ) -> StoreResult<Vec<TenantId>> {
        let broadcast = broadcast.clone();
        self.read(move |session| {
            Box::pin(async move { tenants_after(session, &broadcast, after, rows).await })
        })
        .await
    }
}

/// Whether a broadcast moves on to this cursor, which is written. It does not when it had come that far before.
pub(super) async fn move_on(
    session: &Session,
    id: BroadcastId,
    cursor: Option<TenantId>,
    finished_at: Option<i64>,
) -> StoreResult<bool> {
    let sql = "UPDATE broadcasts SET cursor = coalesce($2, cursor), finished_at = $3
         WHERE id = $1 AND finished_at IS NULL AND ($2::uuid IS NULL OR cursor IS NULL OR cursor < $2)";
    Ok(session.execute(sql, &[&Id::from(id), &cursor.map(Id::from), &finished_at]).await? == 1)
}
