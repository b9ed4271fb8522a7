//! What the operators of a job have run before: which version a rollback brings back, and which revisions nobody needs any more.

use std::collections::BTreeMap;

use super::Service;
use crate::catalog::{JobRow, RevisionRow, RevisionState};
use crate::pipelines::Settings;
use crate::problem::Problem;

/// The cause of a revision that brings an older version back.
pub(super) const ROLLBACK: &str = "rollback";

/// Revisions of a job that are kept in any case: more than a person looks back at.
const REVISIONS_KEPT: usize = 100;

/// What an operator runs: `NAME@VERSION`, and how.
pub(super) type Version = (String, Settings);

/// The revisions of a job that were to run, oldest first.
pub(super) struct History<V>(Vec<Past<V>>);

struct Past<V> {
    number: u64,
    goes_back: bool,
    /// By operator. Of a pipeline that cannot be read any more, since a version of it was removed, nothing is known.
    versions: BTreeMap<String, V>,
}

impl<V: PartialEq> History<V> {
    /// The version of an operator before the one that runs, as if some revisions were not there. What was rolled back is not gone
    /// back to: a rollback undoes what came after the version that it brings back. `Some(None)`: it is not known any more.
    /// With the last revision in which it was so.
    pub(super) fn before(&self, operator: &str, now: &V, without: &[u64]) -> Option<(u64, Option<&V>)> {
        let mut history: Vec<(u64, Option<&V>)> = Vec::new();
        for past in self.0.iter().filter(|past| !without.contains(&past.number)) {
            let version = past.versions.get(operator);
            if let Some(at) = history.iter().rposition(|(_, older)| *older == version).filter(|_| past.goes_back) {
                history.truncate(at);
            }
            match history.last_mut() {
                Some((number, last)) if *last == version => *number = past.number,
                _ => history.push((past.number, version)),
            }
        }
        history.into_iter().rev().find(|(_, older)| *older != Some(now))
    }

    /// Those of some revisions without which every rollback of the one that runs goes where it goes with them.
    fn needless(&self, candidates: impl Iterator<Item = u64>, runs: u64) -> Vec<u64> {
        let now = self.0.iter().find(|past| past.number == runs).map(|past| &past.versions);
        let goals = |without: &[u64]| -> Vec<_> {
            let versions = now.into_iter().flatten();
            versions.map(|(operator, now)| self.before(operator, now, without).map(|(_, version)| version)).collect()
        };
        let (goals_now, mut needless) = (goals(&[]), Vec::new());
        for number in candidates.filter(|number| *number != runs) {
            needless.push(number);
            if goals(&needless) != goals_now {
                needless.pop();
            }
        }
        needless
    }
}

impl Service {
    /// What revisions of a job were.
    pub(super) fn history(&self, revisions: &[RevisionRow]) -> History<Version> {
        let past = |row: &RevisionRow| {
            let pipeline = self.pipelines.read(&row.pipeline, &[]).ok();
            let versions = pipeline.iter().flat_map(|pipeline| {
                let version = |operator: &String| Some((operator.clone(), pipeline.version_of(operator)?));
                pipeline.versions.iter().filter_map(move |(operator, _)| version(operator))
            });
            Past { number: row.number, goes_back: row.cause == ROLLBACK, versions: versions.collect() }
        };
        History(revisions.iter().filter(|row| row.state == RevisionState::Kept).map(past).collect())
    }

    /// The revisions of a job that go when another is added.
    pub(super) fn needless_revisions(&self, row: &JobRow) -> Result<Vec<u64>, Problem> {
        let revisions = self.catalog.revisions(&row.name)?;
        let older = revisions.len().saturating_sub(REVISIONS_KEPT - 1);
        if older == 0 {
            return Ok(Vec::new());
        }
        let candidates = revisions.iter().take(older).map(|revision| revision.number);
        Ok(self.history(&revisions).needless(candidates, row.revision))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Revisions from 1 on, of an operator `a` and one `b`: what each runs; a small letter goes back.
    fn history(runs: &[(char, char)]) -> History<char> {
        let past = |(index, (a, b)): (usize, &(char, char))| {
            let versions = [("a", a), ("b", b)].map(|(of, version)| (of.to_owned(), version.to_ascii_uppercase()));
            let goes_back = a.is_ascii_lowercase() || b.is_ascii_lowercase();
            Past { number: index as u64 + 1, goes_back, versions: versions.into() }
        };
        History(runs.iter().enumerate().map(past).collect())
    }

    #[test]
    fn a_rollback_undoes_what_came_after_the_version_that_it_brings_back() {
        let before = |runs: &[(char, char)]| {
            let history = history(runs);
            let now = history.0.last().unwrap().versions["a"];
            history.before("a", &now, &[]).map(|(number, version)| (number, *version.unwrap()))
        };
        assert_eq!(before(&[('A', 'X')]), None);
        assert_eq!(before(&[('A', 'X'), ('A', 'Y')]), None, "another operator has changed");
        assert_eq!(before(&[('A', 'X'), ('B', 'X'), ('C', 'X')]), Some((2, 'B')));
        assert_eq!(before(&[('A', 'X'), ('A', 'Y'), ('C', 'X')]), Some((2, 'A')), "the last that ran it");
        assert_eq!(before(&[('A', 'X'), ('B', 'X'), ('C', 'X'), ('b', 'X')]), Some((1, 'A')));
        assert_eq!(before(&[('A', 'X'), ('B', 'X'), ('a', 'X')]), None);
    }

    #[test]
    fn a_revision_that_a_rollback_goes_to_is_needed() {
        let needless = |runs: &[(char, char)], older: u64| history(runs).needless(1..=older, runs.len() as u64);
        let mut runs = vec![('A', 'X'); 5];
        runs.extend([('B', 'X'); 5]);
        runs.extend([('B', 'Y'); 5]);
        assert!(needless(&runs, 0).is_empty());
        // One of the first five stays, which has X for `b` too.
        assert_eq!(needless(&runs, 8), [1, 2, 3, 4, 6, 7, 8]);
        assert_eq!(needless(&runs, 10), [1, 2, 3, 4, 6, 7, 8, 9, 10]);
        // Without what a rollback went back to, C would be what ran before.
        runs = vec![('A', 'X'), ('B', 'X'), ('C', 'X'), ('b', 'X'), ('B', 'Y'), ('B', 'Y')];
        assert_eq!(needless(&runs, 5), [3, 4, 5]);
    }
}
