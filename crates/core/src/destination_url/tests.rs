use std::net::IpAddr;

use http::uri::PathAndQuery;
use proptest::prelude::*;

use super::{DestinationUrl, Host, UrlRefusal};
use crate::address::{AddressPolicy, Refusal};

fn closed(text: &str) -> Result<String, UrlRefusal> {
    DestinationUrl::parse(text, &AddressPolicy::closed()).map(|url| url.as_str().to_owned())
}

fn dev(text: &str) -> Result<DestinationUrl, UrlRefusal> {
    DestinationUrl::parse(text, &AddressPolicy::dev())
}

#[test]
fn urls_are_kept_in_canonical_form() {
    let rows = [
        ("https://example.com", "https://example.com/"),
        ("HTTPS://EXAMPLE.com:443/a/../b?c=d", "https://example.com/b?c=d"),
        ("https://example.com./hook", "https://example.com/hook"),
        ("https://example.com.:8443/hook", "https://example.com:8443/hook"),
        ("https://ex\u{e4}mple.com/\u{e4}?\u{e4}", "https://xn--exmple-cua.com/%C3%A4?%C3%A4"),
        ("https://\u{430}pple.com/", "https://xn--pple-43d.com/"),
        ("https://8.8.8.8/", "https://8.8.8.8/"),
        ("https://0x08.010.2056/", "https://8.8.8.8/"),
        ("https://[2606:4700:0::1111]:8443/", "https://[2606:4700::1111]:8443/"),
        ("https://a_b.example.com/", "https://a_b.example.com/"),
    ];
    for (text, canonical) in rows {
        assert_eq!(closed(text).as_deref(), Ok(canonical), "{text}");
        assert_eq!(closed(canonical).as_deref(), Ok(canonical), "{text}");
    }
}

#[test]
fn every_notation_of_a_forbidden_address_is_refused() {
    let loopback = [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "127.0.0.1.",
        "0x7f.1.",
        "\u{ff11}\u{ff12}\u{ff17}.0.0.1",
        "127\u{3002}0.0.1",
        "%31%32%37.0.0.1",
        "[::1]",
        "[::ffff:7f00:1]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[0:0:0:0:0:0:0:1]",
    ];
    for host in loopback {
        assert_eq!(closed(&format!("https://{host}/")), Err(Refusal::Loopback.into()), "{host}");
    }
    let others = [
        ("0", Refusal::Unspecified),
        ("[::]", Refusal::Unspecified),
        ("10.1", Refusal::Private),
        ("169.254.169.254", Refusal::Metadata),
        ("0xa9fea9fe", Refusal::Metadata),
        ("[fd00:ec2::254]", Refusal::Metadata),
        ("168.63.129.16", Refusal::Metadata),
        ("[::ffff:8.8.8.8]", Refusal::Mapped),
        ("8.8.8.8:22", Refusal::Port),
    ];
    for (host, refusal) in others {
        assert_eq!(closed(&format!("https://{host}/")), Err(refusal.into()), "{host}");
    }
}

#[test]
fn texts_that_parsers_read_differently_are_refused() {
    let rows = [
        ("https://x.com@127.0.0.1/", UrlRefusal::Userinfo),
        ("https://@example.com/", UrlRefusal::Userinfo),
        ("https://user:pass@example.com/", UrlRefusal::Userinfo),
        ("https:127.0.0.1", UrlRefusal::Slashes),
        ("https:/example.com", UrlRefusal::Slashes),
        ("https:///example.com", UrlRefusal::Slashes),
        ("https://", UrlRefusal::Slashes),
        ("https:\\\\example.com", UrlRefusal::Character),
        ("https://example.com\\@127.0.0.1/", UrlRefusal::Character),
        ("https://127.0.\n0.1/", UrlRefusal::Character),
        ("https://exa\tmple.com/", UrlRefusal::Character),
        ("https://example.com/\r\nHost: x", UrlRefusal::Character),
        (" https://example.com/", UrlRefusal::Character),
        ("https://example.com/\u{a0}", UrlRefusal::Character),
        ("https://example.com/a b", UrlRefusal::Character),
        ("https://example.com/#", UrlRefusal::Fragment),
        ("https://example.com/a#b", UrlRefusal::Fragment),
        ("https://example.com:0/", UrlRefusal::Address(Refusal::Port)),
        ("https://example.com:22/", UrlRefusal::Address(Refusal::Port)),
        ("ftp://example.com/", UrlRefusal::Scheme),
        ("file:///etc/passwd", UrlRefusal::Scheme),
        ("example.com/hook", UrlRefusal::Scheme),
        ("", UrlRefusal::Scheme),
        ("http://example.com/", UrlRefusal::HttpNotAllowed),
        ("https://a..example.com/", UrlRefusal::Name),
        ("https://example.com../", UrlRefusal::Name),
        ("https://a'b.example.com/", UrlRefusal::Name),
        ("https://a;b.example.com/", UrlRefusal::Name),
        ("https://[fe80::1%25eth0]/", UrlRefusal::Malformed(url::ParseError::InvalidIpv6Address)),
        ("https://example.com:65536/", UrlRefusal::Malformed(url::ParseError::InvalidPort)),
    ];
    for (text, refusal) in rows {
        assert_eq!(closed(text), Err(refusal), "{text:?}");
    }
}

