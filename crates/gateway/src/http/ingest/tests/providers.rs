//! Every provider through the front door: the vectors of stentor-verify, which other implementations signed, and what
//! becomes of each when it is altered, cut, repeated, old, or meets another secret. Which reason is right is proved there;
//! here it must reach the sender and the list of requests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::Request;
use serde::Deserialize;
use stentor_core::time::Time;
use stentor_engine::clock::{Clock as _, ManualClock};
use stentor_testkit::wait;
use stentor_verify::provider::{self, Scheme, preset, verify};

use super::*;
use crate::http::test_app::Answer;

/// Keys of nobody here, one of each kind that a preset may ask for.
const OTHER_SECRETS: [&str; 5] = [
    "0123456789abcdef0123456789abcdef",
    "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
    "user:other",
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==",
];

/// A signed request, as the files have it.
#[derive(Clone, Deserialize)]
struct Vector {
    preset: String,
    scheme: Option<Value>,
    secret: String,
    now_unix_ms: u64,
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
    certificate: Option<String>,
    expect: Value,
}

impl Vector {
    /// Those that need no certificate, in the order of their making. `basic` is the way of credentials, which are the
    /// server's own.
    fn all() -> Vec<Self> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../verify/tests/vectors");
        let files =
            std::fs::read_dir(folder).expect("the vectors").map(|entry| entry.expect("an entry").path());
        let read = files.map(|path| std::fs::read(path).expect("a file"));
        let read = read.map(|file| serde_json::from_slice::<Self>(&file).expect("a vector"));
        let mut vectors: Vec<Self> =
            read.filter(|vector| vector.certificate.is_none() && vector.preset != "basic").collect();
        vectors.sort_by_key(|vector| vector.now_unix_ms);
        vectors
    }

    fn verification(&self, secret: &str) -> Value {
        match &self.scheme {
            Some(scheme) => json!({"scheme": scheme, "secret": secret}),
            None => json!({"preset": self.preset, "secret": secret}),
        }
    }

    fn scheme(&self) -> Scheme {
        match &self.scheme {
            Some(scheme) => serde_json::from_value(scheme.clone()).expect("a scheme"),
            None => preset(&self.preset).expect("a preset").scheme.clone(),
        }
    }

    /// What must become of it with that secret at that time: the reason of its refusal, or `accepted`.
    fn verdict(&self, secret: &str, now: Time) -> &'static str {
        let scheme = self.scheme();
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let (method, url, body) = (&*self.method, &*self.url, self.body.as_bytes());
        let request = provider::Request { method, url, headers: &headers, body, certificate: None };
        let key = scheme.key(secret).expect("a key");
        let verified = verify(&scheme, &[key], &request, now.as_millis() as u64);
        verified.map_or_else(|refusal| refusal.code(), |_| "accepted")
    }

    fn altered(&self) -> Self {
        let mut body = self.body.clone();
        let at = body.rfind(|letter: char| letter.is_ascii_alphanumeric()).expect("a letter or digit");
        body.replace_range(at..=at, if &body[at..=at] == "7" { "8" } else { "7" });
        Self { body, ..self.clone() }
    }

    fn cut(&self) -> Self {
        let end = self.body.char_indices().rev().nth(1).map_or(0, |(at, _)| at);
        Self { body: self.body[..end].to_owned(), ..self.clone() }
    }
}

/// A source of a vector, and what its list must have in the end.
struct Provider {
    vector: Vector,
    secret: String,
    id: String,
    refused: Vec<&'static str>,
}

struct Providers {
    app: TestApp,
    token: String,
    clock: Arc<ManualClock>,
    seen: BTreeMap<&'static str, usize>,
}

impl Providers {
    async fn start(now_unix_ms: u64) -> Self {
        let start = Time::from_micros(i64::try_from(now_unix_ms).expect("a time") * 1_000);
        let clock = Arc::new(ManualClock::new(start));
        let app = TestApp::at(Arc::clone(&clock) as _).await;
        let (_, token) = app.tenant("providers", &["read", "manage"]).await;
        Self { app, token, clock, seen: BTreeMap::new() }
    }

    /// A source that verifies with the secret; none if it cannot be one of its keys.
    async fn source(&self, vector: &Vector, secret: &str) -> Option<Provider> {
        let public_url = vector.url.split('?').next();
        let new = json!({"name": vector.preset, "verification": vector.verification(secret), "public_url": public_url});
        let made = self.app.call(&self.token, "POST /v1/sources", new).await;
        if made.status == 422 {
            return None;
        }
        assert_eq!(made.status, 201, "{}: {made:?}", vector.preset);
        let (vector, secret, id) = (vector.clone(), secret.to_owned(), made.text_of("id"));
        Some(Provider { vector, secret, id, refused: Vec::new() })
    }

    async fn send(&self, id: &str, vector: &Vector) -> Answer {
        let query = vector.url.split_once('?').map(|(_, query)| format!("?{query}")).unwrap_or_default();
        let mut request = Request::builder().method(&*vector.method).uri(format!("/in/{id}{query}"));
        for (name, value) in &vector.headers {
            request = request.header(name, value);
        }
        self.app.send(request.body(Body::from(vector.body.clone())).expect("a request")).await
    }

