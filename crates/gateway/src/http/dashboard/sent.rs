//! Forms that were sent.

use axum::RequestExt;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Redirect, Response};
use sha2::{Digest, Sha256};

use super::desk::Desk;
use super::refusal::Refusal;
use super::{Dashboard, origin};
use crate::http::AppState;
use crate::http::extract::{CONFIG_BODY_BYTES_MAX, read_body};
use crate::http::problem::{Code, Problem};

/// The fields of a form, as they were sent.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads `application/x-www-form-urlencoded`.
    pub(super) async fn read(request: Request, app: &AppState) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let body = read_body(&parts.headers, body, CONFIG_BODY_BYTES_MAX, app.bodies()).await?;
        Ok(Self(url::form_urlencoded::parse(&body).into_owned().collect()))
    }

    /// Reads the query of an address.
    pub(super) fn of_query(query: &str) -> Self {
        Self(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// A field without the white space around it; empty when there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.trim()).unwrap_or_default()
    }

    /// All fields of that name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.trim())
    }

    /// Whether a box is ticked.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }
}

/// A form of a page of ours, sent by who is signed in.
pub(super) struct Sent {
    pub(super) desk: Desk,
    pub(super) fields: Fields,
}

impl FromRequest<Dashboard> for Sent {
    type Rejection = Refusal;

    async fn from_request(mut request: Request, dashboard: &Dashboard) -> Result<Self, Refusal> {
        let desk = request.extract_parts_with_state::<Desk, _>(dashboard).await?;
        if !origin::is_own(request.headers()) {
            return Err(foreign().into());
        }
        let fields = Fields::read(request, &dashboard.app).await?;
        // Digests are compared, so that how long it takes tells nothing.
        if Sha256::digest(fields.text("csrf")) != Sha256::digest(&desk.session.csrf) {
            return Err(foreign().into());
        }
        Ok(Self { desk, fields })
    }
}

/// A form that no page of ours sent.
pub(super) fn foreign() -> Problem {
    let detail = "This form was not sent by a page of this dashboard, or by one of an earlier session. Reload the page and try again.";
    Problem::new(Code::ForeignForm, detail)
}

/// On to another page of ours.
pub(super) fn to(path: &str) -> Response {
    Redirect::to(&own_path(path)).into_response()
}

/// The path if it is one of this server, and the overview otherwise: no form sends its reader elsewhere.
pub(super) fn own_path(path: &str) -> String {
    let plain = path.bytes().all(|byte| (0x21..0x7f).contains(&byte) && byte != b'\\');
    let own = path.starts_with('/') && !path.starts_with("//");
    if plain && own { path.to_owned() } else { "/".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere() {
        for (path, to) in [
            ("/events?type=a", "/events?type=a"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("https://evil.example", "/"),
            ("", "/"),
            ("/a b", "/"),
            ("/\r\nSet-Cookie: a=b", "/"),
        ] {
            assert_eq!(own_path(path), to, "{path:?}");
        }
    }
}
