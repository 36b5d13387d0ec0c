//! Role `receiver`: takes deliveries at `/r/<webhook number>`, answers 200, counts.
//!
//! One thread of raw TCP. It prints `receiver <data address> <control address>` when it is ready and
//! leaves when its standard input ends.

use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::cli::ReceiverOptions;
use crate::framing::{self, Inbox};
use crate::ledger::Ledger;
use crate::{control, payload, processes};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const ENDLESS_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
const ENDLESS_CHUNK: &[u8] = b"1\r\nx\r\n";
const ENDLESS_PAUSE: Duration = Duration::from_millis(200);

#[derive(Clone, Copy)]
enum Behaviour {
    Answer,
    Hang,
    Endless,
}

/// The ledger and who waits for it, shared by data and control connections.
pub(crate) struct Counter {
    ledger: Mutex<Ledger>,
    distinct: watch::Sender<u64>,
}

impl Counter {
    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().expect("nothing panics while it holds the ledger")
    }

    pub(crate) fn reset(&self) {
        *self.ledger() = Ledger::default();
        self.distinct.send_replace(0);
    }

    /// Distinct deliveries, to wait on.
    pub(crate) fn distinct(&self) -> watch::Receiver<u64> {
        self.distinct.subscribe()
    }
}

pub(crate) fn run(options: &ReceiverOptions) -> anyhow::Result<()> {
    processes::leave_with_parent();
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve(options))
}

async fn serve(options: &ReceiverOptions) -> anyhow::Result<()> {
    let behaviour = match (options.hang, options.endless) {
        (true, _) => Behaviour::Hang,
        (false, true) => Behaviour::Endless,
        (false, false) => Behaviour::Answer,
    };
    let data = TcpListener::bind(options.listen).await.context("the data port")?;
    let control = TcpListener::bind("127.0.0.1:0").await.context("the control port")?;
    let counter = Arc::new(Counter { ledger: Mutex::default(), distinct: watch::Sender::new(0) });
    writeln!(std::io::stdout(), "receiver {} {}", data.local_addr()?, control.local_addr()?)?;
    tokio::spawn(control::serve(control, Arc::clone(&counter)));
    loop {
        let (stream, _) = data.accept().await?;
        stream.set_nodelay(true)?;
        let counter = Arc::clone(&counter);
        // A sender may drop its connection at any time; that ends this connection and nothing else.
        tokio::spawn(async move { connection(stream, &counter, behaviour).await.ok() });
    }
}

async fn connection(mut stream: TcpStream, counter: &Counter, behaviour: Behaviour) -> anyhow::Result<()> {
    let mut inbox = Inbox::new();
    loop {
        let count = stream.read(inbox.free()).await?;
        if count == 0 {
            return Ok(());
        }
        inbox.fill(count);
        while inbox.take(|head, body| record(counter, head, body))?.is_some() {
            match behaviour {
                Behaviour::Answer => stream.write_all(ANSWER).await?,
                Behaviour::Hang => {}
                Behaviour::Endless => never_end(&mut stream).await?,
            }
        }
    }
}

fn record(counter: &Counter, head: &[u8], body: &[u8]) {
    let arrived_ns = payload::now_ns();
    let webhook = framing::path(head).and_then(|path| framing::number(path.strip_prefix(b"/r/")?));
    let stamp = webhook.and_then(|_| payload::read(body));
    let webhook = webhook.and_then(|number| usize::try_from(number).ok()).unwrap_or(0);
    let distinct = counter.ledger().record(webhook, stamp, arrived_ns);
    if counter.distinct.receiver_count() > 0 {
        counter.distinct.send_replace(distinct);
    }
}

async fn never_end(stream: &mut TcpStream) -> anyhow::Result<()> {
    stream.write_all(ENDLESS_HEAD).await?;
    loop {
        stream.write_all(ENDLESS_CHUNK).await?;
        tokio::time::sleep(ENDLESS_PAUSE).await;
    }
}
