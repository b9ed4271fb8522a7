//! Every sequence of events up to a length, against what must hold of any swap; and the stories one by one.

use super::*;

const PROBATION: Probation = Probation { batches: 2, time_max_us: 100, regressions_max: 0, canary: None };

fn landed(subtask: usize) -> Event {
    Event::Landed { subtask, pause_us: 0 }
}

fn batch(subtask: usize) -> Event {
    Event::Batch { subtask }
}

fn regressed() -> Event {
    Event::Regressed { reason: "it traps".to_owned() }
}

fn failed() -> Event {
    Event::Failed { reason: "no".to_owned() }
}

fn no_return() -> Event {
    Event::NoReturn { reason: "300 is no int8".to_owned() }
}

fn run(swap: &mut Swap, events: &[Event]) -> Phase {
    events.iter().for_each(|event| swap.handle(0, event.clone()));
    swap.phase().clone()
}

#[test]
fn it_is_kept_when_every_subtask_has_had_its_batches() {
    let mut swap = Swap::new(PROBATION, 2, 0);
    assert_eq!(run(&mut swap, &[landed(0), batch(0), batch(0), batch(0)]), Phase::CuttingOver);
    assert_eq!(run(&mut swap, &[landed(1), batch(1)]), Phase::Probation { since_us: 0 });
    assert_eq!(run(&mut swap, &[Event::Durable]), Phase::Probation { since_us: 0 });
    assert_eq!(run(&mut swap, &[batch(1)]), Phase::Done);
    assert_eq!(run(&mut swap, &[regressed(), failed(), Event::RollBack]), Phase::Done);
}

#[test]
fn it_is_kept_only_when_a_checkpoint_holds_it() {
    let mut swap = Swap::new(PROBATION, 1, 0);
    assert_eq!(run(&mut swap, &[landed(0), batch(0), batch(0)]), Phase::Probation { since_us: 0 });
    swap.handle(1_000, Event::Tick);
    assert!(swap.is_open(), "nor does time alone");
    assert_eq!(run(&mut swap.clone(), &[Event::RollBack]), Phase::RolledBack(RollbackReason::Asked));
    assert_eq!(run(&mut swap, &[Event::Durable]), Phase::Done);
    assert!(!swap.is_under_way());
    assert_eq!(run(&mut Swap::new(Probation::NONE, 1, 0), &[landed(0)]), Phase::Done, "it was written down before");
}

/// The old version's state is in the checkpoint before, and nowhere else.
#[test]
fn one_that_gives_up_state_is_kept_by_all_and_over_with_its_checkpoint() {
    let mut swap = Swap::new(PROBATION, 2, 0).giving_up_state();
    assert_eq!(run(&mut swap, &[landed(0)]), Phase::CuttingOver);
    let refused = Event::Refused { reason: "no".to_owned() };
    for undone in [Event::RollBack, regressed(), refused, failed()] {
        let mut swap = swap.clone();
        assert!(matches!(run(&mut swap, &[undone]), Phase::RolledBack(_)) && swap.has_lost_state());
    }
    assert_eq!(run(&mut swap, &[landed(1), Event::RollBack, regressed()]), Phase::Done);
    assert!(swap.is_under_way() && !swap.has_lost_state());
    assert!(matches!(run(&mut swap.clone(), &[failed()]), Phase::RolledBack(_)));
    assert_eq!(run(&mut swap, &[Event::Durable, failed()]), Phase::Done);
    assert!(!swap.is_under_way());
    let mut swap = Swap::new(PROBATION, 2, 0).giving_up_state();
    assert!(matches!(run(&mut swap, &[Event::RollBack]), Phase::RolledBack(_)) && !swap.has_lost_state());
}

#[test]
fn one_failure_is_enough_on_any_subtask_even_before_all_have_it() {
    let why = Phase::RolledBack(RollbackReason::Regressed("it traps".to_owned()));
    assert_eq!(run(&mut Swap::new(PROBATION, 2, 0), &[landed(0), regressed(), landed(1), batch(1)]), why);
    let lenient = Probation { regressions_max: 1, ..PROBATION };
    let mut swap = Swap::new(lenient, 1, 0);
    assert_eq!(run(&mut swap, &[landed(0), regressed()]), Phase::Probation { since_us: 0 });
    assert_eq!(run(&mut swap, &[regressed()]), why);
}

