//! Which host names may be destinations. Names are judged early only to give a good answer; what protects is the
//! check of each resolved address.

use super::UrlRefusal;
use crate::address::AddressPolicy;

/// Longest DNS name and label, in bytes (RFC 1035 section 2.3.4; the name without its trailing dot).
const NAME_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

/// Suffixes that no public resolver answers for (reliability S4; RFC 6762, RFC 8375, ICANN's `.internal`).
const INTERNAL_SUFFIXES: [&str; 4] = ["internal", "local", "localdomain", "home.arpa"];

/// Names of metadata services; refused under every policy.
const METADATA_NAMES: [&str; 8] = [
    "metadata",
    "metadata.google.internal",
    "metadata.goog",
    "metadata.azure.internal",
    "metadata.tencentyun.com",
    "metadata.platformequinix.com",
    "instance-data",
    "instance-data.ec2.internal",
];

/// Holds under every policy: the name, canonical and without trailing dot, is one that DNS could carry.
pub(super) fn check_form(name: &str) -> Result<(), UrlRefusal> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    let label_is_valid =
        |label: &str| !label.is_empty() && label.len() <= LABEL_BYTES_MAX && label.bytes().all(plain);
    let valid = name.len() <= NAME_BYTES_MAX && name.split('.').all(label_is_valid);
    if valid { Ok(()) } else { Err(UrlRefusal::Name) }
}

pub(super) fn check(name: &str, policy: &AddressPolicy) -> Result<(), UrlRefusal> {
    if METADATA_NAMES.iter().any(|metadata| is_or_is_under(name, metadata)) {
        return Err(UrlRefusal::MetadataName);
    }
    if is_or_is_under(name, "localhost") {
        return if policy.allows_localhost() { Ok(()) } else { Err(UrlRefusal::Localhost) };
    }
    if policy.allows_internal_names() {
        return Ok(());
    }
    if INTERNAL_SUFFIXES.iter().any(|suffix| is_or_is_under(name, suffix)) {
        return Err(UrlRefusal::InternalName);
    }
    if name.contains('.') { Ok(()) } else { Err(UrlRefusal::SingleLabel) }
}

fn is_or_is_under(name: &str, suffix: &str) -> bool {
    name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}
