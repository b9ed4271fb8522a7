//! Which column of a source, or of a step behind it, is the event time, and how its values say it. Converts nothing.

use std::fmt;

use arrow::datatypes::TimeUnit;

use super::{LogicalGraph, MAIN_OUTPUT, Node, NodeKind};
use crate::diagnostic::Diagnostic;
use crate::span::Spanned;
use crate::time::WatermarkStrategy;

/// `event-time`, of a source or of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventTimeColumn {
    /// Its name.
    pub column: Spanned<String>,
    /// How its values say the time.
    pub form: EventTimeForm,
}

impl fmt::Display for EventTimeColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.column.value)?;
        match &self.form {
            // An int64 is milliseconds by itself.
            EventTimeForm::Typed | EventTimeForm::Count(TimeUnit::Millisecond) => Ok(()),
            EventTimeForm::Count(unit) => write!(f, " in {unit}"),
            EventTimeForm::Text(format) => write!(f, " as {format}"),
        }
    }
}

/// `event-time` and `watermark` of a step that makes the column of the event time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepEventTime {
    /// The column.
    pub column: EventTimeColumn,
    /// How watermarks follow, per split of the source; `None`: as the source says (`Source::default_watermark`).
    pub watermark: Option<WatermarkStrategy>,
    /// As `SourceNode::idle_after_ms`.
    pub idle_after_ms: Option<u64>,
}

/// How the values of a column say a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EventTimeForm {
    /// By their type: a timestamp, a date, or an int64 of milliseconds.
    #[default]
    Typed,
    /// Whole numbers of these since 1970.
    Count(TimeUnit),
    /// Text that is written in this way, in the placeholders of strftime.
    Text(String),
}

impl LogicalGraph {
    /// By node: the step behind it, by index, that gives its rows their event time. Between the two are only steps that keep nothing
    /// and hand on rows as they come.
    ///
    /// # Errors
    /// If a step would give an event time to rows that have one, or a window would take rows before they have theirs.
    pub fn timed_by(&self) -> Result<Vec<Option<usize>>, Diagnostic> {
        let mut timed_by: Vec<Option<usize>> = vec![None; self.nodes.len()];
        for (step, node) in self.nodes.iter().enumerate() {
            let Some(event_time) = &node.event_time else { continue };
            let refuse = |message: String| Diagnostic::error(message, event_time.column.column.span.clone());
            if self.keeps_rows(step) {
                let message =
                    format!("{:?} is keyed, and cannot set the event time: set it on a step before it", node.name);
                return Err(refuse(message));
            }
            let mut above: Vec<usize> = node.inputs.iter().map(|input| input.node).collect();
            while let Some(index) = above.pop() {
                let other = &self.nodes[index];
                let of_source = matches!(&other.kind, NodeKind::Source(source) if source.event_time.is_some());
                if self.keeps_rows(index) || other.event_time.is_some() || of_source {
                    let message =
                        format!("the rows of {:?} already have an event time, from {:?}", node.name, other.name);
                    return Err(refuse(message));
                }
                match timed_by[index].replace(step) {
                    None => above.extend(other.inputs.iter().map(|input| input.node)),
                    Some(first) if first == step => {}
                    Some(first) => {
                        let first = &self.nodes[first].name;
                        let message = format!(
                            "{first:?} sets the event time of the rows of {:?}, and so would {:?}: let each of them read its own source",
                            other.name, node.name
                        );
                        return Err(refuse(message));
                    }
                }
            }
        }
        self.check_untimed(&timed_by)?;
        Ok(timed_by)
    }

    /// The step behind a node, by its name, that gives its rows their event time, as [`LogicalGraph::timed_by`] says.
    #[must_use]
    pub fn step_that_times(&self, name: &str) -> Option<&Node> {
        let index = self.nodes.iter().position(|node| node.name == name)?;
        let step = self.timed_by().ok()?.get(index).copied()??;
        self.nodes.get(step)
    }

    /// Refuses windows and keyed operators over rows whose event time is set elsewhere: their watermark is of other times.
    fn check_untimed(&self, timed_by: &[Option<usize>]) -> Result<(), Diagnostic> {
        // By node: the step that sets the event time of rows that come to it without.
        let mut lacks: Vec<Option<usize>> = vec![None; self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            for input in &node.inputs {
                let is_timed = |by: usize| index == by || timed_by[index] == Some(by);
                let side_of_timed = self.nodes[input.node].event_time.is_some() && input.output != MAIN_OUTPUT;
                let by = timed_by[input.node].or(lacks[input.node]).or(side_of_timed.then_some(input.node));
                let Some(by) = by.filter(|by| !is_timed(*by)) else { continue };
                if self.keeps_rows(index) {
                    let message = format!(
                        "{:?} goes by event time, and reads rows before {:?} sets it: read {:?} instead, or a second source",
                        node.name, self.nodes[by].name, self.nodes[by].name
                    );
                    return Err(Diagnostic::error(message, input.span.clone()));
                }
                lacks[index] = Some(by);
            }
        }
        Ok(())
    }

    /// Whether a step keeps rows or state, and so goes by event time.
    fn keeps_rows(&self, node: usize) -> bool {
        match &self.nodes[node].kind {
            NodeKind::Window(_)
            | NodeKind::Join(_)
            | NodeKind::Aggregate(_)
            | NodeKind::Dedup(_)
            | NodeKind::Top(_)
            | NodeKind::Rolling(_) => true,
            NodeKind::Operator(operator) => operator.key_by.is_some(),
            NodeKind::Source(_)
            | NodeKind::Filter(_)
            | NodeKind::Select(_)
            | NodeKind::Changelog(_)
            | NodeKind::Sink(_)
            | NodeKind::Other(_) => false,
        }
    }
}
