use super::*;

fn read(json: &str, profile: Profile) -> Result<Signature, Vec<String>> {
    let view: SignatureView = serde_json::from_str(json).expect("the shape is right");
    let mut errors = Vec::new();
    let signature = view.signature(profile, &mut errors);
    match signature {
        Some(signature) if errors.is_empty() => Ok(signature),
        _ => Err(errors.into_iter().map(|error| error.pointer).collect()),
    }
}

#[test]
fn what_is_not_given_is_as_in_the_profile() {
    assert_eq!(read("{}", Profile::Broxi), Ok(Profile::Broxi.signature()));
    let tolerant = read(r#"{"content":"timestamp.body"}"#, Profile::Broxi).expect("fine");
    assert_eq!(tolerant.also, [SignatureScheme::Standard]);
    assert_eq!(tolerant.main.headers(), ["x-broxi-signature", "x-broxi-timestamp"]);
    let standard = read(r#"{"scheme":"standard"}"#, Profile::Broxi);
    assert_eq!(standard, Ok(Signature::only(SignatureScheme::Standard)));
    let alone = read(r#"{"also":[]}"#, Profile::Broxi).expect("fine");
    assert_eq!((alone.also.len(), alone.main), (0, Profile::Broxi.signature().main));
    assert!(read("{}", Profile::Conversation).expect("fine").optional);
}

#[test]
fn presets_bring_their_headers() {
    for (json, headers) in [
        (r#"{"scheme":"svix"}"#, &["svix-id", "svix-timestamp", "svix-signature"][..]),
        (r#"{"scheme":"convoy"}"#, &["x-convoy-signature"]),
        (r#"{"scheme":"convoy_advanced"}"#, &["x-convoy-signature"]),
        (r#"{"scheme":"outpost"}"#, &["x-outpost-signature"]),
        (r#"{"scheme":"hook0"}"#, &["x-hook0-signature"]),
        (r#"{"scheme":"hook0","header":"X-Own"}"#, &["X-Own"]),
        (r#"{"scheme":"none"}"#, &[]),
    ] {
        assert_eq!(read(json, Profile::Standard).expect(json).headers().collect::<Vec<_>>(), headers);
    }
    let outpost = read(r#"{"scheme":"outpost"}"#, Profile::Standard).expect("fine");
    let shown = serde_json::to_value(SignatureView::showing(&outpost)).expect("JSON");
    let expected = serde_json::json!({
        "scheme": "hex", "header": "x-outpost-signature", "content": "body", "prefix": "v0=",
    });
    assert_eq!(shown, expected);
}

#[test]
fn hook0_covers_headers_on_request() {
    let json = r#"{"scheme":"hook0","headers":["Content-Type","x-a"]}"#;
    let signature = read(json, Profile::Standard).expect("fine");
    let covered = vec!["content-type".into(), "x-a".into()];
    assert_eq!(signature.main, SignatureScheme::Hook0 { header: "x-hook0-signature".into(), covered });
    let shown = serde_json::to_value(SignatureView::showing(&signature)).expect("JSON");
    assert_eq!(shown["headers"], serde_json::json!(["content-type", "x-a"]));
    assert_eq!(read(&shown.to_string(), Profile::Standard), Ok(signature));
}

#[test]
fn a_legacy_signature_goes_beside_the_standard_one() {
    let json =
        r#"{"also":[{"scheme":"base64","header":"X-Old","prefix":"sha256="},{"scheme":"convoy_advanced"}]}"#;
    let signature = read(json, Profile::Standard).expect("fine");
    assert_eq!(signature.main, SignatureScheme::Standard);
    assert_eq!(signature.headers().skip(3).collect::<Vec<_>>(), ["X-Old", "x-convoy-signature"]);
    let shown = serde_json::to_string(&SignatureView::showing(&signature)).expect("JSON");
    assert_eq!(read(&shown, Profile::Standard), Ok(signature));
}

#[test]
fn every_rule_has_its_pointer() {
    for (json, pointer) in [
        (r#"{"scheme":"hex"}"#, "/signature/header"),
        (r#"{"scheme":"hex","header":"a b"}"#, "/signature/header"),
        (r#"{"scheme":"hex","header":"webhook-id"}"#, "/signature/header"),
        (r#"{"scheme":"standard","header":"x-a"}"#, "/signature/header"),
        (r#"{"content":"body"}"#, "/signature"),
        (r#"{"scheme":"hex","header":"x-a","content":"timestamp.body"}"#, "/signature/timestamp_header"),
        (r#"{"scheme":"hex","header":"x-a","prefix":"é"}"#, "/signature/prefix"),
        (r#"{"scheme":"hex","header":"x-a","timestamp_header":"X-A"}"#, "/signature"),
        (r#"{"headers":["x-a"]}"#, "/signature/headers"),
        (r#"{"scheme":"hook0","headers":["x-a","X-A"]}"#, "/signature/headers/1"),
        (r#"{"scheme":"hook0","headers":["a b"]}"#, "/signature/headers/0"),
        (r#"{"scheme":"hook0","headers":["Content-Length"]}"#, "/signature/headers/0"),
        (r#"{"scheme":"hook0","headers":["X-Hook0-Signature"]}"#, "/signature/headers/0"),
        (r#"{"also":[{"scheme":"hook0","headers":["a b"]}]}"#, "/signature/also/0/headers/0"),
        (r#"{"also":[{"scheme":"hex"}]}"#, "/signature/also/0/header"),
        (r#"{"also":[{"scheme":"standard"}]}"#, "/signature"),
        (
            r#"{"also":[{"scheme":"none"},{"scheme":"none"},{"scheme":"none"},{"scheme":"none"},{"scheme":"none"}]}"#,
            "/signature/also",
        ),
    ] {
        let errors = read(json, Profile::Standard).expect_err(json);
        assert_eq!(errors[0], pointer, "{json}");
    }
}
