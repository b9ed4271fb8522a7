//! Kills the real command at instants drawn from a seed and starts it again, at changing parallelism, until its bounded input
//! ends: its output must be that of a run that was never disturbed, and the golden one where there is one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use weir_core::key_group::mix;

use crate::golden::nexmark_golden;
use crate::kafka_broker::Broker;
use crate::rows::compare;

mod kafka;
mod kafka_tables;

/// What to do.
#[derive(Clone, Debug)]
pub struct Chaos {
    /// The command.
    pub weir: PathBuf,
    /// The project's folder, where the examples are.
    pub root: PathBuf,
    /// How often to kill, spread evenly over the jobs.
    pub kills: u32,
    /// Where the instants come from; the same seed draws the same ones.
    pub seed: u64,
}

/// One bounded job.
struct Case {
    name: &'static str,
    /// The file of the example, below the project's folder.
    pipeline: &'static str,
    /// The sink whose rows are compared.
    sink: &'static str,
    /// Whether it writes a folder of parts instead of a file.
    in_parts: bool,
    /// The query, if the golden result is that of these options. The example's own sink, the last one, counts for it.
    golden: Option<&'static str>,
    /// Options that make it take long enough to be killed a few times.
    set: &'static [&'static str],
}

const CASES: [Case; 5] = [
    nexmark("nexmark-q5", "q5", "examples/nexmark/q5.toml", false),
    nexmark("nexmark-q7", "q7", "examples/nexmark/q7.toml", true),
    nexmark("nexmark-q11", "q11", "examples/nexmark/q11.toml", true),
    flights("flights to a file", false),
    flights("flights to a folder", true),
];

/// A job on a broker: what a round of it gives.
type OnKafka = fn(&Chaos, &Broker, u32, u32, &mut Dice) -> anyhow::Result<(usize, u32)>;

const ON_KAFKA: [(&str, OnKafka); 2] = [("kafka", kafka::run), ("tables in kafka", kafka_tables::run)];

const fn nexmark(name: &'static str, query: &'static str, pipeline: &'static str, in_parts: bool) -> Case {
    let set = &["sources.bids.events=200000", "sources.bids.rate=250000", "batch-rows=512"];
    Case { name, pipeline, sink: "out", in_parts, golden: Some(query), set }
}

const fn flights(name: &'static str, in_parts: bool) -> Case {
    let pipeline = "examples/flights/pipeline.toml";
    Case { name, pipeline, sink: "delays", in_parts, golden: None, set: &["batch-rows=4"] }
}

/// A pipeline file and how it is run.
#[derive(Clone, Copy)]
struct Job<'a> {
    pipeline: &'a Path,
    set: &'a [&'a str],
    /// How many times longer than others it lives.
    slowness: u32,
}

/// Kills of one run of a job at most, so that it ends; more of them are another round's.
const KILLS_A_JOB_MAX: u32 = 12;
/// A job that ends before it is killed has another round, but not more than these for each kill.
const ROUNDS_A_KILL_MAX: u32 = 10;
/// A run dies at the latest so long after its start; a bit longer each time, so that every job gets on.
const LIFE_MAX: Duration = Duration::from_millis(350);
/// A client needs seconds to find its broker; kills before that would be all there is.
const KAFKA_SLOWNESS: u32 = 4;
/// Whatever happens, a job ends within this.
const RUN_MAX: Duration = Duration::from_secs(300);

