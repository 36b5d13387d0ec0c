use stentor_testkit::postgres::Postgres;

use super::*;

fn tls() -> Option<Arc<rustls::ClientConfig>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let nobody_trusted = versions.unwrap().with_root_certificates(rustls::RootCertStore::empty());
    Some(Arc::new(nobody_trusted.with_no_client_auth()))
}

#[test]
fn sockets_need_no_tls_and_everything_else_keeps_what_it_asks_for() {
    for (url, encrypted) in [
        ("postgres://u@%2Frun%2Fpostgresql/stentor", false),
        ("postgres://u@%2Frun%2Fpostgresql/stentor?sslmode=require", false),
        ("postgres://u@%2Frun%2Fa,%2Frun%2Fb/stentor?sslmode=verify-full", false),
        ("postgres://u@db/stentor", true),
        ("postgres://u@db/stentor?sslmode=verify-full", true),
        ("postgres://u@db/stentor?sslmode=disable", false),
        ("postgres://u@%2Frun%2Fpostgresql,db/stentor?sslmode=require", true),
        ("host=/run/postgresql hostaddr=192.0.2.1 user=u dbname=stentor", true),
    ] {
        let connector = Connector::new(url, tls()).unwrap();
        assert_eq!(connector.encryption().is_some(), encrypted, "{url}");
    }
}

#[tokio::test]
async fn a_socket_is_reached_whatever_is_known_of_tls() {
    let url = Postgres::shared().database();
    for url in [url.clone(), format!("{url}?sslmode=require")] {
        let session = Connector::new(&url, tls()).unwrap().reader().await.unwrap();
        assert_eq!(session.one("SELECT 1", &[]).await.unwrap().get::<_, i32>(0), 1);
    }
}
