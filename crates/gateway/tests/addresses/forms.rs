//! Special addresses and the texts that mean them (reliability section 4).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Each range with the code of its refusal. IPv6 ranges that wrap IPv4 addresses are made by [`transitions`].
pub const RANGES: [(&str, &str); 39] = [
    ("0.0.0.0/8", "unspecified"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "shared_cgnat"),
    ("100.100.100.200/32", "metadata"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/17", "link_local"),
    ("169.254.169.254/32", "metadata"),
    ("169.254.170.2/32", "metadata"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/25", "reserved"),
    ("192.0.0.254/31", "reserved"),
    ("192.0.2.0/24", "documentation"),
    ("192.88.99.0/24", "six_to_four"),
    ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "benchmarking"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/5", "reserved"),
    ("255.255.255.254/32", "reserved"),
    ("255.255.255.255/32", "broadcast"),
    ("168.63.129.16/32", "metadata"),
    ("::/128", "unspecified"),
    ("::1/128", "loopback"),
    ("100::/64", "reserved"),
    ("2001:2::/48", "benchmarking"),
    ("2001:10::/28", "reserved"),
    ("2001:20::/28", "reserved"),
    ("2001:db8::/32", "documentation"),
    ("3fff::/20", "documentation"),
    ("5f00::/16", "reserved"),
    ("fc00::/8", "private"),
    ("fd80::/9", "private"),
    ("fd00:ec2::254/128", "metadata"),
    ("fd00:ec2::23/128", "metadata"),
    ("fe80::/10", "link_local"),
    ("fec0::/10", "private"),
    ("ff00::/8", "multicast"),
    ("4000::/2", "reserved"),
];

/// The first, one inside and the last address of the range.
pub fn first_inside_last(range: &str) -> Vec<IpAddr> {
    let (network, prefix) = range.split_once('/').expect("a range");
    let prefix: u32 = prefix.parse().expect("a prefix");
    let network: IpAddr = network.parse().expect("an address");
    // Some bits on and some off, so that "inside" is no border.
    let offsets = |host_bits: u32| {
        let last = 1_u128.checked_shl(host_bits).map_or(u128::MAX, |size| size - 1);
        [0, last / 3, last]
    };
    let mut addresses: Vec<IpAddr> = match network {
        IpAddr::V4(v4) => {
            let add = |offset| IpAddr::V4((u32::from(v4) + u32::try_from(offset).expect("32 bits")).into());
            offsets(32 - prefix).map(add).into()
        }
        IpAddr::V6(v6) => {
            offsets(128 - prefix).map(|offset| IpAddr::V6((u128::from(v6) + offset).into())).into()
        }
    };
    addresses.dedup();
    addresses
}

/// Every text for the host of a URL that means the address; IPv6 in brackets.
pub fn texts(address: IpAddr) -> Vec<String> {
    match address {
        IpAddr::V4(v4) => {
            let wrapped = transitions(v4).into_iter().map(|(host, _)| format!("[{host}]"));
            v4_texts(v4).into_iter().chain(wrapped).collect()
        }
        IpAddr::V6(v6) => v6_texts(v6),
    }
}

fn v4_texts(v4: Ipv4Addr) -> Vec<String> {
    let [a, b, c, d] = v4.octets();
    let number = u32::from(v4);
    let (low_16, low_24) = (number & 0xffff, number & 0xff_ffff);
    let dotted = v4.to_string();
    let full_width = dotted.chars().map(|c| match c {
        '0'..='9' => char::from_u32(c as u32 - '0' as u32 + 0xff10).expect("a full-width digit"),
        other => other,
    });
    vec![
        dotted.clone(),
        format!("{dotted}."),
        number.to_string(),
        format!("{number:#x}"),
        format!("0X{number:X}"),
        format!("0{number:o}"),
        format!("{a}.{low_24}"),
        format!("{a}.{b}.{low_16}"),
        format!("{a:#x}.{low_24:#x}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("{a:#x}.{b:#x}.{c:#x}.{d:#x}"),
        format!("0{a:o}.{b}.{c:#x}.{d}"),
        format!("0000{a:o}.{b}.{c}.{d}"),
        full_width.collect(),
        dotted.replace('.', "\u{3002}"),
        dotted.replace('.', "\u{ff0e}"),
        dotted.bytes().map(|byte| format!("%{byte:02x}")).collect(),
    ]
}

/// The IPv6 forms that lead to the IPv4 address, with the code when that is public.
pub fn transitions(v4: Ipv4Addr) -> Vec<(String, &'static str)> {
    let number = u32::from(v4);
    let (high, low) = (number >> 16, number & 0xffff);
    let inverted = !number;
    let mut forms = vec![
        (format!("::ffff:{v4}"), "mapped"),
        (format!("0:0:0:0:0:FFFF:{high:X}:{low:X}"), "mapped"),
        (format!("64:ff9b::{v4}"), "nat64"),
        (format!("2002:{high:x}:{low:x}::"), "six_to_four"),
        (format!("2001:0:{high:x}:{low:x}::f7f7:f7f7"), "teredo"),
        (format!("2001:0:808:808::{:x}:{:x}", inverted >> 16, inverted & 0xffff), "teredo"),
    ];
    // For 0.0.0.0 and 0.0.0.1 these are other things: `::`, `::1`, and a prefix without an address.
    if number > 1 {
        forms.push((format!("::{v4}"), "compatible"));
        forms.push((format!("64:ff9b:1::{v4}"), "nat64_local"));
    }
    forms
}

fn v6_texts(v6: Ipv6Addr) -> Vec<String> {
    let segments = v6.segments();
    let written = |form: &dyn Fn(&u16) -> String| segments.iter().map(form).collect::<Vec<_>>().join(":");
    let [.., c, d] = v6.octets();
    let [a, b] = v6.octets()[12..14].try_into().expect("two octets");
    let front = segments[..6].iter().map(|segment| format!("{segment:x}")).collect::<Vec<_>>().join(":");
    vec![
        format!("[{v6}]"),
        format!("[{}]", written(&|segment| format!("{segment:04x}"))),
        format!("[{}]", written(&|segment| format!("{segment:X}"))),
        format!("[{front}:{a}.{b}.{c}.{d}]"),
    ]
}
