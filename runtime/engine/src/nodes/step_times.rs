//! The event times of a step's rows, where a column that the step makes says them. Makes no watermark: that follows in the chain.

use arrow::array::ArrayRef;
use arrow::datatypes::Schema;
use weir_core::graph::{EventTimeColumn, Node};

use crate::dataflow::metrics::Metrics;
use crate::dataflow::source::{EventTimeReader, EventTimes};
use crate::plan::error::{CheckError, column};
use crate::plan::node::{NodeColumns, OutputPort, PlanContext, PortInput};

/// How many subtasks a step has that hands on rows as they come. One behind which rows get their event time stays with its source, so
/// that each split has its own watermark; so does the step that gives it.
pub(crate) fn parallelism_of(cx: &PlanContext<'_>, node: &Node, input: &PortInput) -> usize {
    match node.event_time.is_some() || cx.graph.step_that_times(&node.name).is_some() {
        true => input.parallelism,
        false => cx.graph.parallelism,
    }
}

/// Which column of a step's main output is the event time.
#[derive(Clone, Debug)]
pub(crate) struct StepTimes {
    /// Its place in the full schema, or among the columns that are there.
    column: usize,
    name: String,
    reader: EventTimeReader,
}

impl StepTimes {
    /// The event time of a node, if it sets one. The main one of the step's `outputs` then always makes the column, whether it is read or not.
    pub(crate) fn plan(node: &Node, outputs: &mut [OutputPort]) -> Result<Option<Self>, CheckError> {
        let (Some(event_time), Some(main)) = (&node.event_time, outputs.first_mut()) else { return Ok(None) };
        let EventTimeColumn { column: name, form } = &event_time.column;
        let schema: &Schema = &main.schema;
        let index = column(schema, name)?;
        let reader = EventTimeReader::new(form, schema.field(index).data_type())
            .map_err(|reason| CheckError::at(&name.span, format!("column {:?} {reason}", name.value)))?;
        main.always.push(index);
        Ok(Some(Self { column: index, name: name.value.clone(), reader }))
    }

    /// The same, of batches with the columns that are there.
    pub(crate) fn among(&self, columns: &NodeColumns) -> Option<Self> {
        let column = columns.outputs.first()?.as_ref()?.iter().position(|column| *column == self.column)?;
        Some(Self { column, ..self.clone() })
    }

    /// The place of the column.
    pub(crate) fn column(&self) -> usize {
        self.column
    }

    /// The times that a column says.
    pub(crate) fn read(&self, column: &ArrayRef, metrics: &Metrics) -> EventTimes {
        metrics.notice_once(|| self.reader.doubt(&self.name, column));
        self.reader.read(column)
    }

    /// Why a row has none.
    pub(crate) fn reason(&self, column: &ArrayRef, row: usize) -> String {
        self.reader.reason(&self.name, column, row)
    }
}
