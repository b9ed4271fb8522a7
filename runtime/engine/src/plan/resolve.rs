//! Resolves a logical graph: opens its components and connectors, and gives every output its schema.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use weir_core::column_type::type_name;
use weir_core::connector::{ConnectorError, Connectors, Sink, Source, Split};
use weir_core::graph::{
    AggregateFunction, AggregateSpec, DEAD_LETTER_OUTPUT, LATE_OUTPUT, LogicalGraph, MAIN_OUTPUT, Node, NodeKind,
    OperatorNode, SinkNode, SourceNode, Span, Spanned, WindowNode,
};
use weir_core::pipeline::did_you_mean;
use weir_host::{Component, Host, InputSchema, Plan, World};

use super::files::{check_file, check_identity};
use super::inputs::inputs_of;
use crate::dataflow::source::{dead_letter_schema, is_event_time};
use crate::nodes::dead_letter::with_error_column;

/// A pipeline that cannot run, and where its file says so.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct CheckError {
    /// What is wrong and what to do about it.
    pub message: String,
    /// Bytes of the pipeline file that it is about.
    pub span: Option<Span>,
}

/// All that is wrong with a pipeline, in the order of its steps, as far as one mistake does not hide another.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct CheckErrors(pub Vec<CheckError>);

/// A graph whose names and schemas are known.
#[derive(Clone)]
pub(crate) struct Resolved {
    pub(crate) nodes: Vec<ResolvedNode>,
}

#[derive(Clone)]
pub(crate) struct ResolvedNode {
    pub(crate) name: String,
    /// (node, output) pairs.
    pub(crate) inputs: Vec<(usize, usize)>,
    /// The columns of its rows; `None` for a source.
    pub(crate) input: Option<SchemaRef>,
    /// Its outputs, the main one first.
    pub(crate) outputs: Vec<(String, SchemaRef)>,
    pub(crate) kind: ResolvedKind,
    pub(crate) parallelism: usize,
}

#[derive(Clone)]
pub(crate) enum ResolvedKind {
    Source(ResolvedSource),
    Transform {
        node: OperatorNode,
        component: Component,
        plan: Plan,
    },
    /// A keyed operator; whether a swap has put it back: then it may give up columns of the state that it goes on from.
    Keyed {
        node: OperatorNode,
        component: Component,
        plan: Plan,
        keys: Vec<usize>,
        goes_back: bool,
    },
    Window {
        node: WindowNode,
        keys: Vec<usize>,
        aggregates: Vec<ResolvedAggregate>,
    },
    Sink {
        sink: Arc<dyn Sink>,
        columns: Vec<usize>,
    },
}

#[derive(Clone)]
pub(crate) struct ResolvedSource {
    pub(crate) node: SourceNode,
    pub(crate) source: Arc<dyn Source>,
    pub(crate) event_time: Option<usize>,
    pub(crate) splits: Vec<Split>,
}

/// One aggregate of a window, with its columns found.
#[derive(Clone)]
pub(crate) struct ResolvedAggregate {
    pub(crate) name: String,
    pub(crate) columns: Vec<usize>,
    pub(crate) kind: ResolvedAggregateKind,
}

#[derive(Clone)]
pub(crate) enum ResolvedAggregateKind {
    Builtin(AggregateFunction),
    Component { component: Component, config: serde_json::Value, limits: weir_core::limits::OperatorLimits },
}

