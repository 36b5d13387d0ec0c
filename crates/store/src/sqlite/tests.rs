use std::sync::Arc;

use bytes::Bytes;
use rusqlite::Connection;
use stentor_core::event::{Event, EventContent, EventType, Origin};
use stentor_core::id::{DeliveryId, EventId, ReplayId, TenantId, WebhookId};
use stentor_core::shard::Shard;
use stentor_core::tenant::{Tenant, TenantSettings};
use stentor_core::time::Time;

use super::*;
use crate::journal::{CommitResult, NewDelivery, NewEvent, Write, Written};
use crate::replays::Replay;
use crate::{Events, Journal, Maintenance, Replays, Tenants};

fn key(byte: u8) -> MasterKey {
    MasterKey::from_bytes([byte; 32])
}

/// The lines of SQLite's plan.
fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect(sql);
    let mut lines = Vec::new();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().unwrap() {
        lines.push(row.get(3).unwrap());
    }
    lines
}

/// A database with the schema, after many events have come and gone.
fn migrated() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    migrations::run(&connection).unwrap();
    connection
}

#[test]
fn lane_pages_walk_their_index_and_sort_nothing() {
    let connection = migrated();
    for sql in lanes::statements() {
        let lines = plan(&connection, &sql);
        assert!(lines.iter().all(|line| line.starts_with("SEARCH pending USING")), "{sql}: {lines:#?}");
        assert!(
            lines.iter().any(|line| line.contains("pending_fresh") || line.contains("pending_due")),
            "{lines:#?}"
        );
    }
}

#[test]
fn the_skip_scan_uses_both_columns() {
    let connection = migrated();
    for sql in [lanes::NEXT_FRESH, lanes::NEXT_DUE] {
        let lines = plan(&connection, sql);
        assert!(lines[0].contains("(shard,webhook)>(?,?)"), "{lines:#?}");
    }
}

#[test]
fn event_lists_walk_the_index_of_their_tenant_or_source() {
    let connection = migrated();
    for sql in events::statements() {
        let lines = plan(&connection, &sql);
        let walk = match sql.contains("e.source = ") {
            true => "events_by_source (source=? AND id>? AND id<?)",
            false => "events_by_tenant (tenant=? AND id>? AND id<?)",
        };
        assert!(lines[0].contains(walk), "{lines:#?}");
        assert!(
            lines.iter().all(|line| !line.contains("SCAN") && !line.contains("TEMP B-TREE")),
            "{lines:#?}"
        );
    }
}

#[test]
fn refused_requests_are_found_by_their_source() {
    let connection = migrated();
    for sql in requests::statements() {
        let lines = plan(&connection, &sql);
        assert!(lines[0].contains("refused_requests_by_source (source=? AND id>? AND id<?)"), "{lines:#?}");
        assert_eq!(lines.len(), 1, "{lines:#?}");
    }
}

#[test]
fn a_tenants_use_is_read_without_the_others() {
    let lines = plan(&migrated(), usage::OF_TENANT);
    assert!(lines.iter().any(|line| line.contains("events_by_tenant (tenant=? AND id>?)")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("SEARCH usage USING PRIMARY KEY (tenant=? AND day>?)")));
    assert!(lines.iter().all(|line| !line.contains("SCAN events")), "{lines:#?}");
}

#[test]
fn delivery_lists_scan_no_table() {
    let connection = migrated();
    for sql in crate::deliveries::list::statements(deliveries::DIALECT) {
        let lines = plan(&connection, &sql);
        assert!(
            lines.iter().all(|line| !line.contains("SCAN") || line.contains("SCAN (")),
            "{sql}\n{lines:#?}"
        );
    }
}

#[test]
fn leftovers_are_found_by_their_indexes() {
    let connection = migrated();
    for sql in leftovers::STATEMENTS {
        let lines = plan(&connection, sql);
        let covered = |line: &str| line.contains("USING COVERING INDEX revisions_in_time");
        assert!(lines.iter().all(|line| !line.contains("SCAN") || covered(line)), "{sql}: {lines:#?}");
    }
}