#[test]
fn private_names_are_refused_by_default() {
    let rows = [
        ("localhost", UrlRefusal::Localhost),
        ("LOCALHOST.", UrlRefusal::Localhost),
        ("a.localhost", UrlRefusal::Localhost),
        ("db.internal", UrlRefusal::InternalName),
        ("db.internal.", UrlRefusal::InternalName),
        ("printer.local", UrlRefusal::InternalName),
        ("router.home.arpa", UrlRefusal::InternalName),
        ("intranet", UrlRefusal::SingleLabel),
        ("intranet.", UrlRefusal::SingleLabel),
        ("metadata.google.internal", UrlRefusal::MetadataName),
        ("metadata", UrlRefusal::MetadataName),
    ];
    for (host, refusal) in rows {
        assert_eq!(closed(&format!("https://{host}/")), Err(refusal), "{host}");
    }
    for host in ["notlocalhost.com", "internal.example.com", "mylocal.example", "localhost.example.com"] {
        assert!(closed(&format!("https://{host}/")).is_ok(), "{host}");
    }
}

#[test]
fn the_policy_opens_names() {
    assert!(dev("http://localhost:4000/").is_ok());
    assert!(dev("http://a.localhost:4000/").is_ok());
    assert!(dev("http://127.0.0.1:4000/").is_ok());
    assert_eq!(dev("http://intranet/"), Err(UrlRefusal::SingleLabel));
    assert_eq!(dev("http://10.0.0.1/"), Err(Refusal::Private.into()));
    let inside =
        AddressPolicy::closed().with_internal_names(true).with_allow(["10.0.0.5:22".parse().unwrap()]);
    for text in
        ["https://receiver:8443/", "https://db.internal/", "https://receiver:22/", "https://10.0.0.5:22/"]
    {
        assert!(DestinationUrl::parse(text, &inside).is_ok(), "{text}");
    }
    let refused = |text| DestinationUrl::parse(text, &inside).unwrap_err();
    assert_eq!(refused("https://localhost/"), UrlRefusal::Localhost);
    assert_eq!(refused("https://metadata.google.internal/"), UrlRefusal::MetadataName);
}

#[test]
fn parts_are_what_a_client_needs() {
    let url = dev("http://example.com:8080/a/b?token=canary").unwrap();
    assert_eq!((url.host(), url.port(), url.is_https()), (Host::Name("example.com"), 8080, false));
    assert_eq!((url.authority(), url.path_and_query()), ("example.com:8080", "/a/b?token=canary"));
    assert_eq!(url.redacted(), "http://example.com:8080/a/b?[redacted]");
    assert!(!format!("{url:?}").contains("canary"));
    let url = dev("https://[2606:4700::1111]").unwrap();
    assert_eq!(url.host(), Host::Ip("2606:4700::1111".parse::<IpAddr>().unwrap()));
    assert_eq!((url.port(), url.authority(), url.path_and_query()), (443, "[2606:4700::1111]", "/"));
    assert_eq!(url.redacted(), url.as_str());
}

#[test]
fn length_is_limited_as_written_and_as_stored() {
    let text =
        |length: usize| format!("https://example.com/{}", "a".repeat(length - "https://example.com/".len()));
    assert!(closed(&text(2048)).is_ok());
    assert_eq!(closed(&text(2049)), Err(UrlRefusal::TooLong));
    assert_eq!(closed(&format!("https://example.com/{}", "\u{e4}".repeat(500))), Err(UrlRefusal::TooLong));
    let label = |length: usize| format!("https://{}.example.com/", "a".repeat(length));
    assert!(closed(&label(63)).is_ok());
    assert_eq!(closed(&label(64)), Err(UrlRefusal::Name));
}

#[test]
fn a_stored_url_is_read_without_policy() {
    let stored = serde_json::to_string(&dev("http://localhost:4000/?a=b").unwrap()).unwrap();
    assert_eq!(stored, r#""http://localhost:4000/?a=b""#);
    assert_eq!(
        serde_json::from_str::<DestinationUrl>(&stored).unwrap().as_str(),
        "http://localhost:4000/?a=b"
    );
    assert!(serde_json::from_str::<DestinationUrl>(r#""ftp://example.com/""#).is_err());
    assert_eq!(DestinationUrl::from_stored("https://a@b.example/"), Err(UrlRefusal::Userinfo));
}

proptest! {
    #[test]
    fn whatever_passes_is_stable_and_can_be_sent(
        host in "[a-zA-Z0-9.%:_\\[\\]-]{1,24}|\\PC{1,12}", tail in "[!-~]{0,24}|\\PC{0,12}",
    ) {
        if let Ok(url) = dev(&format!("https://{host}/{tail}")) {
            prop_assert_eq!(DestinationUrl::from_stored(url.as_str()), Ok(url.clone()));
            prop_assert!(url.as_str().is_ascii());
            prop_assert!(PathAndQuery::try_from(url.path_and_query()).is_ok());
            prop_assert!(http::HeaderValue::from_str(url.authority()).is_ok());
            prop_assert!(!url.authority().contains('@'));
        }
    }
}
