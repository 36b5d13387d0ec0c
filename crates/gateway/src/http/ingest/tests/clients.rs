//! The seeds' senders and other real clients: all of them see the status.

use super::*;

const ACCEPTED: usize = 10 * 1024 * 1024;

#[tokio::test]
async fn the_seeds_curl_line_with_plain_base64_is_accepted() {
    let front = Front::start().await;
    let (_, pair) = front.basic().await;
    let line = format!(
        "curl -s -X POST \"http://{}\" -H \"Content-Type: application/json\" -H \"Authorization: Basic $(echo -n '{pair}' | base64)\" \
         -d '{{\"message\": \"Hello from webhook!\"}}'",
        front.address
    );
    let mut command = Command::new("bash");
    command.args(["-c", &line]);
    let output = run(command).await;
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(answer["status"], json!("ok"), "{line} {answer}");
}

#[tokio::test]
async fn ten_mebibytes_pass_and_one_byte_more_is_seen_as_413_by_every_client() {
    let front = Front::start().await;
    let (_, pair) = front.basic().await;
    let folder = tempfile::tempdir().expect("a folder");
    for (bytes, status) in [(ACCEPTED, "200"), (ACCEPTED + 1, "413")] {
        let file = folder.path().join(format!("{bytes}.json"));
        std::fs::write(&file, format!("\"{}\"", "x".repeat(bytes - 2))).expect("written");
        let (url, file) = (format!("http://{}/", front.address), file.to_str().expect("text").to_owned());
        let python = "import sys, base64, urllib.request, urllib.error\n\
            request = urllib.request.Request(sys.argv[1], open(sys.argv[2], 'rb').read(), {'Content-Type': 'application/json', 'Authorization': 'Basic ' + base64.b64encode(sys.argv[3].encode()).decode()})\n\
            try:\n    print(urllib.request.urlopen(request).status)\nexcept urllib.error.HTTPError as error:\n    print(error.code)\n";
        let node = "const fs = require('fs'); const [url, file, pair] = process.argv.slice(1);\n\
            fetch(url, {method: 'POST', headers: {'content-type': 'application/json', authorization: 'Basic ' + Buffer.from(pair).toString('base64')}, body: fs.readFileSync(file)})\n\
            .then(answer => console.log(answer.status), error => console.log(String(error.cause)));";
        let curl = format!(
            "curl -s -o /dev/null -w '%{{http_code}}' -u '{pair}' -H 'Content-Type: application/json' --data-binary @{file} {url}"
        );
        for (program, flag, text) in [("bash", "-c", &*curl), ("python3", "-c", python), ("node", "-e", node)]
        {
            let mut command = Command::new(program);
            command.args([flag, text, &url, &file, &pair]);
            let output = run(command).await;
            let seen = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            assert_eq!(seen, status, "{program} {bytes} {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

#[tokio::test]
async fn an_early_refusal_is_seen_while_the_body_is_still_being_sent() {
    let front = Front::start().await;
    let body = vec![b' '; 8 * 1024 * 1024];
    let headers = [("authorization", "Basic bm9ib2R5Om5vdGhpbmc="), ("content-type", "application/json")];
    let (status, answer) = front.raw("POST /", &headers, &body).await;
    assert_eq!((status, &answer["code"]), (401, &json!("unknown_credentials")));
}
