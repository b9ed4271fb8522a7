//! The input side of a subtask: makes one stream of several channels. Never touches rows.

use std::collections::VecDeque;

use weir_core::batch::{Barrier, StreamElement};
use weir_core::time::{Merged, WATERMARK_MIN, WatermarkMerger};

use super::incoming::Incoming;
use super::split_times::SplitTimes;

/// Merges the channels of a subtask: watermarks become their minimum, barriers are aligned, ends are counted.
#[derive(Debug)]
pub struct InputGate {
    merger: WatermarkMerger,
    /// Where a later step gives rows their event time: that of each channel, which the watermarks that come by it do not count for.
    times: Option<SplitTimes>,
    /// By channel: the input of the first step that its rows are for.
    ports: Vec<usize>,
    /// By channel: whether it has been idle, or has ended, once.
    caught_up: Vec<bool>,
    channels: Vec<ChannelState>,
    aligning: Option<Barrier>,
    /// The newest attempt whose barrier was aligned: its late barriers are ignored.
    past: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ChannelState {
    Open,
    /// Its barrier has come; what follows belongs to the next snapshot and waits.
    Blocked,
    Ended,
}

/// Channels broke the rules of the stream.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// An element of a channel that cannot send.
    #[error("channel {0} sent an element after its end or its barrier")]
    Closed(usize),
}

impl InputGate {
    /// A gate with these channels: for each, the input of the first step that its rows are for.
    #[must_use]
    pub fn new(ports: Vec<usize>) -> Self {
        Self {
            merger: WatermarkMerger::new(ports.len()),
            times: None,
            caught_up: vec![false; ports.len()],
            channels: vec![ChannelState::Open; ports.len()],
            ports,
            aligning: None,
            past: 0,
        }
    }

    /// A gate before a step that gives rows their event time. `times` is shared with it, and has no split yet.
    #[must_use]
    pub fn timed_later(ports: Vec<usize>, times: SplitTimes) -> Self {
        ports.iter().for_each(|_| times.add(WATERMARK_MIN));
        Self { times: Some(times), ..Self::new(ports) }
    }

    /// Whether elements of this channel may be taken now.
    #[must_use]
    pub fn is_open(&self, channel: usize) -> bool {
        self.channels.get(channel) == Some(&ChannelState::Open)
    }

    /// Whether every channel has ended, or `ends`: its end waits to be taken.
    #[must_use]
    pub fn is_at_end(&self, ends: impl Fn(usize) -> bool) -> bool {
        self.channels.iter().enumerate().all(|(channel, state)| *state == ChannelState::Ended || ends(channel))
    }

    /// Takes the next element of a channel; what follows from it is appended to `out`.
    ///
    /// # Errors
    /// If the channel is not open.
    pub fn take(
        &mut self,
        channel: usize,
        element: StreamElement,
        out: &mut VecDeque<Incoming>,
    ) -> Result<(), GateError> {
        if !self.is_open(channel) {
            return Err(GateError::Closed(channel));
        }
        match element {
            StreamElement::Batch(batch) => {
                let merged = self.on_active(channel);
                self.push_merged(merged, out);
                self.times.iter().for_each(|times| times.set_current(channel));
                out.push_back(Incoming::Rows { input: self.ports.get(channel).copied().unwrap_or_default(), batch });
            }
            StreamElement::Watermark(watermark) => {
                let active = self.on_active(channel);
                match self.times {
                    None => match self.merger.on_watermark(channel, watermark) {
                        Merged::Unchanged => self.push_merged(active, out),
                        risen => self.push_merged(risen, out),
                    },
                    Some(_) => self.push_merged(active, out),
                }
            }
            StreamElement::Idle => {
                self.catch_up(channel, out);
                let merged = match &self.times {
                    None => self.merger.on_idle(channel),
                    Some(times) => times.on_idle(channel),
                };
                self.push_merged(merged, out);
            }
            StreamElement::Barrier(barrier) => self.align(channel, barrier, out),
            StreamElement::End => {
                self.set(channel, ChannelState::Ended);
                self.catch_up(channel, out);
                let merged = match &self.times {
                    None => self.merger.on_end(channel),
                    Some(times) => times.on_end(channel),
                };
                self.push_merged(merged, out);
                // An ended channel has nothing to align: the others decide.
                self.release(out);
                if self.channels.iter().all(|c| *c == ChannelState::Ended) {
                    out.push_back(Incoming::End);
                }
            }
        }
        Ok(())
    }

    /// A channel has brought all that there was at the start. Ignored if the step has one input.
    fn catch_up(&mut self, channel: usize, out: &mut VecDeque<Incoming>) {
        let (Some(input), true) = (self.ports.get(channel).copied(), self.ports.iter().any(|port| *port != 0)) else {
            return;
        };
        if std::mem::replace(&mut self.caught_up[channel], true) {
            return;
        }
        if self.ports.iter().zip(&self.caught_up).all(|(port, caught_up)| *port != input || *caught_up) {
            out.push_back(Incoming::CaughtUp { input });
        }
    }

