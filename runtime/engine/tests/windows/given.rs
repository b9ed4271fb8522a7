//! Rows, what windows are made of them, and the operators that are held to the model.

use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema, SchemaRef};
use weir_core::batch::StreamBatch;
use weir_core::graph::{AggregateFunction, OnError};
use weir_core::window::WindowAssigner;
use weir_engine::dataflow::operator::Metrics;
use weir_engine::nodes::window::{AggregateKind, BoundAggregate, ComponentAggregate, WindowSpec};
use weir_host::{Accumulated, CallError, RejectedRow};
use weir_state::States;

pub(crate) const KEY_GROUPS: u32 = 5;
/// Parts of one call between which the state is restored at most: enough to see every kind, few enough to end soon.
pub(crate) const RESTORED_TURNS_MAX: usize = 8;
pub(crate) const LATE: usize = 1;
pub(crate) const DEAD: usize = 2;
/// The value that the component refuses.
pub(crate) const REFUSED: i64 = 13;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) key: Option<i64>,
    pub(crate) time: i64,
    pub(crate) value: Option<i64>,
}

/// A result in the order of [`aggregates`]; floats by their bits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Output {
    pub(crate) key: Option<i64>,
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) numbers: Vec<Option<i64>>,
    pub(crate) floats: Vec<Option<u64>>,
    pub(crate) texts: Vec<Option<String>>,
}

/// What came out of one step, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) results: Vec<Output>,
    pub(crate) late: Vec<Row>,
    pub(crate) dead: Vec<Row>,
}

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Rows(Vec<Row>),
    Watermark(i64),
    Restore(usize),
}

#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) window: WindowAssigner,
    pub(crate) lateness: i64,
    pub(crate) keyed: bool,
    pub(crate) component: bool,
    /// Results of one part at most.
    pub(crate) rows_max: usize,
    /// Between two parts the state is frozen and restored at this parallelism.
    pub(crate) between_parts: Option<usize>,
    pub(crate) ops: Vec<Op>,
}

pub(crate) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("key", DataType::Int64, true),
        Field::new("value", DataType::Int64, true),
        Field::new("float", DataType::Float64, true),
        Field::new("text", DataType::Utf8, true),
    ]))
}

pub(crate) fn text_of(value: i64) -> String {
    format!("{value:+}")
}

pub(crate) fn batch(rows: &[Row]) -> StreamBatch {
    let keys: ArrayRef = Arc::new(rows.iter().map(|r| r.key).collect::<Int64Array>());
    let values: ArrayRef = Arc::new(rows.iter().map(|r| r.value).collect::<Int64Array>());
    let floats: ArrayRef = Arc::new(rows.iter().map(|r| r.value.map(|v| v as f64 / 4.0)).collect::<Float64Array>());
    let texts: ArrayRef = Arc::new(rows.iter().map(|r| r.value.map(text_of)).collect::<StringArray>());
    let columns = RecordBatch::try_new(schema(), vec![keys, values, floats, texts]).unwrap();
    StreamBatch::new(columns, rows.iter().map(|r| r.time).collect(), 7)
}

pub(crate) fn aggregates(component: bool) -> Vec<BoundAggregate> {
    use AggregateFunction::{Avg, Count, First, Last, Max, Min, Sum};
    let of = |name: &str, function, column: Option<usize>| BoundAggregate {
        name: name.to_owned(),
        kind: AggregateKind::Builtin { function, columns: column.into_iter().collect() },
    };
    let mut all = vec![
        of("rows", Count, None),
        of("values", Count, Some(1)),
        of("sum", Sum, Some(1)),
        of("min", Min, Some(1)),
        of("max", Max, Some(1)),
        of("first", First, Some(1)),
        of("last", Last, Some(1)),
        of("float_sum", Sum, Some(2)),
        of("avg", Avg, Some(1)),
        of("float_min", Min, Some(2)),
        of("text_max", Max, Some(3)),
        of("text_first", First, Some(3)),
    ];
    if component {
        let kind =
            AggregateKind::Component { aggregate: Arc::new(Mutex::new(Squares)), columns: vec![1], is_filtered: false };
        all.insert(7, BoundAggregate { name: "squares".to_owned(), kind });
    }
    all
}

pub(crate) fn spec(case: &Case, late_output: bool) -> WindowSpec {
    WindowSpec {
        input: schema(),
        key_columns: if case.keyed { vec![0] } else { Vec::new() },
        window: case.window,
        rules: None,
        aggregates: aggregates(case.component),
        allowed_lateness_us: case.lateness,
        late_output: late_output.then_some(LATE),
        on_error: OnError::DeadLetter,
        dead_letter_output: DEAD,
        key_groups: KEY_GROUPS,
        projection: None,
        partials: false,
        result_rows_max: case.rows_max,
        metrics: Metrics::default(),
    }
}

/// The sum of squares, as a component would compute it; it refuses one value, and says so now by the row, now by the call.
pub(crate) struct Squares;

impl ComponentAggregate for Squares {
    fn state_fields(&self) -> Vec<FieldRef> {
        vec![Arc::new(Field::new("squares", DataType::Int64, false))]
    }

    fn output_field(&self) -> FieldRef {
        Arc::new(Field::new("squares", DataType::Int64, true))
    }

    fn accumulate(
        &mut self,
        columns: &[ArrayRef],
        _event_times: &[i64],
        group_of_row: &[u32],
        states: States,
    ) -> Result<Accumulated, CallError> {
        let of_states = states.columns[0].as_primitive::<Int64Type>();
        let mut sums: Vec<i64> =
            (0..states.len()).map(|i| if states.present.value(i) { of_states.value(i) } else { 0 }).collect();
        let values = columns[0].as_primitive::<Int64Type>();
        let mut rejected = Vec::new();
        for (row, (value, group)) in values.iter().zip(group_of_row).enumerate() {
            match value {
                Some(REFUSED) if row % 2 == 0 => rejected.push(RejectedRow { row, reason: "thirteen".to_owned() }),
                Some(REFUSED) => return Err(CallError::Call("something is thirteen".to_owned())),
                value => sums[*group as usize] += value.map_or(0, |v| v * v),
            }
        }
        Ok(Accumulated { accumulators: vec![Arc::new(Int64Array::from(sums))], rejected })
    }

    fn merge(&mut self, left: States, right: States) -> Result<Vec<ArrayRef>, CallError> {
        let pairs =
            left.columns[0].as_primitive::<Int64Type>().iter().zip(right.columns[0].as_primitive::<Int64Type>());
        Ok(vec![Arc::new(pairs.map(|(a, b)| Some(a? + b?)).collect::<Int64Array>())])
    }

    fn finish(&mut self, states: States) -> Result<ArrayRef, CallError> {
        assert_eq!(states.present.count_set_bits(), states.len(), "every group that fires has had a row");
        Ok(states.columns[0].clone())
    }
}
