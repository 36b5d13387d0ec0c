//! PayPal and Amazon SNS: the certificate decides, and only the provider's own is asked for.

use stentor_verify::provider::{Refusal, Request, challenge, needs_certificate};

use crate::vector::Vector;

fn of(preset: &str) -> Vec<Vector> {
    Vector::all().into_iter().filter(|vector| vector.preset == preset).collect()
}

/// Asks for the certificate as the gateway does.
fn asked(vector: &Vector) -> Result<String, &'static str> {
    let headers: Vec<(&str, &[u8])> =
        vector.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let request = Request {
        method: "POST",
        url: &vector.url,
        headers: &headers,
        body: vector.body.as_bytes(),
        certificate: None,
    };
    let url = needs_certificate(vector.scheme(), &request).map_err(|refusal| refusal.code())?;
    Ok(url.unwrap().as_str().to_owned())
}

#[test]
fn only_the_providers_own_is_asked_for() {
    let paypal = of("paypal").remove(0);
    assert!(asked(&paypal).unwrap().starts_with("https://api.paypal.com/v1/notifications/certs/CERT-"));
    for url in [
        "https://example.com/cert.pem",
        "http://api.paypal.com/cert.pem",
        "https://www.paypal.com/cert.pem",
        "no URL",
    ] {
        let mut elsewhere = paypal.clone();
        *elsewhere.header("paypal-cert-url") = url.into();
        assert_eq!(asked(&elsewhere), Err("certificate_url_refused"), "{url}");
        assert_eq!(elsewhere.verdict(), "certificate_url_refused", "{url}");
    }
    assert_eq!(asked(&paypal.without_header("paypal-cert-url")), Err("missing_header"));
    for sns in of("aws-sns") {
        assert!(asked(&sns).unwrap().starts_with("https://sns.us-east-1.amazonaws.com/"));
        let mut elsewhere = sns.clone();
        elsewhere.body = sns.body.replace(
            "https://sns.us-east-1.amazonaws.com/Simple",
            "https://sns.us-east-1.amazonaws.com.example/Simple",
        );
        assert_eq!(asked(&elsewhere), Err("certificate_url_refused"));
        elsewhere.body = "{}".into();
        assert_eq!(asked(&elsewhere), Err("missing_field"));
    }
}

#[test]
fn another_expired_or_missing_certificate_is_refused() {
    let mut all = of("paypal");
    all.extend(of("aws-sns"));
    for vector in &all {
        let other = all.iter().find(|other| other.secret != vector.secret).unwrap();
        let mut changed = vector.clone();
        changed.certificate.clone_from(&other.certificate);
        assert_eq!(changed.verdict(), "no_key_matches", "{}", vector.preset);
        changed.certificate = None;
        assert_eq!(changed.verdict(), "certificate_missing", "{}", vector.preset);
        changed.certificate = Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".into());
        assert_eq!(changed.verdict(), "certificate_refused", "{}", vector.preset);
    }
    // Two of one sender have the same key text and different certificates.
    let sns = of("aws-sns");
    assert_eq!(sns.len(), 3);
    let mut changed = sns[0].clone();
    changed.certificate.clone_from(&sns[1].certificate);
    assert_eq!(changed.verdict(), "no_key_matches");
    // Long before it was valid, with a timestamp that would do.
    let mut early = of("paypal").remove(0);
    *early.header("paypal-transmission-time") = "2020-01-01T00:00:00Z".into();
    assert_eq!(early.verdict_with(&[early.key()], 1_577_836_800_000), "certificate_refused");
    *early.header("paypal-transmission-time") = "2030-01-01T00:00:00Z".into();
    assert_eq!(early.verdict_with(&[early.key()], 1_893_456_000_000), "certificate_refused");
}

#[test]
fn algorithms_and_versions_are_named() {
    let mut paypal = of("paypal").remove(0);
    *paypal.header("paypal-auth-algo") = "none".into();
    assert_eq!(paypal.verdict(), "unsupported_algorithm");
    let mut sns = of("aws-sns").remove(0);
    sns.body = sns.body.replace("\"SignatureVersion\": \"", "\"SignatureVersion\": \"3");
    assert_eq!(sns.verdict(), "unknown_version");
}

#[test]
fn only_a_genuine_confirmation_is_a_handshake() {
    let mut confirmations = 0;
    for vector in of("aws-sns") {
        let request = Request {
            method: "POST",
            url: &vector.url,
            headers: &[],
            body: vector.body.as_bytes(),
            certificate: vector.certificate.as_deref().map(str::as_bytes),
        };
        let answer = challenge(vector.scheme(), &[vector.key()], &request, vector.now_unix_ms).unwrap();
        if !vector.body.contains("SubscriptionConfirmation") {
            assert_eq!(answer, None);
            continue;
        }
        let url = answer.unwrap().confirm.unwrap();
        assert!(
            url.as_str()
                .starts_with("https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token=")
        );
        let stranger = vector.scheme().key("arn:aws:sns:us-east-1:123456789012:others").unwrap();
        assert_eq!(
            challenge(vector.scheme(), &[stranger], &request, vector.now_unix_ms),
            Err(Refusal::OtherTopic)
        );
        confirmations += 1;
    }
    assert_eq!(confirmations, 1);
}
