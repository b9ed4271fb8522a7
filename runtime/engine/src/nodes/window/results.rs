//! Makes output rows of groups that fire: key columns, window bounds, results; only the columns that somebody reads.
//!
//! A result that does not fit its type is no row: it goes where `on-error` says, as a letter with the key's columns, and the others are
//! emitted.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions, StringArray, TimestampMicrosecondArray,
};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, SchemaRef};
use weir_core::batch::{RowKinds, StreamBatch};
use weir_core::time::utc_text;
use weir_core::window::{PaneColumns, Window};
use weir_state::KeyIndex;

use super::aggregate_set::AggregateSet;
use super::entry::Pane;
use super::{WindowSpec, output_schema};
use crate::dataflow::operator::{OperatorError, Outputs};
use crate::nodes::dead_letter::{DeadLetters, key_rows, key_texts};

/// Results that are emitted at once at most: what the engine calls a large batch. After as many, rows downstream get their turn, and
/// a barrier can pass.
pub const RESULT_ROWS_MAX: usize = 8_192;

/// The main output.
const MAIN: usize = 0;

/// The shape of the output rows.
pub(super) struct Results {
    keys: usize,
    columns: Vec<usize>,
    schema: SchemaRef,
    /// The columns of the rows that come in, and which of them are keys.
    input: SchemaRef,
    key_columns: Vec<usize>,
    dead_letters: DeadLetters,
    /// How many aggregates there are.
    aggregates: usize,
    /// Whether windows have bounds.
    is_bounded: bool,
    pane: PaneColumns,
}

/// Groups that fire: row `i` of the output is the key in slot `key_slots[i]`, the window `windows[i]` and the group `groups[i]`.
pub(super) struct Fired<'a> {
    pub(super) keys: &'a KeyIndex,
    pub(super) key_slots: &'a [u32],
    pub(super) windows: &'a [Window],
    pub(super) aggregates: &'a AggregateSet,
    pub(super) groups: &'a [u32],
    /// What is said of each, besides; `None`: it is at the last instant of its window.
    pub(super) panes: Option<&'a [Pane]>,
    /// What each does to those before it.
    pub(super) kinds: Option<&'a RowKinds>,
}

impl<'a> Fired<'a> {
    /// Groups that fire once.
    pub(super) fn once(
        keys: &'a KeyIndex,
        key_slots: &'a [u32],
        windows: &'a [Window],
        aggregates: &'a AggregateSet,
        groups: &'a [u32],
    ) -> Self {
        Self { keys, key_slots, windows, aggregates, groups, panes: None, kinds: None }
    }

    fn times(&self) -> ScalarBuffer<i64> {
        match self.panes {
            Some(panes) => panes.iter().map(|pane| pane.time).collect(),
            None => self.windows.iter().map(Window::max_time).collect(),
        }
    }
}

impl Results {
    pub(super) fn new(spec: &WindowSpec) -> Result<Self, OperatorError> {
        let keys = spec.key_columns.len();
        let pane = spec.rules.as_ref().map(|bound| bound.rules.pane.clone()).unwrap_or_default();
        let all = || (0..keys + 2 + spec.aggregates.len() + pane.names().count()).collect();
        let columns = spec.projection.clone().unwrap_or_else(all);
        let dead_letters = spec.dead_letters();
        let (input, key_columns) = (spec.input.clone(), spec.key_columns.clone());
        Ok(Self {
            keys,
            columns,
            schema: output_schema(spec)?,
            input,
            key_columns,
            dead_letters,
            aggregates: spec.aggregates.len(),
            is_bounded: spec.window.is_bounded(),
            pane,
        })
    }

