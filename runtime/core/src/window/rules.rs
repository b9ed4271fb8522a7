//! What a window does beyond "one result when its end has passed": when it fires, what a firing does to what it holds, and what is
//! said of it. Never decides when a time has come: the engine's general window operator does.

/// How windows are run. The default is what [`WindowRules::default`] says: one result at the end, and one per late row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowRules {
    /// Which time windows lie in.
    pub clock: WindowClock,
    /// When a window fires.
    pub trigger: Trigger,
    /// Whether a window forgets its rows when it fires.
    pub discarding: bool,
    /// What a firing does to the results before it.
    pub changes: Changes,
    /// Which rows are taken out of a window when it fires.
    pub evictor: Option<Evictor>,
    /// Holds updates back.
    pub suppress: Option<Suppress>,
    /// Columns that say which firing a result is of.
    pub pane: PaneColumns,
    /// The event time of results.
    pub result_time: ResultTime,
}

/// Which time windows lie in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WindowClock {
    /// The event time of rows; it advances with watermarks.
    #[default]
    Event,
    /// When rows are processed.
    Processing,
    /// The event time of rows; it advances with the greatest that was seen, as in Kafka Streams.
    Stream,
}

/// When a window fires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// Whether it fires when its end has passed.
    pub at_end: bool,
    /// Whether it does so without rows that are new, or any.
    pub at_end_if_empty: bool,
    /// Before its end has passed; without [`Trigger::at_end`], always.
    pub early: Option<Firing>,
    /// After its end has passed; `None`: it is closed then.
    pub late: Option<Firing>,
    /// Whether it fires when it closes, if there are rows that no result has.
    pub at_close: bool,
    /// Whether the first firing closes it.
    pub once: bool,
    /// When it is looked at.
    pub look: Look,
}

/// What makes a window fire again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firing {
    /// So many rows since the last firing.
    Rows(u64),
    /// Each multiple of a duration that is passed.
    Every {
        /// Microseconds, more than zero.
        us: i64,
        /// Of which time.
        of: TimeOf,
        /// Also if no row has come since the last firing.
        unchanged: bool,
    },
    /// So long after the first row since the last firing.
    Delay {
        /// Microseconds.
        us: i64,
        /// Of which time.
        of: TimeOf,
    },
}

/// The time that a firing goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeOf {
    /// Event time, or stream time where windows lie in that.
    Event,
    /// Processing time.
    Processing,
}

/// When triggers are looked at that count rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Look {
    /// At each row.
    #[default]
    Row,
    /// After each batch of rows, however many they are.
    Batch,
    /// After each batch of rows, at all windows that there are.
    All,
}

/// What the results of a firing do to those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Changes {
    /// Nothing: they are rows of their own.
    #[default]
    None,
    /// They take the place of the row with the same key and window.
    Upsert,
    /// The row before is taken back first.
    Retract,
}

/// Takes rows out of a window when it fires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evictor {
    /// Which.
    pub evict: Evict,
    /// After the result is made; otherwise before.
    pub after: bool,
}

/// Which rows are taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evict {
    /// All but the last so many, in the order in which they came.
    Rows(u64),
    /// Those that are this much older than the newest, microseconds, or more.
    Time(i64),
    /// Those whose value in [`WindowNode::delta`](crate::graph::WindowNode::delta) is this much less than in the last row, or more.
    Delta(i64),
}

/// Updates that wait, so that only the last of several is given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suppress {
    /// How long after the first of them, microseconds of event or stream time; `None`: until there are too many.
    pub wait_us: Option<i64>,
    /// How many windows wait at most; then the oldest is given out.
    pub rows_max: Option<u64>,
}

/// The names of columns that say which firing a result is of; `None`: there is no such column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PaneColumns {
    /// `early`, `on-time` or `late`, text.
    pub timing: Option<String>,
    /// The number of the firing of its window, from 0.
    pub index: Option<String>,
    /// The number among the firings that were not early, from 0; null if it is early.
    pub final_index: Option<String>,
    /// Whether it is the last of its window.
    pub last: Option<String>,
}

/// The event time of results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResultTime {
    /// The last instant of the window.
    #[default]
    End,
    /// Of the latest row in it.
    Latest,
    /// Of the earliest row since the last firing that did not come late; without one, the last instant of the window.
    Earliest,
}

impl Default for Trigger {
    fn default() -> Self {
        Self {
            at_end: true,
            at_end_if_empty: false,
            early: None,
            late: Some(Firing::Rows(1)),
            at_close: false,
            once: false,
            look: Look::Row,
        }
    }
}

impl Trigger {
    /// Fires always by this, and not at the end.
    #[must_use]
    pub fn each(firing: Firing) -> Self {
        Self { at_end: false, early: Some(firing), late: Some(firing), ..Self::default() }
    }

    /// Fires once, when the window closes.
    #[must_use]
    pub fn on_close() -> Self {
        Self { at_end: false, early: None, late: None, at_close: true, ..Self::default() }
    }
}

impl Default for WindowRules {
    fn default() -> Self {
        Self {
            clock: WindowClock::Event,
            trigger: Trigger::default(),
            discarding: false,
            changes: Changes::None,
            evictor: None,
            suppress: None,
            pane: PaneColumns::default(),
            result_time: ResultTime::End,
        }
    }
}

impl PaneColumns {
    /// The names that are given, in the order of the columns.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        [&self.timing, &self.index, &self.final_index, &self.last].into_iter().flatten()
    }
}
