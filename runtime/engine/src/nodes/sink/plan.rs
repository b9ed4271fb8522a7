//! `[sinks.NAME]`, to the planner: a connector that takes rows out.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use weir_core::changelog::{ChangelogEncoding, SinkChangelog};
use weir_core::connector::{ConnectorError, Sink, WriterContext};
use weir_core::graph::{Node, NodeKind, SinkNode, Span, Spanned};
use weir_core::limits::OperatorLimits;
use weir_expressions::Expression;

use super::SinkOperator;
use super::encoding::encoded_schema;
use super::table::{Given, SinkTable, Unopened};
use super::upsert_key::{Written, upsert_key};
use crate::dataflow::operator::Operator;
use crate::error::OperatorError;
use crate::nodes::expressions::Evaluator;
use crate::nodes::listed_columns::listed;
use crate::nodes::row_table::RowTable;
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
    /// The table that it keeps, if it is not given the rows as they come.
    table: Option<TablePlan>,
    /// Whether it writes only what changes from one checkpoint to the next.
    holds_changes: bool,
    /// Bytes that this may take.
    state_bytes: u64,
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
        let (port, input) = (input, &input.schema);
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
        let of: Vec<Option<usize>> = listed.iter().map(|(_, column)| column.column()).collect();
        let (sink, key) = match &spec.changelog {
            Some(Spanned { value: SinkChangelog::Upsert, span }) => {
                let (key, columns) = upsert_key((spec, &*sink, span), port, &Written { schema: &made, of: &of })?;
                let by_key = key.by_key;
                let sink = sink.upserting(key).map_err(|error| refused_upsert(spec, span, &error))?;
                (sink.into(), Some(InputKey { columns, by_key }))
            }
            _ => (sink, None),
        };
        let table = table_plan(cx, (&*sink, spec), key.as_ref(), port)?;
        let holds_changes = holds_changes((spec, key.is_some() || table.is_some()), port)?;
        let key = key.map(|key| key.columns);
        // What comes to the connector.
        let changelog = if table.is_some() { ChangelogMode::InsertOnly } else { port.changelog };
        let of_table = table.iter().flat_map(|table| table.key.iter().flatten().copied());
        let of_table: BTreeSet<usize> = of_table.filter(|column| !of.contains(&Some(*column))).collect();
        let as_they_are = of.iter().copied().collect::<Option<Vec<_>>>();
        let renamed =
            as_they_are.iter().flatten().zip(made.fields()).any(|(c, field)| input.field(*c).name() != field.name());
        let (columns, written) = match as_they_are.filter(|_| !renamed && of_table.is_empty()) {
            Some(columns) => (columns, None),
            None => {
                let written: Vec<Expression> = listed.into_iter().map(|(_, column)| column).collect();
                let needed: BTreeSet<usize> = written.iter().flat_map(Expression::reads).chain(of_table).collect();
                (needed.into_iter().collect(), Some(written))
            }
        };
        let encoding = encoding(&*sink, spec, changelog);
        let taken = match &encoding {
            None => made.clone(),
            Some(Spanned { value, span }) => {
                encoded_schema(*value, &made).map_err(|message| CheckError::at(span, message))?
            }
        };
        sink.check(&taken).map_err(|e| CheckErrors::of_connector(&spec.connector, &spec.options, &e))?;
        let most = sink.parallelism_max().unwrap_or(cx.graph.parallelism).min(cx.graph.parallelism).max(1);
        // Spread over more subtasks, a row could be taken back before it is there.
        let parallelism = match (&key, changelog) {
            _ if table.is_some() => 1,
            (Some(key), _) if key.is_empty() => 1,
            (Some(_), _) | (None, ChangelogMode::InsertOnly) => most,
            _ if most < port.parallelism => 1,
            _ => port.parallelism,
        };
        let takes = if encoding.is_some() || table.is_some() { ChangelogMode::ALL } else { sink.takes() };
        let distribution = key.filter(|_| table.is_none()).map_or(Distribution::Any, Distribution::Hash);
        let inputs = vec![InputPort { takes, ..InputPort::only(input.clone(), distribution) }];
        let encoding = encoding.map(|encoding| encoding.value);
        let (made, taken) = (Arc::new(made), Arc::new(taken));
        let by_key = changelog == ChangelogMode::Upsert;
        let state_bytes = spec.state_bytes.as_ref().map_or(OperatorLimits::default().state_bytes, |bytes| bytes.value);
        Ok(Arc::new(SinkStep {
            sink,
            inputs,
            columns,
            written,
            made,
            encoding,
            by_key,
            table,
            holds_changes,
            state_bytes,
            taken,
            parallelism,
        }))
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
    match &spec.changelog {
        None => default(),
        Some(Spanned { value: SinkChangelog::Encoded(value), span }) => {
            Some(Spanned { value: *value, span: span.clone() })
        }
        Some(Spanned { value: SinkChangelog::Upsert, .. }) => None,
    }
}

/// The table that a sink keeps.
struct TablePlan {
    given: Given,
    /// The columns of the input by which rows take the place of others; `None`: rows are taken back.
    key: Option<Vec<usize>>,
    /// Those in which no two rows may be alike, if it is not by them that rows take the place of others.
    unique: Option<Vec<usize>>,
}

/// The columns of the input by which a sink writes the newest rows.
struct InputKey {
    columns: Vec<usize>,
    /// Whether rows take the place of those with their key.
    by_key: bool,
}

