//! Whatever is sent, the answer is precise: a 4xx problem with a code of docs/errors.md, never a 5xx, never a hang
//! (reliability S10, S12).
#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[path = "../surface/mod.rs"]
#[expect(dead_code, unused_imports, reason = "shared with the tests of isolation")]
mod surface;

mod fuzz;
mod judge;
mod routing;
mod shape;
mod sizes;
mod values;

use std::collections::BTreeSet;

use stentor_testkit::api::Api;

use crate::judge::assert_precise;
use crate::surface::{Call, OPERATOR, World};

/// The operations that take a body, each with a client that may call it.
fn with_body(world: &World) -> Vec<(Call, Api)> {
    let calls = world.surface.secured().into_iter().filter(|call| call.schema.is_some());
    let api = |call: &Call| match call.scope.as_deref() {
        Some(OPERATOR) => world.gateway.api(),
        _ => world.own.api.clone(),
    };
    let calls: Vec<_> = calls.map(|call| (api(&call), call)).map(|(api, call)| (call, api)).collect();
    assert!(calls.len() >= 11, "{}", calls.len());
    calls
}

fn nested(open: &str, close: &str, depth: usize) -> Vec<u8> {
    format!("{}1{}", open.repeat(depth), close.repeat(depth)).into_bytes()
}

/// Bytes that are not one JSON value, and where they go wrong.
fn not_json() -> Vec<(Vec<u8>, usize)> {
    let rows: [(&[u8], usize); 34] = [
        (b" \r\n\t", 4),
        (b"{", 1),
        (b"[1,", 3),
        (b"{\"a\":", 5),
        (b"\"abc", 4),
        (b"tru", 3),
        (b"nul!", 3),
        (b"True", 0),
        (b"undefined", 0),
        (b"NaN", 0),
        (b"{\"a\":-Infinity}", 6),
        (b"{'a':1}", 1),
        (b"{a:1}", 1),
        (b"{\"a\":1,}", 7),
        (b"[1,]", 3),
        (b"{\"a\" 1}", 5),
        (b"{\"a\":01}", 6),
        (b"{\"a\":+1}", 5),
        (b"{\"a\":0x1}", 6),
        (b"{\"a\":.5}", 5),
        (b"// comment\n{}", 0),
        (b"{/**/}", 1),
        (b"{} {}", 3),
        (b"{}{}", 2),
        (b"{}\0", 2),
        (b"{} x", 3),
        (b"\xEF\xBB\xBF{}", 0),
        (b"\xFF\xFE{\0}\0", 0),
        (b"{\"a\":\"\xC3\x28\"}", 6),
        (b"{\"a\":\"\xED\xA0\x80\"}", 6),
        (b"{\"a\":\"\xC0\x80\"}", 6),
        (b"{\"a\":\"\xF5\x80\x80\x80\"}", 6),
        (b"{\"a\":\"line\nbreak\"}", 10),
        (b"a=1&b=2", 0),
    ];
    let mut all: Vec<_> = rows.map(|(bytes, offset)| (bytes.to_vec(), offset)).into();
    all.push((nested("[", "]", 129), 128));
    all.push((nested("{\"a\":", "}", 129), 128 * 5));
    all.push((nested("[", "", 50_000), 128));
    all
}

#[tokio::test]
async fn what_is_not_json_is_refused_with_the_byte() {
    let world = World::start().await;
    for (call, api) in with_body(&world) {
        let target = call.target(&world.own.ids, &world.own.ids);
        let mut cases = not_json();
        if !call.body_optional {
            cases.push((Vec::new(), 0));
        }
        for (body, offset) in cases {
            let shown = format!("{} with {}", call.row.operation, judge::shortened(&body));
            let answer = call.send_to(&api, &target, body).await;
            let problem = assert_precise(&answer, &shown);
            assert_eq!(
                (answer.status(), &problem["code"]),
                (400, &"invalid_json".into()),
                "{shown}: {problem}"
            );
            assert_eq!(problem["offset"], offset, "{shown}: {problem}");
        }
    }
}

#[tokio::test]
async fn a_million_brackets_are_refused_and_forgotten() {
    let world = World::start().await;
    for (call, api) in with_body(&world) {
        let target = call.target(&world.own.ids, &world.own.ids);
        for body in
            [nested("[", "]", 1_000_000), nested("{\"a\":", "}", 1_000_000), nested("[", "", 1_000_000)]
        {
            let answer = call.send_to(&api, &target, body).await;
            let problem = assert_precise(&answer, call.row.operation);
            let expected =
                if sizes::body_bytes_max(&call) > 7_000_000 { "invalid_json" } else { "body_too_large" };
            assert_eq!(problem["code"], expected, "{}", call.row.operation);
        }
    }
    judge::assert_healthy(&world).await;
}

/// Every code of the page is unique, and the page is not empty: the judge has something to judge by.
#[test]
fn the_page_of_codes_is_read() {
    let codes = judge::documented_codes();
    assert!(codes.len() > 20, "{codes:?}");
    let distinct: BTreeSet<_> = codes.iter().map(|(code, _)| code).collect();
    assert_eq!(distinct.len(), codes.len());
}
