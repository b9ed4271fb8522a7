//! The watermark of several channels: the least of those that are alive and not idle.

use super::{WATERMARK_MAX, WATERMARK_MIN};

/// Merges the watermarks of channels, in Flink's semantics: the result never goes back; an idle channel does not hold it back,
/// and takes part again only once it has caught up; when all are idle the result is idle.
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
    /// Every channel is idle.
    Idle,
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
        if c.state == State::CatchingUp && watermark >= emitted {
            c.state = State::Aligned;
        }
        self.least()
    }

    /// A channel has nothing to say for now.
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
        if std::mem::take(&mut self.idle) { Merged::Active } else { Merged::Unchanged }
    }

    /// A channel is done. After the last one nothing can come: the watermark is [`WATERMARK_MAX`].
    pub fn on_end(&mut self, channel: usize) -> Merged {
        if let Some(c) = self.channels.get_mut(channel) {
            c.state = State::Ended;
        }
        if self.channels.iter().all(|c| c.state == State::Ended) {
            return self.rise_to(WATERMARK_MAX);
        }
        self.after_leaving()
    }

    /// A channel no longer takes part. If nobody does, the result is what the most advanced had said, then idle.
    fn after_leaving(&mut self) -> Merged {
        let live = |c: &&Channel| matches!(c.state, State::Aligned | State::CatchingUp);
        if self.channels.iter().any(|c| live(&c)) {
            return self.least();
        }
        if self.idle {
            return Merged::Unchanged;
        }
        self.idle = true;
        let most = self.channels.iter().filter(|c| c.state == State::Idle).map(|c| c.watermark).max();
        self.emitted = self.emitted.max(most.unwrap_or(self.emitted));
        Merged::Idle
    }

    fn least(&mut self) -> Merged {
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
