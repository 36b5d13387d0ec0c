use super::*;

const PLACE: Place<'static> = Place { table: "webhooks", row: b"row-1", field: "secrets" };

fn sealer(byte: u8) -> Sealer {
    Sealer::new(&MasterKey::from_bytes([byte; 32]))
}

#[test]
fn keys_are_read_as_hex_and_base64() {
    let bytes: [u8; 32] = std::array::from_fn(|at| (at * 9) as u8);
    let expected = MasterKey::from_bytes(bytes);
    let hex = expected.to_hex();
    let base64 = "AAkSGyQtNj9IUVpjbHV+h5CZoqu0vcbP2OHq8/wFDhc=";
    let url = base64.replace('+', "-").replace('/', "_");
    for text in [hex.as_str(), &hex.to_uppercase(), base64, &url, &base64[..43], &format!(" {base64}\n")] {
        assert_eq!(*MasterKey::parse(text).expect(text).0, bytes, "{text}");
    }
}

#[test]
fn other_texts_are_no_keys() {
    let cases = [
        "",
        "abc",
        &"0".repeat(63),
        &"0".repeat(65),
        &"g".repeat(64),
        &"A".repeat(42),
        &"A".repeat(44),
        &"/".repeat(43),
    ];
    for text in cases {
        assert_eq!(MasterKey::parse(text).err(), Some(InvalidMasterKey), "{text}");
    }
    assert!(MasterKey::parse(&"A".repeat(43)).is_ok());
}

#[test]
fn what_is_sealed_opens_only_in_its_place_and_with_its_key() {
    let sealed = sealer(1).seal(PLACE, b"whsec_canary").expect("seals");
    assert_eq!(*sealer(1).open(PLACE, &sealed).expect("opens"), b"whsec_canary");
    assert!(!sealed.windows(6).any(|window| window == b"canary"));
    assert_ne!(sealed, sealer(1).seal(PLACE, b"whsec_canary").expect("seals"), "each has its own nonce");
    assert_eq!(sealer(2).open(PLACE, &sealed).err(), Some(SealError::OtherKey));
    let elsewhere = [
        Place { table: "revisions", ..PLACE },
        Place { row: b"row-2", ..PLACE },
        Place { field: "name", ..PLACE },
    ];
    for place in elsewhere {
        assert_eq!(sealer(1).open(place, &sealed).err(), Some(SealError::Damaged));
    }
}

#[test]
fn damage_is_noticed_everywhere() {
    let sealed = sealer(1).seal(PLACE, b"secret").expect("seals");
    for at in 0..sealed.len() {
        let mut damaged = sealed.clone();
        damaged[at] ^= 1;
        assert!(sealer(1).open(PLACE, &damaged).is_err(), "byte {at}");
        assert!(sealer(1).open(PLACE, &sealed[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn token_hashes_depend_on_key_and_secret() {
    assert_eq!(sealer(1).token_hash("a"), sealer(1).token_hash("a"));
    assert_ne!(sealer(1).token_hash("a"), sealer(1).token_hash("b"));
    assert_ne!(sealer(1).token_hash("a"), sealer(2).token_hash("a"));
}

#[test]
fn nothing_secret_is_printed() {
    let key = MasterKey::from_bytes([0xab; 32]);
    assert_eq!(format!("{key:?} {:?}", Sealer::new(&key)), "MasterKey(…) Sealer(…)");
}
