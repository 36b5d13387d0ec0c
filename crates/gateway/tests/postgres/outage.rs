//! The server goes away under load, or the way to it does, and comes back: nothing that was acknowledged is lost, and nobody
//! has to start the gateway again.

use std::time::Duration;

use serde_json::json;
use stentor_testkit::api::Api;
use stentor_testkit::gateway::Gateway;
use stentor_testkit::ledger::SenderLine;
use stentor_testkit::load::{Ledgers, Load, LoadOptions};
use stentor_testkit::postgres::{End, Postgres, Proxy};
use stentor_testkit::receiver::Receiver;
use stentor_testkit::wait;

use super::on;

const LOAD: LoadOptions<'static> = LoadOptions { connections: 8, event_type: "load.sent", padding_bytes: 0 };
const ROUNDS: usize = 5;
/// Acknowledgements before the server goes away, and after it came back.
const ACKS: usize = 100;

struct Run {
    gateway: Gateway,
    tenant: Api,
    receiver: Receiver,
    ledgers: Ledgers,
}

impl Run {
    async fn on(url: String) -> Self {
        let (ledgers, receiver) = Ledgers::start().await;
        let gateway = on(url).start().await;
        let tenant = gateway.tenant("load").await;
        tenant.create_webhook(&receiver.url("/"), &json!({})).await;
        Self { gateway, tenant, receiver, ledgers }
    }

    /// Stops the load, waits for what was acknowledged, and judges: without a crash of ours nothing arrives twice.
    async fn judge(self, load: Load) {
        let acked = load.stop().await;
        wait::until("everything acknowledged has arrived", || async {
            let arrived: std::collections::HashSet<String> = self
                .receiver
                .requests()
                .iter()
                .map(|request| request.expect_header("webhook-id").to_owned())
                .collect();
            acked.is_subset(&arrived).then_some(())
        })
        .await;
        wait::until("nothing is pending", || async {
            self.tenant.deliveries("status=pending").await.is_empty().then_some(())
        })
        .await;
        self.ledgers.judge(&["/"], false, 0).assert_holds();
        assert_eq!(self.gateway.metric("stentor_orphans_total").await, Some(0.0));
        let refused =
            |line: &SenderLine| matches!(line, SenderLine::Refused { status, .. } if *status != 503);
        let sent = self.ledgers.sent();
        let other = sent.iter().find(|line| refused(line));
        assert!(other.is_none(), "an event was refused with something else than 503: {other:?}");
        assert!(
            !sent.iter().any(|line| matches!(line, SenderLine::Unknown { .. })),
            "a publisher got no answer"
        );
    }
}

#[tokio::test]
async fn a_server_that_crashes_and_comes_back_under_load_loses_nothing() {
    let server = Postgres::start(&[]);
    let run = Run::on(server.database()).await;
    let load = Load::start(&run.tenant, &run.ledgers.sender, LOAD);
    for round in 0..ROUNDS {
        load.acked(load.acked_so_far() + ACKS).await;
        server.end(if round % 2 == 0 { End::Crash } else { End::Fast });
        server.start_again();
    }
    load.acked(load.acked_so_far() + ACKS).await;
    run.judge(load).await;
}

#[tokio::test]
async fn a_synchronous_standby_that_is_promoted_under_load_has_everything() {
    let primary = Postgres::start(&[]);
    let database = primary.database();
    let standby = primary.synchronous_standby();
    let run = Run::on(primary.either_url(&standby, &database)).await;
    let load = Load::start(&run.tenant, &run.ledgers.sender, LOAD);
    load.acked(3 * ACKS).await;
    primary.end(End::Crash);
    standby.promote();
    load.acked(load.acked_so_far() + ACKS).await;
    run.judge(load).await;
}

#[tokio::test]
async fn sessions_that_are_cut_off_under_load_lose_nothing() {
    let proxy = Proxy::before(Postgres::shared());
    let run = Run::on(proxy.url()).await;
    let load = Load::start(&run.tenant, &run.ledgers.sender, LOAD);
    for round in 0..ROUNDS {
        load.acked(load.acked_so_far() + ACKS).await;
        proxy.cut_all();
        // The last messages of a transaction, then a time in which nobody can be asked what became of it.
        load.acked(load.acked_so_far() + ACKS).await;
        proxy.refuse(true);
        let cuts = proxy.cuts();
        proxy.cut_after(10 + 4 * round);
        wait::until("the session is cut off", || async { (proxy.cuts() > cuts).then_some(()) }).await;
        proxy.refuse(false);
    }
    load.acked(load.acked_so_far() + ACKS).await;
    run.judge(load).await;
}

#[tokio::test]
async fn while_the_server_is_away_publishers_are_asked_to_come_again() {
    let server = Postgres::start(&["fsync=off"]);
    let (gateway, receiver) = (on(server.database()).start().await, Receiver::start().await);
    let tenant = gateway.tenant("acme").await;
    tenant.create_webhook(&receiver.url("/"), &json!({})).await;
    let first = tenant.publish("order.created", &json!({"n": 1})).await;
    tenant.wait_delivered(&first.id).await;

    server.end(End::Crash);
    let body = json!({"type": "order.created", "data": {"n": 2}}).to_string();
    let refused = tenant.try_publish(body.clone()).await.unwrap();
    assert_eq!(refused.status(), 503, "{}", refused.text());
    assert!(refused.header("retry-after").is_some());
    assert_eq!(refused.json()["code"], "unavailable", "{}", refused.text());
    let ready = gateway.api().get("/readyz").await.unwrap();
    assert_eq!(ready.status(), 503, "{}", ready.text());

    server.start_again();
    let published = wait::until_within(Duration::from_secs(10), "an event is taken again", || async {
        let answer = tenant.try_publish(body.clone()).await.unwrap();
        (answer.status() == 202).then(|| answer.published())
    })
    .await;
    tenant.wait_delivered(&published.id).await;
    assert_eq!(receiver.count(), 2, "what was refused is not delivered");
}
