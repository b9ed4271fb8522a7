//! Every sequence of events up to a length is tried, and the rules are checked after each step.

use super::*;

const SUBTASKS: usize = 2;

fn coordinator() -> Coordinator {
    let timing = Timing { interval_us: Some(10), min_pause_us: 3, timeout_us: 20, failures_max: 1 };
    Coordinator::new(timing, SUBTASKS, 0)
}

/// What a shell knows, kept apart from the coordinator.
#[derive(Clone, Default)]
struct Model {
    now_us: i64,
    triggered: u64,
    /// Attempts that were completed or given up.
    over: u64,
    parts: BTreeSet<usize>,
    ended: BTreeSet<usize>,
    /// Those of them that ended before they gave a part to the attempt under way.
    finals: BTreeSet<usize>,
    completing: Option<(u64, bool)>,
    last_done: bool,
    gave_up: bool,
}

impl Model {
    fn event(&mut self, event: Event) {
        match event {
            Event::Part { attempt, subtask } if attempt == self.triggered => {
                self.parts.insert(subtask);
            }
            Event::Ended { subtask } => {
                self.ended.insert(subtask);
                if !self.parts.contains(&subtask) {
                    self.finals.insert(subtask);
                }
            }
            Event::Completed { attempt } if self.completing.map(|c| c.0) == Some(attempt) => {
                self.last_done = self.completing.take().is_some_and(|c| c.1);
                self.over = attempt;
            }
            _ => {}
        }
    }

    fn command(&mut self, command: &Command) {
        assert!(!self.last_done && !self.gave_up, "{command:?} after the end");
        match command {
            Command::Trigger { attempt } => {
                assert_eq!(self.over, attempt - 1, "an attempt begins when the one before is over");
                assert!(self.ended.len() < SUBTASKS, "nobody is there to answer");
                self.triggered = *attempt;
                self.parts.clear();
                self.finals.clone_from(&self.ended);
            }
            Command::Complete { attempt, last } => {
                assert_eq!(self.over, attempt - 1);
                let triggered = self.triggered == *attempt;
                let parts = if triggered { self.parts.clone() } else { BTreeSet::new() };
                let finals = if triggered { &self.finals } else { &self.ended };
                assert_eq!(*last, finals.len() == SUBTASKS, "what came after the barrier does not count");
                let there: BTreeSet<usize> = parts.union(finals).copied().collect();
                assert_eq!(there.len(), SUBTASKS, "a part is missing");
                self.completing = Some((*attempt, *last));
            }
            Command::Abort { attempt, .. } => {
                assert_eq!(self.over, attempt - 1, "an attempt is given up once");
                self.over = *attempt;
                self.completing = None;
            }
            Command::GiveUp { failures } => {
                assert_eq!(*failures, 2);
                self.gave_up = true;
            }
        }
    }
}

fn explore(coordinator: &Coordinator, model: &Model, depth: usize, seen: &mut usize) {
    *seen += 1;
    if depth == 0 {
        return;
    }
    let attempt = coordinator.attempt();
    let mut events = vec![(1, Event::Tick), (9, Event::Tick), (25, Event::Tick), (0, Event::Ask)];
    for subtask in 0..SUBTASKS {
        if !model.ended.contains(&subtask) {
            events.push((0, Event::Part { attempt, subtask }));
            events.push((0, Event::Ended { subtask }));
        }
        events.push((0, Event::Part { attempt: attempt.saturating_sub(1), subtask }));
    }
    events.push((1, Event::PartFailed { attempt }));
    events.push((0, Event::PartFailed { attempt: attempt.saturating_sub(1) }));
    events.push((1, Event::Completed { attempt }));
    events.push((1, Event::NotCompleted { attempt }));
    for (passed, event) in events {
        let (mut coordinator, mut model) = (coordinator.clone(), model.clone());
        model.now_us += passed;
        model.event(event);
        for command in coordinator.handle(model.now_us, event) {
            model.command(&command);
        }
        assert_eq!(coordinator.is_over(), model.last_done || model.gave_up, "after {event:?}");
        check_due(&coordinator, model.now_us);
        explore(&coordinator, &model, depth - 1, seen);
    }
}

/// A caller that sleeps until then misses nothing, and is not woken in vain.
fn check_due(coordinator: &Coordinator, now_us: i64) {
    let tick_at = |us: i64| coordinator.clone().handle(us, Event::Tick);
    let due_us = coordinator.due_us();
    assert!(due_us <= now_us || tick_at(due_us - 1).is_empty(), "before it is due, at {due_us}");
    assert!(due_us == i64::MAX || !tick_at(due_us.max(now_us)).is_empty(), "when it is due, at {due_us}");
}

#[test]
fn the_rules_hold_after_every_sequence_of_events() {
    let mut seen = 0;
    explore(&coordinator(), &Model::default(), 6, &mut seen);
    assert!(seen > 500_000, "{seen}");
}

