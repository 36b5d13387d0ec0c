//! The connection's bytes: what has come of a head is kept until its request is handed on, and nothing may be waited for
//! without end.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::unreadable;

/// Most bytes of a head that are kept for checking; hyper refuses a longer one itself.
pub(super) const HEAD_BYTES_MAX: usize = 64 * 1024;
/// How long the peer may take none of the bytes that we have for it.
const WRITE_STALL_MAX: Duration = Duration::from_secs(60);

/// What the connection is doing, shared between its bytes and its requests.
#[derive(Debug, Default)]
struct Phase {
    /// HTTP/1: bytes read since the previous request was complete; they start with the next head.
    head: Vec<u8>,
    /// Requests begun so far.
    begun: u64,
    /// Bodies still to come and answers still to be written.
    busy: usize,
    /// HTTP/2 frames its requests itself.
    http2: bool,
}

/// The shared handle of a connection's [`Phase`].
#[derive(Debug, Clone, Default)]
pub(super) struct Progress(Arc<Mutex<Phase>>);

/// Something of a request is still to come or to be written; dropping it says that it is done.
#[derive(Debug)]
pub(super) struct Busy(Progress);

impl Progress {
    /// A request begins: hands over the raw bytes that start with its head, empty when they are not known.
    pub(super) fn begin(&self, http2: bool) -> (Busy, Vec<u8>) {
        let mut phase = self.lock();
        phase.begun += 1;
        phase.busy += 1;
        phase.http2 = http2;
        (Busy(self.clone()), std::mem::take(&mut phase.head))
    }

    /// One more part of the request that has begun.
    pub(super) fn busy(&self) -> Busy {
        self.lock().busy += 1;
        Busy(self.clone())
    }

    /// Gives the buffer back for the next head.
    pub(super) fn recycle(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut phase = self.lock();
        if phase.head.capacity() == 0 && !phase.http2 {
            phase.head = buffer;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Phase> {
        self.0.lock().expect("no panic while holding the lock")
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if let Ok(mut phase) = self.0.0.lock() {
            phase.busy -= 1;
        }
    }
}

/// What the next byte is waited for; the number is that of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaited {
    /// The rest of a head, or the first byte of the connection.
    Head(u64),
    /// The next request, whenever it comes.
    Idle(u64),
}

impl Phase {
    fn keep(&mut self, bytes: &[u8]) {
        if self.busy == 0 && !self.http2 {
            let room = HEAD_BYTES_MAX - self.head.len();
            self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    /// None while a request is worked on: its body has deadlines of its own, and so has the writing of its answer.
    fn awaited(&self) -> Option<Awaited> {
        match self {
            Self { busy: 1.., .. } => None,
            Self { begun, head, .. } if *begun > 0 && head.is_empty() => Some(Awaited::Idle(*begun)),
            Self { begun, .. } => Some(Awaited::Head(*begun)),
        }
    }
}

/// A stream with deadlines for reading a head, lying idle, and taking our answers.
pub(super) struct GuardedIo<S> {
    stream: S,
    progress: Progress,
    head_deadline: Duration,
    idle_max: Duration,
    awaited: Option<Awaited>,
    reading: Wait,
    writing: Wait,
    /// What is left of our own answer to a head that cannot be read.
    instead: Option<Vec<u8>>,
}

impl<S> GuardedIo<S> {
    pub(super) fn new(stream: S, progress: Progress, head_deadline: Duration, idle_max: Duration) -> Self {
        let (reading, writing) = (Wait::default(), Wait::default());
        Self { stream, progress, head_deadline, idle_max, awaited: None, reading, writing, instead: None }
    }

    /// Starts the wait for what is awaited now; a head that trickles in keeps the deadline that its first byte set.
    fn await_next(&mut self, awaited: Option<Awaited>) {
        if self.awaited == awaited {
            return;
        }
        self.awaited = awaited;
        match awaited {
            None => self.reading.stop(),
            Some(Awaited::Head(_)) => self.reading.start(self.head_deadline),
            Some(Awaited::Idle(_)) => self.reading.start(self.idle_max),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for GuardedIo<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let filled = buf.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(cx, buf);
        let awaited = {
            let mut phase = this.progress.lock();
            phase.keep(&buf.filled()[filled..]);
            phase.awaited()
        };
        this.await_next(awaited);
        if polled.is_ready() { polled } else { this.reading.poll(cx) }
    }
}

impl<S: AsyncWrite + Unpin> GuardedIo<S> {
    /// Writes our own answer in place of the bare one that hyper gives to a head that it cannot read, if we know better what is
    /// wrong. None when hyper's bytes are to be written. Only before the first request: later bytes may belong to earlier answers.
    fn poll_instead(
        &mut self,
        cx: &mut Context<'_>,
        start: &[u8],
        bytes: usize,
    ) -> Option<Poll<io::Result<usize>>> {
        if self.instead.is_none() {
            let phase = self.progress.lock();
            if phase.begun > 0 || phase.http2 || !start.starts_with(b"HTTP/1.1 400 ") {
                return None;
            }
            self.instead = Some(unreadable::answer_to(&phase.head)?);
        }
        let rest = self.instead.as_mut()?;
        while !rest.is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, rest) {
                Poll::Ready(Ok(0)) => return Some(Poll::Ready(Err(ErrorKind::WriteZero.into()))),
                Poll::Ready(Ok(written)) => *rest = rest.split_off(written),
                Poll::Ready(Err(error)) => return Some(Poll::Ready(Err(error))),
                Poll::Pending => return Some(self.written(cx, Poll::Pending)),
            }
        }
        Some(Poll::Ready(Ok(bytes)))
    }

    fn written<T>(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.writing.stop();
            return polled;
        }
        if !self.writing.is_running() {
            self.writing.start(WRITE_STALL_MAX);
        }
        self.writing.poll(cx)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for GuardedIo<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let Some(polled) = this.poll_instead(cx, buf, buf.len()) {
            return polled;
        }
        let polled = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.written(cx, polled)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let Some(polled) = bufs.first().and_then(|first| {
            let bytes = bufs.iter().map(|buf| buf.len()).sum();
            this.poll_instead(cx, first, bytes)
        }) {
            return polled;
        }
        let polled = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.written(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_flush(cx);
        // Having written an answer, hyper does not ask for the next head before bytes come: the wait starts here.
        let awaited = this.progress.lock().awaited();
        this.await_next(awaited);
        match this.reading.poll(cx) {
            Poll::Ready(Err(late)) => Poll::Ready(Err(late)),
            Poll::Ready(Ok(())) | Poll::Pending => polled,
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

/// A wait with an end, or none. The timer is asked again when it fires, not reset with every request.
#[derive(Default)]
struct Wait {
    until: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Wait {
    fn start(&mut self, patience: Duration) {
        self.until = Some(Instant::now() + patience);
    }

    fn stop(&mut self) {
        self.until = None;
    }

    fn is_running(&self) -> bool {
        self.until.is_some()
    }

    fn poll<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        let Some(until) = self.until else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        // A timer armed for earlier fires in vain once; one armed for later would miss the deadline.
        if timer.deadline() > until {
            timer.as_mut().reset(until);
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            if timer.deadline() >= until {
                return Poll::Ready(Err(ErrorKind::TimedOut.into()));
            }
            timer.as_mut().reset(until);
        }
    }
}
