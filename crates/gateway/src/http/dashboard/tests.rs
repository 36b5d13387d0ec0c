//! Sessions, forms and pages over the whole surface. What browsers make of them is tested in `tests/browser`.

mod forms;
mod pages;
mod sessions;

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{HeaderName, Request};

use crate::http::test_app::{Answer, TestApp};

const NEAR: &str = "127.0.0.1:1";
const FAR: &str = "203.0.113.7:1";
const OWN: (&str, &str) = ("sec-fetch-site", "same-origin");

async fn send(app: &TestApp, call: &str, headers: &[(&str, &str)], body: &str, from: &str) -> Answer {
    let (method, path) = call.split_once(' ').expect("a method and a path");
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| *name == "accept") {
        request = request.header("accept", "text/html");
    }
    for (name, value) in headers {
        request = request.header(HeaderName::from_bytes(name.as_bytes()).expect("a name"), *value);
    }
    let peer: SocketAddr = from.parse().expect("an address");
    request = request.extension(ConnectInfo(peer));
    app.send(request.body(Body::from(body.to_owned())).expect("a legal request")).await
}

/// Somebody with a browser on this machine.
struct Reader<'a> {
    app: &'a TestApp,
    cookie: String,
}

impl<'a> Reader<'a> {
    async fn sign_in(app: &'a TestApp, token: &str) -> Self {
        let answer = send(app, "POST /sign-in", &[OWN], &format!("token={token}"), NEAR).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        Self { app, cookie: cookie(&answer) }
    }

    async fn get(&self, path: &str) -> Answer {
        send(self.app, &format!("GET {path}"), &[("cookie", &self.cookie)], "", NEAR).await
    }

    /// Sends a form of the page at `page`, with what is hidden in it.
    async fn form(&self, page: &str, path: &str, fields: &str) -> Answer {
        let csrf = csrf(&self.get(page).await);
        let headers = [("cookie", self.cookie.as_str()), OWN];
        send(self.app, &format!("POST {path}"), &headers, &format!("csrf={csrf}&{fields}"), NEAR).await
    }
}

fn cookie(answer: &Answer) -> String {
    let set = answer.headers["set-cookie"].to_str().expect("text");
    set.split(';').next().expect("a pair").to_owned()
}

fn csrf(page: &Answer) -> String {
    let (_, rest) =
        page.text.split_once("name=\"csrf\" value=\"").unwrap_or_else(|| panic!("no form in {page:?}"));
    rest.split('"').next().expect("a value").to_owned()
}

fn location(answer: &Answer) -> &str {
    answer.headers["location"].to_str().expect("text")
}
