//! Operators with state and timers per key.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::column::{ColumnRef, value};
use crate::config;
use crate::emit::OutputPlan;
use crate::map::MapsOfCall;
use crate::rewind::Rewind;
use crate::schema::{Positions, Reads};
use crate::state::{self, Slot, Slots};
use crate::timer::Changes;
use crate::transform::only_input;
use crate::wire::{self, Batch, Field, Input, KeyedDelta, Node, Plan, States};

pub use crate::emit::{Emitter, Outputs};
pub use crate::error::RowError;
pub use crate::map::{Map, MapKey, MapValue, Maps, Prefetch};
pub use crate::row::{ReadRow, Row};
pub use crate::schema::Schema;
pub use crate::state::{OldStates, State};
pub use crate::timer::{Timer, Timers};
pub use crate::timestamp::Timestamp;
pub use crate::wire::{MapLayout, OperatorInfo, TimeDomain};
#[doc(inline)]
pub use crate::{__export_keyed as export, derive::Outputs, derive::Row};

/// An operator with state and timers per key. The struct is its configuration, as with [`crate::transform::Transform`]; what it has
/// to remember is in the state, which the host keeps, in columns.
///
/// ```
/// use weir_sdk::keyed::{Emitter, KeyContext, Keyed, Row, RowError, export};
///
/// /// Emits a reading when it differs from the last one of its sensor.
/// #[derive(serde::Deserialize)]
/// struct Changes;
///
/// #[derive(Row)]
/// struct Reading {
///     celsius: f64,
/// }
///
/// #[derive(Row)]
/// struct Last {
///     celsius: f64,
/// }
///
/// #[derive(Row)]
/// #[row(keep_all)]
/// struct Changed;
///
/// impl Keyed for Changes {
///     type Key<'a> = ();
///     type Input<'a> = Reading;
///     type State = Last;
///     type Output<'a> = Changed;
///
///     fn process(&self, reading: Reading, of: &mut KeyContext<'_, (), Last>, out: &mut Emitter<Changed>) -> Result<(), RowError> {
///         if of.state.as_ref().is_none_or(|last| last.celsius != reading.celsius) {
///             *of.state = Some(Last { celsius: reading.celsius });
///             out.emit(Changed);
///         }
///         Ok(())
///     }
/// }
///
/// export!(Changes);
/// ```
pub trait Keyed: DeserializeOwned {
    /// The key columns that it looks at, by name; `()`: none.
    type Key<'a>: ReadRow<'a>;
    /// The columns that it reads. May borrow from the batch.
    type Input<'a>: ReadRow<'a>;
    /// What is kept per key.
    type State: for<'r> ReadRow<'r>;
    /// What it emits. In a row that a timer emits, kept columns other than the key are null.
    type Output<'a>: Outputs;
    /// Raised when the fields of the state change their meaning; [`Keyed::migrate`] bridges versions.
    const VERSION: u32 = 1;

    /// Processes one row. Rows of a key come in the order of their arrival.
    ///
    /// # Errors
    /// If this row is bad; nothing that it did counts. If it has changed the state, the rows of its key before it run again, so
    /// the same row must do the same to state and maps.
    fn process<'a>(
        &self,
        row: Self::Input<'a>,
        of: &mut KeyContext<'_, Self::Key<'a>, Self::State>,
        out: &mut Emitter<Self::Output<'a>>,
    ) -> Result<(), RowError>;

    /// A timer of a key is due. What it does to the key's other timers counts before they come, also if those are due as well.
    ///
    /// # Errors
    /// If it cannot be dealt with; nothing that it did counts, and it does not come again.
    fn on_timer<'a>(
        &self,
        timer: Timer,
        of: &mut KeyContext<'_, Self::Key<'a>, Self::State>,
        out: &mut Emitter<Self::Output<'a>>,
    ) -> Result<(), RowError> {
        let _ = (timer, of, out);
        Ok(())
    }

    /// The maps that it reads and changes: [`Map::layout`] of each.
    #[must_use]
    fn maps() -> Vec<MapLayout> {
        Vec::new()
    }

    /// Names the entries that [`Keyed::process`] will look at for a row, so that the host is asked once for a whole batch. It is only
    /// for speed: an entry that is not named is read when it is looked at.
    fn prefetch<'a>(&self, row: &Self::Input<'a>, key: &Self::Key<'a>, entries: &mut Prefetch<'_>) {
        let _ = (row, key, entries);
    }

    /// States of another version, one entry per key. By default the columns are matched by name, and all must be there, with their types.
    ///
    /// # Errors
    /// If they cannot be read; the message is shown when the operator is deployed.
    fn migrate(&self, from_version: u32, states: &OldStates<'_>) -> Result<Vec<Option<Self::State>>, String> {
        let _ = from_version;
        states.read_whole()
    }

    /// As [`crate::transform::Transform::about`].
    #[must_use]
    fn about() -> OperatorInfo {
        OperatorInfo::default()
    }

    /// As [`crate::transform::Transform::column_of`].
    fn column_of<'s>(&'s self, field: &'s str, input: &Schema<'s>) -> &'s str {
        let _ = input;
        field
    }
}

