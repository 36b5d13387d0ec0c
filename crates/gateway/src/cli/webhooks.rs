//! `stentor webhooks`.

use clap::{Args, Subcommand};
use http::Method;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::client::{Answer, Connection};
use super::input::Members;
use super::output::Column;
use super::{CliError, explain, input, output};

const COLUMNS: &[Column] = &[
    ("ID", "/id"),
    ("STATUS", "/status"),
    ("EVENTS", "/events"),
    ("URL", "/url"),
    ("NAME", "/name"),
    ("PROFILE", "/profile"),
];
const HEALTH: &[Column] = &[
    ("STATUS", "/status"),
    ("RATE", "/success_rate"),
    ("ENDED", "/total_deliveries"),
    ("DEAD", "/failed_deliveries"),
    ("ATTEMPTS", "/attempts"),
    ("RETRIES", "/retries"),
    ("P50", "/response_time/p50"),
    ("P99", "/response_time/p99"),
    ("DELAY P99", "/queue_delay/p99"),
    ("FAILING SINCE", "/failing_since"),
];
const ATTEMPT: &[Column] = &[
    ("OUTCOME", "/outcome"),
    ("REASON", "/reason"),
    ("STATUS", "/status"),
    ("MS", "/duration_ms"),
    ("ANSWER", "/response/body"),
];

