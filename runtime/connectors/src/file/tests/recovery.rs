//! A job that is killed anywhere, and continues, writes what one that was never disturbed writes: the sink under a
//! scripted engine.

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use weir_core::connector::{Committable, Committer, Cut};

use super::*;
use crate::formats::compression::decompressed_stream;

/// A complete checkpoint, as far as a sink is concerned.
#[derive(Clone)]
pub(super) struct Checkpoint {
    pub(super) parts: Vec<Committable>,
    pub(super) states: Vec<Offset>,
    pub(super) position: i64,
    pub(super) rows: u64,
    pub(super) last: bool,
}

/// One attempt at running the job, with all that it holds.
pub(super) struct Attempt {
    sink: FileSink,
    pub(super) committer: Box<dyn Committer>,
    pub(super) writers: Vec<Box<dyn SinkWriter>>,
    /// Of cuts that came to nothing.
    carried: Vec<Committable>,
    cuts: u64,
    /// The next row of the input.
    position: i64,
    /// What it may commit (again) if it wakes up late.
    complete: Option<Checkpoint>,
}

pub(super) fn numbers(from: i64, count: i64) -> StreamBatch {
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(from..from + count));
    stream_batch(RecordBatch::try_from_iter([("n", column)]).unwrap())
}

impl Attempt {
    /// As the engine starts: first what the checkpoint has prepared, then the writers.
    pub(super) fn start(
        toml: &str,
        base: &Path,
        (generation, parallelism, durable): (u64, usize, bool),
        checkpoint: Option<&Checkpoint>,
    ) -> Result<Self, ConnectorError> {
        let sink = FileSink::open(&options(toml, base))?;
        let parallelism = parallelism.min(sink.parallelism_max().unwrap_or(usize::MAX));
        let mut committer = sink.committer("job", generation)?.unwrap();
        if let Some(checkpoint) = checkpoint {
            committer.commit(generation, checkpoint.parts.clone())?;
        }
        let restored = checkpoint.map_or(&[][..], |checkpoint| &checkpoint.states);
        let writers = (0..parallelism).map(|subtask| {
            let context = WriterContext { subtask, parallelism, generation, durable, apart: false, restored };
            sink.writer(numbers(0, 0).rows.schema(), &context)
        });
        let writers = writers.collect::<Result<_, _>>()?;
        let position = checkpoint.map_or(0, |checkpoint| checkpoint.position);
        Ok(Self { sink, committer, writers, carried: Vec::new(), cuts: 0, position, complete: checkpoint.cloned() })
    }

    pub(super) fn write(&mut self, count: i64) -> Result<(), ConnectorError> {
        let writer = (self.position as usize + self.cuts as usize) % self.writers.len();
        self.writers[writer].write(&numbers(self.position, count))?;
        self.position += count;
        Ok(())
    }

    /// A cut through all writers; it is complete when the caller says so.
    pub(super) fn cut(&mut self, last: bool) -> Result<Checkpoint, ConnectorError> {
        self.cuts += 1;
        let cut = Cut { attempt: self.cuts, last };
        let prepares = self.writers.iter_mut().map(|writer| writer.prepare(cut)).collect::<Result<Vec<_>, _>>()?;
        let (mut parts, mut states, mut rows) = (std::mem::take(&mut self.carried), Vec::new(), 0);
        for prepare in prepares {
            let prepared = prepare()?;
            parts.extend(prepared.commit);
            states.push(prepared.state);
            rows += prepared.report.rows;
        }
        Ok(Checkpoint { parts, states, position: self.position, rows, last })
    }

    pub(super) fn commit(&mut self, checkpoint: &Checkpoint) -> Result<(), ConnectorError> {
        self.complete = Some(checkpoint.clone());
        self.committer.commit(1, checkpoint.parts.clone())
    }

