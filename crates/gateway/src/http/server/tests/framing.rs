//! Ambiguous framing (reliability S8) and bodies that are too large (S10).

use super::*;

#[tokio::test]
async fn both_lengths_are_refused_also_on_a_used_connection() {
    let server = TestServer::start(ServerOptions::default()).await;
    let ambiguous = "POST /json HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    for lengths in [
        "content-length: 3\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 3\r\n",
    ] {
        let mut client = server.connect().await;
        for _ in 0..2 {
            client.send("POST /json HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1\r\n\r\n").await;
            client.send("1").await;
            assert!(client.answer().await.starts_with("HTTP/1.1 200 "));
        }
        client.send(format!("{ambiguous}{lengths}\r\n1\r\n1\r\n0\r\n\r\n")).await;
        let answer = client.read_to_end().await;
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("\"invalid_request\""), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
    }
}

#[tokio::test]
async fn bare_line_feeds_are_refused() {
    let server = TestServer::start(ServerOptions::default()).await;
    for head in ["GET / HTTP/1.1\nhost: x\n\n", "GET / HTTP/1.1\r\nhost: x\nx-a: 1\r\n\r\n"] {
        let mut client = server.connect().await;
        client.send(head).await;
        let answer = client.read_to_end().await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{head:?}: {answer}");
    }
}

#[tokio::test]
async fn what_hyper_refuses_is_refused() {
    let server = TestServer::start(ServerOptions::default()).await;
    let many: String = (0..101).map(|n| format!("x-{n}: 1\r\n")).collect();
    for fields in [
        "content-length: 1\r\ncontent-length: 2\r\n",
        "content-length : 1\r\n",
        "transfer-encoding: gzip\r\n",
        &many,
    ] {
        let mut client = server.connect().await;
        client.send(format!("POST /json HTTP/1.1\r\nhost: x\r\n{fields}\r\n1")).await;
        let answer = client.read_to_end().await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{fields:?}: {answer}");
    }
}

#[tokio::test]
async fn chunked_bodies_pass_whatever_they_say() {
    let server = TestServer::start(ServerOptions::default()).await;
    let mut client = server.connect().await;
    for _ in 0..2 {
        let head = "POST /json HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
        let body = "\"\\ncontent-length: 5\\n\"";
        client.send(format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len())).await;
        let answer = client.answer().await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(body), "{answer}");
    }
}

#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_not_waited_for() {
    let server = TestServer::start(ServerOptions::default()).await;
    let mut client = server.connect().await;
    client.send("POST /json HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1001\r\n\r\n").await;
    assert!(client.answer().await.starts_with("HTTP/1.1 413 "));
}

#[tokio::test]
async fn a_client_that_sends_everything_first_sees_the_answer() {
    let server = TestServer::start(ServerOptions::default()).await;
    let mut client = server.connect().await;
    let size = 8 * 1024 * 1024;
    let head = format!(
        "POST /json HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {size}\r\n\r\n"
    );
    client.send(head).await;
    client.send(vec![b'1'; size]).await;
    assert!(client.answer().await.starts_with("HTTP/1.1 413 "));
    // The rest was thrown away, so the connection goes on.
    client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(client.answer().await.ends_with("hello"));
}
