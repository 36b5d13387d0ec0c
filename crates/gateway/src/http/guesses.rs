//! Wrong tokens: whoever keeps sending them has to wait longer and longer (reliability S17).
//!
//! While an address waits, nothing that it sends is looked up, so guessing gets slow. Tokens that worked before go on working
//! from there: nobody is locked out by what others behind the same address do.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use super::server::counted_as;

/// The first wait; it doubles with each wrong token.
const WAIT_FIRST: Duration = Duration::from_secs(1);
/// The longest.
const WAIT_LONGEST: Duration = Duration::from_secs(60);
/// An address that sent no wrong token for so long begins anew.
const FORGOTTEN: Duration = Duration::from_secs(600);
/// Most addresses remembered. Beyond it, those that sent the fewest are forgotten.
const PEERS_MAX: usize = 10_000;

/// The wrong tokens of each address.
#[derive(Debug)]
pub struct Guesses {
    free: u32,
    /// Spares those that guess nothing the lock.
    any: AtomicBool,
    peers: Mutex<HashMap<IpAddr, Wrong>>,
}

#[derive(Debug, Clone, Copy)]
struct Wrong {
    count: u32,
    last: Duration,
}

impl Guesses {
    /// So many wrong tokens of an address have no consequence.
    pub fn new(free: u32) -> Self {
        Self { free, any: AtomicBool::new(false), peers: Mutex::default() }
    }

    /// How long an address still has to wait. `now` is time that passed since some fixed moment.
    pub fn wait(&self, peer: IpAddr, now: Duration) -> Option<Duration> {
        if !self.any.load(Ordering::Relaxed) {
            return None;
        }
        let wrong = self.peers().get(&counted_as(peer)).copied()?;
        let doublings = wrong.count.checked_sub(self.free.saturating_add(1))?;
        let wait = WAIT_FIRST.saturating_mul(2_u32.saturating_pow(doublings)).min(WAIT_LONGEST);
        let left = (wrong.last + wait).saturating_sub(now);
        (!left.is_zero()).then_some(left)
    }

    /// Notes a wrong token. True when it is the one that begins the waiting.
    pub fn note(&self, peer: IpAddr, now: Duration) -> bool {
        let mut peers = self.peers();
        if peers.len() >= PEERS_MAX {
            forget_some(&mut peers, now);
        }
        let wrong = peers.entry(counted_as(peer)).or_insert(Wrong { count: 0, last: now });
        if now.saturating_sub(wrong.last) >= FORGOTTEN {
            wrong.count = 0;
        }
        *wrong = Wrong { count: wrong.count.saturating_add(1), last: now };
        self.any.store(true, Ordering::Relaxed);
        wrong.count == self.free.saturating_add(1)
    }

    fn peers(&self) -> MutexGuard<'_, HashMap<IpAddr, Wrong>> {
        self.peers.lock().expect("no panic while holding the lock")
    }
}

/// First those that are forgotten anyway; if that is not enough, half of them, with the fewest wrong tokens.
fn forget_some(peers: &mut HashMap<IpAddr, Wrong>, now: Duration) {
    peers.retain(|_, wrong| now.saturating_sub(wrong.last) < FORGOTTEN);
    if peers.len() >= PEERS_MAX {
        let mut counts: Vec<u32> = peers.values().map(|wrong| wrong.count).collect();
        counts.sort_unstable();
        let median = counts[counts.len() / 2];
        peers.retain(|_, wrong| wrong.count > median);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 7));

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn the_wait_begins_after_the_free_ones_and_doubles() {
        let guesses = Guesses::new(10);
        for _ in 0..10 {
            assert!(!guesses.note(PEER, seconds(5)));
            assert_eq!(guesses.wait(PEER, seconds(5)), None);
        }
        assert!(guesses.note(PEER, seconds(5)));
        assert_eq!(guesses.wait(PEER, seconds(5)), Some(seconds(1)));
        assert_eq!(guesses.wait(PEER, seconds(6)), None);
        let mut waits = Vec::new();
        for at in [6, 10, 20, 30, 50, 90, 200] {
            assert!(!guesses.note(PEER, seconds(at)));
            waits.push(guesses.wait(PEER, seconds(at)).expect("a wait").as_secs());
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(guesses.wait("203.0.113.8".parse().expect("an address"), seconds(200)), None);
    }

    #[test]
    fn what_is_long_ago_is_forgotten() {
        let guesses = Guesses::new(1);
        for _ in 0..5 {
            guesses.note(PEER, seconds(0));
        }
        guesses.note(PEER, seconds(600));
        assert_eq!(guesses.wait(PEER, seconds(600)), None);
        guesses.note(PEER, seconds(601));
        assert!(guesses.wait(PEER, seconds(601)).is_some());
    }

    #[test]
    fn however_many_addresses_guess_memory_is_bounded() {
        let guesses = Guesses::new(1);
        let worst = (0..5).map(|_| guesses.note(PEER, seconds(1))).filter(|begins| *begins).count();
        assert_eq!(worst, 1);
        for number in 0..3 * u32::try_from(PEERS_MAX).expect("few") {
            guesses.note(IpAddr::V4(number.into()), seconds(1));
            assert!(guesses.peers().len() <= PEERS_MAX);
        }
        assert!(guesses.wait(PEER, seconds(1)).is_some(), "the worst is not forgotten for the many");
    }
}
