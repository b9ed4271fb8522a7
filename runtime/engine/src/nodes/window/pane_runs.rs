//! Cuts a batch by pane. Rows that come in the order of their times are taken as runs; only what is mixed is copied.

use std::ops::Range;

use arrow::array::Int64Array;

use super::panes::{Pane, PaneGrid};
use super::window_rows::WindowRows;
use crate::dataflow::operator::OperatorError;

/// Rows of one pane that come one after the other.
pub(in crate::nodes) type Run = (i64, Range<usize>);

/// Panes that rows are counted by; rows of more are sorted.
const PANES_COUNTED_MAX: usize = 32;

/// The rows of one pane in a batch, ascending.
pub(in crate::nodes) struct PaneRows {
    /// The pane's first instant.
    pub(in crate::nodes) pane: i64,
    rows: Rows,
}

enum Rows {
    Run(Range<usize>),
    Scattered(Vec<u32>),
}

impl PaneRows {
    fn new(pane: i64, rows: &[u32]) -> Self {
        let (first, last) = (rows.first().map_or(0, |row| *row as usize), rows.last().map_or(0, |row| *row as usize));
        let rows =
            if last - first + 1 == rows.len() { Rows::Run(first..last + 1) } else { Rows::Scattered(rows.to_vec()) };
        Self { pane, rows }
    }

    pub(in crate::nodes) fn rows(&self) -> impl Iterator<Item = u32> {
        let (run, scattered) = match &self.rows {
            Rows::Run(run) => (run.start as u32..run.end as u32, &[][..]),
            Rows::Scattered(rows) => (0..0, rows.as_slice()),
        };
        run.chain(scattered.iter().copied())
    }
}

/// Rows by pane, the earliest pane first.
pub(in crate::nodes) fn rows_by_pane(grid: &PaneGrid, times: &[i64]) -> Vec<PaneRows> {
    let Some(first) = times.first() else { return Vec::new() };
    let (least, greatest) =
        times.iter().fold((*first, *first), |(least, greatest), t| (least.min(*t), greatest.max(*t)));
    let mut panes = vec![grid.pane_of(least)];
    while let Some(last) = panes.last().map(|pane| pane.last).filter(|last| *last < greatest) {
        if panes.len() == PANES_COUNTED_MAX {
            return sorted_by_pane(grid, times);
        }
        panes.push(grid.pane_of(last + 1));
    }
    if let [pane] = panes.as_slice() {
        return vec![PaneRows { pane: pane.start, rows: Rows::Run(0..times.len()) }];
    }
    counted_by_pane(&panes, times)
}

/// Puts rows where those of their pane begin. There is no branch per row: where rows are out of order, it would be guessed wrong.
fn counted_by_pane(panes: &[Pane], times: &[i64]) -> Vec<PaneRows> {
    let mut pane_of_row = vec![0_u8; times.len()];
    for pane in panes.iter().skip(1) {
        pane_of_row.iter_mut().zip(times).for_each(|(of_row, time)| *of_row += u8::from(*time >= pane.start));
    }
    let mut ends = [0_usize; PANES_COUNTED_MAX];
    pane_of_row.iter().for_each(|pane| ends[usize::from(*pane)] += 1);
    let mut start = 0;
    let starts = ends.map(|rows| {
        start += rows;
        start - rows
    });
    ends = starts;
    let mut rows = vec![0_u32; times.len()];
    for (row, pane) in (0..).zip(&pane_of_row) {
        let end = &mut ends[usize::from(*pane)];
        rows[*end] = row;
        *end += 1;
    }
    let bounds = starts.into_iter().zip(ends);
    let with_rows = panes.iter().zip(bounds).filter(|(_, (start, end))| start < end);
    with_rows.map(|(pane, (start, end))| PaneRows::new(pane.start, &rows[start..end])).collect()
}

fn sorted_by_pane(grid: &PaneGrid, times: &[i64]) -> Vec<PaneRows> {
    let mut rows: Vec<(i64, u32)> = times.iter().map(|time| grid.pane_of(*time).start).zip(0..).collect();
    rows.sort_unstable();
    let of_pane = |rows: &[(i64, u32)]| {
        let indices: Vec<u32> = rows.iter().map(|(_, row)| *row).collect();
        PaneRows::new(rows[0].0, &indices)
    };
    rows.chunk_by(|(pane, _), (next, _)| pane == next).map(of_pane).collect()
}

/// Calls `each` once per pane with all its rows, in order, and with where they are in the batch.
pub(in crate::nodes) fn for_each_pane(
    rows: &WindowRows,
    panes: &[PaneRows],
    mut each: impl FnMut(i64, &WindowRows, &dyn Fn(usize) -> usize) -> Result<(), OperatorError>,
) -> Result<(), OperatorError> {
    for of_pane in panes {
        match &of_pane.rows {
            Rows::Run(all) if all.len() == rows.len => each(of_pane.pane, rows, &|row| row)?,
            Rows::Run(run) => each(of_pane.pane, &rows.slice(run.start, run.len()), &|row| run.start + row)?,
            Rows::Scattered(indices) => each(of_pane.pane, &rows.take(indices)?, &|row| indices[row] as usize)?,
        }
    }
    Ok(())
}

/// Cuts rows into runs of one value each.
pub(in crate::nodes) fn runs_of_equal(panes: &Int64Array) -> impl Iterator<Item = Run> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = panes.values().get(start..)?;
        let pane = *rest.first()?;
        let len = rest.iter().position(|other| *other != pane).unwrap_or(rest.len());
        let run = start..start + len;
        start = run.end;
        Some((pane, run))
    })
}
