//! The marker: which checkpoint of a job is in the topic, kept by the broker as the metadata of an offset that is committed in the
//! same transaction as the rows. Here is what follows from it; nothing here asks a broker.
//!
//! A *lineage* is a job from its first row on, over all its restarts. Checkpoints are counted within a lineage: a job that
//! begins anew without its checkpoints counts from the beginning again, and what an earlier lineage wrote says nothing about it.

use serde::{Deserialize, Serialize};
use weir_core::connector::{ConnectorError, Offset};

use super::options::LostMarker;

/// What the broker keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marker {
    /// The pipeline.
    pub(super) job: String,
    /// Whose checkpoints are counted.
    pub(super) lineage: String,
    /// The attempt at running the job that wrote it.
    pub(super) generation: u64,
    /// All rows up to this checkpoint are in the topic; 0: none.
    pub(super) checkpoint: u64,
}

/// Which rows a part of a checkpoint belongs to; also what a writer keeps in a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    /// The lineage of the job.
    pub(super) lineage: String,
    /// The lineage of the marker that the first rows of this one replace.
    pub(super) follows: String,
}

impl Origin {
    /// Of a writer that is apart from its committer: that one knows which job it is of.
    pub(super) fn apart() -> Self {
        Self { lineage: String::new(), follows: String::new() }
    }

    fn is_apart(&self) -> bool {
        *self == Self::apart()
    }
}

/// What a committer knew when it was made; its writers are made after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) marker: Marker,
    /// The name of a new lineage, should there be one.
    pub(super) new_lineage: String,
    /// The attempt at running the job.
    pub(super) generation: u64,
}

/// Why a marker and a checkpoint do not belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mismatch {
    /// The marker is gone, or is another lineage's.
    Lost,
    /// A newer generation of the job wrote it.
    Newer,
    /// It counts checkpoints that this generation is still to make: theirs come from an older copy.
    Behind,
}

/// What to do with checkpoints from a copy: the next ones would have the numbers of those that are in the topic.
const BEGIN_ANOTHER: &str = "To resume from it, give the sink another `transactional-id` and write `lost-marker = \"skip\"`, \
                             which can be removed once the job runs; what was written since the copy comes twice";

impl Mismatch {
    /// What a person should know and do.
    pub(super) fn into_error(self, topic: &str) -> ConnectorError {
        match self {
            Self::Newer => ConnectorError::Fenced(format!(
                "a newer generation of this job writes to the topic {topic}; this one must not continue. If there is none, the \
             checkpoints are an older copy. {BEGIN_ANOTHER}"
            )),
            Self::Behind => ConnectorError::Data(format!(
                "the topic {topic} has rows of later checkpoints than this job has: its checkpoints are an older copy. \
             {BEGIN_ANOTHER}"
            )),
            Self::Lost => ConnectorError::Data(format!(
                "the broker no longer knows which checkpoint of this job the topic {topic} holds: the marker expired \
             (offsets.retention.minutes, 7 days by default, in which the job did not run), it was deleted, or \
             `transactional-id` was changed. Look at the end of the topic: if the rows of the restored checkpoint are there, \
             write `lost-marker = \"skip\"` in the sink, otherwise `lost-marker = \"write\"`, and remove it once the job runs"
            )),
        }
    }
}

impl Seen {
    /// The marker that a committer begins with whose writers are apart: `resumes` from a checkpoint of the job, or begins.
    pub(super) fn begins(&self, resumes: bool, lost: LostMarker) -> Result<Marker, Mismatch> {
        let (seen, generation) = (&self.marker, self.generation);
        if !resumes {
            // What an earlier job has written says nothing about this one.
            return Ok(Marker { lineage: self.new_lineage.clone(), generation, checkpoint: 0, ..seen.clone() });
        }
        // A newer run that has written nothing may have begun from the same checkpoint, and failed.
        if seen.checkpoint > generation {
            return Err(Mismatch::Behind);
        }
        let is_there = seen.lineage != self.new_lineage;
        match lost {
            LostMarker::Fail if !is_there => Err(Mismatch::Lost),
            // What this one is still to commit has numbers below its own.
            LostMarker::Skip if !is_there => Ok(Marker { generation, checkpoint: generation, ..seen.clone() }),
            LostMarker::Fail | LostMarker::Skip | LostMarker::Write => Ok(Marker { generation, ..seen.clone() }),
        }
    }

