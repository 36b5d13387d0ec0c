use std::time::Duration;

use stentor_core::attempt::{Attempt, AttemptOutcome};
use stentor_core::delivery::FinalState;
use stentor_core::id::DeliveryId;
use stentor_testkit::postgres::Postgres;

use super::super::row::IdBytes;
use super::super::tests::open;
use super::close::{begin, piece};
use super::*;
use crate::statistics::Bound;

const START: Time = Time::from_seconds(1_700_000_040);
const WEBHOOKS: u64 = 700;

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
async fn everything(store: &PostgresStore) -> BTreeMap<(Minute, IdBytes), Rollup> {
    let read = store.read(|session| {
        Box::pin(async move { session.query("SELECT minute, subject, sums FROM minute_rollups", &[]).await })
    });
    let mut found = BTreeMap::new();
    for row in read.await.expect("rollups are read") {
        let key = (Minute(row.get(0)), row.get::<_, Id>(1).0);
        found.insert(key, decoded(row.get(2)).expect("it is one"));
    }
    let mut minutes = store.minutes.lock().await;
    let mut left: Vec<_> =
        minutes.closing.take().map(|closing| closing.rows[closing.written..].to_vec()).unwrap_or_default();
    minutes.close(Bound { seq: i64::MAX, before: Minute(i64::MAX) });
    left.extend(minutes.closing.take().map(|closing| closing.rows).unwrap_or_default());
    for (key, rollup) in left {
        found.entry(key).or_insert_with(Rollup::default).merge(&rollup);
    }
    found
}

#[tokio::test]
async fn a_process_that_dies_after_any_piece_loses_and_repeats_nothing() {
    let url = Postgres::shared().database();
    let minute = Duration::from_secs(60);
    let times = [START, START.plus(minute), START.plus(Duration::from_millis(1)), START.plus(minute * 2)];
    let first = open(&url).await;
    let storing = first.write(move |session| {
        Box::pin(async move {
            for (n, at) in (0..).zip(times) {
                super::store(&counted(n, at), session).await?;
            }
            Ok(())
        })
    });
    storing.await.expect("counts are stored");
    drop(first);
    let expected = everything(&open(&url).await).await;
    assert_eq!(expected.len() as u64, 3 * (WEBHOOKS + 3));
    let (mut deaths, mut pieces) = (0, 1);
    loop {
        let store = open(&url).await;
        // What was begun goes on by itself; what was not is begun anew.
        if store.minutes.lock().await.closing.is_none() {
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
        assert_eq!(everything(&open(&url).await).await, expected, "reopened after {deaths} deaths");
        (deaths, pieces) = (deaths + 1, 3 - pieces);
    }
    let store = open(&url).await;
    let left =
        store.read(|session| Box::pin(async move { session.one("SELECT count(*) FROM counts", &[]).await }));
    assert_eq!(left.await.expect("read").get::<_, i64>(0), 1, "only the minute that has not ended");
}
