//! What jobs write: no two of a server write the same file or folder, where rows of the one would be lost among those of the other.

use std::path::{Path, PathBuf};

use weir_core::graph::NodeKind;

use super::Service;
use crate::catalog::{JobRow, Wanted};
use crate::pipelines::Pipeline;
use crate::problem::Problem;

impl Service {
    /// Refuses a pipeline that would write what another job does, or is about to.
    pub(super) fn check_outputs(&self, pipeline: &Pipeline) -> Result<(), Problem> {
        let own = self.outputs(pipeline);
        if own.is_empty() {
            return Ok(());
        }
        let others = self.catalog.jobs()?.into_iter();
        for other in others.filter(|row| row.name != pipeline.graph.name && row.wanted != Wanted::Finished) {
            let theirs = self.outputs_of(&other)?;
            if let Some(path) = own.iter().find(|path| theirs.contains(path)) {
                let (path, other) = (path.display(), other.name);
                return Err(Problem::conflict(format!(
                    "the job {other:?} writes {path} already: give this one another path, or remove that one (`weir rm {other}`)"
                )));
            }
        }
        Ok(())
    }

    /// What a job writes, and what it would with what is on trial.
    fn outputs_of(&self, row: &JobRow) -> Result<Vec<PathBuf>, Problem> {
        let mut revisions = self.catalog.trials(&row.name)?;
        revisions.extend(self.catalog.revision(&row.name, row.revision)?);
        // What cannot be read cannot run either.
        let pipelines = revisions.iter().filter_map(|revision| self.pipelines.read(&revision.pipeline, &[]).ok());
        Ok(pipelines.flat_map(|pipeline| self.outputs(&pipeline)).collect())
    }

    fn outputs(&self, pipeline: &Pipeline) -> Vec<PathBuf> {
        let sinks = pipeline.graph.nodes.iter().filter_map(|node| match &node.kind {
            NodeKind::Sink(sink) => self.pipelines.connectors.sink(&sink.connector.value, &sink.options).ok()?.file(),
            _ => None,
        });
        sinks.map(|path| resolved(&path)).collect()
    }
}

/// One spelling of a path of which the end may not be there yet: a job makes its folder when it runs.
fn resolved(path: &Path) -> PathBuf {
    let there = path.ancestors().find_map(|there| {
        let rest = path.strip_prefix(there).ok()?;
        Some(std::fs::canonicalize(there).ok()?.join(rest))
    });
    // Through its components, as the joining of nothing leaves a separator.
    there.as_deref().unwrap_or(path).components().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_spelling_before_and_after_it_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("real");
        std::fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, folder.path().join("link")).unwrap();
        let expected = std::fs::canonicalize(&real).unwrap().join("made/out");
        for _ in 0..2 {
            for spelling in ["real/made/out", "real/made/out/", "link/./made//out", "link/made/out/"] {
                assert_eq!(resolved(&folder.path().join(spelling)).as_os_str(), expected.as_os_str());
            }
            std::fs::create_dir_all(&expected).unwrap();
        }
    }
}
