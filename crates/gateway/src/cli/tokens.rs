//! `stentor tokens`.

use clap::{Args, Subcommand};
use serde_json::json;

use super::client::Connection;
use super::output::Column;
use super::{CliError, input, output};

const COLUMNS: &[Column] = &[
    ("ID", "/id"),
    ("NAME", "/name"),
    ("SCOPES", "/scopes"),
    ("CREATED", "/created_at"),
    ("EXPIRES", "/expires_at"),
];

/// Manage a tenant's tokens
#[derive(Debug, Args)]
pub(super) struct TokensArgs {
    #[command(subcommand)]
    command: TokensCommand,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum TokensCommand {
    /// Create a token; it is shown this once
    Create {
        /// Shown to people
        #[arg(long)]
        name: String,
        /// publish, read or manage; can be repeated
        #[arg(long = "scope", value_name = "SCOPE", required = true)]
        scopes: Vec<String>,
        /// When it stops working, such as 2026-01-01T00:00:00Z
        #[arg(long, value_name = "TIME")]
        expires_at: Option<String>,
    },
    /// List tokens
    List,
    /// Revoke a token; it stops working at once
    Revoke {
        #[arg(value_parser = input::id, value_name = "tok_…")]
        id: String,
    },
}

/// Runs one of them.
pub(super) async fn run(TokensArgs { command, connection }: TokensArgs) -> Result<(), CliError> {
    match command {
        TokensCommand::Create { name, scopes, expires_at } => {
            let body = json!({ "name": name, "scopes": scopes, "expires_at": expires_at });
            let answer = connection.post("/v1/tokens", &body).await?;
            if connection.json() {
                return output::raw(&answer.body);
            }
            let token = answer.value()?;
            output::line(&format!("{}  {}", output::cell(&token, "/id"), output::cell(&token, "/token")))
        }
        TokensCommand::List => {
            let answer = connection.get("/v1/tokens", &[]).await?;
            if connection.json() {
                output::raw(&answer.body)
            } else {
                output::list(&answer.value()?, COLUMNS)
            }
        }
        TokensCommand::Revoke { id } => {
            connection.delete(&format!("/v1/tokens/{id}")).await?;
            if connection.json() { Ok(()) } else { output::line(&format!("{id} is revoked")) }
        }
    }
}