    /// What a process does that was thought dead: it writes, cuts, and commits what it knows to be complete.
    fn wake_up(&mut self) {
        let _ = self.write(3);
        self.writers.iter_mut().for_each(|writer| writer.flush().unwrap());
        let _ = self.cut(false);
        if let Some(checkpoint) = self.complete.clone() {
            self.commit(&checkpoint).unwrap();
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Write(i64),
    /// A barrier, and what happens to it.
    Cut(Fate),
    /// The process ends. `asleep`: it does not, and may wake up.
    Kill {
        asleep: bool,
        parallelism: usize,
    },
    WakeUp,
}

#[derive(Clone, Copy, Debug)]
enum Fate {
    Committed,
    CommittedTwice,
    /// Complete, and the process ends before it commits anything.
    KilledBeforeCommit,
    Aborted,
    /// Never complete, and what it prepared is known to nobody.
    KilledBeforeComplete,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let fate = || {
        prop_oneof![
            3 => Just(Fate::Committed),
            1 => Just(Fate::CommittedTwice),
            2 => Just(Fate::KilledBeforeCommit),
            1 => Just(Fate::Aborted),
            1 => Just(Fate::KilledBeforeComplete),
        ]
    };
    let step = prop_oneof![
        5 => (0_i64..20).prop_map(Step::Write),
        4 => fate().prop_map(Step::Cut),
        2 => (any::<bool>(), 1_usize..4).prop_map(|(asleep, parallelism)| Step::Kill { asleep, parallelism }),
        1 => Just(Step::WakeUp),
    ];
    prop::collection::vec(step, 0..25)
}

/// A job, and the folder that it writes into.
struct Job<'a> {
    toml: &'a str,
    base: &'a Path,
    generation: u64,
    parallelism: usize,
    checkpoint: Option<Checkpoint>,
    running: Attempt,
    asleep: Vec<Attempt>,
}

impl<'a> Job<'a> {
    fn begin(toml: &'a str, base: &'a Path) -> Self {
        let running = Attempt::start(toml, base, (1, 2, true), None).unwrap();
        Self { toml, base, generation: 1, parallelism: 2, checkpoint: None, running, asleep: Vec::new() }
    }

    fn restart(&mut self, asleep: bool) {
        self.generation += 1;
        let how = (self.generation, self.parallelism, true);
        if !asleep {
            self.running.writers.clear();
        }
        let next = Attempt::start(self.toml, self.base, how, self.checkpoint.as_ref()).unwrap();
        let before = std::mem::replace(&mut self.running, next);
        if asleep {
            self.asleep.push(before);
        }
        self.check_visible();
    }

    fn cut(&mut self, last: bool, fate: Fate) {
        let cut = self.running.cut(last).unwrap();
        assert_eq!(cut.rows, cut.position as u64, "every row is reported once");
        match fate {
            Fate::Aborted => self.running.carried = cut.parts,
            Fate::KilledBeforeComplete => self.restart(false),
            Fate::KilledBeforeCommit => {
                self.checkpoint = Some(cut);
                self.restart(true);
            }
            Fate::Committed | Fate::CommittedTwice => {
                self.running.commit(&cut).unwrap();
                if matches!(fate, Fate::CommittedTwice) {
                    self.running.commit(&cut).unwrap();
                }
                self.checkpoint = Some(cut);
                self.check_visible();
            }
        }
    }

    /// Parts hold the rows up to the checkpoint; one file is there at the end only.
    fn check_visible(&self) {
        let checkpoint = self.checkpoint.as_ref();
        if self.running.sink.parallelism_max().is_none() {
            let position = checkpoint.map_or(0, |checkpoint| checkpoint.position);
            assert_eq!(rows_of_parts(&self.base.join("out")), (0..position).collect::<Vec<_>>());
        } else if !checkpoint.is_some_and(|checkpoint| checkpoint.last) {
            assert_eq!(visible(self.base), [""; 0]);
        }
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Write(count) => self.running.write(count).unwrap(),
            Step::Cut(fate) => self.cut(false, fate),
            Step::Kill { asleep, parallelism } => {
                self.parallelism = parallelism;
                self.restart(asleep);
            }
            Step::WakeUp => self.asleep.iter_mut().for_each(Attempt::wake_up),
        }
    }
}

fn visible(folder: &Path) -> Vec<String> {
    names(folder).into_iter().filter(|name| !name.starts_with('.')).collect()
}

