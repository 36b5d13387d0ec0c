//! `stentor event-types`.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::client::Connection;
use super::output::Column;
use super::{CliError, input, output};

const COLUMNS: &[Column] = &[
    ("NAME", "/name"),
    ("SCHEMA", "/has_schema"),
    ("SAMPLE", "/has_sample"),
    ("ARCHIVED", "/archived"),
    ("DESCRIPTION", "/description"),
];
const LOADED: &[Column] = &[("CREATED", "/created"), ("REPLACED", "/replaced"), ("KEPT", "/kept")];

/// Declare event types, with schemas and samples
#[derive(Debug, Args)]
pub(super) struct EventTypesArgs {
    #[command(subcommand)]
    command: EventTypesCommand,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum EventTypesCommand {
    /// List event types by name
    List {
        /// Also the archived ones
        #[arg(long)]
        archived: bool,
    },
    /// Show an event type with its schema and sample
    Get {
        #[arg(value_parser = input::event_type, value_name = "TYPE")]
        name: String,
    },
    /// Declare an event type, in place of what was declared before
    Put {
        #[arg(value_parser = input::event_type, value_name = "TYPE")]
        name: String,
        /// What it means, for people
        #[arg(long)]
        description: Option<String>,
        /// The JSON Schema of its data: JSON, @FILE or -
        #[arg(long, value_name = "JSON")]
        schema: Option<String>,
        /// Data of a typical event: JSON, @FILE or -
        #[arg(long, value_name = "JSON")]
        sample: Option<String>,
        /// The earlier state that goes with the sample
        #[arg(long, value_name = "JSON")]
        sample_previous_data: Option<String>,
        /// Retire it
        #[arg(long)]
        archived: bool,
    },
    /// Take the declaration of an event type back
    Delete {
        #[arg(value_parser = input::event_type, value_name = "TYPE")]
        name: String,
    },
    /// Declare the event types of a catalogue: broxi, conversation or resource
    Load {
        catalogue: String,
        /// Replace those that stand
        #[arg(long)]
        replace: bool,
    },
}

/// What is declared of a type, with JSON as it was given.
#[derive(Debug, serde::Serialize)]
struct Declaration {
    description: Option<String>,
    schema: Option<Box<RawValue>>,
    sample: Option<Box<RawValue>>,
    sample_previous_data: Option<Box<RawValue>>,
    archived: bool,
}

/// Runs one of them.
pub(super) async fn run(EventTypesArgs { command, connection }: EventTypesArgs) -> Result<(), CliError> {
    let json = |text: Option<String>| text.as_deref().map(input::json_argument).transpose();
    match command {
        EventTypesCommand::List { archived } => {
            let query = [("archived", archived.then(|| "true".to_owned()))];
            let answer = connection.get("/v1/event-types", &query).await?;
            if connection.json() {
                output::raw(&answer.body)
            } else {
                output::list(&answer.value()?, COLUMNS)
            }
        }
        EventTypesCommand::Get { name } => {
            let answer = connection.get(&format!("/v1/event-types/{name}"), &[]).await?;
            if connection.json() { output::raw(&answer.body) } else { output::pretty(&answer.body) }
        }
        EventTypesCommand::Put { name, description, schema, sample, sample_previous_data, archived } => {
            let declaration = Declaration {
                description,
                schema: json(schema)?,
                sample: json(sample)?,
                sample_previous_data: json(sample_previous_data)?,
                archived,
            };
            let path = format!("/v1/event-types/{name}");
            let answer = connection.send(Method::PUT, &path, &declaration).await?;
            if connection.json() { output::raw(&answer.body) } else { output::pretty(&answer.body) }
        }
        EventTypesCommand::Delete { name } => {
            connection.delete(&format!("/v1/event-types/{name}")).await.map(|_| ())
        }
        EventTypesCommand::Load { catalogue, replace } => {
            let members = [("catalogue", Value::from(catalogue)), ("replace", replace.into())];
            let body: Map<_, _> = members.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
            let answer = connection.post("/v1/event-types/load", &body).await?;
            if connection.json() {
                output::raw(&answer.body)
            } else {
                output::table(&[&answer.value()?], LOADED)
            }
        }
    }
}
