//! `stentor events`.

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use super::client::Connection;
use super::output::Column;
use super::{CliError, input, output};

const COLUMNS: &[Column] = &[
    ("ID", "/id"),
    ("TYPE", "/type"),
    ("ACCEPTED", "/accepted_at"),
    ("SUBJECT", "/subject"),
    ("DELIVERIES", "/deliveries"),
];

/// Read and replay events
#[derive(Debug, Args)]
pub(super) struct EventsArgs {
    #[command(subcommand)]
    command: EventsCommand,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum EventsCommand {
    /// List events, newest first
    List {
        /// A type or everything below a prefix: order.created, order.*
        #[arg(long, value_name = "TYPE")]
        r#type: Option<String>,
        /// Exactly this subject
        #[arg(long)]
        subject: Option<String>,
        /// Accepted at or after, such as 2025-02-18T10:30:00Z
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// Accepted before
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        /// Rows, 1 to 250 [default: 50]
        #[arg(long, value_name = "ROWS")]
        limit: Option<u32>,
        /// Where the previous page ended
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Show an event with its data
    Get {
        #[arg(value_parser = input::id, value_name = "evt_…")]
        id: String,
    },
    /// Deliver an event again
    Replay {
        #[arg(value_parser = input::id, value_name = "evt_…")]
        id: String,
        /// To one webhook; else to all that match it today
        #[arg(long, value_name = "wh_…")]
        webhook: Option<String>,
    },
}

/// Runs one of them.
pub(super) async fn run(EventsArgs { command, connection }: EventsArgs) -> Result<(), CliError> {
    match command {
        EventsCommand::List { r#type, subject, since, until, limit, cursor } => {
            let query = [
                ("type", r#type),
                ("subject", subject),
                ("since", since),
                ("until", until),
                ("limit", limit.map(|rows| rows.to_string())),
                ("cursor", cursor),
            ];
            let answer = connection.get("/v1/events", &query).await?;
            if connection.json() {
                output::raw(&answer.body)
            } else {
                output::list(&answer.value()?, COLUMNS)
            }
        }
        EventsCommand::Get { id } => {
            let answer = connection.get(&format!("/v1/events/{id}"), &[]).await?;
            if connection.json() { output::raw(&answer.body) } else { output::pretty(&answer.body) }
        }
        EventsCommand::Replay { id, webhook } => {
            let body: Map<String, Value> =
                webhook.map(|id| ("webhook_id".into(), id.into())).into_iter().collect();
            let answer = connection.post(&format!("/v1/events/{id}/replay"), &body).await?;
            if connection.json() {
                return output::raw(&answer.body);
            }
            output::line(&format!("new deliveries: {}", output::cell(&answer.value()?, "/deliveries")))
        }
    }
}
