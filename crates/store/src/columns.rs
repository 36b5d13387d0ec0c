//! How backends keep what core knows by types: ids as 16 bytes, times as microseconds, words and states as numbers.

use stentor_core::attempt::AttemptOutcome;
use stentor_core::delivery::{DeliveryState, FinalState};
use stentor_core::event::Origin;
use stentor_core::id::EventId;
use stentor_core::time::Time;
use stentor_core::webhook::{DisableReason, WebhookStatus};

use crate::Page;
use crate::error::{StoreResult, unreadable};

/// An id as the database holds it.
pub(crate) type IdBytes = [u8; 16];

/// The lowest id that can be made at `time`. Ids carry their time in 60 bits around the version, which tells microseconds
/// apart (RFC 9562 section 6.2, method 3, as core makes them): every id made earlier is lower.
pub(crate) fn first_id(time: Time) -> IdBytes {
    first_id_made_with(EventId::new(time.max(Time::ZERO), 0).as_bytes())
}

/// The lowest id of the same microsecond.
pub(crate) fn first_id_made_with(id: &IdBytes) -> IdBytes {
    (u128::from_be_bytes(*id) >> 64 << 64).to_be_bytes()
}

/// The first id after the microsecond in which this one was made.
pub(crate) fn first_id_after(id: &IdBytes) -> IdBytes {
    ((u128::from_be_bytes(*id) >> 64).saturating_add(1) << 64).to_be_bytes()
}

/// Whether both ids were made in the same microsecond.
pub(crate) fn made_together(a: &IdBytes, b: &IdBytes) -> bool {
    a[..8] == b[..8]
}

/// Counters and versions; none of ours comes near the bound.
pub(crate) fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A sum that cannot be negative.
pub(crate) fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

pub(crate) fn micros(time: Time) -> i64 {
    time.as_micros()
}

pub(crate) const fn origin_number(origin: Origin) -> i64 {
    match origin {
        // Told apart from the former by its arrival.
        Origin::Api | Origin::Source => 1,
        Origin::Operational => 2,
    }
}

/// `arrived`: whether the event has an arrival.
pub(crate) fn origin(number: i64, arrived: bool) -> StoreResult<Origin> {
    match number {
        1 if arrived => Ok(Origin::Source),
        1 => Ok(Origin::Api),
        2 => Ok(Origin::Operational),
        _ => Err(unreadable("an origin")),
    }
}

pub(crate) const fn final_number(state: FinalState) -> i64 {
    match state {
        FinalState::Delivered => 1,
        FinalState::Dead(_) => 2,
        FinalState::Cancelled(_) => 3,
    }
}

/// States as the list statements number them: 1-3 as in `deliveries`, 4 pending, 5 held.
pub(crate) const fn state_number(state: DeliveryState) -> i64 {
    match state {
        DeliveryState::Delivered => 1,
        DeliveryState::Dead => 2,
        DeliveryState::Cancelled => 3,
        DeliveryState::Pending => 4,
        DeliveryState::Held => 5,
    }
}

pub(crate) fn state(number: i64) -> StoreResult<DeliveryState> {
    let found = DeliveryState::ALL.into_iter().find(|state| state_number(*state) == number);
    found.ok_or_else(|| unreadable("a delivery's state"))
}

/// The number and the word for why, of a webhook's status.
pub(crate) const fn status_columns(status: WebhookStatus) -> (i64, Option<&'static str>) {
    match status {
        WebhookStatus::Active => (1, None),
        WebhookStatus::Paused => (2, None),
        WebhookStatus::Disabled(reason) => (3, Some(reason.as_str())),
        WebhookStatus::Deleted => (4, None),
    }
}

/// The number of deleted webhooks.
pub(crate) const DELETED: i64 = status_columns(WebhookStatus::Deleted).0;

pub(crate) fn status(number: i64, reason: Option<&str>) -> StoreResult<WebhookStatus> {
    match (number, reason.and_then(DisableReason::from_word)) {
        (1, None) => Ok(WebhookStatus::Active),
        (2, None) => Ok(WebhookStatus::Paused),
        (3, Some(reason)) => Ok(WebhookStatus::Disabled(reason)),
        (4, None) => Ok(WebhookStatus::Deleted),
        _ => Err(unreadable("a webhook's status")),
    }
}

/// The kind of an outcome as the database holds it.
pub(crate) const fn outcome_number(outcome: &AttemptOutcome) -> i64 {
    match outcome {
        AttemptOutcome::Delivered { .. } => 1,
        AttemptOutcome::Refused { .. } => 2,
        AttemptOutcome::Timeout { .. } => 3,
        AttemptOutcome::Network { .. } => 4,
        AttemptOutcome::Blocked { .. } => 5,
        // Told apart by their reasons.
        AttemptOutcome::Unsendable | AttemptOutcome::Template => 6,
    }
}

/// The kind of outcome with that number.
pub(crate) fn outcome_kind(number: i64) -> StoreResult<&'static str> {
    const KINDS: [&str; 6] = ["delivered", "refused", "timeout", "network", "blocked", "unsendable"];
    let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    index.and_then(|index| KINDS.get(index)).copied().ok_or_else(|| unreadable("an attempt's outcome"))
}

/// Cuts off the row that was read only to know whether there is one.
pub(crate) fn page_of<T>(mut rows: Vec<T>, wanted: u32) -> Page<T> {
    let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
    let more = rows.len() > wanted;
    rows.truncate(wanted);
    Page { rows, more }
}

#[cfg(test)]
mod tests {
    use stentor_core::id::DeliveryId;

    use super::*;

    #[test]
    fn ids_are_bounded_by_their_microsecond() {
        for micros in
            [1_700_000_000_000_000, 1_700_000_000_000_001, 1_700_000_000_000_999, 1_700_000_000_001_000]
        {
            let at = Time::from_micros(micros);
            let (low, high) = (DeliveryId::new(at, 0), DeliveryId::new(at, u64::MAX));
            assert!(
                first_id(at) <= *low.as_bytes() && *high.as_bytes() < first_id(Time::from_micros(micros + 1))
            );
            assert!(*high.as_bytes() < first_id_after(low.as_bytes()));
            assert_eq!(first_id_made_with(high.as_bytes()), first_id(at));
            assert!(made_together(low.as_bytes(), high.as_bytes()));
            assert!(!made_together(
                low.as_bytes(),
                EventId::new(Time::from_micros(micros + 1), 0).as_bytes()
            ));
        }
    }
}
