//! TLS (reliability S27): verified before the first byte of a request, with distinct reasons.

use std::sync::atomic::AtomicU64;

use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::*;

/// A private certificate authority.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(super) root: CertificateDer<'static>,
}

impl Authority {
    pub(super) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        // Each has a name of its own, as in the world.
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let name = format!("Authority {}", NUMBER.fetch_add(1, Ordering::Relaxed));
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), root }
    }

    /// A server that shows a certificate for `name`.
    pub(super) fn acceptor(
        &self,
        name: &str,
        alpn: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
            .unwrap();
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }

    pub(super) fn client(&self) -> OutboundClient {
        let resolver = ScriptedResolver::new([ScriptedResolver::addresses(&["127.0.0.1"])]);
        let options =
            OutboundOptions { extra_roots: vec![self.root.clone()], ..options(AddressPolicy::dev()) };
        OutboundClient::new(options, resolver).unwrap()
    }
}

/// Counts the bytes of requests that arrive through TLS and answers each connection once with `answer`.
pub(super) async fn tls_receiver(
    acceptor: TlsAcceptor,
    answer: &'static str,
    goodbye: bool,
) -> (Receiver, Arc<AtomicU64>) {
    let arrived = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&arrived);
    let receiver = Receiver::start(move |stream, _| {
        let (acceptor, count) = (acceptor.clone(), Arc::clone(&count));
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            count.fetch_add(read_request(&mut stream).await.len() as u64, Ordering::SeqCst);
            // A client that refused the certificate is gone.
            if stream.write_all(answer.as_bytes()).await.is_ok() && stream.flush().await.is_ok() && goodbye {
                let _ = stream.shutdown().await;
            }
        }
    })
    .await;
    (receiver, arrived)
}

fn url(receiver: &Receiver, host: &str) -> String {
    format!("https://{host}:{}/hook", receiver.address.port())
}

pub(super) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn a_good_certificate_is_accepted_for_names_and_addresses() {
    let authority = Authority::new();
    for host in ["receiver.example.com", "127.0.0.1"] {
        let acceptor = authority.acceptor(host, &["http/1.1"], |_| {});
        let (receiver, arrived) = tls_receiver(acceptor, OK, true).await;
        assert_eq!(outcome(&authority.client(), &url(&receiver, host)).await, delivered(200), "{host}");
        assert!(arrived.load(Ordering::SeqCst) > 0);
    }
}

#[tokio::test]
async fn bad_certificates_are_refused_before_anything_is_sent() {
    let (known, unknown) = (Authority::new(), Authority::new());
    let name = "receiver.example.com";
    let expire = |params: &mut CertificateParams| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2020, 2, 1);
    };
    let early = |params: &mut CertificateParams| params.not_before = date_time_ymd(4000, 1, 1);
    let cases = [
        ("expired", known.acceptor(name, &[], expire)),
        ("not yet valid", known.acceptor(name, &[], early)),
        ("wrong host", known.acceptor("other.example.com", &[], |_| {})),
        ("unknown authority", unknown.acceptor(name, &[], |_| {})),
    ];
    for (case, acceptor) in cases {
        let (receiver, arrived) = tls_receiver(acceptor, OK, true).await;
        let outcome = outcome(&known.client(), &url(&receiver, name)).await;
        assert_eq!(outcome, network(NetworkError::Certificate), "{case}");
        assert_eq!(receiver.connections(), 1, "{case}");
        assert_eq!(arrived.load(Ordering::SeqCst), 0, "{case}");
    }
}

#[tokio::test]
async fn a_receiver_without_tls_is_a_tls_failure() {
    let receiver = Receiver::start(|mut stream, _| async move {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        drain(&mut stream).await;
    })
    .await;
    let client = Authority::new().client();
    assert_eq!(outcome(&client, &url(&receiver, "plain.example.com")).await, network(NetworkError::Tls));
}

#[tokio::test]
async fn a_silent_handshake_times_out_and_a_closed_one_is_closed() {
    let client = Authority::new().client();
    let silent = Receiver::start(|mut stream, _| async move { drain(&mut stream).await }).await;
    let report = impatient(&client, &url(&silent, "silent.example.com")).await;
    assert_eq!(report.outcome, timeout(Phase::Handshake));
    let closing = Receiver::start(|mut stream, _| async move {
        let mut hello = [0; 16];
        stream.read_exact(&mut hello).await.unwrap();
        stream.shutdown().await.unwrap();
        drain(&mut stream).await;
    })
    .await;
    assert_eq!(outcome(&client, &url(&closing, "closing.example.com")).await, network(NetworkError::Closed));
}

#[tokio::test]
async fn a_body_may_end_with_the_connection_and_without_goodbye() {
    let authority = Authority::new();
    let acceptor = authority.acceptor("old.example.com", &[], |_| {});
    let (receiver, _) = tls_receiver(acceptor.clone(), "HTTP/1.0 200 OK\r\n\r\nold", false).await;
    let report = post(&authority.client(), &url(&receiver, "old.example.com")).await;
    assert_eq!((report.outcome, report.response.unwrap().body.as_ref()), (delivered(200), b"old".as_slice()));
    // A length that is not reached stays an error.
    let (receiver, _) =
        tls_receiver(acceptor, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nold", false).await;
    let outcome = outcome(&authority.client(), &url(&receiver, "old.example.com")).await;
    assert_eq!(outcome, network(NetworkError::Closed));
}

/// Answers HTTP/2 requests with their version and body length.
async fn h2_receiver(acceptor: TlsAcceptor) -> Receiver {
    Receiver::start(move |stream, _| {
        let acceptor = acceptor.clone();
        async move {
            let stream = acceptor.accept(stream).await.unwrap();
            let service = service_fn(|request: http::Request<hyper::body::Incoming>| async move {
                let version = request.version();
                let length = request.headers().get("content-length").cloned();
                let body = request.into_body().collect().await?.to_bytes();
                let text = format!("{version:?} {length:?} {}", body.len());
                Ok::<_, hyper::Error>(http::Response::new(Full::new(Bytes::from(text))))
            });
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        }
    })
    .await
}

#[tokio::test]
async fn http2_is_used_when_offered_and_shares_one_connection() {
    let authority = Authority::new();
    let receiver = h2_receiver(authority.acceptor("two.example.com", &["h2"], |_| {})).await;
    let client = authority.client();
    let url = url(&receiver, "two.example.com");
    let report = post(&client, &url).await;
    assert_eq!(report.outcome, delivered(200));
    assert_eq!(report.response.unwrap().body.as_ref(), br#"HTTP/2.0 Some("13") 13"#);
    for outcome in futures_util::future::join_all((0..50).map(|_| outcome(&client, &url))).await {
        assert_eq!(outcome, delivered(200));
    }
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn http2_that_is_not_is_named_so() {
    let authority = Authority::new();
    let acceptor = authority.acceptor("two.example.com", &["h2"], |_| {});
    let (receiver, _) = tls_receiver(acceptor, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true).await;
    let outcome = outcome(&authority.client(), &url(&receiver, "two.example.com")).await;
    assert_eq!(outcome, network(NetworkError::NotHttp));
}

#[test]
fn an_extra_root_that_is_no_certificate_is_an_error() {
    let extra_roots = vec![CertificateDer::from(b"nonsense".to_vec())];
    let options = OutboundOptions { extra_roots, ..options(AddressPolicy::dev()) };
    assert!(OutboundClient::new(options, no_names()).is_err());
}
