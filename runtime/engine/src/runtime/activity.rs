//! What a subtask spends its time on. It reads no clock: its thread tells it the time.

/// What a subtask can be doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activity {
    /// It works, or waits for another system in a sink.
    Busy,
    /// It waits for room in a channel: the subtask after it is slower.
    Backpressured,
    /// It waits for rows.
    Idle,
}

/// How long a subtask has done what.
#[derive(Debug)]
pub(crate) struct Activities {
    /// What it is doing; `None`: that is known afterwards only.
    doing: Option<Activity>,
    since_us: i64,
    spent: Spent,
}

/// Times in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(crate) busy_us: u64,
    pub(crate) backpressured_us: u64,
    pub(crate) idle_us: u64,
}

impl Activities {
    pub(crate) fn new(now_us: i64) -> Self {
        Self { doing: None, since_us: now_us, spent: Spent::default() }
    }

    /// The time since the last call was spent on one thing, and another begins.
    pub(crate) fn pass(&mut self, spent_on: Activity, doing: Option<Activity>, now_us: i64) {
        self.spent.add(spent_on, now_us.saturating_sub(self.since_us));
        (self.doing, self.since_us) = (doing, now_us);
    }

    /// Of the time since the last call, so much was spent on waiting for rows.
    pub(crate) fn waited(&mut self, us: u64) {
        let us = i64::try_from(us).unwrap_or(i64::MAX);
        self.spent.add(Activity::Idle, us);
        self.since_us = self.since_us.saturating_add(us);
    }

    /// All until now, what it is doing included: it may have been waiting for long.
    pub(crate) fn until(&self, now_us: i64) -> Spent {
        let mut spent = self.spent;
        if let Some(doing) = self.doing {
            spent.add(doing, now_us.saturating_sub(self.since_us));
        }
        spent
    }
}

impl Spent {
    fn add(&mut self, to: Activity, us: i64) {
        let sum = match to {
            Activity::Busy => &mut self.busy_us,
            Activity::Backpressured => &mut self.backpressured_us,
            Activity::Idle => &mut self.idle_us,
        };
        *sum = sum.saturating_add(us.max(0).unsigned_abs());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_counts_while_it_lasts_and_nothing_counts_twice() {
        let mut activities = Activities::new(100);
        assert_eq!(activities.until(150), Spent::default(), "what it does is known afterwards");
        activities.pass(Activity::Busy, Some(Activity::Backpressured), 110);
        assert_eq!(activities.until(150), Spent { busy_us: 10, backpressured_us: 40, idle_us: 0 });
        activities.pass(Activity::Backpressured, Some(Activity::Busy), 160);
        activities.pass(Activity::Busy, Some(Activity::Idle), 165);
        activities.pass(Activity::Idle, None, 200);
        activities.waited(60);
        activities.pass(Activity::Busy, None, 270);
        assert_eq!(activities.until(300), Spent { busy_us: 25, backpressured_us: 50, idle_us: 95 });
    }
}
