//! [`BatchOperator`]: a component over record batches that its caller has, and, if it has keys, over states that its caller keeps. It knows no
//! pipeline file, no split and no checkpoint.

mod columns;
mod made_pipeline;
mod options;
mod states;
mod untimed;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use weir_connectors::StandardConnectors;
use weir_core::batch::StreamBatch;
use weir_core::column_type::{columns_text, type_name};
use weir_core::limits::KEY_GROUPS_MAX;
use weir_core::pipeline::parse;
use weir_core::time::{Clock as _, ManualClock};
use weir_engine::single_step::{Computed, SingleStep};
use weir_engine::{CheckErrors, Job};
use weir_host::World;

use crate::error::EmbedError;
use crate::guest_lines::GuestLines;
use crate::key_groups::KeyGroups;
use crate::process;
use columns::{taken_rows, taken_schema};
use made_pipeline::{MadePipeline, made_pipeline};
pub use options::OperatorOptions;
pub use states::Due;
use states::rows_of;

/// What the step is called in messages.
const STEP: &str = "operator";
/// The output of rows that could not be processed.
const DEAD_LETTER: &str = "dead-letter";

/// See the module.
pub struct BatchOperator {
    step: SingleStep,
    /// Whether the component is handed event times.
    reads_times: bool,
    clock: Arc<ManualClock>,
    /// Where the clock stands; `None`: it is that of the machine.
    stands_at: Option<i64>,
    /// The columns that the operator gets, and where the key is among them.
    taken: SchemaRef,
    keys: Vec<usize>,
    keeps_state: bool,
    key_groups: KeyGroups,
    outputs: Vec<(String, SchemaRef)>,
    on_error: String,
    /// Of an operator with keys: whether it has the state of a key group, from `begin` to `end`.
    has_begun: bool,
}

/// Rows, each batch with the number of the output that they are of.
pub type Emitted = Vec<(usize, RecordBatch)>;

impl BatchOperator {
    /// Loads a component, which is compiled once and then kept in the cache, and hands it its configuration and the columns of its input.
    ///
    /// # Errors
    /// If it is no operator that can run so, or refuses one of these.
    pub fn open(component: &[u8], options: &OperatorOptions, given: &Schema) -> Result<Self, EmbedError> {
        let host = process::host()?;
        let name = options.name.as_deref().unwrap_or(STEP);
        let loaded = host.load_bytes(component, name).map_err(|error| EmbedError::Operator(error.to_string()))?;
        check_world(name, loaded.world(), options)?;
        check_groups(options.key_groups())?;
        let taken = Arc::new(taken_schema(given));
        let keys = positions(&taken, &options.keys)?;
        check_event_time(&taken, options.event_time.as_deref())?;
        // The engine reads components from files.
        let io = |error| EmbedError::File { path: "a folder for components".to_owned(), error };
        let file = tempfile::Builder::new().prefix("weir-component-").suffix(".wasm").tempfile().map_err(io)?;
        std::fs::write(file.path(), component).map_err(io)?;
        let (text, reads_times) = made_pipeline(&loaded, file.path(), options, (&taken, &keys))?;
        let made = MadePipeline(text);
        let graph = parse(&made.0, std::path::Path::new(""), &[]).map_err(|error| {
            made.refused(error.problems.iter().map(|of| (of.message.as_str(), of.hint.as_deref(), of.span.clone())))
        })?;
        let job = Job::check(&graph, &StandardConnectors::new(), &host).map_err(|CheckErrors(errors)| {
            made.refused(errors.iter().map(|of| (of.message.as_str(), None, of.span.clone())))
        })?;
        let job = job.with_guest_log(Arc::new(GuestLines));
        let clock = Arc::new(ManualClock::default());
        let step = SingleStep::new(job, STEP, Arc::clone(&clock) as _)?;
        let outputs = step.outputs().into_iter().filter_map(|(name, schema)| Some((name, schema?))).collect();
        let on_error = options.on_error.clone().unwrap_or_default();
        let key_groups = KeyGroups::new(options.key_groups());
        let keeps_state = !keys.is_empty() || options.window.is_some();
        // Without state there is nothing to begin with.
        let has_begun = !keeps_state;
        Ok(Self {
            step,
            reads_times,
            clock,
            stands_at: None,
            taken,
            keys,
            keeps_state,
            key_groups,
            outputs,
            on_error,
            has_begun,
        })
    }

    /// The names of its outputs, the main one first, and their columns.
    #[must_use]
    pub fn outputs(&self) -> &[(String, SchemaRef)] {
        &self.outputs
    }

    /// Processes rows, which have the columns that were told at the beginning.
    ///
    /// # Errors
    /// If the columns are others, or a row cannot be processed, or has no event time, and `on-error` is `fail`.
    pub fn process(&mut self, rows: &RecordBatch) -> Result<Emitted, EmbedError> {
        self.process_at(rows, None).map(rows_of)
    }

