//! Every sequence of events up to a length, against what must hold of any swap; and the stories one by one.

use super::*;

const PROBATION: Probation = Probation { batches: 2, time_max_us: 100, regressions_max: 0 };

fn landed(subtask: usize) -> Event {
    Event::Landed { subtask, pause_us: 0 }
}

fn batch(subtask: usize) -> Event {
    Event::Batch { subtask }
}

fn regressed() -> Event {
    Event::Regressed { reason: "it traps".to_owned() }
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
    assert_eq!(run(&mut swap, &[batch(1)]), Phase::Done);
    assert_eq!(run(&mut swap, &[regressed(), Event::RollBack]), Phase::Done);
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
    swap.handle(1_099, Event::Tick);
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
fn every_sequence_of_events_keeps_the_rules() {
    let events = [
        landed(0),
        landed(1),
        batch(0),
        batch(1),
        Event::Ended { subtask: 0 },
        Event::Refused { reason: "no".to_owned() },
        regressed(),
        Event::RollBack,
        Event::Failed { reason: "no".to_owned() },
        Event::Tick,
    ];
    let mut sequences = vec![(Swap::new(PROBATION, 2, 0), Vec::<usize>::new())];
    for _ in 0..6 {
        let mut longer = Vec::new();
        for (swap, said) in &sequences {
            for (index, event) in events.iter().enumerate() {
                let mut next = swap.clone();
                next.handle(0, event.clone());
                let said: Vec<usize> = said.iter().copied().chain([index]).collect();
                let all_landed = (0..2).all(|s| said.contains(&s) || (s == 0 && said.contains(&4)));
                match next.phase() {
                    Phase::CuttingOver => assert!(!all_landed, "{said:?}"),
                    Phase::Probation { .. } | Phase::Done => assert!(all_landed, "{said:?}"),
                    Phase::RolledBack(_) => assert!(said.iter().any(|s| (5..=8).contains(s)), "{said:?}"),
                }
                if !swap.is_open() {
                    assert_eq!(next.phase(), swap.phase(), "what is decided stays: {said:?}");
                }
                longer.push((next, said));
            }
        }
        sequences = longer;
    }
}