impl Resolved {
    pub(crate) fn new(graph: &LogicalGraph, connectors: &dyn Connectors, host: &Host) -> Result<Self, CheckErrors> {
        let mut errors = Vec::new();
        let mut nodes: Vec<Option<ResolvedNode>> = Vec::with_capacity(graph.nodes.len());
        for node in &graph.nodes {
            let resolved = match inputs_of(node, &nodes) {
                Ok(Some((inputs, input))) => {
                    resolve(graph, node, inputs, input, connectors, host).and_then(|resolved| {
                        check_file(node, &resolved, nodes.iter().flatten())?;
                        if graph.checkpoint.is_some() {
                            check_identity(&graph.name, node, &resolved, nodes.iter().flatten())?;
                        }
                        Ok(Some(resolved))
                    })
                }
                Ok(None) => check_alone(node, connectors, host).map(|()| None),
                Err(error) => Err(error),
            };
            nodes.push(resolved.unwrap_or_else(|error| {
                errors.push(error);
                None
            }));
        }
        if errors.is_empty() {
            Ok(Self { nodes: nodes.into_iter().flatten().collect() })
        } else {
            Err(CheckErrors(errors))
        }
    }
}

/// What can be wrong with a node whose input is not known, because a node before it is wrong.
fn check_alone(node: &Node, connectors: &dyn Connectors, host: &Host) -> Result<(), CheckError> {
    match &node.kind {
        NodeKind::Source(_) | NodeKind::Window(_) => Ok(()),
        NodeKind::Operator(operator) => load(host, &operator.component).map(drop),
        NodeKind::Sink(sink) => make_sink(sink, connectors).map(drop),
    }
}

fn make_sink(node: &SinkNode, connectors: &dyn Connectors) -> Result<Box<dyn Sink>, CheckError> {
    connectors.sink(&node.connector.value, &node.options).map_err(|e| connector_error(&node.connector, e))
}

fn resolve(
    graph: &LogicalGraph,
    node: &Node,
    inputs: Vec<(usize, usize)>,
    input: Option<SchemaRef>,
    connectors: &dyn Connectors,
    host: &Host,
) -> Result<ResolvedNode, CheckError> {
    let rows = || input.clone().unwrap_or_else(|| Arc::new(Schema::empty()));
    let (kind, outputs, parallelism) = match &node.kind {
        NodeKind::Source(source) => resolve_source(graph, source, connectors)?,
        NodeKind::Operator(operator) => resolve_operator(graph, operator, &rows(), host)?,
        NodeKind::Window(window) => resolve_window(graph, window, &rows(), host)?,
        NodeKind::Sink(sink) => {
            let made = make_sink(sink, connectors)?;
            let columns = match &sink.columns {
                Some(names) => names.iter().map(|c| column(&rows(), c)).collect::<Result<_, _>>()?,
                None => (0..rows().fields().len()).collect::<Vec<_>>(),
            };
            let taken = rows().project(&columns).map_err(|e| error(&sink.connector.span, e.to_string()))?;
            made.check(&taken).map_err(|e| connector_error(&sink.connector, e))?;
            let parallelism = made.parallelism_max().unwrap_or(graph.parallelism).min(graph.parallelism).max(1);
            (ResolvedKind::Sink { sink: made.into(), columns }, Vec::new(), parallelism)
        }
    };
    Ok(ResolvedNode { name: node.name.clone(), inputs, input, outputs, kind, parallelism })
}

type ResolvedParts = (ResolvedKind, Vec<(String, SchemaRef)>, usize);

fn resolve_source(
    graph: &LogicalGraph,
    node: &SourceNode,
    connectors: &dyn Connectors,
) -> Result<ResolvedParts, CheckError> {
    let made = connectors.source(&node.connector.value, &node.options);
    let source: Arc<dyn Source> = made.map_err(|e| connector_error(&node.connector, e))?.into();
    let schema = source.schema();
    let event_time = node.event_time.as_ref().map(|name| column(&schema, name)).transpose()?;
    if let (Some(index), Some(name)) = (event_time, &node.event_time) {
        let data_type = schema.field(index).data_type();
        if !is_event_time(data_type) {
            return Err(error(
                &name.span,
                format!(
                    "column {:?} is {}; the event time is a timestamp, a date, or an int64 of milliseconds",
                    name.value,
                    type_name(data_type)
                ),
            ));
        }
    }
    let splits = source.splits(graph.parallelism).map_err(|e| connector_error(&node.connector, e))?;
    let parallelism = graph.parallelism.min(splits.len()).max(1);
    let outputs = vec![(MAIN_OUTPUT.to_owned(), schema), (DEAD_LETTER_OUTPUT.to_owned(), dead_letter_schema())];
    Ok((ResolvedKind::Source(ResolvedSource { node: node.clone(), source, event_time, splits }), outputs, parallelism))
}