#[test]
fn message_lists_walk_their_index() {
    let connection = migrated();
    for sql in conversations::messages::statements() {
        let lines = plan(&connection, &sql);
        assert!(lines.iter().any(|line| line.contains("messages_by_conversation")), "{lines:#?}");
        assert!(
            lines.iter().all(|line| !line.contains("SCAN") && !line.contains("TEMP B-TREE")),
            "{lines:#?}"
        );
    }
}

#[test]
fn another_master_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stentor.db");
    drop(SqliteStore::open(&path, &key(1)).unwrap());
    let refused = SqliteStore::open(&path, &key(2));
    assert!(matches!(refused, Err(OpenError::MasterKey(SealError::OtherKey))), "{refused:?}");
    SqliteStore::open(&path, &key(1)).unwrap();
}

#[test]
fn a_second_store_on_the_same_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stentor.db");
    let store = SqliteStore::open(&path, &key(1)).unwrap();
    assert!(matches!(SqliteStore::open(&path, &key(1)), Err(OpenError::InUse { .. })));
    drop(store);
    SqliteStore::open(&path, &key(1)).unwrap();
}

#[tokio::test]
async fn connections_are_set_up_for_durability() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("stentor.db"), &key(1)).unwrap();
    let settings = store.with_writer(|writer| {
        let read = |name: &str| {
            writer.connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0))
        };
        Ok([read("synchronous")?, read("wal_autocheckpoint")?, read("mmap_size")?, read("foreign_keys")?])
    });
    assert_eq!(settings.await.unwrap(), [2, 0, 0, 0]);
    let refused = store.read(|connection| Ok(connection.execute("DELETE FROM tenants", [])?)).await;
    assert!(refused.is_err(), "readers only read");
}

#[tokio::test]
async fn a_read_without_end_is_interrupted_and_the_connection_serves_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("stentor.db"), &key(1)).unwrap();
    let endless = store.read(|connection| {
        let sql = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n";
        Ok(connection.query_row(sql, [], |row| row.get::<_, i64>(0))?)
    });
    assert!(matches!(endless.await, Err(StoreError::Unavailable(_))));
    for _ in 0..8 {
        store.ping().await.unwrap();
    }
}

#[tokio::test]
async fn a_backup_is_a_database_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("stentor.db"), &key(1)).unwrap();
    let copy = folder.path().join("copy.db");
    store.backup(&copy).await.unwrap();
    assert!(store.backup(&copy).await.is_err(), "nothing is overwritten");
    let copied = SqliteStore::open(&copy, &key(1)).unwrap();
    let (tenant, event) = (TenantId::new(Time::ZERO, 1), EventId::new(Time::ZERO, 1));
    assert_eq!(copied.event(tenant, event).await.unwrap(), None);
}

fn event(tenant: TenantId, entropy: u64, bytes: usize) -> Write {
    let at = Time::from_seconds(1_700_000_000);
    let content = EventContent {
        id: EventId::new(at, entropy),
        event_type: EventType::parse("order.created").unwrap(),
        time: at,
        subject: None,
        content_type: "application/json".into(),
        data: Bytes::from(vec![b'x'; bytes]),
        previous_data: None,
        arrival: None,
    };
    let event = Event {
        tenant,
        content: Arc::new(content),
        accepted_at: at,
        metadata: None,
        origin: Origin::Api,
        config_version: 1,
        matched: 0,
    };
    Write::Accept(Box::new(NewEvent { event, idempotency: None, deliveries: Vec::new(), message: None }))
}

#[tokio::test]
async fn a_full_database_commits_nothing_and_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("stentor.db"), &key(1)).unwrap();
    let id = TenantId::new(Time::ZERO, 1);
    let tenant = Tenant {
        id,
        name: "a".into(),
        plan: "x".into(),
        default_profile: None,
        config_version: 1,
        settings: TenantSettings::default(),
        created_at: Time::ZERO,
    };
    store.create_tenant(&tenant).await.unwrap();
    let limit = async |pages: u32| {
        let sql = format!("PRAGMA max_page_count = {pages}");
        store
            .with_writer(move |writer| Ok(writer.connection.query_row(&sql, [], |_| Ok(()))?))
            .await
            .unwrap();
    };
    limit(1).await;
    let batch: Arc<[Write]> = vec![event(id, 4, 10), event(id, 8, 1_000_000)].into();
    let full = store.commit(Arc::clone(&batch)).await;
    assert!(matches!(full, CommitResult::NotCommitted(_)), "{full:?}");
    assert_eq!(store.conservation(None).await.unwrap().events, 0);
    limit(u32::MAX - 1).await;
    let CommitResult::Committed(written) = store.commit(batch).await else { panic!("there is room now") };
    assert!(written.iter().all(|one| matches!(one, Written::Accepted { .. })));
}

