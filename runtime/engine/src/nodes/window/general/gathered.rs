//! [`Gathered`]: what is said of results that are to be given out, each as its window was when it fired. Fires nothing, and holds no values.

use weir_core::batch::{RowKind, RowKinds};
use weir_core::window::Window;
use weir_state::KeyIndex;

use super::contents::Contents;
use crate::dataflow::operator::{OperatorError, Outputs};
use crate::nodes::window::entry::Pane;
use crate::nodes::window::results::{Fired, Results};

/// Results in the order in which they were made.
pub(super) struct Gathered {
    keys: Vec<u32>,
    windows: Vec<Window>,
    panes: Vec<Pane>,
    kinds: Vec<u8>,
    /// Whether rows say what they do to those before them.
    has_kinds: bool,
}

/// What is said of a result.
pub(super) struct Given {
    pub(super) key: u32,
    pub(super) window: Window,
    pub(super) pane: Pane,
    pub(super) kind: RowKind,
}

impl Gathered {
    pub(super) fn new(has_kinds: bool) -> Self {
        Self { keys: vec![], windows: vec![], panes: vec![], kinds: vec![], has_kinds }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.windows.len()
    }

    /// Adds a result, of which the contents hold the values.
    pub(super) fn push(&mut self, Given { key, window, pane, kind }: Given) {
        self.keys.push(key);
        self.windows.push(window);
        self.panes.push(pane);
        self.kinds.push(kind as u8);
    }

    /// Emits all and forgets them; `keys` are the operator's.
    pub(super) fn emit(
        &mut self,
        keys: &KeyIndex,
        contents: &mut Contents,
        results: &Results,
        ingested_at: i64,
        out: &mut Outputs,
    ) -> Result<(), OperatorError> {
        if self.windows.is_empty() {
            return Ok(());
        }
        let kinds = std::mem::take(&mut self.kinds);
        let kinds = if self.has_kinds { RowKinds::new(kinds.into()) } else { None };
        let (aggregates, groups) = contents.results()?;
        let Self { keys: key_slots, windows, panes, .. } = self;
        let (panes_of, kinds) = (Some(panes.as_slice()), kinds.as_ref());
        let fired = Fired { keys, key_slots, windows, aggregates, groups: &groups, panes: panes_of, kinds };
        results.emit(&fired, ingested_at, out)?;
        contents.clear_results();
        key_slots.clear();
        windows.clear();
        panes.clear();
        Ok(())
    }
}
