//! The receiver's control connection: a line asks, a line answers.
//!
//! `reset` → `ok`; `wait <deliveries> <timeout_ms>` and `stats` → [`Receipts`] as JSON.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::ledger::Receipts;
use crate::receiver::Counter;

/// Serves control connections for as long as the receiver lives.
pub(crate) async fn serve(listener: TcpListener, counter: Arc<Counter>) {
    while let Ok((stream, _)) = listener.accept().await {
        let counter = Arc::clone(&counter);
        tokio::spawn(async move { converse(stream, &counter).await.ok() });
    }
}

async fn converse(stream: tokio::net::TcpStream, counter: &Counter) -> anyhow::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = tokio::io::BufReader::new(read).lines();
    while let Some(line) = lines.next_line().await? {
        let words: Vec<&str> = line.split(' ').collect();
        let answer = match words.as_slice() {
            ["reset"] => {
                counter.reset();
                "ok".to_owned()
            }
            ["stats"] => serde_json::to_string(&counter.ledger().receipts())?,
            ["wait", deliveries, timeout_ms] => {
                let timeout = Duration::from_millis(timeout_ms.parse()?);
                wait(counter, deliveries.parse()?, timeout).await;
                serde_json::to_string(&counter.ledger().receipts())?
            }
            _ => bail!("unknown control line {line:?}"),
        };
        write.write_all(format!("{answer}\n").as_bytes()).await?;
    }
    Ok(())
}

async fn wait(counter: &Counter, deliveries: u64, timeout: Duration) {
    let mut distinct = counter.distinct();
    // The counter publishes only while somebody waits, so look once at what came before.
    if counter.ledger().distinct() < deliveries {
        // Neither a timeout nor a closed channel is an error: the receipts tell how many came.
        tokio::time::timeout(timeout, distinct.wait_for(|count| *count >= deliveries)).await.ok();
    }
}

/// The asking side, blocking.
pub(crate) struct Control {
    stream: BufReader<TcpStream>,
}

impl Control {
    pub(crate) fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).context("the receiver's control port")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Forgets all arrivals.
    pub(crate) fn reset(&mut self) -> anyhow::Result<()> {
        let answer = self.ask("reset")?;
        anyhow::ensure!(answer == "ok", "the receiver answered {answer:?} to reset");
        Ok(())
    }

    /// Waits for that many distinct deliveries or the timeout, whichever comes first.
    pub(crate) fn wait(&mut self, deliveries: u64, timeout: Duration) -> anyhow::Result<Receipts> {
        let line = self.ask(&format!("wait {deliveries} {}", timeout.as_millis()))?;
        serde_json::from_str(&line).context("the receiver's receipts")
    }

    /// What has arrived so far.
    pub(crate) fn stats(&mut self) -> anyhow::Result<Receipts> {
        serde_json::from_str(&self.ask("stats")?).context("the receiver's receipts")
    }

    fn ask(&mut self, line: &str) -> anyhow::Result<String> {
        self.stream.get_mut().write_all(format!("{line}\n").as_bytes())?;
        let mut answer = String::new();
        self.stream.read_line(&mut answer)?;
        Ok(answer.trim_end().to_owned())
    }
}
