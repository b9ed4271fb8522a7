//! Cuts a batch by pane. Rows mostly come in the order of their times, so this works on runs and copies only what is mixed.

use std::ops::Range;

use arrow::array::Int64Array;

use super::panes::PaneGrid;
use super::window_rows::WindowRows;
use crate::dataflow::operator::OperatorError;

/// Rows of one pane that come one after the other.
pub(super) type Run = (i64, Range<usize>);

/// Cuts rows into runs of one pane each.
pub(super) fn runs_of_panes(grid: &PaneGrid, times: &[i64]) -> impl Iterator<Item = Run> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = times.get(start..)?;
        let pane = grid.pane_of(*rest.first()?);
        let len = rest.iter().position(|time| !pane.contains(*time)).unwrap_or(rest.len());
        let run = start..start + len;
        start = run.end;
        Some((pane.start, run))
    })
}

/// Calls `each` once a pane with all its rows, in order, and with where they are in the batch.
pub(super) fn for_each_pane(
    rows: &WindowRows,
    mut runs: Vec<Run>,
    mut each: impl FnMut(i64, &WindowRows, &dyn Fn(usize) -> usize) -> Result<(), OperatorError>,
) -> Result<(), OperatorError> {
    runs.sort_by_key(|(pane, _)| *pane);
    for of_pane in runs.chunk_by(|a, b| a.0 == b.0) {
        match of_pane {
            [(pane, all)] if all.len() == rows.len => each(*pane, rows, &|row| row)?,
            [(pane, run)] => each(*pane, &rows.slice(run.start, run.len()), &|row| run.start + row)?,
            [(pane, _), ..] => {
                let indices: Vec<u32> = of_pane.iter().flat_map(|(_, run)| run.clone()).map(|row| row as u32).collect();
                each(*pane, &rows.take(&indices)?, &|row| indices[row] as usize)?;
            }
            [] => {}
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
