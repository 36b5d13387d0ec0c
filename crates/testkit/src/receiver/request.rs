//! Reading a request to the byte.

use std::time::{Instant, SystemTime};

use bytes::{Buf, Bytes, BytesMut};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Longer heads are no requests of ours.
const HEAD_BYTES_MAX: usize = 256 * 1024;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Received {
    /// Order of arrival over all connections, from 0.
    pub number: usize,
    /// The connection it came on, from 1.
    pub connection: usize,
    /// `POST` and so on.
    pub method: String,
    /// The request target with its query.
    pub path: String,
    /// Names as spelt and values, in the order on the wire.
    pub headers: Vec<(String, String)>,
    /// The exact body, without its transfer coding.
    pub body: Bytes,
    /// When its last byte had been read.
    pub arrived: Instant,
    /// The same moment on the wall clock.
    pub arrived_at: SystemTime,
    /// The status the script gives it, if any.
    pub answered_status: Option<u16>,
}

impl Received {
    /// The first header of that name, in any spelling.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(given, _)| given.eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| value.as_str())
    }

    /// A header that must be there.
    #[must_use]
    pub fn expect_header(&self, name: &str) -> &str {
        self.header(name).unwrap_or_else(|| panic!("no {name} among {:?}", self.headers))
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {:?}", String::from_utf8_lossy(&self.body)))
    }
}

/// The parts of a request that are on the wire.
pub(super) struct Parts {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
}

/// Reads one request; nothing when the connection ends or what comes is not a request.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin), buffer: &mut BytesMut) -> Option<Parts> {
    let head_length = loop {
        if let Some(position) = find(buffer, b"\r\n\r\n") {
            break position + 4;
        }
        if buffer.len() > HEAD_BYTES_MAX {
            return None;
        }
        more(stream, buffer).await?;
    };
    let head = buffer.split_to(head_length);
    let mut parts = parse_head(&String::from_utf8_lossy(&head))?;
    parts.body = match parts.framing()? {
        Framing::Length(length) => take(stream, buffer, length).await?,
        Framing::Chunked => read_chunks(stream, buffer).await?,
    };
    Some(parts)
}

enum Framing {
    Length(usize),
    Chunked,
}

impl Parts {
    fn framing(&self) -> Option<Framing> {
        let named = |name: &str| {
            self.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, v)| v)
        };
        match (named("content-length"), named("transfer-encoding")) {
            (Some(length), None) => length.parse().ok().map(Framing::Length),
            (None, Some(coding)) if coding.eq_ignore_ascii_case("chunked") => Some(Framing::Chunked),
            (None, None) => Some(Framing::Length(0)),
            _ => None,
        }
    }
}

fn parse_head(head: &str) -> Option<Parts> {
    let mut lines = head.trim_end_matches("\r\n").split("\r\n");
    let mut request_line = lines.next()?.split(' ');
    let (method, path) = (request_line.next()?.to_owned(), request_line.next()?.to_owned());
    let headers = lines.map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()))
    });
    Some(Parts { method, path, headers: headers.collect::<Option<_>>()?, body: Bytes::new() })
}

async fn read_chunks(stream: &mut (impl AsyncRead + Unpin), buffer: &mut BytesMut) -> Option<Bytes> {
    let mut body = BytesMut::new();
    loop {
        let line = read_line(stream, buffer).await?;
        let size = line.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            while !read_line(stream, buffer).await?.is_empty() {}
            return Some(body.freeze());
        }
        body.extend_from_slice(&take(stream, buffer, size).await?);
        read_line(stream, buffer).await.filter(String::is_empty)?;
    }
}

async fn read_line(stream: &mut (impl AsyncRead + Unpin), buffer: &mut BytesMut) -> Option<String> {
    loop {
        if let Some(position) = find(buffer, b"\r\n") {
            let line = buffer.split_to(position);
            buffer.advance(2);
            return String::from_utf8(line.to_vec()).ok();
        }
        more(stream, buffer).await?;
    }
}

async fn take(stream: &mut (impl AsyncRead + Unpin), buffer: &mut BytesMut, length: usize) -> Option<Bytes> {
    while buffer.len() < length {
        more(stream, buffer).await?;
    }
    Some(buffer.split_to(length).freeze())
}

async fn more(stream: &mut (impl AsyncRead + Unpin), buffer: &mut BytesMut) -> Option<()> {
    (stream.read_buf(buffer).await.ok()? > 0).then_some(())
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes.windows(pattern.len()).position(|window| window == pattern)
}
