//! Sizes to the byte, media types, encodings.

use stentor_testkit::hostile::Hostile;

use crate::judge::{assert_healthy, assert_precise};
use crate::surface::{Call, World};
use crate::with_body;

const EVENT_BYTES_MAX: usize = 10_485_760;
const CONFIG_BYTES_MAX: usize = 262_144;

/// The largest body that the operation takes.
pub fn body_bytes_max(call: &Call) -> usize {
    match call.row.operation {
        "publishEvent" | "publishEvents" => EVENT_BYTES_MAX,
        _ => CONFIG_BYTES_MAX,
    }
}

/// A valid body of exactly that many bytes.
fn padded(world: &World, call: &Call, length: usize) -> Vec<u8> {
    let mut body = call.body(&world.own.ids).into_bytes();
    body.resize(length, b' ');
    body
}

#[tokio::test]
async fn the_largest_body_passes_and_one_byte_more_does_not() {
    let world = World::start().await;
    for (call, api) in with_body(&world) {
        let target = call.target(&world.own.ids, &world.own.ids);
        let limit = body_bytes_max(&call);
        let answer = call.send_to(&api, &target, padded(&world, &call, limit)).await;
        assert!(answer.is_success(), "{}: {} {}", call.row.operation, answer.status(), answer.text());
        for length in [limit + 1, limit + 1_000_000] {
            let answer = call.send_to(&api, &target, padded(&world, &call, length)).await;
            let problem = assert_precise(&answer, call.row.operation);
            assert_eq!(
                (answer.status(), &problem["code"]),
                (413, &"body_too_large".into()),
                "{}",
                call.row.operation
            );
        }
    }
    assert_healthy(&world).await;
}

/// Sends a head and then the pieces, as long as the other side takes them; the status that comes.
async fn raw(world: &World, head: &str, pieces: impl IntoIterator<Item = Vec<u8>>) -> Option<u16> {
    let mut client = Hostile::connect(world.gateway.address()).await;
    client.send(head).await;
    for piece in pieces {
        if !client.send(piece).await {
            break;
        }
    }
    client.status().await
}

fn head(world: &World, rest: &str) -> String {
    let token = world.own.api.token().unwrap();
    format!("POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n{rest}\r\n\r\n")
}

#[tokio::test]
async fn a_body_of_unknown_length_is_counted() {
    let world = World::start().await;
    let event = br#"{"type":"order.paid","data":1}"#;
    let chunk = |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    let spaces = |length: usize| chunk(&vec![b' '; length]);
    let chunked = head(&world, "content-type: application/json\r\ntransfer-encoding: chunked");
    for (excess, status) in [(0, 202), (1, 413), (1_000_000, 413)] {
        let pieces = [chunk(event), spaces(EVENT_BYTES_MAX - event.len() + excess), b"0\r\n\r\n".to_vec()];
        assert_eq!(raw(&world, &chunked, pieces).await, Some(status), "{excess} bytes too many");
    }
    let byte_by_byte = event.iter().map(|byte| chunk(&[*byte])).chain([b"0\r\n\r\n".to_vec()]);
    assert_eq!(raw(&world, &chunked, byte_by_byte).await, Some(202));
}

/// Nothing of a body that says itself that it is too large needs to come for the answer to leave.
#[tokio::test]
async fn an_announced_excess_is_refused_unread() {
    let world = World::start().await;
    for length in ["10485761", "99999999999", "18446744073709551613"] {
        let announced = head(&world, &format!("content-type: application/json\r\ncontent-length: {length}"));
        assert_eq!(raw(&world, &announced, []).await, Some(413), "{length}");
    }
    for length in ["18446744073709551616", "-1", "1e3", "0x10", "1, 2", "+5", ""] {
        let malformed = head(&world, &format!("content-type: application/json\r\ncontent-length: {length}"));
        assert_eq!(raw(&world, &malformed, []).await, Some(400), "{length:?}");
    }
    assert_eq!(raw(&world, &head(&world, "content-length: 0"), []).await, Some(415), "no media type");
    assert_healthy(&world).await;
}

#[tokio::test]
async fn only_uncompressed_json_is_read() {
    let world = World::start().await;
    let types = [
        "",
        "text/plain",
        "text/json",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json-patch+json",
        "application/jsonx",
        "application/json, text/plain",
        "application/json; charset=latin1",
        "application/json; charset=utf-16",
        "application/json; charset=\"utf-8\"; charset=utf-7",
        "*/*",
        "json",
        "\u{ff}",
    ];
    let encodings =
        ["gzip", "GZIP", "br", "deflate", "zstd", "compress", "x-gzip", "identity, gzip", "utf-8", ""];
    for (call, api) in with_body(&world) {
        let target = call.target(&world.own.ids, &world.own.ids);
        let refused = types.map(|value| ("content-type", value, "unsupported_media_type")).into_iter();
        let refused =
            refused.chain(encodings.map(|value| ("content-encoding", value, "unsupported_encoding")));
        for (name, value, code) in refused {
            let shown = format!("{} with {name} {value:?}", call.row.operation);
            let body = call.body(&world.own.ids);
            let answer = api.request(call.method.clone(), &target, &[(name, value)], body).await.unwrap();
            let problem = assert_precise(&answer, &shown);
            assert_eq!((answer.status(), &problem["code"]), (415, &code.into()), "{shown}: {problem}");
        }
        for (name, value) in [
            ("content-type", "application/json"),
            ("content-type", "APPLICATION/JSON;charset=UTF-8"),
            ("content-type", "application/json ; charset=\"utf-8\"; x=y"),
            ("content-encoding", "identity"),
        ] {
            let body = call.body(&world.own.ids);
            let answer = api.request(call.method.clone(), &target, &[(name, value)], body).await.unwrap();
            let shown = format!("{} with {name} {value:?}", call.row.operation);
            assert!(answer.is_success(), "{shown}: {} {}", answer.status(), answer.text());
        }
    }
}
