//! The header as senders build it, right and wrong.

use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;

fn read(value: &str) -> Result<(String, String), BasicRefusal> {
    let pair = BasicPair::read([value.as_bytes()])?;
    assert_eq!(pair.pair(), format!("{}:{}", pair.username(), pair.password()));
    Ok((pair.username().to_owned(), pair.password().to_owned()))
}

fn basic(text: impl AsRef<[u8]>) -> String {
    format!("Basic {}", STANDARD.encode(text))
}

#[test]
fn what_rfc_7617_allows_is_read() {
    let owned = |name: &str, password: &str| Ok((name.to_owned(), password.to_owned()));
    // The examples of RFC 7617 sections 2 and 2.1; the second has a pound sign in UTF-8.
    assert_eq!(read("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), owned("Aladdin", "open sesame"));
    assert_eq!(read("Basic dGVzdDoxMjPCow=="), owned("test", "123£"));
    for value in ["basic dTpw", "BASIC dTpw", "Basic    dTpw", " Basic dTpw ", "Basic\tdTpw"] {
        assert_eq!(read(value), owned("u", "p"), "{value:?}");
    }
    assert_eq!(read(&basic("u:a:b:")), owned("u", "a:b:"));
    assert_eq!(read(&basic(":")), owned("", ""));
    assert_eq!(read("Basic dTpwMQ"), owned("u", "p1"), "padding left out");
}

#[test]
fn each_mistake_has_its_own_refusal() {
    let rows: [(String, BasicRefusal); 18] = [
        ("Bearer stk_x".into(), BasicRefusal::WrongScheme),
        ("dTpw".into(), BasicRefusal::WrongScheme),
        ("Basicc dTpw".into(), BasicRefusal::WrongScheme),
        (String::new(), BasicRefusal::WrongScheme),
        ("Basic".into(), BasicRefusal::Empty),
        ("Basic  ".into(), BasicRefusal::Empty),
        (format!("Basic {}", "A".repeat(1_028)), BasicRefusal::TooLong),
        ("Basic dTp w".into(), BasicRefusal::Wrapped),
        ("Basic dTp\nw".into(), BasicRefusal::Wrapped),
        ("Basic u:p".into(), BasicRefusal::NotBase64),
        ("Basic dTp_dTpw".into(), BasicRefusal::NotBase64),
        ("Basic 'dTpw'".into(), BasicRefusal::NotBase64),
        (basic([b'u', b':', 0xff]), BasicRefusal::NotUtf8),
        (basic("-n u:p\n"), BasicRefusal::EchoOption),
        (basic("u:p\n"), BasicRefusal::TrailingNewline),
        (basic("u:p\r\n"), BasicRefusal::TrailingNewline),
        (basic("username"), BasicRefusal::NoColon),
        (basic("u:p\0q"), BasicRefusal::ControlCharacter),
    ];
    for (value, refusal) in rows {
        assert_eq!(read(&value), Err(refusal), "{value:?}");
    }
    assert_eq!(BasicPair::read([]), Err(BasicRefusal::Missing));
    assert_eq!(BasicPair::read([&b"Basic dTpw"[..], b"Basic dTpw"]), Err(BasicRefusal::Repeated));
}

#[test]
fn nothing_shows_the_credentials() {
    let pair = BasicPair::read([basic("canary-user:canary-password").as_bytes()]).unwrap();
    assert!(!format!("{pair:?}").contains("canary"));
    let refusal = BasicPair::read([basic("canary\n").as_bytes()]).unwrap_err();
    assert!(!refusal.to_string().contains("canary"));
}

#[test]
fn credentials_that_a_line_feed_breaks_are_seen_in_the_raw_head() {
    let head =
        |value: &str| format!("POST / HTTP/1.1\r\nHost: x\r\nAuthorization: {value}\r\nAccept: */*\r\n\r\n");
    assert!(is_wrapped_in_head(head("Basic dXNlcm5hbWU6\ncGFzc3dvcmQ=").as_bytes()));
    assert!(is_wrapped_in_head(head("basic dXNlcm5hbWU6\ncGFzc3dvcmQ\nYWJj").as_bytes()));
    for value in ["Basic dXNlcm5hbWU6cGFzc3dvcmQ=", "Bearer abc\nabc", "Basic abc\nX-Other: y", "Basic abc\n"]
    {
        assert!(!is_wrapped_in_head(head(value).as_bytes()), "{value:?}");
    }
    assert!(!is_wrapped_in_head(b"POST / HTTP/1.1\r\n\r\nAuthorization: Basic abc\n"));
}

proptest! {
    #[test]
    fn any_bytes_are_decided_without_panic(value in prop::collection::vec(any::<u8>(), 0..200), head in prop::collection::vec(any::<u8>(), 0..200)) {
        _ = BasicPair::read([value.as_slice()]);
        _ = is_wrapped_in_head(&head);
    }

    #[test]
    fn what_is_encoded_is_read_back(username in "[^:\\p{Cc}]{0,40}", password in "[^\\p{Cc}]{0,40}") {
        prop_assume!(!username.starts_with("-n "));
        prop_assert_eq!(read(&basic(format!("{username}:{password}"))), Ok((username, password)));
    }
}
