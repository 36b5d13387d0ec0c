//! Databases that the gateway does not start on; it says why, and what to do.

use std::process::Command;

use stentor_testkit::gateway::MASTER_KEY;
use stentor_testkit::postgres::{GUARDED_USER, Postgres};

use super::BINARY;

/// What a gateway that does not start writes to standard error.
fn refusal(database: &str, dev: bool, master_key: Option<&str>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(BINARY);
    command.current_dir(folder.path()).args(["serve", "--listen", "127.0.0.1:0", "--database", database]);
    command.args(dev.then_some("--dev"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("STENTOR_")) {
        command.env_remove(name);
    }
    command.envs(master_key.map(|key| ("STENTOR_MASTER_KEY", key)));
    let output = command.output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{told}");
    told
}

fn assert_told(database: &str, expected: &[&str]) {
    let told = refusal(database, true, Some(MASTER_KEY));
    for part in expected {
        assert!(told.contains(part), "{part:?} is not in {told}");
    }
    assert!(!told.contains("pass-word"), "{told}");
}

#[test]
fn an_address_that_is_none_is_refused_without_being_repeated() {
    assert_told(
        "postgres://u:pass-word@db:port/x",
        &["expected postgres://USER:PASSWORD@HOST:PORT/DATABASE"],
    );
}

#[test]
fn a_wrong_password_is_told_apart_from_a_server_that_is_not_there() {
    let server = Postgres::shared();
    let url = server.database();
    server.sql(
        &url,
        &format!(
            "CREATE ROLE {GUARDED_USER} LOGIN PASSWORD 'right'; GRANT ALL ON SCHEMA public TO {GUARDED_USER};"
        ),
    );
    let with = |password: &str| url.replace("://stentor@", &format!("://{GUARDED_USER}:{password}@"));
    assert_told(&with("pass-word"), &["refuses this user", "check the user, the password"]);
    assert_told(&url.replace("/test", "/none"), &["has no such database; create it first"]);
    assert_told(
        "postgres://u:pass-word@127.0.0.1:1/x",
        &["postgres://127.0.0.1:1/x", "cannot be reached", "check that it runs"],
    );
    assert_told("postgres://u@%2Fnowhere/x", &["cannot be reached"]);
}

#[test]
fn the_master_key_is_asked_for_unless_things_are_only_tried_out() {
    let told = refusal(&Postgres::durable().database(), false, None);
    assert!(told.contains("STENTOR_MASTER_KEY") && told.contains("openssl rand"), "{told}");
}

#[tokio::test]
async fn a_key_is_made_when_things_are_only_tried_out() {
    let gateway = stentor_testkit::gateway::Gateway::builder(BINARY).database(Postgres::shared().database());
    let mut gateway = gateway.start().await;
    assert!(gateway.directory().join("stentor.key").exists());
    gateway.restart().await;
}

#[test]
fn a_server_that_does_not_sync_is_refused_unless_things_are_only_tried_out() {
    let told = refusal(&Postgres::shared().database(), false, Some(MASTER_KEY));
    assert!(told.contains("fsync = off"), "{told}");
}
