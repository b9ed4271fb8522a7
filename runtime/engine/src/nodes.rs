//! The kinds of steps: what each is to the planner (`plan`), and what it does to rows. Nothing outside this folder knows them.
//!
//! | module | holds |
//! |---|---|
//! | `source`, `sink` | rows in and out, by connectors |
//! | `operators`, `component` | steps that run one component, and what its two worlds share |
//! | `transform`, `keyed` | the two worlds |
//! | `filter`, `select`, `expressions`, `expression_step` | steps that evaluate expressions, and what both share |
//! | `listed_columns` | the lists of columns of selects and sinks |
//! | [`window`] | windows and their aggregates |
//! | [`join`] | joins of two streams |
//! | `aggregates` | aggregates per key without a window |
//! | `dedup` | one row per key |
//! | `top` | the first rows of each key in an order |
//! | `rolling` | aggregates over the rows before each row |
//! | `filtered` | conditions of aggregates |
//! | `lives` | keys that are forgotten after a time without rows |
//! | `changelog` | updating streams of rows that describe changes |
//! | `changes` | rows of updating streams in the making |
//! | `step_times` | the event times that a step's own column says |
//! | `units_of_time` | what checkpoints say of windows, frames and joins, for people |
//! | `delta`, `comparison` | what an answer makes of rows, and how the answers of two versions differ |
//! | `dead_letter`, `meter`, `distinct` | rows that were refused, calls that are counted, the keys of a call |
//! | `part` | when rows that are processed apart have made enough for once |

pub(crate) mod aggregates;
pub(crate) mod changelog;
mod changes;
pub(crate) mod comparison;
pub(crate) mod component;
pub(crate) mod dead_letter;
pub(crate) mod dedup;
pub(crate) mod delta;
pub(crate) mod distinct;
mod expression_step;
pub(crate) mod expressions;
pub(crate) mod filter;
mod filtered;
pub mod join;
pub(crate) mod keyed;
pub(crate) mod listed_columns;
mod lives;
pub(crate) mod meter;
pub(crate) mod operators;
pub(crate) mod part;
pub(crate) mod rolling;
mod row_table;
pub(crate) mod select;
pub(crate) mod sink;
pub(crate) mod source;
pub(crate) mod step_times;
pub(crate) mod top;
pub(crate) mod transform;
mod units_of_time;
pub mod window;

use weir_core::connector::Connectors;
use weir_core::graph::LogicalGraph;
use weir_host::Host;

use crate::plan::error::CheckErrors;
use crate::plan::job::Job;
use crate::plan::registry::StepKinds;

/// Every kind of step that there is.
#[must_use]
pub fn step_kinds() -> StepKinds {
    StepKinds::default()
        .with(source::SourceKind)
        .with(operators::OperatorKind)
        .with(filter::plan::FilterKind)
        .with(select::plan::SelectKind)
        .with(window::plan::WindowKind)
        .with(join::plan::JoinsKind)
        .with(changelog::plan::ChangelogKind)
        .with(aggregates::plan::AggregatesKind)
        .with(dedup::plan::DedupKind)
        .with(top::plan::TopKind)
        .with(rolling::plan::RollingKind)
        .with(sink::plan::SinkKind)
}

impl Job {
    /// As [`Job::check_with`], with every kind of step that there is.
    ///
    /// # Errors
    /// What does not fit, with its places in the pipeline file.
    pub fn check(graph: &LogicalGraph, connectors: &dyn Connectors, host: &Host) -> Result<Self, CheckErrors> {
        Self::check_with(graph, connectors, host, &step_kinds())
    }

    /// As [`Job::mistakes_with`], with every kind of step that there is.
    pub fn mistakes(readable: &LogicalGraph, connectors: &dyn Connectors, host: &Host) -> CheckErrors {
        Self::mistakes_with(readable, connectors, host, &step_kinds())
    }
}
