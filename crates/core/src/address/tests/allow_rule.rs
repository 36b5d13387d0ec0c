use proptest::prelude::*;

use super::super::{AllowRule, AllowRuleErrorKind as Kind};

#[test]
fn every_text_form_is_read_and_written_back() {
    let rows = [
        ("10.0.0.0/8", "10.0.0.0/8", None),
        ("10.1.2.3", "10.1.2.3/32", None),
        ("10.1.2.3:8080", "10.1.2.3/32:8080", Some(8080)),
        ("10.0.0.0/8:8080", "10.0.0.0/8:8080", Some(8080)),
        ("0.0.0.0/0", "0.0.0.0/0", None),
        ("fd00::/8", "fd00::/8", None),
        ("fd00::1", "fd00::1/128", None),
        ("[fd00::1]", "fd00::1/128", None),
        ("[fd00::1]:443", "[fd00::1/128]:443", Some(443)),
        ("[fd00::/8]:443", "[fd00::/8]:443", Some(443)),
        ("64:ff9b::/96", "64:ff9b::/96", None),
        (" ::1 ", "::1/128", None),
    ];
    for (text, canonical, port) in rows {
        let rule: AllowRule = text.parse().unwrap();
        assert_eq!((rule.to_string().as_str(), rule.port()), (canonical, port), "{text}");
        assert_eq!(canonical.parse(), Ok(rule), "{text}");
    }
}

#[test]
fn each_slip_has_its_own_error() {
    let port = |text: &str| Kind::Port(text.to_owned());
    let address = |text: &str| Kind::Address(text.to_owned());
    let prefix = |prefix: &str, max| Kind::Prefix { prefix: prefix.to_owned(), max };
    let rows = [
        ("", address("")),
        ("db.internal", address("db.internal")),
        ("10.0.0.256", address("10.0.0.256")),
        ("010.0.0.1", address("010.0.0.1")),
        ("10.0.0.0/33", prefix("33", 32)),
        ("10.0.0.0/", prefix("", 32)),
        ("10.0.0.0/+8", prefix("+8", 32)),
        ("10.0.0.0/8/8", prefix("8/8", 32)),
        ("fd00::/129", prefix("129", 128)),
        ("10.1.2.3/8", Kind::HostBits("10.0.0.0/8".parse().unwrap())),
        ("10.1.2.3:", port("")),
        ("10.1.2.3:0", port("0")),
        ("10.1.2.3:65536", port("65536")),
        ("10.1.2.3:+80", port("+80")),
        ("[fd00::1]:http", port("http")),
        ("[fd00::1", Kind::Bracket),
        ("[fd00::1]443", Kind::Bracket),
        ("::ffff:10.0.0.0/104", Kind::Transition),
        ("2002::/16", Kind::Transition),
        ("64:ff9b:1::/48", Kind::Transition),
    ];
    for (text, kind) in rows {
        let error = text.parse::<AllowRule>().unwrap_err();
        assert_eq!((error.text.as_str(), &error.kind), (text, &kind), "{text}");
    }
}

#[test]
fn errors_tell_what_to_write() {
    let text = |rule: &str| rule.parse::<AllowRule>().unwrap_err().to_string();
    assert_eq!(
        text("10.1.2.3/8"),
        "allow rule \"10.1.2.3/8\": the address has bits beyond its prefix; write 10.0.0.0/8 for the whole network"
    );
    assert_eq!(text("10.0.0.0/40"), "allow rule \"10.0.0.0/40\": \"40\" is not a prefix length from 0 to 32");
}

#[test]
fn config_reads_rules_as_strings() {
    let rules: Vec<AllowRule> = serde_json::from_str(r#"["10.0.0.0/8", "[fd00::1]:443"]"#).unwrap();
    assert_eq!(rules[1].port(), Some(443));
    assert!(serde_json::from_str::<AllowRule>(r#""10.1.2.3/8""#).is_err());
}

proptest! {
    #[test]
    fn reading_never_panics(text in "[0-9a-f:./\\[\\]]{0,24}|\\PC{0,24}") {
        if let Ok(rule) = text.parse::<AllowRule>() {
            prop_assert_eq!(rule.to_string().parse(), Ok(rule));
        }
    }
}
