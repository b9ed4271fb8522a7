//! [`Restored`]: what a subtask resumes from, put together of the pieces that others have kept.

use std::collections::BTreeMap;

use arrow::buffer::Buffer;
use weir_state::checkpoint::{Checkpoint, Packed, unpack};
use weir_state::{JobSnapshot, StateTable, SubtaskSnapshot};

use crate::error::EmbedError;

/// What pieces of state are called in errors.
const STATE: &str = "the state to resume from";

/// See the module. Without any piece a subtask begins.
#[derive(Debug, Default)]
pub struct Restored {
    checkpoint: Option<Checkpoint>,
    /// Whether state of steps that the pipeline no longer has is left out. It is refused otherwise.
    pub drops_state: bool,
}

impl Restored {
    /// Adds a piece: a whole subtask, or what is in no key group of it, or a key group. Pieces come in any order.
    ///
    /// # Errors
    /// If it is none.
    pub fn add(&mut self, piece: Vec<u8>) -> Result<(), EmbedError> {
        let Packed { manifest, snapshot } = unpack(&Buffer::from_vec(piece), STATE)?;
        match &mut self.checkpoint {
            None => {
                let snapshot = JobSnapshot { key_groups: manifest.key_groups, subtasks: vec![snapshot] };
                self.checkpoint = Some(Checkpoint { manifest, snapshot });
            }
            Some(checkpoint) => {
                checkpoint.snapshot.subtasks.push(snapshot);
                checkpoint.manifest.subtasks.extend(manifest.subtasks);
            }
        }
        Ok(())
    }

    /// The pieces as one checkpoint; `None`: there were none.
    pub(crate) fn into_checkpoint(self) -> Option<Checkpoint> {
        let mut checkpoint = self.checkpoint?;
        together(&mut checkpoint.snapshot.subtasks);
        Some(checkpoint)
    }
}

/// Brings the tables of an operator together. One that has a sink's part is a sink, which a piece of a key group does not say.
fn together(pieces: &mut [SubtaskSnapshot]) {
    let mut tables: BTreeMap<String, Vec<StateTable>> = BTreeMap::new();
    for (name, part) in pieces.iter_mut().flat_map(|piece| &mut piece.operators).filter(|(_, part)| part.sink.is_none())
    {
        tables.entry(name.clone()).or_default().append(&mut part.tables);
    }
    for (name, mut tables) in tables {
        let parts = || pieces.iter().flat_map(|piece| &piece.operators).filter(|(of, _)| *of == name);
        let at = parts().position(|(_, part)| part.sink.is_some()).unwrap_or_default();
        let mut parts = pieces.iter_mut().flat_map(|piece| &mut piece.operators).filter(|(of, _)| *of == name);
        if let Some((_, part)) = parts.nth(at) {
            part.tables.append(&mut tables);
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::RecordBatch;
    use arrow::datatypes::Schema;
    use weir_core::connector::Prepared;
    use weir_state::Snapshot;

    use super::*;

    #[test]
    fn key_groups_of_a_sink_come_to_the_sink() {
        let table = |group| {
            let rows = RecordBatch::new_empty(Schema::empty().into());
            StateTable { name: "rows".to_owned(), key_group: Some(group), rows }
        };
        let piece = |groups: &[u32], sink| SubtaskSnapshot {
            operators: vec![(
                "out".to_owned(),
                Snapshot { tables: groups.iter().copied().map(table).collect(), sink, version: None },
            )],
            ..SubtaskSnapshot::default()
        };
        let mut pieces = [piece(&[1], None), piece(&[], Some(Prepared::default())), piece(&[2, 3], None)];
        together(&mut pieces);
        let counts: Vec<usize> = pieces.iter().map(|piece| piece.operators[0].1.tables.len()).collect();
        assert_eq!(counts, [0, 3, 0]);
    }
}
