//! Query strings.

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::pointer;
use crate::http::problem::{Code, Problem};

/// The name of the parameter that carries a cursor, in every list.
const CURSOR_PARAMETER: &str = "/cursor";

/// The query string read into `T`, which should deny unknown fields.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        read(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

fn read<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(pairs)).map_err(|error| {
        let broken = pointer::field_error(&error);
        if broken.pointer == CURSOR_PARAMETER {
            return Problem::new(Code::InvalidCursor, broken.detail);
        }
        Problem::invalid_query(broken.pointer.trim_start_matches('/'), broken.detail)
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use stentor_core::id::WebhookId;

    use super::*;
    use crate::http::extract::{Cursor, Limit};

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Listed {
        #[serde(default)]
        limit: Limit,
        cursor: Option<Cursor<WebhookId>>,
    }

    #[test]
    fn reads_what_is_there_and_defaults_the_rest() {
        let listed: Listed = read("").expect("all optional");
        assert_eq!((listed.limit.rows(), listed.cursor.map(|cursor| cursor.id())), (50, None));
        let id = WebhookId::from_bytes([7; 16]);
        let listed: Listed = read(&format!("limit=250&cursor={}", Cursor::after(id))).expect("valid");
        assert_eq!((listed.limit.rows(), listed.cursor.map(|cursor| cursor.id())), (250, Some(id)));
    }

    #[test]
    fn names_the_parameter_that_is_wrong() {
        for (query, code, named) in [
            ("limit=0", Code::InvalidQuery, "limit: "),
            ("limit=251", Code::InvalidQuery, "limit: "),
            ("limit=ten", Code::InvalidQuery, "limit: "),
            ("state=dead", Code::InvalidQuery, "state: "),
            ("limit=1&limit=2", Code::InvalidQuery, "limit: "),
            ("cursor=abc", Code::InvalidCursor, ""),
        ] {
            let problem = read::<Listed>(query).expect_err("refused");
            assert_eq!(problem.code(), code, "{query}");
            assert!(format!("{problem:?}").contains(named), "{query}: {problem:?}");
        }
    }
}
