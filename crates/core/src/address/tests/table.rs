use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::super::{Refusal, classify};
use super::rows::{V4_ROWS, V6_ROWS};

fn class(text: &str) -> Result<(), Refusal> {
    classify(text.parse().expect("the row holds addresses"))
}

#[test]
fn each_range_is_refused_from_first_to_last_and_not_beyond() {
    for (range, inside, outside, refusal) in V4_ROWS.iter().chain(&V6_ROWS) {
        for address in inside {
            assert_eq!(class(address), Err(*refusal), "{address} in {range}");
        }
        for address in *outside {
            assert_eq!(class(address), Ok(()), "{address} beside {range}");
        }
    }
}

#[test]
fn metadata_services_are_told_apart_from_the_ranges_around_them() {
    let services = [
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
        "fd00:c1::a9fe:a9fe",
        "fd00:42::42",
        "::ffff:169.254.169.254",
        "64:ff9b::169.254.169.254",
        "2002:a9fe:a9fe::",
    ];
    for address in services {
        assert_eq!(class(address), Err(Refusal::Metadata), "{address}");
    }
    assert_eq!(class("255.255.255.255"), Err(Refusal::Broadcast));
}

#[test]
fn every_embedded_address_is_decoded() {
    let loopback_inside = [
        "::ffff:127.0.0.1",
        "::ffff:7f00:1",
        "::127.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b:1::127.0.0.1",
        "64:ff9b:1:7f00:0:100::",
        "2002:7f00:1::1",
        "2001:0:7f00:1::f7f7:f7f7",
        "2001:0:808:808::80ff:fffe",
    ];
    for address in loopback_inside {
        assert_eq!(class(address), Err(Refusal::Loopback), "{address}");
    }
}

#[test]
fn space_that_iana_never_handed_out_is_refused() {
    for address in
        ["::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8", "64:ff9b:2::1", "100:0:0:1::", "4000::", "fe00::1"]
    {
        assert_eq!(class(address), Err(Refusal::Reserved), "{address}");
    }
}

#[test]
fn public_addresses_pass() {
    for address in
        ["1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700::1111", "2a00:1450:4001::200e", "2001:4860::8888"]
    {
        assert_eq!(class(address), Ok(()), "{address}");
    }
}

/// The standard library's own idea of what is not public: a second opinion on the table.
fn std_refuses(ip: Ipv4Addr) -> bool {
    ip.is_unspecified()
        || ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_broadcast()
        || ip.is_documentation()
        || ip.is_multicast()
}

/// Half of the addresses come from near the ranges, since a random one is nearly always public.
fn v4() -> impl Strategy<Value = Ipv4Addr> {
    let starts: Vec<u32> =
        V4_ROWS.iter().map(|row| u32::from(row.1[0].parse::<Ipv4Addr>().expect("a v4 row"))).collect();
    let near = (proptest::sample::select(starts), -2_i32..70_000);
    prop_oneof![
        any::<u32>().prop_map(Ipv4Addr::from),
        near.prop_map(|(start, shift)| Ipv4Addr::from(start.wrapping_add_signed(shift))),
    ]
}

proptest! {
    #[test]
    fn what_std_calls_special_is_refused(ip in v4()) {
        if std_refuses(ip) {
            prop_assert!(classify(IpAddr::V4(ip)).is_err());
        }
    }

    #[test]
    fn wrapping_an_address_never_lets_it_pass_and_keeps_its_class(ip in v4(), tail in any::<[u16; 5]>()) {
        let [a, b, c, d] = ip.octets();
        let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        let [v, w, x, y, z] = tail;
        let forms = [
            (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, high, low), Refusal::Mapped),
            (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low), Refusal::Nat64),
            (Ipv6Addr::new(0x2002, high, low, v, w, x, y, z), Refusal::SixToFour),
            (Ipv6Addr::new(0x2001, 0, high, low, v, w, 0xf7f7, 0xf7f7), Refusal::Teredo),
            (Ipv6Addr::new(0x2001, 0, 0x808, 0x808, v, w, !high, !low), Refusal::Teredo),
        ];
        for (wrapped, form) in forms {
            let expected = classify(IpAddr::V4(ip)).err().unwrap_or(form);
            prop_assert_eq!(classify(IpAddr::V6(wrapped)), Err(expected), "{}", wrapped);
        }
    }

    #[test]
    fn only_unicast_space_can_pass(bits in any::<u128>()) {
        let ip = Ipv6Addr::from(bits);
        if classify(IpAddr::V6(ip)).is_ok() {
            prop_assert_eq!(bits >> 125, 1);
        }
    }
}
