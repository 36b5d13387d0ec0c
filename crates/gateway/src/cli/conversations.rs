//! `stentor conversations`.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::client::{Answer, Connection};
use super::output::Column;
use super::{CliError, input, output};

const COLUMNS: &[Column] = &[
    ("ID", "/id"),
    ("CHANNEL", "/channel"),
    ("USECASE", "/usecase"),
    ("CALLBACK URL", "/config/callback_url"),
    ("WEBHOOK", "/webhook_id"),
];
const MESSAGES: &[Column] = &[
    ("ID", "/id"),
    ("STATUS", "/status"),
    ("TYPE", "/type"),
    ("CONTENT TYPE", "/content_type"),
    ("CREATED", "/created_at"),
    ("CONTENT", "/content"),
];

/// Manage conversations and their messages
#[derive(Debug, Args)]
pub(super) struct ConversationsArgs {
    #[command(subcommand)]
    command: ConversationsCommand,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum ConversationsCommand {
    /// List conversations, newest first
    List {
        /// Rows, 1 to 250 [default: 50]
        #[arg(long, value_name = "ROWS")]
        limit: Option<u32>,
        /// Where the previous page ended
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Show a conversation
    Get {
        #[arg(value_parser = input::uuid, value_name = "UUID")]
        id: String,
    },
    /// Create a conversation
    Create {
        /// Where its messages are delivered
        #[arg(value_name = "CALLBACK_URL")]
        callback_url: String,
        /// API, WHATSAPP or SMS
        #[arg(long, default_value = "API")]
        channel: String,
        /// What it is for
        #[arg(long, default_value = "WORKFLOW_EXECUTION")]
        usecase: String,
        /// The workflow that it runs
        #[arg(long)]
        workflow_id: Option<String>,
        /// Signs its deliveries; the variable does not show in the process list
        #[arg(long, env = "STENTOR_CONVERSATION_SECRET", hide_env_values = true)]
        secret: Option<String>,
    },
    /// Delete a conversation with its messages
    Delete {
        #[arg(value_parser = input::uuid, value_name = "UUID")]
        id: String,
    },
    /// List the messages of a conversation, newest first
    Messages {
        #[arg(value_parser = input::uuid, value_name = "UUID")]
        id: String,
        /// Rows, 1 to 250 [default: 50]
        #[arg(long, value_name = "ROWS")]
        limit: Option<u32>,
        /// Where the previous page ended
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Show a message with its deliveries
    Message {
        #[arg(value_parser = input::uuid, value_name = "CONVERSATION")]
        id: String,
        #[arg(value_parser = input::uuid, value_name = "MESSAGE")]
        message_id: String,
    },
    /// Say something in a conversation
    Say {
        #[arg(value_parser = input::uuid, value_name = "UUID")]
        id: String,
        /// What is said
        content: String,
        /// Who speaks: USER_INPUT, SYSTEM or BOT
        #[arg(long, default_value = "USER_INPUT")]
        r#type: String,
        /// Who made it
        #[arg(long, default_value = "stentor")]
        created_by: String,
    },
    /// Set how far a message has come: PROCESSED or FAILED
    Status {
        #[arg(value_parser = input::uuid, value_name = "CONVERSATION")]
        id: String,
        #[arg(value_parser = input::uuid, value_name = "MESSAGE")]
        message_id: String,
        status: String,
    },
}

/// Runs one of them.
pub(super) async fn run(
    ConversationsArgs { command, connection }: ConversationsArgs,
) -> Result<(), CliError> {
    let page =
        |limit: Option<u32>, cursor| [("limit", limit.map(|rows| rows.to_string())), ("cursor", cursor)];
    match command {
        ConversationsCommand::List { limit, cursor } => {
            let answer = connection.get("/v1/conversations", &page(limit, cursor)).await?;
            listed(&connection, &answer, COLUMNS)
        }
        ConversationsCommand::Get { id } => {
            shown(&connection, &connection.get(&format!("/v1/conversations/{id}"), &[]).await?)
        }
        ConversationsCommand::Create { callback_url, channel, usecase, workflow_id, secret } => {
            let mut config = Map::from_iter([("callback_url".to_owned(), Value::from(callback_url))]);
            config.extend(workflow_id.map(|id| ("workflow_id".to_owned(), id.into())));
            config.extend(secret.map(|secret| ("secret".to_owned(), secret.into())));
            let body = json!({"channel": channel, "usecase": usecase, "config": config});
            shown(&connection, &connection.post("/v1/conversations", &body).await?)
        }
        ConversationsCommand::Delete { id } => {
            connection.delete(&format!("/v1/conversations/{id}")).await.map(|_| ())
        }
        ConversationsCommand::Messages { id, limit, cursor } => {
            let path = format!("/v1/conversations/{id}/messages");
            listed(&connection, &connection.get(&path, &page(limit, cursor)).await?, MESSAGES)
        }
        ConversationsCommand::Message { id, message_id } => {
            let path = format!("/v1/conversations/{id}/messages/{message_id}");
            shown(&connection, &connection.get(&path, &[]).await?)
        }
        ConversationsCommand::Say { id, content, r#type, created_by } => {
            let body =
                json!({"content": content, "content_type": "TEXT", "type": r#type, "created_by": created_by});
            shown(&connection, &connection.post(&format!("/v1/conversations/{id}/messages"), &body).await?)
        }
        ConversationsCommand::Status { id, message_id, status } => {
            let path = format!("/v1/conversations/{id}/messages/{message_id}");
            let answer = connection.send(http::Method::PATCH, &path, &json!({ "status": status })).await?;
            shown(&connection, &answer)
        }
    }
}

fn listed(connection: &Connection, answer: &Answer, columns: &[Column]) -> Result<(), CliError> {
    if connection.json() { output::raw(&answer.body) } else { output::list(&answer.value()?, columns) }
}

fn shown(connection: &Connection, answer: &Answer) -> Result<(), CliError> {
    if connection.json() { output::raw(&answer.body) } else { output::pretty(&answer.body) }
}
