//! Valid bodies, queries and paths, damaged at random from a fixed seed.

use fastrand::Rng;
use futures_util::stream::{self, StreamExt};

use crate::judge::{assert_healthy, assert_precise, shortened};
use crate::surface::World;
use crate::{values, with_body};

const SEED: u64 = 0x5354_454e_544f_5201;
const BODIES: usize = 2_000;
const TARGETS: usize = 600;
const IN_FLIGHT: usize = 16;

/// Pieces that parsers trip over.
const PIECES: [&[u8]; 24] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b",",
    b":",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"\0",
    b"\xff",
    b"\xEF\xBB\xBF",
    b"null",
    b"true",
    b"-",
    b"1e400",
    b"99999999999999999999",
    b"//",
    b"/*",
    b"\r\n",
    b"\xF0\x9F\x98\x80",
    b"\xE2\x80\xAE",
    b"[[[[[[[[",
];

fn damage(rng: &mut Rng, bytes: &mut Vec<u8>, others: &[Vec<u8>]) {
    let start = rng.usize(..=bytes.len());
    let end = (start + rng.usize(..12)).min(bytes.len());
    match rng.u8(..8) {
        0 if start < bytes.len() => bytes[start] ^= 1 << rng.u8(..8),
        1 if start < bytes.len() => bytes[start] = rng.u8(..),
        2 => drop(bytes.drain(start..end)),
        3 => {
            let copy = bytes[start..end].repeat(rng.usize(1..40));
            bytes.splice(start..start, copy);
        }
        4 => bytes.truncate(start),
        5 => {
            let other = &others[rng.usize(..others.len())];
            let from = rng.usize(..other.len());
            bytes.splice(start..end, other[from..].iter().copied());
        }
        6 => {
            let values = values::all();
            let value = &values[rng.usize(..values.len())].text;
            bytes.splice(start..end, value.bytes().take(2_000));
        }
        _ => drop(bytes.splice(start..end, PIECES[rng.usize(..PIECES.len())].iter().copied())),
    }
}

#[tokio::test]
async fn damaged_bodies_are_refused_precisely_or_accepted() {
    let world = World::start().await;
    let calls = with_body(&world);
    let bodies: Vec<Vec<u8>> = calls.iter().map(|(call, _)| call.body(&world.own.ids).into_bytes()).collect();
    let mut rng = Rng::with_seed(SEED);
    let damaged: Vec<(usize, Vec<u8>)> = (0..BODIES)
        .map(|_| {
            let index = rng.usize(..calls.len());
            let mut body = bodies[index].clone();
            for _ in 0..rng.usize(1..=4) {
                damage(&mut rng, &mut body, &bodies);
            }
            (index, body)
        })
        .collect();
    let answers = stream::iter(damaged).map(async |(index, body)| {
        let (call, api) = &calls[index];
        let target = call.target(&world.own.ids, &world.own.ids);
        let answer = call.send_to(api, &target, body.clone()).await;
        if answer.is_success() {
            return true;
        }
        assert_precise(&answer, &format!("{} with {}", call.row.operation, shortened(&body)));
        false
    });
    let accepted =
        answers.buffer_unordered(IN_FLIGHT).filter(|accepted| std::future::ready(*accepted)).count().await;
    assert!(accepted > 20 && accepted < BODIES / 2, "{accepted} of {BODIES} were accepted");
    assert_healthy(&world).await;
}

#[tokio::test]
async fn damaged_paths_and_queries_are_refused_precisely_or_answered() {
    let world = World::start().await;
    let reads: Vec<_> =
        world.surface.secured().into_iter().filter(|call| call.method == http::Method::GET).collect();
    let targets: Vec<Vec<u8>> = reads
        .iter()
        .map(|call| call.target(&world.own.ids, &world.own.ids))
        .map(|target| {
            if target.contains('?') {
                target
            } else {
                target + "?limit=5&status=dead&since=2026-01-01T00:00:00Z"
            }
        })
        .map(String::into_bytes)
        .collect();
    let mut rng = Rng::with_seed(SEED);
    for _ in 0..TARGETS {
        let mut target = targets[rng.usize(..targets.len())].clone();
        for _ in 0..rng.usize(1..=3) {
            damage(&mut rng, &mut target, &targets);
        }
        let target = legal(&target);
        let shown = format!("GET {target}");
        let answer = world.own.api.get(&target).await.unwrap();
        if !answer.is_success() {
            assert_precise(&answer, &shown);
        }
    }
    assert_healthy(&world).await;
}

/// What the client could not put into a request line is percent-encoded.
fn legal(target: &[u8]) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/?&=-_.~*,:%[]+".contains(&byte);
    let mut text = String::from("/");
    for &byte in target.iter().take(6_000).skip_while(|byte| **byte == b'/') {
        if plain(byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02x}"));
        }
    }
    text
}
