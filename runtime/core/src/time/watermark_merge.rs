//! The watermark of several channels: the least of those that are alive and not idle. Never sees a row.

use super::{WATERMARK_MAX, WATERMARK_MIN};

/// Merges the watermarks of channels by the rules of Flink's `StatusWatermarkValve` (2.x): the result never goes back; an idle
/// channel does not hold it back, and takes part again only once it has caught up with what was said without it; when all are
/// idle the result rises to the most advanced of them, and is idle.
#[derive(Clone, Debug)]
pub struct WatermarkMerger {
    channels: Vec<Channel>,
    emitted: i64,
    idle: bool,
}

#[derive(Clone, Copy, Debug)]
struct Channel {
    watermark: i64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Takes part in the minimum.
    Aligned,
    /// Was idle and has not caught up with the result yet.
    CatchingUp,
    Idle,
    Ended,
}

/// What changed for those downstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merged {
    /// Nothing.
    Unchanged,
    /// The watermark has risen to this.
    Watermark(i64),
    /// Every channel that has not ended is idle.
    Idle {
        /// What the watermark has risen to just before, if it has: no channel holds the most advanced one back any more.
        risen_to: Option<i64>,
    },
    /// Some channel is active again, at the watermark that was said before.
    Active,
}

impl WatermarkMerger {
    /// Channels that have said nothing yet.
    #[must_use]
    pub fn new(channels: usize) -> Self {
        let start = Channel { watermark: WATERMARK_MIN, state: State::Aligned };
        Self { channels: vec![start; channels], emitted: WATERMARK_MIN, idle: false }
    }

    /// One more channel, which has said nothing yet and holds the result where it is; where all are idle it is idle too.
    pub fn add_channel(&mut self) {
        let state = if self.idle { State::Idle } else { State::Aligned };
        self.channels.push(Channel { watermark: WATERMARK_MIN, state });
    }

    /// Whether every channel that has not ended is idle.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.idle
    }

    /// The watermark that was last said.
    #[must_use]
    pub fn watermark(&self) -> i64 {
        self.emitted
    }

    /// A channel's watermark has risen. One of an idle channel does not count: [`WatermarkMerger::on_active`] comes first.
    pub fn on_watermark(&mut self, channel: usize, watermark: i64) -> Merged {
        let emitted = self.emitted;
        let Some(c) = self.channels.get_mut(channel) else { return Merged::Unchanged };
        if matches!(c.state, State::Idle | State::Ended) || watermark <= c.watermark {
            return Merged::Unchanged;
        }
        c.watermark = watermark;
        if watermark >= emitted {
            c.state = State::Aligned;
        }
        self.rise_to_least()
    }

    /// A channel is idle.
    pub fn on_idle(&mut self, channel: usize) -> Merged {
        let Some(c) = self.channels.get_mut(channel) else { return Merged::Unchanged };
        if matches!(c.state, State::Idle | State::Ended) {
            return Merged::Unchanged;
        }
        c.state = State::Idle;
        self.after_leaving()
    }

    /// A channel has something to say again.
    pub fn on_active(&mut self, channel: usize) -> Merged {
        let emitted = self.emitted;
        let Some(c) = self.channels.get_mut(channel) else { return Merged::Unchanged };
        if c.state != State::Idle {
            return Merged::Unchanged;
        }
        c.state = if c.watermark >= emitted { State::Aligned } else { State::CatchingUp };
        if std::mem::take(&mut self.idle) {
            // Nothing can have risen: when all fell idle the result was that of the most advanced.
            return Merged::Active;
        }
        // It may be ahead of the result while all others that are active are still catching up.
        self.rise_to_least()
    }

    /// A channel is done. After the last one nothing can come: the watermark is [`WATERMARK_MAX`].
    pub fn on_end(&mut self, channel: usize) -> Merged {
        let Some(c) = self.channels.get_mut(channel) else { return Merged::Unchanged };
        c.state = State::Ended;
        if self.channels.iter().all(|c| c.state == State::Ended) {
            return self.rise_to(WATERMARK_MAX);
        }
        self.after_leaving()
    }

    /// A channel no longer takes part. If nobody does, the result is what the most advanced had said, then idle. Ended channels
    /// have no say in that: theirs would be the end of time, and what idle channels bring later would all be late.
    fn after_leaving(&mut self) -> Merged {
        if self.channels.iter().any(|c| matches!(c.state, State::Aligned | State::CatchingUp)) {
            return self.rise_to_least();
        }
        if std::mem::replace(&mut self.idle, true) {
            return Merged::Unchanged;
        }
        let most = self.channels.iter().filter(|c| c.state == State::Idle).map(|c| c.watermark).max();
        match most.map(|most| self.rise_to(most)) {
            Some(Merged::Watermark(risen_to)) => Merged::Idle { risen_to: Some(risen_to) },
            _ => Merged::Idle { risen_to: None },
        }
    }

    fn rise_to_least(&mut self) -> Merged {
        match self.channels.iter().filter(|c| c.state == State::Aligned).map(|c| c.watermark).min() {
            Some(least) => self.rise_to(least),
            None => Merged::Unchanged,
        }
    }

    fn rise_to(&mut self, watermark: i64) -> Merged {
        if watermark <= self.emitted {
            return Merged::Unchanged;
        }
        self.emitted = watermark;
        Merged::Watermark(watermark)
    }
}

#[cfg(test)]
#[path = "watermark_merge_tests.rs"]
mod tests;