#[test]
fn checkpoints_keep_their_interval_and_the_pause() {
    let mut c = coordinator();
    assert_eq!(c.handle(9, Event::Tick), []);
    assert_eq!(c.handle(10, Event::Tick), [Command::Trigger { attempt: 1 }]);
    assert_eq!(c.handle(11, Event::Part { attempt: 1, subtask: 1 }), []);
    assert_eq!(c.handle(12, Event::Part { attempt: 1, subtask: 0 }), [Command::Complete { attempt: 1, last: false }]);
    assert_eq!(c.handle(19, Event::Completed { attempt: 1 }), []);
    assert_eq!(c.handle(21, Event::Tick), [], "the pause");
    assert_eq!(c.handle(22, Event::Tick), [Command::Trigger { attempt: 2 }]);
}

#[test]
fn one_that_is_asked_for_while_another_is_under_way_comes_next() {
    let mut c = coordinator();
    assert_eq!(c.handle(10, Event::Tick), [Command::Trigger { attempt: 1 }]);
    assert_eq!(c.handle(11, Event::Ask), []);
    c.handle(11, Event::Part { attempt: 1, subtask: 0 });
    c.handle(11, Event::Part { attempt: 1, subtask: 1 });
    assert_eq!(c.handle(12, Event::Completed { attempt: 1 }), [Command::Trigger { attempt: 2 }]);
}

#[test]
fn an_attempt_that_hangs_is_given_up_and_says_who_was_missing() {
    let mut c = coordinator();
    c.handle(10, Event::Tick);
    c.handle(11, Event::Part { attempt: 1, subtask: 0 });
    let reason = AbortReason::TimedOut { missing: vec![1] };
    assert_eq!(c.handle(31, Event::Tick), [Command::Abort { attempt: 1, reason }]);
    assert_eq!(c.handle(32, Event::Part { attempt: 1, subtask: 1 }), [], "too late");
    assert_eq!(c.handle(31 + RETRY_US, Event::Tick), [Command::Trigger { attempt: 2 }]);
    let reason = AbortReason::PartFailed;
    assert_eq!(
        c.handle(32 + RETRY_US, Event::PartFailed { attempt: 2 }),
        [Command::Abort { attempt: 2, reason }, Command::GiveUp { failures: 2 }]
    );
}

#[test]
fn one_that_somebody_waits_for_is_tried_again_before_the_interval_is_over() {
    let timing = Timing { interval_us: Some(3_600 * RETRY_US), min_pause_us: 0, timeout_us: 20, failures_max: 9 };
    let failed = [Command::Abort { attempt: 1, reason: AbortReason::PartFailed }];
    let mut asked = Coordinator::new(timing, 1, 0);
    assert_eq!(asked.handle(5, Event::Ask), [Command::Trigger { attempt: 1 }]);
    assert_eq!(asked.handle(6, Event::PartFailed { attempt: 1 }), failed);
    assert_eq!(asked.handle(5 + RETRY_US, Event::Tick), []);
    assert_eq!(asked.handle(6 + RETRY_US, Event::Tick), [Command::Trigger { attempt: 2 }]);
    let mut last = Coordinator::new(timing, 1, 0);
    assert_eq!(last.handle(5, Event::Ended { subtask: 0 }), [Command::Complete { attempt: 1, last: true }]);
    last.handle(6, Event::NotCompleted { attempt: 1 });
    assert_eq!(last.handle(6 + RETRY_US, Event::Tick), [Command::Complete { attempt: 2, last: true }]);
}

#[test]
fn subtasks_that_have_ended_need_no_barrier() {
    let mut c = coordinator();
    assert_eq!(c.handle(1, Event::Ended { subtask: 0 }), []);
    assert_eq!(c.handle(10, Event::Tick), [Command::Trigger { attempt: 1 }]);
    assert_eq!(c.handle(11, Event::Ended { subtask: 1 }), [Command::Complete { attempt: 1, last: true }]);
    assert_eq!(c.handle(12, Event::Completed { attempt: 1 }), []);
    assert!(c.is_over());
}

#[test]
fn what_a_subtask_does_between_its_part_and_its_end_is_in_the_next_checkpoint() {
    let mut c = coordinator();
    c.handle(10, Event::Tick);
    c.handle(11, Event::Part { attempt: 1, subtask: 0 });
    assert_eq!(c.handle(11, Event::Ended { subtask: 0 }), []);
    assert_eq!(c.handle(11, Event::Ended { subtask: 1 }), [Command::Complete { attempt: 1, last: false }]);
    assert_eq!(c.handle(12, Event::Completed { attempt: 1 }), [Command::Complete { attempt: 2, last: true }]);
}

#[test]
fn a_job_without_checkpoints_has_one_at_its_end() {
    let timing = Timing { interval_us: None, min_pause_us: 0, timeout_us: 5, failures_max: 0 };
    let mut c = Coordinator::new(timing, 1, 0);
    assert_eq!(c.handle(1_000_000, Event::Tick), []);
    assert_eq!(c.handle(1_000_001, Event::Ended { subtask: 0 }), [Command::Complete { attempt: 1, last: true }]);
}
