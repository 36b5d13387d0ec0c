//! `stentor listen`: a receiver for development. It shows each request, verifies it, and answers as told.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use clap::Args;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Deserialize as _;
use serde::de::IntoDeserializer;
use serde::de::value::Error as ValueError;
use stentor_engine::clock::{Clock, SystemClock};
use stentor_engine::entropy;
use tokio::net::{TcpListener, TcpStream};
use tracing::debug;

use super::{CliError, output};
use crate::http::extract::Seconds;

mod check;
mod show;

use check::Check;

/// Largest request that is read, in bytes; deliveries of the largest events fit.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Pause after the system refused a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Receive webhooks, show and verify them: a receiver for development
///
/// Verifies Standard Webhooks signatures and the hex signatures X-Broxi-Signature and X-Webhook-Signature.
#[derive(Debug, Args)]
pub(super) struct ListenArgs {
    /// Port to listen on; 0 lets the system choose one
    #[arg(long, default_value_t = 9000)]
    port: u16,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// Signing secret of the webhook; can be repeated
    #[arg(long = "secret", value_name = "SECRET", env = "STENTOR_LISTEN_SECRET", hide_env_values = true)]
    secrets: Vec<String>,
    /// Status to answer with
    #[arg(long, default_value = "200", value_parser = status)]
    status: StatusCode,
    /// Wait before answering, such as 2s
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration)]
    delay: Duration,
    /// Share of requests to answer with 503, from 0 to 1
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = share)]
    fail_rate: f64,
}

/// How requests are treated.
struct Receiver {
    check: Check,
    status: StatusCode,
    delay: Duration,
    fail_rate: f64,
}

/// Receives until interrupted.
pub(super) async fn run(args: ListenArgs) -> Result<(), CliError> {
    let ListenArgs { port, host, secrets, status, delay, fail_rate } = args;
    let check = Check::new(&secrets).map_err(|error| CliError::Usage(format!("--secret: {error}")))?;
    let receiver = Arc::new(Receiver { check, status, delay, fail_rate });
    let address = SocketAddr::new(host, port);
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    output::line(&format!("Receiving on http://{}", listener.local_addr()?))?;
    tokio::select! {
        ended = receive(listener, receiver) => ended,
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

async fn receive(listener: TcpListener, receiver: Arc<Receiver>) -> Result<(), CliError> {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(connection(stream, Arc::clone(&receiver)))),
            Err(error) => {
                debug!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, receiver: Arc<Receiver>) {
    let service = service_fn(move |request| {
        let receiver = Arc::clone(&receiver);
        async move { Ok::<_, Infallible>(receiver.answer(request).await) }
    });
    let served =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
    if let Err(error) = served {
        debug!(%error, "a connection ended");
    }
}

impl Receiver {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let now = SystemClock.now();
        let answered = match Limited::new(body, BODY_BYTES_MAX).collect().await {
            Ok(body) => {
                let body = body.to_bytes();
                let verdict = self.check.verify(&head.headers, &body, now);
                let status = if self.fails() { StatusCode::SERVICE_UNAVAILABLE } else { self.status };
                show::request(&head, &body, now, &verdict, status).map(|()| status)
            }
            Err(error) => output::line(&format!("{now}  a request broke off: {error}"))
                .map(|()| StatusCode::BAD_REQUEST),
        };
        let status = match answered {
            Ok(status) => status,
            // Nobody reads what we print; there is nothing left to do.
            Err(error) => std::process::exit(i32::from(!matches!(error, CliError::OutputClosed))),
        };
        tokio::time::sleep(self.delay).await;
        let mut response = Response::new(Full::default());
        *response.status_mut() = status;
        response
    }

    fn fails(&self) -> bool {
        // 53 random bits fill the fraction of a number from 0 to 1.
        let drawn = (entropy::bits() >> 11) as f64 / (1_u64 << 53) as f64;
        drawn < self.fail_rate
    }
}

fn status(text: &str) -> Result<StatusCode, String> {
    let status = text.parse().ok().filter(|status: &StatusCode| (200..=599).contains(&status.as_u16()));
    status.ok_or_else(|| "expected a status from 200 to 599".into())
}

fn duration(text: &str) -> Result<Duration, String> {
    let seconds = Seconds::deserialize(IntoDeserializer::<ValueError>::into_deserializer(text));
    seconds.map(|seconds| seconds.0).map_err(|_| "expected a time such as 500ms, 2s or 1m".into())
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "expected a number from 0 to 1".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_checked() {
        assert_eq!(
            (duration("2s"), duration("1.5"), duration("soon").is_err()),
            (Ok(Duration::from_secs(2)), Ok(Duration::from_millis(1_500)), true)
        );
        assert_eq!((share("0.3"), share("1.1").is_err(), share("NaN").is_err()), (Ok(0.3), true, true));
        assert_eq!(
            (status("503"), status("100").is_err(), status("x").is_err()),
            (Ok(StatusCode::SERVICE_UNAVAILABLE), true, true)
        );
    }

    #[test]
    fn the_share_of_failures_holds_at_its_ends() {
        let receiver = |fail_rate| Receiver {
            check: Check::new(&[]).expect("none"),
            status: StatusCode::OK,
            delay: Duration::ZERO,
            fail_rate,
        };
        assert!((0..1_000).all(|_| receiver(1.0).fails()));
        assert!(!(0..1_000).any(|_| receiver(0.0).fails()));
    }
}
