//! Event types: the catalogue, and one with its schema and sample.

use std::str::FromStr;

use askama::Template;
use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use http::Method;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use stentor_core::event::{EventType, InvalidEventType};
use stentor_core::time::Time;

use super::named::{Named, notice};
use crate::http::dashboard::desk::Desk;
use crate::http::dashboard::refusal::{Refusal, Told};
use crate::http::dashboard::sent::{Fields, Sent, to};
use crate::http::dashboard::shapes::Rows;
use crate::http::dashboard::shell::{Place, Shell};
use crate::http::dashboard::{Dashboard, pretty, write};

pub(super) fn router() -> Router<Dashboard> {
    Router::new()
        .route("/event-types", get(list))
        .route("/event-types/load", post(load))
        .route("/event-types/{name}", get(one))
}

#[derive(Debug, Deserialize)]
struct Row {
    name: String,
    description: Option<String>,
    archived: bool,
    has_schema: bool,
    has_sample: bool,
}

impl Row {
    fn path(&self) -> String {
        format!("/event-types/{}", segment(&self.name))
    }
}

#[derive(Template)]
#[template(path = "event_types.html")]
struct EventTypesPage {
    shell: Shell,
    rows: Vec<Row>,
    told: Option<Told>,
}

async fn list(desk: Desk, query: Fields) -> Result<Response, Refusal> {
    show(&desk, &query, None).await
}

async fn show(desk: &Desk, query: &Fields, told: Option<Told>) -> Result<Response, Refusal> {
    let found: Rows<Row> = desk.calls.get("/v1/event-types").await?;
    let shell = desk.shell(Place::EventTypes, "Event types").noting(notice(query));
    Ok(write::page(&EventTypesPage { shell, rows: found.data, told }))
}

async fn load(Sent { desk, fields }: Sent) -> Result<Response, Refusal> {
    let body = json!({ "catalogue": fields.text("catalogue") });
    match desk.calls.act(Method::POST, "/v1/event-types/load", Some(&body)).await {
        Ok(()) => Ok(to("/event-types?done=saved")),
        Err(refusal) => show(&desk, &Fields::default(), Some(refusal.about_input()?)).await,
    }
}

#[derive(Debug, Deserialize)]
struct Declared {
    name: String,
    description: Option<String>,
    archived: bool,
    schema: Option<Box<RawValue>>,
    updated_at: Time,
}

/// An example of the type, declared or made of its schema.
#[derive(Debug, Deserialize)]
struct Sample {
    data: Box<RawValue>,
    origin: String,
}

#[derive(Template)]
#[template(path = "event_type.html")]
struct EventTypePage {
    shell: Shell,
    declared: Declared,
    schema: Option<String>,
    sample: Option<(String, String)>,
}

/// The name of a type in a path.
struct TypeName(EventType);

impl FromStr for TypeName {
    type Err = InvalidEventType;

    fn from_str(text: &str) -> Result<Self, InvalidEventType> {
        EventType::parse(text).map(Self)
    }
}

/// A name as one segment of a path: it may hold slashes.
fn segment(name: &str) -> String {
    url::form_urlencoded::byte_serialize(name.as_bytes()).collect()
}

async fn one(desk: Desk, Named(TypeName(name)): Named<TypeName>) -> Result<Response, Refusal> {
    let path = format!("/v1/event-types/{}", segment(name.as_str()));
    let declared: Declared = desk.calls.get(&path).await?;
    let sample: Option<Sample> = desk.calls.get(&format!("{path}/sample")).await.ok();
    let shell = desk.shell(Place::EventTypes, &declared.name);
    let schema = declared.schema.as_ref().map(|schema| pretty::indented(schema.get()).0);
    let sample = sample.map(|sample| (pretty::indented(sample.data.get()).0, sample.origin));
    Ok(write::page(&EventTypePage { shell, declared, schema, sample }))
}
