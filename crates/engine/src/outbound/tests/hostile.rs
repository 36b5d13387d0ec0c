//! Receivers that break the protocol or never finish (reliability S28, F11): each ends with its own reason.

use std::sync::atomic::AtomicU64;

use super::*;

const HEAD: &str = "HTTP/1.1 200 OK\r\n";

/// After a request, writes `start` once and `rest` for ever, counting bytes until the client goes away.
async fn endless(start: &'static str, rest: &'static [u8]) -> (Receiver, Arc<AtomicU64>) {
    let written = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&written);
    let receiver = Receiver::start(move |mut stream, _| {
        let count = Arc::clone(&count);
        async move {
            read_request(&mut stream).await;
            stream.write_all(start.as_bytes()).await.unwrap();
            while let Ok(bytes) = stream.write(rest).await {
                count.fetch_add(bytes as u64, Ordering::SeqCst);
            }
        }
    })
    .await;
    (receiver, written)
}

/// After a request, writes `start` and then nothing, keeping the connection open.
async fn stalling(start: &'static str) -> Receiver {
    Receiver::start(move |mut stream, _| async move {
        read_request(&mut stream).await;
        stream.write_all(start.as_bytes()).await.unwrap();
        drain(&mut stream).await;
    })
    .await
}

#[tokio::test]
async fn a_receiver_that_never_reads_or_answers_times_out() {
    let receiver = Receiver::start(|stream, _| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let large = OutboundRequest { body: vec![b'x'; 10_485_760].into(), ..request(&receiver.url(), SHORT) };
    assert_eq!(dev_client().send(large).await.outcome, timeout(Phase::Response));
    assert_eq!(impatient(&dev_client(), &receiver.url()).await.outcome, timeout(Phase::Response));
}

#[tokio::test]
async fn a_half_written_head_times_out_while_waiting_for_the_response() {
    let receiver = stalling("HTTP/1.1 200 OK\r\nContent-Le").await;
    assert_eq!(impatient(&dev_client(), &receiver.url()).await.outcome, timeout(Phase::Response));
}

#[tokio::test]
async fn a_half_written_body_times_out_and_keeps_what_came() {
    let receiver = stalling("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npartial").await;
    let report = impatient(&dev_client(), &receiver.url()).await;
    assert_eq!(report.outcome, timeout(Phase::Body));
    let captured = report.response.unwrap();
    assert_eq!((captured.body.as_ref(), captured.truncated), (b"partial".as_slice(), true));
}

#[tokio::test]
async fn one_byte_at_a_time_is_bounded_by_the_deadline_of_the_whole() {
    let receiver = Receiver::start(|mut stream, _| async move {
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n").await.unwrap();
        let mut pace = tokio::time::interval(Duration::from_millis(20));
        while stream.write_all(b"x").await.is_ok() {
            pace.tick().await;
        }
    })
    .await;
    assert_eq!(impatient(&dev_client(), &receiver.url()).await.outcome, timeout(Phase::Body));
}

#[tokio::test]
async fn closing_at_any_point_before_the_end_is_closed() {
    let breaks = [
        "",
        "HTTP/1.",
        "HTTP/1.1 200 O",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n",
    ];
    let client = dev_client();
    for start in breaks {
        let receiver = Receiver::answering(start).await;
        assert_eq!(outcome(&client, &receiver.url()).await, network(NetworkError::Closed), "{start:?}");
        assert_eq!(receiver.connections(), 1, "sent again after {start:?}");
    }
}

#[tokio::test]
async fn resets_are_closed() {
    let client = dev_client();
    for start in ["", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nearly"] {
        let receiver = Receiver::start(move |mut stream, _| async move {
            read_request(&mut stream).await;
            stream.write_all(start.as_bytes()).await.unwrap();
            stream.set_zero_linger().unwrap();
        })
        .await;
        assert_eq!(outcome(&client, &receiver.url()).await, network(NetworkError::Closed), "{start:?}");
    }
    let at_once = Receiver::start(|stream, _| async move { stream.set_zero_linger().unwrap() }).await;
    assert_eq!(outcome(&client, &at_once.url()).await, network(NetworkError::Closed));
    assert_eq!(at_once.connections(), 1);
}

#[tokio::test]
async fn a_port_without_a_listener_is_refused() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert_eq!(outcome(&dev_client(), &format!("http://{address}/")).await, network(NetworkError::Refused));
}

