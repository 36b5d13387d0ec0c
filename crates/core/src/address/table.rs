//! The deny table of special-purpose addresses (reliability section 4; IANA special-purpose registries).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

use super::Refusal;

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(segments: [u16; 8], prefix: u8) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = segments;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix)
}

/// First match decides, so single addresses stand before the ranges that hold them.
const V4_DENIED: [(Ipv4Net, Refusal); 22] = [
    (v4(169, 254, 169, 254, 32), Refusal::Metadata), // AWS, Azure, Google, Oracle and most others
    (v4(169, 254, 170, 2, 32), Refusal::Metadata),   // AWS ECS task credentials
    (v4(169, 254, 170, 23, 32), Refusal::Metadata),  // AWS EKS pod identity
    (v4(100, 100, 100, 200, 32), Refusal::Metadata), // Alibaba
    (v4(168, 63, 129, 16, 32), Refusal::Metadata),   // Azure platform; a publicly routable number
    (v4(192, 0, 0, 192, 32), Refusal::Metadata),     // Oracle classic
    (v4(255, 255, 255, 255, 32), Refusal::Broadcast),
    (v4(0, 0, 0, 0, 8), Refusal::Unspecified),
    (v4(10, 0, 0, 0, 8), Refusal::Private),
    (v4(100, 64, 0, 0, 10), Refusal::SharedCgnat),
    (v4(127, 0, 0, 0, 8), Refusal::Loopback),
    (v4(169, 254, 0, 0, 16), Refusal::LinkLocal),
    (v4(172, 16, 0, 0, 12), Refusal::Private),
    (v4(192, 0, 0, 0, 24), Refusal::Reserved),
    (v4(192, 0, 2, 0, 24), Refusal::Documentation),
    (v4(192, 88, 99, 0, 24), Refusal::SixToFour),
    (v4(192, 168, 0, 0, 16), Refusal::Private),
    (v4(198, 18, 0, 0, 15), Refusal::Benchmarking),
    (v4(198, 51, 100, 0, 24), Refusal::Documentation),
    (v4(203, 0, 113, 0, 24), Refusal::Documentation),
    (v4(224, 0, 0, 0, 4), Refusal::Multicast),
    (v4(240, 0, 0, 0, 4), Refusal::Reserved),
];

/// The ranges that wrap no IPv4 address; those that do are in [`transition`]. First match decides.
const V6_DENIED: [(Ipv6Net, Refusal); 17] = [
    (v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0], 32), Refusal::Metadata), // AWS: ::254 metadata, ::23 pod identity
    (v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128), Refusal::Metadata), // Google
    (v6([0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe], 128), Refusal::Metadata), // Oracle
    (v6([0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42], 128), Refusal::Metadata), // Scaleway
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), Refusal::Unspecified),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), Refusal::Loopback),
    (v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64), Refusal::Reserved), // discard only, RFC 6666
    (v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48), Refusal::Benchmarking),
    (v6([0x2001, 0x10, 0, 0, 0, 0, 0, 0], 28), Refusal::Reserved), // ORCHID, RFC 4843
    (v6([0x2001, 0x20, 0, 0, 0, 0, 0, 0], 28), Refusal::Reserved), // ORCHIDv2, RFC 7343
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), Refusal::Documentation),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), Refusal::Documentation),
    (v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16), Refusal::Reserved), // segment routing, RFC 9602
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), Refusal::Private),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), Refusal::LinkLocal),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), Refusal::Private), // site-local, deprecated by RFC 3879
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), Refusal::Multicast),
];

/// All that IANA has handed out as public unicast. Outside of it nothing legitimate answers, while translators
/// may listen there (for example `::ffff:0:0:0/96`, RFC 2765), so it is refused beyond the table.
const V6_PUBLIC: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);
const NAT64_LOCAL: Ipv6Net = v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48);
const MAPPED: Ipv6Net = v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96);
const COMPATIBLE: Ipv6Net = v6([0, 0, 0, 0, 0, 0, 0, 0], 96);
const TEREDO: Ipv6Net = v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32);
const SIX_TO_FOUR: Ipv6Net = v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16);

/// An IPv6 address that carries IPv4 addresses to some translator or tunnel.
pub(super) struct Transition {
    /// The range, as it is refused when the addresses inside are public.
    pub(super) kind: Refusal,
    pub(super) embedded: [Option<Ipv4Addr>; 2],
}

/// Decides whether an address is public unicast, and so may be dialled without an exception.
///
/// # Errors
/// The class of the address; for a transition form the class of the IPv4 address inside if that is refused, else
/// the form.
pub fn classify(ip: IpAddr) -> Result<(), Refusal> {
    match ip {
        IpAddr::V4(ip) => classify_v4(ip),
        IpAddr::V6(ip) => classify_v6(ip),
    }
}

fn classify_v4(ip: Ipv4Addr) -> Result<(), Refusal> {
    V4_DENIED.iter().find(|(range, _)| range.contains(&ip)).map_or(Ok(()), |&(_, refusal)| Err(refusal))
}

fn classify_v6(ip: Ipv6Addr) -> Result<(), Refusal> {
    if let Some(transition) = transition(IpAddr::V6(ip)) {
        transition.embedded.into_iter().flatten().try_for_each(classify_v4)?;
        return Err(transition.kind);
    }
    if let Some(&(_, refusal)) = V6_DENIED.iter().find(|(range, _)| range.contains(&ip)) {
        return Err(refusal);
    }
    if V6_PUBLIC.contains(&ip) { Ok(()) } else { Err(Refusal::Reserved) }
}

/// Decodes the IPv4 addresses inside a transition form; `None` for every other address.
pub(super) fn transition(ip: IpAddr) -> Option<Transition> {
    let IpAddr::V6(ip) = ip else { return None };
    if ip.is_unspecified() || ip.is_loopback() {
        return None;
    }
    let [_, b, c, d, e, f, g, h] = ip.segments();
    let join = |high: u16, low: u16| Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    let (kind, embedded) = if MAPPED.contains(&ip) {
        (Refusal::Mapped, [join(g, h), None])
    } else if COMPATIBLE.contains(&ip) {
        (Refusal::Compatible, [join(g, h), None])
    } else if NAT64.contains(&ip) {
        (Refusal::Nat64, [join(g, h), None])
    } else if NAT64_LOCAL.contains(&ip) {
        // A local translator places the address by its own prefix length: at the end (/96), or right after
        // the /48 around the octet that RFC 6052 keeps zero.
        let used = |inner: &Ipv4Addr| !inner.is_unspecified();
        (Refusal::Nat64Local, [join(g, h).filter(used), join(d, (e << 8) | (f >> 8)).filter(used)])
    } else if SIX_TO_FOUR.contains(&ip) {
        (Refusal::SixToFour, [join(b, c), None])
    } else if TEREDO.contains(&ip) {
        // RFC 4380: the server as it is, the client with every bit inverted.
        (Refusal::Teredo, [join(c, d), join(!g, !h)])
    } else {
        return None;
    };
    Some(Transition { kind, embedded })
}