/// Manage webhooks
#[derive(Debug, Args)]
pub(super) struct WebhooksArgs {
    #[command(subcommand)]
    command: WebhooksCommand,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum WebhooksCommand {
    /// List webhooks, newest first
    List {
        /// active, paused or disabled
        #[arg(long)]
        status: Option<String>,
        /// Rows, 1 to 250 [default: 50]
        #[arg(long, value_name = "ROWS")]
        limit: Option<u32>,
        /// Where the previous page ended
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Show a webhook with everything in force
    Get {
        #[arg(value_parser = input::id, value_name = "wh_…")]
        id: String,
    },
    /// Show how a webhook does
    Health {
        #[arg(value_parser = input::id, value_name = "wh_…")]
        id: String,
        /// How far back: 1h, 24h or 7d [default: 24h]
        #[arg(long)]
        window: Option<String>,
    },
    /// Create a webhook; its secret is shown this once
    Create {
        /// Where requests go
        #[arg(value_name = "URL")]
        destination: String,
        #[command(flatten)]
        parts: Parts,
        /// Signing secret; one is made when none is given
        #[arg(long)]
        secret: Option<String>,
        /// Bundle of format, signature and retries [default: standard]
        #[arg(long)]
        profile: Option<String>,
        /// Deliver strictly in order
        #[arg(long)]
        ordered: bool,
    },
    /// Change a webhook
    #[command(visible_alias = "change")]
    Update {
        #[arg(value_parser = input::id, value_name = "wh_…")]
        id: String,
        /// New address
        #[arg(long, value_name = "URL")]
        destination: Option<String>,
        #[command(flatten)]
        parts: Parts,
        /// Stop delivering; what comes is held
        #[arg(long, conflicts_with = "resume")]
        pause: bool,
        /// Deliver again, also after it was disabled
        #[arg(long)]
        resume: bool,
    },
    /// Delete a webhook; its pending deliveries are cancelled
    Delete {
        #[arg(value_parser = input::id, value_name = "wh_…")]
        id: String,
    },
    /// Replace the signing secret; the new one is shown this once
    RotateSecret {
        #[arg(value_parser = input::id, value_name = "wh_…")]
        id: String,
        /// The new secret; one is made when none is given
        #[arg(long)]
        secret: Option<String>,
        /// How long the old one goes on signing, such as 1h [default: 1d]
        #[arg(long, value_name = "TIME")]
        overlap: Option<String>,
    },
    /// Show what a webhook would send of a stored event
    Preview {
        #[arg(value_parser = input::id, value_name = "wh_…")]
        id: String,
        #[arg(value_parser = input::id, value_name = "evt_…")]
        event: String,
    },
    /// Tell why an event goes to a webhook or does not, or try a filter on past events
    Explain {
        #[arg(value_parser = input::id, value_name = "wh_…")]
        id: String,
        #[command(flatten)]
        question: explain::Question,
    },
    /// Send a test event now and show the attempt
    Test {
        #[arg(value_parser = input::id, value_name = "wh_…")]
        id: String,
        /// Its type
        #[arg(value_name = "TYPE", default_value = "webhook.test")]
        event_type: String,
        /// Its data: JSON, @FILE, or - for standard input
        #[arg(long, value_name = "JSON")]
        data: Option<String>,
    },
}

/// Settings that creating and changing share.
#[derive(Debug, Args)]
struct Parts {
    /// Event type, prefix such as order.*, or *; can be repeated
    #[arg(long = "event", value_name = "TYPE")]
    events: Vec<String>,
    /// Which of those events, by what they hold: JSON, @FILE, or - for standard input
    #[arg(long, value_name = "JSON")]
    filters: Option<String>,
    /// More of the same; both must hold
    #[arg(long, value_name = "JSON")]
    conditions: Option<String>,
    /// Send several events of one type in one request: at once when there are so many, 2 to 1000
    #[arg(long, value_name = "EVENTS")]
    batch_size: Option<u32>,
    /// So long after its oldest event a batch goes as it is, such as 30s
    #[arg(long, value_name = "TIME")]
    batch_timeout: Option<String>,
    /// A body of several events is not larger, 1024 to 4194304 [default: 100000]
    #[arg(long, value_name = "BYTES")]
    batch_max_bytes: Option<u32>,
    /// Shown to people
    #[arg(long)]
    name: Option<String>,
    /// Any other settings, as in the API: JSON, @FILE, or - for standard input
    #[arg(long, value_name = "JSON")]
    data: Option<String>,
}

/// The parts of `batch` that are given.
#[derive(Serialize)]
struct Batch {
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_bytes: Option<u32>,
}

impl Batch {
    const fn is_given(&self) -> bool {
        self.size.is_some() || self.timeout.is_some() || self.max_bytes.is_some()
    }
}

impl Parts {
    fn members(self, destination: Option<String>) -> Result<Members, CliError> {
        let mut members = Members::read(self.data.as_deref())?;
        members.set("url", destination)?;
        members.set("name", self.name)?;
        members.set("events", (!self.events.is_empty()).then_some(self.events))?;
        members.set_json("filters", self.filters.as_deref())?;
        members.set_json("conditions", self.conditions.as_deref())?;
        let batch =
            Batch { size: self.batch_size, timeout: self.batch_timeout, max_bytes: self.batch_max_bytes };
        members.set("batch", batch.is_given().then_some(batch))?;
        Ok(members)
    }
}

/// Runs one of them.
pub(super) async fn run(WebhooksArgs { command, connection }: WebhooksArgs) -> Result<(), CliError> {
    match command {
        WebhooksCommand::List { status, limit, cursor } => {
            let query =
                [("status", status), ("limit", limit.map(|rows| rows.to_string())), ("cursor", cursor)];
            let answer = connection.get("/v1/webhooks", &query).await?;
            if connection.json() {
                output::raw(&answer.body)
            } else {
                output::list(&answer.value()?, COLUMNS)
            }
        }
        WebhooksCommand::Get { id } => show(&connection, &connection.get(&path(&id), &[]).await?),
        WebhooksCommand::Health { id, window } => {
            let answer = connection.get(&format!("{}/health", path(&id)), &[("window", window)]).await?;
            if connection.json() {
                output::raw(&answer.body)
            } else {
                output::table(&[&answer.value()?], HEALTH)
            }
        }
        WebhooksCommand::Create { destination, parts, secret, profile, ordered } => {
            let mut body = parts.members(Some(destination))?;
            body.set("secret", secret)?;
            body.set("profile", profile)?;
            body.set("ordered", ordered.then_some(true))?;
            created(&connection, &connection.post("/v1/webhooks", &body).await?)
        }
        WebhooksCommand::Update { id, destination, parts, pause, resume } => {
            let mut body = parts.members(destination)?;
            body.set("active", (pause || resume).then_some(resume))?;
            show(&connection, &connection.send(Method::PATCH, &path(&id), &body).await?)
        }
        WebhooksCommand::Delete { id } => {
            connection.delete(&path(&id)).await?;
            if connection.json() { Ok(()) } else { output::line(&format!("{id} is deleted")) }
        }
        WebhooksCommand::RotateSecret { id, secret, overlap } => {
            let given = [("secret", secret), ("overlap", overlap)];
            let body: Map<String, Value> =
                given.into_iter().filter_map(|(name, text)| Some((name.into(), text?.into()))).collect();
            created(&connection, &connection.post(&format!("{}/rotate-secret", path(&id)), &body).await?)
        }
        WebhooksCommand::Preview { id, event } => {
            let body = Map::from_iter([("event_id".to_owned(), event.into())]);
            show(&connection, &connection.post(&format!("{}/preview", path(&id)), &body).await?)
        }
        WebhooksCommand::Explain { id, question } => {
            explain::ask(&connection, &format!("{}/explain", path(&id)), &question).await
        }
        WebhooksCommand::Test { id, event_type, data } => {
            test(&connection, &id, &event_type, data.as_deref()).await
        }
    }
}

#[derive(Serialize)]
struct WebhookTest<'a> {
    webhook_id: &'a str,
    event_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
}

async fn test(
    connection: &Connection,
    id: &str,
    event_type: &str,
    data: Option<&str>,
) -> Result<(), CliError> {
    let data = data.map(input::json_argument).transpose()?;
    let body = WebhookTest { webhook_id: id, event_type, data: data.as_deref() };
    let answer = connection.post("/v1/webhooks/test", &body).await?;
    if connection.json() { output::raw(&answer.body) } else { output::table(&[&answer.value()?], ATTEMPT) }
}

fn path(id: &str) -> String {
    format!("/v1/webhooks/{id}")
}

fn show(connection: &Connection, answer: &Answer) -> Result<(), CliError> {
    if connection.json() { output::raw(&answer.body) } else { output::pretty(&answer.body) }
}

fn created(connection: &Connection, answer: &Answer) -> Result<(), CliError> {
    if connection.json() {
        return output::raw(&answer.body);
    }
    let webhook = answer.value()?;
    for warning in webhook["warnings"].as_array().into_iter().flatten() {
        output::line(&format!("warning: {}", output::cell(warning, "")))?;
    }
    output::line(&format!("{}  secret: {}", output::cell(&webhook, "/id"), output::cell(&webhook, "/secret")))
}
