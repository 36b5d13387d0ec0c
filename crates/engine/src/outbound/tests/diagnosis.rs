//! A diagnosis against receivers that behave well or badly: each fault has a finding of its own.

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use stentor_core::address::Refusal;
use stentor_core::id::TenantId;
use stentor_core::profile::Profile;
use stentor_core::webhook::SecretText;
use stentor_store::seal::MasterKey;
use stentor_store::sqlite::SqliteStore;
use tokio_rustls::TlsAcceptor;

use super::tls::{Authority, OK, tls_receiver};
use super::*;
use crate::clock::SystemClock;
use crate::destination::HttpDestination;
use crate::diagnose::Subject;
use crate::diagnose::finding::{CheckName, Finding, Status};
use crate::diagnose::report::{AddressSeen, Check, Detail, Diagnosis};
use crate::{Engine, EngineOptions, entropy};

const NAME: &str = "receiver.example.com";

/// Has an engine with that client look at the URL; with a secret it posts.
async fn diagnose(
    client: OutboundClient,
    policy: AddressPolicy,
    url: &str,
    probe_time: Duration,
) -> Diagnosis {
    let folder = tempfile::tempdir().unwrap();
    let key = MasterKey::from_bytes([7; 32]);
    let store = Arc::new(SqliteStore::open(&folder.path().join("test.db"), &key).unwrap());
    let mut options =
        EngineOptions::new(policy.clone(), options(policy), Arc::new(|reason| panic!("{reason}")));
    options.probe_time = probe_time;
    let destination = Arc::new(HttpDestination::new(client.clone()));
    let engine =
        Engine::launch(store, options, Arc::new(SystemClock), destination, Some(client)).await.unwrap();
    let secret = SecretText::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
    let subject = Subject::Url { url: url.to_owned(), signing: Some((secret, Profile::Standard)) };
    // Of its own, so that tests which run beside it do not take its place.
    let tenant = TenantId::new(engine.clock().now(), entropy::bits());
    let diagnosis = engine.diagnose(tenant, subject).await.unwrap();
    engine.shutdown(Duration::ZERO).await;
    diagnosis
}

async fn diagnose_plain(url: &str) -> Diagnosis {
    diagnose(dev_client(), AddressPolicy::dev(), url, PATIENT).await
}

fn check(diagnosis: &Diagnosis, name: CheckName) -> &Check {
    diagnosis.checks.iter().find(|check| check.name == name).unwrap()
}

fn found(diagnosis: &Diagnosis, name: CheckName) -> Finding {
    check(diagnosis, name).finding
}

/// What was found of the certificate: handshake, chain, name, expiry.
fn of_certificate(diagnosis: &Diagnosis) -> [Finding; 4] {
    use CheckName::{CertificateChain, CertificateExpiry, CertificateName, Tls};
    [Tls, CertificateChain, CertificateName, CertificateExpiry].map(|name| found(diagnosis, name))
}

