//! Cuts a batch by pane. Rows mostly come in the order of their times, so this works on runs and copies only what is mixed.

use std::ops::Range;

use arrow::array::Int64Array;

use super::panes::{Pane, PaneGrid};
use super::window_rows::WindowRows;
use crate::dataflow::operator::OperatorError;

/// Rows of one pane that come one after the other.
pub(super) type Run = (i64, Range<usize>);

/// Panes that are looked at to find that of a row: rows out of order are mostly of a few.
const RECENT_PANES: usize = 8;

/// The rows of one pane in a batch.
pub(super) struct PaneRows {
    /// The pane's first instant.
    pub(super) pane: i64,
    /// In order.
    pub(super) runs: Vec<Range<usize>>,
}

impl PaneRows {
    pub(super) fn rows(&self) -> impl Iterator<Item = usize> {
        self.runs.iter().cloned().flatten()
    }
}

/// Rows by pane, the earliest pane first.
pub(super) fn rows_by_pane(grid: &PaneGrid, times: &[i64]) -> Vec<PaneRows> {
    let mut panes: Vec<(Pane, Vec<Range<usize>>)> = Vec::new();
    let mut start = 0;
    while let Some(time) = times.get(start) {
        let recent = panes.len().saturating_sub(RECENT_PANES);
        let at = match panes[recent..].iter().rposition(|(pane, _)| pane.contains(*time)) {
            Some(at) => recent + at,
            None => {
                panes.push((grid.pane_of(*time), Vec::new()));
                panes.len() - 1
            }
        };
        let (pane, runs) = &mut panes[at];
        let len = times[start..].iter().position(|time| !pane.contains(*time)).unwrap_or(times.len() - start);
        runs.push(start..start + len);
        start += len;
    }
    panes.sort_by_key(|(pane, _)| pane.start);
    let mut all: Vec<PaneRows> = Vec::with_capacity(panes.len());
    for (Pane { start: pane, .. }, runs) in panes {
        match all.last_mut().filter(|last| last.pane == pane) {
            Some(last) => last.runs.extend(runs),
            None => all.push(PaneRows { pane, runs }),
        }
    }
    all
}

/// Calls `each` once per pane with all its rows, in order, and with where they are in the batch.
pub(super) fn for_each_pane(
    rows: &WindowRows,
    panes: &[PaneRows],
    mut each: impl FnMut(i64, &WindowRows, &dyn Fn(usize) -> usize) -> Result<(), OperatorError>,
) -> Result<(), OperatorError> {
    for of_pane in panes {
        match of_pane.runs.as_slice() {
            [all] if all.len() == rows.len => each(of_pane.pane, rows, &|row| row)?,
            [run] => each(of_pane.pane, &rows.slice(run.start, run.len()), &|row| run.start + row)?,
            _ => {
                let indices: Vec<u32> = of_pane.rows().map(|row| row as u32).collect();
                each(of_pane.pane, &rows.take(&indices)?, &|row| indices[row] as usize)?;
            }
        }
    }
    Ok(())
}

/// Cuts rows into runs of one value each.
pub(super) fn runs_of_equal(panes: &Int64Array) -> impl Iterator<Item = Run> {
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
