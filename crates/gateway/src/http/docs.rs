//! The documentation that the server carries: `/openapi.json`, `/docs` to browse it, `/docs/errors` for the codes.
//! Nothing is loaded from elsewhere.

use std::fmt::Write as _;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::http::problem::Code;
use crate::http::{AppState, openapi};

/// Where the OpenAPI document is.
pub const OPENAPI_PATH: &str = "/openapi.json";

/// The routes.
pub fn router() -> Router<AppState> {
    // The bundle would otherwise ask validator.swagger.io about every document that is not on localhost.
    let config = Config::new([OPENAPI_PATH]).validator_url("none").persist_authorization(true);
    let browser = SwaggerUi::new("/docs").url(OPENAPI_PATH, openapi::document()).config(config);
    Router::new().merge(browser).route("/docs/errors", get(errors))
}

async fn errors() -> Html<String> {
    Html(errors_page())
}

fn errors_page() -> String {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Errors · Stentor</title><h1>Errors</h1>\
         <p>Every error answer is <code>application/problem+json</code> (RFC 9457). Programs compare <code>code</code>.</p>",
    );
    for code in Code::ALL {
        let (word, status) = (code.as_str(), code.status().as_u16());
        let (title, advice) = (escaped(code.title()), escaped(code.advice()));
        write!(page, "<h2 id=\"{word}\"><a href=\"#{word}\">{word}</a></h2><p><b>{status} · {title}</b></p><p>{advice}</p>")
            .expect("writing to a String");
    }
    page.push_str("</html>\n");
    page
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_anchor() {
        let page = errors_page();
        for code in Code::ALL {
            assert!(page.contains(&format!("<h2 id=\"{}\">", code.as_str())), "{code:?}");
        }
        assert!(page.contains("Bearer &lt;token&gt;"));
    }
}