/// What an operator sees of the key of a row or of a timer.
#[derive(Debug)]
pub struct KeyContext<'c, K, S> {
    /// The key.
    pub key: K,
    /// Its state.
    pub state: State<'c, S>,
    /// Its entries in the maps of [`Keyed::maps`].
    pub maps: Maps<'c>,
    /// Its timers.
    pub timers: Timers<'c>,
    /// `None` before the first watermark.
    pub watermark: Option<Timestamp>,
    /// The wall clock, as the engine sees it.
    pub processing_time: Timestamp,
}

/// A keyed operator that is connected to its input.
#[derive(Debug)]
pub struct Connected<Op> {
    operator: Op,
    reads: Reads,
    input_positions: Positions,
    key_positions: Positions,
    /// The key columns as `on_timer` gets them.
    timer_keys: Reads,
    timer_key_positions: Positions,
    outputs: Vec<OutputPlan>,
    maps: Arc<[MapLayout]>,
}

/// A connected keyed operator of any type: the functions of the interface `keyed`.
pub trait Process {
    /// `keyed.process`
    ///
    /// # Errors
    /// As the contract says.
    fn process(&self, rows: Batch, key_of_row: Vec<u8>, states: States, now: wire::Clock)
    -> Result<KeyedDelta, String>;

    /// `keyed.on-timer`
    ///
    /// # Errors
    /// As the contract says.
    fn on_timer(&self, due: wire::Timers, keys: Batch, states: States, now: wire::Clock) -> Result<KeyedDelta, String>;

    /// `keyed.migrate`
    ///
    /// # Errors
    /// As the contract says.
    fn migrate(&self, from_version: u32, layout: Vec<Field>, states: States) -> Result<Vec<Node>, String>;
}

impl<Op: Keyed> Connected<Op> {
    /// `describe` of the interface
    ///
    /// # Errors
    /// If the configuration or a column does not fit.
    pub fn describe(config: &str, inputs: &[Input]) -> Result<(Self, Plan), String> {
        Self::connect(config::parse(config)?, inputs)
    }

    /// As [`Connected::describe`], for an operator that is configured.
    ///
    /// # Errors
    /// If a column does not fit.
    pub fn connect(operator: Op, inputs: &[Input]) -> Result<(Self, Plan), String> {
        let input = only_input(inputs)?;
        let schema = Schema::new(&input.columns);
        let mut reads = Reads::default();
        let column_of = |field: &str| operator.column_of(field, &schema).to_owned();
        let input_positions = reads.want::<Op::Input<'_>>(&schema, column_of)?;
        let key_fields = key_columns(input);
        let key_schema = Schema::new(&key_fields);
        let mut timer_keys = Reads::all(&key_schema);
        let timer_key_positions = timer_keys
            .want::<Op::Key<'_>>(&key_schema, str::to_owned)
            .map_err(|e| format!("among the columns that the input is keyed by: {e}"))?;
        let key_positions = reads.want::<Op::Key<'_>>(&schema, str::to_owned)?;
        let outputs = <Op::Output<'_> as Outputs>::describe(&schema)?;
        let plan = Plan {
            reads: vec![reads.indices.clone()],
            reads_event_times: <Op::Input<'_> as Row>::HAS_EVENT_TIME,
            outputs: outputs.iter().map(|o| o.output.clone()).collect(),
            state: Some(state::layout::<Op::State>(Op::VERSION)),
            maps: Op::maps(),
        };
        let maps = plan.maps.as_slice().into();
        let this =
            Self { operator, reads, input_positions, key_positions, timer_keys, timer_key_positions, outputs, maps };
        Ok((this, plan))
    }
}

/// The schema of the columns that an input is keyed by, in their order.
fn key_columns(input: &Input) -> Vec<Field> {
    let columns = Schema::new(&input.columns).columns();
    let keys = input.keys.iter().filter_map(|key| columns.get(*key as usize));
    keys.flat_map(|c: &ColumnRef<'_>| c.fields.to_vec()).collect()
}

impl<Op: Keyed> Process for Connected<Op> {
    fn process(
        &self,
        rows: Batch,
        key_of_row: Vec<u8>,
        states: States,
        now: wire::Clock,
    ) -> Result<KeyedDelta, String> {
        let call = Call { columns: &rows, key_of_row: &key_of_row, states: &states, now };
        process(self, &call)
    }

    fn on_timer(&self, due: wire::Timers, keys: Batch, states: States, now: wire::Clock) -> Result<KeyedDelta, String> {
        let call = Call { columns: &keys, key_of_row: &due.keys, states: &states, now };
        on_timer(self, &call, due.domain, &due.times)
    }

    fn migrate(&self, from_version: u32, layout: Vec<Field>, states: States) -> Result<Vec<Node>, String> {
        let old = OldStates::new(from_version, &layout, &states);
        let migrated = self.operator.migrate(from_version, &old)?;
        old.write(&migrated)
    }
}

/// The arguments of `process` and `on-timer`.
struct Call<'a> {
    columns: &'a Batch,
    key_of_row: &'a [u8],
    states: &'a States,
    now: wire::Clock,
}

