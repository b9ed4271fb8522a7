//! Kills the real command at instants drawn from a seed and starts it again, at changing parallelism, until its bounded input
//! ends: its output must be that of a run that was never disturbed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use weir_core::key_group::mix;

use crate::kafka_broker::Broker;
use crate::rows::compare;

mod kafka;

/// What to do.
#[derive(Clone, Debug)]
pub struct Chaos {
    /// The command.
    pub weir: PathBuf,
    /// The project's folder, where the examples are.
    pub root: PathBuf,
    /// How often to kill, over all jobs.
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
    /// Options that make it take long enough to be killed a few times.
    set: &'static [&'static str],
}

const CASES: [Case; 4] = [
    Case {
        name: "nexmark-q5",
        pipeline: "examples/nexmark/q5.toml",
        sink: "out",
        set: &["sources.bids.events=200000", "sources.bids.rate=250000", "batch-rows=512"],
    },
    Case {
        name: "nexmark-q7",
        pipeline: "examples/nexmark/q7.toml",
        sink: "out",
        set: &["sources.bids.events=200000", "sources.bids.rate=250000", "batch-rows=512"],
    },
    Case {
        name: "nexmark-q11",
        pipeline: "examples/nexmark/q11.toml",
        sink: "out",
        set: &["sources.bids.events=200000", "sources.bids.rate=250000", "batch-rows=512"],
    },
    Case { name: "flights", pipeline: "examples/flights/pipeline.toml", sink: "delays", set: &["batch-rows=64"] },
];

/// A pipeline file and how it is run.
#[derive(Clone, Copy)]
struct Job<'a> {
    pipeline: &'a Path,
    set: &'a [&'a str],
    /// How many times longer than others it lives.
    slowness: u32,
}

/// Kills of one job at most, so that all have their turn.
const KILLS_A_JOB_MAX: u32 = 12;
/// A run dies at the latest so long after its start; a bit longer each time, so that every job gets on.
const LIFE_MAX: Duration = Duration::from_millis(350);
/// Whatever happens, a job ends within this.
const RUN_MAX: Duration = Duration::from_secs(300);

impl Chaos {
    /// Runs the jobs in turn until the kills are done; the last one runs to its end. `tell` gets a line a job. Kafka to Kafka is
    /// one of the jobs if there is a broker.
    ///
    /// # Errors
    /// If a row is lost or doubled, or a run fails; the seed is in the message.
    pub fn run(&self, broker: Option<&Broker>, mut tell: impl FnMut(&str)) -> anyhow::Result<()> {
        let mut dice = Dice(self.seed);
        let (mut killed, mut round) = (0, 0);
        while killed < self.kills {
            for case in &CASES {
                killed += self.case(case, round, self.kills - killed, &mut dice, &mut tell)?;
            }
            if let Some(broker) = broker {
                killed += kafka::run(self, broker, round, self.kills - killed, &mut dice, &mut tell)?;
            }
            round += 1;
        }
        tell(&format!("{killed} kills with seed {}: nothing lost, nothing doubled", self.seed));
        Ok(())
    }

    fn case(
        &self,
        case: &Case,
        round: u32,
        kills_max: u32,
        dice: &mut Dice,
        tell: &mut impl FnMut(&str),
    ) -> anyhow::Result<u32> {
        let folder = tempfile::tempdir()?;
        let in_parts = dice.below(2) == 1;
        let expected = self.undisturbed(case, folder.path())?;
        let out = folder.path().join(if in_parts { "out" } else { "out.csv" });
        if in_parts {
            fs::create_dir(&out)?;
        }
        let pipeline = self.pipeline(case, folder.path(), &out)?;
        let at = format!("{}, round {round}, seed {}", case.name, self.seed);
        let job = Job { pipeline: &pipeline, set: case.set, slowness: 1 };
        let kills = self.until_it_ends(&job, kills_max.min(KILLS_A_JOB_MAX), dice).with_context(|| at.clone())?;
        let rows = rows(&out).with_context(|| at.clone())?;
        compare(&expected, &rows).with_context(|| format!("{at}, after {kills} kills"))?;
        tell(&format!("{}: {} rows, as they should be, after {kills} kills", case.name, rows.len()));
        Ok(kills)
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
        // Sinks that come after it are left out.
        fs::write(&file, format!("{head}{table}\n{input}\n{sink}\n"))?;
        Ok(file)
    }

    /// Starts the job again and again until it ends by itself. Returns how often it was killed.
    fn until_it_ends(&self, job: &Job<'_>, kills_max: u32, dice: &mut Dice) -> anyhow::Result<u32> {
        let Job { pipeline, set, slowness } = *job;
        let state = pipeline.with_file_name("state");
        let mut kills = 0;
        loop {
            let mut command = self.command(pipeline, set);
            command.arg("--checkpoint-dir").arg(&state).args(["--checkpoint-interval", "15ms"]);
            command.args(["--parallelism", &(1 + dice.below(3)).to_string()]);
            let life = dice.life(kills) * slowness;
            let mut child = command.stderr(Stdio::piped()).spawn()?;
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
            return Ok(kills);
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
