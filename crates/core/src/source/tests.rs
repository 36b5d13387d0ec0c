//! The rules of sources.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::rate::Rate;

const NOW: Time = Time::from_seconds(1_700_000_000);

fn basic() -> SourceConfig {
    SourceConfig::new("orders".into(), Verification::Basic)
}

fn signed(preset: &str) -> SourceConfig {
    let verification = Verification::Preset { name: preset.into(), options: serde_json::Map::new() };
    SourceConfig::new("orders".into(), verification)
}

fn keys(values: &[&str]) -> SourceSecrets {
    let key = |value: &&str| SourceKey { value: SecretText::new((*value).to_owned()), until: None };
    SourceSecrets { keys: values.iter().map(key).collect(), options: BTreeMap::new() }
}

fn pointers(config: &SourceConfig, secrets: &SourceSecrets) -> Vec<String> {
    config.refusals(secrets).into_iter().map(|refusal| refusal.pointer).collect()
}

/// What makes a configuration break a rule.
type Change = fn(&mut SourceConfig);

#[test]
fn a_plain_source_is_good_and_takes_what_the_seeds_send() {
    let config = basic();
    assert_eq!(pointers(&config, &keys(&[])), [""; 0]);
    assert_eq!((config.effective_content(), config.effective_max_body_bytes()), (Content::Json, 10_485_760));
    let places: Vec<String> = config.event_type_places().iter().map(|place| format!("{place:?}")).collect();
    assert!(places.len() == 2 && places[0].contains("event") && places[1].contains("type"), "{places:?}");
    assert_eq!(signed("github").effective_content(), Content::Any);
    assert_eq!(signed("github").event_type_places()[0], Place::Provider);
}

#[test]
fn each_rule_names_its_field() {
    let broken: [(&str, Change); 10] = [
        ("/name", |config| config.name = " ".into()),
        ("/description", |config| config.description = Some("a\nb".into())),
        ("/dedupe/window", |config| config.dedupe.window = Duration::from_secs(1)),
        ("/rate/count", |config| config.rate = Some(Rate { count: 0, period: Duration::from_secs(1) })),
        ("/rate/period", |config| config.rate = Some(Rate { count: 1, period: Duration::ZERO })),
        ("/max_body_bytes", |config| config.max_body_bytes = Some(10_485_761)),
        ("/keep_headers/0", |config| config.keep_headers = vec!["cookie".into()]),
        ("/keep_headers/1", |config| config.keep_headers = vec!["x-ok".into(), "X-Upper".into()]),
        ("/on_invalid", |config| config.on_invalid = OnInvalid::StoreAnd200),
        ("/event_type/from", |config| config.event_type.from = Some(vec![Place::Provider; 9])),
    ];
    for (pointer, change) in broken {
        let mut config = basic();
        change(&mut config);
        assert_eq!(pointers(&config, &keys(&[])), [pointer]);
    }
}

#[test]
fn what_is_simulated_cannot_reach_beyond_its_answer() {
    let response = |change: fn(&mut SimulatedResponse)| {
        let mut response =
            SimulatedResponse { status: 200, headers: Vec::new(), body: "ok".into(), delay: Duration::ZERO };
        change(&mut response);
        let mut config = basic();
        config.response = Some(Simulation::Sequence(vec![response]));
        pointers(&config, &keys(&[]))
    };
    assert_eq!(response(|_| {}), [""; 0]);
    let list = "/response/sequence/0";
    assert_eq!(response(|one| one.status = 199), [format!("{list}/status")]);
    assert_eq!(response(|one| one.status = 204), [format!("{list}/body")]);
    assert_eq!(response(|one| one.delay = Duration::from_millis(30_001)), [format!("{list}/delay_ms")]);
    for name in ["Set-Cookie", "content-length", "a b"] {
        let mut config = basic();
        let headers = vec![(name.to_owned(), "v".to_owned())];
        let one = SimulatedResponse { status: 500, headers, body: String::new(), delay: Duration::ZERO };
        config.response = Some(Simulation::Rules(vec![ResponseRule { when: None, response: one }]));
        assert_eq!(pointers(&config, &keys(&[])), [format!("/response/rules/0/headers/{name}")]);
    }
    let mut config = basic();
    config.response = Some(Simulation::Rules(Vec::new()));
    assert_eq!(pointers(&config, &keys(&[])), ["/response/rules"]);
}

#[test]
fn secrets_must_fit_their_verification() {
    assert_eq!(pointers(&signed("github"), &keys(&["a secret"])), [""; 0]);
    assert_eq!(pointers(&signed("github"), &keys(&[])), ["/verification/secret"]);
    assert_eq!(pointers(&basic(), &keys(&["a secret"])), ["/verification/secret"]);
    assert_eq!(pointers(&signed("discord"), &keys(&["no key"])), ["/verification/secret"]);
    assert_eq!(pointers(&signed("no-such"), &keys(&["a secret"])), ["/verification/preset"]);
    let mut secrets = keys(&["a secret"]);
    secrets.options.insert(VERIFY_TOKEN.into(), SecretText::new("t".into()));
    assert_eq!(pointers(&signed("meta"), &secrets), [""; 0]);
    assert_eq!(pointers(&signed("github"), &secrets), ["/verification/verify_token"]);
    assert_eq!(pointers(&signed("github"), &keys(&["secret"; 9])), ["/verification/secret"]);
}