/// Answers by method, on one connection after the other.
async fn by_method(get: &'static str, post: &'static str) -> Receiver {
    Receiver::start(move |mut stream, _| async move {
        loop {
            let request = read_request(&mut stream).await;
            let answer = match request.split(' ').next() {
                Some("GET") => get,
                Some("POST") => post,
                _ => return,
            };
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    })
    .await
}

const NOT_FOUND: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope";

async fn diagnose_tls(authority: &Authority, acceptor: TlsAcceptor) -> Diagnosis {
    let (receiver, _) = tls_receiver(acceptor, OK, true).await;
    let url = format!("https://{NAME}:{}/hook", receiver.address.port());
    diagnose(authority.client(), AddressPolicy::dev(), &url, PATIENT).await
}

#[tokio::test]
async fn a_good_receiver_has_nothing_wrong() {
    let authority = Authority::new();
    let acceptor = authority.acceptor(NAME, &["http/1.1"], |_| {});
    let diagnosis = diagnose_tls(&authority, acceptor).await;
    assert_eq!(diagnosis.verdict(), Status::Ok, "{diagnosis:?}");
    use Finding::{ChainTrusted, ExpiryFar, NameMatches, TlsEstablished};
    assert_eq!(of_certificate(&diagnosis), [TlsEstablished, ChainTrusted, NameMatches, ExpiryFar]);
    let Some(Detail::Certificate(seen)) = &check(&diagnosis, CheckName::CertificateExpiry).detail else {
        panic!("no certificate in {diagnosis:?}");
    };
    assert_eq!((seen.names.as_slice(), seen.chain_length), ([NAME.to_owned()].as_slice(), 1));
    assert!(seen.days_left > 365, "{seen:?}");
    assert_eq!(found(&diagnosis, CheckName::Get), Finding::GetAnswered);
    assert_eq!(found(&diagnosis, CheckName::Post), Finding::PostAccepted);
    assert_eq!(found(&diagnosis, CheckName::Redirect), Finding::RedirectNone);
    assert_eq!(found(&diagnosis, CheckName::Time), Finding::TimeQuick);
}

#[tokio::test]
async fn faults_of_a_certificate_are_told_apart() {
    use Finding::{
        ChainTrusted, ChainUnknownIssuer, ExpiryFar, ExpiryNotYet, ExpiryPassed, ExpirySoon, NameMatches,
        NameWrong, NotTried, TlsCertificateRefused, TlsEstablished,
    };
    let (known, unknown) = (Authority::new(), Authority::new());
    let expired = |params: &mut CertificateParams| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2020, 2, 1);
    };
    let soon = |params: &mut CertificateParams| {
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
        params.not_after = date_time_ymd(1970, 1, 1) + now + Duration::from_secs(5 * 24 * 3_600 + 60);
    };
    let early = |params: &mut CertificateParams| params.not_before = date_time_ymd(4000, 1, 1);
    let other = "other.example.com";
    let refused = TlsCertificateRefused;
    for (case, acceptor, expected) in [
        ("expired", known.acceptor(NAME, &[], expired), [refused, NotTried, NameMatches, ExpiryPassed]),
        ("early", known.acceptor(NAME, &[], early), [refused, NotTried, NameMatches, ExpiryNotYet]),
        ("wrong name", known.acceptor(other, &[], |_| {}), [refused, ChainTrusted, NameWrong, ExpiryFar]),
        ("both", known.acceptor(other, &[], expired), [refused, NotTried, NameWrong, ExpiryPassed]),
        (
            "unknown",
            unknown.acceptor(NAME, &[], |_| {}),
            [refused, ChainUnknownIssuer, NameMatches, ExpiryFar],
        ),
        (
            "soon",
            known.acceptor(NAME, &["http/1.1"], soon),
            [TlsEstablished, ChainTrusted, NameMatches, ExpirySoon],
        ),
    ] {
        let diagnosis = diagnose_tls(&known, acceptor).await;
        assert_eq!(of_certificate(&diagnosis), expected, "{case}");
        let verdict = if case == "soon" { Status::Warning } else { Status::Failed };
        assert_eq!(diagnosis.verdict(), verdict, "{case}");
        let posted = found(&diagnosis, CheckName::Post) != Finding::NotTried;
        assert_eq!(posted, case == "soon", "{case}: nothing is sent past a certificate that was refused");
    }
    let wrong = diagnose_tls(&known, known.acceptor(other, &[], |_| {})).await;
    let text = &check(&wrong, CheckName::CertificateName).text;
    assert!(text.contains(other) && text.contains(NAME), "{text}");
}

/// As `openssl req -x509` makes it, and one that is no authority.
#[tokio::test]
async fn a_self_signed_certificate_is_called_so() {
    for is_ca in [IsCa::Ca(BasicConstraints::Unconstrained), IsCa::ExplicitNoCa] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
        params.is_ca = is_ca;
        let certificate = params.self_signed(&key).unwrap().der().clone();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
            .unwrap();
        let diagnosis = diagnose_tls(&Authority::new(), TlsAcceptor::from(Arc::new(config))).await;
        use Finding::{ChainSelfSigned, ExpiryFar, NameMatches, TlsCertificateRefused};
        let expected = [TlsCertificateRefused, ChainSelfSigned, NameMatches, ExpiryFar];
        assert_eq!(of_certificate(&diagnosis), expected, "{is_ca:?}");
    }
}

