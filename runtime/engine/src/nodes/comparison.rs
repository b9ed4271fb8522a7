//! Two versions' answers to the same call, compared row by row. Rows belong together if they come from the same input row. It
//! calls no component.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, UInt32Array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::kernels::cmp::distinct;
use arrow::compute::take;
use arrow::error::ArrowError;
use arrow::row::{Row, RowConverter, SortField};
use hashbrown::HashMap;
use weir_core::batch::StreamBatch;
use weir_core::limits::{SHADOW_PAIRS_MAX, SHADOW_TEXT_BYTES_MAX};
use weir_host::{Plan, Selection};

use super::delta::OutputBatch;
use crate::dataflow::row_text::{cell_text, row_text};
use crate::replace::shadow::{Change, Comparer, Comparison, Difference};

impl Comparer<'_> {
    /// Compares what two versions make of a call with so many inputs, output by output.
    pub(crate) fn outputs(
        &self,
        plan: &Plan,
        inputs: usize,
        old: &[OutputBatch],
        new: &[OutputBatch],
    ) -> Result<Vec<(String, Comparison)>, ArrowError> {
        let outputs = plan.outputs.iter().zip(old.iter().zip(new));
        let compare = |part: &str, old, new| Comparer { part, ..*self }.compare(inputs, old, new);
        outputs.map(|(output, (old, new))| Ok((output.name.clone(), compare(&output.name, old, new)?))).collect()
    }

    /// Compares what two versions make of a call with so many inputs.
    pub(crate) fn compare(
        &self,
        inputs: usize,
        old: &OutputBatch,
        new: &OutputBatch,
    ) -> Result<Comparison, ArrowError> {
        let (old_columns, new_columns) = (columns(&old.batch), columns(&new.batch));
        if old.selection == new.selection {
            let input = |row| input_of(&old.selection, row);
            return self.values(&old.batch, old_columns, new_columns, &input);
        }
        let Alignment { both: [old_rows, new_rows], only_old, only_new } =
            align(inputs, &old.selection, &new.selection);
        let pick = |columns: Vec<ArrayRef>, rows: &[u32]| {
            let rows = UInt32Array::from(rows.to_vec());
            columns.iter().map(|column| take(column, &rows, None)).collect::<Result<Vec<_>, _>>()
        };
        let (old_columns, new_columns) = (pick(old_columns, &old_rows)?, pick(new_columns, &new_rows)?);
        let input = |row| old_rows.get(row as usize).map_or(0, |row| input_of(&old.selection, *row));
        let mut found = self.values(&old.batch, old_columns, new_columns, &input)?;
        let only = (only_old.len() + only_new.len()) as u64;
        (found.rows, found.differing) = (found.rows + only, found.differing + only);
        let one_sided = [(Change::OnlyOld, only_old.len() as u64), (Change::OnlyNew, only_new.len() as u64)];
        found.changes.extend(one_sided.into_iter().filter(|(_, rows)| *rows > 0));
        let text = |made: &OutputBatch, row: u32| Some(cut(row_text(&made.batch.rows, row as usize)));
        let gone =
            only_old.iter().map(|row| self.difference(input_of(&old.selection, *row), None, text(old, *row), None));
        let come =
            only_new.iter().map(|row| self.difference(input_of(&new.selection, *row), None, None, text(new, *row)));
        let room = self.examples_max.saturating_sub(found.examples.len());
        found.examples.extend(gone.chain(come).take(room));
        Ok(found)
    }

    /// Rows that belong together, in the same places; `input` says what a row was made of.
    fn values(
        &self,
        batch: &StreamBatch,
        old: Vec<ArrayRef>,
        new: Vec<ArrayRef>,
        input: &dyn Fn(u32) -> u32,
    ) -> Result<Comparison, ArrowError> {
        let rows = old.first().map_or(0, Array::len);
        let differing: Vec<Option<BooleanBuffer>> =
            old.iter().zip(&new).map(|(old, new)| differing(old, new)).collect();
        let Some(any) = differing.iter().flatten().cloned().reduce(|a, b| &a | &b) else {
            return Ok(Comparison { rows: rows as u64, ..Comparison::default() });
        };
        let examples = any.set_indices().flat_map(|row| {
            let (old, new) = (&old, &new);
            let columns = differing.iter().enumerate();
            let columns =
                columns.filter(move |(_, differs)| differs.as_ref().is_some_and(|differs| differs.value(row)));
            columns.map(move |(column, _)| {
                let text = |of: &[ArrayRef]| Some(cut(cell_text(&of[column], row)));
                self.difference(input(row as u32), Some(name(batch, column)), text(old), text(new))
            })
        });
        let columns = differing.iter().enumerate().filter_map(|(column, differs)| Some((column, differs.as_ref()?)));
        let mut found = BTreeMap::new();
        for (column, differs) in columns {
            found.append(&mut changes(name(batch, column), differs, &old[column], &new[column])?);
        }
        Ok(Comparison {
            rows: rows as u64,
            differing: any.count_set_bits() as u64,
            changes: found,
            examples: examples.take(self.examples_max).collect(),
        })
    }

    fn difference(&self, input: u32, column: Option<String>, old: Option<String>, new: Option<String>) -> Difference {
        let key = self.key.map(|key| cut(key(input)));
        Difference { operator: self.operator.to_owned(), part: self.part.to_owned(), key, column, old, new }
    }
}

