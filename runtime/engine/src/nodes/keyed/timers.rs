//! The timers of a keyed operator, of both clocks, and which of them are firing. It looks at no clock: both are passed in.

use std::collections::HashMap;

use weir_core::limits::DUE_TIMERS_MAX;
use weir_core::time::WATERMARK_MAX;
use weir_host::{CallError, TimeDomain};
use weir_state::{Timer, Timers};

use crate::dataflow::operator::Progress;
use crate::error::OperatorError;

/// Timers handed to a component in one call at most. After a call rows downstream get their turn, and a barrier can pass.
const TIMERS_A_CALL_MAX: usize = 8_192;
/// Timers that may fire at the end of the input beyond those that were there: every timer is due then, so an operator that always
/// registers another would never end.
const END_TIMERS_MAX: usize = 1_000_000;

/// The timers of all keys.
///
/// Those of event time fire at a watermark, all that are due, and then those that fire at once because they were registered
/// meanwhile. Those of processing time fire once the engine's clock has reached them, only as many as there were when it did: an
/// operator that always registers another that is due lets rows through in between. At the end of the input no time passes any
/// more, so they do not fire.
#[derive(Debug, Default)]
pub(super) struct KeyedTimers {
    pub(super) event: Timers,
    /// Timers that wait for the next watermark although others are firing: a state was restored from several subtasks of which one
    /// was frozen while its timers fired.
    pub(super) event_after: Timers,
    pub(super) processing: Timers,
    /// While event-time timers are firing.
    event_firing: Option<Firing>,
    /// While processing-time timers are firing.
    processing_firing: Option<Firing>,
    /// How many timers that were due at once each slot has registered, while those of event time fire.
    due_at_once: HashMap<u32, u32>,
}

/// Timers that are firing.
#[derive(Clone, Copy, Debug)]
struct Firing {
    /// Those at or before this time.
    until: i64,
    /// How many still may.
    may_fire: usize,
}

impl KeyedTimers {
    /// Whether a slot has any.
    pub(super) fn contains(&self, slot: u32) -> bool {
        self.event.contains(slot) || self.event_after.contains(slot) || self.processing.contains(slot)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.event.len() + self.event_after.len() + self.processing.len()
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        self.event.memory_bytes() + self.event_after.memory_bytes() + self.processing.memory_bytes()
    }

    /// Refuses timers of a key that has registered too many that were due at once: the watermark would never be passed on.
    pub(super) fn check_due(&self, slots: &[u32], register: &[weir_host::Timers]) -> Result<(), CallError> {
        let is_over = |slot: u32| self.due_at_once.get(&slot).is_some_and(|timers| *timers >= DUE_TIMERS_MAX);
        if !self.due_at_once.is_empty() && self.due(slots, register).any(is_over) {
            return Err(CallError::DueTimers { limit: DUE_TIMERS_MAX });
        }
        Ok(())
    }

    /// The slot of each timer that fires before the watermark is passed on.
    fn due(&self, slots: &[u32], register: &[weir_host::Timers]) -> impl Iterator<Item = u32> {
        let until = self.event_firing.map(|firing| firing.until);
        let of_events = register.iter().filter(move |timers| until.is_some() && timers.domain == TimeDomain::EventTime);
        let timers = of_events.flat_map(|timers| timers.keys.iter().zip(timers.times.iter()));
        timers.filter(move |(_, time)| Some(**time) <= until).map(|(key, _)| slots[*key as usize])
    }

    /// Timers that were taken out fire another time.
    pub(super) fn put_back(&mut self, domain: TimeDomain, timers: &[Timer]) {
        let (into, firing) = match domain {
            TimeDomain::EventTime => (&mut self.event, &mut self.event_firing),
            TimeDomain::ProcessingTime => (&mut self.processing, &mut self.processing_firing),
        };
        timers.iter().for_each(|timer| into.register(*timer));
        if let Some(firing) = firing {
            firing.may_fire = firing.may_fire.saturating_add(timers.len());
        }
    }

