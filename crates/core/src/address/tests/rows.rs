//! Reliability section 4, written out once more and independently of the table under test.

use super::super::Refusal;

pub(super) type Row = (&'static str, [&'static str; 3], &'static [&'static str], Refusal);

/// Range; first, inside, last; neighbours outside of it that are public; class.
pub(super) const V4_ROWS: [Row; 16] = [
    ("0/8", ["0.0.0.0", "0.1.2.3", "0.255.255.255"], &["1.0.0.0"], Refusal::Unspecified),
    ("10/8", ["10.0.0.0", "10.20.30.40", "10.255.255.255"], &["9.255.255.255", "11.0.0.0"], Refusal::Private),
    (
        "100.64/10",
        ["100.64.0.0", "100.100.1.1", "100.127.255.255"],
        &["100.63.255.255", "100.128.0.0"],
        Refusal::SharedCgnat,
    ),
    (
        "127/8",
        ["127.0.0.0", "127.0.0.1", "127.255.255.255"],
        &["126.255.255.255", "128.0.0.0"],
        Refusal::Loopback,
    ),
    (
        "169.254/16",
        ["169.254.0.0", "169.254.1.1", "169.254.255.255"],
        &["169.253.255.255", "169.255.0.0"],
        Refusal::LinkLocal,
    ),
    (
        "172.16/12",
        ["172.16.0.0", "172.20.1.1", "172.31.255.255"],
        &["172.15.255.255", "172.32.0.0"],
        Refusal::Private,
    ),
    (
        "192.0.0/24",
        ["192.0.0.0", "192.0.0.8", "192.0.0.255"],
        &["191.255.255.255", "192.0.1.0"],
        Refusal::Reserved,
    ),
    (
        "192.0.2/24",
        ["192.0.2.0", "192.0.2.9", "192.0.2.255"],
        &["192.0.1.255", "192.0.3.0"],
        Refusal::Documentation,
    ),
    (
        "192.88.99/24",
        ["192.88.99.0", "192.88.99.1", "192.88.99.255"],
        &["192.88.98.255", "192.88.100.0"],
        Refusal::SixToFour,
    ),
    (
        "192.168/16",
        ["192.168.0.0", "192.168.1.1", "192.168.255.255"],
        &["192.167.255.255", "192.169.0.0"],
        Refusal::Private,
    ),
    (
        "198.18/15",
        ["198.18.0.0", "198.19.0.0", "198.19.255.255"],
        &["198.17.255.255", "198.20.0.0"],
        Refusal::Benchmarking,
    ),
    (
        "198.51.100/24",
        ["198.51.100.0", "198.51.100.7", "198.51.100.255"],
        &["198.51.99.255", "198.51.101.0"],
        Refusal::Documentation,
    ),
    (
        "203.0.113/24",
        ["203.0.113.0", "203.0.113.7", "203.0.113.255"],
        &["203.0.112.255", "203.0.114.0"],
        Refusal::Documentation,
    ),
    ("224/4", ["224.0.0.0", "232.1.2.3", "239.255.255.255"], &["223.255.255.255"], Refusal::Multicast),
    ("240/4", ["240.0.0.0", "250.1.2.3", "255.255.255.254"], &["223.255.255.255"], Refusal::Reserved),
    (
        "168.63.129.16/32",
        ["168.63.129.16", "168.63.129.16", "168.63.129.16"],
        &["168.63.129.15", "168.63.129.17"],
        Refusal::Metadata,
    ),
];

pub(super) const V6_ROWS: [Row; 19] = [
    ("::/128", ["::", "::", "::"], &[], Refusal::Unspecified),
    ("::1/128", ["::1", "::1", "::1"], &[], Refusal::Loopback),
    ("100::/64", ["100::", "100::1", "100::ffff:ffff:ffff:ffff"], &[], Refusal::Reserved),
    (
        "2001:2::/48",
        ["2001:2::", "2001:2::1", "2001:2:0:ffff:ffff:ffff:ffff:ffff"],
        &["2001:1:ffff:ffff:ffff:ffff:ffff:ffff", "2001:2:1::"],
        Refusal::Benchmarking,
    ),
    (
        "2001:10::/28",
        ["2001:10::", "2001:15::1", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff"],
        &["2001:f:ffff:ffff:ffff:ffff:ffff:ffff"],
        Refusal::Reserved,
    ),
    (
        "2001:20::/28",
        ["2001:20::", "2001:25::1", "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff"],
        &["2001:30::"],
        Refusal::Reserved,
    ),
    (
        "2001:db8::/32",
        ["2001:db8::", "2001:db8:1::1", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"],
        &["2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"],
        Refusal::Documentation,
    ),
    (
        "3fff::/20",
        ["3fff::", "3fff:1::1", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"],
        &["3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::"],
        Refusal::Documentation,
    ),
    ("5f00::/16", ["5f00::", "5f00:1::1", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff"], &[], Refusal::Reserved),
    ("fc00::/7", ["fc00::", "fd12::1", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"], &[], Refusal::Private),
    ("fe80::/10", ["fe80::", "fe80::1", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"], &[], Refusal::LinkLocal),
    ("fec0::/10", ["fec0::", "fec0::1", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"], &[], Refusal::Private),
    ("ff00::/8", ["ff00::", "ff02::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"], &[], Refusal::Multicast),
    ("public, mapped", ["::ffff:1.0.0.0", "::ffff:8.8.8.8", "::ffff:223.255.255.255"], &[], Refusal::Mapped),
    ("public, compatible", ["::1.0.0.0", "::8.8.8.8", "::223.255.255.255"], &[], Refusal::Compatible),
    (
        "public, NAT64",
        ["64:ff9b::1.0.0.0", "64:ff9b::8.8.8.8", "64:ff9b::223.255.255.255"],
        &[],
        Refusal::Nat64,
    ),
    ("local NAT64", ["64:ff9b:1::", "64:ff9b:1::8.8.8.8", "64:ff9b:1:808:8:800::"], &[], Refusal::Nat64Local),
    (
        "public, 6to4",
        ["2002:100::", "2002:808:808::1", "2002:dfff:ffff:ffff:ffff:ffff:ffff:ffff"],
        &["2003::"],
        Refusal::SixToFour,
    ),
    (
        "public, Teredo",
        [
            "2001:0:808:808::f7f7:f7f7",
            "2001:0:101:101:8000:1234:f7f7:f7f7",
            "2001:0:dfff:ffff:ffff:ffff:f7f7:f7f7",
        ],
        &["2001:1::"],
        Refusal::Teredo,
    ),
];