fn process<'a, Op: Keyed>(this: &'a Connected<Op>, call: &Call<'a>) -> Result<KeyedDelta, String> {
    let batch = call.columns;
    let roots = this.reads.columns(&batch.columns);
    let rows = this.input_positions.open::<Op::Input<'a>>(&roots, &batch.event_times, batch.rows)?;
    let keys = this.key_positions.open::<Op::Key<'a>>(&roots, &[], batch.rows)?;
    let mut out = Emitter::new(batch.rows);
    out.refused.refuse_nulls::<Op::Input<'a>>(&rows, batch.rows as usize);
    let mut maps = MapsOfCall::new(&this.maps);
    if !this.maps.is_empty() {
        let (key_of_row, _) = call.key_of_row.as_chunks();
        for row in (0..batch.rows as usize).filter(|row| !out.refused.contains(*row)) {
            let mut entries = Prefetch::new(u32::from_le_bytes(value(key_of_row, row)), &mut maps);
            let (input, key) = (Op::Input::read_row(&rows, row), Op::Key::read_row(&keys, row));
            this.operator.prefetch(&input, &key, &mut entries);
        }
        maps.prefetch();
    }
    each_row::<Op>(this, call, &keys, (maps, out), |row, of, out| {
        this.operator.process(Op::Input::read_row(&rows, row), of, out)
    })
}

fn on_timer<'a, Op: Keyed>(
    this: &'a Connected<Op>,
    call: &Call<'a>,
    domain: TimeDomain,
    times: &[u8],
) -> Result<KeyedDelta, String> {
    let roots = this.timer_keys.columns(&call.columns.columns);
    let keys = this.timer_key_positions.open::<Op::Key<'a>>(&roots, &[], call.columns.rows)?;
    let (times, _) = times.as_chunks();
    let maps = MapsOfCall::new(&this.maps);
    each_row::<Op>(this, call, &keys, (maps, Emitter::new(call.columns.rows)), |row, of, out| {
        let time = Timestamp(i64::from_le_bytes(value(times, row)));
        this.operator.on_timer(Timer { time, domain }, of, out)
    })
}

/// Calls `step` for every row (or timer) in the context of its key, and collects what changed. What a refused row did to its
/// state, its entries, its timers and the outputs is taken back.
fn each_row<'a, Op: Keyed>(
    this: &'a Connected<Op>,
    call: &Call<'a>,
    keys: &<Op::Key<'a> as ReadRow<'a>>::Columns,
    (mut maps, mut out): (MapsOfCall, Emitter<Op::Output<'a>>),
    step: impl Fn(usize, &mut KeyContext<'_, Op::Key<'a>, Op::State>, &mut Emitter<Op::Output<'a>>) -> Result<(), RowError>,
) -> Result<KeyedDelta, String> {
    out.refused.refuse_nulls::<Op::Key<'a>>(keys, call.columns.rows as usize);
    let (key_of_row, _) = call.key_of_row.as_chunks();
    let mut slots = Slots::<Op::State>::read(call.states)?;
    let mut timers = Changes::default();
    let mut rewind = Rewind::new(call.states, call.key_of_row);
    let key_at = |row: usize| u32::from_le_bytes(value(key_of_row, row));
    let run = |row: usize,
               slot: &mut Slot<Op::State>,
               maps: &mut MapsOfCall,
               timers: &mut Changes,
               out: &mut Emitter<Op::Output<'a>>| {
        let mut of = KeyContext {
            key: Op::Key::read_row(keys, row),
            state: slot.at(row),
            maps: Maps::new(key_at(row), row, maps),
            timers: Timers::new(key_at(row), timers),
            watermark: call.now.watermark.map(Timestamp),
            processing_time: Timestamp(call.now.processing_time),
        };
        out.at(row);
        step(row, &mut of, out)
    };
    for row in 0..call.columns.rows as usize {
        if out.refused.contains(row) {
            continue;
        }
        let slot = slots.get(key_at(row) as usize)?;
        let timers_before = timers.len();
        let Err(error) = run(row, slot, &mut maps, &mut timers, &mut out) else { continue };
        out.refuse_this(error)?;
        timers.truncate(timers_before);
        maps.take_back(key_at(row), row);
        if slot.is_changed_by(row) {
            *slot = rewind.before(row, &out.refused, |row, slot, is_first| {
                if is_first {
                    maps.take_back(key_at(row), row);
                }
                run(row, slot, &mut maps, &mut Changes::default(), &mut Emitter::new(0))
            })?;
        }
    }
    let (changed, states) = slots.changes();
    let (outputs, rejected) = out.finish(&this.outputs);
    Ok(KeyedDelta { outputs, rejected, changed, states, maps: maps.finish(), timers: timers.finish() })
}
