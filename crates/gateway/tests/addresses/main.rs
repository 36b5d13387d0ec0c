//! Closed by default: what must not be dialled is refused when it is saved (reliability S1, S4, S5) and not dialled when
//! it was saved under another configuration (S1, S2), by the real binary.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod connect;
mod forms;

use std::collections::BTreeSet;

use http::Method;
use serde_json::json;
use stentor_testkit::api::{Answer, Api, text};
use stentor_testkit::gateway::{Gateway, GatewayBuilder};

fn builder() -> GatewayBuilder {
    Gateway::builder(env!("CARGO_BIN_EXE_stentor"))
}

async fn closed() -> (Gateway, Api) {
    let gateway = builder().dev(false).start().await;
    let tenant = gateway.tenant("acme").await;
    (gateway, tenant)
}

async fn create(api: &Api, url: &str) -> Answer {
    let body = json!({"url": url, "events": []}).to_string();
    api.request(Method::POST, "/v1/webhooks", &[], body).await.unwrap()
}

/// 422 that points at the URL and, when `code` is given, says so.
#[track_caller]
fn assert_refused(answer: &Answer, url: &str, code: Option<&str>) {
    assert_eq!(answer.status(), 422, "{url:?}: {}", answer.text());
    let body = answer.json();
    assert_eq!(body["code"], "invalid_body", "{url:?}");
    assert_eq!(body["errors"].as_array().map(Vec::len), Some(1), "{url:?}: {body}");
    let error = &body["errors"][0];
    assert_eq!(error["pointer"], "/url", "{url:?}: {body}");
    assert!(error["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{url:?}: {body}");
    let given = error["code"].as_str().unwrap_or_else(|| panic!("{url:?}: no code in {body}"));
    assert!(code.is_none_or(|code| code == given), "{url:?}: {given} instead of {code:?}");
}

/// Creating and changing a webhook are refused alike; the changed one stays as it was.
async fn assert_refused_at_save(api: &Api, webhook: &str, cases: &[(String, Option<&str>)]) {
    let path = format!("/v1/webhooks/{webhook}");
    let before = api.read(&path).await;
    for (url, code) in cases {
        assert_refused(&create(api, url).await, url, *code);
        let patch = json!({"url": url, "name": "changed"}).to_string();
        let answer = api.request(Method::PATCH, &path, &[], patch).await.unwrap();
        assert_refused(&answer, url, *code);
    }
    assert_eq!(api.read(&path).await, before);
    assert_eq!(api.list("/v1/webhooks", "").await.len(), 1);
}

async fn saved_under_closed_policy() -> (Gateway, Api, String) {
    let (gateway, api) = closed().await;
    let webhook = text(&api.create_webhook("https://example.com/", &json!({"events": []})).await, "id");
    (gateway, api, webhook)
}

#[tokio::test]
async fn every_form_of_every_special_address_is_refused_at_save() {
    let (_gateway, api, webhook) = saved_under_closed_policy().await;
    let mut cases = Vec::new();
    for (range, code) in forms::RANGES {
        for address in forms::first_inside_last(range) {
            for host in forms::texts(address) {
                cases.push((format!("https://{host}/hook"), Some(code)));
            }
        }
    }
    let distinct: BTreeSet<_> = cases.iter().map(|(url, _)| url).collect();
    assert!(distinct.len() > 800, "{}", distinct.len());
    assert_refused_at_save(&api, &webhook, &cases).await;
}

/// An IPv6 form around a public IPv4 address is refused for the form.
#[tokio::test]
async fn transition_forms_of_public_addresses_are_refused_at_save() {
    let (_gateway, api, webhook) = saved_under_closed_policy().await;
    let public = "8.8.4.4".parse().unwrap();
    let cases = forms::transitions(public).into_iter();
    let mut cases: Vec<_> = cases.map(|(host, code)| (format!("https://[{host}]/"), Some(code))).collect();
    assert_eq!(cases.len(), 8);
    cases.extend(
        ["fe80::1%25eth0", "fe80::1%eth0", "::1%lo"].map(|host| (format!("https://[{host}]/"), None)),
    );
    assert_refused_at_save(&api, &webhook, &cases).await;
}

#[tokio::test]
async fn names_of_this_machine_and_of_private_networks_are_refused_at_save() {
    let (_gateway, api, webhook) = saved_under_closed_policy().await;
    let rows = [
        ("localhost", "url_host_localhost"),
        ("LOCALHOST", "url_host_localhost"),
        ("localhost.", "url_host_localhost"),
        ("a.b.localhost", "url_host_localhost"),
        ("\u{ff4c}ocalhost", "url_host_localhost"),
        ("%6cocalhost", "url_host_localhost"),
        ("metadata.google.internal", "url_host_metadata"),
        ("metadata.google.internal.", "url_host_metadata"),
        ("Metadata.Google.Internal", "url_host_metadata"),
        ("x.metadata.google.internal", "url_host_metadata"),
        ("metadata", "url_host_metadata"),
        ("instance-data.ec2.internal", "url_host_metadata"),
        ("db.internal", "url_host_internal"),
        ("printer.local", "url_host_internal"),
        ("host.docker.internal", "url_host_internal"),
        ("nas.home.arpa", "url_host_internal"),
        ("box.localdomain", "url_host_internal"),
        ("postgres", "url_host_single_label"),
        ("postgres.", "url_host_single_label"),
        ("kubernetes", "url_host_single_label"),
    ];
    let cases = rows.map(|(host, code)| (format!("https://{host}/"), Some(code)));
    assert_refused_at_save(&api, &webhook, &cases).await;
}

#[tokio::test]
async fn urls_that_are_read_differently_elsewhere_are_refused_at_save() {
    let (_gateway, api, webhook) = saved_under_closed_policy().await;
    let long = format!("https://example.com/{}", "a".repeat(2_048));
    let rows = [
        ("https://x.com@127.0.0.1/", "url_userinfo"),
        ("https://user:pass@example.com/", "url_userinfo"),
        ("https://@example.com/", "url_userinfo"),
        ("https://example.com/#", "url_fragment"),
        ("https://example.com/a#b", "url_fragment"),
        ("https://example.com:0/", "port"),
        ("http://example.com/", "url_http_not_allowed"),
        ("http:127.0.0.1", "url_slashes"),
        ("https:example.com", "url_slashes"),
        ("https:///example.com", "url_slashes"),
        ("https://", "url_slashes"),
        ("ftp://example.com/", "url_scheme"),
        ("file:///etc/passwd", "url_scheme"),
        ("gopher://example.com/", "url_scheme"),
        ("javascript:alert(1)", "url_scheme"),
        ("//example.com/", "url_scheme"),
        ("example.com", "url_scheme"),
        ("", "url_scheme"),
        ("https://example.com\\@127.0.0.1/", "url_character"),
        ("https:\\\\example.com/", "url_character"),
        ("https://exam\tple.com/", "url_character"),
        ("https://127.0.\n0.1/", "url_character"),
        ("https://example.com/\r\nhost: x", "url_character"),
        ("https://example.com/\u{0}", "url_character"),
        ("https://example.com/\u{85}", "url_character"),
        ("https://example.com/\u{2028}", "url_character"),
        (" https://example.com/", "url_character"),
        ("https://example.com/ ", "url_character"),
        ("https://a..example.com/", "url_host_invalid"),
        ("https://exam!ple.com/", "url_host_invalid"),
        ("https://example.com:65536/", "url_malformed"),
        ("https://example.com:x/", "url_malformed"),
        ("https://[::1/", "url_malformed"),
        ("https://1.2.3.4.5/", "url_malformed"),
        ("https://256.1.1.1/", "url_malformed"),
        ("https://0x100000000/", "url_malformed"),
        ("https://exa%00mple.com/", "url_malformed"),
        (long.as_str(), "url_too_long"),
    ];
    let cases = rows.map(|(url, code)| (url.to_owned(), Some(code)));
    assert_refused_at_save(&api, &webhook, &cases).await;
}

#[tokio::test]
async fn only_ports_of_receivers_are_accepted() {
    let (_gateway, api, webhook) = saved_under_closed_policy().await;
    let services =
        [1433, 2049, 2375, 2376, 2379, 3306, 3389, 5432, 5672, 6379, 6443, 9200, 10_250, 11_211, 27_017];
    let refused = (1..1024).filter(|port| ![80, 443].contains(port)).chain(services);
    let cases: Vec<_> = refused
        .map(|port| {
            let host = if port % 2 == 0 { "93.184.216.34" } else { "example.com" };
            (format!("https://{host}:{port}/"), Some("port"))
        })
        .collect();
    assert_refused_at_save(&api, &webhook, &cases).await;
    for port in [80, 443, 1024, 3000, 8000, 8080, 8443, 65_535] {
        for host in ["93.184.216.34", "example.com"] {
            let url = format!("https://{host}:{port}/");
            assert_eq!(create(&api, &url).await.status(), 201, "{url}");
        }
    }
}

#[tokio::test]
async fn urls_are_kept_and_shown_in_canonical_form() {
    let (_gateway, api) = closed().await;
    for (given, kept) in [
        ("HTTPS://EXAMPLE.com:443/a/../b?c=d", "https://example.com/b?c=d"),
        ("https://example.com.", "https://example.com/"),
        ("https://\u{430}pple.com/", "https://xn--pple-43d.com/"),
        ("https://0x5d.0xb8d822/", "https://93.184.216.34/"),
        ("https://1572395042/", "https://93.184.216.34/"),
        ("https://[2606:4700:0::1111]:8443/", "https://[2606:4700::1111]:8443/"),
    ] {
        assert_eq!(text(&create(&api, given).await.json(), "url"), kept, "{given}");
    }
}

#[tokio::test]
async fn the_gateway_itself_is_no_receiver_even_for_developers() {
    let gateway = builder().start().await;
    let api = gateway.tenant("acme").await;
    let port = gateway.address().port();
    for host in ["127.0.0.1", "2130706433", "0x7f.1"] {
        let url = format!("http://{host}:{port}/v1/events");
        assert_refused(&create(&api, &url).await, &url, Some("own_listener"));
    }
    for (url, code) in [
        ("http://10.0.0.1/", "private"),
        ("http://169.254.169.254/latest/meta-data/", "metadata"),
        ("http://[::ffff:127.0.0.1]:8080/", "loopback"),
        ("http://127.0.0.1:6379/", "port"),
        ("http://metadata.google.internal/", "url_host_metadata"),
    ] {
        assert_refused(&create(&api, url).await, url, Some(code));
    }
}