fn resolve_operator(
    graph: &LogicalGraph,
    node: &OperatorNode,
    input: &SchemaRef,
    host: &Host,
) -> Result<ResolvedParts, CheckError> {
    let component = load(host, &node.component)?;
    if let (Some(exchange), Some(_)) = (&node.exchange, &node.key_by) {
        return Err(error(&exchange.span, "a keyed operator gets its rows by key: remove `exchange`"));
    }
    let keys = node.key_by.iter().flatten().map(|k| key_column(input, k)).collect::<Result<Vec<_>, _>>()?;
    match (component.world(), &node.key_by) {
        (World::Transform, None) | (World::Keyed, Some(_)) => {}
        (World::Keyed, None) => {
            return Err(error(&node.component.span, "this component is a keyed operator: say `key-by = [COLUMNS]`"));
        }
        (World::Transform, Some(_)) => {
            return Err(error(&node.component.span, "this component is a stateless transform: remove `key-by`"));
        }
        (World::Aggregate, _) => {
            return Err(error(
                &node.component.span,
                "this component is an aggregate: use it in a window, as `aggregates.NAME = { component = ... }`",
            ));
        }
    }
    let inputs = [InputSchema { schema: input.clone(), keys: keys.clone() }];
    let plan = component
        .describe(&node.config, &inputs)
        .map_err(|e| error(&node.component.span, format!("the operator refuses this pipeline: {e}")))?;
    let outputs = plan.outputs.iter().enumerate().map(|(i, o)| (o.name.clone(), plan.output_schema(i)));
    let mut outputs: Vec<(String, SchemaRef)> = outputs.collect();
    let keyed = node.key_by.is_some();
    outputs.push((DEAD_LETTER_OUTPUT.to_owned(), with_error_column(input)));
    let parallelism = if keyed && keys.is_empty() { 1 } else { graph.parallelism };
    let (node, component) = (node.clone(), component);
    let kind = if keyed {
        ResolvedKind::Keyed { node, component, plan, keys, goes_back: false }
    } else {
        ResolvedKind::Transform { node, component, plan }
    };
    Ok((kind, outputs, parallelism))
}

fn resolve_window(
    graph: &LogicalGraph,
    node: &WindowNode,
    input: &SchemaRef,
    host: &Host,
) -> Result<ResolvedParts, CheckError> {
    let keys = node.key_by.iter().map(|k| key_column(input, k)).collect::<Result<Vec<_>, _>>()?;
    let mut aggregates = Vec::with_capacity(node.aggregates.len());
    let mut fields: Vec<Field> = keys.iter().map(|k| input.field(*k).clone()).collect();
    let bound = |name: &str| {
        let utc = Some("UTC".into());
        Field::new(name, DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, utc), false)
    };
    fields.extend([bound("window_start"), bound("window_end")]);
    for (name, spec) in &node.aggregates {
        let (aggregate, field) = resolve_aggregate(name, spec, input, host)?;
        if fields.iter().any(|f| f.name() == field.name()) {
            return Err(error(&name.span, format!("the window already has a column named {:?}", name.value)));
        }
        aggregates.push(aggregate);
        fields.push(field);
    }
    let outputs = vec![
        (MAIN_OUTPUT.to_owned(), Arc::new(Schema::new(fields)) as SchemaRef),
        (LATE_OUTPUT.to_owned(), input.clone()),
        (DEAD_LETTER_OUTPUT.to_owned(), with_error_column(input)),
    ];
    let parallelism = if keys.is_empty() { 1 } else { graph.parallelism };
    Ok((ResolvedKind::Window { node: node.clone(), keys, aggregates }, outputs, parallelism))
}

