//! Columns of a test, and what a host does with them: select the columns that are read, apply a delta.

use crate::column::{Bits, ColumnRef, bit, columns, value};
use crate::row::{Finished, ReadRow, Row};
use crate::schema::{Reads, Schema};
use crate::select::select;
use crate::type_name::type_name;
use crate::wire::{Batch, ChangelogMode, Delta, Field, Input, Node, Output, OutputColumn, Plan, Selection};

/// Rows in columns.
#[derive(Clone, Debug, Default)]
pub struct Table {
    pub(super) fields: Vec<Field>,
    pub(super) arrays: Vec<Node>,
    pub(super) rows: usize,
    /// One int64 per row.
    pub(super) event_times: Vec<u8>,
}

impl Table {
    /// From rows. Their event time is 0, if they do not say it.
    #[must_use]
    pub fn of<R: Row>(rows: &[R]) -> Self {
        let mut fields = Vec::new();
        R::schema(&mut fields);
        let mut builders = R::builders(rows.len());
        rows.iter().for_each(|row| row.write_row(&mut builders));
        let mut finished = Finished::default();
        R::finish_rows(builders, &mut finished);
        let event_times = if R::HAS_EVENT_TIME { finished.event_times } else { vec![0; 8 * rows.len()] };
        Self { fields, arrays: finished.columns, rows: rows.len(), event_times }
    }

    /// Its rows.
    ///
    /// # Panics
    /// If it has no such columns, or nulls where `R` has no place for them: it is for tests.
    #[must_use]
    #[expect(clippy::panic, reason = "a test that expects other columns has failed")]
    pub fn rows<'a, R: ReadRow<'a>>(&'a self) -> Vec<R> {
        self.try_rows().unwrap_or_else(|message| panic!("{message}"))
    }

    fn try_rows<'a, R: ReadRow<'a>>(&'a self) -> Result<Vec<R>, String> {
        let schema = Schema::new(&self.fields);
        let mut reads = Reads::all(&schema);
        let positions = reads.want::<R>(&schema, str::to_owned)?;
        let columns = positions.open::<R>(&self.columns(), &self.event_times, self.rows as u32)?;
        match (0..self.rows).find_map(|row| R::incomplete_in(&columns, row).map(|found| (row, found))) {
            Some((row, (column, what))) => Err(format!("row {row}: column {column:?} {what}")),
            None => Ok((0..self.rows).map(|row| R::read_row(&columns, row)).collect()),
        }
    }

    /// Its columns, as `name: type`.
    #[must_use]
    pub fn schema(&self) -> Vec<String> {
        columns(&self.fields, &[]).iter().map(|c| format!("{}: {}", c.name(), type_name(c.fields))).collect()
    }

    /// Its schema, nodes in pre-order.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Its columns, nodes in pre-order.
    #[must_use]
    pub fn arrays(&self) -> &[Node] {
        &self.arrays
    }

    /// The event times of its rows, microseconds.
    #[must_use]
    pub fn event_times(&self) -> Vec<i64> {
        self.event_times.as_chunks().0.iter().map(|time| i64::from_le_bytes(*time)).collect()
    }

