//! The form that makes or changes a webhook. What it holds becomes the body of the API's call; what is wrong with it, the API says.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use stentor_core::id::WebhookId;

use super::made;
use crate::http::dashboard::desk::Desk;
use crate::http::dashboard::pages::named::Named;
use crate::http::dashboard::refusal::{Refusal, Told};
use crate::http::dashboard::sent::{Fields, Sent, to};
use crate::http::dashboard::shapes::Webhook;
use crate::http::dashboard::shell::{Place, Shell};
use crate::http::dashboard::{pretty, write};
use crate::http::problem::Problem;

const PROFILES: [(&str, &str); 6] = [
    ("standard", "Standard Webhooks: type, timestamp, data; signed with webhook-signature"),
    ("broxi", "event, webhook_id, delivery_id; signed with X-Broxi-Signature"),
    ("conversation", "conversation_id, data, timestamp"),
    ("resource", "id, type, created_at, data.object; signed with X-Webhook-Signature"),
    ("raw", "exactly the bytes that were published"),
    ("cloudevents", "CloudEvents 1.0"),
];

/// The fields, as they stand on the page.
#[derive(Default)]
pub(super) struct Form {
    url: String,
    name: String,
    events: String,
    profile: String,
    filters: String,
    schedule: String,
    timeout: String,
    secret: String,
    ordered: bool,
}

impl Form {
    pub(super) fn sent(fields: &Fields) -> Self {
        let text = |name: &str| fields.text(name).to_owned();
        Self {
            url: text("url"),
            name: text("name"),
            events: text("events"),
            profile: text("profile"),
            filters: text("filters"),
            schedule: text("schedule"),
            timeout: text("timeout"),
            secret: text("secret"),
            ordered: fields.is_on("ordered"),
        }
    }

    fn of(webhook: &Webhook) -> Self {
        let overridden = |name: &str| webhook.overrides.iter().any(|part| part.starts_with(name));
        let waits = webhook.retry_policy["schedule"].as_array().cloned().unwrap_or_default();
        let waits: Vec<String> = waits.iter().map(ToString::to_string).collect();
        Self {
            url: webhook.url.clone(),
            name: webhook.name.clone().unwrap_or_default(),
            events: webhook.events.join("\n"),
            profile: webhook.profile.clone(),
            filters: webhook
                .filters
                .as_ref()
                .map_or_else(String::new, |filter| pretty::indented(&filter.to_string()).0),
            schedule: if overridden("retry_policy") { waits.join(", ") } else { String::new() },
            timeout: if overridden("timeout") { webhook.timeout.to_string() } else { String::new() },
            secret: String::new(),
            ordered: webhook.ordered,
        }
    }

    /// The body of the API's call. An empty field is not given; where something is changed, it goes back to what the profile says.
    ///
    /// # Errors
    /// When the filter is no JSON.
    fn body(&self, changes: bool) -> Result<Value, Problem> {
        let words = self.events.split([',', '\n', ' ']).map(str::trim).filter(|word| !word.is_empty());
        let mut body = Map::new();
        body.insert("url".into(), json!(self.url));
        body.insert("events".into(), words.collect());
        body.insert("ordered".into(), json!(self.ordered));
        let mut optional = |name: &str, value: Option<Value>| match value {
            Some(value) => _ = body.insert(name.into(), value),
            None if changes => _ = body.insert(name.into(), Value::Null),
            None => {}
        };
        let text = |text: &str| (!text.is_empty()).then(|| json!(text));
        optional("name", text(&self.name));
        optional("profile", text(&self.profile));
        optional("filters", self.filter()?);
        optional("retry_policy", self.waits().map(|waits| json!({ "schedule": waits })));
        optional("timeout", text(&self.timeout).map(|_| number(&self.timeout)));
        if !self.secret.is_empty() && !changes {
            body.insert("secret".into(), json!(self.secret));
        }
        Ok(Value::Object(body))
    }

    pub(super) fn filter(&self) -> Result<Option<Value>, Problem> {
        if self.filters.is_empty() {
            return Ok(None);
        }
        let refuse =
            |error: serde_json::Error| Problem::invalid_field("/filters", format!("is not JSON: {error}"));
        serde_json::from_str(&self.filters).map(Some).map_err(refuse)
    }