    /// Sends it, and asserts that its verdict is what its sender hears.
    async fn judge(&mut self, provider: &mut Provider, sent: &Vector, case: &str) {
        let verdict = sent.verdict(&provider.secret, self.clock.now());
        let answer = self.send(&provider.id, sent).await;
        let shown = format!("{case} {}: {answer:?}", sent.preset);
        *self.seen.entry(verdict).or_default() += 1;
        if verdict == "accepted" {
            // A body that is altered and still genuine may be no JSON any more.
            assert!(answer.status == 200 || answer.body["code"] == "invalid_json", "{shown}");
            if answer.status != 200 {
                provider.refused.push("invalid_json");
            }
            return;
        }
        provider.refused.push(verdict);
        assert_eq!(answer.status, 401, "{shown}");
        match sent.scheme().refused_answer() {
            Some(_) => assert_eq!(answer.text, "", "{shown}"),
            None => assert_eq!(
                (&answer.body["code"], &answer.body["errors"][0]["code"]),
                (&json!("invalid_signature"), &json!(verdict)),
                "{shown}"
            ),
        }
    }

    /// The genuine request, twice.
    async fn accept(&self, provider: &Provider) {
        let vector = &provider.vector;
        let (first, second) = (self.send(&provider.id, vector).await, self.send(&provider.id, vector).await);
        let shown = format!("{}: {first:?} {second:?}", vector.preset);
        assert_eq!((first.status, second.status), (200, 200), "{shown}");
        let is_known = vector.expect["dedupe_id"].is_string();
        let expected = match vector.scheme().accepted_answer() {
            Some(answer) => (Value::Null, answer.body),
            None if is_known => {
                (json!({"status": "already_processed", "id": first.body["id"]}), second.text.clone())
            }
            None => (json!({"status": "ok", "id": second.body["id"]}), second.text.clone()),
        };
        assert_eq!((&second.body, &second.text), (&expected.0, &expected.1), "{shown}");
        let call = format!("GET /v1/sources/{}/requests?outcome=accepted", provider.id);
        let listed = self.app.call(&self.token, &call, Value::Null).await;
        let rows = listed.body["data"].as_array().expect("a list").len();
        assert_eq!(rows, if is_known { 1 } else { 2 }, "{shown}");
        if is_known {
            let call = format!("GET /v1/sources/{}/requests?outcome=duplicate", provider.id);
            let of = &listed.body["data"][0]["event_ids"];
            wait::until(format!("the repetition of {} is listed", vector.preset), || async {
                let known = self.app.call(&self.token, &call, Value::Null).await;
                let row = known.body["data"].get(0).cloned()?;
                assert_eq!(
                    (&row["outcome"], &row["event_ids"], &row["code"]),
                    (&json!("duplicate"), of, &Value::Null)
                );
                Some(())
            })
            .await;
        }
    }

    /// Each refusal is listed with its reason.
    async fn list(&self, provider: &Provider) {
        let call = format!("GET /v1/sources/{}/requests?outcome=refused", provider.id);
        let mut expected = provider.refused.clone();
        expected.sort_unstable();
        let what = format!("{} lists {expected:?}", provider.vector.preset);
        wait::until(what, || async {
            let listed = self.app.call(&self.token, &call, Value::Null).await;
            let rows = listed.body["data"].as_array().cloned().unwrap_or_default();
            let mut codes: Vec<_> = rows.iter().filter_map(|row| row["code"].as_str()).collect();
            codes.sort_unstable();
            (codes == expected).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn each_providers_request_is_taken_once_and_its_forgeries_are_refused_and_listed() {
    let vectors = Vector::all();
    let last = vectors.last().expect("some vectors").now_unix_ms;
    let mut providers = Providers::start(last).await;
    let mut sources = Vec::new();
    for vector in vectors {
        let secret = vector.secret.clone();
        let mut own = providers.source(&vector, &secret).await.expect("its own secret is a key");
        providers.accept(&own).await;
        for (case, sent) in [("altered", vector.altered()), ("cut", vector.cut())] {
            providers.judge(&mut own, &sent, case).await;
        }
        sources.push(own);
        for secret in OTHER_SECRETS {
            if vector.scheme().key(secret).is_ok()
                && let Some(mut other) = providers.source(&vector, secret).await
            {
                providers.judge(&mut other, &vector, "another secret").await;
                assert_eq!(other.refused.len(), 1, "{} with {secret}", vector.preset);
                sources.push(other);
                break;
            }
        }
    }
    // Beyond every tolerance, and beyond the window of repetitions.
    providers.clock.advance(Duration::from_secs(25 * 3_600));
    for provider in &mut sources {
        let vector = provider.vector.clone();
        providers.judge(provider, &vector, "a day later").await;
        providers.list(provider).await;
    }
    let Providers { seen, .. } = &providers;
    assert!(sources.len() > 110, "{} sources", sources.len());
    for (reason, at_least) in [("no_key_matches", 90), ("wrong_token", 7), ("too_old", 30), ("accepted", 40)]
    {
        assert!(seen.get(reason).is_some_and(|count| *count >= at_least), "{reason}: {seen:?}");
    }
}