fn rows_of_parts(folder: &Path) -> Vec<i64> {
    let mut rows = Vec::new();
    for name in visible(folder) {
        let text = text_of(&folder.join(name));
        let numbers = text.lines().filter(|line| *line != "n");
        rows.extend(numbers.map(|line| line.trim_matches(|c: char| !c.is_ascii_digit()).parse::<i64>().unwrap()));
    }
    rows.sort_unstable();
    rows
}

/// The text of a file, which may be compressed; of one that is none, a line for each of its rows.
fn text_of(path: &Path) -> String {
    if path.extension().is_some_and(|ending| ending == "parquet" || ending == "arrow") {
        let (folder, name) = (path.parent().unwrap(), path.file_name().unwrap());
        let source = open_source(&options(&format!("path = {name:?}"), folder)).unwrap();
        let mut reader =
            source.reader(&source.splits(1).unwrap()[0], &[0], None, Arc::new(ManualClock::default())).unwrap();
        let (batches, _) = poll(reader.as_mut(), &[4096], 10_000);
        let numbers = batches.iter().flat_map(|rows| rows.column(0).as_primitive::<Int64Type>().values());
        return numbers.map(|number| format!("{number}\n")).collect();
    }
    let file: Box<dyn std::io::Read + Send> = Box::new(fs::File::open(path).unwrap());
    let mut text = String::new();
    decompressed_stream(file).unwrap().read_to_string(&mut text).unwrap();
    text
}

/// The first of them write one file.
const FILES: usize = 7;
const SINKS: [&str; 13] = [
    "path = \"out.csv\"",
    "path = \"out.jsonl\"\nlazy = true",
    "path = \"out.csv\"\nlazy = true",
    "path = \"out.csv.gz\"",
    "path = \"out.json\"\ncompression = \"zstd\"",
    "path = \"out.parquet\"",
    "path = \"out.arrow\"\nlazy = true",
    "path = \"out/\"\nformat = \"parquet\"\ncompression = \"zstd\"",
    "path = \"out/\"\nformat = \"arrow\"",
    "path = \"out/\"\nformat = \"csv\"\ncompression = \"gzip\"",
    "path = \"out/\"\nformat = \"json\"\ncompression = \"zstd\"",
    "path = \"out/\"\nformat = \"csv\"",
    "path = \"out/\"\nformat = \"json\"",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn a_disturbed_job_writes_what_an_undisturbed_one_writes(
        sink in 0..SINKS.len(),
        steps in steps(),
        ends in steps(),
    ) {
        let (folder, undisturbed) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let mut job = Job::begin(SINKS[sink], folder.path());
        steps.into_iter().for_each(|step| job.run(step));
        let end = job.running.position;
        for step in ends {
            // The end of the stream is always the same row, however often it is tried.
            let Step::Cut(fate) = step else { continue };
            let missing = end - job.running.position;
            job.running.write(missing).unwrap();
            job.cut(true, fate);
        }
        let missing = end - job.running.position;
        job.running.write(missing).unwrap();
        job.cut(true, Fate::Committed);

        let is_file = sink < FILES;
        let output = |base: &Path| match is_file {
            true => visible(base).into_iter().map(|name| text_of(&base.join(name))).collect(),
            false => vec![format!("{:?}", rows_of_parts(&base.join("out")))],
        };
        let mut calm = Attempt::start(SINKS[sink], undisturbed.path(), (0, 1, false), None).unwrap();
        calm.write(end).unwrap();
        let cut = calm.cut(true).unwrap();
        calm.commit(&cut).unwrap();
        let expected = output(undisturbed.path());
        prop_assert_eq!(&output(folder.path()), &expected);

        // It is over, and stays so, whichever process wakes up and however often it is begun again.
        job.asleep.iter_mut().for_each(Attempt::wake_up);
        job.restart(true);
        let again = job.running.cut(true).unwrap();
        prop_assert!(again.parts.is_empty());
        prop_assert_eq!(again.rows, end as u64);
        prop_assert_eq!(&output(folder.path()), &expected);
    }
}