#[tokio::test]
async fn a_port_without_tls_is_told() {
    let receiver = Receiver::start(|mut stream, _| async move {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        drain(&mut stream).await;
    })
    .await;
    let url = format!("https://127.0.0.1:{}/", receiver.address.port());
    let diagnosis = diagnose_plain(&url).await;
    assert_eq!(found(&diagnosis, CheckName::Tls), Finding::TlsFailed);
    assert_eq!(found(&diagnosis, CheckName::CertificateName), Finding::NotTried);
}

#[tokio::test]
async fn a_404_for_get_is_fine_when_post_works_and_not_otherwise() {
    let receiver = by_method(NOT_FOUND, OK).await;
    let diagnosis = diagnose_plain(&receiver.url()).await;
    assert_eq!(found(&diagnosis, CheckName::Get), Finding::GetNotForGet);
    assert_eq!(found(&diagnosis, CheckName::Post), Finding::PostAccepted);
    // Plain http is worth a warning, and nothing else is.
    let warned: Vec<_> =
        diagnosis.checks.iter().filter(|check| check.finding.status() >= Status::Warning).collect();
    assert!(matches!(warned.as_slice(), [only] if only.finding == Finding::TlsNotUsed), "{warned:?}");
    assert!(!diagnosis.url.contains("value"), "the query is not shown: {}", diagnosis.url);

    let missing = by_method(NOT_FOUND, NOT_FOUND).await;
    let diagnosis = diagnose_plain(&missing.url()).await;
    assert_eq!(found(&diagnosis, CheckName::Post), Finding::PostNotFound);
    let Some(Detail::Answer(answer)) = &check(&diagnosis, CheckName::Post).detail else {
        panic!("no answer")
    };
    assert_eq!(answer.excerpt.as_deref(), Some("nope"));
}

#[tokio::test]
async fn a_redirect_is_told_with_where_it_leads() {
    const MOVED: &str =
        "HTTP/1.1 308 Moved\r\nLocation: https://example.com/new\r\nContent-Length: 0\r\n\r\n";
    let moved = by_method(MOVED, MOVED).await;
    let diagnosis = diagnose_plain(&moved.url()).await;
    assert_eq!(found(&diagnosis, CheckName::Post), Finding::PostRedirected);
    let redirect = check(&diagnosis, CheckName::Redirect);
    assert_eq!(redirect.finding, Finding::RedirectFound);
    assert!(matches!(&redirect.detail, Some(Detail::Location(to)) if to == "https://example.com/new"));
    let only_get = by_method(MOVED, OK).await;
    let diagnosis = diagnose_plain(&only_get.url()).await;
    assert_eq!(found(&diagnosis, CheckName::Redirect), Finding::RedirectOnlyGet);
    assert_ne!(diagnosis.verdict(), Status::Failed);
}

#[tokio::test]
async fn a_receiver_that_hangs_is_told_by_get_post_and_time() {
    let receiver = Receiver::start(|mut stream, _| async move { drain(&mut stream).await }).await;
    let diagnosis = diagnose(dev_client(), AddressPolicy::dev(), &receiver.url(), SHORT).await;
    assert_eq!(found(&diagnosis, CheckName::Tcp), Finding::TcpConnected);
    assert_eq!(found(&diagnosis, CheckName::Get), Finding::GetTimedOut);
    assert_eq!(found(&diagnosis, CheckName::Post), Finding::PostTimedOut);
    assert_eq!(found(&diagnosis, CheckName::Time), Finding::TimeOver);
}

