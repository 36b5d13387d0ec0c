use super::{Key, KeyRefused};
use crate::provider::record::{Algorithm, KeyForm};

fn refused(algorithm: Algorithm, form: KeyForm, text: &str) -> KeyRefused {
    Key::parse(algorithm, form, text).unwrap_err()
}

#[test]
fn texts_that_are_no_keys() {
    let hmac = Algorithm::HmacSha256;
    assert_eq!(refused(hmac, KeyForm::Utf8, ""), KeyRefused::Empty);
    assert_eq!(refused(hmac, KeyForm::Utf8, &"x".repeat(16_385)), KeyRefused::TooLong);
    assert_eq!(refused(hmac, KeyForm::Whsec, "whsec_"), KeyRefused::Empty);
    for (form, text) in
        [(KeyForm::Hex, "0"), (KeyForm::Hex, "zz"), (KeyForm::Base64, "a"), (KeyForm::Whsec, "YWJj")]
    {
        assert!(matches!(refused(hmac, form, text), KeyRefused::Form { .. }), "{text}");
    }
    assert!(matches!(refused(Algorithm::Basic, KeyForm::Utf8, "user"), KeyRefused::Form { .. }));
}

#[test]
fn public_keys_are_checked() {
    let ed25519 = |text: &str| Key::parse(Algorithm::Ed25519, KeyForm::Hex, text);
    assert!(ed25519("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a").is_ok());
    // Too short; no point; a point of small order, under which one signature fits many contents.
    for text in ["d75a98", &"02".repeat(32), &format!("01{}", "00".repeat(31))] {
        assert!(matches!(ed25519(text), Err(KeyRefused::Unusable(_))), "{text}");
    }
    let p256 = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==";
    let read = |algorithm, text: &str| Key::parse(algorithm, KeyForm::Base64, text);
    assert!(read(Algorithm::EcdsaP256, p256).is_ok());
    let pem =
        format!("-----BEGIN PUBLIC KEY-----\n{}\n{}\n-----END PUBLIC KEY-----\n", &p256[..64], &p256[64..]);
    assert!(read(Algorithm::EcdsaP256, &pem).is_ok());
    assert!(matches!(read(Algorithm::RsaSha256, p256), Err(KeyRefused::Unusable(_))));
    assert!(matches!(read(Algorithm::EcdsaP256, &p256[4..]), Err(KeyRefused::Unusable(_))));
    assert!(matches!(read(Algorithm::EcdsaP256, "-----BEGIN PUBLIC KEY-----"), Err(KeyRefused::Form { .. })));
    // Made with `openssl genrsa 1024 | openssl rsa -pubout`.
    let small = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDdlatRjRjogo3WojgGHFHYLugdUWAY9iR3fy4arWNA1KoS8kVw33cJibXr8bvwUAUparCwlvdbH6dvEOfou0/gCFQsHUfQrSDv+MuSUMAe8jzKE4qW+jK+xQU9a03GUnKHkkle+Q0pX/g6jXZ7r1/xAK5Do2kQ+X5xK9cipRgEKwIDAQAB";
    assert!(matches!(read(Algorithm::RsaSha256, small), Err(KeyRefused::Unusable(_))));
}

#[test]
fn nothing_is_shown() {
    let key = Key::parse(Algorithm::Equality, KeyForm::Utf8, "hunter2").unwrap();
    assert_eq!(format!("{key:?}"), "Key { .. }");
    assert!(key.is_text(b"hunter2") && !key.is_text(b"hunter") && !key.is_text(b""));
}
