use stentor_core::id::WebhookId;
use stentor_core::webhook::DisableReason;

use super::*;

const NOW: Time = Time::from_seconds(1_700_000_000);

fn owner(number: u8) -> Owner {
    Some(TenantId::from_bytes([number; 16]))
}

fn fact(number: u64) -> Fact {
    let id = u128::from(number).to_be_bytes();
    Fact::Disabled { webhook: WebhookId::from_bytes(id), reason: Some(DisableReason::Gone) }
}

fn small() -> Arc<Feed> {
    Arc::new(Feed::new(FeedLimits {
        subscriptions_each: 2,
        subscriptions: 3,
        items: 4,
        ..FeedLimits::default()
    }))
}

fn tell(feed: &Feed, owner: Owner, numbers: std::ops::Range<u64>) {
    let Some(mut teller) = feed.teller() else { return };
    for number in numbers {
        teller.tell(owner, NOW, || fact(number));
    }
}

#[test]
fn nothing_is_made_while_nobody_watches() {
    let feed = small();
    assert!(feed.teller().is_none());
    let place = feed.join(owner(1)).expect("room");
    let mut teller = feed.teller().expect("somebody watches");
    teller.tell(owner(2), NOW, || panic!("nobody watches this one"));
    teller.tell(owner(1), NOW, || fact(0));
    drop((teller, place));
    assert!(feed.teller().is_none());
    assert!(feed.channels().is_empty(), "the last one takes the channel along");
    assert_eq!(feed.bytes.load(Ordering::Relaxed), 0);
}

#[test]
fn places_are_bounded_for_each_and_for_all() {
    let feed = small();
    let first = feed.join(owner(1)).expect("room");
    let second = feed.join(owner(1)).expect("room");
    assert_eq!(feed.join(owner(1)).map(drop), Err(WatchError::TooMany));
    let other = feed.join(owner(2)).expect("another has places of its own");
    assert_eq!(feed.join(owner(3)).map(drop), Err(WatchError::TooMany));
    drop(other);
    let operator = feed.join(None).expect("a place was given back");
    feed.close();
    drop((first, second, operator));
    assert_eq!(feed.join(owner(1)).map(drop), Err(WatchError::Stopping));
    assert_eq!(feed.watching(), 0);
}

#[test]
fn a_ring_keeps_the_newest_within_its_bounds() {
    let feed = small();
    let place = feed.join(owner(1)).expect("room");
    tell(&feed, owner(1), 0..10);
    {
        let ring = place.channel.ring();
        assert_eq!((ring.start(), ring.end()), (6, 10));
        let items = ring.from(8, 64);
        assert_eq!(items.iter().map(|item| item.fact.clone()).collect::<Vec<_>>(), [fact(8), fact(9)]);
        assert_eq!(items[0].position.sequence, 8);
    }
    let bytes = feed.bytes.load(Ordering::Relaxed);
    tell(&feed, owner(1), 10..1_000);
    assert_eq!(feed.bytes.load(Ordering::Relaxed), bytes);
}

#[test]
fn the_bytes_of_all_rings_are_bounded_together() {
    let one = fact(0).weight();
    let limits = FeedLimits { bytes: 10 * one, bytes_least: one, ..FeedLimits::default() };
    let feed = Arc::new(Feed::new(limits));
    let places: Vec<Place> = (0..3).map(|number| feed.join(owner(number)).expect("room")).collect();
    for round in 0..20 {
        for number in 0..3 {
            tell(&feed, owner(number), round..round + 1);
        }
        assert!(feed.bytes.load(Ordering::Relaxed) <= 10 * one + 2 * one);
    }
    for place in places {
        let ring = place.channel.ring();
        assert!(ring.end() > ring.start(), "each keeps something");
    }
}

#[test]
fn an_item_is_written_once() {
    let item = Item::new(Position { epoch: 1, sequence: 0, at: NOW }, NOW, fact(0), None);
    let first = item.summary(|_| "short".into()).clone();
    let again = item.summary(|_| panic!("written before"));
    assert_eq!((&first, again.as_ptr()), (again, first.as_ptr()));
    assert_eq!(item.whole(|_| "long".into()), "long");
}
