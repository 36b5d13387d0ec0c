//! Hook0's signatures of chosen headers and the body: `t=…,h=…,v0=…,v1=…` in `X-Hook0-Signature`, HMAC-SHA256 in hex. `v0` is
//! that of the timestamp and the body ([`timestamped::HOOK0`](crate::timestamped::HOOK0)); `v1` covers the timestamp, the names
//! in `h` joined by spaces, their values and the body, all joined by full stops (the contract that Hook0's clients share,
//! `clients/conformance/signature.json` in its repository).

use std::fmt::Write as _;

use subtle::{Choice, ConstantTimeEq};

use crate::decimal::Decimal;
use crate::error::VerifyError;
use crate::plain::{HEX, HEX_SIGNATURE_LENGTH_BYTES};
use crate::secret::Secret;
use crate::standard::MAX_LISTED_SIGNATURES;
use crate::tolerance::Tolerance;

/// Most headers that one signature covers; more would be work that a stranger chose.
pub const MAX_COVERED_HEADERS: usize = 64;

const VERSION_BODY: &str = "v0";
const VERSION_HEADERS: &str = "v1";

/// The value of the header: the time in Unix seconds, the covered names in this order and in lower case, and of each secret a
/// `v0` and a `v1`. Build the secrets with [`Secret::raw`].
///
/// Hook0's own clients look at the last signature of a kind only, so the secret that receivers already have goes last.
///
/// ```
/// use stentor_verify::{Secret, Tolerance, hook0};
///
/// let secrets = [Secret::raw("endpoint secret")?];
/// let header = hook0::sign(&secrets, 1_700_000_000, &[("x-event-id", "evt_1")], b"{}");
/// assert!(header.starts_with("t=1700000000,h=x-event-id,v0="));
/// let found = |name: &str| (name == "x-event-id").then_some("evt_1");
/// hook0::verify(&secrets, &header, found, b"{}", Tolerance::default(), 1_700_000_007)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn sign(secrets: &[Secret], timestamp_seconds: u64, covered: &[(&str, &str)], body: &[u8]) -> String {
    let timestamp = Decimal::new(timestamp_seconds);
    let names: Vec<String> = covered.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    let (names, values) =
        (names.join(" "), covered.iter().map(|(_, value)| *value).collect::<Vec<_>>().join("."));
    let mut header =
        String::with_capacity(30 + names.len() + secrets.len() * 2 * (HEX_SIGNATURE_LENGTH_BYTES + 4));
    write!(header, "t={timestamp_seconds},h={names}").expect("writing to a String");
    for secret in secrets {
        let of_body = secret.mac(&[timestamp.as_bytes(), b".", body]);
        let of_headers = secret.mac(&signed_parts(timestamp.as_bytes(), &names, &values, body));
        let (of_body, of_headers) = (HEX.encode(&of_body), HEX.encode(&of_headers));
        write!(header, ",{VERSION_BODY}={of_body},{VERSION_HEADERS}={of_headers}")
            .expect("writing to a String");
    }
    header
}

/// Accepts a header whose signatures were made with any of the secrets, if its timestamp is within the tolerance of
/// `now_unix_seconds`. `find` gives the value of a request's header by its name in lower case. Where there is a `v1` the `v0`
/// beside it counts for nothing: otherwise leaving headers out would be as good as signing them.
///
/// # Errors
/// [`VerifyError::MalformedSignature`] without a timestamp or a well-formed signature,
/// [`VerifyError::CoveredHeaderMissing`], [`VerifyError::TooManySignatures`] (or covered headers), those of
/// [`Tolerance::check`], [`VerifyError::NoMatchingSignature`].
pub fn verify<'r>(
    secrets: &[Secret],
    header: &str,
    find: impl Fn(&str) -> Option<&'r str>,
    body: &[u8],
    tolerance: Tolerance,
    now_unix_seconds: u64,
) -> Result<(), VerifyError> {
    let fields = || header.split(',').filter_map(|field| field.trim().split_once('='));
    if fields().count() > 2 * MAX_LISTED_SIGNATURES + 2 {
        return Err(VerifyError::TooManySignatures);
    }
    let field = |wanted: &str| fields().find(|(name, _)| *name == wanted).map(|(_, value)| value);
    let timestamp = field("t").ok_or(VerifyError::MalformedSignature)?;
    let listed =
        |version: &'static str| fields().filter(move |(name, _)| *name == version).map(|(_, value)| value);
    let (version, names) = match listed(VERSION_HEADERS).next() {
        Some(_) => (VERSION_HEADERS, field("h").unwrap_or_default()),
        None => (VERSION_BODY, ""),
    };
    let given = listed(version).map(|value| HEX.decode(value).ok_or(VerifyError::MalformedSignature));
    let given = given.collect::<Result<Vec<_>, _>>()?;
    if given.is_empty() {
        return Err(VerifyError::MalformedSignature);
    }
    tolerance.check(timestamp, now_unix_seconds)?;
    let values = covered_values(names, find)?;
    let parts = match version {
        VERSION_HEADERS => signed_parts(timestamp.as_bytes(), names, &values, body).to_vec(),
        _ => vec![timestamp.as_bytes(), b".", body],
    };
    let matched = secrets.iter().fold(Choice::from(0), |matched, secret| {
        let digest = secret.mac(&parts);
        given.iter().fold(matched, |matched, given| matched | digest.ct_eq(given))
    });
    if matched.into() { Ok(()) } else { Err(VerifyError::NoMatchingSignature) }
}

