//! What the pool asks for a new connection.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use http::uri::Scheme;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use stentor_core::attempt::{NetworkError, Phase};
use tokio::net::TcpStream;
use tokio::time::timeout_at;
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::dial::Dialler;
use super::failure::ConnectFailure;
use super::progress::Progress;
use super::stream::OutboundStream;

/// Opens guarded connections. There is no other way from the pool to a socket.
#[derive(Clone)]
pub(super) struct Connector {
    dialler: Arc<Dialler>,
    tls: TlsConnector,
}

impl Connector {
    pub(super) fn new(dialler: Arc<Dialler>, tls: ClientConfig) -> Self {
        Self { dialler, tls: TlsConnector::from(Arc::new(tls)) }
    }

    async fn open(self, uri: Uri, progress: Arc<Progress>) -> Result<OutboundStream, ConnectFailure> {
        let https = uri.scheme() == Some(&Scheme::HTTPS);
        let host = uri.host().expect("a prepared URL has a host");
        let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
        let socket = self.dialler.open(host, port, &progress).await?;
        let stream = if https {
            progress.enter(Phase::Handshake);
            self.handshake(socket, host).await?
        } else {
            OutboundStream::Plain(TokioIo::new(socket))
        };
        progress.enter(Phase::Response);
        Ok(stream)
    }

    async fn handshake(&self, socket: TcpStream, host: &str) -> Result<OutboundStream, ConnectFailure> {
        let name = server_name(host)?;
        let stream = self.tls.connect(name, socket).await.map_err(|error| ConnectFailure::from_io(&error))?;
        Ok(OutboundStream::Tls(Box::new(TokioIo::new(stream))))
    }
}

/// What the certificate must be for. A name that no certificate can carry cannot be verified either.
pub(super) fn server_name(host: &str) -> Result<ServerName<'static>, ConnectFailure> {
    let unbracketed = host.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(unbracketed.to_owned())
        .map_err(|_| ConnectFailure::Network(NetworkError::Certificate))
}

impl Service<Uri> for Connector {
    type Response = OutboundStream;
    type Error = ConnectFailure;
    type Future = Pin<Box<dyn Future<Output = Result<OutboundStream, ConnectFailure>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectFailure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        // The pool calls its connector in the task of the request that wants the connection.
        let progress = Progress::current().expect("a connection is only wanted inside an exchange");
        Box::pin(async move {
            // The deadline bounds this even if the pool moves it to the background.
            let opening = connector.open(uri, Arc::clone(&progress));
            match timeout_at(progress.deadline(), opening).await {
                Ok(opened) => opened,
                Err(_) => Err(ConnectFailure::TimedOut(progress.phase())),
            }
        })
    }
}
