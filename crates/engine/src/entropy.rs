//! Randomness: fast for ids and jitter, from the operating system for secrets.

use stentor_core::credential::{PASSWORD_CHARS, USERNAME_CHARS};
use stentor_core::id::{DeliveryId, EventId};
use stentor_core::time::Time;

/// 64 random bits that need not be secret.
pub fn bits() -> u64 {
    fastrand::u64(..)
}

/// A number in `-1.0..=1.0` that places a wait within its jitter.
pub fn jitter() -> f64 {
    fastrand::f64().mul_add(2.0, -1.0)
}

/// A new event id.
pub fn event_id(now: Time) -> EventId {
    EventId::new(now, bits())
}

/// A new delivery id.
pub fn delivery_id(now: Time) -> DeliveryId {
    DeliveryId::new(now, bits())
}

/// Bytes from the operating system for a credential's user name and password.
///
/// # Panics
/// When the operating system has no randomness: no secret may be made then.
pub fn pair_bytes() -> [u8; USERNAME_CHARS + PASSWORD_CHARS] {
    let mut bytes = [0; USERNAME_CHARS + PASSWORD_CHARS];
    getrandom::fill(&mut bytes).expect("the operating system provides randomness");
    bytes
}

/// 32 bytes from the operating system, for keys and tokens.
///
/// # Panics
/// When the operating system has no randomness: no secret may be made then.
pub fn secret_bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the operating system provides randomness");
    bytes
}
