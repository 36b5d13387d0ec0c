//! The printed programs themselves.

use serde_json::{Value, json};

use crate::{World, credential};

#[tokio::test]
async fn the_printed_curl_line_is_taken_with_any_credential() {
    let world = World::start().await;
    for number in 0..5 {
        let pair = credential(&world.tenant, &world.source, &json!({"name": format!("c{number}")})).await;
        let answer = world.curl(&pair, &[]).await;
        assert_eq!(answer["status"], "ok", "{answer}");
        let event = world.tenant.read(&format!("/v1/events/{}", answer["id"].as_str().unwrap())).await;
        assert_eq!(
            (&event["type"], &event["data"]),
            (&json!("webhook.received"), &json!({"message": "Hello from webhook!"}))
        );
    }
}

#[tokio::test]
async fn the_printed_requests_program_is_taken_with_its_type_and_time() {
    let world = World::start().await;
    let printed = world.python("data_update.py", &world.pair, &[]).await;
    let answer = printed.strip_prefix("Success! Data sent to Reasoner.\nResponse: ").expect(&printed);
    let answer: Value = serde_json::from_str(answer).unwrap();
    let event = world.tenant.read(&format!("/v1/events/{}", answer["id"].as_str().unwrap())).await;
    assert_eq!(
        (&event["type"], &event["timestamp"]),
        (&json!("data_update"), &json!("2023-06-15T14:22:10.000Z"))
    );
    assert_eq!(event["data"]["data"], json!({"key1": "value1", "key2": "value2"}));
}

/// The documentation of urllib3 (`Retry.DEFAULT_ALLOWED_METHODS`): a POST is not sent again for a status, whatever
/// `status_forcelist` says. So the sample gives up at once; one that allows POST does not, and is one event.
#[tokio::test]
async fn the_printed_retries_do_not_repeat_a_post_and_those_that_do_are_one_event() {
    let turns = json!({"sequence": [{"status": 503}, {"status": 200, "body": "\"taken\""}]});
    let world = World::with(json!({"response": turns})).await;
    assert!(world.python("retries.py", &world.pair, &[]).await.starts_with("503 "));
    assert_eq!(world.events().await.len(), 0);
    assert_eq!(world.python("retries.py", &world.pair, &[]).await.trim(), "200 \"taken\"");
    assert_eq!(world.events().await.len(), 1);
    let allowed = ("    total=3,", "    total=3, allowed_methods=None,");
    assert_eq!(world.python("retries.py", &world.pair, &[allowed]).await.trim(), "200 \"taken\"");
    assert_eq!(world.events().await.len(), 2, "the first answer of the turn stored nothing");
}

#[tokio::test]
async fn what_goes_without_credentials_in_its_environment_is_never_sent() {
    let world = World::start().await;
    let nobody = crate::Pair { id: String::new(), username: String::new(), password: String::new() };
    let program = world.copy("data_update.py", &nobody, &[]);
    let output = world.run(stentor_testkit::python::script(program), &nobody).await;
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("are not set"), "{output:?}");
    assert_eq!(world.events().await.len(), 0);
}