impl Chaos {
    /// Kills each job as often as any other, and lets it come to its end. `tell` gets a line a run, and at last how
    /// often each was killed. Those from Kafka to Kafka are among them if there is a broker.
    ///
    /// # Errors
    /// If a row is lost or doubled, a run fails, or a job is not killed; the seed is in the message.
    pub fn run(&self, broker: Option<&Broker>, mut tell: impl FnMut(&str)) -> anyhow::Result<()> {
        let jobs = (CASES.len() + broker.map_or(0, |_| ON_KAFKA.len())) as u32;
        ensure!(self.kills >= jobs, "there are {jobs} jobs: {} kills are too few for each to be killed", self.kills);
        let share = |job: usize| (self.kills + job as u32) / jobs;
        let mut killed = Vec::new();
        for (job, case) in CASES.iter().enumerate() {
            let run = |_, kills_max, dice: &mut Dice| self.case(case, kills_max, dice);
            killed.push(self.job(job, case.name, share(job), run, &mut tell)?);
        }
        if let Some(broker) = broker {
            for (job, (name, of_kafka)) in (CASES.len()..).zip(ON_KAFKA) {
                let run = |round, kills_max, dice: &mut Dice| of_kafka(self, broker, round, kills_max, dice);
                killed.push(self.job(job, name, share(job), run, &mut tell)?);
            }
        }
        let (kills, seed) = (self.kills, self.seed);
        tell(&format!("{kills} kills with seed {seed}, nothing lost, nothing doubled: {}", killed.join(", ")));
        Ok(())
    }

    /// Runs a job round after round until it has been killed as often as its share. Returns its name and how often that was.
    fn job(
        &self,
        job: usize,
        name: &str,
        share: u32,
        mut run: impl FnMut(u32, u32, &mut Dice) -> anyhow::Result<(usize, u32)>,
        tell: &mut impl FnMut(&str),
    ) -> anyhow::Result<String> {
        let (mut killed, mut round) = (0, 0);
        while killed < share {
            let at = format!("{name}, round {round}, seed {}", self.seed);
            ensure!(round < share * ROUNDS_A_KILL_MAX, "{at}: it ends too soon: {killed} kills instead of {share}");
            let mut dice = Dice::of(self.seed, job, round);
            let (rows, kills) = run(round, KILLS_A_JOB_MAX.min(share - killed), &mut dice).context(at)?;
            tell(&format!("{name}: {rows} rows, as they should be, after {kills} kills"));
            killed += kills;
            round += 1;
        }
        Ok(format!("{name} {killed}"))
    }

    /// Returns how many rows it had, and how often it was killed.
    fn case(&self, case: &Case, kills_max: u32, dice: &mut Dice) -> anyhow::Result<(usize, u32)> {
        let folder = tempfile::tempdir()?;
        let expected = self.undisturbed(case, folder.path())?;
        let out = folder.path().join(if case.in_parts { "out" } else { "out.csv" });
        if case.in_parts {
            fs::create_dir(&out)?;
        }
        let pipeline = self.pipeline(case, folder.path(), &out)?;
        let job = Job { pipeline: &pipeline, set: case.set, slowness: 1 };
        let (summary, kills) = self.until_it_ends(&job, kills_max, dice)?;
        let rows = rows(&out)?;
        compare(&expected, &rows).with_context(|| format!("after {kills} kills"))?;
        if let Some(query) = case.golden {
            let (rows, checksum) = nexmark_golden(query)?;
            let mut sinks = summary["sinks"].as_array().into_iter().flatten();
            let found = sinks.find(|sink| sink["name"] == "golden").context("no golden sink was told")?;
            ensure!(
                found["rows"] == rows && found["checksum"] == checksum.as_str(),
                "after {kills} kills it counted {found}; the golden result has {rows} rows, checksum {checksum}"
            );
        }
        Ok((rows.len(), kills))
    }

    /// The rows of a run that nobody kills.
    fn undisturbed(&self, case: &Case, folder: &Path) -> anyhow::Result<Vec<String>> {
        let out = folder.join("expected.csv");
        let pipeline = self.pipeline(case, folder, &out)?;
        let events: Vec<&str> = case.set.iter().copied().filter(|set| !set.contains("rate")).collect();
        let output = self.command(&pipeline, &events).stderr(Stdio::piped()).output()?;
        ensure!(output.status.success(), "{} failed: {}", case.name, String::from_utf8_lossy(&output.stderr));
        rows(&out)
    }

