//! E9: many dead lanes with many due rows do not keep a healthy lane's retry from its time.

use stentor_core::webhook::Webhook;

use super::support::*;

const LANES: u64 = 300;
const ROWS: u64 = 300;

#[test]
fn e9_a_healthy_retry_starts_when_it_is_due_beside_ninety_thousand_dead_due_rows() {
    let clock = manual_clock();
    let database = Database::new();
    let receiver = Receiver::new(clock.clone(), |visit| match visit.kind() {
        "healthy" if visit.number == 1 => Answer::Status(500),
        "healthy" => Answer::Status(200),
        "refusing" => Answer::Status(500),
        _ => Answer::Hang,
    });
    let setup = Setup::new(clock.clone(), &receiver);
    let store = database.open();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let tenant = runtime.block_on(async {
        let tenant = tenant(&*store, "t").await;
        let mut dead: Vec<Webhook> = Vec::new();
        for lane in 0..LANES {
            let kind = if lane < 10 { "refusing" } else { "hanging" };
            dead.push(
                webhook(&*store, tenant, kind, |webhook| webhook.config.policy = waits(&[10, 5])).await,
            );
        }
        webhook(&*store, tenant, "healthy", |webhook| webhook.config.policy = waits(&[0, 60])).await;
        let version = config_version(&*store, tenant).await;
        for row in 0..ROWS {
            let mut events = Vec::new();
            for (kind, webhooks) in [("refusing", &dead[..10]), ("hanging", &dead[10..])] {
                let to: Vec<&Webhook> = webhooks.iter().collect();
                let mut event = stored_event(&to, kind, row, START, version);
                for delivery in &mut event.deliveries {
                    delivery.due_at = Some(START.plus(seconds(10)));
                }
                events.push(event);
            }
            store_events(&*store, events).await;
        }
        tenant
    });
    drop(runtime);
    let process = Process::start_on(store, &setup);
    process.run(publish(&process.engine, tenant, "healthy", 0)).expect("stored");
    process.until_sums("the healthy one failed once", |_| receiver.count_if(|v| v.answered.is_some()) == 1);
    process.run(async {
        stentor_testkit::wait::until("its retry is stored", || async {
            (gauge(&process.engine, "stentor_in_flight") == 0).then_some(())
        })
        .await;
    });
    clock.advance(seconds(10));
    process.run(receiver.until("the dead lanes are at it", 200, |visit| visit.kind() == "hanging"));
    clock.advance(seconds(50));
    let is_retry = |visit: &Visit| visit.kind() == "healthy" && visit.number == 2;
    process.run(receiver.until("the healthy retry", 1, is_retry));
    let retry = receiver.visits().into_iter().find(is_retry).expect("it came");
    assert_eq!(retry.at, START.plus(seconds(60)), "at the very moment it was due");
    let sums = process.sums();
    assert!(sums.holds() && sums.pending > (LANES - 10) * ROWS - 1, "{sums:?}");
    process.die();
}
