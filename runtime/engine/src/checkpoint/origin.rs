//! Where a job begins: a checkpoint or nothing, and which of its state is whose at the parallelism of today. It changes no state, and
//! hands none out.

use weir_core::connector::{Offset, Split, SplitPlace};
use weir_core::key_group::groups_of_subtask;
use weir_state::checkpoint::{Checkpoint, Lease};
use weir_state::{JobSnapshot, Snapshot, SplitSnapshot};

/// What a job resumes from.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Origin<'a> {
    /// The attempt at running the job.
    pub(crate) generation: u64,
    /// Whether its checkpoints are kept.
    pub(crate) durable: bool,
    /// Whether it is not all in this process.
    pub(crate) apart: bool,
    /// The number of the checkpoint that the snapshot is.
    pub(crate) checkpoint: u64,
    pub(crate) snapshot: Option<&'a JobSnapshot>,
    /// The job had ended there.
    pub(crate) finished: bool,
}

impl<'a> Origin<'a> {
    /// A job that keeps checkpoints and resumes from one, if there is one.
    pub(crate) fn of(lease: &Lease, checkpoint: Option<&'a Checkpoint>) -> Self {
        Self {
            generation: lease.generation(),
            durable: true,
            apart: false,
            checkpoint: checkpoint.map_or(0, |c| c.manifest.number),
            snapshot: checkpoint.map(|c| &c.snapshot),
            finished: checkpoint.is_some_and(|c| c.manifest.finished),
        }
    }
}

/// The splits of a checkpoint where their source has them now, without those that it reads no more.
pub(crate) fn in_their_places(
    restored: Vec<SplitSnapshot>,
    place: impl Fn(&Split) -> SplitPlace,
) -> Vec<SplitSnapshot> {
    let placed = |split: SplitSnapshot| match place(&Split { id: split.split.clone() }) {
        SplitPlace::AsBefore => Some(split),
        SplitPlace::At(index) => Some(SplitSnapshot { index, ..split }),
        SplitPlace::Gone => None,
    };
    restored.into_iter().filter_map(placed).collect()
}

/// Subtasks find new splits each by itself: one that had come less far than another at the barrier had not opened its own yet, and
/// the checkpoint has later splits without it.
pub(crate) fn without_gaps(restored: Vec<SplitSnapshot>, fresh: &[SplitSnapshot]) -> Vec<SplitSnapshot> {
    let known = restored.iter().map(|split| split.index + 1).max().unwrap_or_default();
    let is_missing = |split: &&SplitSnapshot| split.index < known && restored.iter().all(|r| r.index != split.index);
    let missing: Vec<SplitSnapshot> = fresh.iter().filter(is_missing).cloned().collect();
    restored.into_iter().chain(missing).collect()
}

/// The state of an operator that a subtask owns at this parallelism.
pub(crate) fn part_of(
    snapshot: &JobSnapshot,
    operator: &str,
    subtask: usize,
    parallelism: usize,
    groups: u32,
) -> Snapshot {
    let owned = groups_of_subtask(subtask, parallelism, groups);
    let parts = snapshot.subtasks.iter().flat_map(|s| &s.operators).filter(|(name, _)| name == operator);
    let tables = parts.flat_map(|(_, part)| &part.tables);
    let tables = tables.filter(|t| t.key_group.is_none_or(|group| owned.contains(&group))).cloned().collect();
    Snapshot { tables, ..Snapshot::default() }
}

/// What the writers of a sink kept.
pub(crate) fn writer_states(snapshot: &JobSnapshot, sink: &str) -> Vec<Offset> {
    let parts = snapshot.subtasks.iter().flat_map(|s| &s.operators).filter(|(name, _)| name == sink);
    parts.filter_map(|(_, part)| part.sink.as_ref()).map(|prepared| prepared.state.clone()).collect()
}

/// Where the splits of a source are; `None`: it is not in the snapshot.
pub(crate) fn splits_of(snapshot: &JobSnapshot, source: &str) -> Option<Vec<SplitSnapshot>> {
    let parts = snapshot.subtasks.iter().filter_map(|s| s.splits.as_ref()).filter(|(name, _)| name == source);
    let mut parts = parts.peekable();
    parts.peek()?;
    Some(parts.flat_map(|(_, splits)| splits).cloned().collect())
}

#[cfg(test)]
mod tests {
    use weir_core::time::WATERMARK_MIN;

    use super::*;

    #[test]
    fn a_split_that_was_not_opened_at_the_barrier_is_opened_after_a_restore() {
        let split = |index: usize, offset: i64| SplitSnapshot {
            split: format!("t/{index}"),
            index,
            offset: if offset < 0 { Offset::Null } else { offset.into() },
            max_event_time: WATERMARK_MIN,
            event_time: None,
            ended: false,
        };
        let fresh: Vec<SplitSnapshot> = (0..6).map(|index| split(index, -1)).collect();
        let restored = vec![split(4, 2), split(0, 7), split(2, 0), split(1, 9)];
        let mut offsets: Vec<(usize, Offset)> =
            without_gaps(restored, &fresh).into_iter().map(|split| (split.index, split.offset)).collect();
        offsets.sort_by_key(|(index, _)| *index);
        // The sixth was known to nobody: it is found as new.
        let expected = [(0, 7.into()), (1, 9.into()), (2, 0.into()), (3, Offset::Null), (4, 2.into())];
        assert_eq!(offsets, expected);
    }
}
