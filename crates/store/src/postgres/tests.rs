#![expect(clippy::disallowed_methods, reason = "the store compares this machine's clock with the server's")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use stentor_core::event::{Event, EventContent, EventType, Origin};
use stentor_core::id::{EventId, NodeId, TenantId};
use stentor_core::tenant::{Tenant, TenantSettings};
use stentor_testkit::postgres::Postgres;

use super::*;
use crate::journal::{CommitResult, NewEvent, Write, Written};
use crate::nodes::{Node, Nodes};
use crate::{Events, Journal, Maintenance, Tenants};

fn key(byte: u8) -> MasterKey {
    MasterKey::from_bytes([byte; 32])
}

/// Of a new process whose lease has always run out, so that the next one need not wait.
pub(super) fn options() -> PostgresOptions {
    static PROCESSES: AtomicU64 = AtomicU64::new(1);
    let now = Time::ZERO.plus(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap());
    let id = NodeId::new(now, PROCESSES.fetch_add(4, Ordering::Relaxed));
    let node = Node { id, name: "test".into(), version: "0".into(), started_at: now };
    let membership = Membership { node, lease: Duration::ZERO, predecessor: None };
    PostgresOptions { now, dev: true, tls: None, membership }
}

/// The same with a lease, after a node that has ended.
fn leased(predecessor: Option<NodeId>) -> PostgresOptions {
    let options = options();
    let lease = Duration::from_secs(60);
    PostgresOptions { membership: Membership { lease, predecessor, ..options.membership }, ..options }
}

pub(super) async fn open(url: &str) -> PostgresStore {
    PostgresStore::open(url, &key(1), &options()).await.unwrap()
}

/// The lines of the plan that a session makes once for all values, on tables that have never had a row.
async fn plan(session: &Session, sql: &str) -> Vec<String> {
    let values = session.client().prepare(sql).await.expect(sql).params().len();
    session.batch(&format!("PREPARE planned AS {sql}")).await.unwrap();
    let nothing = if values == 0 { String::new() } else { format!("({})", vec!["NULL"; values].join(", ")) };
    let rows = session.client().query(&format!("EXPLAIN EXECUTE planned{nothing}"), &[]).await.unwrap();
    session.batch("DEALLOCATE planned").await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

fn assert_walks_indexes(sql: &str, lines: &[String]) {
    let bad = |line: &&String| {
        line.contains("Seq Scan") || line.contains("Hash Join") || line.contains("Merge Join")
    };
    assert!(!lines.iter().any(|line| bad(&line)), "{sql}\n{lines:#?}");
}

#[tokio::test]
async fn lane_pages_walk_their_index_and_sort_nothing() {
    let store = open(&Postgres::shared().database()).await;
    let session = store.connector.reader().await.unwrap();
    for sql in lanes::statements() {
        // Pages bring their events along; the search for lanes does not.
        let page = sql.starts_with("SELECT *").then(|| lanes::with_content(sql));
        for sql in page.into_iter().chain([sql.to_owned()]) {
            let lines = plan(&session, &sql).await;
            assert_walks_indexes(&sql, &lines);
            assert!(
                lines.iter().any(|line| line.contains("pending_fresh") || line.contains("pending_due")),
                "{lines:#?}"
            );
            assert!(!lines.iter().any(|line| line.contains("Sort")), "{sql}\n{lines:#?}");
        }
    }
}

#[tokio::test]
async fn statements_of_the_hot_path_walk_indexes_on_empty_tables() {
    let store = open(&Postgres::shared().database()).await;
    let session = store.connector.writer().await.unwrap();
    for sql in journal::statements() {
        assert_walks_indexes(sql, &plan(&session, sql).await);
    }
}

#[tokio::test]
async fn lists_and_leftovers_walk_indexes() {
    let store = open(&Postgres::shared().database()).await;
    let session = store.connector.reader().await.unwrap();
    let mut all = crate::deliveries::list::statements(deliveries::DIALECT);
    all.extend([
        events::list_sql(false),
        sources::EXPIRED.to_owned(),
        conversations::messages::list_sql(),
        usage::OF_TENANT.to_owned(),
    ]);
    all.extend(leftovers::STATEMENTS.map(ToOwned::to_owned));
    for sql in all {
        let names = ["tenant", "before", "low", "high", "event", "webhook", "conversation", "message"];
        let mut numbered = sql.clone();
        let named = names.map(|name| (format!(":{name}"), "uuid")).into_iter();
        let named = named.chain([(":rows".to_owned(), "int8"), (":state".to_owned(), "int2")]);
        for (number, (name, kind)) in named.filter(|(name, _)| sql.contains(name.as_str())).enumerate() {
            numbered = numbered.replace(&name, &format!("${}::{kind}", number + 1));
        }
        assert_walks_indexes(&sql, &plan(&session, &numbered).await);
    }
}

#[tokio::test]
async fn events_of_a_source_are_found_by_it() {
    let store = open(&Postgres::shared().database()).await;
    let session = store.connector.reader().await.unwrap();
    let lines = plan(&session, &events::list_sql(true)).await;
    assert!(lines.iter().any(|line| line.contains("events_by_source")), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.contains("Sort")), "{lines:#?}");
}

