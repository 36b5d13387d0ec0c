//! `kill -9` at random moments under load (reliability F1), several webhooks at once, half of them `ordered` and one that
//! fails now and then; and the proof that the judge of it sees an acknowledgement before the commit.
#![expect(clippy::unwrap_used, reason = "a test may fail")]
#![expect(clippy::disallowed_methods, reason = "tests of the real binary measure real time")]

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use nix::sys::signal::Signal;
use serde_json::json;
use stentor_testkit::api::Api;
use stentor_testkit::checker::Report;
use stentor_testkit::gateway::Gateway;
use stentor_testkit::load::{Ledgers, Load, LoadOptions};
use stentor_testkit::receiver::{Receiver, Reply};
use stentor_testkit::{metrics, wait};

const ROUNDS: usize = 20;
const SENDERS: usize = 16;
/// Acknowledgements of a round before the kill.
const ACKS: std::ops::Range<usize> = 30..200;
const UNORDERED: [&str; 3] = ["/any/1", "/any/2", "/any/3"];
const ORDERED: [&str; 3] = ["/ordered/1", "/ordered/2", FLAKY];
/// It fails once in each round, so that a kill finds its lane waiting for a retry.
const FLAKY: &str = "/ordered/flaky";
const IN_FLIGHT: &str = "stentor_in_flight";
/// From the new process being ready to the first arrival (reliability F1).
const RECOVERY_DEADLINE: Duration = Duration::from_secs(5);

fn senders(connections: usize) -> LoadOptions<'static> {
    LoadOptions { connections, event_type: "load.sent", padding_bytes: 0 }
}

struct Run {
    gateway: Gateway,
    tenant: Api,
    receiver: Receiver,
    ledgers: Ledgers,
    /// How many requests of the receiver `missing` has been cleared of.
    looked_at: usize,
    taken: HashSet<(String, String)>,
    /// Acknowledged and not yet taken, by path and event.
    missing: HashSet<(String, String)>,
    duplicates: usize,
}

/// What one round showed.
#[derive(Debug)]
#[expect(dead_code, reason = "shown when the test fails, and on standard output")]
struct Round {
    acked: usize,
    in_flight_max: usize,
    /// Deliveries that were acknowledged and had not been taken when the process died.
    left: usize,
    /// From the start of the new process to the first arrival.
    first_arrival: Option<Duration>,
    duplicates: usize,
}

impl Run {
    async fn start() -> Self {
        let (ledgers, receiver) = Ledgers::start().await;
        let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
        let tenant = gateway.tenant("crash").await;
        for path in UNORDERED.iter().chain(&ORDERED) {
            let ordered = ORDERED.contains(path);
            let settings = json!({"ordered": ordered, "retry_policy": {"schedule": [0, 1, 1, 1, 1, 1], "jitter_percent": 0}});
            tenant.create_webhook(&receiver.url(path), &settings).await;
        }
        let (taken, missing) = (HashSet::new(), HashSet::new());
        Self { gateway, tenant, receiver, ledgers, looked_at: 0, taken, missing, duplicates: 0 }
    }

    async fn round(&mut self, acks_before_kill: usize) -> Round {
        // Of the first acknowledged events one fails there.
        self.receiver.script(FLAKY, (0..20).map(|_| Reply::status(200)).chain([Reply::status(503)]));
        let load = Load::start(&self.tenant, &self.ledgers.sender, senders(SENDERS));
        let (in_flight, arrivals_before) = self.load_until(&load, acks_before_kill).await;
        self.gateway.kill9().await;
        let event_ids = load.end().await;
        wait::until("the dead gateway's connections have ended", || async {
            (self.receiver.open_connections() == 0).then_some(())
        })
        .await;
        let arrived = self.receiver.count();
        let in_flight_max = in_flight + (arrived - arrivals_before);
        for path in UNORDERED.iter().chain(&ORDERED) {
            self.missing.extend(event_ids.iter().map(|event| ((*path).to_owned(), event.clone())));
        }
        self.look();
        let left = self.missing.len();
        let first_arrival = self.recover(arrived).await;
        let so_far: usize = self.reports(usize::MAX).iter().map(|report| report.duplicates.len()).sum();
        let duplicates = so_far - self.duplicates;
        self.duplicates = so_far;
        Round { acked: event_ids.len(), in_flight_max, left, first_arrival, duplicates }
    }

    /// Asks for what is in flight again and again until enough is acknowledged: the last word, and how many requests had
    /// arrived before it was asked for.
    async fn load_until(&self, load: &Load, acks: usize) -> (usize, usize) {
        let last = Mutex::new(None);
        let api = self.gateway.api();
        let scrape = async {
            loop {
                let arrivals_before = self.receiver.count();
                let page = api.get("/metrics").await.unwrap().text();
                let in_flight = metrics::sum(&page, IN_FLIGHT).expect("the metric is there");
                *last.lock().unwrap() = Some((in_flight as usize, arrivals_before));
            }
        };
        tokio::select! { () = scrape => {} () = load.acked(acks) => {} }
        last.into_inner().unwrap().expect("it was asked before that many events were acknowledged")
    }

