use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::hostile::{End, Hostile};

async fn exchange(receiver: &Receiver, request: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(receiver.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    // A reset ends the answer too.
    stream.read_to_end(&mut answer).await.ok();
    answer
}

async fn status(receiver: &Receiver, path: &str) -> String {
    let request = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}");
    let answer = String::from_utf8(exchange(receiver, &request).await).unwrap();
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn remembers_requests_to_the_byte() {
    let receiver = Receiver::start().await;
    let request = "POST /a?b=1 HTTP/1.1\r\nHost: x\r\nZ-Last: 1\r\na-First:  two words \r\nContent-Length: 7\r\n\r\n{\"a\":1}\
                   PUT /chunks HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nt: 1\r\n\r\n";
    exchange(&receiver, request).await;
    let requests = receiver.wait_for(2).await;
    assert_eq!((requests[0].method.as_str(), requests[0].path.as_str()), ("POST", "/a?b=1"));
    let names: Vec<&str> = requests[0].headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["Host", "Z-Last", "a-First", "Content-Length"]);
    assert_eq!(requests[0].header("A-FIRST"), Some("two words"));
    assert_eq!(requests[0].json()["a"], 1);
    assert_eq!((requests[1].method.as_str(), &requests[1].body[..]), ("PUT", &b"abcde"[..]));
    assert_eq!((requests[1].number, requests[1].connection, receiver.connections()), (1, 1, 1));
    assert!(requests[0].arrived <= requests[1].arrived);
}

#[tokio::test]
async fn follows_the_script() {
    let receiver = Receiver::start().await;
    receiver.default_reply(Reply::status(204));
    receiver.always("/bad", Reply::retry_after(503, 3));
    receiver.script("/a", [Reply::status(500), Reply::status(429)]);
    receiver.script_all([Reply::status(418)]);
    let mut seen = Vec::new();
    for path in ["/a", "/b", "/a", "/a", "/bad"] {
        seen.push(status(&receiver, path).await);
    }
    assert_eq!(seen, ["500", "418", "429", "204", "503"]);
    let statuses: Vec<_> = receiver.requests().iter().map(|request| request.answered_status).collect();
    assert_eq!(statuses, [Some(500), Some(418), Some(429), Some(204), Some(503)]);
}

#[tokio::test]
async fn requests_are_handed_out_once_each() {
    let receiver = Receiver::start().await;
    for path in ["/1", "/2"] {
        status(&receiver, path).await;
    }
    assert_eq!(receiver.next_request().await.path, "/1");
    assert_eq!(receiver.next_request().await.path, "/2");
    assert_eq!((receiver.requests_to("/2").len(), receiver.count()), (1, 2));
}

#[tokio::test]
async fn misbehaves_as_told() {
    let receiver = Receiver::start().await;
    receiver.always("/garbage", Reply::garbage());
    receiver.always("/close", Action::Close.into());
    receiver.always("/reset", Action::Reset.into());
    receiver.always("/big", Reply::big_body(100_000));
    receiver.always("/slow", Action::Trickle { body_bytes: 3, pause: Duration::from_millis(1) }.into());
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(exchange(&receiver, &get("/garbage")).await.starts_with(b"\x16\x03\x01"));
    assert!(exchange(&receiver, &get("/close")).await.is_empty());
    assert!(exchange(&receiver, &get("/big")).await.len() > 100_000);
    assert!(exchange(&receiver, &get("/slow")).await.ends_with(b"\r\n\r\nxxx"));
    let mut client = Hostile::connect(receiver.address()).await;
    client.send(get("/reset")).await;
    assert_eq!(client.end().await.1, End::Reset);
}

#[tokio::test]
async fn endless_replies_end_with_the_client() {
    let receiver = Receiver::start().await;
    for (path, action) in [("/body", Action::EndlessBody), ("/head", Action::EndlessHead)] {
        receiver.always(path, action.into());
        let mut stream = TcpStream::connect(receiver.address()).await.unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes()).await.unwrap();
        let mut much = vec![0; 200_000];
        stream.read_exact(&mut much).await.unwrap();
        drop(stream);
        wait::until("the reply ends", || async { (receiver.in_flight() == 0).then_some(()) }).await;
    }
}

#[tokio::test]
async fn held_replies_wait_and_are_counted() {
    let receiver = Arc::new(Receiver::start().await);
    receiver.default_reply(Reply::status(200).held());
    let clients: Vec<_> = (0..3)
        .map(|_| {
            let receiver = Arc::clone(&receiver);
            tokio::spawn(async move { status(&receiver, "/").await })
        })
        .collect();
    receiver.wait_for(3).await;
    assert_eq!((receiver.in_flight(), receiver.in_flight_max()), (3, 3));
    receiver.release(3);
    for client in clients {
        assert_eq!(client.await.unwrap(), "200");
    }
    wait::until("all are answered", || async { (receiver.in_flight() == 0).then_some(()) }).await;
    assert_eq!(receiver.in_flight_max(), 3);
}

#[tokio::test]
async fn a_hanging_reply_lasts_until_the_client_goes() {
    let receiver = Receiver::start().await;
    receiver.default_reply(Reply::hang());
    let mut client = Hostile::connect(receiver.address()).await;
    client.send("GET / HTTP/1.1\r\n\r\n").await;
    receiver.wait_for(1).await;
    assert_eq!(receiver.in_flight(), 1);
    assert_eq!(client.end_within(Duration::from_millis(20)).await.1, End::StillOpen);
    drop(client);
    wait::until("the hanging reply ends", || async { (receiver.in_flight() == 0).then_some(()) }).await;
}
