//! What is known of one subtask's part of a checkpoint, from its barrier until it is stored and committed. Never decides anything.

use weir_core::connector::{Committable, SinkReport};
use weir_state::SubtaskSnapshot;
use weir_state::checkpoint::{CheckpointError, Lease, StoredPart};

/// Where checkpoints are kept.
pub(crate) struct Storage {
    pub(crate) lease: Lease,
    pub(crate) key_groups: u32,
    /// How many.
    pub(crate) keep: usize,
}

/// What is known of one subtask.
#[derive(Default)]
pub(super) struct Part {
    /// Its newest part, with what its sinks prepared since the last complete checkpoint, attempts given up included. The tables
    /// are there only when it is its last.
    pub(super) snapshot: SubtaskSnapshot,
    /// The attempt that the part was given to.
    pub(super) attempt: u64,
    /// What is stored of it.
    pub(super) stored: Option<StoredPart>,
    pub(super) has_ended: bool,
    /// Its last part, until a checkpoint takes it: what the subtask did after a barrier is not in the checkpoint of that barrier.
    pub(super) last: Option<SubtaskSnapshot>,
}

/// Keeps a part for an attempt.
pub(super) fn store(storage: Option<&Storage>, attempt: u64, part: &mut Part) -> Result<(), CheckpointError> {
    if let Some(storage) = storage {
        part.stored = Some(storage.lease.write_part(attempt, &part.snapshot)?);
    }
    part.attempt = attempt;
    Ok(())
}

impl Part {
    /// Takes a newer part; what was prepared for an attempt that came to nothing goes with it.
    pub(super) fn take(&mut self, mut snapshot: SubtaskSnapshot) {
        let old = std::mem::take(&mut self.snapshot).operators;
        for (name, old) in old.into_iter().filter_map(|(name, snapshot)| Some((name, snapshot.sink?))) {
            let new = snapshot.operators.iter_mut().find(|(n, _)| *n == name);
            if let Some(sink) = new.and_then(|(_, snapshot)| snapshot.sink.as_mut()) {
                sink.commit.splice(0..0, old.commit);
            }
        }
        self.snapshot = snapshot;
    }

    /// State that is stored is not kept in memory too.
    pub(super) fn drop_tables(&mut self) {
        for (_, operator) in &mut self.snapshot.operators {
            operator.tables = Vec::new();
        }
    }

    /// Takes out what a sink is to commit, and adds up its report.
    pub(super) fn drain(&mut self, sink: &str, parts: &mut Vec<Committable>, report: &mut SinkReport) {
        let operators = self.snapshot.operators.iter_mut().filter(|(name, _)| name == sink);
        for prepared in operators.filter_map(|(_, s)| s.sink.as_mut()) {
            parts.append(&mut prepared.commit);
            report.add(&prepared.report);
        }
    }
}
