//! Stopping in order.

use super::*;

#[tokio::test]
async fn a_request_in_flight_ends_and_idle_connections_are_closed() {
    let server = TestServer::start(ServerOptions::default()).await;
    let mut idle = server.connect().await;
    idle.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(idle.answer().await.ends_with("hello"));
    let mut busy = server.connect().await;
    busy.send("GET /wait HTTP/1.1\r\nhost: x\r\n\r\n").await;
    server.entered.notified().await;
    server.shutdown.cancel();
    assert_eq!(idle.read_to_end().await, "");
    assert!(!server.serving.is_finished());
    server.release.notify_one();
    assert!(busy.read_to_end().await.ends_with("released"));
    tokio::time::timeout(PATIENCE, server.serving).await.expect("in time").expect("ends in order");
    assert!(TcpStream::connect(server.address).await.is_err(), "still accepting");
}

#[tokio::test]
async fn what_does_not_end_is_dropped_at_the_deadline() {
    let server = TestServer::start(ServerOptions { drain: SHORT, ..ServerOptions::default() }).await;
    let mut busy = server.connect().await;
    busy.send("GET /wait HTTP/1.1\r\nhost: x\r\n\r\n").await;
    server.entered.notified().await;
    server.shutdown.cancel();
    assert_eq!(busy.read_to_end().await, "");
    tokio::time::timeout(PATIENCE, server.serving).await.expect("in time").expect("ends in order");
}
