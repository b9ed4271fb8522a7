//! [`Contents`]: what windows hold, by their numbers: accumulators, or the rows themselves where a firing takes some of them out. It
//! knows no time, and decides nothing.

use arrow::array::ArrayRef;
use weir_core::window::Evictor;

use super::kept_rows::{KeptRows, Pending};
use crate::dataflow::operator::OperatorError;
use crate::nodes::window::aggregate_set::AggregateSet;
use crate::nodes::window::window_rows::WindowRows;

/// What the windows hold.
pub(super) struct Contents {
    /// What has come; with [`Contents::kept`], of the window that fires.
    aggregates: AggregateSet,
    /// What the results that stand were made of, where they can be taken back.
    pub(super) given: Option<AggregateSet>,
    kept: Option<(KeptRows, Evictor)>,
    /// Rows of the batch that have not been added yet, and to which window each.
    pending: Pending,
    /// What results on their way out were made of, in their order.
    results: AggregateSet,
    results_len: usize,
    /// Of those the ones that are not in `results` yet, and their windows, which still hold what they were made of.
    uncopied: Vec<(u32, u32)>,
}

impl Contents {
    pub(super) fn new(aggregates: AggregateSet, keeps_given: bool, evictor: Option<Evictor>) -> Self {
        let (given, results) = (keeps_given.then(|| aggregates.fresh()), aggregates.fresh());
        let kept = evictor.map(|evictor| (KeptRows::default(), evictor));
        Self { given, kept, aggregates, pending: Pending::default(), results, results_len: 0, uncopied: Vec::new() }
    }

    /// Makes room for windows up to this many.
    pub(super) fn resize(&mut self, windows: usize) {
        self.aggregates.resize(windows);
        self.given.iter_mut().for_each(|given| given.resize(windows));
        self.kept.iter_mut().for_each(|(kept, _)| kept.resize(windows));
    }

    pub(super) fn memory_bytes(&mut self) -> u64 {
        let given = self.given.as_mut().map_or(0, AggregateSet::memory_bytes);
        self.aggregates.memory_bytes() + given + self.kept.as_ref().map_or(0, |(kept, _)| kept.memory_bytes())
    }

    pub(super) fn aggregates(&mut self) -> &mut AggregateSet {
        &mut self.aggregates
    }

    pub(super) fn kept(&mut self) -> Option<&mut KeptRows> {
        self.kept.as_mut().map(|(kept, _)| kept)
    }

    /// A row of the batch goes into a window.
    pub(super) fn add(&mut self, row: usize, window: u32) {
        self.pending.push(row, window);
    }

    /// Adds the rows that are pending: those between two firings together.
    pub(super) fn settle(&mut self, rows: &WindowRows, deltas: Option<&ArrayRef>) -> Result<(), OperatorError> {
        if self.pending.rows.is_empty() {
            return Ok(());
        }
        self.copy_results()?;
        let indices = &self.pending.rows;
        if let Some((kept, _)) = &mut self.kept {
            kept.add(&self.pending, rows, deltas)?;
        } else {
            let (first, len) = (indices[0] as usize, indices.len());
            let is_range = indices.iter().zip(indices[0]..).all(|(index, expected)| *index == expected);
            let rows = if is_range { rows.slice(first, len) } else { rows.take(indices)? };
            self.aggregates.update(&self.pending.windows, &rows)?;
        }
        self.pending.clear();
        Ok(())
    }

    /// What a window holds becomes part of another's, and it holds nothing.
    pub(super) fn absorb(&mut self, window: u32, other: u32) -> Result<(), OperatorError> {
        self.copy_results()?;
        self.kept.iter_mut().for_each(|(kept, _)| kept.absorb(window, other));
        self.aggregates.absorb(window, other)
    }

    /// A window that holds nothing gets what another holds.
    pub(super) fn copy(&mut self, window: u32, from: u32) -> Result<(), OperatorError> {
        self.aggregates.copy(window, from)
    }

    /// What a window gives out now: its accumulators are ready. `false`: nothing is left in it.
    pub(super) fn before_firing(&mut self, window: u32) -> Result<bool, OperatorError> {
        let Some((kept, evictor)) = &mut self.kept else { return Ok(true) };
        if !evictor.after {
            kept.evict(window, &evictor.evict)?;
        }
        // No result is of them any more: each is copied after its firing.
        self.aggregates.reset(window);
        let Some(rows) = kept.rows(window)? else { return Ok(false) };
        self.aggregates.update(&vec![window; rows.len], &rows)?;
        Ok(true)
    }

    /// A result was made; returns whether the window still holds rows.
    pub(super) fn after_firing(&mut self, window: u32, discards: bool) -> Result<bool, OperatorError> {
        if !discards && self.kept.is_none() {
            return Ok(true);
        }
        self.copy_results()?;
        self.aggregates.reset(window);
        let Some((kept, evictor)) = &mut self.kept else { return Ok(false) };
        if discards {
            kept.clear(window);
            return Ok(false);
        }
        if evictor.after {
            kept.evict(window, &evictor.evict)?;
        }
        Ok(kept.has_rows(window))
    }

    /// The result that a window gives out now stands from now on.
    pub(super) fn keep_given(&mut self, window: u32) -> Result<(), OperatorError> {
        let Some(given) = &mut self.given else { return Ok(()) };
        given.reset(window);
        given.merge_from(&[window], &self.aggregates, &[window])
    }

    /// The window is gone. No result is on its way out.
    pub(super) fn clear(&mut self, window: u32) {
        self.aggregates.reset(window);
        self.kept.iter_mut().for_each(|(kept, _)| kept.clear(window));
        self.forget_given(window);
    }

    /// No result of the window stands.
    pub(super) fn forget_given(&mut self, window: u32) {
        self.given.iter_mut().for_each(|given| given.reset(window));
    }

    /// The next result on its way out is of what a window holds now.
    pub(super) fn give(&mut self, window: u32) {
        self.uncopied.push((self.results_len as u32, window));
        self.results_len += 1;
    }

    /// The next result on its way out is the one of a window that stood.
    pub(super) fn give_given(&mut self, window: u32) -> Result<(), OperatorError> {
        let Some(given) = &self.given else {
            self.give(window);
            return self.copy_results();
        };
        self.results.resize(self.results_len + 1);
        self.results.merge_from(&[self.results_len as u32], given, &[window])?;
        self.results_len += 1;
        Ok(())
    }

    /// What the results on their way out were made of: accumulators, and the group of each.
    pub(super) fn results(&mut self) -> Result<(&AggregateSet, Vec<u32>), OperatorError> {
        // Mostly the windows still hold it.
        if self.uncopied.len() == self.results_len {
            return Ok((&self.aggregates, self.uncopied.iter().map(|(_, window)| *window).collect()));
        }
        self.copy_results()?;
        Ok((&self.results, (0..self.results_len as u32).collect()))
    }

    /// The results have gone out.
    pub(super) fn clear_results(&mut self) {
        self.results.clear();
        self.uncopied.clear();
        self.results_len = 0;
    }

    /// What results were made of is about to change.
    fn copy_results(&mut self) -> Result<(), OperatorError> {
        if self.uncopied.is_empty() {
            return Ok(());
        }
        self.results.resize(self.results_len);
        let (places, windows): (Vec<u32>, Vec<u32>) = self.uncopied.drain(..).unzip();
        self.results.merge_from(&places, &self.aggregates, &windows)
    }
}