    /// Takes the changes of a call whose keys are at these slots: removals first.
    pub(super) fn commit(&mut self, slots: &[u32], delete: &[weir_host::Timers], register: &[weir_host::Timers]) {
        let due: Vec<u32> = self.due(slots, register).collect();
        due.into_iter().for_each(|slot| *self.due_at_once.entry(slot).or_default() += 1);
        for (changes, change) in [(delete, Timers::delete as fn(&mut Timers, Timer)), (register, Timers::register)] {
            for weir_host::Timers { domain, keys, times } in changes {
                let timers = match domain {
                    TimeDomain::EventTime => &mut self.event,
                    TimeDomain::ProcessingTime => &mut self.processing,
                };
                let timer = |(key, time): (&u32, &i64)| Timer { time: *time, slot: slots[*key as usize] };
                keys.iter().zip(times.iter()).map(timer).for_each(|timer| change(timers, timer));
            }
        }
    }

    /// From now on the event-time timers that are due fire.
    pub(super) fn fire_until_watermark(&mut self, watermark: i64) {
        let may_fire = self.event.len().saturating_add(END_TIMERS_MAX);
        self.due_at_once.clear();
        self.event_firing = Some(Firing { until: watermark, may_fire });
    }

    /// From now on the processing-time timers that are due fire, unless the input is at its end.
    pub(super) fn fire_until_now(&mut self, now_us: i64, watermark: i64) {
        let may_fire = self.processing.len();
        self.processing_firing = (watermark < WATERMARK_MAX).then_some(Firing { until: now_us, may_fire });
    }

    /// Whether event-time timers are firing.
    pub(super) fn is_event_firing(&self) -> bool {
        self.event_firing.is_some()
    }

    /// Whether any are firing.
    pub(super) fn is_firing(&self) -> bool {
        self.event_firing.is_some() || self.processing_firing.is_some()
    }

    /// The next timers to fire, all of one clock, each key at most once.
    ///
    /// # Errors
    /// If timers come without end at the end of the input.
    pub(super) fn pop_due(&mut self) -> Result<(TimeDomain, Vec<Timer>), OperatorError> {
        if let Some(Firing { until, may_fire }) = &mut self.event_firing {
            let due = self.event.pop_due(*until, TIMERS_A_CALL_MAX);
            if *until == WATERMARK_MAX && due.len() > *may_fire {
                let reason = "the operator registers timers without end: at the end of the input every timer is due";
                return Err(OperatorError::Call(reason.to_owned()));
            }
            *may_fire = may_fire.saturating_sub(due.len());
            return Ok((TimeDomain::EventTime, due));
        }
        let Some(Firing { until, may_fire }) = &mut self.processing_firing else {
            return Ok((TimeDomain::ProcessingTime, Vec::new()));
        };
        let due = self.processing.pop_due(*until, TIMERS_A_CALL_MAX.min(*may_fire));
        *may_fire -= due.len();
        Ok((TimeDomain::ProcessingTime, due))
    }

    /// After those have fired: whether more have to.
    pub(super) fn fired(&mut self) -> Progress {
        if self.event_firing.is_some_and(|firing| !self.event.is_due(firing.until)) {
            self.event_firing = None;
            self.due_at_once.clear();
            self.event.append(&mut self.event_after);
        }
        let is_over = |firing: &mut Firing| firing.may_fire == 0 || !self.processing.is_due(firing.until);
        self.processing_firing.take_if(is_over);
        if self.is_firing() { Progress::More } else { Progress::Done }
    }

    /// When the earliest processing-time timer is due, if the input is not at its end.
    pub(super) fn deadline(&self, watermark: i64) -> Option<i64> {
        self.processing.first().filter(|_| watermark < WATERMARK_MAX)
    }

    /// The watermark at which the next event-time timer is due.
    pub(super) fn acts_at(&self) -> Option<i64> {
        [self.event.first(), self.event_after.first()].into_iter().flatten().min()
    }
}