fn resolve_aggregate(
    name: &Spanned<String>,
    spec: &AggregateSpec,
    input: &SchemaRef,
    host: &Host,
) -> Result<(ResolvedAggregate, Field), CheckError> {
    match spec {
        AggregateSpec::Builtin { function, column: of } => {
            let index = of.as_ref().map(|c| column(input, c)).transpose()?;
            let data_type = index.map(|i| input.field(i).data_type());
            let output = crate::nodes::window::aggregate_type(*function, data_type)
                .map_err(|message| error(of.as_ref().map_or(&name.span, |c| &c.span), message))?;
            let nullable = *function != AggregateFunction::Count;
            let aggregate = ResolvedAggregate {
                name: name.value.clone(),
                columns: index.into_iter().collect(),
                kind: ResolvedAggregateKind::Builtin(*function),
            };
            Ok((aggregate, Field::new(&name.value, output, nullable)))
        }
        AggregateSpec::Component { component: path, columns, config, limits } => {
            let component = load(host, path)?;
            if component.world() != World::Aggregate {
                return Err(error(&path.span, "this component is not an aggregate; use it under [operators]"));
            }
            let columns = columns.iter().map(|c| column(input, c)).collect::<Result<Vec<_>, _>>()?;
            let schema = Arc::new(input.project(&columns).map_err(|e| error(&path.span, e.to_string()))?);
            let plan = component
                .describe(config, &[InputSchema { schema, keys: Vec::new() }])
                .map_err(|e| error(&path.span, format!("the aggregate refuses this pipeline: {e}")))?;
            let output = plan.output_schema(0);
            let [only] = output.fields().as_ref() else {
                return Err(error(&path.span, "an aggregate makes exactly one column; put several into a struct"));
            };
            let field = only.as_ref().clone().with_name(&name.value);
            let kind = ResolvedAggregateKind::Component { component, config: config.clone(), limits: limits.clone() };
            Ok((ResolvedAggregate { name: name.value.clone(), columns, kind }, field))
        }
    }
}

fn column(schema: &Schema, name: &Spanned<String>) -> Result<usize, CheckError> {
    let known: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    known.iter().position(|k| *k == name.value).ok_or_else(|| {
        let near = did_you_mean(&name.value, &known);
        error(&name.span, format!("there is no column {:?}{near}; the columns are {}", name.value, known.join(", ")))
    })
}

fn key_column(schema: &Schema, name: &Spanned<String>) -> Result<usize, CheckError> {
    let index = column(schema, name)?;
    let data_type = schema.field(index).data_type();
    if data_type.is_nested() || data_type.is_floating() {
        return Err(error(
            &name.span,
            format!(
                "column {:?} is {}; keys are integers, strings, booleans, dates, times or decimals",
                name.value,
                type_name(data_type)
            ),
        ));
    }
    Ok(index)
}

fn load(host: &Host, path: &Spanned<PathBuf>) -> Result<Component, CheckError> {
    host.load(&path.value).map_err(|e| error(&path.span, chain_text(&e)))
}

fn connector_error(connector: &Spanned<String>, e: ConnectorError) -> CheckError {
    let span = match &e {
        ConnectorError::Option { span: Some(span), .. } => span.clone(),
        _ => connector.span.clone(),
    };
    CheckError { message: e.to_string(), span: Some(span) }
}

fn chain_text(e: &dyn std::error::Error) -> String {
    let mut text = e.to_string();
    let mut source = e.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

pub(super) fn error(span: &Span, message: impl Into<String>) -> CheckError {
    CheckError { message: message.into(), span: Some(span.clone()) }
}
