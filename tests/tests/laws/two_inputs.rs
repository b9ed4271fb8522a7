//! A kind of step that only this file knows: it has two inputs, tags each row with the one that it came by, and keeps a total per key
//! and input. Planning, the exchange, snapshots, rescaling and any order of subtasks know nothing of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;
use weir_core::graph::Node;
use weir_core::key_group::{group_of, hash_keys};
use weir_engine::Job;
use weir_engine::dataflow::operator::{Frozen, Operator, OperatorError, Outputs, Progress, Snapshot, StateTable};
use weir_engine::nodes::step_kinds;
use weir_engine::plan::error::{CheckError, CheckErrors};
use weir_engine::plan::node::{
    Distribution, InputPort, MakeContext, MakeError, OutputPort, OutputRole, PlanContext, PlanNode, PortInput, StepKind,
};

use crate::support::{HOST, Memory, chooser, root};

const PIPELINE: &str = r#"
name = "two-inputs"
[sources.a]
connector = "memory"
event-time = "ts"
[sources.b]
connector = "memory"
event-time = "ts"
[sources.c]
connector = "memory"
event-time = "ts"
[tagged-unions.both]
inputs = { left = "a", right = ["b", "c"] }
[sinks.rows]
input = "both"
connector = "memory"
[sinks.totals]
input = "both.totals"
connector = "memory"
"#;

/// The columns that it takes of either input, in the order in which they come.
const KEY: usize = 0;
const VALUE: usize = 1;

struct TaggedUnions;

struct TaggedUnion {
    inputs: Vec<InputPort>,
    outputs: Vec<OutputPort>,
    parallelism: usize,
}

impl StepKind for TaggedUnions {
    fn section(&self) -> &'static str {
        "tagged-unions"
    }

    fn plan(&self, cx: &PlanContext<'_>, node: &Node, inputs: &[PortInput]) -> Result<Arc<dyn PlanNode>, CheckErrors> {
        let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
        if names != ["left", "right"] {
            return Err(CheckError::at(&node.span, "a tagged union has the inputs left and right").into());
        }
        let key = |schema: &SchemaRef| schema.index_of("key").unwrap();
        let port = |input: &PortInput| InputPort {
            name: input.name.clone(),
            ..InputPort::only(input.schema.clone(), Distribution::Hash(vec![key(&input.schema)]))
        };
        let outputs = vec![
            OutputPort::new("main", tagged(), OutputRole::Made),
            OutputPort::new("totals", totals(), OutputRole::Made),
        ];
        let inputs = inputs.iter().map(port).collect();
        Ok(Arc::new(TaggedUnion { inputs, outputs, parallelism: cx.graph.parallelism }))
    }
}

impl PlanNode for TaggedUnion {
    fn kind(&self) -> &'static str {
        "tagged union"
    }

    fn inputs(&self) -> &[InputPort] {
        &self.inputs
    }

    fn outputs(&self) -> &[OutputPort] {
        &self.outputs
    }

    fn parallelism(&self) -> usize {
        self.parallelism
    }

    fn needs(&self, _: &[Option<BTreeSet<usize>>]) -> Vec<Vec<usize>> {
        let columns = |port: &InputPort| ["key", "value"].map(|name| port.schema.index_of(name).unwrap()).to_vec();
        self.inputs.iter().map(columns).collect()
    }

    fn make(&self, cx: &MakeContext<'_>) -> Result<Option<Box<dyn Operator>>, MakeError> {
        Ok(Some(Box::new(TaggingOperator { totals: BTreeMap::new(), ends: false, key_groups: cx.key_groups })))
    }
}

fn schema(columns: &[(&str, DataType)]) -> SchemaRef {
    Arc::new(Schema::new(columns.iter().map(|(name, of)| Field::new(*name, of.clone(), false)).collect::<Vec<_>>()))
}

fn tagged() -> SchemaRef {
    schema(&[("key", DataType::Utf8), ("value", DataType::Int64), ("port", DataType::Int64)])
}

fn totals() -> SchemaRef {
    schema(&[("key", DataType::Utf8), ("left", DataType::Int64), ("right", DataType::Int64)])
}

struct TaggingOperator {
    /// By key: the sum of each input's values.
    totals: BTreeMap<String, [i64; 2]>,
    /// Whether the totals are being given out. An operator that is restored is told of the end again.
    ends: bool,
    key_groups: u32,
}

