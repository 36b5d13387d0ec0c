//! What a request with credentials costs (reliability S16): one keyed hash and no read, however many credentials there are
//! and whether its own is among them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use stentor_core::basic_auth::BasicPair;
use stentor_core::credential::{Credential, CredentialPair};
use stentor_core::id::{CredentialId, SourceId, TenantId};
use stentor_core::source::{Source, SourceConfig, SourceSecrets, Verification};
use stentor_engine::ingest::{Head, IngestRefusal};
use stentor_engine::sources::SourceDirectory;
use stentor_store::Store;

use super::support::*;

/// Enough that a search through all of them would show.
const MANY: usize = 500;

async fn source(store: &dyn Store, tenant: TenantId) -> SourceId {
    let source = Source {
        id: SourceId::new(START, fastrand::u64(..)),
        tenant,
        active: true,
        config: SourceConfig::new("basic".to_owned(), Verification::Basic),
        secrets: SourceSecrets::default(),
        version: 0,
        created_at: START,
        updated_at: START,
        expires_at: None,
    };
    store.create_source(&source, None).await.expect("it can be stored");
    source.id
}

async fn credential(store: &dyn Store, tenant: TenantId, source: SourceId) -> String {
    let pair = CredentialPair::generate(&std::array::from_fn(|_| fastrand::u8(..)));
    let credential = Credential {
        id: CredentialId::new(START, fastrand::u64(..)),
        source,
        tenant,
        name: "c".to_owned(),
        environment: None,
        username: pair.username.clone(),
        created_at: START,
        last_used_at: None,
        expires_at: None,
        revoked_at: None,
    };
    let user_pass = pair.user_pass();
    store.create_credential(&credential, &user_pass, START).await.expect("it can be stored");
    user_pass.reveal().to_owned()
}

fn head() -> Head {
    Head {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        query: None,
        url: "http://localhost/".to_owned(),
        headers: HeaderMap::new(),
        peer: std::net::Ipv4Addr::LOCALHOST.into(),
        is_confidential: true,
        received_at: START,
    }
}

fn read(user_pass: &str) -> BasicPair {
    let header = format!("Basic {}", STANDARD.encode(user_pass));
    BasicPair::read([header.as_bytes()]).expect("it is well written")
}

/// What the engine asks of the store for each kind of pair, with so many credentials.
fn calls_with(count: usize) -> [BTreeMap<&'static str, usize>; 3] {
    let clock = manual_clock();
    let setup = Setup::new(clock.clone(), &Receiver::willing(clock));
    let database = Database::new();
    let process = Process::start(&database, &setup);
    let (tenant, pairs) = process.run(async {
        let tenant = tenant(&*process.store, "t").await;
        let source = source(&*process.store, tenant).await;
        let mut pairs = Vec::new();
        for _ in 0..count {
            pairs.push(credential(&*process.store, tenant, source).await);
        }
        (tenant, pairs)
    });
    process.stop();
    // What there is at the start is known from then on.
    let process = Process::start(&database, &setup);
    let good = pairs.last().expect("at least one").clone();
    let (username, password) = good.split_once(':').expect("a pair");
    let reversed: String = password.chars().rev().collect();
    let (wrong_password, unknown) = (format!("{username}:{reversed}"), format!("nobody:{password}"));
    let enter = |user_pass: &str| {
        let pair = read(user_pass);
        process.run(process.engine.enter_by_pair(&pair, &head()))
    };
    assert_eq!(enter(&good).expect("it is live").gate.source().tenant, tenant);
    let directory = process.run(SourceDirectory::load(process.store.clone())).expect("it can be read");
    assert!(pairs.iter().all(|pair| directory.by_pair(pair, START).is_some()), "all of them are alive");
    process.store.take_calls();
    let calls = [good, wrong_password, unknown].map(|pair| {
        let entered = enter(&pair);
        assert!(matches!(entered, Ok(_) | Err(IngestRefusal::UnknownCredential)), "{entered:?}");
        process.store.take_calls()
    });
    process.stop();
    calls
}

#[test]
fn a_pair_costs_one_hash_whether_it_is_known_and_however_many_there_are() {
    let one_hash: BTreeMap<&str, usize> = [("pair_hash", 1)].into();
    for count in [1, MANY] {
        for calls in calls_with(count) {
            assert_eq!(calls, one_hash, "with {count} credentials");
        }
    }
}
