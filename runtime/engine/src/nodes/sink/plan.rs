//! `[sinks.NAME]`, to the planner: a connector that takes rows out.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use weir_core::changelog::ChangelogEncoding;
use weir_core::connector::{Sink, WriterContext};
use weir_core::graph::{Node, NodeKind, SinkNode, Spanned};
use weir_expressions::Expression;

use super::SinkOperator;
use super::encoding::encoded_schema;
use crate::dataflow::operator::Operator;
use crate::error::OperatorError;
use crate::nodes::expressions::Evaluator;
use crate::nodes::listed_columns::listed;
use crate::plan::error::{CheckError, CheckErrors};
use crate::plan::node::{
    ChangelogMode, Distribution, InputPort, MakeContext, MakeError, OutputPort, PlanContext, PlanNode, PortInput, Role,
    StepKind,
};

/// The section `sinks`.
pub(crate) struct SinkKind;

struct SinkStep {
    sink: Arc<dyn Sink>,
    inputs: Vec<InputPort>,
    /// What it needs of its input, in this order.
    columns: Vec<usize>,
    /// What it writes, made of these; `None`: these.
    written: Option<Vec<Expression>>,
    /// The schema of that.
    made: SchemaRef,
    /// How updates are written, if its connector does not take them as they are.
    encoding: Option<ChangelogEncoding>,
    /// Whether its rows are updates by key.
    by_key: bool,
    /// The schema of what its connector gets.
    taken: SchemaRef,
    parallelism: usize,
}

impl StepKind for SinkKind {
    fn section(&self) -> &'static str {
        "sinks"
    }

    fn plan(&self, cx: &PlanContext<'_>, node: &Node, inputs: &[PortInput]) -> Result<Arc<dyn PlanNode>, CheckErrors> {
        let (spec, [input]) = (spec_of(node)?, inputs) else {
            return Err(CheckError::at(&node.span, "a sink has one input").into());
        };
        let PortInput { schema: input, changelog: input_changelog, parallelism: input_parallelism, .. } = input;
        let (input_changelog, input_parallelism) = (*input_changelog, *input_parallelism);
        let field = |path: &str, input: &Schema| Expression::of_path(path, input).map(|(_, field)| field);
        let listed = match &spec.columns {
            Some(columns) => listed(cx.graph, columns, input, field),
            None => Ok(input
                .fields()
                .iter()
                .enumerate()
                .map(|(column, of)| (of.name().clone(), Expression::of_column(column, input)))
                .collect()),
        };
        let (sink, listed) = CheckErrors::both(make_sink(cx, spec), listed)?;
        let fields = listed.iter().map(|(name, column)| column.field(name, input)).collect::<Vec<_>>();
        let made = Schema::new(fields);
        let as_they_are = listed.iter().map(|(_, column)| column.column()).collect::<Option<Vec<_>>>();
        let renamed =
            as_they_are.iter().flatten().zip(made.fields()).any(|(c, field)| input.field(*c).name() != field.name());
        let (columns, written) = match as_they_are.filter(|_| !renamed) {
            Some(columns) => (columns, None),
            None => {
                let written: Vec<Expression> = listed.into_iter().map(|(_, column)| column).collect();
                let needed: BTreeSet<usize> = written.iter().flat_map(Expression::reads).collect();
                (needed.into_iter().collect(), Some(written))
            }
        };
        let encoding = encoding(&*sink, spec, input_changelog);
        let taken = match &encoding {
            None => made.clone(),
            Some(Spanned { value, span }) => {
                encoded_schema(*value, &made).map_err(|message| CheckError::at(span, message))?
            }
        };
        sink.check(&taken).map_err(|e| CheckErrors::of_connector(&spec.connector, &e))?;
        let most = sink.parallelism_max().unwrap_or(cx.graph.parallelism).min(cx.graph.parallelism).max(1);
        // Spread over more subtasks, a row could be taken back before it is there.
        let parallelism = match input_changelog {
            ChangelogMode::InsertOnly => most,
            _ if most < input_parallelism => 1,
            _ => input_parallelism,
        };
        let takes = if encoding.is_some() { ChangelogMode::ALL } else { sink.takes() };
        let inputs = vec![InputPort { takes, ..InputPort::only(input.clone(), Distribution::Any) }];
        let encoding = encoding.map(|encoding| encoding.value);
        let (made, taken) = (Arc::new(made), Arc::new(taken));
        let by_key = input_changelog == ChangelogMode::Upsert;
        Ok(Arc::new(SinkStep { sink, inputs, columns, written, made, encoding, by_key, taken, parallelism }))
    }

    fn check_alone(&self, cx: &PlanContext<'_>, node: &Node) -> Result<(), CheckErrors> {
        make_sink(cx, spec_of(node)?).map(drop)
    }
}

fn spec_of(node: &Node) -> Result<&SinkNode, CheckError> {
    match &node.kind {
        NodeKind::Sink(spec) => Ok(spec),
        _ => Err(CheckError::at(&node.span, "this is no sink")),
    }
}

/// How a sink writes updates, if not as they are.
fn encoding(sink: &dyn Sink, spec: &SinkNode, comes: ChangelogMode) -> Option<Spanned<ChangelogEncoding>> {
    let default = || {
        let value = sink.encoding().filter(|_| !sink.takes().contains(&comes))?;
        Some(Spanned { value, span: spec.connector.span.clone() })
    };
    spec.changelog.clone().or_else(default)
}

fn make_sink(cx: &PlanContext<'_>, spec: &SinkNode) -> Result<Arc<dyn Sink>, CheckErrors> {
    let made = cx.connectors.sink(&spec.connector.value, &spec.options);
    Ok(made.map_err(|e| CheckErrors::of_connector(&spec.connector, &e))?.into())
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

    fn advice_on_updates(&self) -> Option<&'static str> {
        Some(
            "set changelog = \"kinds\" to write each row with its kind (+I, -U, +U, -D), or changelog = \"debezium\" for the \
             envelope of Debezium; the sinks console and blackhole take updates as they are",
        )
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
        let columns = |written: &Vec<Expression>| {
            (Evaluator::new(written.clone(), &self.inputs[0].schema, cx.columns), self.made.clone())
        };
        let written = self.written.as_ref().map(columns);
        let encoding = self.encoding.map(|encoding| (encoding, self.by_key, self.taken.clone()));
        let (latency, clock) = (start.latency.clone(), cx.clock.clone());
        Ok(Some(Box::new(SinkOperator { writer, written, encoding, latency, clock })))
    }
}