impl TaggingOperator {
    fn table(&self) -> RecordBatch {
        let keys: ArrayRef = Arc::new(StringArray::from_iter_values(self.totals.keys()));
        let sums = |port: usize| Arc::new(Int64Array::from_iter_values(self.totals.values().map(|sums| sums[port])));
        RecordBatch::try_new(totals(), vec![keys, sums(0), sums(1)]).unwrap()
    }
}

impl Operator for TaggingOperator {
    fn process(&mut self, input: usize, batch: StreamBatch, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let (keys, values) = (batch.rows.column(KEY).clone(), batch.rows.column(VALUE).clone());
        for (key, value) in keys.as_string::<i32>().iter().zip(values.as_primitive::<Int64Type>().values()) {
            self.totals.entry(key.unwrap().to_owned()).or_default()[input] += value;
        }
        let port: ArrayRef = Arc::new(Int64Array::from(vec![input as i64; batch.len()]));
        let rows = RecordBatch::try_new(tagged(), vec![keys, values, port])?;
        out.emit(0, StreamBatch { rows, ..batch });
        Ok(Progress::Done)
    }

    /// A key per part, so that checkpoints are taken between two.
    fn on_end(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.ends = true;
        self.more(out)
    }

    fn more(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        if !self.ends {
            return Ok(Progress::Done);
        }
        if let Some((key, sums)) = self.totals.pop_first() {
            let rows = Self { totals: BTreeMap::from([(key, sums)]), ..*self }.table();
            out.emit(1, StreamBatch::new(rows, vec![0].into(), 0));
        }
        Ok(if self.totals.is_empty() { Progress::Done } else { Progress::More })
    }

    fn freeze(&mut self, _: Cut) -> Result<Frozen, OperatorError> {
        let (rows, key_groups) = (self.table(), self.key_groups);
        Ok(Frozen::new(move || {
            let mut hashes = Vec::new();
            hash_keys(&rows.columns()[..1], rows.num_rows(), &mut hashes)?;
            let table = |(row, hash): (usize, &u64)| StateTable {
                name: "totals".to_owned(),
                key_group: Some(group_of(*hash, key_groups)),
                rows: rows.slice(row, 1),
            };
            Ok(Snapshot { tables: hashes.iter().enumerate().map(table).collect(), ..Snapshot::default() })
        }))
    }

    fn restore(&mut self, snapshot: Snapshot) -> Result<(), OperatorError> {
        // A check of layouts hands over tables without rows.
        for StateTable { rows, .. } in snapshot.tables {
            let sums = |port: usize| rows.column(1 + port).as_primitive::<Int64Type>().values().iter().copied();
            for ((key, left), right) in rows.column(0).as_string::<i32>().iter().flatten().zip(sums(0)).zip(sums(1)) {
                self.totals.insert(key.to_owned(), [left, right]);
            }
        }
        Ok(())
    }
}

fn job(memory: &Memory, parallelism: usize) -> Job {
    let set = [("parallelism".to_owned(), parallelism.to_string())];
    let sections = [("tagged-unions", "tagged union")];
    let graph = weir_core::pipeline::parse_with(PIPELINE, root(), &set, &sections).unwrap();
    Job::check_with(&graph, memory, &HOST, &step_kinds().with(TaggedUnions)).unwrap()
}

#[test]
fn a_step_with_two_inputs_is_planned_rescaled_and_restored_like_any_other() {
    let split = |from: i64| (from..from + 40).map(|i| (format!("k{}", i % 7), i, i * 10)).collect();
    let memory = Memory::new(vec![split(0), split(1_000), split(2_000)], vec![3, 1, 5]);
    let expected = memory.run(&job(&memory, 1), |_| 0);
    // Three sources of 120 rows each, and a total per key.
    assert_eq!(expected.len(), 3 * 120 + 7);
    assert!(expected.contains(&"k0,1001,1".to_owned()), "the right input is tagged: {expected:?}");
    for seed in 0..60 {
        let (first, next) = (1 + seed as usize % 3, 1 + (seed as usize / 3) % 3);
        let whole = memory.run(&job(&memory, first), chooser(seed));
        assert_eq!(whole, expected, "seed {seed} at parallelism {first}");
        let steps = (seed * 17 % 400) as usize;
        let restored = memory.run_with_restore(&job(&memory, first), &job(&memory, next), steps, chooser(seed));
        assert_eq!(restored, expected, "seed {seed}, restored after {steps} steps from parallelism {first} at {next}");
    }
}
