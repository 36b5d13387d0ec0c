//! `stentor routes`.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::json;

use super::client::{Answer, Connection};
use super::input::Members;
use super::output::Column;
use super::{CliError, explain, input, output};

const COLUMNS: &[Column] = &[
    ("PLACE", "/position"),
    ("ID", "/id"),
    ("NAME", "/name"),
    ("EVENTS", "/match/events"),
    ("WEBHOOKS", "/webhooks"),
    ("CONTINUE", "/continue"),
    ("DEFAULT", "/default"),
    ("ACTIVE", "/active"),
];

/// Manage routes: ordered rules that send events to webhooks
#[derive(Debug, Args)]
pub(super) struct RoutesArgs {
    #[command(subcommand)]
    command: RoutesCommand,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum RoutesCommand {
    /// List all routes in the order in which they are tried
    List,
    /// Show a route
    Get {
        #[arg(value_parser = input::id, value_name = "rt_…")]
        id: String,
    },
    /// Create a route
    Create {
        #[command(flatten)]
        parts: Parts,
    },
    /// Change a route
    Update {
        #[arg(value_parser = input::id, value_name = "rt_…")]
        id: String,
        #[command(flatten)]
        parts: Parts,
    },
    /// Put routes first, in this order; the others follow as they stand
    Order {
        #[arg(value_parser = input::id, value_name = "rt_…", required = true)]
        ids: Vec<String>,
    },
    /// Tell what routes make of an event, or try a filter on past events
    Explain {
        /// One route; all of them in their order when not given
        #[arg(long, value_parser = input::id, value_name = "rt_…")]
        route: Option<String>,
        #[command(flatten)]
        question: explain::Question,
    },
    /// Delete a route; deliveries that it made go on
    Delete {
        #[arg(value_parser = input::id, value_name = "rt_…")]
        id: String,
    },
}

/// Settings that creating and changing share.
#[derive(Debug, Args)]
struct Parts {
    /// Shown to people
    #[arg(long)]
    name: Option<String>,
    /// Event type, prefix such as order.*, or *; can be repeated
    #[arg(long = "event", value_name = "TYPE")]
    events: Vec<String>,
    /// Which of those events, by what they hold: JSON, @FILE, or - for standard input
    #[arg(long, value_name = "JSON")]
    filters: Option<String>,
    /// More of the same; both must hold
    #[arg(long, value_name = "JSON")]
    conditions: Option<String>,
    /// Where it sends them; can be repeated
    #[arg(long = "webhook", value_parser = input::id, value_name = "wh_…")]
    webhooks: Vec<String>,
    /// Place among the routes, from 0
    #[arg(long)]
    position: Option<u32>,
    /// Whether the routes after it are tried as well
    #[arg(long = "continue", value_name = "BOOL")]
    goes_on: Option<bool>,
    /// Whether it is tried only when no other route took the event
    #[arg(long = "default", value_name = "BOOL")]
    is_default: Option<bool>,
    /// Whether it is tried at all
    #[arg(long, value_name = "BOOL")]
    active: Option<bool>,
}

impl Parts {
    fn members(self) -> Result<Members, CliError> {
        let mut matched = Members::default();
        matched.set("events", (!self.events.is_empty()).then_some(self.events))?;
        matched.set_json("filters", self.filters.as_deref())?;
        matched.set_json("conditions", self.conditions.as_deref())?;
        let mut members = Members::default();
        members.set("name", self.name)?;
        members.set("match", (!matched.is_empty()).then_some(matched))?;
        members.set("webhooks", (!self.webhooks.is_empty()).then_some(self.webhooks))?;
        members.set("position", self.position)?;
        members.set("continue", self.goes_on)?;
        members.set("default", self.is_default)?;
        members.set("active", self.active)?;
        Ok(members)
    }
}

/// Runs one of them.
pub(super) async fn run(RoutesArgs { command, connection }: RoutesArgs) -> Result<(), CliError> {
    match command {
        RoutesCommand::List => list(&connection, &connection.get("/v1/routes", &[]).await?),
        RoutesCommand::Get { id } => show(&connection, &connection.get(&path(&id), &[]).await?),
        RoutesCommand::Create { parts } => {
            // Without a webhook the route takes its events and sends them nowhere.
            let no_webhook = parts.webhooks.is_empty();
            let mut body = parts.members()?;
            body.set("webhooks", no_webhook.then(Vec::<String>::new))?;
            show(&connection, &connection.post("/v1/routes", &body).await?)
        }
        RoutesCommand::Update { id, parts } => {
            show(&connection, &connection.send(Method::PATCH, &path(&id), &parts.members()?).await?)
        }
        RoutesCommand::Order { ids } => {
            let body = json!({ "routes": ids });
            list(&connection, &connection.send(Method::PUT, "/v1/routes/order", &body).await?)
        }
        RoutesCommand::Explain { route, question } => {
            let path = route.map_or_else(|| "/v1/routes".to_owned(), |id| path(&id));
            explain::ask(&connection, &format!("{path}/explain"), &question).await
        }
        RoutesCommand::Delete { id } => {
            connection.delete(&path(&id)).await?;
            if connection.json() { Ok(()) } else { output::line(&format!("{id} is deleted")) }
        }
    }
}

fn path(id: &str) -> String {
    format!("/v1/routes/{id}")
}

fn list(connection: &Connection, answer: &Answer) -> Result<(), CliError> {
    if connection.json() { output::raw(&answer.body) } else { output::list(&answer.value()?, COLUMNS) }
}

fn show(connection: &Connection, answer: &Answer) -> Result<(), CliError> {
    if connection.json() { output::raw(&answer.body) } else { output::pretty(&answer.body) }
}
