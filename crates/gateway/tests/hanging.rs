//! Receivers that never answer, or never end their answer, beside one that does (engine rule E12, reliability F11, S28):
//! it gets all its events, and hardly later than alone.
#![expect(clippy::unwrap_used, reason = "a test may fail")]
#![expect(clippy::disallowed_methods, reason = "tests of the real binary measure real time")]

mod limited;

use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::json;
use stentor_testkit::api::Api;
use stentor_testkit::gateway::Gateway;
use stentor_testkit::receiver::{Action, Receiver, Reply};
use stentor_testkit::wait;
use tokio::task::JoinSet;

/// The healthy webhook's tenant is one of them. Several, because creating a webhook reads all others of its tenant.
const TENANTS: usize = 20;
const HANGING_EACH: usize = 50;
const ENDLESS_EACH: usize = 40;
const HANGING: usize = TENANTS * HANGING_EACH;
const ENDLESS: usize = TENANTS * ENDLESS_EACH;
const EVENTS: usize = 200;
/// Between two events of the healthy webhook: a steady load, so that delays are those of single events.
const PACE: Duration = Duration::from_millis(10);
/// Delays below this are the machine's, not the gateway's.
const NOISE: Duration = Duration::from_millis(50);
/// A busy machine can delay any one event; a gateway that lets the healthy webhook wait does so every time.
const TRIES: usize = 3;
const RSS_GROWTH_MAX_KB: u64 = 32 * 1024;
const BODY_BYTES: usize = 300 * 1024 * 1024;

fn raise_own_limit() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let needed = (HANGING + ENDLESS) as u64 + 200;
    assert!(hard >= needed, "this test needs a hard limit of {needed} file descriptors; it is {hard}");
}

/// Creates the tenant's share of the webhooks that hang, each with a path of its own.
async fn create_hanging(tenant: &Api, receiver: &Receiver) {
    for (kind, count) in [("hanging", HANGING_EACH), ("endless", ENDLESS_EACH)] {
        for number in 0..count {
            let settings = json!({"events": [format!("{kind}.*")], "timeout": 120});
            tenant.create_webhook(&receiver.url(&format!("/{kind}/{number}")), &settings).await;
        }
    }
}

/// Publishes the events of the healthy webhook at a steady pace; from just before each publish to its arrival, sorted.
async fn delays(tenant: &Api, receiver: &Receiver) -> Vec<Duration> {
    let before = receiver.count();
    let mut ticks = tokio::time::interval(PACE);
    let mut publishers = JoinSet::new();
    for _ in 0..EVENTS {
        ticks.tick().await;
        let tenant = tenant.clone();
        publishers.spawn(async move {
            let sent = Instant::now();
            (tenant.publish("healthy.tested", &json!({})).await.id, sent)
        });
    }
    let published = publishers.join_all().await;
    receiver.wait_for(before + EVENTS).await;
    let arrivals = receiver.requests_since(before);
    let mut delays: Vec<Duration> = published
        .into_iter()
        .map(|(event, sent)| {
            let mut of_event =
                arrivals.iter().filter(|request| request.header("webhook-id") == Some(event.as_str()));
            let first = of_event.next().expect("each event arrives");
            assert!(of_event.next().is_none(), "{event} arrived twice");
            first.arrived.duration_since(sent)
        })
        .collect();
    delays.sort();
    delays
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_healthy_webhook_does_not_wait_for_those_that_hang() {
    raise_own_limit();
    // It begins with the usual soft limit of a service, and has to raise it itself.
    let (gateway, _directory) = limited::start("-Sn 1024").await;
    let (healthy, hanging) = (Receiver::start().await, Arc::new(Receiver::start().await));
    let drip = Action::Trickle { body_bytes: 1_000_000, pause: Duration::from_secs(1) };
    hanging.default_reply(Reply::hang());
    for number in 0..ENDLESS_EACH {
        hanging.always(&format!("/endless/{number}"), drip.clone().into());
    }
    let mut creators = JoinSet::new();
    for number in 0..TENANTS {
        let (tenant, hanging) = (gateway.tenant(&format!("zoo {number}")).await, Arc::clone(&hanging));
        creators.spawn(async move {
            create_hanging(&tenant, &hanging).await;
            tenant
        });
    }
    let tenants = creators.join_all().await;
    let tenant = &tenants[0];
    tenant.create_webhook(&healthy.url("/"), &json!({"events": ["healthy.*"]})).await;

    // The first ones prove it.
    delays(tenant, &healthy).await;
    let alone = delays(tenant, &healthy).await;
    let p99_alone = alone[EVENTS * 99 / 100];
    let bound = (2 * p99_alone).max(p99_alone + NOISE);
    for tenant in &tenants {
        assert_eq!(tenant.publish("hanging.now", &json!({})).await.deliveries, HANGING_EACH as u64);
        assert_eq!(tenant.publish("endless.now", &json!({})).await.deliveries, ENDLESS_EACH as u64);
    }
    // Whoever had to wait for the permit of one that hangs would wait for half a second here.
    let meanwhile = delays(tenant, &healthy).await;
    wait::until("all of them hang at once", || async {
        (hanging.in_flight() == HANGING + ENDLESS).then_some(())
    })
    .await;
    let mut worst = Vec::new();
    while worst.len() < TRIES && worst.last().is_none_or(|worst| *worst > bound) {
        worst.push(delays(tenant, &healthy).await[EVENTS - 1]);
    }
    println!("alone p99 {p99_alone:?}; while they begin to hang {:?} (median)", meanwhile[EVENTS / 2]);
    println!("while all hang {worst:?} (worst of each try)");
    assert!(meanwhile[EVENTS / 2] <= bound, "more than {bound:?}: median {:?}", meanwhile[EVENTS / 2]);
    assert!(worst.iter().any(|worst| *worst <= bound), "more than {bound:?} each time: {worst:?}");
    assert_eq!(hanging.count(), HANGING + ENDLESS, "each was attempted once");
    assert_eq!(hanging.in_flight(), HANGING + ENDLESS, "and none has ended");
}

/// Peak of resident memory since it was last reset, in KiB (proc(5), `clear_refs`).
fn peak_rss_kb(gateway: &Gateway) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.process_id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

fn reset_peak_rss(gateway: &Gateway) {
    std::fs::write(format!("/proc/{}/clear_refs", gateway.process_id()), "5").unwrap();
}

#[tokio::test]
async fn huge_answers_leave_the_memory_alone() {
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let receiver = Receiver::start().await;
    let tenant = gateway.tenant("bombs").await;
    for number in 0..4 {
        tenant.create_webhook(&receiver.url(&format!("/{number}")), &json!({})).await;
    }
    // A first event with small answers brings connections and caches into being.
    let small = tenant.publish("bomb.small", &json!({})).await;
    tenant.wait_delivered(&small.id).await;
    receiver.default_reply(Reply::big_body(BODY_BYTES));
    let before = gateway.rss_kb();
    reset_peak_rss(&gateway);
    let published = tenant.publish("bomb.large", &json!({})).await;
    let deliveries = tenant.wait_delivered(&published.id).await;
    let grown = peak_rss_kb(&gateway).saturating_sub(before);
    println!("{before} KiB before, {grown} KiB more at the peak");
    assert!(grown <= RSS_GROWTH_MAX_KB, "{grown} KiB more than the {before} KiB before");
    assert_eq!((deliveries.len(), receiver.count()), (4, 8));
    for delivery in deliveries {
        let attempt = &tenant.delivery(delivery["id"].as_str().unwrap()).await["attempts"][0];
        assert_eq!(attempt["status"], 200, "{attempt}");
    }
}
