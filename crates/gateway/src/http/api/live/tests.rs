use super::*;

fn kinds(json: &str) -> Result<Kinds, serde_json::Error> {
    serde_json::from_str(json)
}

#[test]
fn kinds_are_words_between_commas() {
    let both = kinds("\"event.accepted,request.refused\"").expect("valid");
    assert_eq!(both, Kinds([Kind::EventAccepted, Kind::RequestRefused].into()));
    for wrong in ["\"\"", "\"event\"", "\"event.accepted,\"", "\"event.accepted, request.refused\"", "1"] {
        assert!(kinds(wrong).is_err(), "{wrong}");
    }
    let told = kinds("\"x\"").expect_err("refused").to_string();
    assert!(told.contains("delivery.finished"), "{told}");
}

#[test]
fn a_stream_lasts_a_day_at_most() {
    let lasting = |json: &str| serde_json::from_str::<Lasting>(json).ok();
    assert_eq!(lasting("0"), Some(Lasting(Duration::ZERO)));
    assert_eq!(lasting("86400"), Some(Lasting(Duration::from_secs(86_400))));
    for wrong in ["86401", "-1", "1.5", "\"x\""] {
        assert_eq!(lasting(wrong), None, "{wrong}");
    }
}
