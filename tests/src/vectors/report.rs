//! What happened to the cases, counted and told.

use std::collections::BTreeMap;
use std::fmt;

/// What happened to one case.
#[derive(Debug)]
pub struct Verdict {
    name: String,
    kind: String,
    result: Fate,
}

#[derive(Debug)]
enum Fate {
    Passed { unchecked: Vec<String> },
    Failed(String),
    Skipped(String),
}

impl Verdict {
    pub(super) fn passed(name: &str, kind: &str, unchecked: Vec<String>) -> Self {
        Self { name: name.into(), kind: kind.into(), result: Fate::Passed { unchecked } }
    }

    pub(super) fn failed(name: &str, kind: &str, why: String) -> Self {
        Self { name: name.into(), kind: kind.into(), result: Fate::Failed(why) }
    }

    pub(super) fn skipped(name: &str, kind: &str, reason: String) -> Self {
        Self { name: name.into(), kind: kind.into(), result: Fate::Skipped(reason) }
    }
}

/// What happened to all cases. Its text ends with `N passed, M failed, K skipped`, alone on its line.
#[derive(Debug, Default)]
pub struct Report {
    verdicts: Vec<Verdict>,
}

impl Report {
    pub(super) fn add(&mut self, verdict: Verdict) {
        self.verdicts.push(verdict);
    }

    /// Cases whose outputs were all as expected.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.verdicts.iter().filter(|v| matches!(v.result, Fate::Passed { .. })).count()
    }

    /// Cases that came out wrong.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.verdicts.iter().filter(|v| matches!(v.result, Fate::Failed(_))).count()
    }

    /// Cases that Weir cannot run yet, or that follow another engine's rules.
    #[must_use]
    pub fn skipped(&self) -> usize {
        self.verdicts.len() - self.passed() - self.failed()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut skipped: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
        for Verdict { name, kind, result } in &self.verdicts {
            match result {
                Fate::Passed { unchecked } => {
                    unchecked.iter().try_for_each(|what| writeln!(f, "passed   {name}, but not compared: {what}"))?;
                }
                Fate::Failed(why) => writeln!(f, "FAILED   {name} ({kind}): {why}")?,
                Fate::Skipped(reason) => skipped.entry((kind, reason)).or_default().push(name),
            }
        }
        for ((kind, reason), names) in skipped {
            writeln!(f, "skipped  {} of kind {kind}, not applicable yet: {reason}", names.len())?;
            names.iter().try_for_each(|name| writeln!(f, "           {name}"))?;
        }
        write!(f, "{} passed, {} failed, {} skipped", self.passed(), self.failed(), self.skipped())
    }
}
