//! How many connections there may be, in all and of one peer.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The counts of open connections.
pub(super) struct Admission {
    places: Arc<Semaphore>,
    per_peer_max: usize,
    peers: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// An admitted connection; dropping it frees its place.
pub(super) struct Permit {
    _place: OwnedSemaphorePermit,
    peer: IpAddr,
    peers: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Admission {
    pub(super) fn new(connections_max: usize, per_peer_max: usize) -> Self {
        let places = Arc::new(Semaphore::new(connections_max.min(Semaphore::MAX_PERMITS)));
        Self { places, per_peer_max, peers: Arc::default() }
    }

    /// Waits until one more connection fits at all.
    pub(super) async fn place(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.places).acquire_owned().await.expect("the semaphore is never closed")
    }

    /// Gives the place to a connection of this peer, unless the peer has its fill.
    pub(super) fn admit(&self, place: OwnedSemaphorePermit, peer: IpAddr) -> Option<Permit> {
        let peer = counted_as(peer);
        let mut peers = self.peers.lock().expect("no panic while holding the lock");
        let open = peers.entry(peer).or_default();
        if *open >= self.per_peer_max {
            return None;
        }
        *open += 1;
        Some(Permit { _place: place, peer, peers: Arc::clone(&self.peers) })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Ok(mut peers) = self.peers.lock()
            && let Some(open) = peers.get_mut(&self.peer)
        {
            *open -= 1;
            if *open == 0 {
                peers.remove(&self.peer);
            }
        }
    }
}

/// One IPv6 customer has a whole /64; an IPv4 address may come mapped.
pub fn counted_as(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_peer_has_its_fill_and_gets_a_place_back() {
        let admission = Admission::new(10, 2);
        let admit =
            async |peer: &str| admission.admit(admission.place().await, peer.parse().expect("an address"));
        let first = admit("2001:db8::1").await.expect("free");
        let _second = admit("2001:db8::2").await.expect("free");
        assert!(admit("2001:db8::3").await.is_none());
        assert!(admit("2001:db8:0:1::1").await.is_some());
        drop(first);
        assert!(admit("2001:db8::3").await.is_some());
    }

    #[tokio::test]
    async fn when_full_the_next_one_waits() {
        let admission = Admission::new(1, 5);
        let permit = admission.admit(admission.place().await, IpAddr::from([127, 0, 0, 1]));
        assert_eq!(admission.places.available_permits(), 0);
        drop(permit);
        assert!(admission.peers.lock().expect("no panic").is_empty());
        drop(admission.place().await);
    }
}
