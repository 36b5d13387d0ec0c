//! E12: receivers that hang do not take the permits of one that answers.

use super::support::*;

#[test]
fn e12_a_proven_webhook_is_served_beside_two_hundred_that_hang() {
    const HANGING: u64 = 200;
    let clock = manual_clock();
    let database = Database::new();
    let receiver = Receiver::new(clock.clone(), |visit| match visit.kind() {
        "healthy" => Answer::Slow(1, 200),
        _ => Answer::Hang,
    });
    let setup = Setup::new(clock.clone(), &receiver).with(|options| options.permits = 64);
    let process = Process::start(&database, &setup);
    let tenant = process.run(async {
        let id = tenant(&*process.store, "t").await;
        webhook(&*process.store, id, "healthy", |_| {}).await;
        for _ in 0..HANGING {
            webhook(&*process.store, id, "hanging", |_| {}).await;
        }
        id
    });
    let is_healthy = |visit: &Visit| visit.kind() == "healthy";
    process.run(publish_all(&process.engine, tenant, "healthy", 0..20));
    process.until_done();
    // Each event goes to all that hang, so every lane has more waiting than it may send.
    process.run(publish_all(&process.engine, tenant, "hanging", 0..5));
    process.run(receiver.until("new lanes hold their half", 32, |visit| !is_healthy(visit)));
    process.run(publish_all(&process.engine, tenant, "healthy", 20..520));
    process.run(receiver.until("the healthy one is served", 520, is_healthy));
    assert_eq!(receiver.count() - 520, 32, "those that hang hold half of the permits and no more");
    // After their patience they are parked, and those behind them come to the wire.
    for _ in 0..20 {
        let before = receiver.unanswered();
        clock.advance(seconds(1));
        if before == HANGING as usize {
            break;
        }
        let receiver = &receiver;
        process.run(async move {
            receiver.until("the next ones are on the wire", before.min(199) + 1, |v| !is_healthy(v)).await;
        });
    }
    process.run(receiver.until("all of them hang", HANGING as usize, |visit| !is_healthy(visit)));
    process.run(publish_all(&process.engine, tenant, "healthy", 520..1_020));
    process.run(receiver.until("the healthy one is still served", 1_020, is_healthy));
    assert_eq!(receiver.unanswered(), HANGING as usize, "they still hang");
    assert_eq!(process.until_sums("all outcomes are stored", |s| s.delivered == 1_020).pending, 5 * HANGING);
    process.die();
}
