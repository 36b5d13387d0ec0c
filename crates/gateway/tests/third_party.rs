//! Deliveries of the real gateway, verified by webhook libraries that others wrote: PyPI `standardwebhooks` and
//! `svix`, prepared by `cargo xtask setup`.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::io::Write;
use std::path::Path;

use serde_json::{Map, Value, json};
use stentor_testkit::api::text;
use stentor_testkit::gateway::Gateway;
use stentor_testkit::python;
use stentor_testkit::receiver::{Received, Receiver};

const DATA: [&str; 4] = [
    "{}",
    r#"{"text": "Grüße, 世界 🎺 \u0000 \"quoted\" \\ back"}"#,
    r#"[1, 2.50, 1e400, 12345678901234567890, null, true]"#,
    r#"  "only a string"  "#,
];

fn line(request: &Received, secret: &str) -> Value {
    let headers: Map<String, Value> =
        request.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    json!({"headers": headers, "body": std::str::from_utf8(&request.body).unwrap(), "secret": secret})
}

fn write_lines(path: &Path, lines: &[Value]) {
    let mut file = std::fs::File::create(path).unwrap();
    for line in lines {
        writeln!(file, "{line}").unwrap();
    }
}

/// Runs the verifier over the file; whether it was content, and what it said.
fn verify(path: &Path) -> (bool, String) {
    let output = python::script("tests/third_party/verify.py").arg(path).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[tokio::test]
async fn other_libraries_accept_what_stentor_signs() {
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let receiver = Receiver::start().await;
    let tenant = gateway.tenant("acme").await;
    let generated = tenant.create_webhook(&receiver.url("/generated"), &json!({})).await;
    let chosen = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    tenant.create_webhook(&receiver.url("/chosen"), &json!({ "secret": chosen })).await;
    for data in DATA {
        tenant.publish_raw(format!(r#"{{"type":"order.created","data":{data}}}"#)).await;
    }
    let secret = text(&generated, "secret");
    let requests = receiver.wait_for(2 * DATA.len()).await;
    let lines: Vec<Value> = requests
        .iter()
        .map(|request| line(request, if request.path == "/chosen" { chosen } else { &secret }))
        .collect();

    let path = gateway.directory().join("deliveries.jsonl");
    write_lines(&path, &lines);
    let (content, said) = verify(&path);
    assert!(content, "{said}");
    assert_eq!(
        said.trim(),
        "8 deliveries accepted by standardwebhooks and svix; each of 4 forgeries refused"
    );

    // The judge must be able to say no.
    let mut wrong = lines;
    wrong[3]["body"] = json!("{}");
    write_lines(&path, &wrong);
    let (content, said) = verify(&path);
    assert!(!content && said.contains("line 4"), "{said}");
}
