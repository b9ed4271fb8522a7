//! [`KeptRows`]: the rows of windows whose firing takes some of them out, in columns, in the order in which they came.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::concat;
use arrow::datatypes::{Float64Type, Int64Type};
use weir_core::batch::array_bytes;
use weir_core::window::Evict;
use weir_state::ChunkedVec;

use crate::dataflow::operator::OperatorError;
use crate::nodes::window::window_rows::WindowRows;

/// Rows of a batch, and the window of each.
#[derive(Default)]
pub(super) struct Pending {
    pub(super) rows: Vec<u32>,
    pub(super) windows: Vec<u32>,
}

impl Pending {
    pub(super) fn push(&mut self, row: usize, window: u32) {
        self.rows.push(row as u32);
        self.windows.push(window);
    }

    pub(super) fn clear(&mut self) {
        self.rows.clear();
        self.windows.clear();
    }
}

/// Pieces that the rows of a window are in at most, before they are put together.
const PIECES_MAX: usize = 16;

/// The rows of all windows, by number.
#[derive(Default)]
pub(super) struct KeptRows {
    windows: ChunkedVec<Vec<Arc<Piece>>>,
    bytes: u64,
}

/// Some rows of one window: what its aggregates read of them, and what an evictor compares.
pub(super) struct Piece {
    pub(super) rows: WindowRows,
    /// Int64 or float64.
    pub(super) deltas: Option<ArrayRef>,
}

impl Piece {
    fn bytes(&self) -> u64 {
        let columns = self.rows.values.iter().flatten().chain(&self.deltas);
        columns.map(|column| array_bytes(column)).sum::<u64>() + (self.rows.len * size_of::<i64>()) as u64
    }

    fn take(&self, rows: &[u32]) -> Result<Self, OperatorError> {
        let indices = arrow::array::UInt32Array::from(rows.to_vec());
        let deltas = self.deltas.as_ref().map(|deltas| arrow::compute::take(deltas, &indices, None)).transpose()?;
        Ok(Self { rows: self.rows.take(rows)?, deltas })
    }
}

impl KeptRows {
    pub(super) fn resize(&mut self, windows: usize) {
        self.windows.grow(windows, &Vec::new());
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        self.windows.memory_bytes() + self.bytes
    }

    /// All rows as they are now, by window.
    pub(super) fn freeze(&mut self) -> ChunkedVec<Vec<Arc<Piece>>> {
        self.windows.freeze()
    }

    pub(super) fn has_rows(&self, window: u32) -> bool {
        !self.windows[window as usize].is_empty()
    }

    /// Adds rows of a batch, by row and window; `deltas` are of all rows of the batch.
    pub(super) fn add(
        &mut self,
        pending: &Pending,
        rows: &WindowRows,
        deltas: Option<&ArrayRef>,
    ) -> Result<(), OperatorError> {
        // The keys are those of the window.
        let own =
            WindowRows { keys: Vec::new(), values: rows.values.clone(), times: rows.times.clone(), len: rows.len };
        let batch = Piece { rows: own, deltas: deltas.cloned() };
        let mut of_window: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        let pairs = pending.rows.iter().zip(&pending.windows);
        pairs.for_each(|(row, window)| of_window.entry(*window).or_default().push(*row));
        for (window, rows) in of_window {
            self.push(window, batch.take(&rows)?)?;
        }
        Ok(())
    }

    /// Adds rows after those that a window has.
    pub(super) fn push(&mut self, window: u32, piece: Piece) -> Result<(), OperatorError> {
        self.bytes += piece.bytes();
        let pieces = &mut self.windows[window as usize];
        pieces.push(Arc::new(piece));
        if pieces.len() > PIECES_MAX {
            self.together(window)?;
        }
        Ok(())
    }

    /// The rows of a window become part of another's.
    pub(super) fn absorb(&mut self, window: u32, other: u32) {
        let mut pieces = std::mem::take(&mut self.windows[other as usize]);
        self.windows[window as usize].append(&mut pieces);
    }

