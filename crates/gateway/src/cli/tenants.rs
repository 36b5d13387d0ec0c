//! `stentor tenants`.

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use super::client::Connection;
use super::output::Column;
use super::{CliError, output};

const COLUMNS: &[Column] = &[("ID", "/id"), ("NAME", "/name"), ("PLAN", "/plan"), ("CREATED", "/created_at")];

/// Manage tenants, with the operator's token
#[derive(Debug, Args)]
pub(super) struct TenantsArgs {
    #[command(subcommand)]
    command: TenantsCommand,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum TenantsCommand {
    /// Create a tenant
    Create {
        /// Unique among tenants
        name: String,
        /// Its plan
        #[arg(long)]
        plan: Option<String>,
        /// Profile of its webhooks that are created without one [default: standard]
        #[arg(long, value_name = "PROFILE")]
        default_profile: Option<String>,
    },
    /// List tenants, newest first
    List {
        /// Rows, 1 to 250 [default: 50]
        #[arg(long, value_name = "ROWS")]
        limit: Option<u32>,
        /// Where the previous page ended
        #[arg(long)]
        cursor: Option<String>,
    },
}

/// Runs one of them.
pub(super) async fn run(TenantsArgs { command, connection }: TenantsArgs) -> Result<(), CliError> {
    match command {
        TenantsCommand::Create { name, plan, default_profile } => {
            let mut body = Map::from_iter([("name".to_owned(), Value::from(name))]);
            body.extend(plan.map(|plan| ("plan".to_owned(), plan.into())));
            body.extend(default_profile.map(|profile| ("default_profile".to_owned(), profile.into())));
            let answer = connection.post("/v1/tenants", &body).await?;
            if connection.json() {
                output::raw(&answer.body)
            } else {
                output::table(&[&answer.value()?], COLUMNS)
            }
        }
        TenantsCommand::List { limit, cursor } => {
            let query = [("limit", limit.map(|rows| rows.to_string())), ("cursor", cursor)];
            let answer = connection.get("/v1/tenants", &query).await?;
            if connection.json() {
                output::raw(&answer.body)
            } else {
                output::list(&answer.value()?, COLUMNS)
            }
        }
    }
}