#[test]
fn options_and_records_are_checked() {
    let with = |options: serde_json::Value| {
        let serde_json::Value::Object(options) = options else { panic!("an object") };
        let verification = Verification::Preset { name: "stripe".into(), options };
        SourceConfig::new("s".into(), verification)
    };
    let secrets = keys(&["whsec_abc"]);
    assert_eq!(pointers(&with(json!({"tolerance_seconds": 600})), &secrets), [""; 0]);
    assert_eq!(
        pointers(&with(json!({"tolerance_seconds": "x"})), &secrets),
        ["/verification/tolerance_seconds"]
    );
    assert_eq!(pointers(&with(json!({"other": 1})), &secrets), ["/verification/other"]);
    let custom = |scheme| SourceConfig::new("s".into(), Verification::Custom { scheme });
    let good = custom(json!({"algorithm": "hmac-sha256", "signature": {"header": "x-signature"}}));
    assert_eq!(pointers(&good, &secrets), [""; 0]);
    let unknown = custom(json!({"algorithm": "rot13"}));
    assert_eq!(pointers(&unknown, &secrets), ["/verification/scheme"]);
}

#[test]
fn a_rotated_secret_is_accepted_until_its_end() {
    let mut secrets = keys(&["first"]);
    let second = SecretText::new("second".into());
    secrets.rotate(second.clone(), Duration::from_secs(60), NOW);
    let live = |secrets: &SourceSecrets, now| secrets.keys_at(now).cloned().collect::<Vec<_>>();
    assert_eq!(live(&secrets, NOW.plus(Duration::from_secs(59))).len(), 2);
    assert_eq!(live(&secrets, NOW.plus(Duration::from_secs(60))), std::slice::from_ref(&second));
    secrets.rotate(SecretText::new("third".into()), Duration::ZERO, NOW);
    assert_eq!(secrets.keys.len(), 1, "without an overlap only the new one is left");
}

#[test]
fn addresses_are_admitted_by_network_or_exactly() {
    let peers = AllowedPeers::parse(["192.0.2.7", "2001:db8::/32", "10.0.0.0/8"]).expect("networks");
    for (peer, admitted) in [
        ("192.0.2.7", true),
        ("::ffff:192.0.2.7", true),
        ("192.0.2.8", false),
        ("10.255.0.1", true),
        ("2001:db8::1", true),
        ("2001:db9::1", false),
    ] {
        assert_eq!(peers.admits(peer.parse::<IpAddr>().expect("an address")), admitted, "{peer}");
    }
    assert_eq!(peers.texts().collect::<Vec<_>>(), ["192.0.2.7", "2001:db8::/32", "10.0.0.0/8"]);
    assert!(AllowedPeers::default().admits("203.0.113.1".parse().expect("an address")));
    assert!(matches!(AllowedPeers::parse(["10.1.2.3/8"]), Err((0, InvalidNetwork::HostBits(_)))));
    assert!(matches!(AllowedPeers::parse(["::1", "localhost"]), Err((1, InvalidNetwork::Form))));
}

#[test]
fn paths_and_urls_come_back_as_written() {
    for text in ["event", "data.object.id", "items.0.id", "a\\.b.c"] {
        assert_eq!(BodyPath::parse(text).expect("a path").to_string(), text);
    }
    for text in ["", "a..b", "a.", "a\\", &"x".repeat(600)] {
        assert!(BodyPath::parse(text).is_err(), "{text}");
    }
    let url = PublicUrl::parse("https://hooks.example.com/in/A").expect("a URL");
    assert_eq!(url.with_query(Some("a=1")), "https://hooks.example.com/in/A?a=1");
    for text in ["ftp://x/", "https://u:p@x/", "https://x/?q", "https://x/#f", "x", "https://x/ö"] {
        assert!(PublicUrl::parse(text).is_err(), "{text}");
    }
}

#[test]
fn the_stored_form_reads_back() {
    let mut config = signed("stripe");
    config.allow = AllowedPeers::parse(["192.0.2.0/24"]).expect("a network");
    config.dedupe.by = Some(Place::Header(HeaderName::from_static("x-id")));
    config.event_type.from = Some(vec![Place::Body(BodyPath::of_name("kind")), Place::Provider]);
    config.rate = Some(Rate { count: 5, period: Duration::from_secs(60) });
    config.on_invalid = OnInvalid::StoreAnd200;
    config.split = Split::Array;
    let text = serde_json::to_string(&config).expect("JSON");
    assert_eq!(serde_json::from_str::<SourceConfig>(&text).expect("its own form"), config);
    let oldest = json!({"name": "n", "verification": "basic"});
    assert_eq!(
        serde_json::from_value::<SourceConfig>(oldest).expect("members may be missing"),
        SourceConfig::new("n".into(), Verification::Basic)
    );
}
