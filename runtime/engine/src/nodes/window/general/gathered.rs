//! [`Gathered`]: results that are to be given out, each as its window was when it fired. Fires nothing.

use weir_core::batch::{RowKind, RowKinds};
use weir_core::window::Window;
use weir_state::KeyIndex;

use crate::dataflow::operator::{OperatorError, Outputs};
use crate::nodes::window::aggregate_set::AggregateSet;
use crate::nodes::window::entry::Pane;
use crate::nodes::window::results::{Fired, Results};

/// Results in the order in which they were made.
pub(super) struct Gathered {
    keys: KeyIndex,
    key_slots: Vec<u32>,
    windows: Vec<Window>,
    panes: Vec<Pane>,
    kinds: Vec<u8>,
    aggregates: AggregateSet,
    /// Whether rows say what they do to those before them.
    has_kinds: bool,
}

/// What is said of a result.
pub(super) struct Result {
    pub(super) key: u32,
    pub(super) window: Window,
    pub(super) pane: Pane,
    pub(super) kind: RowKind,
}

impl Gathered {
    pub(super) fn new(keys: KeyIndex, aggregates: AggregateSet, has_kinds: bool) -> Self {
        let (key_slots, windows, panes, kinds) = Default::default();
        Self { keys, key_slots, windows, panes, kinds, aggregates, has_kinds }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.windows.len()
    }

    /// Adds a result of what a group of accumulators holds; `keys` are the operator's.
    pub(super) fn push(
        &mut self,
        keys: &KeyIndex,
        result: &Result,
        from: &AggregateSet,
        group: u32,
    ) -> std::result::Result<(), OperatorError> {
        let mut slot = Vec::new();
        self.keys.slots_from(keys, &[result.key], &mut slot);
        self.key_slots.append(&mut slot);
        self.windows.push(result.window);
        self.panes.push(result.pane);
        self.kinds.push(result.kind as u8);
        let place = self.windows.len() as u32 - 1;
        self.aggregates.resize(self.windows.len());
        self.aggregates.merge_from(&[place], from, &[group])
    }

    /// Emits all and forgets them.
    pub(super) fn emit(
        &mut self,
        results: &Results,
        ingested_at: i64,
        out: &mut Outputs,
    ) -> std::result::Result<(), OperatorError> {
        if self.windows.is_empty() {
            return Ok(());
        }
        let groups: Vec<u32> = (0..self.windows.len() as u32).collect();
        let Self { keys, key_slots, windows, panes, kinds, aggregates, has_kinds } = self;
        let kinds = std::mem::take(kinds);
        let kinds = if *has_kinds { RowKinds::new(kinds.into()) } else { None };
        let fired =
            Fired { keys, key_slots, windows, aggregates, groups: &groups, panes: Some(panes), kinds: kinds.as_ref() };
        results.emit(&fired, ingested_at, out)?;
        keys.clear();
        key_slots.clear();
        windows.clear();
        panes.clear();
        aggregates.clear();
        Ok(())
    }
}