    /// The same with event times, where the caller knows those; rows go out with theirs.
    ///
    /// # Errors
    /// As [`BatchOperator::process`].
    pub fn process_at(
        &mut self,
        rows: &RecordBatch,
        times: Option<ScalarBuffer<i64>>,
    ) -> Result<Vec<(usize, StreamBatch)>, EmbedError> {
        self.check_begun()?;
        let rows = taken_rows(rows, &self.taken)?;
        if rows.num_rows() == 0 {
            return Ok(Vec::new());
        }
        self.set_clock();
        if let Some(times) = times {
            return Ok(self.step.process_at(rows, times)?);
        }
        let (rows, mut emitted) = self.set_untimed_aside(rows)?;
        if rows.num_rows() > 0 {
            emitted.extend(self.step.process(rows)?);
        }
        Ok(emitted)
    }

    /// An operator without keys that gets, from now on, only the columns that it reads, and gives only those that it makes.
    ///
    /// # Errors
    /// If its component cannot be started.
    pub(crate) fn without_carried(mut self) -> Result<Self, EmbedError> {
        self.step = self.step.without_carried()?;
        Ok(self)
    }

    /// Whether it keeps state.
    pub(crate) fn keeps_state(&self) -> bool {
        self.keeps_state
    }

    /// Of each column of an output, the column of the rows that it is, for one that is without carried columns.
    pub(crate) fn carried(&self, output: usize) -> Vec<Option<usize>> {
        self.step.carried(output)
    }

    /// The columns that it gets, as one that is without carried columns.
    pub(crate) fn reads(&self) -> &[usize] {
        self.step.reads()
    }

    /// Whether it has any use for the event times of rows.
    pub(crate) fn reads_times(&self) -> bool {
        self.reads_times
    }

    /// Processes rows with the columns that it reads; without event times they have that of the clock.
    pub(crate) fn compute(
        &mut self,
        rows: RecordBatch,
        times: Option<ScalarBuffer<i64>>,
    ) -> Result<Vec<Computed>, EmbedError> {
        self.set_clock();
        let times = times.unwrap_or_else(|| vec![self.clock.now_us(); rows.num_rows()].into());
        Ok(self.step.compute(rows, times)?)
    }

    fn check_begun(&self) -> Result<(), EmbedError> {
        if self.has_begun {
            return Ok(());
        }
        Err(EmbedError::Operator(
            "it has no state: it begins with one, or with none, before rows and behind an end".to_owned(),
        ))
    }

    fn set_clock(&self) {
        self.clock.set_us(self.stands_at.unwrap_or_else(|| process::clock().now_us()));
    }
}

fn check_world(name: &str, world: World, options: &OperatorOptions) -> Result<(), EmbedError> {
    let reason = match (world, options.keys.is_empty(), options.window.is_some()) {
        (World::Transform, true, false) | (World::Keyed, false, false) | (World::Aggregate, _, true) => return Ok(()),
        (World::Transform | World::Keyed, _, true) => "and a window takes one that aggregates",
        (World::Transform, false, false) => "which keeps nothing per key: it takes no keys",
        (World::Keyed, true, false) => {
            "which keeps state per key, and no key was given: `transform_keyed` (Spark) and `WeirKeyed` (Flink) take keys"
        }
        (World::Aggregate, _, false) => "which needs a window: `WeirWindow` (Flink) makes one, or a pipeline",
    };
    Err(EmbedError::Operator(format!("{name} is of the kind {world}, {reason}")))
}

fn check_groups(groups: u32) -> Result<(), EmbedError> {
    match (1..=KEY_GROUPS_MAX).contains(&groups) {
        true => Ok(()),
        false => Err(EmbedError::Operator(format!(
            "there can be 1 to {KEY_GROUPS_MAX} key groups, not {groups}: choose another number"
        ))),
    }
}

/// A pipeline has more: texts and other numbers, with their form. A column that is not there is found later.
fn check_event_time(columns: &Schema, name: Option<&str>) -> Result<(), EmbedError> {
    let Some((name, field)) = name.and_then(|name| Some((name, columns.field_with_name(name).ok()?))) else {
        return Ok(());
    };
    match field.data_type() {
        DataType::Timestamp(..) | DataType::Date32 | DataType::Int64 => Ok(()),
        other => Err(EmbedError::Operator(format!(
            "the column {name:?} is {}, and an event time is a timestamp, a date, or an int64 of milliseconds: convert it",
            type_name(other)
        ))),
    }
}

fn positions(columns: &SchemaRef, names: &[String]) -> Result<Vec<usize>, EmbedError> {
    let mut positions = Vec::new();
    for name in names {
        let position = columns.index_of(name).map_err(|_| {
            let columns = columns_text(columns);
            EmbedError::Operator(format!("there is no column {name:?} for the key: there are {columns}"))
        })?;
        if positions.contains(&position) {
            return Err(EmbedError::Operator(format!("the key has the column {name:?} twice: name it once")));
        }
        positions.push(position);
    }
    Ok(positions)
}