    /// The origin of what a writer will write that resumes from these states; none: the job begins.
    pub(super) fn origin(&self, restored: &[Offset], lost: LostMarker) -> Result<Origin, Mismatch> {
        let kept = restored.iter().find_map(|state| Origin::deserialize(state.get("origin")?).ok());
        let seen = &self.marker;
        match kept {
            None => Ok(Origin { lineage: self.new_lineage.clone(), follows: seen.lineage.clone() }),
            Some(origin) if origin.lineage == seen.lineage && seen.generation > self.generation => Err(Mismatch::Newer),
            // Generations and checkpoints are numbered in one sequence: what an older generation wrote has a lower number than we.
            Some(origin) if origin.lineage == seen.lineage && seen.checkpoint > self.generation => {
                Err(Mismatch::Behind)
            }
            Some(origin) if origin.lineage == seen.lineage || origin.follows == seen.lineage => Ok(origin),
            Some(_) if lost == LostMarker::Fail => Err(Mismatch::Lost),
            Some(origin) => Ok(Origin { follows: seen.lineage.clone(), ..origin }),
        }
    }
}

/// What to do with the rows of a complete checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// They are there.
    Done,
    /// Write them.
    Write,
    /// They are there by the word of the pipeline file: write the marker only.
    MarkOnly,
}

impl Marker {
    /// The marker of a checkpoint whose rows are of this origin.
    pub(super) fn after(&self, origin: &Origin, generation: u64, checkpoint: u64) -> Self {
        let lineage = if origin.is_apart() { &self.lineage } else { &origin.lineage };
        Self { job: self.job.clone(), lineage: lineage.clone(), generation, checkpoint }
    }