#[tokio::test]
async fn refused_requests_are_found_by_their_source_and_sort_nothing() {
    let store = open(&Postgres::shared().database()).await;
    let session = store.connector.writer().await.unwrap();
    for sql in requests::statements() {
        let lines = plan(&session, &sql).await;
        assert_walks_indexes(&sql, &lines);
        assert!(lines.iter().any(|line| line.contains("refused_requests_by_source")), "{sql}\n{lines:#?}");
        assert!(!lines.iter().any(|line| line.contains("Sort")), "{sql}\n{lines:#?}");
    }
}

#[tokio::test]
async fn a_copy_has_every_table() {
    let url = Postgres::shared().database();
    open(&url).await;
    let sql = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'";
    let found = Postgres::shared().sql(&url, sql);
    let mut found: Vec<&str> = found.lines().collect();
    // What a copy says beside its tables, and what is of this server's processes alone.
    let mut copied: Vec<&str> =
        maintenance::TABLES.into_iter().chain(["schema", "nodes", "shards"]).collect();
    found.sort_unstable();
    copied.sort_unstable();
    assert_eq!(copied, found);
}

#[tokio::test]
async fn another_master_key_is_refused() {
    let url = Postgres::shared().database();
    drop(open(&url).await);
    let refused = PostgresStore::open(&url, &key(2), &options()).await;
    assert!(matches!(refused, Err(OpenError::MasterKey(SealError::OtherKey))), "{refused:?}");
    open(&url).await.ping().await.unwrap();
}

#[tokio::test]
async fn a_node_has_the_database_until_its_lease_ends_or_its_process_has() {
    let url = Postgres::shared().database();
    let first = leased(None);
    let store = PostgresStore::open(&url, &key(1), &first).await.unwrap();
    let refused = PostgresStore::open(&url, &key(1), &leased(None)).await;
    assert!(matches!(refused, Err(OpenError::InUse)), "{refused:?}");
    assert_eq!(store.renew_lease().await.unwrap(), Some(first.membership.lease));
    let nodes = store.nodes().await.unwrap();
    let shards: Vec<u16> = nodes.iter().map(|row| row.shards).collect();
    assert_eq!((nodes[0].node.clone(), shards), (first.membership.node.clone(), vec![256, 0]));
    let second = leased(Some(first.membership.node.id));
    let next = PostgresStore::open(&url, &key(1), &second).await.unwrap();
    next.leave().await.unwrap();
    PostgresStore::open(&url, &key(1), &leased(None)).await.unwrap();
}

