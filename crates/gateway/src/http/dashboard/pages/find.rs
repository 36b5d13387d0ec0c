//! The search field: it knows ids, addresses and event types, and jumps there.

use axum::Router;
use axum::response::Response;
use axum::routing::get;

use crate::http::dashboard::Dashboard;
use crate::http::dashboard::calls::Query;
use crate::http::dashboard::desk::Desk;
use crate::http::dashboard::refusal::Refusal;
use crate::http::dashboard::sent::{Fields, to};

pub(super) fn router() -> Router<Dashboard> {
    Router::new().route("/find", get(find))
}

async fn find(_desk: Desk, query: Fields) -> Result<Response, Refusal> {
    Ok(to(&place(query.text("q"))))
}

/// Where a text leads.
fn place(text: &str) -> String {
    let pages = [
        ("evt_", "/events/"),
        ("del_", "/deliveries/"),
        ("wh_", "/webhooks/"),
        ("src_", "/sources/"),
        ("req_", "/requests/"),
    ];
    if let Some((_, page)) = pages.iter().find(|(prefix, _)| text.starts_with(prefix)) {
        let id: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
        let (prefix, rest) = id.split_at(text.find('_').unwrap_or_default());
        return format!("{page}{prefix}_{rest}");
    }
    match text {
        "" => "/".to_owned(),
        url if url.contains("://") || url.contains('/') => {
            Query::of("/webhooks").with("url", url).as_str().to_owned()
        }
        event_type => Query::of("/events").with("type", event_type).as_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_addresses_and_types_lead_to_their_pages() {
        assert_eq!(place("evt_01h455"), "/events/evt_01h455");
        assert_eq!(place("del_01h455"), "/deliveries/del_01h455");
        assert_eq!(place("evt_../../sign-out"), "/events/evt_signout");
        assert_eq!(
            place("https://acme.example/in?a=b"),
            "/webhooks?url=https%3A%2F%2Facme.example%2Fin%3Fa%3Db"
        );
        assert_eq!((place("order.*").as_str(), place("").as_str()), ("/events?type=order.*", "/"));
    }
}