    pub(super) fn columns(&self) -> Vec<ColumnRef<'_>> {
        columns(&self.fields, &self.arrays)
    }

    /// As an input that is keyed by the columns with these indices.
    pub(super) fn as_input(&self, keys: Vec<u32>) -> Input {
        Input { name: "main".to_owned(), columns: self.fields.clone(), keys, changelog: ChangelogMode::InsertOnly }
    }

    /// The batch that an operator with this plan gets.
    pub(super) fn batch(&self, plan: &Plan) -> Batch {
        let all = self.columns();
        let read = plan.reads.iter().flatten().filter_map(|index| all.get(*index as usize));
        let event_times = if plan.reads_event_times { self.event_times.clone() } else { Vec::new() };
        let columns = read.flat_map(|c| c.arrays.to_vec()).collect();
        Batch { rows: self.rows as u32, columns, event_times, row_kinds: Vec::new() }
    }

    /// Columns of it, in another order.
    pub(super) fn project(&self, indices: &[u32]) -> Self {
        let all = self.columns();
        let picked: Vec<_> = indices.iter().filter_map(|index| all.get(*index as usize)).collect();
        Self {
            fields: picked.iter().flat_map(|c| c.fields.to_vec()).collect(),
            arrays: picked.iter().flat_map(|c| c.arrays.to_vec()).collect(),
            rows: self.rows,
            event_times: self.event_times.clone(),
        }
    }

    /// The same with nulls in all columns but these.
    pub(super) fn null_but(mut self, kept: &[u32]) -> Self {
        let mut arrays = Vec::new();
        for (index, column) in self.columns().into_iter().enumerate() {
            let keep = kept.contains(&(index as u32));
            let rows: Vec<_> = (0..self.rows).map(|row| keep.then_some(row)).collect();
            select(column, &rows, &mut arrays);
        }
        self.arrays = arrays;
        self
    }

    /// The same at these event times, microseconds.
    pub(super) fn at(mut self, times: &[i64]) -> Self {
        self.event_times = times.iter().flat_map(|time| time.to_le_bytes()).collect();
        self
    }

    /// The rows with these indices; `None`: a row of nulls.
    pub(super) fn select(&self, rows: &[Option<usize>]) -> Self {
        let mut arrays = Vec::new();
        self.columns().iter().for_each(|column| select(*column, rows, &mut arrays));
        let time = |row: &Option<usize>| row.map_or([0; 8], |row| value(self.event_times.as_chunks().0, row));
        let event_times = rows.iter().flat_map(time).collect();
        Self { fields: self.fields.clone(), arrays, rows: rows.len(), event_times }
    }

    /// What an output is, after a call with this table as its input.
    pub(super) fn apply(output: &Output, delta: &Delta, input: &Table) -> Result<Self, String> {
        let sources: Vec<Option<usize>> = match &delta.rows {
            Selection::Empty => Vec::new(),
            Selection::All => (0..input.rows).map(Some).collect(),
            Selection::Indices(rows) => {
                rows.as_chunks().0.iter().map(|r| Some(u32::from_le_bytes(*r) as usize)).collect()
            }
        };
        let kept = input.select(&sources);
        let kept_columns = kept.columns();
        let computed_fields: Vec<Field> = output
            .columns
            .iter()
            .filter_map(|c| if let OutputColumn::Computed(fields) = c { Some(fields.clone()) } else { None })
            .flatten()
            .collect();
        if computed_fields.len() != delta.computed.len() {
            return Err(format!("{} computed nodes instead of {}", delta.computed.len(), computed_fields.len()));
        }
        let mut computed = columns(&computed_fields, &delta.computed).into_iter();
        let mut table = Self { rows: sources.len(), event_times: kept.event_times.clone(), ..Self::default() };
        for column in &output.columns {
            let (source, name) = match column {
                OutputColumn::Kept(k) => (kept_columns.get(k.column as usize).copied(), k.name.clone()),
                OutputColumn::Computed(_) => (computed.next(), None),
            };
            table.push(source.ok_or("an output names a column that there is not")?, name)?;
        }
        if !delta.event_times.is_empty() {
            table.event_times.clone_from(&delta.event_times);
        }
        Ok(table)
    }

    /// Adds the rows of a table with the same columns.
    pub(super) fn append(&mut self, rows: &Self) -> Result<(), String> {
        if self.arrays.len() != rows.arrays.len() {
            return Err("two calls gave an output other columns".to_owned());
        }
        for ((node, more), field) in self.arrays.iter_mut().zip(&rows.arrays).zip(&self.fields) {
            append(node, more, &field.format);
        }
        self.rows += rows.rows;
        self.event_times.extend_from_slice(&rows.event_times);
        Ok(())
    }

    fn push(&mut self, column: ColumnRef<'_>, new_name: Option<String>) -> Result<(), String> {
        let length = column.array()?.length as usize;
        if length != self.rows {
            return Err(format!("column {:?} has {length} values for {} rows", column.name(), self.rows));
        }
        let at = self.fields.len();
        self.fields.extend_from_slice(column.fields);
        self.arrays.extend_from_slice(column.arrays);
        if let (Some(own), Some(name)) = (self.fields.get_mut(at), new_name) {
            own.name = name;
        }
        Ok(())
    }
}

/// Appends the values of a node to another of the same format; its children are nodes of their own.
fn append(node: &mut Node, more: &Node, format: &str) {
    let (before, after) = (node.length as usize, more.length as usize);
    let joined = |left: &[u8], right: &[u8], missing: bool| {
        let mut bits = Bits::default();
        (0..before).for_each(|row| bits.push(bit(left, row) || (missing && left.is_empty())));
        (0..after).for_each(|row| bits.push(bit(right, row) || (missing && right.is_empty())));
        bits.into_bytes()
    };
    for (index, (own, new)) in node.buffers.iter_mut().zip(&more.buffers).enumerate() {
        match (index, format) {
            (0, _) if node.null_count + more.null_count == 0 => {}
            (0, _) => *own = joined(own, new, true),
            (1, "b") => *own = joined(own, new, false),
            (1, "u" | "z" | "+l") => {
                let end = own.as_chunks().0.last().map_or(0, |end| u32::from_le_bytes(*end));
                let offsets = new.as_chunks().0.iter().skip(1).map(|offset| end + u32::from_le_bytes(*offset));
                own.extend(offsets.flat_map(u32::to_le_bytes));
            }
            _ => own.extend_from_slice(new),
        }
    }
    node.length += more.length;
    node.null_count += more.null_count;
}
