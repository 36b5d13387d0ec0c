//! `kill -9` under load (reliability F1).

use serde_json::json;
use stentor_testkit::crash::{self, CrashOptions};
use stentor_testkit::postgres::Postgres;

use super::on;

#[tokio::test]
async fn kills_under_load_lose_nothing_and_keep_the_order() {
    let options = CrashOptions {
        acks_before_kill: 50..300,
        webhook: json!({"ordered": true}),
        ordered: true,
        ..CrashOptions::default()
    };
    let report = crash::run(on(Postgres::durable().database()), options).await;
    report.assert_holds();
    assert!(
        report.rounds.iter().any(|round| round.left > 0),
        "no kill came while there was work: {report:?}"
    );
}