    /// Emits the results.
    pub(super) fn emit(&self, fired: &Fired<'_>, ingested_at: i64, out: &mut Outputs) -> Result<(), OperatorError> {
        let aggregates = self.columns.iter().filter_map(|column| column.checked_sub(self.keys + 2));
        let aggregates = aggregates.filter(|aggregate| *aggregate < self.aggregates);
        let bad: BTreeMap<usize, String> =
            aggregates.flat_map(|of| fired.aggregates.overflows(of, fired.groups)).collect();
        if bad.is_empty() {
            return self.emit_all(fired, ingested_at, out);
        }
        self.set_aside(fired, bad.iter(), ingested_at, out)?;
        let good: Vec<usize> = (0..fired.windows.len()).filter(|row| !bad.contains_key(row)).collect();
        let slots = |of: &[u32]| good.iter().filter_map(|row| of.get(*row).copied()).collect::<Vec<u32>>();
        let windows: Vec<Window> = good.iter().filter_map(|row| fired.windows.get(*row).copied()).collect();
        let (key_slots, groups) = (slots(fired.key_slots), slots(fired.groups));
        let panes: Option<Vec<Pane>> =
            fired.panes.map(|panes| good.iter().filter_map(|row| panes.get(*row).copied()).collect());
        let kinds = fired.kinds.map(|kinds| kinds.take(&good.iter().map(|row| *row as u32).collect::<Vec<_>>()));
        let (panes, kinds) = (panes.as_deref(), kinds.as_ref());
        let good = Fired { key_slots: &key_slots, windows: &windows, groups: &groups, panes, kinds, ..*fired };
        self.emit_all(&good, ingested_at, out)
    }

    /// Results that do not fit their type, by row.
    fn set_aside<'a>(
        &self,
        fired: &Fired<'_>,
        bad: impl Iterator<Item = (&'a usize, &'a String)>,
        ingested_at: i64,
        out: &mut Outputs,
    ) -> Result<(), OperatorError> {
        let (mut slots, mut windows, mut reasons) = (Vec::new(), Vec::new(), Vec::new());
        for (row, reason) in bad {
            slots.extend(fired.key_slots.get(*row));
            windows.extend(fired.windows.get(*row));
            reasons.push(reason.as_str());
        }
        let keys = fired.keys.keys(&slots)?;
        let texts = key_texts(&self.input, &self.key_columns, &keys, windows.len());
        let reason = |((window, key), reason): ((&Window, String), &str)| {
            let of = if key.is_empty() { String::new() } else { format!(" of {key}") };
            if !self.is_bounded {
                return format!("{reason}, in the window{of}");
            }
            format!("{reason}, in the window{of} from {} to {}", utc_text(window.start), utc_text(window.end))
        };
        let reasons = windows.iter().zip(texts).zip(reasons).map(reason).collect();
        let times = windows.iter().map(Window::max_time).collect();
        let rows = key_rows(&self.input, &self.key_columns, &keys, times, ingested_at)?;
        self.dead_letters.take_results(rows, reasons, out)
    }

    /// One of the columns of [`pane_fields`].
    fn pane_column(&self, place: usize, panes: &[Pane]) -> ArrayRef {
        let of = [&self.pane.timing, &self.pane.index, &self.pane.final_index, &self.pane.last];
        let given = of.iter().enumerate().filter(|(_, name)| name.is_some());
        match given.map(|(column, _)| column).nth(place) {
            Some(0) => Arc::new(StringArray::from_iter_values(panes.iter().map(|pane| pane.timing.name()))),
            Some(1) => Arc::new(Int64Array::from_iter_values(panes.iter().map(|pane| pane.index))),
            Some(2) => {
                let index = |pane: &Pane| Some(pane.final_index).filter(|index| *index >= 0);
                Arc::new(panes.iter().map(index).collect::<Int64Array>())
            }
            _ => Arc::new(BooleanArray::from(panes.iter().map(|pane| pane.is_last).collect::<Vec<_>>())),
        }
    }

    fn emit_all(&self, fired: &Fired<'_>, ingested_at: i64, out: &mut Outputs) -> Result<(), OperatorError> {
        let rows = fired.windows.len();
        if rows == 0 {
            return Ok(());
        }
        let keys = match self.columns.first() {
            Some(first) if *first < self.keys => fired.keys.keys(fired.key_slots)?,
            _ => Vec::new(),
        };
        let bounds = |bound: fn(&Window) -> i64| -> ArrayRef {
            if !self.is_bounded {
                return Arc::new(TimestampMicrosecondArray::new_null(rows).with_timezone("UTC"));
            }
            let times = fired.windows.iter().map(bound);
            Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"))
        };
        let column = |index: &usize| match index.checked_sub(self.keys) {
            None => Ok(keys[*index].clone()),
            Some(0) => Ok(bounds(|w| w.start)),
            Some(1) => Ok(bounds(|w| w.end)),
            Some(after) if after - 2 < self.aggregates => fired.aggregates.finish(after - 2, fired.groups),
            Some(after) => Ok(self.pane_column(after - 2 - self.aggregates, fired.panes.unwrap_or_default())),
        };
        let columns = self.columns.iter().map(column).collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let made = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?;
        let all = StreamBatch { row_kinds: fired.kinds.cloned(), ..StreamBatch::new(made, fired.times(), ingested_at) };
        for offset in (0..rows).step_by(RESULT_ROWS_MAX) {
            out.emit(MAIN, all.slice(offset, RESULT_ROWS_MAX.min(rows - offset)));
        }
        Ok(())
    }
}

