//! `stentor send`.

use clap::Args;
use serde::Serialize;
use serde_json::value::RawValue;

use super::client::Connection;
use super::{CliError, input, output};

/// Publish an event
#[derive(Debug, Args)]
pub(super) struct SendArgs {
    /// Its type, such as order.created
    #[arg(value_name = "TYPE")]
    event_type: String,
    /// Its data: JSON, @FILE, or - for standard input
    #[arg(long, value_name = "JSON", default_value = "{}")]
    data: String,
    /// What it is about
    #[arg(long)]
    subject: Option<String>,
    /// When it happened, such as 2025-02-18T10:30:00Z
    #[arg(long, value_name = "TIME")]
    timestamp: Option<String>,
    /// Makes it safe to send it again within 24 hours
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Serialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    event_type: &'a str,
    data: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<&'a str>,
}

/// Publishes it and prints its id.
pub(super) async fn run(args: SendArgs) -> Result<(), CliError> {
    let event = Event {
        event_type: &args.event_type,
        data: &input::json_argument(&args.data)?,
        subject: args.subject.as_deref(),
        timestamp: args.timestamp.as_deref(),
        idempotency_key: args.idempotency_key.as_deref(),
    };
    let answer = args.connection.post("/v1/events", &event).await?;
    if args.connection.json() {
        return output::raw(&answer.body);
    }
    let published = answer.value()?;
    let repeated = if published["duplicate"] == true { " (published before with this key)" } else { "" };
    let cell = |pointer| output::cell(&published, pointer);
    output::line(&format!(
        "{}  {}  deliveries: {}{repeated}",
        cell("/id"),
        cell("/type"),
        cell("/deliveries")
    ))
}
