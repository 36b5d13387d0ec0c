//! Custom headers of a webhook cannot break or forge a request (reliability S7): refused when saved, with the place, and
//! on the wire exactly as given.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use http::Method;
use serde_json::{Map, Value, json};
use stentor_testkit::api::{Answer, Api, text};
use stentor_testkit::gateway::Gateway;
use stentor_testkit::receiver::Receiver;
use stentor_verify::{Secret, Tolerance, hook0};

/// Names that belong to the connection, to the gateway, or that receivers trust.
const RESERVED: [&str; 40] = [
    "host",
    "content-length",
    "content-type",
    "content-encoding",
    "transfer-encoding",
    "te",
    "trailer",
    "connection",
    "keep-alive",
    "upgrade",
    "http2-settings",
    "expect",
    "proxy-authorization",
    "proxy-connection",
    "proxy-",
    "proxy-anything",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "webhook-hops",
    "webhook-anything",
    "svix-id",
    "svix-timestamp",
    "svix-signature",
    "x-webhook-signature",
    "x-webhook-timestamp",
    "x-broxi-signature",
    "x-broxi-timestamp",
    "x-broxi-event",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-anything",
    "forwarded",
    "x-real-ip",
    "cookie",
    "cookie2",
    "ce-id",
    "ce-type",
    "ce-specversion",
];

struct Case {
    headers: Value,
    pointer: String,
    code: &'static str,
}

fn case(headers: Value, pointer: impl Into<String>, code: &'static str) -> Case {
    Case { headers, pointer: pointer.into(), code }
}

