//! What jobs write: no two of a server write the same file or folder, or one into the folder of the other, where rows of the one would be
//! lost among those of the other. What one writes, another may read.

use weir_core::connector::{Sink, Written};
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
            let met = own.iter().find_map(|own| Some((own, theirs.iter().find(|theirs| own.meets(theirs))?)));
            if let Some((own, theirs)) = met {
                let (path, other) = (theirs.real.display(), other.name);
                let instead = format!("give this one another path, or remove that one (`weir rm {other}`)");
                return Err(Problem::conflict(match own.real == theirs.real {
                    true => format!("the job {other:?} writes {path} already: {instead}"),
                    false => {
                        let own = own.real.display();
                        format!(
                            "the job {other:?} writes {path}, and this one would write {own}: one of these paths is inside the \
                             other, so rows could be lost; {instead}"
                        )
                    }
                }));
            }
        }
        Ok(())
    }

    /// What a job writes, and what it would with what is on trial.
    fn outputs_of(&self, row: &JobRow) -> Result<Vec<Written>, Problem> {
        Ok(self.pipelines_of(row)?.iter().flat_map(|pipeline| self.outputs(pipeline)).collect())
    }

    /// The pipeline of a job, and those that are on trial.
    fn pipelines_of(&self, row: &JobRow) -> Result<Vec<Pipeline>, Problem> {
        let mut revisions = self.catalog.trials(&row.name)?;
        revisions.extend(self.catalog.revision(&row.name, row.revision)?);
        // What cannot be read cannot run either.
        Ok(revisions.iter().filter_map(|revision| self.pipelines.read(&revision.pipeline, &[]).ok()).collect())
    }

    /// The sinks of a job that no other job writes with by now.
    pub(super) fn sinks_of_its_own(&self, row: &JobRow) -> Vec<Box<dyn Sink>> {
        let pipelines = self.pipelines_of(row).unwrap_or_default();
        let own = pipelines.iter().filter(|pipeline| self.check_outputs(pipeline).is_ok());
        own.flat_map(|pipeline| self.sinks(pipeline)).filter(|sink| sink.writes().is_some()).collect()
    }

    fn outputs(&self, pipeline: &Pipeline) -> Vec<Written> {
        self.sinks(pipeline).filter_map(|sink| sink.writes()).collect()
    }

    fn sinks(&self, pipeline: &Pipeline) -> impl Iterator<Item = Box<dyn Sink>> {
        pipeline.graph.nodes.iter().filter_map(|node| match &node.kind {
            NodeKind::Sink(sink) => self.pipelines.connectors.sink(&sink.connector.value, &sink.options).ok(),
            _ => None,
        })
    }
}