    /// The waits, in seconds; none when the profile's are meant.
    pub(super) fn waits(&self) -> Option<Vec<Value>> {
        let waits = self.schedule.split([',', ' ', '\n']).map(str::trim).filter(|wait| !wait.is_empty());
        let waits: Vec<Value> = waits.map(number).collect();
        (!waits.is_empty()).then_some(waits)
    }
}

/// A number where the text is one; the text itself otherwise, so that the API says what is wrong with it.
fn number(text: &str) -> Value {
    match serde_json::from_str::<Value>(text) {
        Ok(value @ Value::Number(_)) => value,
        _ => json!(text),
    }
}

#[derive(Template)]
#[template(path = "webhook_form.html")]
struct FormPage {
    shell: Shell,
    form: Form,
    id: Option<String>,
    profiles: [(&'static str, &'static str); 6],
    told: Option<Told>,
}

impl FormPage {
    fn draw(desk: &Desk, form: Form, id: Option<String>, told: Option<Told>) -> Response {
        let title = if id.is_some() { "Change the webhook" } else { "Create a webhook" };
        let shell = desk.shell(Place::Webhooks, title);
        let status = told.as_ref().map_or(StatusCode::OK, |told| told.status);
        let page = write::page(&Self { shell, form, id, profiles: PROFILES, told });
        (status, page).into_response()
    }

    /// What is wrong with a field.
    fn wrong(&self, field: &str) -> Option<String> {
        let errors = &self.told.as_ref()?.said.errors;
        let of_field = |pointer: &str| pointer.trim_start_matches('/').split('/').next() == Some(field);
        errors.iter().find(|error| of_field(&error.pointer)).map(|error| error.detail.clone())
    }
}

pub(super) async fn new(desk: Desk) -> Response {
    FormPage::draw(&desk, Form { events: "*".into(), ..Form::default() }, None, None)
}

pub(super) async fn edit(desk: Desk, Named(id): Named<WebhookId>) -> Result<Response, Refusal> {
    let webhook: Webhook = desk.calls.get(&format!("/v1/webhooks/{id}")).await?;
    Ok(FormPage::draw(&desk, Form::of(&webhook), Some(webhook.id), None))
}

pub(super) async fn create(Sent { desk, fields }: Sent) -> Result<Response, Refusal> {
    let form = Form::sent(&fields);
    let made_one = match form.body(false) {
        Ok(body) => desk.calls.send::<Webhook>(Method::POST, "/v1/webhooks", &body).await,
        Err(problem) => Err(problem.into()),
    };
    match made_one {
        Ok(webhook) => {
            let id = webhook.id.parse().map_err(|_| Problem::internal(&"the API made no id"))?;
            made(desk, id, webhook.secret).await
        }
        Err(refusal) => Ok(FormPage::draw(&desk, form, None, Some(refusal.about_input()?))),
    }
}

pub(super) async fn change(
    Named(id): Named<WebhookId>,
    Sent { desk, fields }: Sent,
) -> Result<Response, Refusal> {
    let form = Form::sent(&fields);
    let changed = match form.body(true) {
        Ok(body) => desk.calls.act(Method::PATCH, &format!("/v1/webhooks/{id}"), Some(&body)).await,
        Err(problem) => Err(problem.into()),
    };
    match changed {
        Ok(()) => Ok(to(&format!("/webhooks/{id}?done=saved"))),
        Err(refusal) => Ok(FormPage::draw(&desk, form, Some(id.to_string()), Some(refusal.about_input()?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> Form {
        Form { url: "https://a.example".into(), events: "order.*, invoice.paid\n".into(), ..Form::default() }
    }

    #[test]
    fn empty_fields_are_not_given_and_taken_back_when_changed() {
        let new =
            json!({ "url": "https://a.example", "events": ["order.*", "invoice.paid"], "ordered": false });
        assert_eq!(form().body(false).expect("a body"), new);
        let changed = form().body(true).expect("a body");
        assert!(
            changed["retry_policy"].is_null()
                && changed.get("retry_policy").is_some()
                && changed.get("secret").is_none()
        );
    }

    #[test]
    fn what_is_no_number_is_passed_on_for_the_api_to_refuse() {
        let form = Form { schedule: "0, 5 soon".into(), timeout: "ten".into(), ..form() };
        let body = form.body(false).expect("a body");
        assert_eq!(body["retry_policy"], json!({ "schedule": [0, 5, "soon"] }));
        assert_eq!(body["timeout"], "ten");
        assert!(Form { filters: "{".into(), ..form }.body(false).is_err());
    }
}
