//! `stentor diagnose`.

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::client::Connection;
use super::output::Column;
use super::{CliError, output};

const COLUMNS: &[Column] = &[
    ("CHECK", "/check"),
    ("STATUS", "/status"),
    ("CODE", "/code"),
    ("MS", "/duration_ms"),
    ("FINDING", "/finding"),
];

/// Find out why deliveries do not arrive
///
/// The gateway looks at the URL, its name, the address policy, TCP, TLS and the certificate, sends a GET and, where it can be
/// signed, a POST. Ends with 1 when a check failed.
#[derive(Debug, Args)]
pub(super) struct DiagnoseArgs {
    /// A webhook, or any URL
    #[arg(value_name = "wh_…|URL")]
    subject: String,
    /// Signing secret of a POST to a URL
    #[arg(long, requires = "profile")]
    secret: Option<String>,
    /// Shape and signature of a POST to a URL
    #[arg(long, requires = "secret")]
    profile: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Serialize)]
struct Request<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a str>,
}

/// Has the gateway look and prints what it found.
pub(super) async fn run(args: DiagnoseArgs) -> Result<(), CliError> {
    let subject = args.subject.as_str();
    // A URL has a colon, an id has none.
    let is_url = subject.contains(':');
    let request = Request {
        webhook_id: (!is_url).then_some(subject),
        url: is_url.then_some(subject),
        secret: args.secret.as_deref(),
        profile: args.profile.as_deref(),
    };
    let answer = args.connection.post("/v1/webhooks/diagnose", &request).await?;
    let report = answer.value()?;
    if args.connection.json() {
        output::raw(&answer.body)?;
    } else {
        show(&report)?;
    }
    match report["verdict"].as_str() {
        Some("failed") => Err(CliError::Refused(format!("{} checks failed", failed(&report)))),
        _ => Ok(()),
    }
}

fn show(report: &Value) -> Result<(), CliError> {
    let checks: Vec<&Value> = report["checks"].as_array().into_iter().flatten().collect();
    output::table(&checks, COLUMNS)?;
    for check in checks {
        // What is as it should be needs no advice.
        if check["advice"].is_string() && check["status"] != "ok" {
            output::line("")?;
            output::line(&format!("{}: {}", output::cell(check, "/check"), output::cell(check, "/advice")))?;
        }
    }
    output::line("")?;
    output::line(&format!("{}: {}", output::cell(report, "/url"), output::cell(report, "/verdict")))
}

fn failed(report: &Value) -> usize {
    let checks = report["checks"].as_array().into_iter().flatten();
    checks.filter(|check| check["status"] == "failed").count()
}
