//! What becomes of a batch whose session with PostgreSQL is cut off, at every message of it (engine rule E3), or that meets
//! another transaction (engine rule E13).
#![expect(clippy::disallowed_methods, reason = "the store compares this machine's clock with the server's")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use stentor_core::id::TenantId;
use stentor_core::time::Time;
use stentor_core::webhook::Webhook;
use stentor_store::Store;
use stentor_store::conformance::Backend;
use stentor_store::conformance::fixtures::{Scene, accept, assert_not_stored, assert_stored, key};
use stentor_store::journal::{CommitResult, NewEvent, Write, Written};
use stentor_store::postgres::{PostgresOptions, PostgresStore};
use stentor_store::seal::MasterKey;
use stentor_testkit::postgres::{Postgres, Proxy, membership};

/// More messages than a batch of one event takes on a session that prepares its statements first.
const MESSAGES_MAX: usize = 500;
/// How often what was not committed is committed again, as the engine does.
const TRIES: usize = 5;

/// A database at an address.
struct At(String);

#[async_trait]
impl Backend for At {
    async fn open(&self) -> Arc<dyn Store> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        let options =
            PostgresOptions { now: Time::ZERO.plus(now), dev: true, tls: None, membership: membership() };
        let key = MasterKey::from_bytes([7; 32]);
        Arc::new(PostgresStore::open(&self.0, &key, &options).await.expect("the database opens"))
    }

    async fn reopen(&self, _store: Arc<dyn Store>) -> Arc<dyn Store> {
        unreachable!("no case here closes its store")
    }

    async fn open_copy(&self, _file: &Path) -> Arc<dyn Store> {
        unreachable!("no case here makes a copy")
    }

    fn scratch_file(&self) -> PathBuf {
        unreachable!("no case here makes a copy")
    }
}

/// A batch with an event, an outcome and an end, of which each is stored once or not at all.
struct Work {
    event: NewEvent,
    earlier: NewEvent,
}

impl Work {
    async fn new(scene: &Scene, tenant: TenantId, webhook: &Webhook) -> Self {
        let earlier = scene.publish(tenant, &[webhook]).await;
        Self { event: scene.new_event(tenant, &[webhook]).await, earlier }
    }

    fn batch(&self, scene: &Scene) -> Arc<[Write]> {
        let outcome = scene.delivered(&self.earlier, 0, 1);
        vec![Write::Outcome(Box::new(outcome)), accept(&self.event)].into()
    }

    /// Commits until it is committed; whatever the store says of a try is true at that moment.
    async fn commit(&self, scene: &Scene, what: &str) {
        let batch = self.batch(scene);
        let (tenant, id) = (self.event.event.tenant, self.event.event.content.id);
        for _ in 0..TRIES {
            match scene.store.commit(Arc::clone(&batch)).await {
                CommitResult::Committed(written) => {
                    assert!(matches!(written[1], Written::Accepted { .. }), "{what}: {written:?}");
                    return assert_stored(scene, &self.event).await;
                }
                CommitResult::NotCommitted(_) => assert_not_stored(scene, &self.event, true).await,
                CommitResult::Unknown(_) => {
                    let stored = scene.store.stored_events(&[(tenant, id)]).await;
                    if stored.expect("the proxy lets new sessions through") == [id] {
                        return assert_stored(scene, &self.event).await;
                    }
                }
                CommitResult::Fatal(reason) => panic!("{what}: {reason}"),
            }
        }
        panic!("{what}: not committed in {TRIES} tries");
    }
}

#[tokio::test]
async fn a_session_cut_off_at_any_message_of_a_batch_loses_and_doubles_nothing() {
    let proxy = Proxy::before(Postgres::shared());
    let scene = Scene::open(&At(proxy.url())).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let mut messages = 0;
    loop {
        let work = Work::new(&scene, tenant, &webhook).await;
        let cuts = proxy.cuts();
        proxy.cut_after(messages);
        work.commit(&scene, &format!("cut off after {messages} messages")).await;
        let delivered = scene.delivery(tenant, work.earlier.deliveries[0].id).await;
        assert_eq!(delivered.attempts, 1, "cut off after {messages} messages");
        messages += 1;
        if proxy.cuts() == cuts {
            break;
        }
        assert!(messages < MESSAGES_MAX, "a batch never got through");
    }
    // BEGIN, its answer, and at least as much for the two statements of an event and COMMIT.
    assert!(messages > 10, "only {messages} messages were seen");
    let sums = scene.sums().await;
    let rounds = u64::try_from(messages).expect("few");
    assert_eq!((sums.accepted, sums.delivered), (2 * rounds, rounds));
    let minutes = scene.store.minutes(tenant, None, Time::ZERO, scene.tick().plus(Duration::from_secs(60)));
    let counted: u64 = minutes.await.expect("they are read").iter().map(|(_, rollup)| rollup.delivered).sum();
    assert_eq!(counted, rounds, "each outcome is counted once");
}

