//! The types of the contract (`wit/`) as plain Rust, the same in a guest and in a native test.
//!
//! In a guest the generated bindings use these very types (`with` in `guest.rs`), so nothing is converted. What each field
//! means is said in the WIT files; nothing here adds to it. Authors of operators never need this module.

/// `types.buffer`: packed values in Arrow's layout, little endian.
pub type Buffer = Vec<u8>;
/// `types.schema`: fields in pre-order.
pub type Schema = Vec<Field>;

/// `types.field`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The column's name; of a list's child: `item`.
    pub name: String,
    /// The type, as the Arrow C data interface writes it.
    pub format: String,
    /// Whether it may hold nulls.
    pub nullable: bool,
    /// How many direct children follow.
    pub children: u32,
}

/// `types.node`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Values of this node.
    pub length: u32,
    /// How many of them are null.
    pub null_count: u32,
    /// As Arrow orders them for the format, validity first.
    pub buffers: Vec<Buffer>,
}

/// `types.batch`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Rows in this batch.
    pub rows: u32,
    /// The columns of `plan.reads`, nodes in pre-order.
    pub columns: Vec<Node>,
    /// int64 per row, microseconds; may be empty.
    pub event_times: Buffer,
    /// uint8 per row; may be empty.
    pub row_kinds: Buffer,
}

/// `types.states`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct States {
    /// How many keys (or groups).
    pub keys: u32,
    /// One bit per key; may be empty: all have a state.
    pub present: Buffer,
    /// The columns of the state, one row per key.
    pub columns: Vec<Node>,
}

/// `types.selection`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// Every row, once, in order.
    All,
    /// No row.
    #[default]
    Empty,
    /// uint32 per output row.
    Indices(Buffer),
}

/// `types.delta`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// The input rows that the output rows come from.
    pub rows: Selection,
    /// The computed columns, nodes in pre-order.
    pub computed: Vec<Node>,
    /// int64 per output row; may be empty.
    pub event_times: Buffer,
    /// uint8 per output row; may be empty.
    pub row_kinds: Buffer,
}

/// `types.row-failure`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowFailure {
    /// Its index in the batch of the call.
    pub row: u32,
    /// Why.
    pub reason: String,
}

/// `types.changelog-mode`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChangelogMode {
    /// Inserts only.
    #[default]
    InsertOnly,
    /// No update-befores.
    Upsert,
    /// All kinds.
    Retract,
}

impl ChangelogMode {
    /// What the generated bindings call.
    #[doc(hidden)]
    #[must_use]
    pub fn _lift(case: u8) -> Self {
        match case {
            1 => Self::Upsert,
            2 => Self::Retract,
            _ => Self::InsertOnly,
        }
    }
}

/// `types.kept-column`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptColumn {
    /// Which input it comes from.
    pub input: u32,
    /// Its index in that input's schema.
    pub column: u32,
    /// A new name.
    pub name: Option<String>,
}

/// `types.output-column`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutputColumn {
    /// Carried over by the host.
    Kept(KeptColumn),
    /// Made by the operator.
    Computed(Schema),
}

/// `types.output`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// `main`, or a side output's name.
    pub name: String,
    /// Its columns, in order.
    pub columns: Vec<OutputColumn>,
    /// The kinds of its rows.
    pub changelog: ChangelogMode,
}

/// `types.operator-info`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperatorInfo {
    /// A short name for people.
    pub title: Option<String>,
    /// What the configuration may be: a JSON Schema, as JSON.
    pub config_schema: Option<String>,
}

/// `types.state-layout`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateLayout {
    /// Raised when the columns change their meaning.
    pub version: u32,
    /// One column per field.
    pub columns: Schema,
}

/// `types.input`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// What the operator knows it by.
    pub name: String,
    /// The columns of its rows.
    pub columns: Schema,
    /// Indices of the columns that it is keyed by.
    pub keys: Vec<u32>,
    /// The kinds of its rows.
    pub changelog: ChangelogMode,
}

/// `types.map-layout`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapLayout {
    /// What checkpoints know it by.
    pub name: String,
    /// The columns that an entry is found by.
    pub key: Schema,
    /// The columns of an entry's value.
    pub value: Schema,
}

/// `types.plan`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// For every input the indices of the columns that are passed in.
    pub reads: Vec<Vec<u32>>,
    /// Whether `batch.event-times` is wanted.
    pub reads_event_times: bool,
    /// The main output, then side outputs.
    pub outputs: Vec<Output>,
    /// For keyed operators and aggregates.
    pub state: Option<StateLayout>,
    /// For keyed operators.
    pub maps: Vec<MapLayout>,
}

/// `keyed.time-domain`
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimeDomain {
    /// The watermark.
    EventTime,
    /// The wall clock.
    ProcessingTime,
}

/// `keyed.timers`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timers {
    /// The clock that they follow.
    pub domain: TimeDomain,
    /// uint32 per timer: the key.
    pub keys: Buffer,
    /// int64 per timer, microseconds.
    pub times: Buffer,
}

/// `keyed.timer-changes`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimerChanges {
    /// New timers.
    pub add: Vec<Timers>,
    /// Timers to forget.
    pub remove: Vec<Timers>,
}

/// `keyed.map-changes`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapChanges {
    /// The map, an index into `plan.maps`.
    pub map_index: u32,
    /// uint32 per change: the key.
    pub keys: Buffer,
    /// The keys of the entries, one row per change.
    pub entry_keys: Vec<Node>,
    /// One bit per change: whether the entry is there from now on. May be empty: all are.
    pub present: Buffer,
    /// The values, one row per change.
    pub values: Vec<Node>,
}

/// `maps.found`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// One bit per entry asked for.
    pub present: Buffer,
    /// One row per entry asked for.
    pub values: Vec<Node>,
}

/// `maps.page`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// How many entries.
    pub entries: u32,
    /// Their keys.
    pub entry_keys: Vec<Node>,
    /// Their values.
    pub values: Vec<Node>,
    /// Whether more follow.
    pub more: bool,
}

/// `maps.bound`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// At the first entry, or the last.
    Unbounded,
    /// At this entry's key, with it.
    Included(Vec<Node>),
    /// At this entry's key, without it.
    Excluded(Vec<Node>),
}

/// `keyed.keyed-delta`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyedDelta {
    /// One per output.
    pub outputs: Vec<Delta>,
    /// Refused rows or timers.
    pub rejected: Vec<RowFailure>,
    /// Which keys' states changed.
    pub changed: Selection,
    /// What they are now.
    pub states: States,
    /// Changes to maps.
    pub maps: Vec<MapChanges>,
    /// Timers, by the key indices of the call.
    pub timers: TimerChanges,
}

/// `keyed.clock`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Microseconds; `None` before the first watermark.
    pub watermark: Option<i64>,
    /// Microseconds.
    pub processing_time: i64,
}

/// `transform.transform-delta`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransformDelta {
    /// One per output.
    pub outputs: Vec<Delta>,
    /// Refused rows.
    pub rejected: Vec<RowFailure>,
}

/// `aggregate.accumulated`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accumulated {
    /// The columns of all accumulators of the call.
    pub accumulators: Vec<Node>,
    /// Refused rows.
    pub rejected: Vec<RowFailure>,
}