    /// The example with a file as its sink.
    fn pipeline(&self, case: &Case, folder: &Path, out: &Path) -> anyhow::Result<PathBuf> {
        let example = self.root.join(case.pipeline);
        let base = example.parent().unwrap_or(&self.root);
        let text = fs::read_to_string(&example)?;
        let table = format!("[sinks.{}]", case.sink);
        let (head, tail) = text.split_once(&table).with_context(|| format!("{} has no {table}", case.pipeline))?;
        let input = tail.lines().find(|line| line.starts_with("input")).context("the sink has no input")?;
        let head = head
            .replace("component = \"", &format!("component = \"{}/", base.display()))
            .replace("path = \"data", &format!("path = \"{}/data", base.display()));
        let slash = if out.is_dir() { "/" } else { "" };
        let sink = format!("connector = \"file\"\nformat = \"csv\"\npath = \"{}{slash}\"", out.display());
        let file = folder.join("pipeline.toml");
        let golden = case.golden.map(|_| format!("[sinks.golden]{tail}")).unwrap_or_default();
        // Other sinks that come after it are left out.
        fs::write(&file, format!("{head}{table}\n{input}\n{sink}\n{golden}"))?;
        Ok(file)
    }

    /// Starts the job again and again until it ends by itself. Returns its summary, and how often it was killed.
    fn until_it_ends(&self, job: &Job<'_>, kills_max: u32, dice: &mut Dice) -> anyhow::Result<(Value, u32)> {
        let Job { pipeline, set, slowness } = *job;
        let state = pipeline.with_file_name("state");
        let mut kills = 0;
        loop {
            let mut command = self.command(pipeline, set);
            command.arg("--checkpoint-dir").arg(&state).args(["--checkpoint-interval", "15ms"]);
            command.args(["--parallelism", &(1 + dice.below(3)).to_string()]);
            let life = dice.life(kills) * slowness;
            let mut child = command.arg("--json").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
            if !ends_within(&mut child, if kills < kills_max { life } else { RUN_MAX })? {
                ensure!(kills < kills_max, "it does not end");
                child.kill()?;
                child.wait()?;
                kills += 1;
                continue;
            }
            let output = child.wait_with_output()?;
            if !output.status.success() {
                bail!("after {kills} kills it failed: {}", String::from_utf8_lossy(&output.stderr));
            }
            return Ok((serde_json::from_slice(&output.stdout)?, kills));
        }
    }

    fn command(&self, pipeline: &Path, set: &[&str]) -> Command {
        let mut command = Command::new(&self.weir);
        command.arg("run").arg(pipeline).env("NO_COLOR", "1").stdin(Stdio::null()).stdout(Stdio::null());
        set.iter().for_each(|set| _ = command.args(["--set", set]));
        command
    }
}

/// Whether a process ends by itself in this time. What it prints must fit a pipe.
#[expect(clippy::disallowed_methods, reason = "a process is killed at an instant of the machine's clock")]
fn ends_within(child: &mut Child, time: Duration) -> anyhow::Result<bool> {
    let started = Instant::now();
    loop {
        if child.try_wait()?.is_some() {
            return Ok(true);
        }
        if started.elapsed() >= time {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The rows of a file, or of all parts in a folder, sorted, without headers. Nothing else may be there.
fn rows(out: &Path) -> anyhow::Result<Vec<String>> {
    let mut files = vec![out.to_path_buf()];
    if out.is_dir() {
        files = fs::read_dir(out)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    }
    let mut rows = Vec::new();
    for file in files {
        let name = file.display();
        ensure!(file.extension().is_some_and(|e| e == "csv"), "{name} was left behind");
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {name}"))?;
        rows.extend(text.lines().skip(1).map(str::to_owned));
    }
    rows.sort();
    Ok(rows)
}

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    /// Those of one run of a job: what others draw, or whether they run at all, changes nothing.
    fn of(seed: u64, job: usize, round: u32) -> Self {
        Self(mix(mix(mix(seed).wrapping_add(job as u64)).wrapping_add(round.into())))
    }

    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0) % n.max(1)
    }

    /// How long the next run lives: one in eight dies while it starts.
    fn life(&mut self, kills: u32) -> Duration {
        let most = if self.below(8) == 0 { Duration::from_millis(40) } else { LIFE_MAX * (10 + kills) / 10 };
        Duration::from_micros(self.below(most.as_micros() as u64))
    }
}
