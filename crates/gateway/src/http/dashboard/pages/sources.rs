//! Sources: where webhooks of others come in. Their credentials, what came, and what was refused and why.

use askama::Template;
use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;
use stentor_core::id::{CredentialId, RequestId, SourceId};

use super::named::{Named, notice};
use crate::http::dashboard::calls::Query;
use crate::http::dashboard::desk::Desk;
use crate::http::dashboard::refusal::{Refusal, Told};
use crate::http::dashboard::sent::{Fields, Sent, to};
use crate::http::dashboard::shapes::{CreatedCredential, Credential, Received, Rows, Source};
use crate::http::dashboard::shell::{Place, Shell};
use crate::http::dashboard::status::Status;
use crate::http::dashboard::{Dashboard, pretty, write};

pub(super) fn router() -> Router<Dashboard> {
    Router::new()
        .route("/sources", get(list).post(create))
        .route("/sources/new", get(new))
        .route("/sources/{id}", get(one))
        .route("/sources/{id}/credentials", post(make_credential))
        .route("/sources/{id}/revoke", post(revoke))
        .route("/requests/{id}", get(request))
}

#[derive(Template)]
#[template(path = "sources.html")]
struct SourcesPage {
    shell: Shell,
    rows: Vec<Source>,
    next: Option<String>,
}

impl SourcesPage {
    fn status(&self, source: &Source) -> Status {
        Status::of_active(source.active.unwrap_or(true))
    }
}

async fn list(desk: Desk, query: Fields) -> Result<Response, Refusal> {
    let call = Query::of("/v1/sources").with("cursor", query.text("cursor"));
    let found: Rows<Source> = desk.calls.get(call.as_str()).await?;
    let shell = desk.shell(Place::Sources, "Sources").noting(notice(&query));
    Ok(write::page(&SourcesPage { shell, rows: found.data, next: found.next_cursor }))
}

/// A way in which requests prove themselves.
#[derive(Debug, Deserialize)]
struct Preset {
    name: String,
    title: String,
    secret: String,
}

#[derive(Template)]
#[template(path = "source_form.html")]
struct FormPage {
    shell: Shell,
    name: String,
    preset: String,
    presets: Vec<Preset>,
    told: Option<Told>,
}

impl FormPage {
    async fn draw(desk: &Desk, fields: &Fields, told: Option<Told>) -> Result<Response, Refusal> {
        let presets: Rows<Preset> = desk.calls.get("/v1/source-presets").await?;
        let status = told.as_ref().map_or(StatusCode::OK, |told| told.status);
        let preset = match fields.text("preset") {
            "" => "basic",
            preset => preset,
        };
        let page = Self {
            shell: desk.shell(Place::Sources, "Create a source"),
            name: fields.text("name").to_owned(),
            preset: preset.to_owned(),
            presets: presets.data,
            told,
        };
        Ok((status, write::page(&page)).into_response())
    }
}

async fn new(desk: Desk) -> Result<Response, Refusal> {
    FormPage::draw(&desk, &Fields::default(), None).await
}

async fn create(Sent { desk, fields }: Sent) -> Result<Response, Refusal> {
    let mut verification = json!({ "preset": fields.text("preset") });
    if !fields.text("secret").is_empty() {
        verification["secret"] = json!(fields.text("secret"));
    }
    let body = json!({ "name": fields.text("name"), "verification": verification });
    match desk.calls.send::<Source>(Method::POST, "/v1/sources", &body).await {
        Ok(source) => Ok(to(&format!("/sources/{}", source.id))),
        Err(refusal) => FormPage::draw(&desk, &fields, Some(refusal.about_input()?)).await,
    }
}

#[derive(Template)]
#[template(path = "source.html")]
struct SourcePage {
    shell: Shell,
    source: Source,
    credentials: Vec<Credential>,
    received: Vec<Received>,
    next: Option<String>,
    base: String,
    outcome: String,
    created: Option<CreatedCredential>,
    told: Option<Told>,
}

impl SourcePage {
    fn is_basic(&self) -> bool {
        self.source.verification.preset.as_deref() == Some("basic")
    }

    fn status(&self) -> Status {
        Status::of_active(self.source.active.unwrap_or(true))
    }

    /// A program that sends something, for the environment that the credential's lines make.
    fn python(&self) -> String {
        format!(
            "import os\nimport requests\n\nresponse = requests.post(\n    \"{}\",\n    auth=(os.environ[\"REASONER_WEBHOOK_USERNAME\"], \
             os.environ[\"REASONER_WEBHOOK_PASSWORD\"]),\n    json={{\"event\": \"test.event\"}},\n    timeout=10,\n)\n\
             response.raise_for_status()\nprint(response.json())",
            self.source.url
        )
    }
}

async fn one(desk: Desk, Named(id): Named<SourceId>, query: Fields) -> Result<Response, Refusal> {
    show(desk, id, &query, None, None).await
}

async fn show(
    desk: Desk,
    id: SourceId,
    query: &Fields,
    created: Option<CreatedCredential>,
    told: Option<Told>,
) -> Result<Response, Refusal> {
    let path = format!("/v1/sources/{id}");
    let source: Source = desk.calls.get(&path).await?;
    let credentials: Rows<Credential> = desk.calls.get(&format!("{path}/credentials?limit=100")).await?;
    let outcome = query.text("outcome");
    let call =
        Query::of(format!("{path}/requests")).with("outcome", outcome).with("cursor", query.text("cursor"));
    let received: Rows<Received> = desk.calls.get(call.as_str()).await?;
    let title = source.name.clone();
    Ok(write::page(&SourcePage {
        shell: desk.shell(Place::Sources, title).noting(notice(query)),
        source,
        credentials: credentials.data,
        received: received.data,
        next: received.next_cursor,
        base: Query::of(format!("/sources/{id}")).with("outcome", outcome).open(),
        outcome: outcome.to_owned(),
        created,
        told,
    }))
}

async fn make_credential(
    Named(id): Named<SourceId>,
    Sent { desk, fields }: Sent,
) -> Result<Response, Refusal> {
    let name = fields.text("name");
    let body = if name.is_empty() { json!({}) } else { json!({ "name": name }) };
    let path = format!("/v1/sources/{id}/credentials");
    match desk.calls.send::<CreatedCredential>(Method::POST, &path, &body).await {
        Ok(created) => show(desk, id, &Fields::default(), Some(created), None).await,
        Err(refusal) => show(desk, id, &Fields::default(), None, Some(refusal.about_input()?)).await,
    }
}

async fn revoke(Named(id): Named<SourceId>, Sent { desk, fields }: Sent) -> Result<Response, Refusal> {
    let credential: CredentialId =
        fields.text("credential").parse().map_err(|_| crate::http::problem::Problem::not_found())?;
    desk.calls.act(Method::DELETE, &format!("/v1/sources/{id}/credentials/{credential}"), None).await?;
    Ok(to(&format!("/sources/{id}?done=revoked")))
}

#[derive(Template)]
#[template(path = "request.html")]
struct RequestPage {
    shell: Shell,
    request: Received,
    body: Option<String>,
}

async fn request(desk: Desk, Named(id): Named<RequestId>) -> Result<Response, Refusal> {
    let request: Received = desk.calls.get(&format!("/v1/requests/{id}")).await?;
    let body = request.body.as_deref().map(pretty::readable);
    Ok(write::page(&RequestPage { shell: desk.shell(Place::Sources, "Request"), request, body }))
}
