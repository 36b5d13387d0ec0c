//! Role `load`: publishes events over keep-alive connections and prints a [`LoadReport`] as JSON.
//!
//! Closed loop: each connection publishes as soon as it is answered. Open loop (`--rate`): event k is due
//! at k/rate. An event that finds no free connection when it is due carries its due time, so waiting in
//! the generator counts as latency; the generator's own timer lag does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::cli::LoadOptions;
use crate::framing::{self, Inbox};
use crate::payload::{Payload, Stamp, now_ns};
use crate::percentiles::Percentiles;
use crate::processes;

/// Pause before an event that was answered 429 or 503 is published again.
const REFUSED_PAUSE: Duration = Duration::from_millis(5);

/// What the load generator saw.
#[derive(Serialize, Deserialize, Debug, Clone)]
pub(crate) struct LoadReport {
    pub(crate) accepted: u64,
    /// Answers 429 and 503; each was published again.
    pub(crate) refused: u64,
    /// Unix nanoseconds of the first publish and of the last answer.
    pub(crate) first_ns: u64,
    pub(crate) last_ns: u64,
    /// CPU time of the load generator itself.
    pub(crate) cpu_seconds: f64,
    /// Publish to 2xx.
    pub(crate) accept: Option<Percentiles>,
}

/// What all connections share.
struct Plan {
    options: LoadOptions,
    /// Request heads, one an `Authorization` value.
    heads: Vec<Vec<u8>>,
    payload: Payload,
    next: AtomicU64,
    start: Instant,
    start_ns: u64,
}

#[derive(Default)]
struct Tally {
    accept_ns: Vec<u64>,
    refused: u64,
    last_ns: u64,
}

pub(crate) fn run(options: LoadOptions) -> anyhow::Result<()> {
    let report =
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(publish(options))?;
    serde_json::to_writer(std::io::stdout(), &report)?;
    Ok(())
}

async fn publish(options: LoadOptions) -> anyhow::Result<LoadReport> {
    let plan = Arc::new(plan(options)?);
    let mut connections = JoinSet::new();
    for _ in 0..plan.options.connections {
        connections.spawn(connection(Arc::clone(&plan)));
    }
    let mut all = Tally::default();
    while let Some(tally) = connections.join_next().await {
        let mut tally = tally??;
        all.accept_ns.append(&mut tally.accept_ns);
        all.refused += tally.refused;
        all.last_ns = all.last_ns.max(tally.last_ns);
    }
    Ok(LoadReport {
        accepted: all.accept_ns.len() as u64,
        refused: all.refused,
        first_ns: plan.start_ns,
        last_ns: all.last_ns,
        cpu_seconds: processes::own_cpu_seconds()?,
        accept: Percentiles::of(&mut all.accept_ns),
    })
}

fn plan(options: LoadOptions) -> anyhow::Result<Plan> {
    let payload = Payload::new(&options.event_type);
    let tokens = std::fs::read_to_string(&options.tokens).context("the token file")?;
    let heads = tokens.lines().map(|line| head(&options, line, payload.bytes().len())).collect::<Vec<_>>();
    anyhow::ensure!(!heads.is_empty(), "the token file is empty");
    Ok(Plan { options, heads, payload, next: AtomicU64::new(0), start: Instant::now(), start_ns: now_ns() })
}

fn head(options: &LoadOptions, authorization: &str, body_bytes: usize) -> Vec<u8> {
    let LoadOptions { address, path, .. } = options;
    format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: {authorization}\r\n\
         content-type: application/json\r\ncontent-length: {body_bytes}\r\n\r\n"
    )
    .into_bytes()
}

async fn connection(plan: Arc<Plan>) -> anyhow::Result<Tally> {
    let mut stream = TcpStream::connect(plan.options.address).await.context("the subject's port")?;
    stream.set_nodelay(true)?;
    let mut payload = plan.payload.clone();
    let mut request = Vec::new();
    let mut inbox = Inbox::new();
    let mut tally = Tally::default();
    while let Some(sequence) = plan.claim() {
        let published_ns = plan.due(sequence).await;
        payload.stamp(Stamp { sequence, published_ns });
        request.clear();
        request.extend_from_slice(plan.head(sequence));
        request.extend_from_slice(payload.bytes());
        while !exchange(&mut stream, &request, &mut inbox).await? {
            tally.refused += 1;
            tokio::time::sleep(REFUSED_PAUSE).await;
        }
        tally.last_ns = now_ns();
        tally.accept_ns.push(tally.last_ns.saturating_sub(published_ns));
    }
    Ok(tally)
}

impl Plan {
    fn claim(&self) -> Option<u64> {
        let sequence = self.next.fetch_add(1, Ordering::Relaxed);
        (sequence < self.options.events).then_some(sequence)
    }

    fn head(&self, sequence: u64) -> &[u8] {
        let turn = sequence % self.heads.len() as u64;
        &self.heads[usize::try_from(turn).expect("a remainder of a length")]
    }

    /// Waits until the event is due; returns the publish time that it carries, in Unix nanoseconds.
    async fn due(&self, sequence: u64) -> u64 {
        let Some(rate) = self.options.rate else { return now_ns() };
        let after = Duration::from_secs_f64(sequence as f64 / rate);
        let due = self.start + after;
        if due > Instant::now() {
            tokio::time::sleep_until(due).await;
            return now_ns();
        }
        self.start_ns + u64::try_from(after.as_nanos()).expect("a run is shorter than centuries")
    }
}

/// One request and its answer; `false` when the subject refused for now.
async fn exchange(stream: &mut TcpStream, request: &[u8], inbox: &mut Inbox) -> anyhow::Result<bool> {
    stream.write_all(request).await?;
    loop {
        let count = stream.read(inbox.free()).await?;
        anyhow::ensure!(count > 0, "the subject closed a connection instead of answering");
        inbox.fill(count);
        let answer = inbox.take(|head, body| match framing::status(head) {
            Some(200..=299) => Ok(true),
            Some(429 | 503) => Ok(false),
            _ => Err(format!("{}{}", String::from_utf8_lossy(head), String::from_utf8_lossy(body))),
        })?;
        match answer {
            None => {}
            Some(Ok(accepted)) => return Ok(accepted),
            Some(Err(text)) => bail!("the subject answered {text}"),
        }
    }
}