#[tokio::test]
async fn refusals_of_a_post_have_advice_of_their_own() {
    for (answer, finding) in [
        ("HTTP/1.1 401 X\r\nContent-Length: 0\r\n\r\n", Finding::PostUnauthorized),
        ("HTTP/1.1 405 X\r\nContent-Length: 0\r\n\r\n", Finding::PostNotAllowed),
        ("HTTP/1.1 413 X\r\nContent-Length: 0\r\n\r\n", Finding::PostTooLarge),
        ("HTTP/1.1 429 X\r\nContent-Length: 0\r\n\r\n", Finding::PostLimited),
        ("HTTP/1.1 400 X\r\nContent-Length: 0\r\n\r\n", Finding::PostRefused),
        ("HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n", Finding::PostServerError),
        ("SSH-2.0-OpenSSH\r\n\r\n", Finding::PostFailed),
    ] {
        let receiver = by_method(OK, answer).await;
        assert_eq!(found(&diagnose_plain(&receiver.url()).await, CheckName::Post), finding, "{answer}");
    }
}

#[tokio::test]
async fn names_and_ports_that_lead_nowhere_are_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = format!("http://127.0.0.1:{}/", listener.local_addr().unwrap().port());
    drop(listener);
    let diagnosis = diagnose_plain(&closed).await;
    assert_eq!(found(&diagnosis, CheckName::Tcp), Finding::TcpRefused);
    assert_eq!(found(&diagnosis, CheckName::Get), Finding::NotTried);
    for (answer, finding) in
        [(ResolveError::NotFound, Finding::DnsNotFound), (ResolveError::Failed, Finding::DnsFailed)]
    {
        let client = client_with(ScriptedResolver::new([Err(answer)]));
        let diagnosis =
            diagnose(client, AddressPolicy::dev(), "http://name.example.com:8080/", PATIENT).await;
        assert_eq!(found(&diagnosis, CheckName::Dns), finding);
    }
}

#[tokio::test]
async fn refused_addresses_are_neither_dialled_nor_named() {
    let receiver = Receiver::answering(OK).await;
    let policy = AddressPolicy::closed().with_http(true);
    let url = format!("http://inside.example.com:{}/", receiver.address.port());
    for (addresses, finding) in [
        (&["10.9.8.7", "127.0.0.1"][..], Finding::DnsRefused),
        (&["10.9.8.7", "127.0.0.1", "93.184.216.34"], Finding::DnsSomeRefused),
    ] {
        let resolver = ScriptedResolver::new([ScriptedResolver::addresses(addresses)]);
        let client = OutboundClient::new(options(policy.clone()), resolver).unwrap();
        let diagnosis = diagnose(client, policy.clone(), &url, SHORT).await;
        let dns = check(&diagnosis, CheckName::Dns);
        assert_eq!(dns.finding, finding);
        let Some(Detail::Addresses(seen)) = &dns.detail else { panic!("no addresses in {dns:?}") };
        assert_eq!(seen[0], AddressSeen::Refused(Refusal::Private));
        assert_eq!(seen[1], AddressSeen::Refused(Refusal::Loopback));
        let shown = format!("{diagnosis:?}");
        assert!(!shown.contains("10.9.8.7") && !shown.contains("127.0.0.1"), "{shown}");
    }
    assert_eq!(receiver.connections(), 0);
}

/// A name that was public a moment ago: the guard is asked again for each connection.
#[tokio::test]
async fn a_name_that_moves_inside_while_it_is_looked_at_is_not_dialled() {
    let receiver = Receiver::answering(OK).await;
    let policy = AddressPolicy::closed().with_http(true);
    let answers =
        [ScriptedResolver::addresses(&["93.184.216.34"]), ScriptedResolver::addresses(&["127.0.0.1"])];
    let client = OutboundClient::new(options(policy.clone()), ScriptedResolver::new(answers)).unwrap();
    let url = format!("http://rebind.example.com:{}/", receiver.address.port());
    let diagnosis = diagnose(client, policy, &url, PATIENT).await;
    assert_eq!(found(&diagnosis, CheckName::Dns), Finding::DnsFound);
    assert_eq!(found(&diagnosis, CheckName::Tcp), Finding::DnsRefused);
    assert_eq!(receiver.connections(), 0);
}
