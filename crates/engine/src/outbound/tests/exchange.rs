//! What polite receivers see and what comes back from them.

use super::*;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Answers every request on every connection.
async fn keeping_alive(answer: &'static str) -> Receiver {
    Receiver::start(move |mut stream, _| async move {
        while !read_request(&mut stream).await.is_empty() {
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    })
    .await
}

#[tokio::test]
async fn sends_exactly_what_readings_promise() {
    let (sender, mut requests) = tokio::sync::mpsc::unbounded_channel();
    let receiver = Receiver::start(move |mut stream, _| {
        let sender = sender.clone();
        async move {
            sender.send(read_request(&mut stream).await).unwrap();
            stream.write_all(OK.as_bytes()).await.unwrap();
        }
    })
    .await;

    let report = post(&dev_client(), &receiver.url()).await;

    assert_eq!(report.outcome, delivered(200));
    let captured = report.response.unwrap();
    assert_eq!((captured.body.as_ref(), captured.truncated), (b"ok".as_slice(), false));
    let text = requests.recv().await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<_> = head.lines().collect();
    assert_eq!(lines.remove(0), "POST /hook?key=value HTTP/1.1");
    lines.sort_unstable();
    let host = format!("host: {}", receiver.address);
    assert_eq!(
        lines,
        ["content-length: 13", "content-type: application/json", host.as_str(), "user-agent: Stentor/test"]
    );
    assert_eq!(body.as_bytes(), BODY);
}

#[tokio::test]
async fn an_empty_body_has_a_length_too() {
    let (sender, mut requests) = tokio::sync::mpsc::unbounded_channel();
    let receiver = Receiver::start(move |mut stream, _| {
        let sender = sender.clone();
        async move {
            sender.send(read_request(&mut stream).await).unwrap();
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        }
    })
    .await;

    let empty = OutboundRequest { body: Bytes::new(), ..request(&receiver.url(), PATIENT) };
    let report = dev_client().send(empty).await;

    assert_eq!((report.outcome, report.response), (delivered(204), None));
    assert!(requests.recv().await.unwrap().contains("content-length: 0\r\n"));
}

#[tokio::test]
async fn one_connection_serves_sequential_requests() {
    let receiver = keeping_alive(OK).await;
    let client = dev_client();
    for _ in 0..20 {
        assert_eq!(outcome(&client, &receiver.url()).await, delivered(200));
    }
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn a_chunked_answer_gives_its_connection_back() {
    let receiver =
        keeping_alive("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n").await;
    let client = dev_client();
    for _ in 0..5 {
        let report = post(&client, &receiver.url()).await;
        assert_eq!(
            (report.outcome, report.response.unwrap().body.as_ref()),
            (delivered(200), b"ok".as_slice())
        );
    }
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn a_connection_that_the_receiver_closed_while_idle_costs_no_attempt() {
    // Answers as if it kept the connection, then closes it.
    let closing = Receiver::answering(OK).await;
    let other = keeping_alive(OK).await;
    let client = dev_client();
    for round in 1..=10 {
        assert_eq!(outcome(&client, &closing.url()).await, delivered(200), "round {round}");
        // Traffic elsewhere makes the runtime look at its sockets, so the close has been seen.
        assert_eq!(outcome(&client, &other.url()).await, delivered(200));
        assert_eq!(outcome(&client, &other.url()).await, delivered(200));
    }
    assert_eq!((closing.connections(), other.connections()), (10, 1));
}

#[tokio::test]
async fn redirects_are_refusals_and_not_followed() {
    let target = keeping_alive(OK).await;
    for status in [301, 302, 303, 307, 308] {
        let answer =
            format!("HTTP/1.1 {status} Moved\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", target.url());
        let receiver = Receiver::answering(answer).await;
        let expected = AttemptOutcome::Refused { status, retry_after: None };
        assert_eq!(outcome(&dev_client(), &receiver.url()).await, expected);
    }
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn a_refusal_carries_retry_after() {
    let answer = "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nbusy";
    let receiver = Receiver::answering(answer).await;
    let report = post(&dev_client(), &receiver.url()).await;
    let retry_after = Some(Duration::from_secs(7));
    assert_eq!(report.outcome, AttemptOutcome::Refused { status: 503, retry_after });
    assert_eq!(report.response.unwrap().body.as_ref(), b"busy");

    let answer = "HTTP/1.1 429 Slow Down\r\nRetry-After: -7\r\nContent-Length: 0\r\n\r\n";
    let receiver = Receiver::answering(answer).await;
    let report = post(&dev_client(), &receiver.url()).await;
    assert_eq!(report.outcome, AttemptOutcome::Refused { status: 429, retry_after: None });
    assert_eq!(report.response, None);
}

#[tokio::test]
async fn informational_answers_are_passed_over() {
    let answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
    let receiver = Receiver::answering(answer).await;
    assert_eq!(outcome(&dev_client(), &receiver.url()).await, delivered(201));
}

#[tokio::test]
async fn the_end_of_the_connection_can_end_the_body() {
    let receiver = Receiver::answering("HTTP/1.0 200 OK\r\n\r\nold school").await;
    let report = post(&dev_client(), &receiver.url()).await;
    assert_eq!(report.outcome, delivered(200));
    let captured = report.response.unwrap();
    assert_eq!((captured.body.as_ref(), captured.truncated), (b"old school".as_slice(), false));
}

#[tokio::test]
async fn only_the_start_of_a_long_answer_is_kept() {
    let body = "x".repeat(20_000);
    let receiver =
        Receiver::answering(format!("HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n{body}")).await;
    let report = post(&dev_client(), &receiver.url()).await;
    let captured = report.response.unwrap();
    assert_eq!((report.outcome, captured.body.len(), captured.truncated), (delivered(200), 16 * 1024, true));
}

#[tokio::test]
async fn many_requests_at_once_share_the_pool() {
    let receiver = keeping_alive(OK).await;
    let client = dev_client();
    let url = receiver.url();
    for _ in 0..5 {
        let requests = (0..32).map(|_| outcome(&client, &url));
        for outcome in futures_util::future::join_all(requests).await {
            assert_eq!(outcome, delivered(200));
        }
    }
    assert!(receiver.connections() <= 32 + 5, "{} connections", receiver.connections());
}
