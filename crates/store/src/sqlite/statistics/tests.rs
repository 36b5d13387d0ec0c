use std::path::Path;
use std::time::Duration;

use stentor_core::attempt::{Attempt, AttemptOutcome};
use stentor_core::delivery::FinalState;
use stentor_core::id::DeliveryId;

use super::close::{begin, piece};
use super::*;
use crate::seal::MasterKey;
use crate::statistics::Bound;

const START: Time = Time::from_seconds(1_700_000_040);
const WEBHOOKS: u64 = 700;

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, &MasterKey::from_bytes([1; 32])).expect("a database can be opened")
}

fn tenant(n: u64) -> TenantId {
    TenantId::from_bytes([1 + (n % 3) as u8; 16])
}

fn counted(n: u64, at: Time) -> Counted {
    let mut counted = Counted::default();
    for webhook in 0..WEBHOOKS {
        let attempt = Attempt {
            delivery: DeliveryId::new(at, webhook << 2),
            number: 1,
            started_at: at,
            duration: Duration::from_micros(1_000 + webhook * (n + 1)),
            outcome: AttemptOutcome::Delivered { status: 200 },
            response: None,
        };
        let sums = counted.of(tenant(webhook), WebhookId::new(START, webhook << 2), at);
        sums.attempt(&attempt);
        sums.finished(FinalState::Delivered, at);
    }
    counted
}

/// Every rollup that is written, and what memory still has to write.
async fn everything(store: &SqliteStore) -> BTreeMap<(Minute, IdBytes), Rollup> {
    let shared = Arc::clone(&store.minutes);
    let read = store.read(move |connection| {
        let mut found = BTreeMap::new();
        let mut rows = connection.prepare("SELECT minute, subject, sums FROM minute_rollups")?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            found.insert((Minute(row.get(0)?), row.get(1)?), decoded(&row.get::<_, Vec<u8>>(2)?)?);
        }
        let mut minutes = lock(&shared);
        let mut left: Vec<_> = minutes
            .closing
            .take()
            .map(|closing| closing.rows[closing.written..].to_vec())
            .unwrap_or_default();
        minutes.close(Bound { seq: i64::MAX, before: Minute(i64::MAX) });
        left.extend(minutes.closing.take().map(|closing| closing.rows).unwrap_or_default());
        for (key, rollup) in left {
            found.entry(key).or_insert_with(Rollup::default).merge(&rollup);
        }
        Ok(found)
    });
    read.await.expect("rollups are read")
}

#[tokio::test]
async fn a_process_that_dies_after_any_piece_loses_and_repeats_nothing() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("test.db");
    let minute = Duration::from_secs(60);
    let times = [START, START.plus(minute), START.plus(Duration::from_millis(1)), START.plus(minute * 2)];
    let store = open(&path);
    store
        .write(move |connection| {
            for (n, at) in (0..).zip(times) {
                super::store(&counted(n, at), connection)?;
            }
            Ok(())
        })
        .await
        .expect("counts are stored");
    drop(store);
    let expected = everything(&open(&path)).await;
    assert_eq!(expected.len() as u64, 3 * (WEBHOOKS + 3));
    let attempts: u64 = expected.values().map(Rollup::attempts).sum();
    assert_eq!(attempts, 2 * 4 * WEBHOOKS);

    let mut deaths = 0;
    let mut pieces = 1;
    loop {
        let store = open(&path);
        // What was begun goes on by itself; what was not is begun anew.
        if lock(&store.minutes).closing.is_none() {
            let begun = begin(&store, Minute::of(START.plus(minute * 2))).await.expect("begun");
            assert!(begun || deaths >= 3, "{deaths}");
            if !begun {
                break;
            }
        }
        for _ in 0..pieces {
            piece(&store).await.expect("a piece is written");
        }
        assert_eq!(everything(&store).await, expected, "after {deaths} deaths");
        drop(store);
        assert_eq!(everything(&open(&path)).await, expected, "reopened after {deaths} deaths");
        (deaths, pieces) = (deaths + 1, 3 - pieces);
    }
    let left: i64 = open(&path)
        .read(|connection| Ok(connection.query_row("SELECT count(*) FROM counts", [], |row| row.get(0))?))
        .await
        .expect("read");
    assert_eq!(left, 1, "only the minute that has not ended");
}

#[tokio::test]
async fn counts_read_back_whole_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("test.db");
    let store = open(&path);
    let whole = counted(1, START);
    let stored = whole.clone();
    store.write(move |connection| Ok(super::store(&stored, connection)?)).await.expect("stored");
    let bytes: Vec<u8> = store
        .read(|connection| Ok(connection.query_row("SELECT counted FROM counts", [], |row| row.get(0))?))
        .await
        .expect("read");
    let mut again = Counted::default();
    again.add_stored(Minute::of(START), &bytes).expect("it is one");
    assert_eq!(again.0, whole.0);
    assert!(bytes.len() < 60 * WEBHOOKS as usize, "{} bytes", bytes.len());
    assert_eq!(Counted::default().add_stored(Minute::of(START), &bytes[..bytes.len() - 1]), None);
    assert_eq!(Counted::default().add_stored(Minute::of(START), &[0; 40]), None, "no tenant");
}