#[tokio::test]
async fn whoever_was_taken_over_from_changes_nothing_any_more() {
    let url = Postgres::shared().database();
    let old = open(&url).await;
    let id = tenant(&old).await;
    let new = open(&url).await;
    assert!(matches!(old.renew_lease().await, Err(StoreError::Fatal(_))));
    assert!(matches!(old.commit(vec![event(id, 1)].into()).await, CommitResult::Fatal(_)));
    assert!(matches!(old.end_process(Time::ZERO).await, Err(StoreError::Fatal(_))));
    assert_eq!(new.conservation(None).await.unwrap().events, 0);
    assert!(matches!(new.commit(vec![event(id, 2)].into()).await, CommitResult::Committed(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn taking_over_waits_for_a_commit_that_was_begun() {
    let url = Postgres::shared().database();
    let store = open(&url).await;
    let id = tenant(&store).await;
    let session = store.connector.writer().await.unwrap();
    session.batch("SET idle_in_transaction_session_timeout = 0; BEGIN").await.unwrap();
    nodes::fence(&session, store.heart.membership.node.id).await.unwrap();
    let sql = "INSERT INTO meta (name, value) VALUES ('last', '')";
    session.batch(sql).await.unwrap();
    // It is renewed meanwhile.
    store.renew_lease().await.unwrap();
    let taking = tokio::spawn({
        let url = url.clone();
        async move { open(&url).await }
    });
    stentor_testkit::wait::until("the other waits", || async {
        let waiting = "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
             WHERE NOT l.granted AND a.datname = current_database();";
        (Postgres::shared().sql(&url, waiting).trim() == "1").then_some(())
    })
    .await;
    session.batch("COMMIT").await.unwrap();
    let new = taking.await.unwrap();
    let last = new.read(|session| Box::pin(async move { row::meta(session, "last").await })).await.unwrap();
    assert!(last.is_some(), "what was committed before is there");
    assert!(matches!(store.commit(vec![event(id, 1)].into()).await, CommitResult::Fatal(_)));
}

#[tokio::test]
async fn a_server_that_does_not_sync_or_has_another_time_is_refused() {
    let url = Postgres::shared().database();
    let refused = PostgresStore::open(&url, &key(1), &PostgresOptions { dev: false, ..options() }).await;
    assert!(matches!(refused, Err(OpenError::NoSync)), "{refused:?}");
    for now in [options().now.plus(Duration::from_secs(60)), options().now.minus(Duration::from_secs(60))] {
        let refused = PostgresStore::open(&url, &key(1), &PostgresOptions { now, ..options() }).await;
        assert!(matches!(refused, Err(OpenError::Clock { off_seconds: 55..=65 })), "{refused:?}");
    }
}

#[tokio::test]
async fn commits_are_synchronous_whatever_the_database_says() {
    let url = Postgres::shared().database();
    let name = url.rsplit('/').next().unwrap();
    Postgres::shared().sql(&url, &format!("ALTER DATABASE {name} SET synchronous_commit = off"));
    let store = open(&url).await;
    let setting = store.with_writer(|writer| {
        Box::pin(async move {
            Ok(writer.session.one("SHOW synchronous_commit", &[]).await?.try_get::<_, String>(0)?)
        })
    });
    assert_eq!(setting.await.unwrap(), "on");
}

pub(super) fn event(tenant: TenantId, entropy: u64) -> Write {
    let at = Time::from_seconds(1_700_000_000);
    let content = EventContent {
        id: EventId::new(at, entropy * 4),
        event_type: EventType::parse("order.created").unwrap(),
        time: at,
        subject: None,
        content_type: "application/json".into(),
        data: Bytes::from_static(b"{}"),
        previous_data: None,
        arrival: None,
    };
    let (metadata, origin) = (None, Origin::Api);
    let event = Event {
        tenant,
        content: Arc::new(content),
        accepted_at: at,
        metadata,
        origin,
        config_version: 1,
        matched: 0,
    };
    Write::Accept(Box::new(NewEvent { event, idempotency: None, deliveries: Vec::new(), message: None }))
}

async fn tenant(store: &PostgresStore) -> TenantId {
    let tenant = Tenant {
        id: TenantId::new(Time::ZERO, 4),
        name: "a\0b".into(),
        plan: "x".into(),
        default_profile: None,
        config_version: 1,
        settings: TenantSettings::default(),
        created_at: Time::ZERO,
    };
    store.create_tenant(&tenant).await.unwrap();
    assert_eq!(store.tenant(tenant.id).await.unwrap(), Some(tenant.clone()), "U+0000 comes back");
    tenant.id
}

#[tokio::test]
async fn a_session_that_ends_is_replaced_and_nothing_is_lost_or_doubled() {
    let url = Postgres::shared().database();
    let store = open(&url).await;
    let id = tenant(&store).await;
    let mut acknowledged = 0;
    for n in 1..=20 {
        if n % 4 == 0 {
            let others = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid();";
            Postgres::shared().sql(&url, others);
        }
        // One that was not committed is repeated, as the engine does.
        for _ in 0..3 {
            match store.commit(vec![event(id, n)].into()).await {
                CommitResult::Committed(written) => {
                    assert!(matches!(written[..], [Written::Accepted { .. }]), "{written:?}");
                    acknowledged += 1;
                    break;
                }
                CommitResult::NotCommitted(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(acknowledged, 20);
    assert_eq!(store.conservation(None).await.unwrap().events, 20);
}

#[tokio::test]
async fn what_a_lost_session_committed_is_known_by_its_number() {
    let store = open(&Postgres::shared().database()).await;
    let (committed, rolled_back) = store
        .with_writer(|writer| {
            Box::pin(async move {
                let mut numbers = Vec::new();
                for end in ["COMMIT", "ROLLBACK"] {
                    writer.session.batch("BEGIN").await?;
                    let row = writer.session.one("SELECT pg_current_xact_id()::text", &[]).await?;
                    writer.session.batch(end).await?;
                    numbers.push(row.try_get::<_, String>(0)?);
                }
                let first = writer::is_committed(&writer.session, &numbers[0]).await?;
                Ok((first, writer::is_committed(&writer.session, &numbers[1]).await?))
            })
        })
        .await
        .unwrap();
    assert!(committed && !rolled_back);
}

#[tokio::test]
async fn a_writer_that_was_replaced_while_cut_off_stops() {
    let url = Postgres::shared().database();
    let store = open(&url).await;
    let id = tenant(&store).await;
    let _next = open(&url).await;
    let cut_off = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid();";
    Postgres::shared().sql(&url, cut_off);
    let mut results = Vec::new();
    for _ in 0..3 {
        results.push(store.commit(vec![event(id, 1)].into()).await);
    }
    assert!(matches!(results.last(), Some(CommitResult::Fatal(_))), "{results:?}");
    assert!(!results.iter().any(|result| matches!(result, CommitResult::Committed(_))), "{results:?}");
}
