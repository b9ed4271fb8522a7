//! What the planner knows of a source: the connector that was opened, and which of its columns is the event time. Reads nothing.

use std::sync::Arc;

use weir_core::connector::{Source, Split};
use weir_core::graph::SourceNode;
use weir_core::time::WatermarkStrategy;

/// A source that was opened.
pub struct SourcePlan {
    pub(crate) node: SourceNode,
    pub(crate) source: Arc<dyn Source>,
    /// The column with the event time.
    pub(crate) event_time: Option<usize>,
    pub(crate) splits: Vec<Split>,
}

impl SourcePlan {
    /// The column with the event time; empty: there is none.
    pub(crate) fn event_time_column(&self) -> &str {
        self.node.event_time.as_ref().map_or("", |column| &column.value)
    }

    /// How its watermarks follow.
    pub(crate) fn watermark(&self) -> WatermarkStrategy {
        match (self.node.watermark, self.event_time) {
            (Some(strategy), _) => strategy,
            // Rows arrive in order.
            (None, None) => WatermarkStrategy::Monotonic,
            (None, Some(_)) => self.source.default_watermark(),
        }
    }
}
