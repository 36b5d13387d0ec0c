//! The head of a request as the engine takes it.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::ConnectInfo;
use http::header::HOST;
use http::request::Parts;
use stentor_engine::ingest::Head;

use crate::http::AppState;
use crate::http::peer::Sender;

/// Longest path with its query that is kept, in bytes.
const PATH_BYTES_MAX: usize = 2_048;
/// Parameters of a query whose values are secrets: kept masked.
const SECRET_PARAMETERS: [&str; 9] =
    ["access_token", "api_key", "apikey", "hub.verify_token", "key", "password", "secret", "sig", "token"];

/// Reads the head. A request without a known peer counts as a stranger's.
pub(super) fn read(state: &AppState, parts: &Parts) -> Head {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let sender = Sender::of(peer, &parts.headers, state.trusted_proxies());
    let query = parts.uri.query();
    let path_and_query = parts.uri.path_and_query().map_or(parts.uri.path(), |it| it.as_str());
    let host = parts.headers.get(HOST).and_then(|value| value.to_str().ok());
    let host = host.or(parts.uri.authority().map(|authority| authority.as_str())).unwrap_or("localhost");
    let scheme = if sender.over_tls { "https" } else { "http" };
    Head {
        method: parts.method.as_str().to_owned(),
        path: shown(parts.uri.path(), query),
        query: query.map(str::to_owned),
        url: format!("{scheme}://{host}{path_and_query}"),
        headers: parts.headers.clone(),
        peer: sender.address,
        is_confidential: sender.is_confidential,
        received_at: state.engine().clock().now(),
    }
}

/// Path and query without secrets, cut to a bounded length.
fn shown(path: &str, query: Option<&str>) -> String {
    let mut text = path.to_owned();
    for (index, pair) in query.into_iter().flat_map(|query| query.split('&')).enumerate() {
        text.push(if index == 0 { '?' } else { '&' });
        let name = pair.split_once('=').map_or(pair, |(name, _)| name);
        let is_secret = SECRET_PARAMETERS.iter().any(|secret| name.eq_ignore_ascii_case(secret));
        text.push_str(&if is_secret { Cow::Owned(format!("{name}=***")) } else { Cow::Borrowed(pair) });
    }
    // A request target is ASCII, so any place is a boundary.
    text.truncate(PATH_BYTES_MAX);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_a_query_are_masked() {
        let query = "a=1&Token=canary&hub.verify_token=canary&hub.mode=subscribe&key&b";
        let expected = "/in/src_1?a=1&Token=***&hub.verify_token=***&hub.mode=subscribe&key=***&b";
        assert_eq!(shown("/in/src_1", Some(query)), expected);
        assert_eq!(shown("/", None), "/");
        assert_eq!(shown(&"/x".repeat(3_000), None).len(), PATH_BYTES_MAX);
    }
}
