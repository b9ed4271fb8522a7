//! What the planner knows of a source: the connector that was opened, and which of its columns is the event time. Reads nothing.

use std::sync::Arc;

use weir_core::connector::{Source, Split};
use weir_core::graph::SourceNode;
use weir_core::time::WatermarkStrategy;

use crate::dataflow::source::EventTimeReader;

/// A source that was opened.
pub struct SourcePlan {
    pub(crate) node: SourceNode,
    pub(crate) source: Arc<dyn Source>,
    /// The column with the event time, and how it is read.
    pub(crate) event_time: Option<(usize, EventTimeReader)>,
    pub(crate) splits: Vec<Split>,
}

impl SourcePlan {
    /// The column with the event time, in words; empty: there is none.
    pub(crate) fn event_time_column(&self) -> String {
        self.node.event_time.as_ref().map_or_else(String::new, ToString::to_string)
    }

    /// How its watermarks follow.
    pub(crate) fn watermark(&self) -> WatermarkStrategy {
        match (self.node.watermark, &self.event_time) {
            (Some(strategy), _) => strategy,
            // Rows arrive in order.
            (None, None) => WatermarkStrategy::Monotonic,
            (None, Some(_)) => self.source.default_watermark(),
        }
    }
}