#[tokio::test]
async fn a_commit_of_which_nobody_can_tell_is_found_once_the_server_answers() {
    let proxy = Proxy::before(Postgres::shared());
    let scene = Scene::open(&At(proxy.url())).await;
    let tenant = scene.tenant().await;
    let webhook = scene.webhook(tenant).await;
    let (mut unknown, mut messages) = (0, 0);
    while messages < MESSAGES_MAX {
        let work = Work::new(&scene, tenant, &webhook).await;
        let (tenant, id) = (work.event.event.tenant, work.event.event.content.id);
        let cuts = proxy.cuts();
        proxy.refuse(true);
        proxy.cut_after(messages);
        let result = scene.store.commit(work.batch(&scene)).await;
        proxy.refuse(false);
        let stored = scene.store.stored_events(&[(tenant, id)]).await.expect("the server answers again");
        match result {
            CommitResult::Committed(_) => assert_eq!(stored, [id], "after {messages} messages"),
            CommitResult::NotCommitted(_) => assert_eq!(stored, [], "after {messages} messages"),
            CommitResult::Unknown(_) => unknown += 1,
            CommitResult::Fatal(reason) => panic!("after {messages} messages: {reason}"),
        }
        if proxy.cuts() == cuts {
            break;
        }
        messages += 1;
    }
    assert!(messages < MESSAGES_MAX, "a batch never got through");
    assert!(unknown > 0, "no cut came after COMMIT");
    let minutes = scene.store.minutes(tenant, None, Time::ZERO, scene.tick().plus(Duration::from_secs(60)));
    let counted: u64 = minutes.await.expect("they are read").iter().map(|(_, rollup)| rollup.delivered).sum();
    assert_eq!(counted, scene.sums().await.delivered, "what turned out to be committed is counted");
}

#[tokio::test]
async fn a_batch_that_meets_another_transaction_is_written_again() {
    let url = Postgres::shared().database();
    let scene = Scene::open(&At(url.clone())).await;
    let tenant = scene.tenant().await;
    let with_key = async |number: u8| {
        let mut event = scene.new_event(tenant, &[]).await;
        event.idempotency = Some(key(number, 0));
        event
    };
    let (first, second) = (with_key(1).await, with_key(2).await);
    let mut other = Postgres::shared().session(&url);
    let take = |number: u8| {
        let hash = format!("{number:02x}").repeat(32);
        let tenant = uuid(tenant);
        format!(
            "INSERT INTO idempotency (tenant, key_hash, body_hash, event, matched, expires_at)
             VALUES ('{tenant}', '\\x{hash}', '\\x{hash}', '{tenant}', 0, 9000000000000000);"
        )
    };
    // It is not this one that the server ends.
    other.run("SET deadlock_timeout = '1min'; BEGIN;");
    other.run(&take(2));
    let store = Arc::clone(&scene.store);
    let batch: Arc<[Write]> = vec![accept(&first), accept(&second)].into();
    let committing = tokio::spawn(async move { store.commit(batch).await });
    stentor_testkit::wait::until("the batch waits for the other's key", || async {
        let waiting = "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
             WHERE NOT l.granted AND a.datname = current_database();";
        (Postgres::shared().sql(&url, waiting).trim() == "1").then_some(())
    })
    .await;
    // It waits for the batch, which waits for it, until the server ends the batch's transaction.
    other.run(&take(1));
    other.run("ROLLBACK;");
    let committed = committing.await.expect("the store does not panic");
    let CommitResult::Committed(written) = committed else { panic!("{committed:?}") };
    assert!(written.iter().all(|written| matches!(written, Written::Accepted { .. })), "{written:?}");
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database();";
    stentor_testkit::wait::until("the server tells of the deadlock", || async {
        (Postgres::shared().sql(&url, deadlocks).trim() == "1").then_some(())
    })
    .await;
    for event in [&first, &second] {
        assert_stored(&scene, event).await;
    }
}

/// As SQL writes it.
fn uuid(tenant: TenantId) -> String {
    tenant.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}
