//! `stentor broadcast`.

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::client::Connection;
use super::output::Column;
use super::{CliError, input, output};

const COLUMNS: &[Column] = &[
    ("ID", "/id"),
    ("TYPE", "/type"),
    ("STATUS", "/status"),
    ("TENANTS", "/tenants"),
    ("EVENTS", "/events"),
    ("DELIVERIES", "/deliveries"),
    ("CREATED", "/created_at"),
];

/// Publish an event to every tenant, or to some, with the operator's token
#[derive(Debug, Args)]
pub(super) struct BroadcastArgs {
    #[command(subcommand)]
    command: BroadcastCommand,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum BroadcastCommand {
    /// Begin a broadcast
    Send {
        /// The type of the event, such as system.maintenance
        #[arg(value_name = "TYPE")]
        event_type: String,
        /// Its data: JSON, @FILE, or - for standard input
        #[arg(long, value_name = "JSON", default_value = "{}")]
        data: String,
        /// The id of a tenant that it is for; can be repeated [default: all tenants]
        #[arg(long = "to", value_name = "tnt_…")]
        to: Vec<String>,
        /// Makes it safe to send it again
        #[arg(long, value_name = "KEY")]
        idempotency_key: Option<String>,
    },
    /// List broadcasts, newest first
    List {
        /// Rows, 1 to 250 [default: 50]
        #[arg(long, value_name = "ROWS")]
        limit: Option<u32>,
        /// Where the previous page ended
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Show how far a broadcast has come
    Get {
        /// Its id
        #[arg(value_name = "brc_…", value_parser = input::id)]
        id: String,
    },
}

#[derive(Serialize)]
struct NewBroadcast<'a> {
    #[serde(rename = "type")]
    event_type: &'a str,
    data: &'a RawValue,
    tenants: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<&'a str>,
}

/// Runs one of them.
pub(super) async fn run(BroadcastArgs { command, connection }: BroadcastArgs) -> Result<(), CliError> {
    let answer = match command {
        BroadcastCommand::Send { event_type, data, to, idempotency_key } => {
            let tenants = if to.is_empty() { json!("all") } else { json!(to) };
            let data = input::json_argument(&data)?;
            let idempotency_key = idempotency_key.as_deref();
            let new = NewBroadcast { event_type: &event_type, data: &data, tenants, idempotency_key };
            connection.post("/v1/broadcasts", &new).await?
        }
        BroadcastCommand::Get { id } => connection.get(&format!("/v1/broadcasts/{id}"), &[]).await?,
        BroadcastCommand::List { limit, cursor } => {
            let query = [("limit", limit.map(|rows| rows.to_string())), ("cursor", cursor)];
            let answer = connection.get("/v1/broadcasts", &query).await?;
            return if connection.json() {
                output::raw(&answer.body)
            } else {
                output::list(&answer.value()?, COLUMNS)
            };
        }
    };
    if connection.json() { output::raw(&answer.body) } else { output::table(&[&answer.value()?], COLUMNS) }
}
