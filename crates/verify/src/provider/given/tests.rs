use proptest::prelude::*;

use super::{Given, decode};
use crate::provider::record::{PartsRecord, SignatureEncoding, SignatureRecord};
use crate::provider::{Refusal, Request};

fn read(record: &SignatureRecord, headers: &[(&str, &[u8])]) -> Result<Vec<String>, &'static str> {
    let url = "https://example.com/x?token=a%20b&empty=#f";
    let request = Request { method: "POST", url, headers, body: b"", certificate: None };
    let given = Given::read(record, &request).map_err(|refusal| refusal.code())?;
    Ok(given.texts.iter().map(ToString::to_string).collect())
}

fn header(prefix: &str) -> SignatureRecord {
    SignatureRecord { header: Some("X-Sig".into()), prefix: prefix.into(), ..SignatureRecord::default() }
}

fn parts() -> SignatureRecord {
    let parts = PartsRecord { separator: ",".into(), signature: "v1".into() };
    SignatureRecord { parts: Some(parts), ..header("") }
}

#[test]
fn one_value() {
    assert_eq!(read(&header(""), &[("x-sig", b"ab")]).unwrap(), ["ab"]);
    assert_eq!(read(&header("sha256="), &[("X-SIG", b"sha256=ab")]).unwrap(), ["ab"]);
    assert_eq!(read(&header("sha256="), &[("x-sig", b"sha1=ab")]), Err("malformed_header"));
    assert_eq!(read(&header(""), &[("x-sig", b"")]), Err("missing_header"));
    assert_eq!(read(&header(""), &[]), Err("missing_header"));
    assert_eq!(read(&header(""), &[("x-sig", b"ab"), ("X-Sig", b"ab")]), Err("repeated_header"));
    assert_eq!(read(&header(""), &[("x-sig", b"\xff")]), Err("malformed_header"));
}

#[test]
fn lists() {
    let of = |text: &str| read(&parts(), &[("x-sig", text.as_bytes())]);
    assert_eq!(of("t=1,v1=a, v1=b,v0=c").unwrap(), ["a", "b"]);
    assert_eq!(of("t=1,v0=c"), Err("unknown_version"));
    assert_eq!(of("abc"), Err("malformed_header"));
    assert_eq!(of(&format!("t=1{}", ",v1=a".repeat(33))), Err("too_many_signatures"));
    assert_eq!(of(&",".repeat(10_000)), Err("too_many_signatures"));
    let listed = SignatureRecord { separator: Some(" ".into()), ..header("v1,") };
    assert_eq!(read(&listed, &[("x-sig", b"v1,a v2,b v1,c")]).unwrap(), ["a", "c"]);
    assert_eq!(read(&listed, &[("x-sig", b"v2,b")]), Err("malformed_header"));
    assert_eq!(read(&listed, &[("x-sig", "v1,a ".repeat(33).as_bytes())]), Err("too_many_signatures"));
}

#[test]
fn numbered_headers_and_parameters() {
    let numbered = SignatureRecord { numbered: true, ..header("") };
    let given: [(&str, &[u8]); 3] = [("x-sig-2", b"b"), ("X-Sig-1", b"a"), ("x-sig-4", b"d")];
    assert_eq!(read(&numbered, &given).unwrap(), ["a", "b"]);
    assert_eq!(read(&numbered, &given[2..]), Err("missing_header"));
    let query = |name: &str| SignatureRecord { query: Some(name.into()), ..SignatureRecord::default() };
    assert_eq!(read(&query("token"), &[]).unwrap(), ["a b"]);
    assert_eq!(read(&query("empty"), &[]), Err("missing_parameter"));
    assert_eq!(read(&query("other"), &[]), Err("missing_parameter"));
}

#[test]
fn encodings() {
    assert_eq!(decode(SignatureEncoding::Hex, "00fFa0"), Some(vec![0, 255, 160]));
    for text in ["", "0", "0g", "+1", "é", " 00"] {
        assert_eq!(decode(SignatureEncoding::Hex, text), None, "{text:?}");
    }
    assert_eq!(decode(SignatureEncoding::Base64, "+/8="), Some(vec![251, 255]));
    assert_eq!(decode(SignatureEncoding::Base64, "+/8"), None);
    assert_eq!(decode(SignatureEncoding::Base64url, "-_8"), Some(vec![251, 255]));
    assert_eq!(decode(SignatureEncoding::Base64url, "-_8="), Some(vec![251, 255]));
    assert_eq!(decode(SignatureEncoding::Hex, &"0".repeat(2_050)), None);
}

#[test]
fn lengths_are_told() {
    let given = |text: &'static str| Given { parts: Vec::new(), texts: vec![text.into()] };
    let decoded = |text| given(text).decoded(SignatureEncoding::Hex, Some(2));
    assert_eq!(decoded("0001").unwrap(), [[0, 1]]);
    assert_eq!(decoded("00"), Err(Refusal::WrongLength { expected_bytes: 2, actual_bytes: 1 }));
    assert_eq!(decoded("xx"), Err(Refusal::WrongEncoding { expected: "hex" }));
}

proptest! {
    #[test]
    fn any_header_is_decided(value: Vec<u8>, text in "(t=|v1=|v1,|[a-f0-9=,; é]){0,40}") {
        let numbered = SignatureRecord { numbered: true, ..header("") };
        let listed = SignatureRecord { separator: Some(" ".into()), ..header("v1,") };
        for value in [&value, text.as_bytes()] {
            for record in [&parts(), &listed, &numbered, &header("sha256=")] {
                let _decided = read(record, &[("x-sig", value), ("x-sig-1", value)]);
            }
        }
        for encoding in [SignatureEncoding::Hex, SignatureEncoding::Base64, SignatureEncoding::Base64url] {
            let _decided = decode(encoding, &text);
        }
    }
}
