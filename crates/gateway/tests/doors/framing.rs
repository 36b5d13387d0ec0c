//! How a body comes.

use std::process::{Command, Stdio};
use std::time::Duration;

use stentor_testkit::hostile::{End, Hostile};

use crate::door::{Door, World, read};

const BYTES_MAX: usize = 10_485_760;
/// Of 100 MB of nothing.
const BOMB: &str = "head -c 100000000 /dev/zero | gzip -9";

/// The answer that comes before the connection is closed in order.
async fn answered(mut client: Hostile, shown: &str) -> (u16, Option<String>) {
    let (wire, end) = client.end().await;
    assert_eq!(end, End::Closed, "{shown}: {}", String::from_utf8_lossy(&wire));
    read(&wire)
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// A valid body of exactly that many bytes.
fn padded(door: &Door, length: usize) -> Vec<u8> {
    let mut body = door.body(b"{}");
    body.resize(length, b' ');
    body
}

#[tokio::test]
async fn chunks_are_a_body_like_any_other() {
    let world = World::start().await;
    for door in &world.doors {
        let mut client = world.open(door, "transfer-encoding: chunked").await;
        for byte in door.body(br#"{"a":"b"}"#) {
            assert!(client.send(chunk(&[byte])).await);
        }
        client.send("0\r\n\r\n").await;
        assert_eq!(answered(client, &door.path).await, (door.taken, None), "{}", door.path);
    }
    world.has_events(4).await;
}

/// The largest body passes however it comes; one byte more is refused before the rest has come.
#[tokio::test]
async fn one_byte_too_many_is_refused_without_the_rest() {
    let world = World::start().await;
    for door in &world.doors {
        let mut client = world.open(door, "transfer-encoding: chunked").await;
        for piece in padded(door, BYTES_MAX).chunks(1 << 20) {
            assert!(client.send(chunk(piece)).await);
        }
        client.send("0\r\n\r\n").await;
        assert_eq!(answered(client, &door.path).await, (door.taken, None), "{}", door.path);
        // No end of the body is ever sent: the answer cannot have waited for it.
        let mut client = world.open(door, "transfer-encoding: chunked").await;
        for piece in padded(door, BYTES_MAX + 1).chunks(1 << 20) {
            assert!(client.send(chunk(piece)).await);
        }
        assert_eq!(client.status().await, Some(413), "{}", door.path);
        // Not a byte of the body is sent.
        let mut client = world.open(door, &format!("content-length: {}", BYTES_MAX + 1)).await;
        assert_eq!(client.status().await, Some(413), "{}", door.path);
    }
    world.has_events(4).await;
}

#[tokio::test]
async fn a_bomb_is_not_unpacked() {
    let world = World::start().await;
    let packed = Command::new("sh").args(["-c", BOMB]).stderr(Stdio::null()).output().unwrap().stdout;
    assert!((50_000..1_000_000).contains(&packed.len()), "{}", packed.len());
    let resident = world.gateway.rss_kb();
    for door in &world.doors {
        for (line, code) in [("content-encoding: gzip", "unsupported_encoding"), ("x-a: b", "invalid_json")] {
            let lines = format!("content-length: {}\r\n{line}", packed.len());
            let mut client = world.open(door, &lines).await;
            client.send(&packed).await;
            let status = if code == "invalid_json" { 400 } else { 415 };
            let seen = answered(client, &door.path).await;
            assert_eq!(seen, (status, Some(code.to_owned())), "{line} at {}", door.path);
        }
    }
    assert!(
        world.gateway.rss_kb() < resident + 50_000,
        "{resident} kB before, {} after",
        world.gateway.rss_kb()
    );
    world.has_events(0).await;
}

#[tokio::test]
async fn lengths_that_can_be_read_in_two_ways_are_refused() {
    let world = World::start().await;
    for door in &world.doors {
        let body = door.body(b"{}");
        let length = body.len();
        let rows = [
            (format!("content-length: {length}\r\ncontent-length: {}", length + 1), false),
            (format!("content-length: {length}, {}", length + 1), false),
            (format!("content-length: {length}\r\ntransfer-encoding: chunked"), true),
            (format!("transfer-encoding: chunked\r\ncontent-length: {length}"), true),
            ("transfer-encoding: gzip, identity".to_owned(), false),
            (format!("content-length: +{length}"), false),
        ];
        for (lines, is_ours) in rows {
            let shown = format!("{lines:?} at {}", door.path);
            let mut client = world.open(door, &lines).await;
            client.send(&body).await;
            // What hyper refuses itself has no body.
            let code = is_ours.then(|| "invalid_request".to_owned());
            assert_eq!(answered(client, &shown).await, (400, code), "{shown}");
        }
    }
    world.has_events(0).await;
}

/// A body that comes byte by byte is given up after the grace (ten seconds) and the interval (five); the sender hears why.
#[tokio::test]
async fn a_slow_body_is_given_up_and_told() {
    let world = World::start().await;
    let slow = world.doors.iter().map(|door| {
        let world = &world;
        async move {
            let mut client = world.open(door, "content-length: 1000").await;
            // It answers before all of these are sent.
            client.send_slowly(" ".repeat(60), Duration::from_millis(500)).await;
            assert_eq!(
                answered(client, &door.path).await,
                (408, Some("request_timeout".into())),
                "{}",
                door.path
            );
        }
    });
    futures_util::future::join_all(slow).await;
    world.has_events(0).await;
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_stored() {
    let world = World::start().await;
    for door in &world.doors {
        let body = door.body(b"{}");
        let mut client = world.open(door, &format!("content-length: {}", body.len() + 1)).await;
        client.send(&body).await;
        client.half_close().await;
        let (wire, _) = client.end().await;
        assert!(wire.is_empty() || read(&wire).0 == 400, "{}", String::from_utf8_lossy(&wire));
    }
    world.has_events(0).await;
}
