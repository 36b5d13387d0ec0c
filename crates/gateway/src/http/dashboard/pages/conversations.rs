//! Conversations: subjects with a callback URL, and what was said in one.

use askama::Template;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;
use stentor_core::id::ConversationId;
use stentor_core::time::Time;

use super::named::Named;
use crate::http::dashboard::calls::Query;
use crate::http::dashboard::desk::Desk;
use crate::http::dashboard::refusal::Refusal;
use crate::http::dashboard::sent::Fields;
use crate::http::dashboard::shapes::Rows;
use crate::http::dashboard::shell::{Place, Shell};
use crate::http::dashboard::{Dashboard, pretty, write};

pub(super) fn router() -> Router<Dashboard> {
    Router::new().route("/conversations", get(list)).route("/conversations/{id}", get(one))
}

#[derive(Debug, Deserialize)]
struct Conversation {
    id: String,
    channel: String,
    usecase: String,
    config: Config,
    webhook_id: String,
    created_at: Time,
}

#[derive(Debug, Deserialize)]
struct Config {
    callback_url: String,
}

#[derive(Debug, Deserialize)]
struct Message {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    content: String,
    created_by: String,
    created_at: Time,
}

#[derive(Template)]
#[template(path = "conversations.html")]
struct ConversationsPage {
    shell: Shell,
    rows: Vec<Conversation>,
    next: Option<String>,
}

async fn list(desk: Desk, query: Fields) -> Result<Response, Refusal> {
    let call = Query::of("/v1/conversations").with("cursor", query.text("cursor"));
    let found: Rows<Conversation> = desk.calls.get(call.as_str()).await?;
    let shell = desk.shell(Place::Conversations, "Conversations");
    Ok(write::page(&ConversationsPage { shell, rows: found.data, next: found.next_cursor }))
}

#[derive(Template)]
#[template(path = "conversation.html")]
struct ConversationPage {
    shell: Shell,
    conversation: Conversation,
    messages: Vec<Message>,
    next: Option<String>,
    base: String,
}

impl ConversationPage {
    fn shown(&self, content: &str) -> String {
        pretty::readable(content)
    }
}

async fn one(desk: Desk, Named(id): Named<ConversationId>, query: Fields) -> Result<Response, Refusal> {
    let path = format!("/v1/conversations/{id}");
    let conversation: Conversation = desk.calls.get(&path).await?;
    let call = Query::of(format!("{path}/messages?limit=25")).with("cursor", query.text("cursor"));
    let found: Rows<Message> = desk.calls.get(call.as_str()).await?;
    Ok(write::page(&ConversationPage {
        shell: desk.shell(Place::Conversations, "Conversation"),
        conversation,
        messages: found.data,
        next: found.next_cursor,
        base: format!("/conversations/{id}?"),
    }))
}
