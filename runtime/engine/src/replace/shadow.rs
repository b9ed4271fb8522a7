//! A version of a component that is called beside the one that runs, and whose answers are compared and dropped. Nothing of it
//! reaches the stream but the time that its calls take.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use weir_core::limits::{SHADOW_EXAMPLES_MAX, SHADOW_FAILURES_MAX, SHADOW_PAIRS_MAX};
use weir_core::time::Clock;
use weir_host::Failure;

use crate::error::OperatorError;

/// A shadow run as all subtasks of its job see it.
#[derive(Clone)]
pub struct SharedShadow {
    report: Arc<Mutex<ShadowReport>>,
    clock: Arc<dyn Clock>,
    until_us: i64,
}

/// What a shadow run has found so far.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ShadowReport {
    /// Subtasks that are to run the new version beside the old one.
    pub subtasks: usize,
    /// Those that do, or did.
    pub landed: usize,
    /// Output rows of the old version or of the new one that were compared, in the columns that others read. Of rows that the
    /// old one refuses there are none.
    pub rows: u64,
    /// Those that differ, or that only one of the two made.
    pub rows_differing: u64,
    /// States of keys after a call that were compared, with the timers that the call set.
    pub states: u64,
    /// Those that differ.
    pub states_differing: u64,
    /// States of an operator were not compared: the two versions keep them in different layouts.
    pub layouts_differ: bool,
    /// Calls that the new version failed at and the old one not; their rows were not compared.
    pub failures: u64,
    /// Why it failed last.
    pub failure: Option<String>,
    /// It was given up for its failures.
    pub given_up: bool,
    /// It was stopped.
    pub stopped: bool,
    /// How many rows, and states, differ in which way. A row whose columns differ in two of them is in both.
    #[serde(skip)]
    pub kinds: BTreeMap<KindOfDifference, u64>,
    /// Some of what differs.
    pub differences: Vec<Difference>,
}

/// In which way two answers differ, as far as rows are counted by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KindOfDifference {
    /// The operator.
    pub operator: String,
    /// The output, by its name; or `state`.
    pub part: String,
    /// What differs.
    pub change: Change,
}

/// What differs between two answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// A column has this value in the old answer, and that one in the new.
    Value {
        /// The column.
        column: String,
        /// The value of the version that runs.
        old: String,
        /// The value of the other.
        new: String,
    },
    /// A column has more pairs of values than are counted one by one.
    Values {
        /// The column.
        column: String,
    },
    /// Only the version that runs makes the row.
    OnlyOld,
    /// Only the other makes the row.
    OnlyNew,
}

impl Change {
    /// The column; `None`: the row as a whole.
    #[must_use]
    pub fn column(&self) -> Option<&str> {
        match self {
            Self::Value { column, .. } | Self::Values { column } => Some(column),
            Self::OnlyOld | Self::OnlyNew => None,
        }
    }
}

impl ShadowReport {
    /// Adds what differs. Which columns have one count for all their values does not depend on the order of calls.
    fn count(&mut self, operator: &str, part: &str, changes: BTreeMap<Change, u64>) {
        let kind = |change| KindOfDifference { operator: operator.to_owned(), part: part.to_owned(), change };
        for (change, rows) in changes {
            let column = change.column().map(str::to_owned);
            let is_values = matches!(change, Change::Values { .. });
            let own = kind(change);
            if let Some(counted) = self.kinds.get_mut(&own) {
                *counted += rows;
                continue;
            }
            let Some(column) = column else {
                self.kinds.insert(own, rows);
                continue;
            };
            let values = kind(Change::Values { column: column.clone() });
            if let Some(counted) = self.kinds.get_mut(&values) {
                *counted += rows;
                continue;
            }
            self.kinds.insert(own, rows);
            let is_of = |of: &KindOfDifference| {
                of.operator == operator && of.part == part && of.change.column() == Some(column.as_str())
            };
            if is_values || self.kinds.keys().filter(|of| is_of(of)).count() > SHADOW_PAIRS_MAX {
                let all = self.kinds.extract_if(.., |of, _| is_of(of)).map(|(_, rows)| rows).sum();
                self.kinds.insert(values, all);
            }
        }
    }
}

