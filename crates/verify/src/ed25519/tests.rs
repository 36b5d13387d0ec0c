use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{PublicKey, SigningKey};
use crate::error::KeyError;
use crate::secret::encode_key;

/// RFC 8032 section 7.1, tests 1 to 3: seed, public key, content, signature.
const RFC_8032: [[&str; 4]; 3] = [
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555\
         fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da0\
         85ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac1\
         8ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
];

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|start| u8::from_str_radix(&hex[start..start + 2], 16).unwrap()).collect()
}

#[test]
fn rfc_8032_vectors() {
    for [seed, public, content, signature] in RFC_8032 {
        let key = SigningKey::parse(&encode_key("whsk_", &bytes(seed))).unwrap();
        let public_key = PublicKey::parse(&encode_key("whpk_", &bytes(public))).unwrap();
        assert_eq!(key.public_key(), public_key);

        let content = bytes(content);
        let (head, tail) = content.split_at(content.len() / 2);
        let made = key.sign(&[head, b"", tail]);
        assert_eq!(made.as_slice(), bytes(signature));
        assert!(public_key.accepts(&[&content], &made));
        assert!(!public_key.accepts(&[&content, b"x"], &made));
        for position in 0..made.len() {
            let mut flipped = made;
            flipped[position] ^= 1;
            assert!(!public_key.accepts(&[&content], &flipped), "byte {position}");
        }
    }
}

#[test]
fn a_pair_is_taken_when_its_halves_match() {
    let [seed, public, ..] = RFC_8032[0];
    let pair = [bytes(seed), bytes(public)].concat();
    let key = SigningKey::parse(&encode_key("whsk_", &pair)).unwrap();
    assert_eq!(key.public_key().to_text(), encode_key("whpk_", &bytes(public)));

    let strangers = [bytes(seed), bytes(RFC_8032[1][1])].concat();
    assert_eq!(SigningKey::parse(&encode_key("whsk_", &strangers)).unwrap_err(), KeyError::InvalidKey);
}

#[test]
fn refused_signing_keys() {
    let seed = STANDARD.encode([1; 32]);
    let wrong_prefix = KeyError::WrongPrefix { expected: "whsk_" };
    for text in [seed.clone(), format!("whpk_{seed}"), format!("whsec_{seed}"), String::new()] {
        assert_eq!(SigningKey::parse(&text).unwrap_err(), wrong_prefix, "{text}");
    }
    assert_eq!(SigningKey::parse("whsk_").unwrap_err(), KeyError::WrongLength { actual_bytes: 0 });
    assert_eq!(SigningKey::parse("whsk_AAAA").unwrap_err(), KeyError::WrongLength { actual_bytes: 3 });
    assert_eq!(SigningKey::parse("whsk_!").unwrap_err(), KeyError::InvalidBase64);
}

#[test]
fn refused_public_keys() {
    let refused = |point: [u8; 32]| PublicKey::parse(&encode_key("whpk_", &point)).unwrap_err();
    let mut identity = [0; 32];
    identity[0] = 1;
    assert_eq!(refused(identity), KeyError::InvalidKey);
    assert_eq!(refused([0; 32]), KeyError::InvalidKey);
    let mut no_point = [0; 32];
    no_point[0] = 2;
    assert_eq!(refused(no_point), KeyError::InvalidKey);
    let signing = SigningKey::generate([1; 32]);
    assert_eq!(PublicKey::parse(&signing).unwrap_err(), KeyError::WrongPrefix { expected: "whpk_" });
}

#[test]
fn debug_shows_only_the_public_half() {
    let text = SigningKey::generate([0xC3; 32]);
    let key = SigningKey::parse(&text).unwrap();
    let expected = format!("SigningKey {{ public_key: PublicKey({:?}), .. }}", key.public_key().to_text());
    assert_eq!(format!("{key:?}"), expected);
}
