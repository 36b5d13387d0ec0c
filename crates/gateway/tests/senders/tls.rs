//! A proxy that ends TLS and hands the bytes on, with a certificate of its own authority: the printed senders use https.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// The running proxy.
pub struct Front {
    address: SocketAddr,
    /// Who made its certificate.
    pub authority_pem: String,
    stop: tokio::task::AbortHandle,
}

impl Front {
    /// Starts it before what listens there.
    pub async fn start(behind: SocketAddr) -> Self {
        let (acceptor, authority_pem) = acceptor();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // A client that does not trust the certificate leaves.
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut gateway = TcpStream::connect(behind).await.unwrap();
                    // It ends when either side does.
                    tokio::io::copy_bidirectional(&mut stream, &mut gateway).await.ok();
                });
            }
        });
        Self { address, authority_pem, stop: serving.abort_handle() }
    }

    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.stop.abort();
    }
}

fn acceptor() -> (TlsAcceptor, String) {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.distinguished_name.push(DnType::CommonName, "Authority of a test");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let root = authority.self_signed(&authority_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut server = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    server.use_authority_key_identifier_extension = true;
    let certificate = server.signed_by(&key, &Issuer::new(authority, authority_key)).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), root.pem())
}
