//! `stentor sources`.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::json;

use super::client::{Answer, Connection};
use super::input::Members;
use super::output::Column;
use super::{CliError, input, output};

const COLUMNS: &[Column] = &[
    ("ID", "/id"),
    ("NAME", "/name"),
    ("VERIFICATION", "/verification/preset"),
    ("ACTIVE", "/active"),
    ("URL", "/url"),
];
const PRESETS: &[Column] =
    &[("NAME", "/name"), ("PROVIDER", "/title"), ("SECRET", "/secret"), ("EVIDENCE", "/evidence")];

/// Manage sources: where inbound webhooks come from
#[derive(Debug, Args)]
pub(super) struct SourcesArgs {
    #[command(subcommand)]
    command: SourcesCommand,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum SourcesCommand {
    /// List sources, newest first
    List {
        /// Rows
        #[arg(long)]
        limit: Option<u32>,
        /// Goes on after the previous page
        #[arg(long)]
        cursor: Option<String>,
    },
    /// List the providers whose webhooks can be verified by name
    Presets,
    /// Create a source
    Create {
        #[command(flatten)]
        parts: Parts,
    },
    /// Show a source
    Show {
        #[arg(value_parser = input::id, value_name = "src_…")]
        id: String,
    },
    /// Change a source
    Change {
        #[arg(value_parser = input::id, value_name = "src_…")]
        id: String,
        #[command(flatten)]
        parts: Parts,
    },
    /// Replace the secret that requests are verified with; the old one is accepted for a while
    RotateSecret {
        #[arg(value_parser = input::id, value_name = "src_…")]
        id: String,
        /// The new secret; the variable does not show in the process list
        #[arg(long, env = "STENTOR_SOURCE_SECRET", hide_env_values = true)]
        secret: String,
        /// How long the old secret is accepted, such as 2h; 1 day when not given
        #[arg(long, value_name = "DURATION")]
        overlap: Option<String>,
    },
    /// Delete a source with its credentials; its events stay
    Delete {
        #[arg(value_parser = input::id, value_name = "src_…")]
        id: String,
    },
}

/// What can be set of a source
#[derive(Debug, Args)]
struct Parts {
    /// Shown to people
    #[arg(long)]
    name: Option<String>,
    /// basic (credentials), none, or a provider of `stentor sources presets`
    #[arg(long, value_name = "PRESET")]
    verify: Option<String>,
    /// What the provider signs with; the variable does not show in the process list
    #[arg(long, env = "STENTOR_SOURCE_SECRET", hide_env_values = true)]
    secret: Option<String>,
    /// Whether it takes requests
    #[arg(long)]
    active: Option<bool>,
    /// All members as JSON, @file, or - for standard input; options win over it
    #[arg(long, value_name = "JSON")]
    settings: Option<String>,
}

impl Parts {
    fn members(&self) -> Result<Members, CliError> {
        let mut members = Members::read(self.settings.as_deref())?;
        members.set("name", self.name.as_ref())?;
        members.set("active", self.active)?;
        if self.verify.is_some() || self.secret.is_some() {
            let mut verification = Members::default();
            verification.set("preset", self.verify.as_ref())?;
            verification.set("secret", self.secret.as_ref())?;
            members.set("verification", Some(verification))?;
        }
        Ok(members)
    }
}

/// Runs one of them.
pub(super) async fn run(SourcesArgs { command, connection }: SourcesArgs) -> Result<(), CliError> {
    match command {
        SourcesCommand::List { limit, cursor } => {
            let query = [("limit", limit.map(|rows| rows.to_string())), ("cursor", cursor)];
            listed(&connection, &connection.get("/v1/sources", &query).await?, COLUMNS)
        }
        SourcesCommand::Presets => {
            listed(&connection, &connection.get("/v1/source-presets", &[]).await?, PRESETS)
        }
        SourcesCommand::Create { parts } => {
            let answer = connection.post("/v1/sources", &parts.members()?).await?;
            if connection.json() {
                return output::raw(&answer.body);
            }
            let source = answer.value()?;
            output::line(&format!("{}  {}", output::cell(&source, "/id"), output::cell(&source, "/url")))?;
            if output::cell(&source, "/verification/preset") == "basic" {
                let id = output::cell(&source, "/id");
                output::line(&format!("Next: stentor credentials create {id} --name NAME"))
            } else {
                output::line(&output::cell(&source, "/curl"))
            }
        }
        SourcesCommand::Show { id } => {
            shown(&connection, &connection.get(&format!("/v1/sources/{id}"), &[]).await?)
        }
        SourcesCommand::Change { id, parts } => {
            let members = parts.members()?;
            if members.is_empty() {
                return Err(CliError::Usage("nothing to change was given".into()));
            }
            shown(&connection, &connection.send(Method::PATCH, &format!("/v1/sources/{id}"), &members).await?)
        }
        SourcesCommand::RotateSecret { id, secret, overlap } => {
            let path = format!("/v1/sources/{id}/rotate-secret");
            let body = json!({ "secret": secret, "overlap": overlap });
            shown(&connection, &connection.post(&path, &body).await?)
        }
        SourcesCommand::Delete { id } => {
            connection.delete(&format!("/v1/sources/{id}")).await?;
            if connection.json() { Ok(()) } else { output::line(&format!("{id} is deleted")) }
        }
    }
}

fn listed(connection: &Connection, answer: &Answer, columns: &[Column]) -> Result<(), CliError> {
    if connection.json() { output::raw(&answer.body) } else { output::list(&answer.value()?, columns) }
}

fn shown(connection: &Connection, answer: &Answer) -> Result<(), CliError> {
    if connection.json() { output::raw(&answer.body) } else { output::pretty(&answer.body) }
}
