//! Wishes that come at awkward moments, and attempts that could not be begun.

use tokio::sync::oneshot;

use super::*;

fn withdraw(world: &mut World, index: usize) -> Withdrew {
    let (reply, mut answer) = oneshot::channel();
    let delivery = world.committed[index];
    world.step(Input::Withdraw(world.key(), delivery, reply));
    answer.try_recv().expect("answered in the step")
}

fn world_with(ordered: bool, rows: usize) -> World {
    let mut world = World::new(ordered, 8, false);
    for _ in 0..rows {
        world.commit(0);
    }
    while !world.mail.is_empty() {
        world.deliver_mail();
    }
    world
}

#[test]
fn e16_a_cancel_that_comes_while_a_failure_is_written_holds() {
    let mut world = world_with(false, 1);
    world.end_attempt(0, true);
    assert_eq!(withdraw(&mut world, 0), Withdrew::InFlight, "its outcome is on its way");
    world.settle();
    assert_eq!((world.delivered.len(), world.cancelled.len()), (0, 1));
    assert_eq!(world.started[&world.committed[0]], [1], "no attempt after the cancel was acknowledged");
}

#[test]
fn e5_the_next_of_an_ordered_lane_waits_until_the_cancel_of_the_head_is_committed() {
    let mut world = world_with(true, 2);
    world.end_attempt(0, true);
    world.commit_write();
    while !world.mail.is_empty() {
        world.deliver_mail();
    }
    assert_eq!(withdraw(&mut world, 0), Withdrew::Waiting, "the head waits for its retry");
    world.step(Input::Wake);
    assert!(world.wire.is_empty(), "the end of the head is not committed");
    let head = world.committed[0];
    world.stored.retain(|_, row| row.id != head);
    world.cancelled.insert(head);
    world.step(Input::Withdrawn(world.key(), head));
    assert_eq!(world.wire.len(), 1);
    world.settle();
    assert_eq!(world.delivered, [world.committed[1]]);
}

#[test]
fn an_attempt_that_could_not_be_begun_is_no_outcome_and_is_made_later() {
    for ordered in [false, true] {
        let mut world = world_with(ordered, 3);
        let (delivery, _) = world.wire.remove(0);
        world.step(Input::NotStarted(world.webhook.id, delivery));
        // The number is used again: nothing was recorded.
        world.started.clear();
        world.settle();
        assert_eq!(world.delivered.len(), 3);
        assert_eq!(world.started.get(&delivery), Some(&vec![1]));
    }
}