fn covered_values<'r>(names: &str, find: impl Fn(&str) -> Option<&'r str>) -> Result<String, VerifyError> {
    let names = || names.split(' ').filter(|name| !name.is_empty());
    if names().nth(MAX_COVERED_HEADERS).is_some() {
        return Err(VerifyError::TooManySignatures);
    }
    let values =
        names().map(|name| find(&name.to_ascii_lowercase()).ok_or(VerifyError::CoveredHeaderMissing));
    Ok(values.collect::<Result<Vec<_>, _>>()?.join("."))
}

fn signed_parts<'p>(timestamp: &'p [u8], names: &'p str, values: &'p str, body: &'p [u8]) -> [&'p [u8]; 7] {
    [timestamp, b".", names.as_bytes(), b".", values.as_bytes(), b".", body]
}

#[cfg(test)]
mod tests {
    use super::{sign, verify};
    use crate::{Secret, Tolerance, VerifyError};

    const NOW: u64 = 1_700_000_000;
    const COVERED: [(&str, &str); 2] = [("Content-Type", "application/json"), ("X-Tenant", "acme, inc.")];

    fn secret() -> [Secret; 1] {
        [Secret::raw("endpoint-secret").unwrap()]
    }

    fn check(header: &str, headers: &[(&str, &str)], now: u64) -> Result<(), VerifyError> {
        let find = |wanted: &str| {
            headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| *value)
        };
        verify(&secret(), header, find, b"{\"a\":1}", Tolerance::default(), now)
    }

    #[test]
    fn a_known_vector() {
        // Made in Python: hmac.new(b"endpoint-secret", b'1700000000.content-type x-tenant.application/json.acme, inc..{"a":1}',
        // "sha256").hexdigest(), and the same over b'1700000000.{"a":1}'.
        let header = sign(&secret(), NOW, &COVERED, b"{\"a\":1}");
        assert_eq!(
            header,
            "t=1700000000,h=content-type x-tenant,\
             v0=f9381435a248f9cd54496a1f4801789baaab56e31517f7a68a56825b0c5ad34b,\
             v1=a2cea1f560d72dde5417e5173ae9cf544030fb9ba0eea3e7f0ab8b31360d10d5"
        );
        assert_eq!(check(&header, &COVERED, NOW + 299), Ok(()));
    }

    #[test]
    fn what_is_changed_or_left_out_is_refused() {
        let header = sign(&secret(), NOW, &COVERED, b"{\"a\":1}");
        let (both, v1) = header.rsplit_once(",v1=").unwrap();
        let zeros = "0".repeat(64);
        for (header, headers, now, expected) in [
            (
                header.clone(),
                &[("content-type", "application/json"), ("x-tenant", "other")][..],
                NOW,
                VerifyError::NoMatchingSignature,
            ),
            (header.clone(), &COVERED[..1], NOW, VerifyError::CoveredHeaderMissing),
            (header.clone(), &COVERED[..], NOW + 301, VerifyError::TooOld),
            (
                header.replace("content-type x-tenant", "x-tenant content-type"),
                &COVERED[..],
                NOW,
                VerifyError::NoMatchingSignature,
            ),
            // A right signature of the body does not rescue a wrong one of the headers.
            (format!("{both},v1={zeros}"), &COVERED[..], NOW, VerifyError::NoMatchingSignature),
            (format!("{both},v1={}", &v1[..63]), &COVERED[..], NOW, VerifyError::MalformedSignature),
            (format!("t={NOW},h=a"), &COVERED[..], NOW, VerifyError::MalformedSignature),
            (format!("{header}{}", ",v1=0".repeat(70)), &COVERED[..], NOW, VerifyError::TooManySignatures),
            (
                format!("t={NOW},h={},v1={zeros}", "a ".repeat(65)),
                &COVERED[..],
                NOW,
                VerifyError::TooManySignatures,
            ),
        ] {
            assert_eq!(check(&header, headers, now), Err(expected), "{header}");
        }
        assert_eq!(check(both, &[], NOW), Ok(()), "without a v1 the body's signature counts");
    }
}
