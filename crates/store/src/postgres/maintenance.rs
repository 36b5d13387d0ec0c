//! Start, stop, upkeep and backup.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, pin_mut};
use stentor_core::id::WebhookId;
use stentor_core::time::Time;

use super::connection::{Connector, Session};
use super::row::{self, Id, first_id, micros};
use super::{OpenError, PostgresStore, connection, migrations, totals, usage};
use crate::copy_file::{self, Part};
use crate::error::{StoreError, StoreResult, unreadable};
use crate::maintenance::{KeptStarts, Maintenance, PreviousEnd};

/// Rows younger than this stay open: most deliveries end within it, and what ends later moves a closed total.
const OPEN_FOR: Duration = Duration::from_secs(60);
/// Every table with rows that a copy has.
pub(super) const TABLES: [&str; 38] = [
    "meta",
    "tenants",
    "tokens",
    "webhooks",
    "revisions",
    "webhook_health",
    "webhook_positions",
    "payloads",
    "events",
    "idempotency",
    "pending",
    "deliveries",
    "later_deliveries",
    "attempts",
    "totals",
    "replays",
    "routes",
    "route_revisions",
    "event_types",
    "conversation_webhooks",
    "conversations",
    "messages",
    "message_deliveries",
    "disablings",
    "counts",
    "minute_rollups",
    "hour_rollups",
    "fallbacks",
    "usage",
    "rate_starts",
    "broadcasts",
    "broadcast_tenants",
    "answers",
    "deaths",
    "sources",
    "credentials",
    "refused_requests",
    "sessions",
];

#[async_trait]
impl Maintenance for PostgresStore {
    async fn begin_process(&self, _now: Time) -> StoreResult<PreviousEnd> {
        self.write(|session| {
            Box::pin(async move {
                let previous = row::meta(session, "process").await?;
                row::set_meta(session, "process", b"running").await?;
                Ok(match previous.as_deref() {
                    None => PreviousEnd::FirstStart,
                    Some(b"ended") => PreviousEnd::Clean,
                    Some(_) => PreviousEnd::Unclean,
                })
            })
        })
        .await
    }

    async fn keep_starts(&self, kept: &KeptStarts) -> StoreResult<()> {
        let kept = kept.clone();
        self.write(move |session| Box::pin(async move { keep_starts(session, &kept).await })).await
    }

    async fn take_starts(&self) -> StoreResult<Option<KeptStarts>> {
        self.write(|session| Box::pin(take_starts(session))).await
    }

    async fn end_process(&self, _now: Time) -> StoreResult<()> {
        self.write(|session| Box::pin(row::set_meta(session, "process", b"ended"))).await
    }

    async fn upkeep(&self) -> StoreResult<()> {
        self.vacuum.upkeep().await
    }

    async fn close_hours(&self, now: Time) -> StoreResult<()> {
        let until = first_id(now.minus(OPEN_FOR));
        loop {
            let closed = self
                .with_writer(move |writer| {
                    Box::pin(async move {
                        let before = writer.closed_before;
                        if before >= until {
                            return Ok(before);
                        }
                        let bound = writer
                            .transaction(move |session| {
                                Box::pin(async move { totals::close_piece(session, &before, &until).await })
                            })
                            .await?;
                        writer.closed_before = bound;
                        Ok(bound)
                    })
                })
                .await?;
            if closed >= until {
                break;
            }
        }
        self.write(move |session| Box::pin(usage::forget_old(session, now))).await?;
        let sums = self.read_moment(|session| Box::pin(totals::conservation(session, None))).await?;
        if sums.holds() {
            Ok(())
        } else {
            Err(StoreError::Unexpected(format!("the sum of all deliveries does not hold: {sums:?}")))
        }
    }

    async fn purge_leftovers(&self, before: Time, rows_max: u32) -> StoreResult<u32> {
        self.delete_leftovers(before, rows_max).await
    }

    async fn backup(&self, file: &Path) -> StoreResult<()> {
        copy_out(&self.connector, file).await
    }

    async fn ping(&self) -> StoreResult<()> {
        self.read(|session| Box::pin(async move { session.one("SELECT 1", &[]).await.map(|_| ()) })).await
    }
}

const START_BYTES: usize = size_of::<i64>();

async fn keep_starts(session: &Session, kept: &KeptStarts) -> StoreResult<()> {
    row::set_meta(session, "starts_known_since", &micros(kept.known_since).to_be_bytes()).await?;
    session.execute("DELETE FROM rate_starts", &[]).await?;
    let webhooks: Vec<Id> = kept.webhooks.iter().map(|(webhook, _)| Id::from(*webhook)).collect();
    let bytes = |starts: &[Time]| starts.iter().flat_map(|start| micros(*start).to_be_bytes()).collect();
    let starts: Vec<Vec<u8>> = kept.webhooks.iter().map(|(_, starts)| bytes(starts)).collect();
    let sql = "INSERT INTO rate_starts (webhook, starts) SELECT * FROM unnest($1::uuid[], $2::bytea[])";
    session.execute(sql, &[&webhooks, &starts]).await.map(|_| ())
}

