//! Reading server-sent events of a gateway, coming back when the connection breaks.

use std::time::Duration;

use anyhow::{Context, anyhow};
use bytes::{Buf as _, Bytes, BytesMut};
use http::header::ACCEPT;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::{Connection, refusal, tls};
use crate::cli::CliError;

/// Silence after which the connection counts as broken: the gateway gives a sign of life each 15 seconds.
const SILENCE_MAX: Duration = Duration::from_secs(50);
/// First and longest wait before coming back.
const WAIT_FIRST: Duration = Duration::from_secs(1);
const WAIT_LONGEST: Duration = Duration::from_secs(30);
/// Largest frame, in bytes: a request with its body fits several times.
const FRAME_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Largest refusal, in bytes.
const REFUSAL_BYTES_MAX: usize = 1024 * 1024;
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// One server-sent event.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::cli) struct Sent {
    /// Its kind.
    pub(in crate::cli) kind: String,
    /// Its data, as it came.
    pub(in crate::cli) data: String,
}

impl Sent {
    /// The data read as JSON.
    pub(in crate::cli) fn value(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_default()
    }
}

/// What is to be told of the connection itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Link {
    /// The stream is open.
    Open,
    /// It broke; it is tried again after this wait.
    Broken(Duration),
}

impl Connection {
    /// Follows a stream for ever. Comes back after what it had last, when the connection breaks.
    ///
    /// # Errors
    /// When the gateway refuses the stream for a reason that waiting does not cure, or `show` fails.
    pub(in crate::cli) async fn follow(
        &self,
        path: &str,
        mut show: impl FnMut(&Sent) -> Result<(), CliError>,
        mut link: impl FnMut(Link) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        let mut last = None;
        let mut wait = WAIT_FIRST;
        let mut was_open = false;
        loop {
            match self.open(path, last.as_deref()).await {
                Ok(Opened::Stream(mut body)) => {
                    (wait, was_open) = (WAIT_FIRST, true);
                    link(Link::Open)?;
                    let mut frames = Frames::default();
                    while let Some(bytes) = next_bytes(&mut body).await {
                        frames.put(&bytes)?;
                        while let Some((id, sent)) = frames.take() {
                            last = id.or(last);
                            if let Some(sent) = sent {
                                show(&sent)?;
                            }
                        }
                    }
                }
                Ok(Opened::Refused(status, body)) => {
                    let passes = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
                    if !(passes && was_open) {
                        return Err(refusal(status, &body));
                    }
                }
                // Whoever cannot be reached at all is told at once.
                Err(error) if !was_open => return Err(error),
                Err(_) => {}
            }
            link(Link::Broken(wait))?;
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(WAIT_LONGEST);
        }
    }

    async fn open(&self, path: &str, last: Option<&str>) -> Result<Opened, CliError> {
        let url = self.base()?;
        let mut request = self.request(&url, Method::GET, path, None)?;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        if let Some(last) = last.and_then(|last| HeaderValue::from_str(last).ok()) {
            headers.insert(LAST_EVENT_ID, last);
        }
        let host = url.host_str().context("the URL has no host")?;
        let port = url.port_or_known_default().context("the URL has no port")?;
        let told = || format!("cannot reach the gateway at {host}:{port}");
        let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await.with_context(told)?;
        match url.scheme() {
            "https" => head(tls::connect(host, stream).await.with_context(told)?, request).await,
            _ => head(stream, request).await,
        }
    }
}

/// What came of asking for a stream.
enum Opened {
    Stream(Incoming),
    Refused(StatusCode, Bytes),
}

async fn head<S>(stream: S, request: http::Request<http_body_util::Full<Bytes>>) -> Result<Opened, CliError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let exchange = async {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Ends with the body; its error is also the body's.
        tokio::spawn(connection);
        sender.send_request(request).await
    };
    let answered = tokio::time::timeout(SILENCE_MAX, exchange).await;
    let (parts, body) = answered
        .map_err(|_| anyhow!("the gateway did not answer in time"))?
        .context("the exchange broke off")?
        .into_parts();
    if parts.status.is_success() {
        return Ok(Opened::Stream(body));
    }
    let body = Limited::new(body, REFUSAL_BYTES_MAX).collect().await;
    let body = body.map_err(|error| anyhow!("the answer could not be read: {error}"))?;
    Ok(Opened::Refused(parts.status, body.to_bytes()))
}

/// The next bytes; none when the connection broke, ended, or is silent for too long.
async fn next_bytes(body: &mut Incoming) -> Option<Bytes> {
    loop {
        let frame = tokio::time::timeout(SILENCE_MAX, body.frame()).await.ok()??.ok()?;
        if let Ok(data) = frame.into_data() {
            return Some(data);
        }
    }
}

/// Cuts bytes into events (WHATWG HTML, section 9.2.6; the gateway ends lines with line feeds only).
#[derive(Debug, Default)]
struct Frames(BytesMut);

impl Frames {
    fn put(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        if self.0.len() + bytes.len() > FRAME_BYTES_MAX {
            return Err(anyhow!("the gateway sent an item that is too large").into());
        }
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    /// The next block: its id, and its event unless it is a comment.
    fn take(&mut self) -> Option<(Option<String>, Option<Sent>)> {
        let end = self.0.windows(2).position(|pair| pair == b"\n\n")?;
        let block = self.0.split_to(end);
        self.0.advance(2);
        let (mut id, mut kind, mut data) = (None, None, None);
        for line in String::from_utf8_lossy(&block).lines() {
            match line.split_once(": ") {
                Some(("id", text)) => id = Some(text.to_owned()),
                Some(("event", text)) => kind = Some(text.to_owned()),
                Some(("data", text)) => data = Some(text.to_owned()),
                _ => {}
            }
        }
        Some((id, kind.zip(data).map(|(kind, data)| Sent { kind, data })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_cut_wherever_the_bytes_are() {
        let text = "retry: 1000\n\nid: a\nevent: gap\ndata: {\"missed\":2}\n\n:\n\nid: b\nevent: x\ndata: \"ü: 1\"\n\n";
        for step in 1..20 {
            let (mut frames, mut found) = (Frames::default(), Vec::new());
            for piece in text.as_bytes().chunks(step) {
                frames.put(piece).expect("small");
                while let Some(block) = frames.take() {
                    found.push(block);
                }
            }
            let sent = |kind: &str, data: &str| Some(Sent { kind: kind.into(), data: data.into() });
            let expected = [
                (None, None),
                (Some("a".into()), sent("gap", "{\"missed\":2}")),
                (None, None),
                (Some("b".into()), sent("x", "\"ü: 1\"")),
            ];
            assert_eq!(found, expected, "{step}");
        }
    }

    #[test]
    fn an_endless_item_is_not_waited_for() {
        let mut frames = Frames::default();
        frames.put(&vec![b'x'; FRAME_BYTES_MAX]).expect("fits");
        assert!(frames.put(b"x").is_err());
    }
}
