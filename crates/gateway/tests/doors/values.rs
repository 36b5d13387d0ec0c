//! What a JSON text may hold.

use crate::door::{World, assert_problem};

/// Odd values that are JSON by RFC 8259: taken everywhere, and forwarded as they came.
const TAKEN: [&str; 10] = [
    r#""\ud800""#,
    r#"{"a":"\udc00\ud800"}"#,
    "1e400",
    "[-1e400,1e-400]",
    "18446744073709551616",
    "[9007199254740993,99999999999999999999999999999999]",
    r#"{"a":1,"a":2,"a":{"a":3,"a":4}}"#,
    r#"{"\u0000":"a\u0000b"}"#,
    " null",
    "0.10",
];

/// Texts that are no JSON value, and the byte at which they stop being one.
const REFUSED: [(&[u8], usize); 12] = [
    (b"\"\xff\"", 1),
    (b"\"\xED\xA0\x80\"", 1),
    (b"\"\xC0\xAF\"", 1),
    (b"NaN", 0),
    (b"[1,Infinity]", 3),
    (b"-Infinity", 1),
    (b"\"a\nb\"", 2),
    (b"01", 1),
    (b"{'a':1}", 1),
    (b"[1,]", 3),
    (b"/* a */ 1", 0),
    (b"\"\\x41\"", 2),
];

#[tokio::test]
async fn odd_values_are_taken_and_leave_as_they_came() {
    let world = World::start().await;
    for value in TAKEN {
        for door in &world.doors {
            let answer = world.send(door, door.body(value.as_bytes())).await;
            assert_eq!(answer.status(), door.taken, "{value} at {}: {}", door.path, answer.text());
            let arrived = world.receiver.next_request().await;
            let sent = value.trim_start();
            // White space around a member's value is no part of it; a body of its own is kept whole.
            let expected = if door.offset() > 0 { sent } else { value };
            assert_eq!(arrived.body, expected.as_bytes(), "{value} at {}", door.path);
        }
    }
    world.has_events(40).await;
}

#[tokio::test]
async fn what_is_no_json_is_refused_at_the_same_byte() {
    let world = World::start().await;
    for (value, offset) in REFUSED {
        for door in &world.doors {
            let shown = format!("{} at {}", String::from_utf8_lossy(value), door.path);
            let answer = world.send(door, door.body(value)).await;
            let problem = assert_problem(&answer, 400, "invalid_json", &shown);
            assert_eq!(problem["offset"], door.offset() + offset, "{shown}: {problem}");
        }
    }
    world.has_events(0).await;
}

#[tokio::test]
async fn the_whole_is_one_value_and_nothing_else() {
    let world = World::start().await;
    for door in &world.doors {
        let one = door.body(b"{}");
        let cases = [
            ("a byte order mark", [b"\xEF\xBB\xBF", &one[..]].concat(), 0),
            ("two documents", [&one[..], &one].concat(), one.len()),
            ("two documents with space between", [&one[..], b" \n", &one].concat(), one.len() + 2),
            ("a trailing byte", [&one[..], b"\0"].concat(), one.len()),
            ("trailing text", [&one[..], b" x"].concat(), one.len() + 1),
            ("nothing", Vec::new(), 0),
            ("cut off", door.body(b"{\"a\":")[..door.offset() + 5].to_vec(), door.offset() + 5),
            ("UTF-16", vec![0xFF, 0xFE, b'{', 0, b'}', 0], 0),
        ];
        for (case, body, offset) in cases {
            let shown = format!("{case} at {}", door.path);
            let problem = assert_problem(&world.send(door, body).await, 400, "invalid_json", &shown);
            assert_eq!(problem["offset"], offset, "{shown}: {problem}");
        }
        let answer = world.send(door, [b" \r\n\t", &one[..], b"\r\n"].concat()).await;
        assert_eq!(answer.status(), door.taken, "white space around it at {}", door.path);
    }
    world.has_events(4).await;
}

#[tokio::test]
async fn nesting_has_one_bound_for_the_whole_body() {
    let world = World::start().await;
    for door in &world.doors {
        for (open, close, wide) in [("[", "]", 1), ("{\"a\":", "}", 5)] {
            let nested =
                |depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth)).into_bytes();
            let room = 128 - door.levels;
            let answer = world.send(door, door.body(&nested(room))).await;
            assert_eq!(answer.status(), door.taken, "{}: {}", door.path, answer.text());
            for depth in [room + 1, 10_000, 1_000_000] {
                let shown = format!("{depth} levels of {open} at {}", door.path);
                let answer = world.send(door, door.body(&nested(depth))).await;
                let problem = assert_problem(&answer, 400, "invalid_json", &shown);
                assert_eq!(problem["offset"], door.offset() + room * wide, "{shown}: {problem}");
            }
        }
    }
    world.has_events(8).await;
}
