//! Several gateways on one database: one has it, the others stand by and take its place (engine rules E4 and E8).

use std::collections::HashSet;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::json;
use stentor_testkit::api::Api;
use stentor_testkit::gateway::Gateway;
use stentor_testkit::load::{Ledgers, Load, LoadOptions};
use stentor_testkit::postgres::Postgres;
use stentor_testkit::receiver::{Receiver, Reply};
use stentor_testkit::wait;
use tokio::task::JoinSet;

use super::on;

/// How long a node that does not answer keeps the database.
const LEASE: Duration = Duration::from_secs(10);
const LOAD: LoadOptions<'static> = LoadOptions { connections: 8, event_type: "load.sent", padding_bytes: 0 };

/// Gateways that stand by on a database.
fn standing_by(url: &str, nodes: usize) -> JoinSet<Gateway> {
    (0..nodes).map(|_| on(url).start()).collect()
}

/// The one that has the database now.
async fn next(nodes: &mut JoinSet<Gateway>) -> Gateway {
    nodes.join_next().await.expect("a node stands by").expect("it starts")
}

fn arrived(receiver: &Receiver) -> HashSet<String> {
    receiver.requests().iter().map(|request| request.expect_header("webhook-id").to_owned()).collect()
}

fn of(gateway: &Gateway, tenant: &Api) -> Api {
    gateway.api().with_token(tenant.token().expect("a tenant's client has one"))
}

#[tokio::test]
async fn of_three_nodes_one_that_is_killed_is_replaced_and_nothing_is_lost() {
    let url = Postgres::durable().database();
    let (ledgers, receiver) = Ledgers::start().await;
    let mut first = on(&url).start().await;
    let tenant = first.tenant("load").await;
    tenant.create_webhook(&receiver.url("/"), &json!({})).await;
    let mut others = standing_by(&url, 2);
    let load = Load::start(&tenant, &ledgers.sender, LOAD);
    load.acked(300).await;
    let arrivals_before = receiver.count();
    let in_flight = first.metric("stentor_in_flight").await.unwrap() as usize;
    first.kill9().await;
    let killed = Instant::now();
    let acked = load.end().await;
    wait::until("the dead gateway's connections have ended", || async {
        (receiver.open_connections() == 0).then_some(())
    })
    .await;
    let in_flight_max = in_flight + (receiver.count() - arrivals_before);
    let second = next(&mut others).await;
    wait::until("everything acknowledged has arrived", || async {
        acked.is_subset(&arrived(&receiver)).then_some(())
    })
    .await;
    assert!(killed.elapsed() < LEASE + Duration::from_secs(5), "{:?}", killed.elapsed());
    let load = Load::start(&of(&second, &tenant), &ledgers.sender, LOAD);
    load.acked(100).await;
    let acked = load.stop().await;
    wait::until("the next node delivers", || async { acked.is_subset(&arrived(&receiver)).then_some(()) })
        .await;
    ledgers.judge(&["/"], false, in_flight_max).assert_holds();
}

#[tokio::test]
async fn a_node_that_stops_in_order_is_replaced_at_once_and_nothing_is_sent_twice() {
    let url = Postgres::durable().database();
    let (ledgers, receiver) = Ledgers::start().await;
    let mut first = on(&url).start().await;
    let tenant = first.tenant("load").await;
    tenant.create_webhook(&receiver.url("/"), &json!({})).await;
    let mut others = standing_by(&url, 1);
    let load = Load::start(&tenant, &ledgers.sender, LOAD);
    load.acked(200).await;
    first.terminate();
    assert!(first.wait().await.success());
    let stopped = Instant::now();
    let acked = load.end().await;
    let second = next(&mut others).await;
    assert!(stopped.elapsed() < LEASE / 2, "{:?}", stopped.elapsed());
    wait::until("everything acknowledged has arrived", || async {
        acked.is_subset(&arrived(&receiver)).then_some(())
    })
    .await;
    ledgers.judge(&["/"], false, 0).assert_holds();
    assert_eq!(second.metric("stentor_orphans_total").await, Some(0.0));
}

#[tokio::test]
async fn a_node_that_slept_through_its_lease_sends_and_changes_nothing_any_more() {
    let url = Postgres::durable().database();
    let receiver = Receiver::start().await;
    let mut first = on(&url).start().await;
    let tenant = first.tenant("load").await;
    tenant.create_webhook(&receiver.url("/"), &json!({"limits": {"concurrency": 1}})).await;
    receiver.default_reply(Reply::status(200).held());
    let mut others = standing_by(&url, 1);
    let mut published = HashSet::new();
    for n in 0..100 {
        published.insert(tenant.publish("order.created", &json!({"n": n})).await.id);
    }
    receiver.next_request().await;
    first.signal(Signal::SIGSTOP);
    receiver.default_reply(Reply::status(200));
    receiver.release(1);
    let second = next(&mut others).await;
    wait::until("the next node delivers everything", || async {
        published.is_subset(&arrived(&receiver)).then_some(())
    })
    .await;
    let tenant = of(&second, &tenant);
    wait::until("nothing is pending", || async {
        tenant.deliveries("status=pending").await.is_empty().then_some(())
    })
    .await;
    let before = receiver.count();
    first.signal(Signal::SIGCONT);
    assert!(!first.wait().await.success(), "it goes on, though another has its place");
    assert_eq!(receiver.count(), before, "it has sent after it was replaced");
    assert!(tenant.deliveries("status=delivered").await.len() == published.len());
}
