//! `stentor deliveries`.

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use super::client::{Answer, Connection};
use super::output::Column;
use super::{CliError, input, output};

const COLUMNS: &[Column] = &[
    ("ID", "/id"),
    ("STATE", "/state"),
    ("REASON", "/reason"),
    ("ATTEMPTS", "/attempt_count"),
    ("NEXT ATTEMPT", "/next_attempt_at"),
    ("EVENT", "/event_id"),
    ("WEBHOOK", "/webhook_id"),
];
const ATTEMPTS: &[Column] = &[
    ("ATTEMPT", "/number"),
    ("STARTED", "/started_at"),
    ("OUTCOME", "/outcome"),
    ("REASON", "/reason"),
    ("STATUS", "/status"),
    ("MS", "/duration_ms"),
    ("ANSWER", "/response/body"),
];

/// Read, retry and cancel deliveries
#[derive(Debug, Args)]
pub(super) struct DeliveriesArgs {
    #[command(subcommand)]
    command: DeliveriesCommand,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum DeliveriesCommand {
    /// List deliveries, newest first
    List {
        /// pending, held, delivered, dead or cancelled
        #[arg(long)]
        status: Option<String>,
        /// To this webhook
        #[arg(long, value_name = "wh_…")]
        webhook: Option<String>,
        /// Of this event
        #[arg(long, value_name = "evt_…")]
        event: Option<String>,
        /// Rows, 1 to 250 [default: 50]
        #[arg(long, value_name = "ROWS")]
        limit: Option<u32>,
        /// Where the previous page ended
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Show a delivery with its attempts
    Get {
        #[arg(value_parser = input::id, value_name = "del_…")]
        id: String,
    },
    /// Make a delivery due now, also one that has ended
    Retry {
        #[arg(value_parser = input::id, value_name = "del_…")]
        id: String,
    },
    /// Withdraw a pending delivery
    Cancel {
        #[arg(value_parser = input::id, value_name = "del_…")]
        id: String,
    },
}

/// Runs one of them.
pub(super) async fn run(DeliveriesArgs { command, connection }: DeliveriesArgs) -> Result<(), CliError> {
    match command {
        DeliveriesCommand::List { status, webhook, event, limit, cursor } => {
            let query = [
                ("status", status),
                ("webhook_id", webhook),
                ("event_id", event),
                ("limit", limit.map(|rows| rows.to_string())),
                ("cursor", cursor),
            ];
            let answer = connection.get("/v1/deliveries", &query).await?;
            if connection.json() {
                output::raw(&answer.body)
            } else {
                output::list(&answer.value()?, COLUMNS)
            }
        }
        DeliveriesCommand::Get { id } => show(&connection, &connection.get(&path(&id, ""), &[]).await?),
        DeliveriesCommand::Retry { id } => {
            show(&connection, &connection.post(&path(&id, "/retry"), &nothing()).await?)
        }
        DeliveriesCommand::Cancel { id } => {
            show(&connection, &connection.post(&path(&id, "/cancel"), &nothing()).await?)
        }
    }
}

fn path(id: &str, action: &str) -> String {
    format!("/v1/deliveries/{id}{action}")
}

fn nothing() -> Map<String, Value> {
    Map::new()
}

fn show(connection: &Connection, answer: &Answer) -> Result<(), CliError> {
    if connection.json() {
        return output::raw(&answer.body);
    }
    let delivery = answer.value()?;
    output::table(&[&delivery], COLUMNS)?;
    let attempts: Vec<&Value> = delivery["attempts"].as_array().into_iter().flatten().collect();
    if attempts.is_empty() {
        return Ok(());
    }
    output::line("")?;
    output::table(&attempts, ATTEMPTS)
}