/// A pointer to that header (RFC 6901).
fn pointer(name: &str) -> String {
    format!("/headers/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn one(name: &str, value: &str) -> Value {
    json!({ name: value })
}

fn reserved_names() -> Vec<Case> {
    let spellings = |name: &str| {
        let capital = name[..1].to_ascii_uppercase() + &name[1..];
        [name.to_owned(), name.to_ascii_uppercase(), capital]
    };
    let names = RESERVED.iter().flat_map(|name| spellings(name));
    names.map(|name| case(one(&name, "x"), pointer(&name), "header_reserved")).collect()
}

fn malformed_names() -> Vec<Case> {
    let separators = "\"(),/:;<=>?@[\\]{} \t".chars().map(|c| format!("x{c}y"));
    let controls =
        (0..=0x1f).chain([0x7f, 0x80, 0xe4, 0x2028]).filter_map(char::from_u32).map(|c| format!("x-a{c}"));
    let others =
        ["", " ", "x-a ", " x-a", "x-a:", "x\r\ny: z", "x-a\r\n", "h\u{f6}st", "\u{ff48}ost", "host\0"];
    let names = separators.chain(controls).chain(others.map(Into::into));
    let mut cases: Vec<_> =
        names.map(|name| case(one(&name, "x"), pointer(&name), "header_name_invalid")).collect();
    cases.push(case(one(&"n".repeat(129), "x"), "/headers", "header_name_too_long"));
    cases.push(case(one(&"n".repeat(100_000), "x"), "/headers", "header_name_too_long"));
    cases
}

fn malformed_values() -> Vec<Case> {
    let controls = (0..=0x1f).filter(|&code| code != 9).chain([0x7f, 0x80, 0xff, 0x2028, 0x1_f600]);
    let mut cases: Vec<_> = controls
        .filter_map(char::from_u32)
        .map(|c| case(one("X-A", &format!("a{c}b")), "/headers/X-A", "header_value_invalid"))
        .collect();
    for value in ["a\r\nX-Forged: 1", "a\nb", "a\rb", "a\r\n\r\nbody", "a\u{0}", "\u{feff}a"] {
        cases.push(case(one("X-A", value), "/headers/X-A", "header_value_invalid"));
    }
    for value in [" a", "a ", "\ta", "a\t", " "] {
        cases.push(case(one("X-A", value), "/headers/X-A", "header_value_padded"));
    }
    cases.push(case(one("X-A", &"v".repeat(4_097)), "/headers/X-A", "header_value_too_long"));
    cases
}

fn over_limits() -> Vec<Case> {
    let many = |count: usize, length: usize| {
        let member = |n: usize| (format!("x-{n:03}"), Value::from("v".repeat(length)));
        Value::Object((0..count).map(member).collect::<Map<_, _>>())
    };
    vec![
        case(many(33, 1), "/headers", "headers_too_many"),
        case(many(1_000, 1), "/headers", "headers_too_many"),
        case(many(5, 4_000), "/headers", "headers_too_large"),
        case(json!({"X-Key": "a", "x-key": "b"}), "/headers/x-key", "header_duplicate"),
    ]
}

#[track_caller]
fn assert_refused(answer: &Answer, case: &Case) {
    let shown: String = case.headers.to_string().chars().take(80).collect();
    assert_eq!(answer.status(), 422, "{shown}: {}", answer.text());
    let body = answer.json();
    let errors = body["errors"].as_array().unwrap();
    assert_eq!((body["code"].as_str(), errors.len()), (Some("invalid_body"), 1), "{shown}: {body}");
    assert_eq!(errors[0]["pointer"], case.pointer, "{shown}: {body}");
    assert_eq!(errors[0]["code"], case.code, "{shown}: {body}");
}

async fn start() -> (Gateway, Api) {
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let tenant = gateway.tenant("acme").await;
    (gateway, tenant)
}

#[tokio::test]
async fn what_could_break_a_request_is_refused_with_its_place() {
    let (_gateway, api) = start().await;
    let webhook = text(&api.create_webhook("http://127.0.0.1:65000/", &json!({})).await, "id");
    let path = format!("/v1/webhooks/{webhook}");
    let before = api.read(&path).await;
    let all = [reserved_names(), malformed_names(), malformed_values(), over_limits()];
    let cases: Vec<Case> = all.into_iter().flatten().collect();
    assert!(cases.len() > 200, "{}", cases.len());
    for case in &cases {
        let create =
            json!({"url": "http://127.0.0.1:65000/", "events": [], "headers": case.headers}).to_string();
        assert_refused(&api.request(Method::POST, "/v1/webhooks", &[], create).await.unwrap(), case);
        let patch = json!({ "headers": case.headers }).to_string();
        assert_refused(&api.request(Method::PATCH, &path, &[], patch).await.unwrap(), case);
    }
    assert_eq!(api.read(&path).await, before);
    assert_eq!(api.list("/v1/webhooks", "").await.len(), 1);
}

/// A value never comes back, neither in a refusal nor when it is read.
#[tokio::test]
async fn values_are_never_shown() {
    let (gateway, api) = start().await;
    let canary = "canary-5e1f";
    let headers = json!({"X-Key": canary, "X-Bad": format!("{canary}\r\n")});
    let body = json!({"url": "http://127.0.0.1:65000/", "events": [], "headers": headers}).to_string();
    let refused = api.request(Method::POST, "/v1/webhooks", &[], body).await.unwrap();
    assert_eq!(refused.status(), 422);
    let webhook = api.create_webhook("http://127.0.0.1:65000/", &json!({"headers": {"X-Key": canary}})).await;
    let read = api.read(&format!("/v1/webhooks/{}", text(&webhook, "id"))).await;
    assert!(read["headers"]["X-Key"].is_string());
    for shown in [refused.text(), webhook.to_string(), read.to_string(), gateway.log()] {
        assert!(!shown.contains(canary), "{shown}");
    }
}

/// The names of a hex signature are the gateway's to write, and no less guarded.
#[tokio::test]
async fn a_signature_cannot_take_the_name_of_another_header() {
    let (_gateway, api) = start().await;
    let seeds = ["x-webhook-signature", "x-webhook-timestamp", "x-broxi-signature", "x-broxi-timestamp"];
    for name in
        RESERVED.into_iter().filter(|name| !seeds.contains(name)).chain(["a b", "", "x\r\ny", "h\u{f6}st"])
    {
        for member in ["header", "timestamp_header"] {
            let mut signature = json!({"scheme": "hex", "header": "x-own-signature"});
            signature[member] = name.into();
            let body =
                json!({"url": "http://127.0.0.1:65000/", "events": [], "signature": signature}).to_string();
            let answer = api.request(Method::POST, "/v1/webhooks", &[], body).await.unwrap();
            assert_eq!(answer.status(), 422, "{member} {name:?}: {}", answer.text());
            assert_eq!(answer.json()["errors"][0]["pointer"], format!("/signature/{member}"), "{name:?}");
        }
    }
    let taken = json!({"url": "http://127.0.0.1:65000/", "events": [], "headers": {"X-Sig": "a"},
        "signature": {"scheme": "hex", "header": "x-sig"}});
    let answer = api.request(Method::POST, "/v1/webhooks", &[], taken.to_string()).await.unwrap();
    assert_eq!(answer.status(), 422, "{}", answer.text());
}

#[tokio::test]
async fn accepted_headers_arrive_exactly_as_given() {
    let (_gateway, api) = start().await;
    let receiver = Receiver::start().await;
    let mut headers = json!({
        "Authorization": "Bearer abc==",
        "X-Api-Key": "a\tb  c",
        "Accept": "*/*",
        "X-All": (0x21..0x7f).map(char::from).collect::<String>(),
        "x!#$%&'*+-.^_`|~0": "odd",
        "X-Empty": "",
        "Webhook": "no prefix",
    });
    headers[&"n".repeat(128)] = "v".repeat(4_096).into();
    api.create_webhook(&receiver.url("/"), &json!({ "headers": headers })).await;
    api.publish("order.created", &json!({})).await;
    let request = receiver.next_request().await;
    for (name, value) in headers.as_object().unwrap() {
        let sent: Vec<_> =
            request.headers.iter().filter(|(sent, _)| sent.eq_ignore_ascii_case(name)).collect();
        assert_eq!(sent.len(), 1, "{name}");
        assert_eq!(sent[0].1, value.as_str().unwrap(), "{name}");
    }
}

#[tokio::test]
async fn a_signature_that_covers_headers_covers_those_that_arrive() {
    let (_gateway, api) = start().await;
    let receiver = Receiver::start().await;
    let config = json!({
        "secret": "endpoint-secret",
        "headers": {"X-Tenant": "acme, inc."},
        "signature": {
            "scheme": "hook0",
            "headers": ["Content-Type", "x-tenant", "webhook-id", "x-absent"],
            "also": [{"scheme": "standard"}],
        },
    });
    api.create_webhook(&receiver.url("/"), &config).await;
    let event = api.publish("order.created", &json!({"a": 1})).await.id;
    let request = receiver.next_request().await;
    assert_eq!(request.header("webhook-id"), Some(&*event));
    let signature = request.expect_header("x-hook0-signature");
    assert!(signature.contains(",h=content-type x-tenant webhook-id,v0="), "{signature}");
    let verify = |find: &dyn Fn(&str) -> Option<String>| {
        let secrets = [Secret::raw("endpoint-secret").unwrap()];
        let found: Vec<_> = ["content-type", "x-tenant", "webhook-id"].map(|name| (name, find(name))).into();
        let find = |name: &str| found.iter().find(|(known, _)| *known == name)?.1.as_deref();
        let now = signature.split_once("t=").unwrap().1.split_once(',').unwrap().0.parse().unwrap();
        hook0::verify(&secrets, signature, find, &request.body, Tolerance::default(), now)
    };
    let received = |name: &str| request.header(name).map(str::to_owned);
    assert_eq!(verify(&received), Ok(()));
    let altered = |name: &str| if name == "x-tenant" { Some("other".to_owned()) } else { received(name) };
    assert!(verify(&altered).is_err());
}
