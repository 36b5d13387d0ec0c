//! The largest body and one byte more, by each client.

use std::path::Path;
use std::process::Command;

use axum::http::Method;
use serde_json::json;
use stentor_testkit::program;
use stentor_testkit::python;

use crate::World;

const BYTES_MAX: usize = 10_485_760;

/// What each program prints: the status, and the code of a problem.
const URLLIB: &str = "\
import base64, json, os, sys, urllib.request, urllib.error
pair = os.environ['REASONER_WEBHOOK_USERNAME'] + ':' + os.environ['REASONER_WEBHOOK_PASSWORD']
headers = {'Content-Type': 'application/json', 'Authorization': 'Basic ' + base64.b64encode(pair.encode()).decode()}
request = urllib.request.Request(sys.argv[1], open(sys.argv[2], 'rb').read(), headers)
try:
    answer = urllib.request.urlopen(request)
except urllib.error.HTTPError as error:
    answer = error
print(answer.status, json.loads(answer.read()).get('code', ''))
";
const REQUESTS: &str = "\
import os, sys, requests
pair = (os.environ['REASONER_WEBHOOK_USERNAME'], os.environ['REASONER_WEBHOOK_PASSWORD'])
answer = requests.post(sys.argv[1], auth=pair, data=open(sys.argv[2], 'rb').read(), headers={'Content-Type': 'application/json'})
print(answer.status_code, answer.json().get('code', ''))
";
const CURL: &str = r#"
curl -s -u "$REASONER_WEBHOOK_USERNAME:$REASONER_WEBHOOK_PASSWORD" -H 'Content-Type: application/json' -w '\n%{http_code}' --data-binary "@$2" "$1" |
  python3 -c 'import json, sys; body, status = sys.stdin.read().rsplit("\n", 1); print(status, json.loads(body).get("code", ""))'
"#;
const NODE: &str = "\
const pair = process.env.REASONER_WEBHOOK_USERNAME + ':' + process.env.REASONER_WEBHOOK_PASSWORD;
const headers = {'Content-Type': 'application/json', Authorization: 'Basic ' + Buffer.from(pair).toString('base64')};
const body = require('fs').readFileSync(process.argv[3]);
fetch(process.argv[2], {method: 'POST', headers, body})
  .then(async answer => console.log(answer.status, (await answer.json()).code ?? ''), error => console.log(String(error.cause)));
";

fn client(name: &str, script: &Path) -> Command {
    match name {
        "curl" => {
            let mut command = Command::new("bash");
            command.arg(script);
            command
        }
        "node" => program::node(script.to_str().unwrap()),
        _ => python::script(script),
    }
}

#[tokio::test]
async fn the_largest_body_passes_and_one_byte_more_is_seen_as_413_by_every_client() {
    let world = World::start().await;
    let bodies = [(BYTES_MAX, "200"), (BYTES_MAX + 1, "413 body_too_large")].map(|(bytes, seen)| {
        let file = world.directory.path().join(format!("{bytes}.json"));
        std::fs::write(&file, format!("\"{}\"", "x".repeat(bytes - 2))).unwrap();
        (file, seen)
    });
    let plain = format!("http://{}/", world.gateway.address());
    let urls = [plain.clone(), format!("{plain}in/{}", world.source), world.front.url()];
    for (name, program) in [("curl", CURL), ("requests", REQUESTS), ("urllib", URLLIB), ("node", NODE)] {
        let script = world.directory.path().join(format!("{name}.script"));
        std::fs::write(&script, program).unwrap();
        for url in &urls {
            for (body, seen) in &bodies {
                let mut command = client(name, &script);
                command.arg(url).arg(body);
                let output = world.run(command, &world.pair).await;
                let shown = String::from_utf8_lossy(&output.stdout);
                assert_eq!(shown.trim(), *seen, "{name} to {url} with {body:?}: {output:?}");
            }
        }
    }
    assert_eq!(world.events().await.len(), 12, "four clients by three ways");
}

/// A token's way in has the same limit to the byte: of the whole body, not of the event's data.
#[tokio::test]
async fn a_publisher_has_the_same_limit() {
    let world = World::start().await;
    for (bytes, status) in [(BYTES_MAX, 202), (BYTES_MAX + 1, 413)] {
        let frame = json!({"type": "a", "data": ""}).to_string();
        let data = "x".repeat(bytes - frame.len());
        let body = json!({"type": "a", "data": data}).to_string();
        assert_eq!(body.len(), bytes);
        let answer = world.tenant.request(Method::POST, "/v1/events", &[], body).await.unwrap();
        assert_eq!(answer.status(), status);
    }
}
