//! What the form of a webhook tells while it is being filled in.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use stentor_core::id::WebhookId;

use super::form::Form;
use crate::http::dashboard::pages::named::Named;
use crate::http::dashboard::refusal::Refusal;
use crate::http::dashboard::sent::Sent;
use crate::http::dashboard::write;

/// How far back a filter is tried while it is typed, and how many matches are looked for.
const TRIED_BACK: Duration = Duration::from_secs(7 * 24 * 3_600);
const MATCHES_MAX: u32 = 100;

/// When attempts would start, for who is typing the waits.
pub(super) async fn preview(Sent { fields, .. }: Sent) -> Response {
    let mut at = 0.0;
    let waits = Form::sent(&fields).waits().unwrap_or_default();
    let times: Vec<String> = waits
        .iter()
        .filter_map(Value::as_f64)
        .map(|wait| {
            at += wait;
            write::seconds(at)
        })
        .collect();
    match times.is_empty() {
        true => "The profile’s own waits.".into_response(),
        false => format!("Attempts after {}.", times.join(", ")).into_response(),
    }
}

/// What a filter would have taken of the past.
#[derive(Debug, Deserialize)]
struct Backtest {
    examined: u64,
    matched: u64,
    contradictions: Vec<Contradiction>,
}

#[derive(Debug, Deserialize)]
struct Contradiction {
    detail: String,
}

impl Backtest {
    /// In a sentence; what can never match is told first.
    fn sentence(&self) -> String {
        let events = write::counted(self.examined, "event", "events");
        match (self.contradictions.first(), self.examined) {
            (Some(contradiction), _) => contradiction.detail.clone(),
            (None, 0) => "No event came in the last seven days to try it on.".into(),
            (None, _) => format!("It takes {} of the last {events}.", write::count(self.matched)),
        }
    }
}

/// What the filter would have taken of the last events, for who is typing it.
pub(super) async fn backtest(
    Named(id): Named<WebhookId>,
    Sent { desk, fields }: Sent,
) -> Result<Response, Refusal> {
    let filter = match Form::sent(&fields).filter() {
        Ok(filter) => filter.unwrap_or_else(|| json!({})),
        Err(problem) => return Ok(problem.detail().to_owned().into_response()),
    };
    let since = desk.app.engine().clock().now().minus(TRIED_BACK);
    let body = json!({ "filters": filter, "since": since.to_string(), "limit": MATCHES_MAX });
    let path = format!("/v1/webhooks/{id}/explain");
    Ok(match desk.calls.send::<Backtest>(Method::POST, &path, &body).await {
        Ok(backtest) => backtest.sentence().into_response(),
        Err(refusal) => refusal.about_input()?.said.detail.into_response(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_filter_took_is_a_sentence() {
        let of = |examined, matched| Backtest { examined, matched, contradictions: Vec::new() }.sentence();
        assert_eq!(of(100, 12), "It takes 12 of the last 100 events.");
        assert!(of(0, 0).starts_with("No event came"));
        let never = Contradiction { detail: "total cannot be both".into() };
        assert_eq!(
            Backtest { examined: 9, matched: 0, contradictions: vec![never] }.sentence(),
            "total cannot be both"
        );
    }
}