/// Which rows of two answers belong together.
struct Alignment {
    /// Rows of the old answer and, in the same order, those of the new one.
    both: [Vec<u32>; 2],
    only_old: Vec<u32>,
    only_new: Vec<u32>,
}

fn align(inputs: usize, old: &Selection, new: &Selection) -> Alignment {
    let mut rows: HashMap<(u32, u32), u32> = origins(inputs, old).into_iter().zip(0..).collect();
    let mut found = Alignment { both: [Vec::new(), Vec::new()], only_old: Vec::new(), only_new: Vec::new() };
    for (origin, row) in origins(inputs, new).into_iter().zip(0..) {
        match rows.remove(&origin) {
            Some(old_row) => {
                found.both[0].push(old_row);
                found.both[1].push(row);
            }
            None => found.only_new.push(row),
        }
    }
    found.only_old.extend(rows.into_values());
    found.only_old.sort_unstable();
    found
}

/// The input that an output row comes from.
fn input_of(selection: &Selection, row: u32) -> u32 {
    match selection {
        Selection::Rows(rows) => rows.get(row as usize).copied().unwrap_or(row),
        Selection::All | Selection::None => row,
    }
}

/// Of each output row the input row that it comes from, and how many came from that before.
fn origins(inputs: usize, selection: &Selection) -> Vec<(u32, u32)> {
    match selection {
        Selection::All => (0..inputs as u32).map(|input| (input, 0)).collect(),
        Selection::None => Vec::new(),
        Selection::Rows(rows) => {
            let mut before = vec![0; inputs];
            let origin = |input: &u32| {
                let before = &mut before[*input as usize];
                *before += 1;
                (*input, *before - 1)
            };
            rows.iter().map(origin).collect()
        }
    }
}

/// The columns of a batch, its event times last.
fn columns(batch: &StreamBatch) -> Vec<ArrayRef> {
    let event_times: ArrayRef = Arc::new(Int64Array::new(batch.event_times.clone(), None));
    batch.rows.columns().iter().cloned().chain([event_times]).collect()
}

fn name(batch: &StreamBatch, column: usize) -> String {
    batch.rows.schema_ref().fields().get(column).map_or("event time", |field| field.name().as_str()).to_owned()
}

/// The rows in which two columns differ; `None`: in none.
fn differing(old: &ArrayRef, new: &ArrayRef) -> Option<BooleanBuffer> {
    if old == new {
        return None;
    }
    let by_row = |row| old.slice(row, 1) != new.slice(row, 1);
    // The kernel has no nested types.
    let differs = distinct(old, new).map_or_else(|_| (0..old.len()).map(by_row).collect(), |d| d.values().clone());
    (differs.count_set_bits() > 0).then_some(differs)
}

/// How many rows have which values of a column instead of which. Only one row of each kind is made text of.
fn changes(
    column: String,
    differs: &BooleanBuffer,
    old: &ArrayRef,
    new: &ArrayRef,
) -> Result<BTreeMap<Change, u64>, ArrowError> {
    let differing = UInt32Array::from_iter_values(differs.set_indices().map(|row| row as u32));
    let [old, new] = [take(old, &differing, None)?, take(new, &differing, None)?];
    let fields = [&old, &new].map(|of| SortField::new(of.data_type().clone()));
    let values = RowConverter::new(fields.to_vec())?.convert_columns(&[old.clone(), new.clone()])?;
    // By value: the first row that has it, and how many have.
    let mut kinds: HashMap<Row<'_>, (usize, u64)> = HashMap::new();
    for (row, pair) in values.iter().enumerate() {
        kinds.entry(pair).or_insert((row, 0)).1 += 1;
        if kinds.len() > SHADOW_PAIRS_MAX {
            return Ok([(Change::Values { column }, differing.len() as u64)].into());
        }
    }
    let mut pairs = BTreeMap::new();
    for (row, rows) in kinds.into_values() {
        let [old, new] = [&old, &new].map(|of| cut(cell_text(of, row)));
        *pairs.entry(Change::Value { column: column.clone(), old, new }).or_default() += rows;
    }
    Ok(pairs)
}

fn cut(mut text: String) -> String {
    if text.len() > SHADOW_TEXT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(SHADOW_TEXT_BYTES_MAX));
        text.push_str(" ...");
    }
    text
}