    /// Whether the rows of this checkpoint are in the topic.
    pub(super) fn verdict(&self, origin: &Origin, checkpoint: u64, lost: LostMarker) -> Result<Verdict, Mismatch> {
        if self.lineage == origin.lineage || origin.is_apart() {
            return Ok(if self.checkpoint >= checkpoint { Verdict::Done } else { Verdict::Write });
        }
        if self.lineage == origin.follows {
            return Ok(Verdict::Write);
        }
        match lost {
            LostMarker::Fail => Err(Mismatch::Lost),
            LostMarker::Write => Ok(Verdict::Write),
            LostMarker::Skip => Ok(Verdict::MarkOnly),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn marker(lineage: &str, generation: u64, checkpoint: u64) -> Marker {
        Marker { job: "j".to_owned(), lineage: lineage.to_owned(), generation, checkpoint }
    }

    fn origin(lineage: &str, follows: &str) -> Origin {
        Origin { lineage: lineage.to_owned(), follows: follows.to_owned() }
    }

    #[test]
    fn rows_are_written_until_the_marker_names_their_checkpoint() {
        use {LostMarker as L, Verdict as V};
        for (marker, origin, checkpoint, lost, verdict) in [
            (marker("a", 1, 6), origin("a", "-"), 7, L::Fail, Ok(V::Write)),
            (marker("a", 1, 7), origin("a", "-"), 7, L::Fail, Ok(V::Done)),
            (marker("a", 1, 8), origin("a", "-"), 7, L::Fail, Ok(V::Done)),
            // The first rows of a job that began anew: the checkpoints of the old one do not count.
            (marker("a", 9, 99), origin("b", "a"), 1, L::Fail, Ok(V::Write)),
            (marker("b", 9, 1), origin("b", "a"), 1, L::Fail, Ok(V::Done)),
            // Gone, and created again by a committer that found none.
            (marker("c", 9, 0), origin("b", "a"), 7, L::Fail, Err(Mismatch::Lost)),
            (marker("c", 9, 0), origin("b", "a"), 7, L::Write, Ok(V::Write)),
            (marker("c", 9, 0), origin("b", "a"), 7, L::Skip, Ok(V::MarkOnly)),
        ] {
            assert_eq!(marker.verdict(&origin, checkpoint, lost), verdict, "{marker:?} {origin:?} {checkpoint}");
        }
    }

    #[test]
    fn a_committer_apart_counts_for_its_writers() {
        use {LostMarker as L, Verdict as V};
        let seen = Seen { marker: marker("a", 3, 7), new_lineage: "n".to_owned(), generation: 8 };
        for (seen, resumes, lost, expected) in [
            (seen.clone(), false, L::Fail, Ok(marker("n", 8, 0))),
            (seen.clone(), true, L::Fail, Ok(marker("a", 8, 7))),
            // Another run began from the same checkpoint, and wrote nothing.
            (Seen { marker: marker("a", 9, 7), ..seen.clone() }, true, L::Fail, Ok(marker("a", 8, 7))),
            (Seen { generation: 6, ..seen.clone() }, true, L::Write, Err(Mismatch::Behind)),
            // There was none.
            (Seen { marker: marker("n", 0, 0), ..seen.clone() }, true, L::Fail, Err(Mismatch::Lost)),
            (Seen { marker: marker("n", 0, 0), ..seen.clone() }, true, L::Write, Ok(marker("n", 8, 0))),
            (Seen { marker: marker("n", 0, 0), ..seen }, true, L::Skip, Ok(marker("n", 8, 8))),
        ] {
            assert_eq!(seen.begins(resumes, lost), expected, "{seen:?} {resumes} {lost:?}");
        }
        let (before, apart) = (marker("a", 8, 7), Origin::apart());
        for (checkpoint, verdict) in [(6, V::Done), (7, V::Done), (9, V::Write)] {
            assert_eq!(before.verdict(&apart, checkpoint, L::Fail), Ok(verdict), "{checkpoint}");
        }
        assert_eq!(before.after(&apart, 8, 9), marker("a", 8, 9));
        assert_eq!(before.after(&origin("b", "a"), 8, 9), marker("b", 8, 9));
    }

    #[test]
    fn a_writer_keeps_its_lineage_while_the_marker_is_there() {
        use LostMarker as L;
        let seen = Seen { marker: marker("a", 3, 7), new_lineage: "n".to_owned(), generation: 8 };
        let state =
            |lineage: &str, follows: &str| vec![json!({ "rows": 1 }), json!({ "origin": origin(lineage, follows) })];
        for (restored, lost, expected) in [
            (vec![], L::Fail, Ok(origin("n", "a"))),
            (vec![json!({ "rows": 1 })], L::Fail, Ok(origin("n", "a"))),
            (state("a", "-"), L::Fail, Ok(origin("a", "-"))),
            // Its first rows are not committed so far.
            (state("b", "a"), L::Fail, Ok(origin("b", "a"))),
            (state("b", "c"), L::Fail, Err(Mismatch::Lost)),
            (state("b", "c"), L::Write, Ok(origin("b", "a"))),
        ] {
            assert_eq!(seen.origin(&restored, lost), expected, "{restored:?}");
        }
        let copied = Seen { marker: marker("a", 3, 9), ..seen.clone() };
        assert_eq!(copied.origin(&state("a", "-"), L::Skip), Err(Mismatch::Behind));
        // It counts for itself.
        assert_eq!(copied.origin(&state("b", "a"), L::Fail), Ok(origin("b", "a")));
        let older = Seen { generation: 2, ..seen };
        assert_eq!(older.origin(&state("a", "-"), L::Fail), Err(Mismatch::Newer));
        assert_eq!(older.origin(&[], L::Fail), Ok(origin("n", "a")));
    }
}
