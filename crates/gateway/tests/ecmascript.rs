//! Bodies for seed 003's Express receiver are what `JSON.stringify(JSON.parse(…))` yields, judged by Node itself.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Stdio;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fastrand::Rng;
use stentor_core::ecmascript::stringify;
use stentor_testkit::program;

const CASES: usize = 6_000;
const SEED: u64 = 2_026;

/// A JSON text of every shape that the gate lets in.
fn document(rng: &mut Rng, depth: u32, out: &mut String) {
    space(rng, out);
    match rng.u8(..if depth == 0 { 6 } else { 10 }) {
        0 => out.push_str(["true", "false", "null"][rng.usize(..3)]),
        1..=3 => number(rng, out),
        4 | 5 => string(rng, out),
        6 | 7 => sequence(rng, ('[', ']'), out, |rng, out| document(rng, depth - 1, out)),
        _ => sequence(rng, ('{', '}'), out, |rng, out| {
            space(rng, out);
            key(rng, out);
            space(rng, out);
            out.push(':');
            document(rng, depth - 1, out);
        }),
    }
    space(rng, out);
}

fn sequence(
    rng: &mut Rng,
    (open, close): (char, char),
    out: &mut String,
    item: impl Fn(&mut Rng, &mut String),
) {
    out.push(open);
    space(rng, out);
    let items = if rng.u8(..12) == 0 { rng.usize(9..24) } else { rng.usize(..6) };
    for n in 0..items {
        if n > 0 {
            out.push(',');
        }
        item(rng, out);
    }
    out.push(close);
}

fn space(rng: &mut Rng, out: &mut String) {
    if rng.u8(..4) == 0 {
        out.push([' ', '\n', '\t', '\r'][rng.usize(..4)]);
    }
}

fn digits(rng: &mut Rng, most: usize, out: &mut String) {
    for _ in 0..rng.usize(1..=most) {
        out.push(char::from(b'0' + rng.u8(..10)));
    }
}

fn number(rng: &mut Rng, out: &mut String) {
    if rng.bool() {
        out.push('-');
    }
    match rng.u8(..7) {
        0 => write!(out, "{}", rng.u32(..)).unwrap(),
        1 => write!(out, "{}", rng.u64(..)).unwrap(),
        // A double in the shortest decimal or in scientific notation.
        2 | 3 => {
            let value = f64::from_bits(rng.u64(..)).abs();
            let value = if value.is_finite() { value } else { 0.1 };
            if rng.bool() { write!(out, "{value:e}").unwrap() } else { write!(out, "{value}").unwrap() }
        }
        // Around the limits of exact integers and of the notations.
        4 => {
            let limits = [
                9_007_199_254_740_991_u64,
                9_007_199_254_740_993,
                1_000_000_000_000_000,
                999_999_999_999_999_999,
            ];
            write!(out, "{}", limits[rng.usize(..4)].wrapping_add(rng.u64(..3))).unwrap();
        }
        5 => {
            let mantissas = ["1", "1.0", "9.999999999999999", "5", "0", "0.0", "4.9", "1.7976931348623157"];
            let exponents = ["21", "20", "-6", "-7", "308", "309", "-323", "-324", "-400", "0", "+00"];
            let (mantissa, exponent) = (mantissas[rng.usize(..8)], exponents[rng.usize(..11)]);
            write!(out, "{mantissa}{}{exponent}", if rng.bool() { 'e' } else { 'E' }).unwrap();
        }
        _ => {
            write!(out, "{}", rng.u8(..10)).unwrap();
            out.push('.');
            digits(rng, 25, out);
            if rng.bool() {
                write!(out, "e{}", rng.i32(-30..30)).unwrap();
            }
        }
    }
}

fn string(rng: &mut Rng, out: &mut String) {
    out.push('"');
    for _ in 0..rng.usize(..8) {
        match rng.u8(..8) {
            0 => out.push_str(["\\\"", "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t"][rng.usize(..8)]),
            // Any code unit, so surrogates alone and in pairs.
            1 => write!(out, "\\u{:04x}", rng.u16(..)).unwrap(),
            2 => write!(out, "\\uD8{:02X}\\udc{:02x}", rng.u8(..), rng.u8(..)).unwrap(),
            3 => write!(out, "\\u{:04X}", rng.u16(0xD800..0xE000)).unwrap(),
            4 => write!(out, "\\u00{:02x}", rng.u8(..0x80)).unwrap(),
            5 => out.push(
                ['é', '世', '🎺', '\u{2028}', '\u{2029}', '\u{7f}', '\u{feff}', '\u{ffff}'][rng.usize(..8)],
            ),
            _ => out.push(char::from(rng.u8(b'a'..=b'z'))),
        }
    }
    out.push('"');
}

fn key(rng: &mut Rng, out: &mut String) {
    match rng.u8(..6) {
        0 | 1 => write!(out, "\"{}\"", rng.u32(..20)).unwrap(),
        2 => {
            let odd = [
                "4294967294",
                "4294967295",
                "4294967296",
                "01",
                "-1",
                "1.0",
                "1e1",
                "",
                "__proto__",
                "\\u0031",
            ];
            write!(out, "\"{}\"", odd[rng.usize(..10)]).unwrap();
        }
        3 => string(rng, out),
        _ => write!(out, "\"{}\"", char::from(rng.u8(b'a'..=b'f'))).unwrap(),
    }
}

/// What Node makes of the texts.
fn node_writes(texts: &[String]) -> Vec<Vec<u8>> {
    let mut node = program::node("tests/node/stringify.js")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = node.stdin.take().unwrap();
    let lines: String = texts.iter().map(|text| STANDARD.encode(text) + "\n").collect();
    let writing = std::thread::spawn(move || input.write_all(lines.as_bytes()).unwrap());
    let output = node.wait_with_output().unwrap();
    writing.join().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| STANDARD.decode(line).unwrap()).collect()
}

#[test]
fn node_agrees_about_every_document() {
    let mut rng = Rng::with_seed(SEED);
    let texts: Vec<String> = (0..CASES)
        .map(|_| {
            let mut text = String::new();
            document(&mut rng, 4, &mut text);
            text
        })
        .collect();
    let written = node_writes(&texts);
    assert_eq!(written.len(), texts.len());
    let (mut same, mut kept_some) = (0, 0);
    for (text, by_node) in texts.iter().zip(written) {
        let mut own = Vec::new();
        let kept = stringify(text.as_bytes(), &mut own).unwrap();
        let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if kept.is_empty() {
            assert_eq!(shown(&own), shown(&by_node), "of {text}");
            same += 1;
        } else {
            assert_ne!(own, by_node, "{} numbers of {text} are said to be kept", kept.len());
            kept_some += 1;
        }
    }
    assert!(same > CASES / 4 && kept_some > CASES / 10, "{same} without and {kept_some} with kept numbers");
}

#[test]
fn the_numbers_of_the_issue_are_as_node_writes_them() {
    let texts = ["[2.0,1e21,0.0045,0.10,1E2,-2.50]".to_owned()];
    let mut own = Vec::new();
    assert_eq!(stringify(texts[0].as_bytes(), &mut own).unwrap().len(), 0);
    assert_eq!(node_writes(&texts)[0], own);
    assert_eq!(own, b"[2,1e+21,0.0045,0.1,100,-2.5]");
}
