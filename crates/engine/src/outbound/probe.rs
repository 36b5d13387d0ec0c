//! A destination looked at step by step, for a diagnosis.
//!
//! Each step is made of the parts that deliveries are made of: the same resolver, the same policy at every connect, the same
//! dialler and the same verification. Nothing is reached here that a delivery would not reach.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue, Method, Uri};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};
use stentor_core::address::Refusal;
use stentor_core::attempt::{AttemptOutcome, Phase};
use stentor_core::destination_url::DestinationUrl;
use stentor_core::time::Time;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::connector::server_name;
use super::failure::ConnectFailure;
use super::progress::Progress;
use super::{OutboundClient, OutboundReport, OutboundRequest, PreparedUrl, tls};

/// Certificates of a chain that are kept.
const CHAIN_MAX: usize = 8;

/// A connection to a destination.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    /// The address that was dialled; none through a proxy.
    pub peer: Option<SocketAddr>,
}

/// What a TLS handshake showed.
#[derive(Debug)]
pub struct TlsLook {
    /// Why there is no TLS connection; none when there is one.
    pub failure: Option<AttemptOutcome>,
    /// The version that was agreed on.
    pub version: Option<&'static str>,
    /// The certificates that the server showed, its own first.
    pub chain: Vec<CertificateDer<'static>>,
    /// Why they were refused; none when they were not.
    pub refusal: Option<CertificateError>,
}

/// What a GET came to.
#[derive(Debug)]
pub struct GetLook {
    /// As of a delivery.
    pub report: OutboundReport,
    /// Where a redirect leads, as far as it is text.
    pub location: Option<String>,
}

impl OutboundClient {
    /// Whether connections go through a proxy.
    pub fn uses_proxy(&self) -> bool {
        self.dialler().proxy.is_some()
    }

    /// The destination's addresses, each as the policy judges it. Nothing is dialled.
    ///
    /// # Errors
    /// What a delivery that gets no further would end with.
    pub async fn look_up(
        &self,
        url: &DestinationUrl,
        within: Duration,
    ) -> Result<Vec<(IpAddr, Result<(), Refusal>)>, AttemptOutcome> {
        let (uri, port) = (PreparedUrl::new(url).into_uri(), url.port());
        match tokio::time::timeout(within, self.dialler().judge(host(&uri), port)).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(failure)) => Err(failure.outcome()),
            Err(_) => Err(AttemptOutcome::Timeout { phase: Phase::Resolve }),
        }
    }

    /// Connects to the destination as a delivery does: its addresses are found and judged again.
    ///
    /// # Errors
    /// What a delivery that gets no further would end with.
    pub async fn connect(
        &self,
        url: &DestinationUrl,
        within: Duration,
    ) -> Result<Connection, AttemptOutcome> {
        let uri = PreparedUrl::new(url).into_uri();
        let progress = Progress::until(Instant::now() + within);
        let opening = self.dialler().open(host(&uri), url.port(), &progress);
        let opened = match timeout_at(progress.deadline(), opening).await {
            Ok(opened) => opened,
            Err(_) => Err(ConnectFailure::TimedOut(progress.phase())),
        };
        let stream = opened.map_err(ConnectFailure::outcome)?;
        let peer = if self.uses_proxy() { None } else { stream.peer_addr().ok() };
        Ok(Connection { stream, peer })
    }

    /// Shakes hands on a connection and closes it. The certificates are kept also when they are refused.
    pub async fn handshake(&self, url: &DestinationUrl, connection: Connection, within: Duration) -> TlsLook {
        let uri = PreparedUrl::new(url).into_uri();
        let recorder = Arc::new(Recorder { inner: self.verifier(), shown: OnceLock::new() });
        let failed =
            |failure| TlsLook { failure: Some(failure), version: None, chain: Vec::new(), refusal: None };
        let name = match server_name(host(&uri)) {
            Ok(name) => name,
            Err(failure) => return failed(failure.outcome()),
        };
        let Ok(config) = tls::client_config(Arc::clone(&recorder) as Arc<dyn ServerCertVerifier>) else {
            return failed(AttemptOutcome::Unsendable);
        };
        let connecting = TlsConnector::from(Arc::new(config)).connect(name, connection.stream);
        let (failure, version) = match tokio::time::timeout(within, connecting).await {
            Ok(Ok(stream)) => {
                (None, stream.get_ref().1.protocol_version().and_then(|version| version.as_str()))
            }
            Ok(Err(error)) => (Some(ConnectFailure::from_io(&error).outcome()), None),
            Err(_) => (Some(AttemptOutcome::Timeout { phase: Phase::Handshake }), None),
        };
        let (chain, refusal) = match recorder.shown.get() {
            Some(shown) => (shown.chain.clone(), shown.refusal.clone()),
            None => (Vec::new(), None),
        };
        TlsLook { failure, version, chain, refusal }
    }

    /// Gets the destination, as a browser would, without a signature or a secret.
    pub async fn get(&self, url: &DestinationUrl, now: Time, within: Duration) -> GetLook {
        let request = OutboundRequest {
            url: PreparedUrl::new(url),
            headers: HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("*/*"))]),
            body: Bytes::new(),
            timeout: within,
            now,
        };
        let (report, location) = self.send_as(Method::GET, request).await;
        GetLook { report, location: location.and_then(|value| value.to_str().ok().map(str::to_owned)) }
    }
}

fn host(uri: &Uri) -> &str {
    uri.host().expect("a prepared URL has a host")
}

/// Passes every question on and remembers what was asked.
#[derive(Debug)]
struct Recorder {
    inner: Arc<dyn ServerCertVerifier>,
    shown: OnceLock<Shown>,
}

#[derive(Debug)]
struct Shown {
    chain: Vec<CertificateDer<'static>>,
    refusal: Option<CertificateError>,
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified =
            self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let chain = std::iter::once(end_entity).chain(intermediates).take(CHAIN_MAX);
        let refusal = match &verified {
            Err(rustls::Error::InvalidCertificate(refusal)) => Some(refusal.clone()),
            Ok(_) | Err(_) => None,
        };
        let chain = chain.map(|certificate| certificate.clone().into_owned()).collect();
        // One handshake asks once.
        let _ = self.shown.set(Shown { chain, refusal });
        verified
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
