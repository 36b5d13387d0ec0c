//! What the server's certificates say: chain, name and expiry, each judged on its own. One that is expired and for another
//! name has both told, though verification ends at the first.

use std::net::IpAddr;

use rustls::CertificateError;
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use stentor_core::attempt::{AttemptOutcome, NetworkError};
use stentor_core::destination_url::{DestinationUrl, Host};
use stentor_core::time::Time;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate, X509Name};

use super::finding::{CheckName, Finding};
use super::report::{CertificateSeen, Check, Detail};
use crate::outbound::probe::TlsLook;

/// From this many days before its end a certificate is worth a warning: those that renew themselves do so earlier.
const DAYS_SOON: i64 = 14;
const DAY_SECONDS: i64 = 24 * 3_600;
/// Names of a certificate that a report lists, and the longest text of one.
const NAMES_MAX: usize = 20;
const TEXT_CHARS_MAX: usize = 253;

/// The checks that certificates have.
pub(super) const CHECKS: [CheckName; 3] =
    [CheckName::CertificateChain, CheckName::CertificateName, CheckName::CertificateExpiry];

/// The handshake itself.
pub(super) fn handshake(look: &TlsLook) -> Check {
    let Some(failure) = look.failure else {
        let version = look.version.map_or("TLS", tls_version);
        return Check::new(CheckName::Tls, Finding::TlsEstablished, format!("{version} was agreed on."));
    };
    let (finding, text) = match failure {
        AttemptOutcome::Network { error: NetworkError::Certificate } => {
            (Finding::TlsCertificateRefused, "The certificate was refused.")
        }
        AttemptOutcome::Network { error: NetworkError::Closed } => {
            (Finding::TlsClosed, "The server closed the connection during the handshake.")
        }
        AttemptOutcome::Timeout { .. } => (Finding::TlsTimedOut, "The handshake was not finished in time."),
        _ => (Finding::TlsFailed, "The handshake failed."),
    };
    Check::new(CheckName::Tls, finding, text)
}

fn tls_version(version: &'static str) -> &'static str {
    match version {
        "TLSv1_2" => "TLS 1.2",
        "TLSv1_3" => "TLS 1.3",
        other => other,
    }
}

/// The three checks of what the server showed; not tried when it showed nothing.
pub(super) fn judge(look: &TlsLook, url: &DestinationUrl, now: Time) -> Vec<Check> {
    let Some(own) = look.chain.first() else {
        return CHECKS.into_iter().map(Check::not_tried).collect();
    };
    let Ok((_, parsed)) = X509Certificate::from_der(own) else {
        let unreadable =
            |name| Check::new(name, Finding::CertificateUnreadable, "The certificate cannot be read.");
        return CHECKS.into_iter().map(unreadable).collect();
    };
    let seen = CertificateSeen::of(&parsed, look.chain.len(), now);
    vec![chain(look, &parsed, &seen, now), name(own, url, &seen), expiry(seen, now)]
}

fn chain(look: &TlsLook, own: &X509Certificate<'_>, seen: &CertificateSeen, now: Time) -> Check {
    let check = |finding, text: String| Check::new(CheckName::CertificateChain, finding, text);
    let issuer = &seen.issuer;
    match &look.refusal {
        // The name is judged last: the chain held until then.
        None | Some(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }) => {
            check(
                Finding::ChainTrusted,
                format!("The chain leads to a trusted authority; issued by {issuer}."),
            )
        }
        Some(_) if is_self_signed(own) => {
            check(Finding::ChainSelfSigned, "The certificate is signed by itself.".to_owned())
        }
        Some(refusal) if is_out_of_time(refusal) && !seen.is_valid_at(now) => {
            let text = "Not judged, because the certificate itself is not valid at this time.";
            Check::new(CheckName::CertificateChain, Finding::NotTried, text)
        }
        Some(refusal) if is_out_of_time(refusal) => {
            check(Finding::ChainExpired, "A certificate of the chain is not valid at this time.".to_owned())
        }
        Some(CertificateError::UnknownIssuer) => {
            check(Finding::ChainUnknownIssuer, format!("The issuer is not known: {issuer}."))
        }
        Some(refusal) => {
            check(Finding::ChainInvalid, format!("The chain was refused: {}.", bounded(&refusal.to_string())))
        }
    }
}

/// Equal names alone prove nothing: an authority may have the name that it gives.
fn is_self_signed(own: &X509Certificate<'_>) -> bool {
    own.issuer().as_raw() == own.subject().as_raw() && own.verify_signature(None).is_ok()
}

fn is_out_of_time(refusal: &CertificateError) -> bool {
    matches!(
        refusal,
        CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }
    )
}

fn name(own: &CertificateDer<'_>, url: &DestinationUrl, seen: &CertificateSeen) -> Check {
    let (expected, shown) = match url.host() {
        Host::Ip(ip) => (Ok(ServerName::from(ip)), ip.to_string()),
        Host::Name(name) => (ServerName::try_from(name), name.to_owned()),
    };
    let parsed = ParsedCertificate::try_from(own);
    let matches = match (expected, parsed) {
        (Ok(expected), Ok(parsed)) => verify_server_name(&parsed, &expected).is_ok(),
        _ => false,
    };
    if matches {
        let text = format!("The certificate is for {shown}.");
        return Check::new(CheckName::CertificateName, Finding::NameMatches, text);
    }
    let names = if seen.names.is_empty() { "no name at all".to_owned() } else { seen.names.join(", ") };
    let text = format!("The certificate is for {names}, and not for {shown}.");
    Check::new(CheckName::CertificateName, Finding::NameWrong, text)
}

fn expiry(seen: CertificateSeen, now: Time) -> Check {
    let (days, end) = (seen.days_left, seen.not_after);
    let (finding, text) = if now < seen.not_before {
        (Finding::ExpiryNotYet, format!("The certificate is not valid before {}.", seen.not_before))
    } else if end < now {
        (Finding::ExpiryPassed, format!("The certificate expired on {end}."))
    } else if days <= DAYS_SOON {
        (Finding::ExpirySoon, format!("The certificate expires on {end}, in {days} days."))
    } else {
        (Finding::ExpiryFar, format!("The certificate is valid until {end}, for {days} days."))
    };
    Check::new(CheckName::CertificateExpiry, finding, text).showing(Detail::Certificate(Box::new(seen)))
}

impl CertificateSeen {
    fn of(certificate: &X509Certificate<'_>, chain_length: usize, now: Time) -> Self {
        let validity = certificate.validity();
        let end = validity.not_after.timestamp();
        Self {
            subject: text_of(certificate.subject()),
            issuer: text_of(certificate.issuer()),
            names: names_of(certificate),
            not_before: Time::from_seconds(validity.not_before.timestamp()),
            not_after: Time::from_seconds(end),
            days_left: (end.saturating_sub(now.unix_seconds())).div_euclid(DAY_SECONDS),
            chain_length,
        }
    }

    fn is_valid_at(&self, now: Time) -> bool {
        self.not_before <= now && now <= self.not_after
    }
}

fn text_of(name: &X509Name<'_>) -> String {
    bounded(&name.to_string())
}

fn names_of(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    let names = extension.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(bounded(name)),
        GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
        _ => None,
    });
    names.take(NAMES_MAX).collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}

/// A text of the server's, short and without characters that steer a terminal.
fn bounded(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(TEXT_CHARS_MAX).collect()
}
