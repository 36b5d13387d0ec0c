//! Name servers that fail, lie or stay silent (reliability F12).

use std::sync::atomic::AtomicBool;

use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use tokio::net::UdpSocket;

use super::*;
use crate::outbound::SystemResolver;

const NXDOMAIN: u8 = 3;
const SERVFAIL: u8 = 2;
const NO_ERROR: u8 = 0;

/// A name server that turns each query into the answer `script` makes of it, or stays silent.
async fn name_server(script: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + 'static) -> SystemResolver {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut server = NameServerConfig::udp("127.0.0.1".parse().unwrap());
    server.connections[0].port = socket.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut query = [0; 1024];
        while let Ok((length, peer)) = socket.recv_from(&mut query).await {
            if let Some(answer) = script(&query[..length]) {
                socket.send_to(&answer, peer).await.unwrap();
            }
        }
    });
    SystemResolver::with_config(ResolverConfig::from_name_servers(vec![server]), SHORT).unwrap()
}

/// The query's own header and question with a response code, and one record per address if it asks for IPv4.
fn answer(query: &[u8], code: u8, addresses: &[[u8; 4]]) -> Vec<u8> {
    let question_end = 12 + query[12..].iter().position(|&byte| byte == 0).unwrap() + 5;
    let asks_for_v4 = query[question_end - 4..question_end - 2] == [0, 1];
    let addresses = if asks_for_v4 { addresses } else { &[] };
    let mut answer = query[..question_end].to_vec();
    answer[2] = 0x81;
    answer[3] = 0x80 | code;
    answer[6..12].copy_from_slice(&[0, u8::try_from(addresses.len()).unwrap(), 0, 0, 0, 0]);
    for address in addresses {
        answer.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0x0e, 0x10, 0, 4]);
        answer.extend_from_slice(address);
    }
    answer
}

/// The query's own question, answered with a chain of aliases that ends at one address, in one message.
fn aliased(query: &[u8], aliases: &[&str], address: [u8; 4]) -> Vec<u8> {
    let mut message = answer(query, NO_ERROR, &[]);
    let asks_for_v4 = message[message.len() - 4..message.len() - 2] == [0, 1];
    let mut owner = vec![0xc0, 12];
    for alias in aliases {
        let target = wire_name(alias);
        message.extend_from_slice(&owner);
        message.extend_from_slice(&[0, 5, 0, 1, 0, 0, 0x0e, 0x10]);
        message.extend_from_slice(&u16::try_from(target.len()).unwrap().to_be_bytes());
        message.extend_from_slice(&target);
        owner = target;
    }
    let mut records = aliases.len();
    if asks_for_v4 {
        message.extend_from_slice(&owner);
        message.extend_from_slice(&[0, 1, 0, 1, 0, 0, 0x0e, 0x10, 0, 4]);
        message.extend_from_slice(&address);
        records += 1;
    }
    message[6..8].copy_from_slice(&u16::try_from(records).unwrap().to_be_bytes());
    message
}

fn wire_name(name: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in name.split('.') {
        wire.push(u8::try_from(label.len()).unwrap());
        wire.extend_from_slice(label.as_bytes());
    }
    wire.push(0);
    wire
}

/// A public name whose aliases lead inside is refused for where it leads (acceptance: CNAME chains).
#[tokio::test]
async fn a_chain_of_aliases_is_judged_by_its_end() {
    use stentor_core::address::Refusal;
    let chain = ["edge.cdn.example.net", "origin.example.org", "db.internal"];
    for (address, refusal) in [
        ([10, 0, 0, 7], Refusal::Private),
        ([127, 0, 0, 1], Refusal::Loopback),
        ([169, 254, 169, 254], Refusal::Metadata),
    ] {
        let receiver = Receiver::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        let resolver = name_server(move |query| Some(aliased(query, &chain, address))).await;
        let found = resolver.resolve("hooks.example.com").await;
        assert_eq!(found, Ok(vec![IpAddr::from(address)]), "the aliases are followed");
        let policy = AddressPolicy::closed().with_http(true);
        let client = OutboundClient::new(options(policy), Arc::new(resolver)).unwrap();
        let url = format!("http://hooks.example.com:{}/", receiver.address.port());
        assert_eq!(outcome(&client, &url).await, AttemptOutcome::Blocked { refusal }, "{address:?}");
        assert_eq!(receiver.connections(), 0, "{address:?}");
    }
    // The same chain to where it may lead is followed to its end.
    let receiver = Receiver::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let resolver = name_server(move |query| Some(aliased(query, &chain, [127, 0, 0, 1]))).await;
    let client = client_with(Arc::new(resolver));
    let url = format!("http://hooks.example.com:{}/", receiver.address.port());
    assert_eq!(outcome(&client, &url).await, delivered(200));
}

