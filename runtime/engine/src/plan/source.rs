//! What the planner knows of a source: the connector that was opened, and which column is the event time of its rows. Reads nothing.

use std::sync::Arc;

use weir_core::connector::{Source, Split};
use weir_core::graph::{LogicalGraph, Node, SourceNode, StepEventTime};
use weir_core::time::WatermarkStrategy;

use crate::dataflow::source::EventTimeReader;

/// A source that was opened.
pub struct SourcePlan {
    pub(crate) node: SourceNode,
    pub(crate) source: Arc<dyn Source>,
    /// The column with the event time, and how it is read.
    pub(crate) event_time: Option<(usize, EventTimeReader)>,
    /// The column that says watermarks, and how it is read.
    pub(crate) punctuation: Option<(usize, EventTimeReader)>,
    /// Where a later step sets it.
    pub(crate) timed_by: Option<TimedBy>,
    pub(crate) splits: Vec<Split>,
}

/// A step that sets the event time of a source's rows.
pub(crate) struct TimedBy {
    /// Its table in the pipeline file: `operators.NAME`.
    pub(crate) table: String,
    pub(crate) name: String,
    pub(crate) event_time: StepEventTime,
}

impl TimedBy {
    /// The step that sets the event time of the rows of a node, if one does.
    pub(crate) fn of(graph: &LogicalGraph, node: &Node) -> Option<Self> {
        let step = graph.step_that_times(&node.name)?;
        let table = format!("{}.{}", step.kind.section(), step.name);
        Some(Self { table, name: step.name.clone(), event_time: step.event_time.clone()? })
    }
}

impl SourcePlan {
    /// The column with the event time, in words; empty: there is none.
    pub(crate) fn event_time_column(&self) -> String {
        match (&self.timed_by, &self.node.event_time) {
            (Some(TimedBy { name, event_time, .. }), _) => format!("{} of {name}", event_time.column),
            (None, Some(column)) => match &self.node.punctuation {
                Some(said) => format!("{column}, watermarks of {}", said.value),
                None => column.to_string(),
            },
            (None, None) => String::new(),
        }
    }

    /// How its watermarks follow.
    pub(crate) fn watermark(&self) -> WatermarkStrategy {
        let said = self.timed_by.as_ref().and_then(|timed| timed.event_time.watermark).or(self.node.watermark);
        match (said, self.timed_by.is_some() || self.event_time.is_some()) {
            (Some(strategy), _) => strategy,
            // Rows arrive in order.
            (None, false) => WatermarkStrategy::Monotonic,
            (None, true) => self.source.default_watermark(),
        }
    }

    /// After so long without rows a split no longer holds event time back, milliseconds.
    pub(crate) fn idle_after_ms(&self) -> Option<u64> {
        self.timed_by.as_ref().and_then(|timed| timed.event_time.idle_after_ms).or(self.node.idle_after_ms)
    }
}
