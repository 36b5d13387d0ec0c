//! `stentor support`.

use clap::Args;

use super::client::Connection;
use super::{CliError, input, output};

/// Collect everything about one delivery, event, webhook, conversation, message or request, without secrets
///
/// One JSON document on standard output, for whoever helps: configuration in force, errors, attempts, times and limits.
#[derive(Debug, Args)]
pub(super) struct SupportArgs {
    #[command(flatten)]
    subject: Subject,
    #[command(flatten)]
    connection: Connection,
}

/// What it is about.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Subject {
    /// One delivery
    #[arg(long, value_parser = input::id, value_name = "del_…")]
    delivery: Option<String>,
    /// An event and its newest deliveries
    #[arg(long, value_parser = input::id, value_name = "evt_…")]
    event: Option<String>,
    /// A webhook and its newest deliveries
    #[arg(long, value_parser = input::id, value_name = "wh_…")]
    webhook: Option<String>,
    /// The newest deliveries about a conversation's messages
    #[arg(long, value_name = "UUID")]
    conversation: Option<String>,
    /// The newest deliveries about a message
    #[arg(long, value_name = "UUID")]
    message: Option<String>,
    /// A request to a source, accepted or refused
    #[arg(long, value_parser = input::id, value_name = "req_…")]
    request: Option<String>,
}

/// Reads it and prints it.
pub(super) async fn run(SupportArgs { subject, connection }: SupportArgs) -> Result<(), CliError> {
    let query = [
        ("delivery_id", subject.delivery),
        ("event_id", subject.event),
        ("webhook_id", subject.webhook),
        ("conversation_id", subject.conversation),
        ("message_id", subject.message),
        ("request_id", subject.request),
    ];
    let answer = connection.get("/v1/support", &query).await?;
    if connection.json() { output::raw(&answer.body) } else { output::pretty(&answer.body) }
}
