//! What a job has done, in a file of its folder, so that it is known after a restart of the server. It is written when a checkpoint is
//! complete and when the job ends. Nothing depends on it but what people see: a file that is missing or torn is as good as none.

use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use weir_engine::{JobDescription, Progress};

use crate::model::JobNode;
use crate::private::private_file;

/// The name of the file in the job's folder.
const FILE: &str = "figures.json";
/// The same while it is written.
const UNFINISHED: &str = "figures.json.tmp";
/// Bytes of it that are read: far more than the steps of any pipeline take.
const BYTES_MAX: u64 = 4 << 20;

/// What a job has done since somebody started it last.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(crate) struct KeptFigures {
    /// The last complete checkpoint.
    pub(crate) checkpoint: Option<u64>,
    /// Rows that its sources have read.
    pub(crate) rows_in: u64,
    /// Rows that have reached a sink.
    pub(crate) rows_out: u64,
    /// Rows that could not be processed.
    pub(crate) rows_failed: u64,
    /// Its steps, with their counts.
    pub(crate) nodes: Vec<JobNode>,
}

impl KeptFigures {
    /// These, and what a run has done since.
    pub(crate) fn and(&self, progress: &Progress, description: Option<&JobDescription>) -> Self {
        Self {
            checkpoint: progress.checkpoints.last.or(self.checkpoint),
            rows_in: self.rows_in + progress.rows_in,
            rows_out: self.rows_out + progress.rows_out,
            rows_failed: self.rows_failed + progress.rows_failed,
            nodes: description.map_or_else(|| self.nodes.clone(), |description| self.nodes(progress, description)),
        }
    }

    /// The steps of a job, with the rows of these and of what a run has done since.
    pub(crate) fn nodes(&self, progress: &Progress, description: &JobDescription) -> Vec<JobNode> {
        let nodes = description.nodes.iter().map(|node| {
            let counts = progress.nodes.iter().find(|counts| counts.name == node.name).cloned().unwrap_or_default();
            let before = self.nodes.iter().find(|before| before.name == node.name).cloned().unwrap_or_default();
            JobNode {
                name: node.name.clone(),
                kind: node.kind.to_owned(),
                inputs: node.inputs.clone(),
                parallelism: node.parallelism,
                rows_in: before.rows_in + counts.rows_in,
                rows_out: before.rows_out + counts.rows_out,
                rows_late: before.rows_late + counts.rows_late,
                late_by_us: before.late_by_us.max(counts.late_by_us),
                rows_failed: before.rows_failed + counts.rows_failed,
                ..JobNode::default()
            }
        });
        nodes.collect()
    }

    /// Those of a folder; none, if there are none that can be read.
    pub(crate) fn read(folder: &Path) -> Self {
        let path = folder.join(FILE);
        let is_small = std::fs::metadata(&path).is_ok_and(|file| file.len() <= BYTES_MAX);
        let text = if is_small { std::fs::read(&path).unwrap_or_default() } else { Vec::new() };
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Puts them into a folder, in the place of others. They are not forced to the disk: a process that is killed loses nothing by that.
    pub(crate) fn write(&self, folder: &Path) -> std::io::Result<()> {
        let [file, unfinished] = [FILE, UNFINISHED].map(|name| folder.join(name));
        std::fs::create_dir_all(folder)?;
        private_file(&unfinished)?;
        let mut written = std::fs::OpenOptions::new().write(true).truncate(true).open(&unfinished)?;
        written.write_all(&serde_json::to_vec(self)?)?;
        std::fs::rename(unfinished, file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_come_back_and_torn_ones_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let nodes = vec![JobNode { name: "bids".to_owned(), rows_in: 7, ..JobNode::default() }];
        let kept = KeptFigures { checkpoint: Some(3), rows_in: 7, nodes, ..KeptFigures::default() };
        kept.write(folder.path()).unwrap();
        kept.write(folder.path()).unwrap();
        assert_eq!(KeptFigures::read(folder.path()), kept);
        let sum = kept.and(&Progress { rows_in: 5, ..Progress::default() }, None);
        assert_eq!((sum.rows_in, sum.checkpoint, &sum.nodes), (12, Some(3), &kept.nodes));
        let file = folder.path().join(FILE);
        let text = std::fs::read(&file).unwrap();
        std::fs::write(&file, &text[..text.len() / 2]).unwrap();
        assert_eq!(KeptFigures::read(folder.path()), KeptFigures::default());
        assert_eq!(KeptFigures::read(&folder.path().join("none")), KeptFigures::default());
    }
}
