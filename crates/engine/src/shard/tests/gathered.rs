//! Deliveries that go together (engine rule E23): each is in one batch at a time, retries are of the same batch, and the
//! window runs from the oldest member's acceptance. The clock is the model's.

use stentor_core::batch::Batch;
use stentor_core::time::Time;

use super::*;

const fn rule(size: u32, seconds: u64) -> Batch {
    Batch { size, timeout: Duration::from_secs(seconds), max_bytes: 100_000 }
}

/// Sizes of the batches sent so far, in the order of their first members.
fn batches(world: &World) -> Vec<usize> {
    let mut firsts: Vec<_> = world.sent.values().map(|sent| (sent.members[0], sent.members.len())).collect();
    firsts.sort_unstable();
    firsts.dedup();
    firsts.into_iter().map(|(_, size)| size).collect()
}

fn check(world: &World, size: usize) -> Result<(), TestCaseError> {
    prop_assert_eq!(world.delivered.len() + world.cancelled.len(), world.committed.len());
    prop_assert!(world.sent.values().all(|sent| sent.members.len() <= size));
    prop_assert_eq!((world.permits.0.in_use(), world.state.in_flight()), (0, 0));
    Ok(())
}

fn of_one_type(world: &World) -> bool {
    let kind = |id| &world.contents[id].event_type;
    world.sent.values().all(|sent| sent.members.iter().all(|member| kind(member) == kind(&sent.members[0])))
}

