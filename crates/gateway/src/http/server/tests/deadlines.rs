//! Slow clients (reliability S9).

use super::*;

fn hasty() -> ServerOptions {
    ServerOptions { head_deadline: SHORT, idle_max: PATIENCE, ..ServerOptions::default() }
}

fn hasty_bodies(whole: Duration, interval_bytes_min: u64) -> ServerOptions {
    let body = BodyDeadlines { whole, grace: SHORT, interval: SHORT, interval_bytes_min };
    ServerOptions { body, ..ServerOptions::default() }
}

#[tokio::test]
async fn half_a_head_and_silence_are_closed() {
    let server = TestServer::start(hasty()).await;
    for start in ["", "P", "PRI * HT", "GET / HTTP/1.1\r\nhost:", "GET / HTTP/1.1\r\nhost: x\r\nx-a: 1\r\n"] {
        let mut client = server.connect().await;
        client.send(start).await;
        assert_eq!(client.read_to_end().await, "", "{start:?}");
    }
}

#[tokio::test]
async fn a_head_that_trickles_in_is_closed() {
    let server = TestServer::start(hasty()).await;
    let (mut reading, mut writing) = TcpStream::connect(server.address).await.expect("accepted").into_split();
    let trickling = tokio::spawn(async move {
        while writing.write_all(b"x").await.is_ok() {
            tokio::time::sleep(SHORT / 10).await;
        }
    });
    let mut bytes = Vec::new();
    let _reset_or_end =
        tokio::time::timeout(PATIENCE, reading.read_to_end(&mut bytes)).await.expect("closed");
    drop(reading);
    trickling.await.expect("notices the end");
}

#[tokio::test]
async fn the_second_head_has_the_same_deadline() {
    let server = TestServer::start(hasty()).await;
    let mut client = server.connect().await;
    client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(client.answer().await.ends_with("hello"));
    // Idle for longer than a head may take: idleness has its own bound.
    tokio::time::sleep(SHORT * 3).await;
    client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(client.answer().await.ends_with("hello"));
    client.send("GET / HT").await;
    assert_eq!(client.read_to_end().await, "");
}

#[tokio::test]
async fn idle_connections_are_closed_and_busy_ones_are_not() {
    let server = TestServer::start(ServerOptions { idle_max: SHORT, ..ServerOptions::default() }).await;
    let mut client = server.connect().await;
    client.send("GET /wait HTTP/1.1\r\nhost: x\r\n\r\n").await;
    server.entered.notified().await;
    tokio::time::sleep(SHORT * 3).await;
    server.release.notify_one();
    assert!(client.answer().await.ends_with("released"));
    assert_eq!(client.read_to_end().await, "");
}

#[tokio::test]
async fn a_slow_body_is_answered_408_and_closed() {
    for options in [hasty_bodies(SHORT * 3, 0), hasty_bodies(PATIENCE, 1_000)] {
        let server = TestServer::start(options).await;
        let mut client = server.connect().await;
        client.send("POST /json HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{").await;
        let answer = client.read_to_end().await;
        assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"request_timeout\""), "{answer}");
    }
}

#[tokio::test]
async fn a_steady_body_passes() {
    let server = TestServer::start(hasty_bodies(PATIENCE, 1)).await;
    let mut client = server.connect().await;
    client
        .send(
            "POST /json HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n",
        )
        .await;
    for _ in 0..19 {
        client.send(" ").await;
        tokio::time::sleep(SHORT / 5).await;
    }
    client.send("1").await;
    assert!(client.answer().await.ends_with("\r\n\r\n1"));
}