#[tokio::test]
async fn what_is_not_http_is_named_so() {
    let answers: [&[u8]; 9] = [
        b"this is not http at all\r\n\r\n",
        b"<html>HTTP/0.9 had no head</html>\r\n",
        b"\x16\x03\x01\x00\x02\x02\x28",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 99999 Huge\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nBad Header: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot-hex\r\n",
    ];
    let client = dev_client();
    for answer in answers {
        let receiver = Receiver::answering(answer).await;
        let text = String::from_utf8_lossy(answer);
        assert_eq!(outcome(&client, &receiver.url()).await, network(NetworkError::NotHttp), "{text:?}");
    }
}

#[tokio::test]
async fn too_many_headers_are_not_http() {
    let headers: String = (0..101).map(|number| format!("X-{number}: x\r\n")).collect();
    let receiver = Receiver::answering(format!("{HEAD}{headers}Content-Length: 0\r\n\r\n")).await;
    assert_eq!(outcome(&dev_client(), &receiver.url()).await, network(NetworkError::NotHttp));
}

#[tokio::test]
async fn an_endless_header_ends_at_its_limit() {
    let (receiver, written) = endless("HTTP/1.1 200 OK\r\nX: ", &[b'x'; 8192]).await;
    assert_eq!(outcome(&dev_client(), &receiver.url()).await, network(NetworkError::NotHttp));
    assert!(written.load(Ordering::SeqCst) < 16 << 20, "bounded by socket buffers");
}

#[tokio::test]
async fn an_endless_row_of_headers_ends_at_its_limit() {
    let (receiver, _) = endless(HEAD, b"X-Header: value\r\n").await;
    assert_eq!(outcome(&dev_client(), &receiver.url()).await, network(NetworkError::NotHttp));
}

#[tokio::test]
async fn a_flood_of_informational_answers_ends_by_the_deadline() {
    let (receiver, _) = endless("", b"HTTP/1.1 102 Processing\r\n\r\n").await;
    assert_eq!(impatient(&dev_client(), &receiver.url()).await.outcome, timeout(Phase::Response));
}

#[tokio::test]
async fn a_flood_of_chunk_extensions_is_not_http() {
    let (receiver, _) =
        endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;", b"extension").await;
    assert_eq!(outcome(&dev_client(), &receiver.url()).await, network(NetworkError::NotHttp));
}

#[tokio::test]
async fn an_answer_of_300_megabytes_is_read_to_the_limit_and_dropped() {
    let (receiver, written) =
        endless("HTTP/1.1 200 OK\r\nContent-Length: 300000000\r\n\r\n", &[b'x'; 64 * 1024]).await;
    let client = dev_client();
    let report = post(&client, &receiver.url()).await;
    assert_eq!(report.outcome, delivered(200));
    let captured = report.response.unwrap();
    assert_eq!((captured.body.len(), captured.truncated), (16 * 1024, true));
    assert!(written.load(Ordering::SeqCst) < 32 << 20, "bounded by socket buffers");
    assert_eq!(outcome(&client, &receiver.url()).await, delivered(200));
    assert_eq!(receiver.connections(), 2, "the connection is not used again");
}

#[tokio::test]
async fn endless_chunks_are_read_to_the_limit_and_dropped() {
    let (receiver, _) =
        endless("HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n").await;
    let report = post(&dev_client(), &receiver.url()).await;
    assert_eq!(report.outcome, AttemptOutcome::Refused { status: 500, retry_after: None });
    assert!(report.response.unwrap().truncated);
}

#[tokio::test]
async fn an_answer_before_the_request_is_not_an_answer_to_it() {
    let receiver = Receiver::start(|mut stream, _| async move {
        stream.write_all(b"220 mail.example.com ESMTP\r\n").await.unwrap();
        drain(&mut stream).await;
    })
    .await;
    assert_eq!(outcome(&dev_client(), &receiver.url()).await, network(NetworkError::NotHttp));
}

#[tokio::test]
async fn switching_protocols_is_a_refusal() {
    let receiver = Receiver::answering(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    )
    .await;
    let outcome = outcome(&dev_client(), &receiver.url()).await;
    assert_eq!(outcome, AttemptOutcome::Refused { status: 101, retry_after: None });
}