async fn take_starts(session: &Session) -> StoreResult<Option<KeptStarts>> {
    let time = |bytes: [u8; START_BYTES]| Time::from_micros(i64::from_be_bytes(bytes));
    let known_since = row::meta(session, "starts_known_since").await?;
    session.execute("DELETE FROM meta WHERE name = 'starts_known_since'", &[]).await?;
    let found = session.query("DELETE FROM rate_starts RETURNING webhook, starts", &[]).await?;
    let mut webhooks = Vec::with_capacity(found.len());
    for row in &found {
        let (starts, _) = row.try_get::<_, &[u8]>(1)?.as_chunks::<START_BYTES>();
        webhooks.push((row::id(row, 0, WebhookId::from_bytes)?, starts.iter().copied().map(time).collect()));
    }
    let Some(known_since) = known_since else { return Ok(None) };
    let known_since = known_since.try_into().map(time).map_err(|_| unreadable("kept starts"))?;
    Ok(Some(KeptStarts { known_since, webhooks }))
}

/// Copies every table at one moment, on a session of its own. An unfinished file is removed.
async fn copy_out(connector: &Connector, file: &Path) -> StoreResult<()> {
    let session = connector.upkeep().await?;
    let mut copy = copy_file::Writer::create(file).await?;
    let copied = async {
        session.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        copy.put(&Part::Schema(migrations::newest(&session).await?.0)).await?;
        for table in TABLES {
            copy.put(&Part::Table(table.to_owned())).await?;
            let rows = session.client().copy_out(&format!("COPY {table} TO STDOUT (FORMAT binary)")).await?;
            pin_mut!(rows);
            while let Some(bytes) = rows.next().await {
                copy.put(&Part::Rows(bytes?)).await?;
            }
        }
        session.batch("COMMIT").await
    };
    let copied = copied.await;
    copy.finish(copied).await
}

impl PostgresStore {
    /// Writes what a copy holds into a database that has nothing in it yet.
    ///
    /// # Errors
    /// When the database is not empty or cannot be used, or the file is not a copy that this binary can read. Nothing is
    /// written then.
    pub async fn restore(url: &str, file: &Path, options: &super::PostgresOptions) -> Result<(), OpenError> {
        let connector = Connector::new(url, options.tls.clone())?;
        let session = connector.upkeep().await?;
        connection::check_server(&session, options).await?;
        // Of what is left undone nothing is kept: the session ends with an error.
        session.batch("BEGIN").await?;
        migrations::wait_for_turn(&session).await?;
        let unusable = |reason: String| OpenError::Copy { file: file.to_owned(), reason };
        if session
            .one("SELECT to_regclass('schema') IS NOT NULL", &[])
            .await?
            .try_get(0)
            .map_err(StoreError::from)?
        {
            return Err(unusable("the database is not empty".into()));
        }
        let mut copy = copy_file::Reader::open(file).await.map_err(|error| unusable(error.to_string()))?;
        let Some(Part::Schema(schema)) = copy.next().await? else {
            return Err(unusable("it is no copy".into()));
        };
        if schema > migrations::binary() {
            return Err(unusable("it was made by a newer version".into()));
        }
        migrations::lay(&session, schema).await?;
        copy_in(&session, &mut copy).await?;
        let sql = "SELECT setval(pg_get_serial_sequence('counts', 'seq'), (SELECT coalesce(max(seq), 0) + 1 FROM counts))";
        session.execute(sql, &[]).await?;
        Ok(session.batch("COMMIT").await?)
    }
}

async fn copy_in(session: &Session, copy: &mut copy_file::Reader) -> StoreResult<()> {
    let mut part = copy.next().await?;
    loop {
        let Some(Part::Table(table)) = part else { break };
        if !TABLES.iter().any(|known| *known == table) {
            return Err(unreadable("a copied table"));
        }
        let rows =
            session.client().copy_in::<_, Bytes>(&format!("COPY {table} FROM STDIN (FORMAT binary)")).await?;
        pin_mut!(rows);
        part = copy.next().await?;
        while let Some(Part::Rows(bytes)) = part {
            rows.send(bytes).await?;
            part = copy.next().await?;
        }
        rows.finish().await?;
    }
    if matches!(part, Some(Part::End)) { Ok(()) } else { Err(unreadable("the end of the copy")) }
}
