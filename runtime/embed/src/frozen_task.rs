//! [`FrozenTask`]: what a task keeps of a checkpoint, written while the task continues. State of key groups is one piece each, so that a
//! subtask that resumes reads its own; all else is one piece that every subtask reads.

use std::collections::BTreeMap;
use std::ops::Range;

use weir_engine::embedded::{EmbeddedError, Kept};
use weir_state::checkpoint::Packed;
use weir_state::{Snapshot, SubtaskSnapshot};

use crate::error::EmbedError;

/// The table of an operator's late rows: a sum over subtasks, which each of them keeps under the first key group.
const LATE: &str = "late";

/// See the module. Its pieces are made by any thread.
pub struct FrozenTask {
    job: String,
    key_groups: u32,
    /// Generation and number of the checkpoint.
    made: (u64, u64),
    /// The key groups of the subtask.
    owned: Range<u32>,
    state: State,
}

enum State {
    Frozen(Box<Kept>),
    Cut {
        rest: SubtaskSnapshot,
        groups: BTreeMap<u32, SubtaskSnapshot>,
    },
    /// It could not be made.
    Failed,
}

impl FrozenTask {
    pub(crate) fn new(job: &str, key_groups: u32, made: (u64, u64), owned: Range<u32>, kept: Kept) -> Self {
        Self { job: job.to_owned(), key_groups, made, owned, state: State::Frozen(Box::new(kept)) }
    }

    /// The key groups of which there is state, ascending.
    ///
    /// # Errors
    /// If an operator's state cannot be put together.
    pub fn groups(&mut self) -> Result<Vec<u32>, EmbedError> {
        Ok(self.cut()?.1.keys().copied().collect())
    }

    /// The state of a key group, which is dropped.
    ///
    /// # Errors
    /// If there is none, or it cannot be written.
    pub fn take_group(&mut self, group: u32) -> Result<Vec<u8>, EmbedError> {
        let part = self.cut()?.1.remove(&group);
        let part = part.ok_or_else(|| EmbedError::NotThere(format!("nothing is kept of key group {group}")))?;
        self.pack(&part)
    }

    /// All that is not of one of these groups.
    ///
    /// # Errors
    /// If an operator's state cannot be put together or written.
    pub fn rest(&mut self) -> Result<Vec<u8>, EmbedError> {
        let rest = self.cut()?.0.clone();
        self.pack(&rest)
    }

    fn pack(&self, part: &SubtaskSnapshot) -> Result<Vec<u8>, EmbedError> {
        Ok(Packed::pack(&self.job, self.key_groups, self.made, part)?)
    }

    fn cut(&mut self) -> Result<(&mut SubtaskSnapshot, &mut BTreeMap<u32, SubtaskSnapshot>), EmbedError> {
        if let State::Frozen(_) = self.state
            && let State::Frozen(kept) = std::mem::replace(&mut self.state, State::Failed)
        {
            let (rest, groups) = cut(kept.make().map_err(EmbeddedError::from)?, &self.owned)?;
            self.state = State::Cut { rest, groups };
        }
        match &mut self.state {
            State::Cut { rest, groups } => Ok((rest, groups)),
            _ => Err(EmbedError::NotThere("the state of the checkpoint could not be made before".to_owned())),
        }
    }
}

/// Takes the tables of key groups out of a snapshot.
///
/// # Errors
/// If one is of a key group of another subtask: no subtask would take it back.
fn cut(
    mut whole: SubtaskSnapshot,
    owned: &Range<u32>,
) -> Result<(SubtaskSnapshot, BTreeMap<u32, SubtaskSnapshot>), EmbedError> {
    let mut groups: BTreeMap<u32, SubtaskSnapshot> = BTreeMap::new();
    for (name, part) in &mut whole.operators {
        for table in std::mem::take(&mut part.tables) {
            let group = match table.key_group {
                Some(group) if owned.contains(&group) => group,
                Some(group) if table.name != LATE => {
                    return Err(EmbedError::ForeignGroup {
                        subtask: whole.subtask,
                        operator: name.clone(),
                        group,
                        owned: owned.clone(),
                    });
                }
                _ => {
                    part.tables.push(table);
                    continue;
                }
            };
            let group = groups.entry(group).or_insert_with(|| SubtaskSnapshot {
                subtask: whole.subtask.clone(),
                watermark: whole.watermark,
                ..SubtaskSnapshot::default()
            });
            match group.operators.last_mut().filter(|(last, _)| last == name) {
                Some((_, part)) => part.tables.push(table),
                None => {
                    let part = Snapshot { version: part.version.clone(), tables: vec![table], sink: None };
                    group.operators.push((name.clone(), part));
                }
            }
        }
    }
    Ok((whole, groups))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, RecordBatch};
    use weir_state::StateTable;

    use super::*;

    fn table(name: &str, key_group: Option<u32>) -> StateTable {
        let column: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let rows = RecordBatch::try_from_iter([("n", column)]).unwrap();
        StateTable { name: name.to_owned(), key_group, rows }
    }

    #[test]
    fn a_table_of_another_subtask_is_refused() {
        let part = Snapshot { version: None, tables: vec![table("x", Some(8))], sink: None };
        let whole = SubtaskSnapshot {
            subtask: "a/1".to_owned(),
            operators: vec![("a".to_owned(), part)],
            ..SubtaskSnapshot::default()
        };
        let error = cut(whole, &(4..8)).unwrap_err();
        assert!(
            error.to_string().starts_with("operator \"a\" of subtask \"a/1\" keeps state of key group 8"),
            "{error}"
        );
    }

    #[test]
    fn tables_of_own_key_groups_are_cut_out() {
        let operator = |name: &str, tables| {
            let version = Some(format!("{name} 1"));
            (name.to_owned(), Snapshot { version, tables, sink: None })
        };
        let whole = SubtaskSnapshot {
            subtask: "a/1".to_owned(),
            watermark: 5,
            operators: vec![
                operator("a", vec![table("x", Some(4)), table("late", Some(0)), table("y", Some(4)), table("p", None)]),
                operator("b", vec![table("x", Some(5)), table("x", Some(4)), table("x", Some(5))]),
            ],
            splits: None,
        };
        let (rest, groups) = cut(whole, &(4..8)).unwrap();
        let names = |of: &SubtaskSnapshot| -> Vec<String> {
            let tables = |(name, part): &(String, Snapshot)| {
                let names: Vec<&str> = part.tables.iter().map(|table| table.name.as_str()).collect();
                format!("{name} ({}): {}", part.version.as_deref().unwrap_or_default(), names.join(" "))
            };
            of.operators.iter().map(tables).collect()
        };
        assert_eq!(names(&rest), ["a (a 1): late p", "b (b 1): "]);
        assert_eq!(groups.keys().copied().collect::<Vec<_>>(), [4, 5]);
        assert_eq!(names(&groups[&4]), ["a (a 1): x y", "b (b 1): x"]);
        assert_eq!(names(&groups[&5]), ["b (b 1): x x"]);
        assert_eq!((groups[&5].subtask.as_str(), groups[&5].watermark), ("a/1", 5));
    }
}