/// The columns that say which firing a result is of, as the names are given.
pub(super) fn pane_fields(pane: &PaneColumns) -> Vec<FieldRef> {
    let field = |name: &Option<String>, data_type: DataType, nullable| {
        name.as_ref().map(|name| Arc::new(Field::new(name, data_type, nullable)))
    };
    let fields = [
        field(&pane.timing, DataType::Utf8, false),
        field(&pane.index, DataType::Int64, false),
        field(&pane.final_index, DataType::Int64, true),
        field(&pane.last, DataType::Boolean, false),
    ];
    fields.into_iter().flatten().collect()
}

/// Groups of windows that have fired before and got another row. Each is what it was at that row, so it is copied.
pub(super) struct Refirings {
    keys: KeyIndex,
    key_slots: Vec<u32>,
    windows: Vec<Window>,
    aggregates: AggregateSet,
}

impl Refirings {
    pub(super) fn new(spec: &WindowSpec) -> Result<Self, OperatorError> {
        let keys = KeyIndex::new(&spec.key_fields())?;
        Ok(Self { keys, key_slots: Vec::new(), windows: Vec::new(), aggregates: AggregateSet::new(spec)? })
    }

    /// Begins the results of windows, each for the key that `keys` has in its slot; returns their groups in [`Refirings::merge`].
    pub(super) fn begin(&mut self, windows: &[Window], keys: &KeyIndex, slots: &[u32]) -> Vec<u32> {
        let mut own = Vec::new();
        self.keys.slots_from(keys, slots, &mut own);
        let first = self.windows.len();
        self.windows.extend_from_slice(windows);
        self.key_slots.extend(own);
        self.aggregates.resize(self.windows.len());
        (first as u32..self.windows.len() as u32).collect()
    }

    /// Adds what groups of another set hold now to these, which are distinct.
    pub(super) fn merge(&mut self, groups: &[u32], other: &AggregateSet, from: &[u32]) -> Result<(), OperatorError> {
        self.aggregates.merge_from(groups, other, from)
    }

    /// Emits all and forgets them.
    pub(super) fn emit(&mut self, results: &Results, ingested_at: i64, out: &mut Outputs) -> Result<(), OperatorError> {
        if self.windows.is_empty() {
            return Ok(());
        }
        let groups: Vec<u32> = (0..self.windows.len() as u32).collect();
        let Self { keys, key_slots, windows, aggregates } = self;
        results.emit(&Fired::once(keys, key_slots, windows, aggregates, &groups), ingested_at, out)?;
        keys.clear();
        key_slots.clear();
        windows.clear();
        aggregates.clear();
        Ok(())
    }
}
