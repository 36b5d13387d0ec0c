//! Addresses that must not be dialled are not (reliability S1, S2): proven by listeners that see no connection.

use stentor_core::address::Refusal;

use super::*;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// Public addresses only, but over http, so that the address decides and not the scheme.
fn closed_with_http() -> AddressPolicy {
    AddressPolicy::closed().with_http(true)
}

fn closed_client(resolver: Arc<dyn Resolver>) -> OutboundClient {
    OutboundClient::new(options(closed_with_http()), resolver).unwrap()
}

const fn blocked(refusal: Refusal) -> AttemptOutcome {
    AttemptOutcome::Blocked { refusal }
}

#[tokio::test]
async fn literals_are_checked_in_every_notation() {
    let receiver = Receiver::answering(OK).await;
    let port = receiver.address.port();
    let client = closed_client(no_names());
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "127.0.0.1.",
        "[::1]",
        "[::ffff:127.0.0.1]",
    ] {
        let outcome = outcome(&client, &format!("http://{host}:{port}/")).await;
        assert!(matches!(outcome, AttemptOutcome::Blocked { .. }), "{host}: {outcome:?}");
    }
    for (host, refusal) in [
        ("10.0.0.1", Refusal::Private),
        ("169.254.169.254", Refusal::Metadata),
        ("0.0.0.0", Refusal::Unspecified),
        ("[fe80::1]", Refusal::LinkLocal),
    ] {
        assert_eq!(outcome(&client, &format!("http://{host}:{port}/")).await, blocked(refusal), "{host}");
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn https_is_guarded_alike() {
    let receiver = Receiver::answering(OK).await;
    let client = OutboundClient::new(options(AddressPolicy::closed()), no_names()).unwrap();
    assert_eq!(outcome(&client, &format!("https://{}/", receiver.address)).await, blocked(Refusal::Loopback));
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn a_name_that_moves_to_loopback_after_saving_is_blocked() {
    let receiver = Receiver::answering(OK).await;
    let answers =
        [ScriptedResolver::addresses(&["93.184.216.34"]), ScriptedResolver::addresses(&["127.0.0.1"])];
    let resolver = ScriptedResolver::new(answers);
    let client = closed_client(Arc::clone(&resolver) as Arc<dyn Resolver>);
    // What a check at the time of saving would have seen.
    let at_save = resolver.resolve("rebind.example.com").await.unwrap();
    assert_eq!(closed_with_http().check(SocketAddr::new(at_save[0], 8080)), Ok(()));

    let url = format!("http://rebind.example.com:{}/", receiver.address.port());
    assert_eq!(outcome(&client, &url).await, blocked(Refusal::Loopback));
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn the_check_is_made_again_at_every_connect() {
    // Closes after each answer, so that the second request needs a connection of its own.
    let receiver =
        Receiver::answering("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
    let answers = [ScriptedResolver::addresses(&["127.0.0.1"]), ScriptedResolver::addresses(&["10.1.2.3"])];
    let client = client_with(ScriptedResolver::new(answers));
    let url = format!("http://moving.example.com:{}/", receiver.address.port());
    assert_eq!(outcome(&client, &url).await, delivered(200));
    assert_eq!(outcome(&client, &url).await, blocked(Refusal::Private));
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn of_mixed_answers_only_allowed_addresses_are_dialled() {
    let receiver = Receiver::answering(OK).await;
    let mixed = ["10.0.0.1", "fd00::1", "169.254.169.254", "192.168.0.1", "127.0.0.1"];
    let client = client_with(ScriptedResolver::new([ScriptedResolver::addresses(&mixed)]));
    let url = format!("http://mixed.example.com:{}/", receiver.address.port());
    assert_eq!(outcome(&client, &url).await, delivered(200));
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn private_answers_of_either_family_are_refused() {
    for (address, refusal) in [("fd00::1", Refusal::Private), ("192.168.1.1", Refusal::Private)] {
        let client = client_with(ScriptedResolver::new([ScriptedResolver::addresses(&[address])]));
        assert_eq!(outcome(&client, "http://inside.example.com:8080/").await, blocked(refusal), "{address}");
    }
}

#[tokio::test]
async fn the_gateways_own_listeners_and_denied_ports_are_refused() {
    let receiver = Receiver::answering(OK).await;
    let policy = AddressPolicy::dev().with_own_listeners([receiver.address]);
    let client = OutboundClient::new(options(policy), no_names()).unwrap();
    assert_eq!(outcome(&client, &receiver.url()).await, blocked(Refusal::OwnListener));
    assert_eq!(outcome(&client, "http://127.0.0.1:6379/").await, blocked(Refusal::Port));
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn plain_http_is_not_sent_once_the_operator_forbids_it() {
    let receiver = Receiver::answering(OK).await;
    let client = OutboundClient::new(options(AddressPolicy::dev().with_http(false)), no_names()).unwrap();
    assert_eq!(outcome(&client, &receiver.url()).await, AttemptOutcome::Unsendable);
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn a_dead_address_is_followed_by_the_next() {
    let receiver = Receiver::answering(OK).await;
    let answer = ScriptedResolver::addresses(&["127.0.0.3", "127.0.0.2", "127.0.0.1"]);
    let client = client_with(ScriptedResolver::new([answer]));
    let url = format!("http://three.example.com:{}/", receiver.address.port());
    assert_eq!(outcome(&client, &url).await, delivered(200));
}

#[tokio::test]
async fn connections_leave_from_the_bound_address() {
    let (sender, mut peers) = tokio::sync::mpsc::unbounded_channel();
    let receiver = Receiver::start(move |mut stream, _| {
        let sender = sender.clone();
        async move {
            sender.send(stream.peer_addr().unwrap().ip()).unwrap();
            read_request(&mut stream).await;
            stream.write_all(OK.as_bytes()).await.unwrap();
        }
    })
    .await;
    let bind_address = Some("127.0.0.9".parse().unwrap());
    let client =
        OutboundClient::new(OutboundOptions { bind_address, ..options(AddressPolicy::dev()) }, no_names());
    let client = client.unwrap();
    assert_eq!(outcome(&client, &receiver.url()).await, delivered(200));
    assert_eq!(peers.recv().await, bind_address);
    let other_family = format!("http://[::1]:{}/", receiver.address.port());
    assert_eq!(outcome(&client, &other_family).await, network(NetworkError::Unreachable));
}