fn crashing() -> impl Strategy<Value = Op> {
    prop_oneof![30 => op(), 1 => Just(Op::Crash)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn each_is_attempted_to_its_end_in_the_same_batch(
        ops in proptest::collection::vec(op(), 1..250), capacity in 2_usize..12, size in 2_u32..6, seconds in 1_u64..9,
    ) {
        let mut world = World::gathering(false, capacity, rule(size, seconds));
        run(&mut world, &ops);
        check(&world, size as usize)?;
        prop_assert!(of_one_type(&world));
        for (id, numbers) in &world.started {
            prop_assert_eq!(numbers, &(1..=numbers.len() as u32).collect::<Vec<_>>(), "attempts of {}", id);
        }
    }

    #[test]
    fn an_ordered_webhook_gets_its_batches_in_order(
        ops in proptest::collection::vec(op(), 1..250), capacity in 2_usize..12, size in 2_u32..6, seconds in 1_u64..9,
    ) {
        let mut world = World::gathering(true, capacity, rule(size, seconds));
        run(&mut world, &ops);
        check(&world, size as usize)?;
        let order: Vec<_> = world.committed.iter().filter(|id| !world.cancelled.contains(id)).copied().collect();
        prop_assert_eq!(&world.delivered, &order);
    }

    /// Whenever processes end: none is lost, and what failed together is sent again together.
    #[test]
    fn no_end_of_a_process_loses_one_or_changes_a_batch_that_failed(
        ops in proptest::collection::vec(crashing(), 1..250), ordered: bool, size in 2_u32..6, seconds in 1_u64..9,
    ) {
        let mut world = World::gathering(ordered, 8, rule(size, seconds));
        run(&mut world, &ops);
        check(&world, size as usize)?;
    }
}

/// Hands over what was committed and performs everything up to now.
fn hand_over(world: &mut World) {
    while !world.mail.is_empty() {
        world.deliver_mail();
    }
}

fn pass_to(world: &mut World, at: Time) {
    while let Some(wake) = world.state.next_wake().filter(|wake| *wake <= at) {
        world.now = world.now.max(wake);
        world.step(Input::Wake);
    }
    world.now = at;
}

#[test]
fn windows_of_ten_and_thirty_seconds_run_from_the_oldest() {
    for seconds in [10, 30] {
        let mut world = World::gathering(false, 64, rule(10, seconds));
        let window = Duration::from_secs(seconds);
        // Three of one type, a second apart: "a", "a", "b", by their numbers.
        for _ in 0..3 {
            world.commit(0);
            hand_over(&mut world);
            let next = world.now.plus(Duration::from_secs(1));
            pass_to(&mut world, next);
        }
        pass_to(&mut world, START.plus(window).minus(Duration::from_millis(1)));
        assert!(world.wire.is_empty(), "nothing before {seconds} s");
        pass_to(&mut world, START.plus(window));
        assert_eq!(world.sent[&world.committed[0]].at, START.plus(window));
        assert_eq!(world.sent[&world.committed[0]].members, world.committed[..2]);
        world.settle();
        let second = &world.sent[&world.committed[2]];
        assert_eq!((second.at, second.members.len()), (START.plus(window + Duration::from_secs(2)), 1));
    }
}

#[test]
fn a_full_batch_does_not_wait() {
    let mut world = World::gathering(true, 64, rule(3, 30));
    for _ in 0..5 {
        world.commit(0);
    }
    hand_over(&mut world);
    // "a", "a", then "b", "b", then "a": the change of type ends the batch.
    assert_eq!(world.sent[&world.committed[0]].members, world.committed[..2]);
    world.settle();
    assert_eq!(batches(&world), [2, 2, 1]);
    assert_eq!(world.delivered, world.committed);
}

#[test]
fn a_window_that_passed_while_nobody_ran_goes_at_once() {
    let mut world = World::gathering(false, 64, rule(10, 30));
    for _ in 0..2 {
        world.commit(0);
    }
    hand_over(&mut world);
    world.now = START.plus(Duration::from_secs(60));
    world.crash();
    for _ in 0..8 {
        world.run_read();
        world.return_read();
        world.commit_write();
        hand_over(&mut world);
    }
    assert_eq!(world.sent[&world.committed[0]].members, world.committed);
}

#[test]
fn a_batch_fails_and_is_retried_as_one_whatever_comes_between() {
    for ordered in [false, true] {
        let mut world = World::gathering(ordered, 64, rule(2, 30));
        for _ in 0..2 {
            world.commit(0);
        }
        hand_over(&mut world);
        assert_eq!((world.wire.len(), world.state.in_flight(), world.permits.0.in_use()), (1, 2, 2));
        let first = world.sent[&world.committed[0]].clone();
        world.end_attempt(0, true);
        world.commit_write();
        hand_over(&mut world);
        assert!(world.stored.values().all(|row| row.batch == Some(first.batch) && row.attempts == 1));
        let due: std::collections::HashSet<_> = world.stored.values().map(|row| row.due_at).collect();
        assert_eq!(due.len(), 1, "one time for all");
        world.crash();
        world.settle();
        let second = &world.sent[&world.committed[1]];
        assert_eq!((second.number, second.batch, &second.members), (2, first.batch, &first.members));
        assert_eq!(world.delivered, world.committed);
    }
}

#[test]
fn what_went_in_a_batch_goes_on_in_it_though_the_webhook_has_none_any_more() {
    let mut world = World::gathering(false, 64, rule(2, 30));
    for _ in 0..2 {
        world.commit(0);
    }
    hand_over(&mut world);
    let first = world.sent[&world.committed[0]].clone();
    world.end_attempt(0, true);
    world.commit_write();
    hand_over(&mut world);
    let mut plain = Webhook::clone(&world.webhook);
    plain.config.batch = None;
    plain.version += 1;
    world.webhook = Arc::new(plain);
    world.step(Input::Configure(Arc::clone(&world.webhook)));
    world.commit(0);
    world.settle();
    let again = &world.sent[&world.committed[1]];
    assert_eq!((again.number, again.batch, &again.members), (2, first.batch, &first.members));
    assert!(!world.sent.contains_key(&world.committed[2]), "a new one goes as the webhook is now");
    assert_eq!(world.delivered.len(), 3);
}

#[test]
fn a_member_that_expires_leaves_the_others_a_batch_of_their_own() {
    let mut world = World::gathering(false, 64, rule(3, 30));
    for _ in 0..6 {
        world.commit(0);
    }
    hand_over(&mut world);
    let first = world.sent[&world.committed[0]].clone();
    assert_eq!(first.members.len(), 3);
    world.end_attempt(0, true);
    world.commit_write();
    let expired = first.members[0];
    world.stored.retain(|(_, id), _| *id != expired);
    world.cancelled.insert(expired);
    world.step(Input::Withdrawn(world.key(), expired));
    for member in &first.members {
        world.sent.remove(member);
    }
    world.settle();
    let left = &world.sent[&first.members[1]];
    assert_eq!((left.number, &left.members[..]), (2, &first.members[1..]));
    assert_ne!(left.batch, first.batch);
    assert_eq!(world.permits.0.in_use(), 0);
}

#[test]
fn claimed_together_and_given_up_together() {
    let mut world = World::gathering(false, 64, rule(2, 30));
    for _ in 0..2 {
        world.commit(0);
    }
    hand_over(&mut world);
    world.end_attempt(0, true);
    world.commit_write();
    // Two ends with the retry in flight: the third claim gives both up.
    for life in 0..3 {
        world.crash();
        for _ in 0..40 {
            let next = world.now.plus(Duration::from_secs(1));
            pass_to(&mut world, next);
            world.run_read();
            world.return_read();
            world.commit_write();
            hand_over(&mut world);
        }
        let claims: Vec<_> = world.stored.values().map(|row| row.claims).collect();
        let expected = if life < 2 { vec![life + 1; 2] } else { vec![] };
        assert_eq!(claims, expected);
    }
    assert_eq!((world.cancelled.len(), world.permits.0.in_use()), (2, 0));
}

#[test]
fn what_was_in_flight_alone_knows_why_it_goes_alone() {
    let mut world = World::gathering(false, 64, rule(2, 30));
    for _ in 0..2 {
        world.commit(0);
    }
    hand_over(&mut world);
    for _ in 0..2 {
        world.crash();
        for _ in 0..10 {
            world.run_read();
            world.return_read();
            world.commit_write();
            hand_over(&mut world);
        }
    }
    // The first new process sent them together, claimed; the second tells which of them ends processes.
    assert!(world.sent.values().any(|sent| sent.members.len() == 1));
    world.settle();
    assert_eq!(world.delivered.len(), 2);
}

#[test]
fn a_wish_does_not_part_a_batch() {
    let mut world = World::gathering(false, 64, rule(2, 30));
    for _ in 0..2 {
        world.commit(0);
    }
    hand_over(&mut world);
    let ask = |world: &mut World, id| {
        let (reply, mut answer) = tokio::sync::oneshot::channel();
        world.step(Input::Withdraw(world.key(), id, reply));
        answer.try_recv().expect("answered in the step")
    };
    let (leader, member) = (world.committed[0], world.committed[1]);
    assert_eq!((ask(&mut world, leader), ask(&mut world, member)), (Withdrew::InBatch, Withdrew::InBatch));
    world.settle();
    assert_eq!(world.delivered.len(), 2);
}