#[tokio::test]
async fn addresses_are_found_and_cached() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let resolver = name_server(move |query| {
        count.fetch_add(1, Ordering::SeqCst);
        Some(answer(query, NO_ERROR, &[[192, 0, 2, 1], [192, 0, 2, 2]]))
    })
    .await;
    let expected = ScriptedResolver::addresses(&["192.0.2.1", "192.0.2.2"]);
    assert_eq!(resolver.resolve("two.example.com").await, expected);
    let asked_once = asked.load(Ordering::SeqCst);
    assert_eq!(resolver.resolve("two.example.com").await, expected);
    assert!(asked.load(Ordering::SeqCst) <= asked_once + 1, "the IPv4 answer comes from the cache");
}

#[tokio::test]
async fn a_missing_name_and_a_failing_server_differ() {
    let missing = name_server(|query| Some(answer(query, NXDOMAIN, &[]))).await;
    assert_eq!(missing.resolve("missing.example.com").await, Err(ResolveError::NotFound));
    let empty = name_server(|query| Some(answer(query, NO_ERROR, &[]))).await;
    assert_eq!(empty.resolve("empty.example.com").await, Err(ResolveError::NotFound));
    let failing = name_server(|query| Some(answer(query, SERVFAIL, &[]))).await;
    assert_eq!(failing.resolve("failing.example.com").await, Err(ResolveError::Failed));
    let garbage = name_server(|_| Some(b"garbage".to_vec())).await;
    assert_eq!(garbage.resolve("garbage.example.com").await, Err(ResolveError::Failed));
    let silent = name_server(|_| None).await;
    assert_eq!(silent.resolve("silent.example.com").await, Err(ResolveError::Failed));
}

#[tokio::test]
async fn localhost_is_loopback_and_nobody_is_asked() {
    let asked = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&asked);
    let resolver = name_server(move |query| {
        flag.store(true, Ordering::SeqCst);
        Some(answer(query, NO_ERROR, &[[192, 0, 2, 1]]))
    })
    .await;
    for name in ["localhost", "anything.localhost"] {
        assert_eq!(resolver.resolve(name).await, ScriptedResolver::addresses(&["127.0.0.1", "::1"]));
    }
    assert!(!asked.load(Ordering::SeqCst));
}

#[tokio::test]
async fn localhost_can_be_delivered_to_in_dev_mode() {
    let receiver = Receiver::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let client = client_with(Arc::new(name_server(|_| None).await));
    let url = format!("http://localhost:{}/", receiver.address.port());
    assert_eq!(outcome(&client, &url).await, delivered(200));
}

#[tokio::test]
async fn a_failing_resolver_closes_the_way() {
    for (failure, error) in [
        (ResolveError::NotFound, NetworkError::NameNotFound),
        (ResolveError::Failed, NetworkError::ResolverFailed),
    ] {
        let client = client_with(ScriptedResolver::new([Err(failure)]));
        assert_eq!(outcome(&client, "http://name.example.com:8080/").await, network(error));
    }
    let client = client_with(ScriptedResolver::new([Ok(Vec::new())]));
    assert_eq!(outcome(&client, "http://name.example.com:8080/").await, network(NetworkError::NameNotFound));
}

#[tokio::test]
async fn a_slow_resolver_is_bounded_by_the_deadline() {
    struct Silent;
    #[async_trait]
    impl Resolver for Silent {
        async fn resolve(&self, _: &str) -> Result<Vec<IpAddr>, ResolveError> {
            std::future::pending().await
        }
    }
    let report = impatient(&client_with(Arc::new(Silent)), "http://slow.example.com:8080/").await;
    assert_eq!(report.outcome, timeout(Phase::Resolve));
}
