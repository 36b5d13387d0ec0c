use std::net::{SocketAddr, SocketAddrV6};

use proptest::prelude::*;

use super::super::{AddressPolicy, AllowRule, Refusal, classify};

fn socket(text: &str) -> SocketAddr {
    text.parse().expect("the test names socket addresses")
}

fn allowing(rules: &[&str]) -> AddressPolicy {
    let rules = rules.iter().map(|rule| rule.parse::<AllowRule>().expect("the test names rules"));
    AddressPolicy::closed().with_allow(rules)
}

#[test]
fn closed_lets_only_public_addresses_through() {
    let policy = AddressPolicy::closed();
    assert_eq!(policy.check(socket("8.8.8.8:443")), Ok(()));
    assert_eq!(policy.check(socket("[2606:4700::1111]:443")), Ok(()));
    assert_eq!(policy.check(socket("127.0.0.1:443")), Err(Refusal::Loopback));
    assert_eq!(policy.check(socket("[::1]:443")), Err(Refusal::Loopback));
    assert_eq!(policy.check(socket("10.0.0.1:443")), Err(Refusal::Private));
    assert!(!policy.allows_http() && !policy.allows_localhost() && !policy.allows_internal_names());
}

#[test]
fn ports_follow_the_rules() {
    let policy = AddressPolicy::closed().with_denied_ports([9999]);
    for port in [80, 443, 1024, 3000, 8080, 8443, 65535] {
        assert_eq!(policy.check(SocketAddr::new([8, 8, 8, 8].into(), port)), Ok(()), "{port}");
    }
    for port in [0, 1, 22, 25, 79, 81, 442, 444, 1023, 2375, 5432, 6379, 9200, 11211, 9999] {
        assert_eq!(policy.check(SocketAddr::new([8, 8, 8, 8].into(), port)), Err(Refusal::Port), "{port}");
    }
}

#[test]
fn dev_opens_loopback_and_http_only() {
    let policy = AddressPolicy::dev().with_own_listeners([socket("127.0.0.1:8080")]);
    assert!(policy.allows_http() && policy.allows_localhost());
    assert_eq!(policy.check(socket("127.0.0.1:4000")), Ok(()));
    assert_eq!(policy.check(socket("127.9.9.9:4000")), Ok(()));
    assert_eq!(policy.check(socket("[::1]:4000")), Ok(()));
    assert_eq!(policy.check(socket("127.0.0.1:8080")), Err(Refusal::OwnListener));
    assert_eq!(policy.check(socket("127.0.0.1:6379")), Err(Refusal::Port));
    assert_eq!(policy.check(socket("[::ffff:127.0.0.1]:4000")), Err(Refusal::Loopback));
    assert_eq!(policy.check(socket("10.0.0.1:4000")), Err(Refusal::Private));
    assert_eq!(policy.check(socket("169.254.169.254:80")), Err(Refusal::Metadata));
    assert_eq!(policy.check(socket("0.0.0.0:4000")), Err(Refusal::Unspecified));
}

#[test]
fn a_rule_opens_its_network_and_no_more() {
    let policy = allowing(&["10.0.0.0/8", "192.168.1.2:22", "fd00::/16"]);
    assert_eq!(policy.check(socket("10.255.0.1:8080")), Ok(()));
    assert_eq!(policy.check(socket("10.255.0.1:22")), Err(Refusal::Port));
    assert_eq!(policy.check(socket("11.0.0.1:443")), Ok(()));
    assert_eq!(policy.check(socket("192.168.1.2:22")), Ok(()));
    assert_eq!(policy.check(socket("192.168.1.2:443")), Err(Refusal::Private));
    assert_eq!(policy.check(socket("192.168.1.3:22")), Err(Refusal::Private));
    assert_eq!(policy.check(socket("[fd00::1]:443")), Ok(()));
    assert_eq!(policy.check(socket("[fd01::1]:443")), Err(Refusal::Private));
}

#[test]
fn a_rule_with_a_port_also_opens_it_on_a_public_address() {
    let policy = allowing(&["8.8.8.8:81"]);
    assert_eq!(policy.check(socket("8.8.8.8:81")), Ok(()));
    assert_eq!(policy.check(socket("8.8.4.4:81")), Err(Refusal::Port));
    assert_eq!(policy.check(socket("8.8.8.8:443")), Ok(()));
}

#[test]
fn metadata_opens_only_to_a_rule_that_names_it() {
    let wide = allowing(&["169.254.0.0/16", "100.64.0.0/10", "0.0.0.0/0", "fd00::/8", "::/0"]);
    for address in ["169.254.169.254:80", "100.100.100.200:80", "168.63.129.16:80", "[fd00:ec2::254]:80"] {
        assert_eq!(wide.check(socket(address)), Err(Refusal::Metadata), "{address}");
    }
    assert_eq!(wide.check(socket("169.254.1.1:80")), Ok(()));
    assert_eq!(allowing(&["169.254.169.254:80"]).check(socket("169.254.169.254:80")), Ok(()));
}

