//! The queue is bounded in both ways and never waits.

use std::net::Ipv4Addr;

use super::*;

fn reception(body: usize) -> Reception {
    Reception {
        id: RequestId::new(Time::from_seconds(1), 1),
        tenant: None,
        source: None,
        peer: Ipv4Addr::LOCALHOST.into(),
        received_at: Time::from_seconds(1),
        method: "POST".to_owned(),
        path: "/".to_owned(),
        headers: Vec::new(),
        content_type: None,
        body: Bytes::from(vec![b'x'; body]),
        body_bytes: body as u64,
        timing: ReceptionTiming::default(),
        verdict: Verdict::Challenge,
        status: 200,
    }
}

#[test]
fn without_a_watcher_nothing_is_kept_or_counted() {
    let receptions = Receptions::default();
    receptions.put(reception(10));
    assert!(!receptions.watched());
    assert_eq!((receptions.dropped(), receptions.waiting_bytes.load(Ordering::Relaxed)), (0, 0));
}

#[tokio::test]
async fn the_number_that_waits_is_bounded() {
    let receptions = Receptions::default();
    let mut inbox = receptions.watch().unwrap();
    assert!(receptions.watch().is_none(), "one watcher");
    for _ in 0..WAITING_MAX + 7 {
        receptions.put(reception(0));
    }
    assert_eq!(receptions.dropped(), 7);
    let mut taken = Vec::new();
    while taken.len() < WAITING_MAX {
        assert!(inbox.take(&mut taken, WAITING_MAX).await);
    }
    assert_eq!(taken.len(), WAITING_MAX);
    taken.clear();
    assert_eq!(receptions.waiting_bytes.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn the_bytes_that_wait_are_bounded() {
    let receptions = Receptions::default();
    let mut inbox = receptions.watch().unwrap();
    let put = WAITING_BYTES_MAX / BODY_KEPT_MAX + 20;
    for _ in 0..put {
        receptions.put(reception(BODY_KEPT_MAX));
    }
    let kept = put - usize::try_from(receptions.dropped()).unwrap();
    assert!(kept * BODY_KEPT_MAX <= WAITING_BYTES_MAX && kept > 200, "{kept}");
    let mut taken = Vec::new();
    assert!(inbox.take(&mut taken, 1).await);
    assert_eq!(taken.pop().unwrap().into_reception(), reception(BODY_KEPT_MAX));
    receptions.put(reception(BODY_KEPT_MAX));
    assert_eq!(put - usize::try_from(receptions.dropped()).unwrap(), kept, "the freed place is used again");
}