    fn on_active(&mut self, channel: usize) -> Merged {
        match &self.times {
            None => self.merger.on_active(channel),
            Some(times) => times.on_active(channel),
        }
    }

    fn set(&mut self, channel: usize, state: ChannelState) {
        if let Some(c) = self.channels.get_mut(channel) {
            *c = state;
        }
    }

    fn release(&mut self, out: &mut VecDeque<Incoming>) {
        if self.channels.contains(&ChannelState::Open) {
            return;
        }
        if let Some(barrier) = self.aligning.take() {
            self.past = barrier.attempt;
            self.unblock();
            out.push_back(Incoming::Barrier(barrier));
        }
    }

    /// A newer barrier means that the attempt before it was given up.
    fn align(&mut self, channel: usize, barrier: Barrier, out: &mut VecDeque<Incoming>) {
        let newest = self.aligning.map_or(self.past + 1, |aligning| aligning.attempt);
        if barrier.attempt < newest {
            return;
        }
        if self.aligning.replace(barrier).is_some_and(|aligning| aligning != barrier) {
            self.unblock();
        }
        self.set(channel, ChannelState::Blocked);
        self.release(out);
    }

    fn unblock(&mut self) {
        for c in self.channels.iter_mut().filter(|c| **c == ChannelState::Blocked) {
            *c = ChannelState::Open;
        }
    }

    fn push_merged(&self, merged: Merged, out: &mut VecDeque<Incoming>) {
        match merged {
            Merged::Unchanged => {}
            Merged::Watermark(watermark) => out.push_back(Incoming::Watermark(watermark)),
            Merged::Idle { risen_to } => {
                out.extend(risen_to.map(Incoming::Watermark));
                out.push_back(Incoming::Idle);
            }
            Merged::Active => {
                let watermark = self.times.as_ref().map_or_else(|| self.merger.watermark(), SplitTimes::merged);
                out.push_back(Incoming::Watermark(watermark));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(gate: &mut InputGate, channel: usize, element: StreamElement) -> Vec<String> {
        let mut out = VecDeque::new();
        gate.take(channel, element, &mut out).unwrap();
        out.iter().map(|g| format!("{g:?}")).collect()
    }

    #[test]
    fn a_barrier_waits_for_every_live_channel() {
        let barrier = || StreamElement::Barrier(Barrier { attempt: 1 });
        let mut gate = InputGate::new(vec![0; 3]);
        assert!(said(&mut gate, 0, barrier()).is_empty());
        assert!(!gate.is_open(0) && gate.is_open(1));
        assert!(said(&mut gate, 1, StreamElement::Watermark(5)).is_empty());
        assert!(said(&mut gate, 1, barrier()).is_empty());
        assert_eq!(said(&mut gate, 2, StreamElement::End), ["Barrier(Barrier { attempt: 1 })"]);
        assert!(gate.is_open(0) && gate.is_open(1) && !gate.is_open(2));
        assert_eq!(said(&mut gate, 0, StreamElement::Watermark(9)), ["Watermark(5)"]);
    }

    #[test]
    fn a_barrier_that_was_given_up_holds_nothing_back() {
        let barrier = |attempt| StreamElement::Barrier(Barrier { attempt });
        let mut gate = InputGate::new(vec![0; 3]);
        assert!(said(&mut gate, 0, barrier(1)).is_empty());
        assert!(said(&mut gate, 1, barrier(2)).is_empty());
        assert!(gate.is_open(0) && !gate.is_open(1), "the channel of the old barrier continues");
        assert!(said(&mut gate, 2, barrier(1)).is_empty(), "it came to nothing");
        assert!(gate.is_open(2));
        assert!(said(&mut gate, 0, barrier(2)).is_empty());
        assert_eq!(said(&mut gate, 2, barrier(2)), ["Barrier(Barrier { attempt: 2 })"]);
    }

    #[test]
    fn the_end_comes_after_the_last_watermark() {
        let mut gate = InputGate::new(vec![0; 2]);
        assert!(said(&mut gate, 0, StreamElement::End).is_empty());
        assert_eq!(said(&mut gate, 1, StreamElement::Watermark(7)), ["Watermark(7)"]);
        assert_eq!(said(&mut gate, 1, StreamElement::End), [format!("Watermark({})", i64::MAX).as_str(), "End"]);
    }

    #[test]
    fn an_idle_channel_that_speaks_again_is_heard_downstream() {
        let mut gate = InputGate::new(vec![0; 1]);
        assert_eq!(said(&mut gate, 0, StreamElement::Watermark(7)), ["Watermark(7)"]);
        assert_eq!(said(&mut gate, 0, StreamElement::Idle), ["Idle"]);
        assert_eq!(said(&mut gate, 0, StreamElement::Watermark(7)), ["Watermark(7)"]);
    }
}