#[test]
fn time_decides_for_a_stream_that_stands_still_but_not_before_the_barrier_is_through() {
    let mut swap = Swap::new(PROBATION, 1, 0);
    swap.handle(1_000, Event::Tick);
    assert_eq!(swap.phase(), &Phase::CuttingOver);
    swap.handle(1_000, landed(0));
    swap.handle(1_099, Event::Durable);
    assert!(swap.is_open());
    swap.handle(1_100, Event::Tick);
    assert_eq!(swap.phase(), &Phase::Done);
}

#[test]
fn what_it_took_is_known_when_the_last_subtask_has_it() {
    let mut swap = Swap::new(PROBATION, 2, 1_000);
    swap.handle(1_500, Event::Landed { subtask: 1, pause_us: 30 });
    assert_eq!(swap.cut_over(), CutOver { took_us: None, pause_max_us: 30 });
    swap.handle(1_700, Event::Landed { subtask: 0, pause_us: 20 });
    swap.handle(1_800, batch(0));
    assert_eq!(swap.cut_over(), CutOver { took_us: Some(700), pause_max_us: 30 });
}

#[test]
fn subtasks_that_end_have_nothing_to_prove() {
    let ended = |subtask| Event::Ended { subtask };
    assert_eq!(run(&mut Swap::new(PROBATION, 2, 0), &[ended(0), landed(1), ended(1)]), Phase::Done);
    assert_eq!(run(&mut Swap::new(PROBATION, 0, 0), &[Event::Tick]), Phase::Done);
}

#[test]
fn without_a_way_back_it_is_kept_at_once_and_the_barrier_comes_to_all() {
    let mut swap = Swap::new(PROBATION, 2, 0);
    assert_eq!(run(&mut swap, &[landed(0), no_return()]), Phase::Done);
    assert_eq!(run(&mut swap, &[Event::RollBack, regressed()]), Phase::Done);
    assert_eq!(swap.no_return(), Some("300 is no int8"));
    assert!(swap.is_under_way() && !swap.is_open(), "one subtask is still to have it");
    assert_eq!((swap.landed(), swap.cut_over().took_us), (1, None));
    swap.handle(70, landed(1));
    assert_eq!((swap.landed(), swap.cut_over().took_us, swap.is_under_way()), (2, Some(70), false));
    assert_eq!(run(&mut swap, &[Event::Refused { reason: "no".to_owned() }, failed()]), Phase::Done);

    // An event that comes too late changes nothing; the phase tells that.
    let mut swap = Swap::new(PROBATION, 2, 0);
    assert_eq!(run(&mut swap, &[landed(0), Event::RollBack, no_return()]), Phase::RolledBack(RollbackReason::Asked));
    assert_eq!((swap.no_return(), swap.is_under_way()), (None, false));
}

#[test]
fn a_point_of_no_return_counts_for_nothing_where_a_subtask_refuses_the_version() {
    for undone in [Event::Refused { reason: "no".to_owned() }, failed()] {
        let mut swap = Swap::new(PROBATION, 2, 0);
        let phase = run(&mut swap, &[landed(0), no_return(), undone]);
        assert!(matches!(phase, Phase::RolledBack(_)), "{phase:?}");
        assert_eq!((swap.no_return(), swap.is_under_way()), (None, false));
    }
}

#[test]
fn a_canary_has_its_own_probation_and_the_rest_follows_at_a_barrier() {
    let canary = Probation { canary: Canary::new(5), ..PROBATION };
    let mut swap = Swap::new(canary, 3, 0).sparing([2]);
    assert_eq!(run(&mut swap, &[landed(0), landed(2), Event::Follow]), Phase::CuttingOver);
    assert_eq!(run(&mut swap, &[landed(1), batch(0), batch(0)]), Phase::Canary { since_us: 0 });
    assert_eq!(run(&mut swap, &[Event::Durable]), Phase::Canary { since_us: 0 });
    assert_eq!(run(&mut swap, &[batch(1), batch(1)]), Phase::Proven, "the third has no share of it");
    assert_eq!(run(&mut swap, &[batch(0), Event::Tick]), Phase::Proven, "until the barrier begins");
    assert_eq!(run(&mut swap, &[Event::Follow, landed(0), batch(0), landed(1)]), Phase::Following);
    assert_eq!(run(&mut swap, &[landed(2)]), Phase::Probation { since_us: 0 });
    assert_eq!(run(&mut swap, &[batch(0), batch(1), batch(1), batch(2)]), Phase::Probation { since_us: 0 });
    assert_eq!(run(&mut swap, &[batch(2)]), Phase::Probation { since_us: 0 }, "until a checkpoint has that barrier");
    assert_eq!(run(&mut swap, &[Event::Durable]), Phase::Done);
}

