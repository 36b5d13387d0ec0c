//! Certificates of providers and confirmations of subscriptions, fetched by the front door through the guarded client: from
//! a double behind a proxy, since the providers' own hosts are the only ones that are asked.

use std::collections::BTreeMap;

use rustls::pki_types::CertificateDer;
use serde_json::Value;
use stentor_core::id::{SourceId, TenantId};
use stentor_core::source::{SourceConfig, Verification};
use stentor_core::tenant::{DEFAULT_PLAN, Tenant, TenantSettings};
use stentor_core::webhook::SecretText;
use stentor_store::seal::MasterKey;
use stentor_store::sqlite::SqliteStore;
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;

use super::proxies::{Manner, Proxy};
use super::tls::Authority;
use super::*;
use crate::clock::ManualClock;
use crate::destination::HttpDestination;
use crate::ingest::{Head, IngestRefusal, TakenIn};
use crate::outbound::ProxyProtocol;
use crate::sources::SourceDraft;
use crate::{Engine, EngineOptions};

const PAYPAL: &str = include_str!("../../../../verify/tests/vectors/paypal.json");
const SNS: &str = include_str!("../../../../verify/tests/vectors/aws-sns.json");
const SNS_CONFIRMATION: &str = include_str!("../../../../verify/tests/vectors/aws-sns-confirmation.json");
/// Public, and nobody's here: the proxy leads elsewhere.
const PUBLIC: &str = "93.184.216.34";

/// A request that another implementation signed.
struct Vector {
    preset: String,
    secret: String,
    now_unix_ms: i64,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
    certificate: String,
}

impl Vector {
    fn read(file: &str) -> Self {
        let file: Value = serde_json::from_str(file).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let headers = file["headers"].as_array().unwrap().iter();
        Self {
            preset: text(&file["preset"]),
            secret: text(&file["secret"]),
            now_unix_ms: file["now_unix_ms"].as_i64().unwrap(),
            url: text(&file["url"]),
            headers: headers.map(|pair| (text(&pair[0]), text(&pair[1]))).collect(),
            body: text(&file["body"]),
            certificate: text(&file["certificate"]),
        }
    }
}

