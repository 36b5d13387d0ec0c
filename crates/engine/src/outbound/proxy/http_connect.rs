//! HTTP `CONNECT` (RFC 9110 section 9.3.6) over HTTP/1.1.

use std::fmt::Write as _;
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use stentor_core::attempt::NetworkError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use zeroize::Zeroizing;

use super::{ProxyCredentials, broken};

/// Largest head of the proxy's answer, in bytes.
const HEAD_BYTES_MAX: usize = 8 * 1024;
const HEAD_END: &[u8] = b"\r\n\r\n";

/// Has the proxy connect to `receiver`. Exactly the head of its answer is read; what follows is the receiver's.
pub(super) async fn tunnel(
    stream: &mut TcpStream,
    receiver: SocketAddr,
    credentials: Option<&ProxyCredentials>,
) -> Result<(), NetworkError> {
    stream.write_all(request(receiver, credentials).as_bytes()).await.map_err(broken)?;
    let head = read_head(stream).await?;
    match status(&head) {
        Some(200..=299) => Ok(()),
        // What gateways say when the other side does not answer.
        Some(502..=504) => Err(NetworkError::Unreachable),
        _ => Err(NetworkError::Proxy),
    }
}

fn request(receiver: SocketAddr, credentials: Option<&ProxyCredentials>) -> Zeroizing<String> {
    let mut request = Zeroizing::new(format!("CONNECT {receiver} HTTP/1.1\r\nHost: {receiver}\r\n"));
    if let Some(ProxyCredentials { user, password }) = credentials {
        let pair = Zeroizing::new(format!("{user}:{}", password.reveal()));
        let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
        write!(request, "Proxy-Authorization: Basic {}\r\n", *encoded).expect("writing to a String");
    }
    request.push_str("\r\n");
    request
}

/// Looks before it takes, so that nothing after the head is taken.
async fn read_head(stream: &mut TcpStream) -> Result<Vec<u8>, NetworkError> {
    let mut head = Vec::new();
    let mut seen = [0; 1024];
    while head.len() < HEAD_BYTES_MAX {
        let length = stream.peek(&mut seen).await.map_err(broken)?;
        if length == 0 {
            return Err(NetworkError::Proxy);
        }
        let known = head.len();
        head.extend_from_slice(&seen[..length]);
        let from = known.saturating_sub(HEAD_END.len() - 1);
        let end = head[from..].windows(HEAD_END.len()).position(|window| window == HEAD_END);
        if let Some(position) = end {
            head.truncate(from + position + HEAD_END.len());
        }
        let taken = head.len() - known;
        stream.read_exact(&mut seen[..taken]).await.map_err(broken)?;
        if end.is_some() {
            return Ok(head);
        }
    }
    Err(NetworkError::Proxy)
}

/// The status of `HTTP/1.x NNN …`.
fn status(head: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(head.split(|&byte| byte == b'\r').next()?).ok()?;
    let (version, rest) = line.split_once(' ')?;
    let code = rest.split(' ').next()?;
    (matches!(version, "HTTP/1.0" | "HTTP/1.1") && code.len() == 3).then(|| code.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_status_line_has_a_status() {
        assert_eq!(status(b"HTTP/1.1 200 Connection established\r\n\r\n"), Some(200));
        assert_eq!(status(b"HTTP/1.0 407\r\n\r\n"), Some(407));
        for line in
            [&b"HTTP/2 200\r\n"[..], b"SSH-2.0 200\r\n", b"", b"HTTP/1.1 2000\r\n", b"HTTP/1.1  200\r\n"]
        {
            assert_eq!(status(line), None, "{line:?}");
        }
    }
}
