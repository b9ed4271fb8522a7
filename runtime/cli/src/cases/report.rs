//! The report on cases that were run: a line for each, what differs, and a report for machines.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use weir_host::{Component, GuestLog, Host, LogLevel};

use super::{Case, Outcome, timing};
use crate::figures;
use crate::guest_log::{GuestLines, LineReceiver};
use crate::terminal;

/// A case that was run.
pub(crate) struct Ran {
    pub(crate) case: Case,
    pub(crate) outcome: Outcome,
    /// What the operator logged.
    said: LineReceiver,
    /// How long it takes for a row of the case.
    per_row: Option<Duration>,
}

/// Runs a case, and again with many rows if it is to be timed.
///
/// # Errors
/// As [`super::run`].
pub(crate) fn run(host: &Host, component: &Component, path: &Path, case: Case, is_timed: bool) -> anyhow::Result<Ran> {
    let (lines, said) = GuestLines::new(LogLevel::Debug);
    let log: Arc<dyn GuestLog> = lines;
    let outcome = super::run(host, component, path, &case, &log)?;
    let per_row = if is_timed { timing::per_row(host, component, path, &case)? } else { None };
    Ok(Ran { case, outcome, said, per_row })
}

/// The results so far.
#[derive(Default)]
pub(crate) struct Report {
    results: Vec<(String, Vec<String>)>,
    updated: usize,
    /// Whether cases that passed are counted, and not named.
    is_short: bool,
}

impl Report {
    /// Names only cases that fail, if it `is_short`.
    pub(crate) fn new(is_short: bool) -> Self {
        Self { is_short, ..Self::default() }
    }

    /// Reports a case.
    ///
    /// # Errors
    /// If the terminal is gone.
    pub(crate) fn add(&mut self, name: String, ran: anyhow::Result<Ran>) -> anyhow::Result<()> {
        let (failures, said, per_row) = match ran {
            Ok(ran) => {
                let told = ran.outcome.differences.iter().map(|of| format!("{}: {}", of.at, of.what));
                (told.collect::<Vec<_>>(), Some(ran.said), ran.per_row)
            }
            Err(error) => (vec![format!("{error:#}")], None, None),
        };
        let time =
            per_row.map_or(String::new(), |time| format!(" ({} ns a row)", figures::count(time.as_nanos() as u64)));
        let mut text = format!("{:<9}{name}{time}\n", if failures.is_empty() { "passed" } else { "FAILED" });
        text.extend(failures.iter().map(|failure| format!("         {failure}\n")));
        if !failures.is_empty()
            && let Some(said) = said
        {
            said.drain(|line| text += &format!("         {line}\n"));
        }
        if !(self.is_short && failures.is_empty() && per_row.is_none()) {
            terminal::print_result(&text)?;
        }
        self.results.push((name, failures));
        Ok(())
    }

    /// Reports a case whose expectations were written anew.
    ///
    /// # Errors
    /// If the terminal is gone.
    pub(crate) fn updated(&mut self, name: &str) -> anyhow::Result<()> {
        self.updated += 1;
        terminal::print_result(&format!("updated  {name}\n"))
    }

    /// Reports how many passed, and writes a report in JUnit's format too, if it is wanted.
    ///
    /// # Errors
    /// If a case has failed, or the report cannot be written.
    pub(crate) fn finish(&self, junit: Option<&Path>) -> anyhow::Result<()> {
        if let Some(file) = junit {
            std::fs::write(file, as_junit(&self.results))
                .with_context(|| format!("cannot write {}", file.display()))?;
        }
        let failed = self.results.iter().filter(|(_, failures)| !failures.is_empty()).count();
        let updated = if self.updated > 0 { format!(", {} updated", self.updated) } else { String::new() };
        terminal::print_result(&format!("{} passed, {failed} failed{updated}\n", self.results.len() - failed))?;
        if failed > 0 {
            bail!("{failed} of {} cases failed", self.results.len());
        }
        Ok(())
    }
}

/// The form in which continuous integration takes results.
fn as_junit(results: &[(String, Vec<String>)]) -> String {
    let failed = results.iter().filter(|(_, failures)| !failures.is_empty()).count();
    let case = |(name, failures): &(String, Vec<String>)| match failures.is_empty() {
        true => format!("  <testcase name=\"{}\"/>\n", escaped(name)),
        false => {
            let (name, text) = (escaped(name), escaped(&failures.join("\n")));
            format!("  <testcase name=\"{name}\"><failure>{text}</failure></testcase>\n")
        }
    };
    let cases: String = results.iter().map(case).collect();
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    format!("{head}<testsuite name=\"weir\" tests=\"{}\" failures=\"{failed}\">\n{cases}</testsuite>\n", results.len())
}

fn escaped(text: &str) -> String {
    let allowed = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t'));
    let escape = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        other => other.to_string(),
    };
    allowed.map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_xml_whatever_is_in_them() {
        let results = [("a".to_owned(), Vec::new()), ("b<\"".to_owned(), vec!["x & \u{1}y".to_owned()])];
        expect_test::expect![[r#"
            <?xml version="1.0" encoding="UTF-8"?>
            <testsuite name="weir" tests="2" failures="1">
              <testcase name="a"/>
              <testcase name="b&lt;&quot;"><failure>x &amp; y</failure></testcase>
            </testsuite>
        "#]]
        .assert_eq(&as_junit(&results));
    }
}