#[cfg(test)]
mod tests {
    use arrow::array::{Float64Array, ListArray, RecordBatch, StringArray};
    use arrow::datatypes::Int64Type;

    use super::*;

    const COMPARER: Comparer<'_> = Comparer { operator: "scale", part: "main", key: None, examples_max: 9 };

    fn made(selection: Selection, columns: Vec<(&str, ArrayRef)>) -> OutputBatch {
        let rows = RecordBatch::try_from_iter(columns).unwrap();
        let event_times = vec![5; rows.num_rows()].into();
        OutputBatch { selection, batch: StreamBatch::new(rows, event_times, 0), has_own_times: false }
    }

    fn text(values: &[&str]) -> ArrayRef {
        Arc::new(StringArray::from(values.to_vec()))
    }

    fn told(comparison: &Comparison) -> Vec<String> {
        let of = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        comparison.examples.iter().map(|d| format!("{}: {} {}", of(&d.column), of(&d.old), of(&d.new))).collect()
    }

    #[test]
    fn rows_belong_together_by_their_origin() {
        let rows = |rows: &[u32]| Selection::Rows(rows.to_vec().into());
        let old = made(rows(&[0, 1, 1, 3]), vec![("v", text(&["a", "b", "c", "d"]))]);
        let new = made(rows(&[3, 1, 2]), vec![("v", text(&["D", "b", "e"]))]);
        let key = |input| format!("{{k: {input}}}");
        let found = Comparer { key: Some(&key), ..COMPARER }.compare(4, &old, &new).unwrap();
        assert_eq!((found.rows, found.differing), (5, 4));
        let value =
            |old: &str, new: &str| Change::Value { column: "v".to_owned(), old: old.to_owned(), new: new.to_owned() };
        let changes = [(value("d", "D"), 1), (Change::OnlyOld, 2), (Change::OnlyNew, 1)];
        assert_eq!(found.changes, changes.into());
        assert_eq!(told(&found), ["v: d D", "-: {v: a} -", "-: {v: c} -", "-: - {v: e}"]);
        let keys: Vec<_> = found.examples.iter().map(|example| example.key.as_deref().unwrap()).collect();
        assert_eq!(keys, ["{k: 3}", "{k: 0}", "{k: 1}", "{k: 2}"]);
        let all = made(Selection::All, vec![("v", text(&["a", "b", "c", "d"]))]);
        let same = made(rows(&[0, 1, 2, 3]), vec![("v", text(&["a", "b", "c", "d"]))]);
        let found = COMPARER.compare(4, &all, &same).unwrap();
        assert_eq!((found.rows, found.differing), (4, 0));
        let none = made(Selection::None, vec![("v", text(&[]))]);
        let found = Comparer { examples_max: 1, ..COMPARER }.compare(4, &none, &all).unwrap();
        assert_eq!((found.rows, found.differing, found.examples.len()), (4, 4, 1));
    }

    #[test]
    fn rows_are_counted_by_value_until_there_are_too_many_values() {
        let value = |old: String, new: &str| Change::Value { column: "v".to_owned(), old, new: new.to_owned() };
        let texts = |count: usize| (0..count * 3).map(|row| (row % count).to_string()).collect::<Vec<_>>();
        let compared = |count: usize| {
            let old = text(&texts(count).iter().map(String::as_str).collect::<Vec<_>>());
            let [old, new] = [old, text(&vec!["x"; count * 3])].map(|of| made(Selection::All, vec![("v", of)]));
            COMPARER.compare(count * 3, &old, &new).unwrap().changes
        };
        assert_eq!(compared(2), [(value("0".to_owned(), "x"), 3), (value("1".to_owned(), "x"), 3)].into());
        assert_eq!(compared(SHADOW_PAIRS_MAX).len(), SHADOW_PAIRS_MAX);
        let many = [(Change::Values { column: "v".to_owned() }, 3 * (SHADOW_PAIRS_MAX as u64 + 1))];
        assert_eq!(compared(SHADOW_PAIRS_MAX + 1), many.into());
    }

    #[test]
    fn nulls_not_a_number_and_nested_values_are_equal_to_themselves_only() {
        let floats = |values: Vec<Option<f64>>| -> ArrayRef { Arc::new(Float64Array::from(values)) };
        let lists = |last: Option<i64>| -> ArrayRef {
            let lists = [Some(vec![Some(1)]), None, Some(vec![last])];
            Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists))
        };
        let old = vec![("f", floats(vec![Some(f64::NAN), None, Some(1.0)])), ("l", lists(Some(2)))];
        let new = vec![("f", floats(vec![Some(f64::NAN), None, None])), ("l", lists(None))];
        let found = COMPARER.compare(3, &made(Selection::All, old), &made(Selection::All, new)).unwrap();
        assert_eq!((found.rows, found.differing), (3, 1));
        assert_eq!(told(&found), ["f: 1.0 null", "l: [2] [null]"]);
    }
}
