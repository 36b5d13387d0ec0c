//! A client that breaks HTTP on purpose: half-open, slow and malformed requests.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::wait;

/// A raw TCP connection.
pub struct Hostile {
    stream: TcpStream,
}

/// How the other side left the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It closed in order.
    Closed,
    /// It reset.
    Reset,
    /// It had not closed when the wait was over.
    StillOpen,
}

impl Hostile {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("somebody listens");
        stream.set_nodelay(true).expect("an open socket takes the option");
        Self { stream }
    }

    /// Sends bytes; false when the other side has gone.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Sends the bytes one at a time with a pause before each; how many went out before the other side had gone.
    pub async fn send_slowly(&mut self, bytes: impl AsRef<[u8]>, pause: Duration) -> usize {
        for (sent, byte) in bytes.as_ref().iter().enumerate() {
            tokio::time::sleep(pause).await;
            if !self.send([*byte]).await {
                return sent;
            }
        }
        bytes.as_ref().len()
    }

    /// Ends the sending side; the other stays open.
    pub async fn half_close(&mut self) {
        // It fails only when the other side has gone, which the next read tells.
        self.stream.shutdown().await.ok();
    }

    /// Resets the connection.
    pub fn reset(self) {
        // Closing with a zero linger time sends RST instead of FIN.
        self.stream.set_zero_linger().expect("an open socket takes the option");
    }

    /// The status of the next answer: its first line is read and no more is consumed than came with it. Nothing when
    /// the connection ends first.
    pub async fn status(&mut self) -> Option<u16> {
        let mut head = Vec::new();
        let read = async {
            while !head.contains(&b'\n') {
                if self.stream.read_buf(&mut head).await.ok()? == 0 {
                    return None;
                }
            }
            let line = String::from_utf8_lossy(&head).into_owned();
            line.split(' ').nth(1)?.parse().ok()
        };
        let answer = tokio::time::timeout(wait::DEADLINE, read).await;
        answer.unwrap_or_else(|_| panic!("no answer within {:?}", wait::DEADLINE))
    }

    /// Reads until the other side ends the connection: what came, and how it ended.
    pub async fn end(&mut self) -> (Vec<u8>, End) {
        self.end_within(wait::DEADLINE).await
    }

    /// [`end`](Self::end), for at most this long.
    pub async fn end_within(&mut self, patience: Duration) -> (Vec<u8>, End) {
        let mut bytes = Vec::new();
        let read = async {
            loop {
                match self.stream.read_buf(&mut bytes).await {
                    Ok(0) => return End::Closed,
                    Ok(_) => {}
                    Err(_) => return End::Reset,
                }
            }
        };
        let end = tokio::time::timeout(patience, read).await.unwrap_or(End::StillOpen);
        (bytes, end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receiver::{Receiver, Reply};

    const REQUEST: &str = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";

    #[tokio::test]
    async fn a_slow_request_is_a_request() {
        let receiver = Receiver::start().await;
        let mut client = Hostile::connect(receiver.address()).await;
        assert_eq!(client.send_slowly(REQUEST, Duration::from_micros(10)).await, REQUEST.len());
        assert_eq!(client.status().await, Some(200));
    }

    #[tokio::test]
    async fn a_half_closed_client_still_hears() {
        let receiver = Receiver::start().await;
        receiver.default_reply(Reply::status(202).close());
        let mut client = Hostile::connect(receiver.address()).await;
        client.send(REQUEST).await;
        client.half_close().await;
        let (answer, end) = client.end().await;
        assert!(answer.starts_with(b"HTTP/1.1 202"));
        assert_eq!(end, End::Closed);
    }

    #[tokio::test]
    async fn a_reset_is_seen_as_one() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = Hostile::connect(listener.local_addr().unwrap()).await;
        let (mut accepted, _) = listener.accept().await.unwrap();
        client.reset();
        assert!(
            accepted.read_u8().await.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset)
        );
    }
}