#[test]
fn rules_never_open_an_address_through_its_ipv6_form() {
    let policy = allowing(&["10.0.0.0/8", "::/0"]);
    for address in
        ["[::ffff:10.0.0.1]:443", "[2002:a00:1::]:443", "[64:ff9b:1::10.0.0.1]:443", "[::10.0.0.1]:443"]
    {
        assert_eq!(policy.check(socket(address)), Err(Refusal::Private), "{address}");
    }
    assert_eq!(policy.check(socket("[::ffff:8.8.8.8]:443")), Err(Refusal::Mapped));
}

#[test]
fn nat64_opens_for_addresses_that_may_be_dialled_themselves() {
    let nat64 = allowing(&["64:ff9b::/96"]);
    assert_eq!(nat64.check(socket("[64:ff9b::8.8.8.8]:443")), Ok(()));
    assert_eq!(nat64.check(socket("[64:ff9b::10.0.0.1]:443")), Err(Refusal::Private));
    assert_eq!(nat64.check(socket("[64:ff9b::169.254.169.254]:443")), Err(Refusal::Metadata));
    let both = allowing(&["64:ff9b::/96", "10.0.0.0/8"]);
    assert_eq!(both.check(socket("[64:ff9b::10.0.0.1]:443")), Ok(()));
    assert_eq!(both.check(socket("[64:ff9b::127.0.0.1]:443")), Err(Refusal::Loopback));
}

#[test]
fn own_listeners_stay_refused_whatever_is_allowed() {
    let everything = allowing(&["0.0.0.0/0", "::/0", "127.0.0.1:8080"]);
    let own = ["203.0.113.9".parse().unwrap(), "2a00::9".parse().unwrap()];
    let exact = everything.clone().with_own_listeners([socket("10.0.0.5:8080")]);
    assert_eq!(exact.check(socket("10.0.0.5:8080")), Err(Refusal::OwnListener));
    assert_eq!(exact.check(socket("10.0.0.6:8080")), Ok(()));
    assert_eq!(exact.check(socket("10.0.0.5:8081")), Ok(()));

    let dual = everything.clone().with_own_listeners([socket("[::]:8080")]).with_own_addresses(own);
    for address in ["127.0.0.1", "127.1.1.1", "[::1]", "0.0.0.0", "[::]", "203.0.113.9", "[2a00::9]"] {
        assert_eq!(dual.check(socket(&format!("{address}:8080"))), Err(Refusal::OwnListener), "{address}");
        assert_ne!(dual.check(socket(&format!("{address}:8081"))), Err(Refusal::OwnListener), "{address}");
    }
    assert_eq!(dual.check(socket("[::ffff:203.0.113.9]:8080")), Err(Refusal::OwnListener));
    assert_eq!(dual.check(socket("8.8.8.8:8080")), Ok(()));

    let v4_only = everything.with_own_listeners([socket("0.0.0.0:8080")]).with_own_addresses(own);
    assert_eq!(v4_only.check(socket("203.0.113.9:8080")), Err(Refusal::OwnListener));
    assert_eq!(v4_only.check(socket("[2a00::9]:8080")), Ok(()));
}

#[test]
fn zones_are_refused() {
    let address = SocketAddr::V6(SocketAddrV6::new("fe80::1".parse().unwrap(), 443, 0, 2));
    assert_eq!(allowing(&["::/0"]).check(address), Err(Refusal::Scoped));
}

#[test]
fn the_port_of_a_name_is_refused_only_when_no_address_could_have_it() {
    let policy = allowing(&["10.0.0.5:22"]);
    assert_eq!(policy.check_port_of_name(443), Ok(()));
    assert_eq!(policy.check_port_of_name(22), Ok(()));
    assert_eq!(policy.check_port_of_name(25), Err(Refusal::Port));
}

#[test]
fn codes_are_the_stored_form() {
    for refusal in
        [Refusal::SharedCgnat, Refusal::SixToFour, Refusal::Nat64, Refusal::Nat64Local, Refusal::Port]
    {
        assert_eq!(serde_json::to_value(refusal).unwrap(), refusal.code());
    }
}

proptest! {
    #[test]
    fn closed_is_exactly_the_table_on_an_open_port(v4 in any::<[u8; 4]>(), v6 in any::<[u16; 8]>()) {
        for ip in [v4.into(), v6.into()] {
            prop_assert_eq!(AddressPolicy::closed().check(SocketAddr::new(ip, 443)), classify(ip));
        }
    }
}
