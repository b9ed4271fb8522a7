//! `[sinks.NAME]`, to the planner: a connector that takes rows out.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use weir_core::connector::{Sink, WriterContext};
use weir_core::graph::{Node, NodeKind, SinkNode};

use super::SinkOperator;
use crate::dataflow::operator::Operator;
use crate::error::OperatorError;
use crate::plan::error::{CheckError, check_distinct, column};
use crate::plan::node::{
    Distribution, InputPort, MakeContext, MakeError, OutputPort, PlanContext, PlanNode, PortInput, Role, StepKind,
};

/// The section `sinks`.
pub(crate) struct SinkKind;

struct SinkStep {
    sink: Arc<dyn Sink>,
    inputs: Vec<InputPort>,
    /// What it writes, in this order.
    columns: Vec<usize>,
    /// The schema of these.
    taken: SchemaRef,
    parallelism: usize,
}

impl StepKind for SinkKind {
    fn section(&self) -> &'static str {
        "sinks"
    }

    fn plan(&self, cx: &PlanContext<'_>, node: &Node, inputs: &[PortInput]) -> Result<Arc<dyn PlanNode>, CheckError> {
        let (spec, [input]) = (spec_of(node)?, inputs) else {
            return Err(CheckError::at(&node.span, "a sink has one input"));
        };
        let sink = make_sink(cx, spec)?;
        let columns = match &spec.columns {
            Some(names) => {
                check_distinct(&cx.graph.text, "columns", names)?;
                names.iter().map(|c| column(&input.schema, c)).collect::<Result<_, _>>()?
            }
            None => (0..input.schema.fields().len()).collect::<Vec<_>>(),
        };
        let taken = input.schema.project(&columns).map_err(|e| CheckError::at(&spec.connector.span, e.to_string()))?;
        sink.check(&taken).map_err(|e| CheckError::of_connector(&spec.connector, &e))?;
        let parallelism = sink.parallelism_max().unwrap_or(cx.graph.parallelism).min(cx.graph.parallelism).max(1);
        let inputs = vec![InputPort::only(input.schema.clone(), Distribution::Any)];
        Ok(Arc::new(SinkStep { sink, inputs, columns, taken: Arc::new(taken), parallelism }))
    }

    fn check_alone(&self, cx: &PlanContext<'_>, node: &Node) -> Result<(), CheckError> {
        make_sink(cx, spec_of(node)?).map(drop)
    }
}

fn spec_of(node: &Node) -> Result<&SinkNode, CheckError> {
    match &node.kind {
        NodeKind::Sink(spec) => Ok(spec),
        _ => Err(CheckError::at(&node.span, "this is no sink")),
    }
}

fn make_sink(cx: &PlanContext<'_>, spec: &SinkNode) -> Result<Arc<dyn Sink>, CheckError> {
    let made = cx.connectors.sink(&spec.connector.value, &spec.options);
    Ok(made.map_err(|e| CheckError::of_connector(&spec.connector, &e))?.into())
}

impl PlanNode for SinkStep {
    fn kind(&self) -> &'static str {
        "sink"
    }

    fn inputs(&self) -> &[InputPort] {
        &self.inputs
    }

    fn outputs(&self) -> &[OutputPort] {
        &[]
    }

    fn parallelism(&self) -> usize {
        self.parallelism
    }

    fn needs(&self, _: &[Option<BTreeSet<usize>>]) -> Vec<Vec<usize>> {
        vec![self.columns.clone()]
    }

    fn role(&self) -> Role<'_> {
        Role::Sink(&self.sink, &self.taken)
    }

    fn make(&self, cx: &MakeContext<'_>) -> Result<Option<Box<dyn Operator>>, MakeError> {
        let Some(start) = &cx.writer else {
            return Err(OperatorError::Call("a writer is opened only by a subtask that starts".to_owned()).into());
        };
        let context = WriterContext {
            subtask: start.subtask,
            parallelism: self.parallelism,
            generation: start.generation,
            durable: start.durable,
            restored: start.restored,
        };
        let writer = self.sink.writer(self.taken.clone(), &context)?;
        Ok(Some(Box::new(SinkOperator::new(writer, start.latency.clone(), cx.clock.clone()))))
    }
}
