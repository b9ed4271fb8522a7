//! `cargo xtask fuzz [--seconds N] [TARGET]...`: runs the fuzz targets one after the other, and says what they found.
//!
//! A target has a folder of seeds in `fuzz/corpus/`. What libFuzzer adds to them is kept in `target/fuzz/corpus/`, and inputs that
//! fail in `target/fuzz/findings/`.

pub(crate) mod instrument;
mod report;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};

use crate::command::{announce, root};
use report::Report;

/// How long a target runs, if nothing is said.
const SECONDS_DEFAULT: u64 = 60;
/// Bytes of an input at most: what is large is the business of limits, and small inputs are found faster.
const INPUT_BYTES_MAX: u64 = 8 << 10;
/// Memory of a target's process, MiB: an input that takes more is a finding.
const MEMORY_MIB_MAX: u64 = 2 << 10;
/// How long one input may take, seconds: what hangs is found, and a machine that is busy for a while is no finding.
const INPUT_SECONDS_MAX: u64 = 60;

/// What is asked for.
pub(crate) struct Fuzzing {
    seconds: u64,
    /// Empty: all.
    targets: Vec<String>,
    /// What chance begins with; `None`: something else each time.
    seed: Option<u32>,
}

impl Fuzzing {
    /// All targets, a few seconds each, the same each time: for the tests.
    pub(crate) const BRIEF: Self = Self { seconds: 2, targets: Vec::new(), seed: Some(1) };

    /// What a person has typed.
    ///
    /// # Errors
    /// If an option is none, or a number is.
    pub(crate) fn parse(arguments: &[String]) -> anyhow::Result<Self> {
        let mut fuzzing = Self { seconds: SECONDS_DEFAULT, targets: Vec::new(), seed: None };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--seconds" => {
                    let seconds = arguments.next().context("--seconds needs a number")?;
                    fuzzing.seconds =
                        seconds.parse().with_context(|| format!("{seconds:?} is no number of seconds"))?;
                    // libFuzzer takes 0 for endless.
                    ensure!(fuzzing.seconds > 0, "--seconds is at least 1");
                }
                option if option.starts_with('-') => bail!("fuzz does not take: {option}"),
                target => fuzzing.targets.push(target.to_owned()),
            }
        }
        Ok(fuzzing)
    }

    /// Builds the targets and runs them.
    ///
    /// # Errors
    /// If a target has found something, or cannot run.
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let known = known()?;
        if let Some(unknown) = self.targets.iter().find(|target| !known.contains(target)) {
            bail!("there is no fuzz target {unknown:?}; there are {}", known.join(", "));
        }
        let targets = if self.targets.is_empty() { &known } else { &self.targets };
        announce("building the fuzz targets (the first time 2 to 4 minutes on 2 cores)");
        let binary = instrument::build()?;
        let mut reports = Vec::new();
        for target in targets {
            announce(&format!("fuzzing {target} for {} s", self.seconds));
            reports.push(self.run_target(&binary, target).with_context(|| format!("cannot fuzz {target}"))?);
        }
        reports.iter().for_each(|report| println!("{report}"));
        let findings = reports.iter().filter(|report| report.has_failed()).count();
        ensure!(findings == 0, "{findings} fuzz targets have failed (above)");
        Ok(())
    }

    fn run_target(&self, binary: &Path, target: &str) -> anyhow::Result<Report> {
        let (corpus, findings) = (folder("corpus")?.join(target), folder("findings")?);
        std::fs::create_dir_all(&corpus).with_context(|| format!("cannot make {}", corpus.display()))?;
        let seeds = seeds().join(target);
        let log = folder("logs")?.join(format!("{target}.txt"));
        let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let scratch = scratch(target)?;
        let before = files(&corpus)?;
        let mut fuzzer = Command::new(binary);
        fuzzer
            .arg(format!("-max_total_time={}", self.seconds))
            .arg(format!("-max_len={INPUT_BYTES_MAX}"))
            .arg(format!("-rss_limit_mb={MEMORY_MIB_MAX}"))
            .arg(format!("-timeout={INPUT_SECONDS_MAX}"))
            .arg(format!("-report_slow_units={INPUT_SECONDS_MAX}"))
            .arg(format!("-seed={}", self.seed.unwrap_or(0)))
            .arg(format!("-artifact_prefix={}/{target}-", findings.display()))
            .arg("-print_final_stats=1")
            .args([&corpus, &seeds])
            .env("WEIR_FUZZ_TARGET", target)
            .env("TMPDIR", &scratch)
            .stdout(output.try_clone().context("cannot write the log")?)
            .stderr(output)
            .current_dir(root());
        let status = fuzzer.status().with_context(|| format!("cannot run {}", binary.display()));
        let _ = std::fs::remove_dir_all(&scratch);
        let text = std::fs::read(&log).with_context(|| format!("cannot read {}", log.display()))?;
        let added = files(&corpus)?.saturating_sub(before);
        Ok(Report::new(target, &String::from_utf8_lossy(&text), status?.success(), added, binary, log))
    }
}

/// Every target: it has seeds.
fn known() -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(seeds()).context("cannot read fuzz/corpus")? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn seeds() -> PathBuf {
    root().join("fuzz").join("corpus")
}

/// A folder of what is found, which is made.
fn folder(name: &str) -> anyhow::Result<PathBuf> {
    let folder = instrument::target().join("fuzz").join(name);
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// A folder for a target's files: in memory if there is such a place, because sinks and checkpoints wait for the disk.
fn scratch(target: &str) -> anyhow::Result<PathBuf> {
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() { memory.to_path_buf() } else { folder("scratch")? };
    let scratch = parent.join(format!("weir-fuzz-{target}-{}", std::process::id()));
    std::fs::create_dir_all(&scratch).with_context(|| format!("cannot make {}", scratch.display()))?;
    Ok(scratch)
}

fn files(folder: &Path) -> anyhow::Result<usize> {
    Ok(std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?.count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments() {
        let parse = |arguments: &[&str]| Fuzzing::parse(&arguments.iter().map(ToString::to_string).collect::<Vec<_>>());
        let fuzzing = parse(&["csv", "--seconds", "7", "part"]).unwrap();
        assert_eq!((fuzzing.seconds, fuzzing.targets), (7, vec!["csv".to_owned(), "part".to_owned()]));
        for (arguments, says) in [
            (&["--seconds"][..], "needs a number"),
            (&["--seconds", "x"], "no number"),
            (&["--seconds", "0"], "at least 1"),
            (&["--jobs", "2"], "does not take"),
        ] {
            let error = parse(arguments).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(says), "{error}");
        }
    }
}
