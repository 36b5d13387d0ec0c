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

async fn start(config: &Config) -> App {
    App::start(config, Arc::new(SystemClock)).await.expect("it starts")
}

async fn owner(app: &App, secret: &str) -> Option<TokenOwner> {
    let token = app.engine().authenticator().authenticate(secret).await.expect("the database answers");
    token.map(|token| token.owner)
}

#[tokio::test]
async fn the_first_start_makes_tokens_and_later_ones_keep_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path());
    let app = start(&config).await;
    let made = app.first_start().expect("the first start");
    let operator = made.operator_token.clone().expect("made");
    let (tenant, tenant_token) = (made.tenant, made.tenant_token.clone());
    assert_ne!(app.address().port(), 0);
    let shown = made.to_string();
    assert!(shown.contains(operator.reveal()) && shown.contains(tenant_token.reveal()), "{shown}");
    assert!(!format!("{made:?}").contains(operator.reveal()));
    app.shutdown().await;

    let app = start(&config).await;
    assert!(app.first_start().is_none());
    assert_eq!(owner(&app, operator.reveal()).await, Some(TokenOwner::Operator));
    assert_eq!(owner(&app, tenant_token.reveal()).await, Some(TokenOwner::Tenant(tenant)));
    app.shutdown().await;
}

#[tokio::test]
async fn a_configured_operator_token_replaces_the_one_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let with = |token: &str| Config { operator_token: Some(SecretText::new(token.into())), ..config(folder.path()) };
    let app = start(&with("first-operator-token")).await;
    let made = app.first_start().expect("the first start");
    assert!(made.operator_token.is_none());
    let tenant_token = made.tenant_token.clone();
    app.shutdown().await;

    let app = start(&with("second-operator-token")).await;
    assert_eq!(owner(&app, "second-operator-token").await, Some(TokenOwner::Operator));
    assert_eq!(owner(&app, "first-operator-token").await, None);
    app.shutdown().await;
    assert!(App::start(&with(tenant_token.reveal()), Arc::new(SystemClock)).await.is_err());

    let app = start(&config(folder.path())).await;
    assert_eq!(owner(&app, "second-operator-token").await, Some(TokenOwner::Operator));
    app.shutdown().await;
}

#[tokio::test]
async fn what_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = start(&config(folder.path())).await;
    let refused = App::start(&config(folder.path()), Arc::new(SystemClock)).await.err().expect("in use");
    assert!(format!("{refused:#}").contains("in use by another process"), "{refused:#}");
    let taken = Config { listen: app.address(), ..config(folder.path()) };
    let refused = App::start(&taken, Arc::new(SystemClock)).await.err().expect("taken");
    assert!(refused.to_string().contains(&app.address().to_string()), "{refused}");
    app.shutdown().await;
}

#[tokio::test]
async fn the_gateway_never_dials_itself() {
    let own = SocketAddr::from(([0, 0, 0, 0], 8080));
    let config = Config { dev: true, ..Config::default() };
    let policy = address_policy(&config, own);
    assert!(policy.check(SocketAddr::from(([127, 0, 0, 1], 8080))).is_err());
    assert!(policy.check(SocketAddr::from(([127, 0, 0, 1], 9000))).is_ok());
    let closed = address_policy(&Config::default(), own);
    assert!(!closed.allows_http() && closed.check(SocketAddr::from(([127, 0, 0, 1], 9000))).is_err());
}
