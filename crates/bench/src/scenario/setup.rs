//! Setting up much at a gateway: over several connections at once.

use std::net::SocketAddr;

use crate::api::Api;

const THREADS: u64 = 8;

/// Calls `create` with each number below `count`; returns what it made, in no particular order.
pub(super) fn each<T: Send>(
    address: SocketAddr,
    count: u64,
    create: impl Fn(&mut Api, u64) -> anyhow::Result<T> + Sync,
) -> anyhow::Result<Vec<T>> {
    let part = |thread: u64| -> anyhow::Result<Vec<T>> {
        let mut api = Api::connect(address)?;
        (thread..count).step_by(THREADS as usize).map(|number| create(&mut api, number)).collect()
    };
    std::thread::scope(|scope| {
        let part = &part;
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || part(thread))).collect();
        let mut made = Vec::new();
        for thread in threads {
            made.extend(thread.join().expect("a setup thread does not panic")?);
        }
        Ok(made)
    })
}