/// Whether a sink keeps the table of its rows.
fn table_plan(
    cx: &PlanContext<'_>,
    (sink, spec): (&dyn Sink, &SinkNode),
    key: Option<&InputKey>,
    input: &PortInput,
) -> Result<Option<TablePlan>, CheckError> {
    let is_final = cx.graph.final_only.is_some();
    let table = match (key.filter(|_| sink.writes_tables()), input.changelog) {
        (Some(InputKey { columns, by_key }), _) => {
            let given = if is_final { Given::WholeAtEnd } else { Given::AtCheckpoints };
            // Also where the stream has a key: what describes a change of a row may come twice.
            let [key, unique] = [*by_key, !by_key].map(|is_so| is_so.then(|| columns.clone()));
            Some(TablePlan { given, key, unique })
        }
        (None, ChangelogMode::InsertOnly) => None,
        (None, _) if !is_final => None,
        (None, changelog) => {
            let key = input.key.clone().filter(|_| changelog == ChangelogMode::Upsert);
            Some(TablePlan { given: Given::AtEnd, key, unique: None })
        }
    };
    match (&table, &spec.state_bytes) {
        (None, Some(limit)) if spec.holds_changes.is_none() => {
            let message = "limits are those of the table that a sink keeps, with changelog = \"upsert\" of a file, emit = \"checkpoint\" or \
                           mode = \"final\": it keeps none";
            Err(CheckError::at(&limit.span, message))
        }
        _ => Ok(table),
    }
}

/// Whether a sink writes only what changes from one checkpoint to the next. `is_by_table`: it keeps a table, or writes the newest rows.
fn holds_changes((spec, is_by_table): (&SinkNode, bool), input: &PortInput) -> Result<bool, CheckError> {
    let Some(Spanned { span, .. }) = &spec.holds_changes else { return Ok(false) };
    let message = match input.changelog {
        ChangelogMode::Retract if !is_by_table => return Ok(true),
        ChangelogMode::InsertOnly => {
            "emit = \"checkpoint\" is for updating streams: rows that are only inserted are written as they come"
        }
        ChangelogMode::Upsert if !is_by_table => {
            "emit = \"checkpoint\" needs updates that take rows back: put a [dedup.NAME] with keep = \"last\" and their key before the sink"
        }
        _ => {
            "with changelog = \"upsert\" and mode = \"final\" only what has changed in the end is written anyway: leave emit out"
        }
    };
    Err(CheckError::at(span, message))
}

/// What a connector says that cannot write the newest row of each key, or not with these options.
fn refused_upsert(spec: &SinkNode, at: &Option<Span>, error: &ConnectorError) -> CheckErrors {
    match error {
        ConnectorError::Option { .. } | ConnectorError::Several(_) => {
            CheckErrors::of_connector(&spec.connector, &spec.options, error)
        }
        _ => CheckError::at(at, error.to_string()).into(),
    }
}

fn make_sink(cx: &PlanContext<'_>, spec: &SinkNode) -> Result<Arc<dyn Sink>, CheckErrors> {
    let made = cx.connectors.sink(&spec.connector.value, &spec.options);
    Ok(made.map_err(|e| CheckErrors::of_connector(&spec.connector, &spec.options, &e))?.into())
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

    fn state_bytes_max(&self) -> u64 {
        if self.table.is_some() || self.holds_changes { self.state_bytes } else { u64::MAX }
    }

    fn needs(&self, _: &[Option<BTreeSet<usize>>]) -> Vec<Vec<usize>> {
        vec![self.columns.clone()]
    }

    fn advice_on_updates(&self) -> Option<&'static str> {
        Some(
            "set changelog = \"kinds\" to write each row with its kind (+I, -U, +U, -D), changelog = \"debezium\" for the envelope of \
             Debezium, or in the sinks kafka and file changelog = \"upsert\" for the newest row of each key; the sinks console and \
             blackhole take updates as they are",
        )
    }

    fn role(&self) -> Role<'_> {
        Role::Sink(&self.sink, &self.taken)
    }

    fn make(&self, cx: &MakeContext<'_>) -> Result<Option<Box<dyn Operator>>, MakeError> {
        let table = match &self.table {
            None => None,
            Some(plan) => {
                let schema = self.inputs[0].schema.project(&cx.columns.inputs[0]).map_err(OperatorError::from)?;
                let [key, unique] = [&plan.key, &plan.unique]
                    .map(|columns| columns.as_ref().map(|columns| cx.columns.positions(0, columns)));
                let rows = RowTable::new(&schema, key, cx.key_groups)?;
                Some(SinkTable::new(rows, plan.given, unique, self.taken.clone()))
            }
        };
        let held = match self.holds_changes {
            true => {
                let schema = self.inputs[0].schema.project(&cx.columns.inputs[0]).map_err(OperatorError::from)?;
                Some(RowTable::new(&schema, None, cx.key_groups)?)
            }
            false => None,
        };
        let Some(start) = &cx.writer else { return Ok(Some(Box::new(Unopened(table)))) };
        let context = WriterContext {
            subtask: start.subtask,
            parallelism: self.parallelism,
            generation: start.generation,
            durable: start.durable,
            apart: start.apart,
            restored: start.restored,
        };
        let columns = |written: &Vec<Expression>| {
            (Evaluator::new(written.clone(), &self.inputs[0].schema, cx.columns), self.made.clone())
        };
        let written = Arc::new(self.written.as_ref().map(columns));
        let encoding = self.encoding.map(|encoding| (encoding, self.by_key, self.taken.clone()));
        Ok(Some(Box::new(SinkOperator {
            writer: self.sink.writer(self.taken.clone(), &context)?,
            written,
            table,
            held,
            durable: start.durable,
            encoding,
            latency: start.latency.clone(),
            clock: cx.clock.clone(),
        })))
    }
}
