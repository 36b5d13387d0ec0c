//! Questions of `stentor webhooks explain` and `stentor routes explain`.

use clap::Args;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::client::Connection;
use super::output::Column;
use super::{CliError, input, output};

const CLAUSES: &[Column] = &[
    ("PASSED", "/passed"),
    ("CLAUSE", "/pointer"),
    ("ASKS", "/operand"),
    ("SAW", "/seen"),
    ("REASON", "/reason"),
];
const MATCHES: &[Column] = &[("ID", "/id"), ("TYPE", "/type"), ("ACCEPTED", "/accepted_at")];
const ROUTES: &[Column] =
    &[("ROUTE", "/route_id"), ("NAME", "/name"), ("OUTCOME", "/outcome"), ("WEBHOOKS", "/webhooks")];

/// What is asked
#[derive(Debug, Args)]
pub(super) struct Question {
    /// A stored event; without it give --type and --data, or --since
    #[arg(value_parser = input::id, value_name = "evt_…", conflicts_with_all = ["event_type", "since"])]
    event: Option<String>,
    /// The type of an event that is only thought of
    #[arg(long = "type", value_name = "TYPE", requires = "data", conflicts_with = "since")]
    event_type: Option<String>,
    /// Its data: JSON, @FILE, or - for standard input
    #[arg(long, value_name = "JSON", requires = "event_type")]
    data: Option<String>,
    /// Ask all stored events from this time on (RFC 3339)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only those before this time
    #[arg(long, value_name = "TIME", requires = "since")]
    until: Option<String>,
    /// Where the previous answer stopped
    #[arg(long, requires = "since")]
    cursor: Option<String>,
    /// A draft instead of the saved filters: JSON, @FILE, or - for standard input
    #[arg(long, value_name = "JSON")]
    filters: Option<String>,
    /// A draft instead of the saved conditions
    #[arg(long, value_name = "JSON")]
    conditions: Option<String>,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Thought<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filters: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conditions: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Thought<'a> {
    #[serde(rename = "type")]
    event_type: &'a str,
    data: &'a RawValue,
}

/// Asks and shows the answer.
pub(super) async fn ask(connection: &Connection, path: &str, question: &Question) -> Result<(), CliError> {
    let written = |argument: &Option<String>| argument.as_deref().map(input::json_argument).transpose();
    let (data, filters, conditions) =
        (written(&question.data)?, written(&question.filters)?, written(&question.conditions)?);
    let event = question.event_type.as_deref().zip(data.as_deref());
    let body = Body {
        event_id: question.event.as_deref(),
        event: event.map(|(event_type, data)| Thought { event_type, data }),
        since: question.since.as_deref(),
        until: question.until.as_deref(),
        cursor: question.cursor.as_deref(),
        filters: filters.as_deref(),
        conditions: conditions.as_deref(),
    };
    let answer = connection.post(path, &body).await?;
    if connection.json() { output::raw(&answer.body) } else { show(&answer.value()?) }
}

fn show(answer: &Value) -> Result<(), CliError> {
    if !answer["examined"].is_null() {
        return backtest(answer);
    }
    if let Some(summary) = answer["summary"].as_str() {
        output::line(summary)?;
    }
    clauses(&answer["filter"])?;
    let routes: Vec<&Value> = answer["routes"].as_array().into_iter().flatten().collect();
    if !routes.is_empty() {
        output::table(&routes, ROUTES)?;
    }
    match routes.as_slice() {
        [only] => clauses(&only["filter"]),
        _ => Ok(()),
    }
}

fn clauses(filter: &Value) -> Result<(), CliError> {
    for one in filter["contradictions"].as_array().into_iter().flatten() {
        output::line(&format!("cannot match: {}", output::cell(one, "/detail")))?;
    }
    let clauses: Vec<&Value> = filter["clauses"].as_array().into_iter().flatten().collect();
    if clauses.is_empty() { Ok(()) } else { output::table(&clauses, CLAUSES) }
}

fn backtest(answer: &Value) -> Result<(), CliError> {
    let count = |name: &str| output::cell(answer, &format!("/{name}"));
    output::line(&format!(
        "{} of {} events match; {} are of another type, {} are refused",
        count("matched"),
        count("examined"),
        count("other_type"),
        count("refused")
    ))?;
    for (clause, refused) in answer["refused_by"].as_object().into_iter().flatten() {
        output::line(&format!("  {refused} by {clause}"))?;
    }
    let matches: Vec<&Value> = answer["matches"].as_array().into_iter().flatten().collect();
    if !matches.is_empty() {
        output::table(&matches, MATCHES)?;
    }
    match answer["next_cursor"].as_str() {
        Some(cursor) => output::line(&format!("more: --cursor {cursor}")),
        None => Ok(()),
    }
}
