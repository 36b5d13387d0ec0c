use std::net::SocketAddr;
use std::path::Path;

use stentor_core::token::TokenOwner;
use stentor_core::webhook::SecretText;
use stentor_engine::clock::SystemClock;

use super::*;
use crate::config::Database;

fn config(folder: &Path) -> Config {
    Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        database: Database::Sqlite(folder.join("stentor.db")),
        ..Config::default()
    }
}

/// Starts and stops it in a runtime of its own: with that goes the last holder of the database, as with a process.
fn run<T>(config: &Config, check: impl AsyncFnOnce(&App) -> T) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let app = App::start(config, Arc::new(SystemClock)).await?;
        let checked = check(&app).await;
        app.shutdown().await;
        Ok(checked)
    })
}

async fn owner(app: &App, secret: &str) -> Option<TokenOwner> {
    let token = app.engine().authenticator().authenticate(secret).await.expect("the database answers");
    token.map(|token| token.owner)
}

#[test]
fn the_first_start_makes_tokens_and_later_ones_keep_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path());
    let made = run(&config, async |app| {
        assert_ne!(app.address().port(), 0);
        let made = app.first_start().expect("the first start");
        let (operator, tenant_token) =
            (made.operator_token.clone().expect("made"), made.tenant_token.clone());
        let shown = made.to_string();
        assert!(shown.contains(operator.reveal()) && shown.contains(tenant_token.reveal()), "{shown}");
        assert!(!format!("{made:?}").contains(operator.reveal()));
        (operator, made.tenant, tenant_token)
    });
    let (operator, tenant, tenant_token) = made.expect("it starts");
    let again = run(&config, async |app| {
        assert!(app.first_start().is_none());
        assert_eq!(owner(app, operator.reveal()).await, Some(TokenOwner::Operator));
        assert_eq!(owner(app, tenant_token.reveal()).await, Some(TokenOwner::Tenant(tenant)));
    });
    again.expect("it starts again");
}

#[test]
fn a_configured_operator_token_replaces_the_one_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let with =
        |token: &str| Config { operator_token: Some(SecretText::new(token.into())), ..config(folder.path()) };
    let tenant_token = run(&with("first-operator-token"), async |app| {
        let made = app.first_start().expect("the first start");
        assert!(made.operator_token.is_none());
        made.tenant_token.clone()
    });
    let tenant_token = tenant_token.expect("it starts");
    let replaced = run(&with("second-operator-token"), async |app| {
        assert_eq!(owner(app, "second-operator-token").await, Some(TokenOwner::Operator));
        assert_eq!(owner(app, "first-operator-token").await, None);
    });
    replaced.expect("it starts");
    let refused = run(&with(tenant_token.reveal()), async |_| ()).expect_err("a tenant's token");
    assert!(refused.to_string().contains("already a tenant's token"), "{refused:#}");
    let kept = run(&config(folder.path()), async |app| owner(app, "second-operator-token").await);
    assert_eq!(kept.expect("it starts"), Some(TokenOwner::Operator));
}

#[test]
fn what_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let told = run(&config(folder.path()), async |app| {
        let in_use = App::start(&config(folder.path()), Arc::new(SystemClock)).await.err().expect("in use");
        let taken = Config { listen: app.address(), ..config(folder.path()) };
        let taken = App::start(&taken, Arc::new(SystemClock)).await.err().expect("taken");
        assert!(taken.to_string().contains(&app.address().to_string()), "{taken}");
        format!("{in_use:#}")
    });
    let told = told.expect("it starts");
    assert!(told.contains("in use by another process"), "{told}");
}

#[test]
fn the_gateway_never_dials_itself() {
    let own = SocketAddr::from(([0, 0, 0, 0], 8080));
    let config = Config { dev: true, ..Config::default() };
    let policy = address_policy(&config, own);
    assert!(policy.check(SocketAddr::from(([127, 0, 0, 1], 8080))).is_err());
    assert!(policy.check(SocketAddr::from(([127, 0, 0, 1], 9000))).is_ok());
    let closed = address_policy(&Config::default(), own);
    assert!(!closed.allows_http() && closed.check(SocketAddr::from(([127, 0, 0, 1], 9000))).is_err());
}
