//! TLS towards receivers (reliability S27): verified always, TLS 1.2 at least.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

/// TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsSetupError {
    /// One of the configured extra certificate authorities is not a certificate.
    #[error("an extra certificate authority is not a usable certificate: {0}")]
    ExtraRoot(rustls::Error),
    /// The TLS library refused the configuration.
    #[error("cannot set up TLS: {0}")]
    Config(String),
}

/// The configuration of every TLS connection: HTTP/2 preferred through ALPN.
///
/// # Errors
/// See [`TlsSetupError`].
pub(super) fn client_config(verifier: Arc<dyn ServerCertVerifier>) -> Result<ClientConfig, TlsSetupError> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsSetupError::Config(error.to_string()))?
        // rustls calls every verifier but its own "dangerous"; this one verifies fully.
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// The configuration for connections to a database server: the same trust as towards receivers, without a protocol to agree on.
///
/// # Errors
/// See [`TlsSetupError`].
pub fn database_tls() -> Result<Arc<ClientConfig>, TlsSetupError> {
    let mut config = client_config(verifier(&[])?)?;
    config.alpn_protocols.clear();
    Ok(Arc::new(config))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Platform trust plus `extra_roots`; Mozilla's roots where the platform has none (an image without a file system).
///
/// # Errors
/// See [`TlsSetupError`].
pub(super) fn verifier(
    extra_roots: &[CertificateDer<'static>],
) -> Result<Arc<dyn ServerCertVerifier>, TlsSetupError> {
    let provider = provider();
    let mut roots = RootCertStore::empty();
    for root in extra_roots {
        roots.add(root.clone()).map_err(TlsSetupError::ExtraRoot)?;
    }
    match Verifier::new_with_extra_roots(extra_roots.to_vec(), Arc::clone(&provider)) {
        Ok(verifier) => Ok(Arc::new(verifier)),
        Err(error) => {
            tracing::warn!(%error, "no certificate authorities from the platform; using the built-in Mozilla list");
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
            Ok(verifier.build().map_err(|error| TlsSetupError::Config(error.to_string()))?)
        }
    }
}