#[tokio::test]
async fn after_a_failure_beside_the_journal_nothing_is_committed() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("stentor.db"), &key(1)).unwrap();
    let id = TenantId::new(Time::ZERO, 1);
    let tenant = Tenant {
        id,
        name: "a".into(),
        plan: "x".into(),
        default_profile: None,
        config_version: 1,
        settings: TenantSettings::default(),
        created_at: Time::ZERO,
    };
    store.create_tenant(&tenant).await.unwrap();
    let fail = async |error: StoreError| store.write(move |_| Err::<(), _>(error)).await;
    assert!(fail(StoreError::Unavailable("busy".into())).await.is_err());
    let before = store.commit(vec![event(id, 4, 10)].into()).await;
    assert!(matches!(before, CommitResult::Committed(_)), "{before:?}");
    assert!(fail(StoreError::Fatal("a sync failed".into())).await.is_err());
    let after = store.commit(vec![event(id, 8, 10)].into()).await;
    assert!(matches!(&after, CommitResult::Fatal(reason) if reason == "a sync failed"), "{after:?}");
    let other = Tenant { id: TenantId::new(Time::ZERO, 2), name: "b".into(), ..tenant };
    assert!(matches!(store.create_tenant(&other).await, Err(StoreError::Fatal(_))));
    assert_eq!(store.conservation(None).await.unwrap().events, 1);
}

#[tokio::test]
async fn a_step_of_a_replay_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("stentor.db"), &key(1)).unwrap();
    let (tenant, now) = (TenantId::new(Time::ZERO, 1), Time::from_seconds(1_700_000_001));
    let row = Tenant {
        id: tenant,
        name: "a".into(),
        plan: "x".into(),
        default_profile: None,
        config_version: 1,
        settings: TenantSettings::default(),
        created_at: now,
    };
    store.create_tenant(&row).await.unwrap();
    let webhook = WebhookId::new(now, 1);
    let (since, until) = (Time::ZERO, now);
    let mut replay = Replay {
        id: ReplayId::new(now, 1),
        tenant,
        webhook,
        since,
        until,
        cursor: None,
        deliveries: 0,
        created_at: now,
        finished_at: None,
    };
    store.create_replay(&replay).await.unwrap();
    assert_eq!(store.unfinished_replays().await.unwrap(), [replay.clone()]);
    let Write::Accept(new) = event(tenant, 4, 10) else { panic!("an accept") };
    let stored = new.event.content.id;
    let step = |cursor, done, count: u64| {
        let delivery = |entropy| NewDelivery {
            id: DeliveryId::new(now, entropy * 4),
            webhook,
            shard: Shard::of(webhook),
            position: 1,
            ordered: false,
            due_at: None,
        };
        let mut items: Vec<_> = (1..=count).map(|entropy| (stored, delivery(entropy))).collect();
        items.extend((count > 0).then(|| (EventId::new(now, 99), delivery(99))));
        Write::Replay { tenant, replay: ReplayId::new(now, 1), items, cursor, done, now }
    };
    let (first, last) = (step(Some(stored), false, 2), step(Some(stored), true, 0));
    let batch = vec![Write::Accept(new), first.clone(), first, last.clone(), last];
    let CommitResult::Committed(written) = store.commit(batch.into()).await else { panic!("not committed") };
    let replayed = [Some(2), None, Some(0), None].map(Written::Replayed);
    assert_eq!(written[1..], replayed);
    replay = Replay { cursor: Some(stored), deliveries: 2, finished_at: Some(now), ..replay };
    assert_eq!(store.replay(tenant, replay.id).await.unwrap(), Some(replay));
    assert_eq!(store.unfinished_replays().await.unwrap(), []);
    let sums = store.conservation(Some(tenant)).await.unwrap();
    assert!(sums.holds() && sums.accepted == 2, "{sums:?}");
}
