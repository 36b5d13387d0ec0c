//! The fixed slice of webhooks that one node owns at a time.

use crate::id::WebhookId;

/// How many shards there are. Stored rows carry the number, so it never changes.
pub const SHARDS: usize = 256;

/// A shard's number. Computed once, when a webhook is made, and stored on it (engine rule E25).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(pub u8);

impl Shard {
    /// FNV-1a (32 bits) over the id's 16 bytes, folded to eight bits by xor of its four bytes. Written down here because
    /// every node and every future version must agree.
    pub fn of(webhook: WebhookId) -> Self {
        let mut hash: u32 = 0x811c_9dc5;
        for byte in webhook.as_bytes() {
            hash = (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
        }
        Self(hash.to_be_bytes().into_iter().fold(0, |folded, byte| folded ^ byte))
    }

    /// The number as an index into per-shard tables.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Time;

    #[test]
    fn the_hash_is_the_one_written_down() {
        assert_eq!(Shard::of(WebhookId::from_bytes([0; 16])), Shard(0x1c));
    }

    #[test]
    fn webhooks_of_one_moment_spread_over_all_shards() {
        let mut seen = [0_u32; SHARDS];
        for n in 0..25_600_u64 {
            let id = WebhookId::new(Time::from_seconds(1_700_000_000), n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            seen[Shard::of(id).index()] += 1;
        }
        assert!(seen.iter().all(|n| (40..200).contains(n)), "{seen:?}");
    }
}
