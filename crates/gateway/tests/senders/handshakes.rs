//! The handshakes of providers, asked by `tests/senders/handshakes.py` as their documentation has it. That of Amazon SNS
//! needs a certificate: it is tested with the engine.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use stentor_testkit::api::text;
use stentor_testkit::python;
use stentor_testkit::wait;

use crate::World;

/// Of nobody: RFC 8032 section 7.1, test 1.
const ED25519_PRIVATE: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const ED25519_PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
const HEX: &str = "44782def547aaa06c910c43932b1eb0c71fc68d9d0c057550c48ec2acf6ba056";

#[tokio::test]
async fn every_handshake_is_answered_as_its_provider_wants_it_and_refusals_are_listed() {
    let world = World::start().await;
    let mut sources = json!({});
    for preset in ["slack", "zoom", "meta", "x", "okta", "discord", "xero", "dropbox", "cloudevents", "adyen"]
    {
        let secret = match preset {
            "discord" => ED25519_PUBLIC,
            "adyen" => HEX,
            _ => "not so secret",
        };
        let mut verification = json!({"preset": preset, "secret": secret});
        if preset == "meta" {
            verification["verify_token"] = json!("chosen");
        }
        let source = json!({"name": preset, "verification": verification});
        let id = text(&world.tenant.post("/v1/sources", &source).await, "id");
        let url = format!("http://{}/in/{id}", world.gateway.address());
        sources[preset] = json!({
            "id": id, "url": url, "secret": secret, "verify_token": "chosen", "private_key": ED25519_PRIVATE,
        });
    }
    let mut command = python::script("tests/senders/handshakes.py");
    command.arg(sources.to_string());
    let output = world.run(command, &world.pair).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let went = String::from_utf8(output.stdout).unwrap();
    let mut cases: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (preset, case) in went.lines().filter_map(|line| line.split_once(' ')) {
        cases.entry(preset).or_default().push(case);
    }
    assert_eq!((cases.len(), went.lines().count()), (10, 20), "{went}");
    for (preset, cases) in &cases {
        let reasons = cases.iter().filter(|case| !case.starts_with("answered") && **case != "not signed");
        let mut expected: Vec<String> = reasons.map(|case| (*case).to_owned()).collect();
        if *preset == "x" {
            expected.push("missing_header".to_owned());
        }
        expected.sort_unstable();
        let path = format!("/v1/sources/{}/requests", text(&sources[preset], "id"));
        wait::until(format!("{preset} lists {expected:?}"), || async {
            let listed = world.tenant.list(&path, "outcome=refused").await;
            let mut codes: Vec<String> = listed.iter().map(|row| text(row, "code")).collect();
            codes.sort_unstable();
            (codes == expected).then_some(())
        })
        .await;
        // Each that was answered is listed as what it was, and what Adyen repeated as a repetition.
        let answered = cases.iter().filter(|case| case.starts_with("answered")).count();
        let (outcome, count) = if *preset == "adyen" { ("duplicate", 1) } else { ("challenge", answered) };
        wait::until(format!("{preset} lists {count} as {outcome}"), || async {
            let told = world.tenant.list(&path, &format!("outcome={outcome}")).await;
            (told.len() == count).then_some(())
        })
        .await;
        // A handshake is no event; what Adyen sends is one, once.
        let events = world.tenant.list(&path, "outcome=accepted").await;
        assert_eq!(events.len(), usize::from(*preset == "adyen"), "{preset}: {events:?}");
    }
}

#[tokio::test]
async fn a_source_whose_preset_has_no_handshake_answers_none() {
    let world = World::start().await;
    let verification = json!({"preset": "github", "secret": "s"});
    let id = text(
        &world.tenant.post("/v1/sources", &json!({"name": "g", "verification": verification})).await,
        "id",
    );
    let front = world.gateway.api().without_token();
    for query in ["hub.mode=subscribe&hub.verify_token=s&hub.challenge=1", "crc_token=a", "challenge=a"] {
        let answer = front.get(&format!("/in/{id}?{query}")).await.unwrap();
        assert_eq!(
            (answer.status(), &answer.json()["code"]),
            (401, &Value::from("invalid_signature")),
            "{query}"
        );
        assert!(!answer.text().contains("response_token"), "{}", answer.text());
    }
}
