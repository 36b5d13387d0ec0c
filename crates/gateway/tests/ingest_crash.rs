//! `kill -9` at random moments while senders with credentials and with signatures send to sources: a 200 means that it is
//! there afterwards, and what is sent again with its key, or is recognised by the source's rule, is one event. That the
//! harness sees an acknowledgement before the commit, and forgotten keys, is shown with a model gateway in
//! `crates/testkit/tests/crash.rs`.

use serde_json::json;
use stentor_testkit::crash::{self, CrashOptions, Senders};
use stentor_testkit::gateway::Gateway;

#[tokio::test]
async fn what_sources_took_is_there_once_after_kills_under_load() {
    let options = CrashOptions {
        rounds: 10,
        connections: 12,
        senders: Senders::Sources,
        acks_before_kill: 30..250,
        // One delivery at a time is slower than acceptance, so that each kill leaves work behind.
        webhook: json!({
            "limits": {"concurrency": 1},
            "retry_policy": {"schedule": [0, 1, 1, 1, 1, 1], "jitter_percent": 0},
        }),
        ..CrashOptions::default()
    };
    let report = crash::run(Gateway::builder(env!("CARGO_BIN_EXE_stentor")), options).await;
    println!("{report:?}");
    report.assert_holds();
    assert!(report.rounds.iter().all(|round| round.acked >= 30), "{report:?}");
    assert!(
        report.rounds.iter().any(|round| round.left > 0),
        "no kill came while there was work: {report:?}"
    );
}