    pub(super) fn clear(&mut self, window: u32) {
        let pieces = std::mem::take(&mut self.windows[window as usize]);
        self.bytes -= pieces.iter().map(|piece| piece.bytes()).sum::<u64>().min(self.bytes);
    }

    /// The rows of a window.
    pub(super) fn rows(&mut self, window: u32) -> Result<Option<WindowRows>, OperatorError> {
        Ok(self.together(window)?.map(|piece| piece.rows.slice(0, piece.rows.len)))
    }

    /// Puts all rows of a window into one piece.
    fn together(&mut self, window: u32) -> Result<Option<Arc<Piece>>, OperatorError> {
        let pieces = &self.windows[window as usize];
        let Some(first) = pieces.first() else { return Ok(None) };
        if pieces.len() == 1 {
            return Ok(Some(first.clone()));
        }
        let joined = |columns: Vec<&ArrayRef>| {
            concat(&columns.into_iter().map(|column| &**column as &dyn Array).collect::<Vec<_>>())
        };
        let mut values = Vec::with_capacity(first.rows.values.len());
        for (aggregate, columns) in first.rows.values.iter().enumerate() {
            let column = |place| joined(pieces.iter().map(|piece| &piece.rows.values[aggregate][place]).collect());
            values.push((0..columns.len()).map(column).collect::<Result<_, _>>()?);
        }
        let deltas = first.deltas.is_some().then(|| joined(pieces.iter().flat_map(|piece| &piece.deltas).collect()));
        let times = pieces.iter().flat_map(|piece| piece.rows.times.iter().copied()).collect();
        let len = pieces.iter().map(|piece| piece.rows.len).sum();
        let rows = WindowRows { keys: Vec::new(), values, times, len };
        let all = Arc::new(Piece { rows, deltas: deltas.transpose()? });
        self.windows[window as usize] = vec![all.clone()];
        Ok(Some(all))
    }

    /// Takes rows out of a window.
    pub(super) fn evict(&mut self, window: u32, evict: &Evict) -> Result<(), OperatorError> {
        let Some(piece) = self.together(window)? else { return Ok(()) };
        let kept = staying(&piece, evict);
        if kept.len() < piece.rows.len {
            self.clear(window);
            if !kept.is_empty() {
                self.push(window, piece.take(&kept)?)?;
            }
        }
        Ok(())
    }
}

/// The rows that an evictor leaves.
fn staying(piece: &Piece, evict: &Evict) -> Vec<u32> {
    let rows = 0..piece.rows.len as u32;
    match evict {
        Evict::Rows(max) => {
            let gone = (piece.rows.len as u64).saturating_sub(*max) as u32;
            (gone..rows.end).collect()
        }
        Evict::Time(keep) => {
            let newest = piece.rows.times.iter().copied().max().unwrap_or(i64::MIN);
            rows.filter(|row| i128::from(newest) - i128::from(piece.rows.times[*row as usize]) < i128::from(*keep))
                .collect()
        }
        Evict::Delta(threshold) => {
            let Some(deltas) = &piece.deltas else { return rows.collect() };
            let last = deltas.len() - 1;
            // A null is no number that could be less by anything.
            if deltas.is_null(last) {
                return rows.collect();
            }
            let stays = |row: &u32| -> bool {
                let row = *row as usize;
                if deltas.is_null(row) {
                    return true;
                }
                match deltas.as_primitive_opt::<Int64Type>() {
                    Some(of) => i128::from(of.value(last)) - i128::from(of.value(row)) < i128::from(*threshold),
                    None => {
                        let of = deltas.as_primitive::<Float64Type>();
                        let less_by = of.value(last) - of.value(row);
                        // What cannot be compared stays.
                        less_by.is_nan() || less_by < *threshold as f64
                    }
                }
            };
            rows.filter(stays).collect()
        }
    }
}
