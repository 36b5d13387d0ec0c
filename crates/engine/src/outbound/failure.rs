//! From whatever broke to the outcome of the attempt, by type and never by text.

use std::error::Error;
use std::io;

use stentor_core::address::Refusal;
use stentor_core::attempt::{AttemptOutcome, NetworkError, Phase};

/// Why there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum ConnectFailure {
    #[error("the address must not be dialled: {0}")]
    Blocked(Refusal),
    #[error("the connection failed: {0:?}")]
    Network(NetworkError),
    #[error("the deadline passed: {0:?}")]
    TimedOut(Phase),
}

impl ConnectFailure {
    /// Of a socket that is being connected, or of a TLS handshake on it.
    pub(super) fn from_io(error: &io::Error) -> Self {
        Self::Network(of_io(error))
    }

    pub(super) fn outcome(self) -> AttemptOutcome {
        match self {
            Self::Blocked(refusal) => AttemptOutcome::Blocked { refusal },
            Self::Network(error) => AttemptOutcome::Network { error },
            Self::TimedOut(phase) => AttemptOutcome::Timeout { phase },
        }
    }
}

/// Reads an error of the HTTP library, outermost first: the first layer that says something definite decides.
pub(super) fn outcome_of(error: &(dyn Error + 'static)) -> AttemptOutcome {
    let mut fallback = NetworkError::Other;
    let mut layer = Some(error);
    while let Some(error) = layer {
        if let Some(failure) = error.downcast_ref::<ConnectFailure>() {
            return failure.outcome();
        }
        if let Some(error) = of_layer(error) {
            return AttemptOutcome::Network { error };
        }
        if error.downcast_ref().is_some_and(hyper::Error::is_canceled) {
            // The connection ended before the request was written; a deeper layer may know why.
            fallback = NetworkError::Closed;
        }
        layer = error.source();
    }
    AttemptOutcome::Network { error: fallback }
}

/// Whether the peer ended the connection without saying goodbye in TLS, which many do after an answer whose end is
/// the end of the connection.
pub(super) fn is_unannounced_end(error: &(dyn Error + 'static)) -> bool {
    let layers = std::iter::successors(Some(error), |&error| error.source());
    layers.filter_map(|layer| layer.downcast_ref::<io::Error>()).any(|error| {
        // Only the TLS library itself, not a peer's reset, reports the missing goodbye this way.
        error.kind() == io::ErrorKind::UnexpectedEof
    })
}

fn of_layer(error: &(dyn Error + 'static)) -> Option<NetworkError> {
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        of_hyper(error)
    } else if let Some(error) = error.downcast_ref::<h2::Error>() {
        Some(of_h2(error))
    } else if let Some(error) = error.downcast_ref::<io::Error>() {
        Some(of_io(error))
    } else {
        error.downcast_ref::<rustls::Error>().map(of_tls)
    }
}

fn of_hyper(error: &hyper::Error) -> Option<NetworkError> {
    if error.is_parse() {
        return Some(NetworkError::NotHttp);
    }
    // A timeout here is an HTTP/2 ping that nobody answered.
    if error.is_incomplete_message() || error.is_closed() || error.is_timeout() {
        return Some(NetworkError::Closed);
    }
    // What remains without a cause are bytes from the receiver where HTTP allows none.
    let unexplained = error.source().is_none() && !error.is_canceled() && !error.is_user();
    unexplained.then_some(NetworkError::NotHttp)
}

fn of_h2(error: &h2::Error) -> NetworkError {
    match error.get_io() {
        Some(error) => of_io(error),
        // The receiver reset the stream or said it goes away.
        None if error.is_remote() => NetworkError::Closed,
        None => NetworkError::NotHttp,
    }
}

fn of_io(error: &io::Error) -> NetworkError {
    use io::ErrorKind as Kind;
    // `source` of an `io::Error` skips the error that it wraps.
    if let Some(inner) = error.get_ref()
        && let Some(inner) = of_layer(inner)
    {
        return inner;
    }
    match error.kind() {
        Kind::ConnectionRefused => NetworkError::Refused,
        Kind::HostUnreachable
        | Kind::NetworkUnreachable
        | Kind::NetworkDown
        | Kind::AddrNotAvailable
        | Kind::TimedOut => NetworkError::Unreachable,
        Kind::ConnectionReset
        | Kind::ConnectionAborted
        | Kind::BrokenPipe
        | Kind::NotConnected
        | Kind::UnexpectedEof
        | Kind::WriteZero => NetworkError::Closed,
        // What a decoder says of a body that breaks its framing.
        Kind::InvalidData | Kind::InvalidInput => NetworkError::NotHttp,
        _ => NetworkError::Other,
    }
}

fn of_tls(error: &rustls::Error) -> NetworkError {
    match error {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
            NetworkError::Certificate
        }
        _ => NetworkError::Tls,
    }
}
