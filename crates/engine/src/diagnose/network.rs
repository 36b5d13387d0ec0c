//! From the URL to an open connection: rules, name, address policy, TCP.

use std::net::IpAddr;
use std::time::Duration;

use stentor_core::address::{AddressPolicy, Refusal};
use stentor_core::attempt::{AttemptOutcome, NetworkError};
use stentor_core::destination_url::{DestinationUrl, Host};

use super::finding::{CheckName, Finding};
use super::report::{AddressSeen, Check, Detail};
use crate::clock::Stopwatch;
use crate::outbound::OutboundClient;
use crate::outbound::probe::Connection;

/// Most addresses that a report lists.
const ADDRESSES_MAX: usize = 20;

/// Whether a webhook could be saved with this URL today.
pub(super) fn url(url: &DestinationUrl, policy: &AddressPolicy) -> Check {
    match DestinationUrl::parse(url.as_str(), policy) {
        Ok(_) => Check::new(CheckName::Url, Finding::UrlAccepted, "The URL follows the rules."),
        Err(refusal) => Check::new(CheckName::Url, Finding::UrlRefused, sentence(&refusal.to_string())),
    }
}

/// The name's addresses and what the policy says of each.
pub(super) async fn dns(client: &OutboundClient, url: &DestinationUrl, within: Duration) -> Check {
    if let Host::Ip(_) = url.host() {
        let text = "The URL holds an address, so no name is looked up.";
        return Check::new(CheckName::Dns, Finding::DnsNotNeeded, text);
    }
    let stopwatch = Stopwatch::start();
    let found = client.look_up(url, within).await;
    let check = match found {
        Ok(found) => judged(&found),
        Err(outcome) => not_resolved(&outcome),
    };
    check.took(stopwatch.elapsed())
}

fn judged(found: &[(IpAddr, Result<(), Refusal>)]) -> Check {
    let refused = found.iter().filter(|(_, verdict)| verdict.is_err()).count();
    let (all, allowed) = (found.len(), found.len() - refused);
    let (finding, text) = match (allowed, refused) {
        (0, 0) => (Finding::DnsNotFound, "The name has no address.".to_owned()),
        (_, 0) => (Finding::DnsFound, format!("The name has {} that may be dialled.", addresses(all))),
        (0, _) => (Finding::DnsRefused, "No address of the name may be dialled.".to_owned()),
        _ => (
            Finding::DnsSomeRefused,
            format!("The name has {}; {refused} must not be dialled.", addresses(all)),
        ),
    };
    let seen = found.iter().take(ADDRESSES_MAX).map(|(ip, verdict)| match verdict {
        Ok(()) => AddressSeen::Allowed(*ip),
        Err(refusal) => AddressSeen::Refused(*refusal),
    });
    Check::new(CheckName::Dns, finding, text).showing(Detail::Addresses(seen.collect()))
}

fn addresses(count: usize) -> String {
    if count == 1 { "1 address".to_owned() } else { format!("{count} addresses") }
}

fn not_resolved(outcome: &AttemptOutcome) -> Check {
    let (finding, text) = match outcome {
        AttemptOutcome::Network { error: NetworkError::NameNotFound } => {
            (Finding::DnsNotFound, "The name does not exist or has no address.")
        }
        AttemptOutcome::Timeout { .. } => (Finding::DnsTimedOut, "The name was not found in time."),
        _ => (Finding::DnsFailed, "The name could not be looked up."),
    };
    Check::new(CheckName::Dns, finding, text)
}

/// A connection, as a delivery would open it.
pub(super) async fn tcp(
    client: &OutboundClient,
    url: &DestinationUrl,
    within: Duration,
) -> (Check, Option<Connection>) {
    let stopwatch = Stopwatch::start();
    let connected = client.connect(url, within).await;
    let took = stopwatch.elapsed();
    match connected {
        Ok(connection) => {
            let text = match connection.peer {
                Some(_) => "The connection was opened.",
                None => "The connection was opened through the operator's egress proxy.",
            };
            let check = Check::new(CheckName::Tcp, Finding::TcpConnected, text).took(took);
            let check = match connection.peer {
                Some(peer) => check.showing(Detail::Peer(peer)),
                None => check,
            };
            (check, Some(connection))
        }
        // Nothing was dialled, so there is no time to tell.
        Err(AttemptOutcome::Blocked { .. }) => (not_connected(Finding::DnsRefused), None),
        Err(outcome) => (not_connected(connect_finding(&outcome)).took(took), None),
    }
}

fn connect_finding(outcome: &AttemptOutcome) -> Finding {
    match outcome {
        AttemptOutcome::Timeout { .. } => Finding::TcpTimedOut,
        AttemptOutcome::Network { error } => match error {
            NetworkError::Refused => Finding::TcpRefused,
            NetworkError::Proxy => Finding::ProxyFailed,
            NetworkError::Closed => Finding::TcpClosed,
            NetworkError::NameNotFound => Finding::DnsNotFound,
            NetworkError::ResolverFailed => Finding::DnsFailed,
            _ => Finding::TcpUnreachable,
        },
        _ => Finding::TcpUnreachable,
    }
}

fn not_connected(finding: Finding) -> Check {
    let text = match finding {
        Finding::TcpTimedOut => "The connection was not opened in time.",
        Finding::TcpRefused => "The connection was refused.",
        Finding::ProxyFailed => "The egress proxy did not open the connection.",
        Finding::TcpClosed => "The connection was closed at once.",
        Finding::DnsRefused => "No address of the name may be dialled.",
        Finding::DnsNotFound | Finding::DnsFailed => "The name could not be looked up again.",
        _ => "There is no way to the address.",
    };
    Check::new(CheckName::Tcp, finding, text)
}

/// The text as a sentence of its own.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase).into_iter().flatten();
    let mut sentence: String = first.chain(letters).collect();
    if !sentence.ends_with('.') {
        sentence.push('.');
    }
    sentence
}
