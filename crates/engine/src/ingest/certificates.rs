//! Certificates of providers that sign with them, fetched once and kept for a day.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use stentor_core::time::Time;

/// Most certificates kept. The addresses are the providers' own, but their paths are the sender's.
const KEPT_MAX: usize = 64;
/// How long one is kept.
const KEPT_FOR: Duration = Duration::from_secs(24 * 3_600);

/// Certificates by their address.
#[derive(Debug, Default)]
pub(crate) struct Certificates(Mutex<HashMap<Box<str>, (Time, Bytes)>>);

impl Certificates {
    /// The one that was fetched from there lately.
    pub(super) fn get(&self, url: &str, now: Time) -> Option<Bytes> {
        let kept = self.lock();
        let (fetched_at, certificate) = kept.get(url)?;
        (now.since(*fetched_at) < KEPT_FOR).then(|| certificate.clone())
    }

    /// Keeps one. When there is no room the oldest goes.
    pub(super) fn keep(&self, url: &str, certificate: Bytes, now: Time) {
        let mut kept = self.lock();
        if kept.len() >= KEPT_MAX && !kept.contains_key(url) {
            let oldest =
                kept.iter().min_by_key(|(_, (fetched_at, _))| *fetched_at).map(|(url, _)| url.clone());
            if let Some(oldest) = oldest {
                kept.remove(&oldest);
            }
        }
        kept.insert(url.into(), (now, certificate));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, (Time, Bytes)>> {
        self.0.lock().expect("no panic while holding the lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_kept_for_a_day_and_the_oldest_goes_first() {
        let (certificates, start) = (Certificates::default(), Time::from_seconds(1_700_000_000));
        let at = |seconds: u64| start.plus(Duration::from_secs(seconds));
        for number in 0..65_u64 {
            certificates.keep(&number.to_string(), Bytes::from_static(b"pem"), at(number));
        }
        assert_eq!(certificates.lock().len(), KEPT_MAX);
        assert!(certificates.get("0", at(65)).is_none() && certificates.get("1", at(65)).is_some());
        assert!(certificates.get("64", at(64 + 86_399)).is_some());
        assert!(certificates.get("64", at(64 + 86_400)).is_none());
    }
}