    /// Restarts, and waits until nothing is missing and nothing is in flight.
    async fn recover(&mut self, arrived_before: usize) -> Option<Duration> {
        let started = Instant::now();
        self.gateway.restart().await;
        let mut first_arrival = None;
        if !self.missing.is_empty() {
            wait::until_within(RECOVERY_DEADLINE, "the first delivery after the restart", || async {
                (self.receiver.count() > arrived_before).then_some(())
            })
            .await;
            first_arrival = Some(self.receiver.requests_since(arrived_before)[0].arrived - started);
        }
        wait::until("all that was acknowledged has been taken", || {
            self.look();
            std::future::ready(self.missing.is_empty().then_some(()))
        })
        .await;
        wait::until("nothing is in flight", || async {
            (self.gateway.metric(IN_FLIGHT).await? == 0.0).then_some(())
        })
        .await;
        first_arrival
    }

    fn look(&mut self) {
        let requests = self.receiver.requests_since(self.looked_at);
        self.looked_at += requests.len();
        let taken = requests.iter().filter(|request| request.answered_status == Some(200));
        self.taken.extend(
            taken.map(|request| (request.path.clone(), request.expect_header("webhook-id").to_owned())),
        );
        self.missing.retain(|delivery| !self.taken.contains(delivery));
    }

    fn reports(&self, duplicates_max: usize) -> [Report; 2] {
        [
            self.ledgers.judge(&UNORDERED, false, duplicates_max),
            self.ledgers.judge(&ORDERED, true, duplicates_max),
        ]
    }
}

#[tokio::test]
async fn nothing_is_lost_invented_altered_or_out_of_order_by_kills_under_load() {
    let mut run = Run::start().await;
    let mut rounds = Vec::new();
    for number in 0..ROUNDS {
        let random = RandomState::new().hash_one(number) as usize;
        rounds.push(run.round(ACKS.start + random % ACKS.len()).await);
    }
    for round in &rounds {
        println!("{round:?}");
    }
    let duplicates_max = rounds.iter().map(|round| round.in_flight_max).sum();
    for report in run.reports(duplicates_max) {
        println!("{report}");
        assert!(report.holds(), "{report}; {rounds:#?}");
    }
    let ordered_duplicates = run.reports(duplicates_max)[1].duplicates.len();
    assert!(ordered_duplicates <= ROUNDS * ORDERED.len(), "an ordered lane has one in flight: {rounds:#?}");
    let exceeded = rounds.iter().find(|round| round.duplicates > round.in_flight_max);
    assert!(exceeded.is_none(), "more duplicates than were in flight: {exceeded:?}");
    assert!(rounds.iter().any(|round| round.left > 0), "no kill came while there was work: {rounds:#?}");
    assert_eq!(run.gateway.metric("stentor_orphans_total").await, Some(0.0));
}

/// A front that acknowledges before it forwards, as a gateway would that answers before the commit.
async fn early_acknowledger(gateway: Api) -> Api {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let count = Arc::new(AtomicU64::new(0));
    let publish = post(async move |body: Bytes| {
        tokio::spawn(async move { gateway.try_publish(body).await });
        let id = format!("evt_early{}", count.fetch_add(1, Ordering::Relaxed));
        (StatusCode::ACCEPTED, json!({"id": id, "deliveries": 1}).to_string())
    });
    let router = Router::new().route("/v1/events", publish);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Api::new(Arc::new(RwLock::new(address)))
}

#[tokio::test]
async fn an_acknowledgement_before_the_commit_is_seen() {
    let (ledgers, receiver) = Ledgers::start().await;
    let mut gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let tenant = gateway.tenant("early").await;
    tenant.create_webhook(&receiver.url("/"), &json!({})).await;
    let early = early_acknowledger(tenant.clone()).await;
    let load = Load::start(&early, &ledgers.sender, senders(4));
    load.acked(50).await;
    wait::until("something was delivered", || async {
        (!tenant.deliveries("status=delivered").await.is_empty()).then_some(())
    })
    .await;
    // Stopped, it commits nothing more, and is acknowledged for all the same.
    gateway.signal(Signal::SIGSTOP);
    load.acked(load.acked_so_far() + 50).await;
    load.stop().await;
    gateway.kill9().await;
    gateway.restart().await;
    wait::until("all that was stored is delivered", || async {
        let left = tenant.deliveries("status=pending").await.len();
        (left == 0 && gateway.metric(IN_FLIGHT).await? == 0.0).then_some(())
    })
    .await;
    let report = ledgers.judge(&["/"], false, usize::MAX);
    println!("{report}");
    assert!(report.lost.len() >= 50, "the checker did not see what was lost: {report}");
    assert!(!report.holds());
    assert!(report.arrivals > 0 && report.phantom.is_empty() && report.altered.is_empty(), "{report}");
}
