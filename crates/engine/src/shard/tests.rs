//! The pure step of a shard against a model of the store: whatever the order in which commits, pages, attempts and
//! outcomes come in, each delivery is attempted until it is final, never twice at a time, and none is left (E2, E5).

mod gathered;
mod interleavings;
mod stopped;
mod wishes;
mod world;

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use stentor_core::webhook::{Webhook, WebhookStatus};

use self::world::{START, TestPermits, World, webhook};
use super::Withdrew;
use super::input::Input;
use super::state::{ShardOptions, ShardState};
use crate::permits::Permits;

#[derive(Debug, Clone)]
enum Op {
    Commit(i64),
    Mail,
    RunRead,
    ReturnRead,
    End(usize, bool),
    Write,
    Pass(u64),
    Withdraw(usize),
    Pause,
    Resume,
    Crash,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0_i64..10).prop_map(Op::Commit),
        6 => Just(Op::Mail),
        3 => Just(Op::RunRead),
        3 => Just(Op::ReturnRead),
        4 => (any::<usize>(), any::<bool>()).prop_map(|(pick, fails)| Op::End(pick, fails)),
        5 => Just(Op::Write),
        2 => (0_u64..7_000).prop_map(Op::Pass),
        1 => any::<usize>().prop_map(Op::Withdraw),
        1 => Just(Op::Pause),
        1 => Just(Op::Resume),
    ]
}

fn run(world: &mut World, ops: &[Op]) {
    let mut version = 1;
    for op in ops {
        match op {
            Op::Commit(back) => world.commit(*back),
            Op::Mail => world.deliver_mail(),
            Op::RunRead => world.run_read(),
            Op::ReturnRead => world.return_read(),
            Op::End(pick, fails) => world.end_attempt(*pick, *fails),
            Op::Write => world.commit_write(),
            Op::Pass(ms) => {
                world.now = world.now.plus(Duration::from_millis(*ms));
                world.step(Input::Wake);
            }
            Op::Withdraw(pick) => withdraw(world, *pick),
            Op::Crash => world.crash(),
            Op::Pause | Op::Resume => {
                version += 1;
                let status =
                    if matches!(op, Op::Pause) { WebhookStatus::Paused } else { WebhookStatus::Active };
                world.webhook = world.changed(status, version);
                world.step(Input::Configure(Arc::clone(&world.webhook)));
            }
        }
    }
    world.webhook = world.changed(WebhookStatus::Active, version + 1);
    world.step(Input::Configure(Arc::clone(&world.webhook)));
    world.settle();
}

fn withdraw(world: &mut World, pick: usize) {
    let pending: Vec<_> = world.stored.keys().copied().collect();
    let Some((position, id)) = pending.get(pick % pending.len().max(1)).copied() else { return };
    let (reply, mut answer) = tokio::sync::oneshot::channel();
    world.step(Input::Withdraw(world.key(), id, reply));
    if answer.try_recv() == Ok(Withdrew::Waiting) {
        // The store does not take one out of its batch.
        if world.stored[&(position, id)].batch.is_some() {
            world.step(Input::Withdrawn(world.key(), id));
            return world.step(Input::Reread(world.key(), world.webhook.tenant));
        }
        world.stored.remove(&(position, id));
        world.cancelled.insert(id);
        world.step(Input::Withdrawn(world.key(), id));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn each_delivery_is_attempted_to_its_end_and_none_is_left(ops in proptest::collection::vec(op(), 1..250)) {
        let mut world = World::new(false, 4, false);
        run(&mut world, &ops);
        prop_assert_eq!(world.delivered.len() + world.cancelled.len(), world.committed.len());
        for (id, numbers) in &world.started {
            let expected: Vec<u32> = (1..=numbers.len() as u32).collect();
            prop_assert_eq!(numbers, &expected, "attempts of {} are not 1..n", id);
        }
    }

    #[test]
    fn an_ordered_lane_delivers_in_order(ops in proptest::collection::vec(op(), 1..250)) {
        let mut world = World::new(true, 4, false);
        run(&mut world, &ops);
        let order: Vec<_> = world.committed.iter().filter(|id| !world.cancelled.contains(id)).copied().collect();
        prop_assert_eq!(&world.delivered, &order);
    }
}

#[test]
fn rows_of_an_unclean_end_are_claimed_before_they_are_sent() {
    let mut world = World::new(false, 4, true);
    world.now = START.minus(Duration::from_secs(60));
    for _ in 0..6 {
        world.commit(0);
    }
    world.mail.clear();
    world.now = START;
    world.step(Input::Configure(Arc::clone(&world.webhook)));
    for _ in 0..2 {
        world.run_read();
        world.return_read();
    }
    assert!(world.wire.is_empty(), "nothing is sent before its claim is committed");
    world.commit_write();
    world.deliver_mail();
    assert_eq!(world.wire.len(), 1);
    world.settle();
    assert_eq!(world.delivered.len(), 6);
}

#[test]
fn a_row_found_in_flight_three_times_is_given_up_and_others_flow() {
    let mut world = World::new(false, 4, true);
    world.now = START.minus(Duration::from_secs(60));
    for _ in 0..3 {
        world.commit(0);
    }
    world.mail.clear();
    world.now = START;
    let poison = world.committed[1];
    world.stored.values_mut().filter(|row| row.id == poison).for_each(|row| row.claims = 2);
    world.step(Input::Configure(Arc::clone(&world.webhook)));
    world.settle();
    assert!(!world.started.contains_key(&poison));
    assert_eq!((world.delivered.len(), world.cancelled.len()), (2, 1));
}

#[test]
fn a_deleted_webhook_s_rows_are_cancelled_without_an_attempt() {
    let mut world = World::new(false, 4, false);
    world.webhook = webhook(false, WebhookStatus::Paused, 1);
    for _ in 0..20 {
        world.commit(0);
    }
    while !world.mail.is_empty() {
        world.deliver_mail();
    }
    let deleted = webhook(false, WebhookStatus::Deleted, 2);
    world.step(Input::Configure(deleted));
    world.settle();
    assert_eq!((world.started.len(), world.cancelled.len()), (0, 20));
}

#[test]
fn never_more_on_the_wire_than_the_webhook_allows() {
    let mut world = World::new(false, 64, false);
    for _ in 0..40 {
        world.commit(0);
    }
    let mut most = 0;
    for _ in 0..2_000 {
        world.deliver_mail();
        most = most.max(world.wire.len());
        if world.wire.len() >= 3 || world.mail.is_empty() {
            world.end_attempt(1, false);
        }
        world.commit_write();
    }
    assert_eq!((most, world.delivered.len()), (3, 40));
}