#[test]
fn a_canary_is_rolled_back_at_any_time_and_one_whose_streams_have_ended_needs_no_barrier() {
    let canary = Probation { canary: Canary::new(5), ..PROBATION };
    let why = Phase::RolledBack(RollbackReason::Regressed("it traps".to_owned()));
    let events = [landed(0), batch(0), batch(0), Event::Follow, landed(0), batch(0)];
    for so_far in 0..=events.len() {
        let mut swap = Swap::new(canary, 1, 0);
        run(&mut swap, &events[..so_far]);
        assert_eq!(run(&mut swap, &[regressed()]), why, "after {so_far}");
    }
    let ended = Event::Ended { subtask: 0 };
    assert_eq!(run(&mut Swap::new(canary, 1, 0), &[landed(0), ended.clone()]), Phase::Done);
    assert_eq!(run(&mut Swap::new(canary, 1, 0), &[landed(0), batch(0), batch(0), ended]), Phase::Done);
}

#[test]
fn every_sequence_of_events_keeps_the_rules() {
    keep_the_rules(&Swap::new(PROBATION, 2, 0), &[]);
    // Proven at once, so that the rest follows soon.
    keep_the_rules(&Swap::new(Probation { batches: 0, canary: Canary::new(50), ..PROBATION }, 2, 0), &[]);
    keep_the_rules(&Swap::new(PROBATION, 2, 0).giving_up_state(), &[]);
}

const ENDED: usize = 4;
const FOLLOW: usize = 10;
const NO_RETURN: usize = 11;
const DURABLE: usize = 12;

/// Resumes from what was said, by its place among the events.
fn keep_the_rules(swap: &Swap, said: &[usize]) {
    let events = [
        landed(0),
        landed(1),
        batch(0),
        batch(1),
        Event::Ended { subtask: 0 },
        Event::Refused { reason: "no".to_owned() },
        regressed(),
        Event::RollBack,
        failed(),
        Event::Tick,
        Event::Follow,
        no_return(),
        Event::Durable,
    ];
    for (index, event) in events.into_iter().enumerate() {
        let mut next = swap.clone();
        next.handle(0, event);
        let said: Vec<usize> = said.iter().copied().chain([index]).collect();
        let has_landed = |from: usize, to: usize| {
            let landed = &said[from..to];
            landed.contains(&1) && (landed.contains(&0) || said[..to].contains(&ENDED))
        };
        let landed = (0..=said.len()).find(|to| has_landed(0, *to));
        let follows = landed.and_then(|landed| Some(landed + said[landed..].iter().position(|s| *s == FOLLOW)?));
        let has_canary = swap.canary().is_some();
        match next.phase() {
            Phase::CuttingOver => assert_eq!(landed, None, "{said:?}"),
            Phase::Canary { .. } | Phase::Proven => assert!(landed.is_some() && has_canary, "{said:?}"),
            Phase::Following => assert!(follows.is_some() && has_canary, "{said:?}"),
            Phase::Done if next.no_return().is_some() => assert!(said.contains(&NO_RETURN), "{said:?}"),
            Phase::Probation { .. } | Phase::Done if has_canary => {
                assert!(follows.is_some_and(|follows| has_landed(follows, said.len())), "{said:?}");
            }
            Phase::Probation { .. } | Phase::Done => assert!(landed.is_some(), "{said:?}"),
            Phase::RolledBack(_) => assert!(said.iter().any(|s| (5..=8).contains(s)), "{said:?}"),
        }
        // The second has ended in none of them, so the last checkpoint is never what is left.
        let is_durable = landed.is_some() && said.contains(&DURABLE);
        if next.phase() == &Phase::Done && !next.is_under_way() && !has_canary && next.no_return().is_none() {
            assert!(is_durable, "{said:?}");
        }
        if !swap.is_under_way() {
            let decided = |swap: &Swap| (swap.phase().clone(), swap.no_return().map(str::to_owned));
            assert_eq!(decided(&next), decided(swap), "what is decided stays: {said:?}");
        }
        if said.len() < 6 {
            keep_the_rules(&next, &said);
        }
    }
}
