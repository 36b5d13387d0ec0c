//! A destination looked at step by step.

use rcgen::date_time_ymd;
use rustls::CertificateError;
use stentor_core::address::Refusal;

use super::tls::{Authority, OK, tls_receiver};
use super::*;

fn destination(url: &str) -> DestinationUrl {
    DestinationUrl::from_stored(url).unwrap()
}

#[tokio::test]
async fn every_address_is_judged_and_none_dialled() {
    let receiver = Receiver::answering(OK).await;
    let answer = ScriptedResolver::addresses(&["127.0.0.1", "93.184.216.34"]);
    let policy = AddressPolicy::closed().with_http(true);
    let client = OutboundClient::new(options(policy), ScriptedResolver::new([answer])).unwrap();
    let url = destination(&format!("http://mixed.example.com:{}/", receiver.address.port()));
    let found = client.look_up(&url, PATIENT).await.unwrap();
    let verdicts: Vec<_> = found.iter().map(|(_, verdict)| *verdict).collect();
    assert_eq!(verdicts, [Err(Refusal::Loopback), Ok(())]);
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn a_refused_address_is_not_connected_to() {
    let receiver = Receiver::answering(OK).await;
    let policy = AddressPolicy::closed().with_http(true);
    let client = OutboundClient::new(options(policy), no_names()).unwrap();
    let url = destination(&receiver.url());
    let refused = client.connect(&url, PATIENT).await.unwrap_err();
    assert_eq!(refused, AttemptOutcome::Blocked { refusal: Refusal::Loopback });
    let get = client.get(&url, Time::ZERO, PATIENT).await;
    assert_eq!(get.report.outcome, refused);
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn certificates_are_kept_also_when_they_are_refused() {
    let authority = Authority::new();
    let expired = authority.acceptor("receiver.example.com", &[], |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2020, 2, 1);
    });
    let good = authority.acceptor("receiver.example.com", &[], |_| {});
    for (acceptor, works) in [(expired, false), (good, true)] {
        let (receiver, arrived) = tls_receiver(acceptor, OK, true).await;
        let client = authority.client();
        let url = destination(&format!("https://receiver.example.com:{}/", receiver.address.port()));
        let connection = client.connect(&url, PATIENT).await.unwrap();
        assert_eq!(connection.peer, Some(receiver.address));
        let look = client.handshake(&url, connection, PATIENT).await;
        assert_eq!((look.failure.is_none(), look.chain.len()), (works, 1));
        let expired = matches!(look.refusal, Some(CertificateError::ExpiredContext { .. }));
        assert_eq!((expired, look.version.is_some()), (!works, works));
        assert_eq!(arrived.load(Ordering::SeqCst), 0, "nothing is sent");
    }
}

#[tokio::test]
async fn a_get_has_no_body_and_tells_where_it_is_led() {
    let (sender, mut requests) = tokio::sync::mpsc::unbounded_channel();
    let receiver = Receiver::start(move |mut stream, _| {
        let sender = sender.clone();
        async move {
            sender.send(read_request(&mut stream).await).unwrap();
            let answer = "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    })
    .await;
    let look = dev_client().get(&destination(&receiver.url()), Time::ZERO, PATIENT).await;
    assert_eq!(look.report.outcome, AttemptOutcome::Refused { status: 302, retry_after: None });
    assert_eq!(look.location.as_deref(), Some("/elsewhere"));
    let request = requests.recv().await.unwrap();
    assert!(request.starts_with("GET /hook?key=value HTTP/1.1\r\n"), "{request}");
    assert!(!request.to_ascii_lowercase().contains("content-length"), "{request}");
}
