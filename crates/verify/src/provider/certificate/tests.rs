use super::{CertificateUrl, read};

fn checked(url: &str) -> Result<String, &'static str> {
    CertificateUrl::checked(url, |host| host == "api.paypal.com").map(|url| url.as_str().to_owned())
}

#[test]
fn only_the_providers_own_addresses() {
    assert_eq!(checked("https://API.paypal.com/v1/x").unwrap(), "https://api.paypal.com/v1/x");
    for url in [
        "",
        "api.paypal.com",
        "http://api.paypal.com/x",
        "https://api.paypal.com:8443/x",
        "https://api.paypal.com@example.com/x",
        "https://user@api.paypal.com/x",
        "https://example.com/api.paypal.com",
        "https://api.paypal.com.example/x",
        "https://127.0.0.1/x",
        "https://2130706433/x",
        "https://[::1]/x",
        "https://api.paypal.com\\@example.com/x/..",
        "https://example.com#api.paypal.com",
        "data:text/plain,x",
        "file:///etc/passwd",
    ] {
        let accepted = checked(url);
        // The backslash is a slash to a browser: then the host is PayPal's, whatever follows.
        let is_own = accepted.as_ref().is_ok_and(|url| url.starts_with("https://api.paypal.com/"));
        assert!(accepted.is_err() || is_own, "{url}: {accepted:?}");
    }
    assert!(checked(&format!("https://api.paypal.com/{}", "x".repeat(512))).is_err());
}

#[test]
fn what_is_no_certificate() {
    for pem in [
        &b""[..],
        b"\xff",
        b"-----BEGIN CERTIFICATE-----",
        b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"-----END CERTIFICATE----------BEGIN CERTIFICATE-----",
    ] {
        assert!(read(pem, 0).is_err(), "{pem:?}");
    }
    assert!(read(&vec![b'x'; 70_000], 0).is_err());
}
