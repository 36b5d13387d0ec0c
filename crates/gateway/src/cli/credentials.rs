//! `stentor credentials`.

use clap::{Args, Subcommand};
use serde_json::json;

use super::client::Connection;
use super::output::Column;
use super::{CliError, input, output};

const COLUMNS: &[Column] = &[
    ("ID", "/id"),
    ("NAME", "/name"),
    ("ENVIRONMENT", "/environment"),
    ("USERNAME", "/username"),
    ("CREATED", "/created_at"),
    ("LAST USED", "/last_used_at"),
    ("EXPIRES", "/expires_at"),
];

/// Manage the credentials of a source
#[derive(Debug, Args)]
pub(super) struct CredentialsArgs {
    #[command(subcommand)]
    command: CredentialsCommand,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum CredentialsCommand {
    /// Make a credential; its password is shown this once
    Create {
        #[arg(value_parser = input::id, value_name = "src_…")]
        source: String,
        /// Shown to people
        #[arg(long)]
        name: String,
        /// Where it is used, such as production
        #[arg(long)]
        environment: Option<String>,
        /// When it stops working, such as 2030-01-01T00:00:00Z
        #[arg(long, value_name = "TIME")]
        expires_at: Option<String>,
    },
    /// List the credentials of a source
    List {
        #[arg(value_parser = input::id, value_name = "src_…")]
        source: String,
        /// Rows
        #[arg(long)]
        limit: Option<u32>,
        /// Goes on after the previous page
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Revoke a credential; it stops working at once
    Revoke {
        #[arg(value_parser = input::id, value_name = "src_…")]
        source: String,
        #[arg(value_parser = input::id, value_name = "crd_…")]
        id: String,
    },
}

/// Runs one of them.
pub(super) async fn run(CredentialsArgs { command, connection }: CredentialsArgs) -> Result<(), CliError> {
    match command {
        CredentialsCommand::Create { source, name, environment, expires_at } => {
            let body = json!({ "name": name, "environment": environment, "expires_at": expires_at });
            let answer = connection.post(&format!("/v1/sources/{source}/credentials"), &body).await?;
            if connection.json() {
                return output::raw(&answer.body);
            }
            let made = answer.value()?;
            output::line(&format!("{}\n", output::cell(&made, "/id")))?;
            let lines = made["environment_lines"].as_str().unwrap_or_default();
            for line in lines.lines() {
                output::line(&output::cell(&line.into(), ""))?;
            }
            output::line(&format!("\n{}", output::cell(&made, "/curl")))
        }
        CredentialsCommand::List { source, limit, cursor } => {
            let query = [("limit", limit.map(|rows| rows.to_string())), ("cursor", cursor)];
            let answer = connection.get(&format!("/v1/sources/{source}/credentials"), &query).await?;
            if connection.json() {
                output::raw(&answer.body)
            } else {
                output::list(&answer.value()?, COLUMNS)
            }
        }
        CredentialsCommand::Revoke { source, id } => {
            connection.delete(&format!("/v1/sources/{source}/credentials/{id}")).await?;
            if connection.json() { Ok(()) } else { output::line(&format!("{id} is revoked")) }
        }
    }
}