/// One difference between what two versions of an operator make of the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The operator.
    pub operator: String,
    /// The output, by its name; or `state`.
    pub part: String,
    /// Of a keyed operator, the columns of the row's key.
    pub key: Option<String>,
    /// The column; `None`: only one of the two makes the row, and what follows is the whole row.
    pub column: Option<String>,
    /// What the version that runs makes; `None`: it makes no such row.
    pub old: Option<String>,
    /// What the other makes; `None`: it makes no such row.
    pub new: Option<String>,
}

impl SharedShadow {
    pub(crate) fn new(subtasks: usize, clock: Arc<dyn Clock>, until_us: i64) -> Self {
        let report = ShadowReport { subtasks, ..ShadowReport::default() };
        Self { report: Arc::new(Mutex::new(report)), clock, until_us }
    }

    /// What it has found so far.
    #[must_use]
    pub fn report(&self) -> ShadowReport {
        self.lock().clone()
    }

    /// Whether calls are still compared: its time is not over, and it was neither stopped nor given up.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let ShadowReport { given_up, stopped, .. } = *self.lock();
        !given_up && !stopped && self.clock.now_us() < self.until_us
    }

    /// Ends it now.
    pub fn stop(&self) {
        self.lock().stopped = true;
    }

    pub(crate) fn landed(&self) {
        self.lock().landed += 1;
    }

    fn lock(&self) -> MutexGuard<'_, ShadowReport> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for SharedShadow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.lock().fmt(f)
    }
}

/// An operator's place in a shadow run.
#[derive(Clone, Debug)]
pub struct ShadowParticipant {
    pub(crate) shadow: SharedShadow,
    /// The operator's name.
    pub(crate) operator: String,
}

/// A new version of what `G` is, beside the one that runs.
pub(crate) struct Shadow<G> {
    pub(crate) guest: G,
    participant: ShadowParticipant,
}

/// How two answers differ.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    /// Rows that at least one of them has.
    pub(crate) rows: u64,
    /// Those that are not the same in both.
    pub(crate) differing: u64,
    /// Of those how many in which way.
    pub(crate) changes: BTreeMap<Change, u64>,
    /// Some of them.
    pub(crate) examples: Vec<Difference>,
}

/// What is compared, and how many examples are wanted.
#[derive(Clone, Copy)]
pub(crate) struct Comparer<'a> {
    pub(crate) operator: &'a str,
    pub(crate) part: &'a str,
    /// The key of an input, as text; called for examples only.
    pub(crate) key: Option<&'a dyn Fn(u32) -> String>,
    pub(crate) examples_max: usize,
}

/// What is found in one call.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// By output, with its name.
    pub(crate) rows: Vec<(String, Comparison)>,
    pub(crate) states: Comparison,
    /// States cannot be compared.
    pub(crate) layouts_differ: bool,
}

impl<G> Shadow<G> {
    pub(crate) fn new(guest: G, participant: ShadowParticipant) -> Self {
        Self { guest, participant }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.participant.shadow.is_open()
    }

    /// Has the new version called and compared; a failure only counts.
    pub(crate) fn compare(
        &mut self,
        compare: impl FnOnce(&mut G, Comparer<'_>) -> Result<Found, Failure<OperatorError>>,
    ) {
        let ShadowParticipant { shadow, operator } = &self.participant;
        let examples_max = SHADOW_EXAMPLES_MAX.saturating_sub(shadow.lock().differences.len());
        let found = compare(&mut self.guest, Comparer { operator, part: "", key: None, examples_max });
        let report = &mut *shadow.lock();
        match found {
            Ok(Found { rows, states, layouts_differ }) => {
                report.layouts_differ |= layouts_differ;
                report.states += states.rows;
                report.states_differing += states.differing;
                for (_, Comparison { rows, differing, .. }) in &rows {
                    report.rows += rows;
                    report.rows_differing += differing;
                }
                for (part, found) in rows.into_iter().chain([("state".to_owned(), states)]) {
                    report.count(operator, &part, found.changes);
                    for example in found.examples {
                        if !report.differences.contains(&example) {
                            report.differences.push(example);
                        }
                    }
                }
                report.differences.truncate(SHADOW_EXAMPLES_MAX);
            }
            Err(failure) => {
                let (is_last, reason) = match failure {
                    // The stream has stood still for as long as a call may take: not a second time.
                    Failure::Guest(error) => (error.is_fatal() || error.is_time_out(), error.to_string()),
                    Failure::Fatal(error) => (true, error.to_string()),
                };
                report.failures += 1;
                report.failure = Some(reason);
                report.given_up |= is_last || report.failures >= SHADOW_FAILURES_MAX;
            }
        }
    }
}
