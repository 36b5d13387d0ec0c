//! The crash harness against a model gateway: content with a correct one, and not with each planted bug.

use std::time::Duration;

use stentor_testkit::crash::{self, CrashOptions, CrashReport, Senders};
use stentor_testkit::gateway::Gateway;

const LONG: Duration = Duration::from_secs(60);
/// For what never arrives.
const SHORT: Duration = Duration::from_secs(3);

async fn run(bug: &str, recovery_deadline: Duration) -> CrashReport {
    run_with(Senders::Publishers, bug, recovery_deadline).await
}

async fn run_with(senders: Senders, bug: &str, recovery_deadline: Duration) -> CrashReport {
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/model_gateway.py");
    let options = CrashOptions {
        rounds: 3,
        connections: 4,
        senders,
        acks_before_kill: 20..100,
        recovery_deadline,
        ..CrashOptions::default()
    };
    crash::run(Gateway::builder(model).environment("MODEL_BUG", bug), options).await
}

#[tokio::test]
async fn a_correct_gateway_passes() {
    let report = run("none", LONG).await;
    report.assert_holds();
    assert_eq!(report.rounds.len(), 3);
    assert!(report.rounds.iter().all(|round| round.acked >= 20), "{report:?}");
}

#[tokio::test]
#[should_panic(expected = "in vain: something more arrives")]
async fn an_ack_before_the_commit_never_arrives() {
    run("ack_before_commit", SHORT).await.assert_holds();
}

#[tokio::test]
#[should_panic(expected = "in vain: something more arrives")]
async fn deliveries_forgotten_at_the_start_never_arrive() {
    run("forget_at_start", SHORT).await.assert_holds();
}

#[tokio::test]
#[should_panic(expected = "duplicates")]
async fn a_double_claim_is_more_than_was_in_flight() {
    run("double_claim", LONG).await.assert_holds();
}

#[tokio::test]
async fn a_correct_gateway_with_sources_passes() {
    let report = run_with(Senders::Sources, "none", LONG).await;
    report.assert_holds();
    assert_eq!(report.rounds.len(), 3);
}

#[tokio::test]
#[should_panic(expected = "in vain: something more arrives")]
async fn a_source_that_acknowledges_before_the_commit_is_seen() {
    run_with(Senders::Sources, "ack_before_commit", SHORT).await.assert_holds();
}

#[tokio::test]
#[should_panic(expected = "repetitions were not recognised")]
async fn keys_forgotten_at_the_start_are_seen() {
    run_with(Senders::Sources, "forget_keys", LONG).await.assert_holds();
}