/// A provider's host: answers each path with what it has, and notes what it was asked.
struct Host {
    receiver: Receiver,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Host {
    async fn start(acceptor: TlsAcceptor, answer: String) -> Self {
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let notes = Arc::clone(&asked);
        let receiver = Receiver::start(move |stream, _| {
            let (acceptor, notes, answer) = (acceptor.clone(), Arc::clone(&notes), answer.clone());
            async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let request = read_request(&mut stream).await;
                notes.lock().unwrap().push(request.lines().next().unwrap_or_default().to_owned());
                // Whoever asked may have gone.
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        })
        .await;
        Self { receiver, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

struct Scene {
    engine: Engine,
    source: SourceId,
    vector: Vector,
    host: Host,
    proxy: Proxy,
    _folder: TempDir,
}

impl Scene {
    /// A source for the vector. Its provider's name resolves to `address`, and its host answers with `answer`.
    async fn start(vector: &str, address: &str, answer: impl FnOnce(&Vector) -> String) -> Self {
        let authority = Authority::new();
        Self::start_by(&authority, &authority.root, vector, address, answer).await
    }

    /// The same with a host of this authority and a client that trusts that one.
    async fn start_by(
        authority: &Authority,
        trusted: &CertificateDer<'static>,
        vector: &str,
        address: &str,
        answer: impl FnOnce(&Vector) -> String,
    ) -> Self {
        let vector = Vector::read(vector);
        let name = if vector.preset == "paypal" { "api.paypal.com" } else { "sns.us-east-1.amazonaws.com" };
        let host = Host::start(authority.acceptor(name, &["http/1.1"], |_| {}), answer(&vector)).await;
        let proxy = Proxy::start(ProxyProtocol::HttpConnect, Manner::LeadsTo(host.receiver.address)).await;
        let outbound = OutboundOptions {
            proxy: Some(proxy.egress(None)),
            extra_roots: vec![trusted.clone()],
            ..options(AddressPolicy::closed())
        };
        let resolver = ScriptedResolver::new([ScriptedResolver::addresses(&[address])]);
        let client = OutboundClient::new(outbound.clone(), resolver).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let key = MasterKey::from_bytes([7; 32]);
        let store = Arc::new(SqliteStore::open(&folder.path().join("test.db"), &key).unwrap());
        let fatal = Arc::new(|reason: &str| panic!("{reason}"));
        let engine_options = EngineOptions::new(AddressPolicy::closed(), outbound, fatal);
        let clock = Arc::new(ManualClock::new(Time::from_micros(vector.now_unix_ms * 1_000)));
        let destination = Arc::new(HttpDestination::new(client.clone()));
        let engine = Engine::launch(store, engine_options, clock, destination, Some(client)).await.unwrap();
        let source = source(&engine, &vector).await;
        Self { engine, source, vector, host, proxy, _folder: folder }
    }

    /// Sends the vector's request with this body.
    async fn send(&self, body: &str) -> Result<TakenIn, IngestRefusal> {
        let pairs = self.vector.headers.iter();
        let headers = pairs.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let head = Head {
            method: "POST".to_owned(),
            path: format!("/in/{}", self.source),
            query: None,
            url: self.vector.url.clone(),
            headers: HeaderMap::from_iter(headers.collect::<Vec<_>>()),
            peer: PUBLIC.parse().unwrap(),
            is_confidential: true,
            received_at: self.engine.clock().now(),
        };
        let entered = self.engine.enter_by_id(self.source, None, &head).await?;
        self.engine.take_in(&entered, &head, None, Bytes::from(body.to_owned())).await
    }

    async fn send_as_it_is(&self) -> Result<TakenIn, IngestRefusal> {
        self.send(&self.vector.body).await
    }
}

async fn source(engine: &Engine, vector: &Vector) -> SourceId {
    let now = engine.clock().now();
    let tenant = Tenant {
        id: TenantId::new(now, 1),
        name: "own".to_owned(),
        plan: DEFAULT_PLAN.to_owned(),
        default_profile: None,
        config_version: 1,
        settings: TenantSettings::default(),
        created_at: now,
    };
    engine.store().create_tenant(&tenant).await.unwrap();
    let verification = Verification::Preset { name: vector.preset.clone(), options: serde_json::Map::new() };
    let config = SourceConfig::new("provider".to_owned(), verification);
    let secret = Some(SecretText::new(vector.secret.clone()));
    let draft = SourceDraft { active: true, config, secret, options: BTreeMap::new(), expires_at: None };
    engine.create_source(tenant.id, draft, None).await.unwrap().id
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn with_certificate(vector: &Vector) -> String {
    ok(&vector.certificate)
}

#[tokio::test]
async fn a_certificate_is_fetched_once_from_the_providers_host_and_decides() {
    for (vector, path, altered) in [
        (PAYPAL, "GET /v1/notifications/certs/CERT-360caa42-fca2a594-1d93a270 ", "\"resource\""),
        (SNS, "GET /SimpleNotificationService-", "\"Message\": \""),
    ] {
        let scene = Scene::start(vector, PUBLIC, with_certificate).await;
        assert!(matches!(scene.send_as_it_is().await, Ok(TakenIn::Stored { .. })), "{path}");
        assert!(matches!(scene.send_as_it_is().await, Ok(TakenIn::Duplicate { .. })), "{path}");
        // The same certificate, and not what was signed.
        let forged = scene.vector.body.replace(altered, &format!("{altered} "));
        assert_ne!(forged, scene.vector.body);
        let refused = scene.send(&forged).await.unwrap_err();
        let IngestRefusal::Unproven { refusal, .. } = refused else { panic!("{refused:?}") };
        assert_eq!(refusal.code(), "no_key_matches");
        let asked = scene.host.asked();
        assert!(asked.len() == 1 && asked[0].starts_with(path), "{asked:?}");
        assert_eq!(scene.proxy.asked()[0], format!("{PUBLIC}:443"), "the address that was decided about");
    }
}

#[tokio::test]
async fn an_sns_subscription_is_confirmed_by_fetching_its_url() {
    let scene = Scene::start(SNS_CONFIRMATION, PUBLIC, with_certificate).await;
    let answered = scene.send_as_it_is().await.unwrap();
    let TakenIn::Challenge(answer) = answered else { panic!("{answered:?}") };
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    let asked = scene.host.asked();
    assert!(asked[0].contains(".pem ") && asked.len() == 2, "{asked:?}");
    assert!(asked[1].contains("?Action=ConfirmSubscription&Token="), "{asked:?}");
    // A forged one is answered as any forgery is, and confirms nothing.
    let forged = scene.vector.body.replace("ConfirmSubscription", "ConfirmSubscriptioN");
    assert!(matches!(scene.send(&forged).await, Err(IngestRefusal::Unproven { .. })));
    assert_eq!(scene.host.asked().len(), 2, "{:?}", scene.host.asked());
    assert_eq!(scene.engine.store().conservation(None).await.unwrap().events, 0);
}

#[tokio::test]
async fn what_is_no_certificate_of_the_provider_is_refused_and_asked_for_again() {
    let large = |_: &Vector| ok(&"x".repeat(100_000));
    let scene = Scene::start(PAYPAL, PUBLIC, large).await;
    let told = scene.send_as_it_is().await.unwrap_err();
    assert!(matches!(&told, IngestRefusal::CertificateUnavailable(why) if why.contains("large")), "{told:?}");
    for status in ["404 Not Found", "302 Found\r\nLocation: https://api.paypal.com/other", "500 Broken"] {
        let answer = |_: &Vector| format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        let scene = Scene::start(PAYPAL, PUBLIC, answer).await;
        for asked in [1, 2] {
            let told = scene.send_as_it_is().await;
            assert!(matches!(told, Err(IngestRefusal::CertificateUnavailable(_))), "{status}: {told:?}");
            // Neither is a redirect followed, nor a failure remembered.
            assert_eq!(scene.host.asked().len(), asked, "{status}");
        }
    }
    let scene = Scene::start(PAYPAL, PUBLIC, |_| ok("no certificate")).await;
    let told = scene.send_as_it_is().await.unwrap_err();
    let IngestRefusal::Unproven { refusal, .. } = told else { panic!("{told:?}") };
    assert_eq!(refusal.code(), "certificate_refused");
}

#[tokio::test]
async fn an_inner_address_is_never_asked() {
    for address in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1"] {
        let scene = Scene::start(PAYPAL, address, with_certificate).await;
        let told = scene.send_as_it_is().await;
        assert!(matches!(told, Err(IngestRefusal::CertificateUnavailable(_))), "{address}: {told:?}");
        assert_eq!((scene.host.receiver.connections(), scene.proxy.asked().len()), (0, 0), "{address}");
    }
}

#[tokio::test]
async fn a_host_that_cannot_prove_its_name_is_not_believed() {
    let (stranger, known) = (Authority::new(), Authority::new());
    let scene = Scene::start_by(&stranger, &known.root, PAYPAL, PUBLIC, with_certificate).await;
    assert!(matches!(scene.send_as_it_is().await, Err(IngestRefusal::CertificateUnavailable(_))));
    assert_eq!(scene.host.asked().len(), 0, "nothing is asked before the host is known");
}
