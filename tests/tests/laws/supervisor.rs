//! A job that is started again when it fails, with threads and a clock that stands still: when it starts, when it does not, what is
//! told, and to whom the job belongs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use weir_core::connector::{ConnectorError, Offset, Polled, SourceReader};
use weir_core::graph::RestartSettings;
use weir_core::swap::{Phase, Probation};
use weir_core::time::{Clock, ManualClock};
use weir_engine::{Durable, Job, JobError, NewVersion, ResumeFrom, RunError, Summary, Supervisor};
use weir_state::checkpoint::object_store::memory::InMemory;

use crate::stores::{Operation, Verdict, hooked, plain};
use crate::support::{Memory, durable_in, job};
use crate::swaps::{self, version};
use crate::wrapped::Wrapped;

const PIPELINE: &str = r#"
name = "watched"
max-parallelism = 8
[sources.rows]
connector = "memory"
event-time = "ts"
[sinks.out]
input = "rows"
connector = "memory"
"#;

const WINDOW: &str = r#"
[windows.hours]
input = "rows"
key-by = ["key"]
window = { tumbling = "1h" }
aggregates.n = "count"
[sinks.counts]
input = "hours"
connector = "memory"
"#;

const RESTART: RestartSettings =
    RestartSettings { delay_ms: 1_000, delay_max_ms: 1_000, failures_max: 2, period_ms: 60_000 };
const LOOK: Duration = Duration::from_millis(10);
/// Two minutes of looks.
const LOOKS_MAX: u32 = 12_000;

/// Rows in memory after which there are no more for now, and a reader that fails when it is told to.
#[derive(Clone)]
struct Endless {
    rows: Memory,
    error: Arc<Mutex<Option<ConnectorError>>>,
}

impl Endless {
    fn new() -> Self {
        let rows = (0..10).map(|i| ("k".to_owned(), i, i)).collect();
        Self { rows: Memory::new(vec![rows], vec![3]), error: Arc::default() }
    }

    fn connectors(&self) -> Wrapped {
        let error = self.error.clone();
        Wrapped::new(self.rows.clone(), move |inner| Box::new(EndlessReader { inner, error: error.clone() }))
    }

    fn fail(&self, error: ConnectorError) {
        *self.error.lock().unwrap() = Some(error);
    }
}

struct EndlessReader {
    inner: Box<dyn SourceReader>,
    error: Arc<Mutex<Option<ConnectorError>>>,
}

impl SourceReader for EndlessReader {
    fn poll(&mut self, rows_max: usize, wait: Duration) -> Result<Polled, ConnectorError> {
        if let Some(error) = self.error.lock().unwrap().take() {
            return Err(error);
        }
        match self.inner.poll(rows_max, wait)? {
            Polled::End => {
                std::thread::park_timeout(wait);
                Ok(Polled::Pending)
            }
            polled => Ok(polled),
        }
    }

    fn offset(&self) -> Offset {
        self.inner.offset()
    }
}

fn passing() -> ConnectorError {
    ConnectorError::Io { what: "cannot read rows".to_owned(), source: std::io::Error::other("the disk is busy") }
}

/// A job, where it keeps its checkpoints, and its clock.
struct Watched {
    source: Endless,
    job: Arc<Job>,
    durable: Durable,
    clock: Arc<ManualClock>,
}

impl Watched {
    fn new() -> Self {
        Self::of(PIPELINE)
    }

    fn of(pipeline: &str) -> Self {
        let source = Endless::new();
        let job = Arc::new(job(&source.connectors(), pipeline, 1));
        Self { source, job, durable: durable_in(plain(&Arc::new(InMemory::new()))), clock: Arc::default() }
    }

    fn start(&self) -> Supervisor {
        Supervisor::start(Arc::clone(&self.job), self.clock.clone(), Some(self.durable.clone()), RESTART).unwrap()
    }

    /// Why a start is refused of this pipeline from this checkpoint, if these names may be dropped.
    fn refused(&self, pipeline: &str, from: Option<u64>, allow_dropped: &[&str]) -> String {
        let job = job(&self.source.connectors(), pipeline, 1);
        let allow_dropped = allow_dropped.iter().map(|name| (*name).to_owned()).collect();
        let from = from.map_or(ResumeFrom::Last, ResumeFrom::Checkpoint);
        let durable = Durable { from, allow_dropped, ..self.durable.clone() };
        match Supervisor::start(Arc::new(job), self.clock.clone(), Some(durable), RESTART) {
            Ok(_) => panic!("{pipeline} was started"),
            Err(error) => format!("{:#}", anyhow::Error::new(error)),
        }
    }

    /// Waits until all rows are out, so many times.
    fn until_written(&self, running: &mut Supervisor, times: usize) {
        until(running, |_| self.source.rows.written.lock().unwrap().len() == 10 * times);
    }

    /// Lets it fail in a way that may pass, and waits until it is to start again.
    fn fail(&self, running: &mut Supervisor) {
        self.source.fail(passing());
        let mut notices = Vec::new();
        until(running, |running| {
            notices.extend(running.take_notices());
            notices.iter().any(|notice| notice.contains("starts again"))
        });
        let why = "the job failed and starts again in 1000 ms: subtask ";
        let notice = notices.last().unwrap();
        assert!(notice.starts_with(why) && notice.ends_with("cannot read rows: the disk is busy"), "{notice}");
        assert_eq!(
            running.why_waiting().map(|why| format!("the job failed and starts again in 1000 ms: {why}")),
            Some(notice.clone())
        );
    }

    fn pass_delay(&self) {
        self.clock.set_us(self.clock.now_us() + 1_000_000);
    }
}

fn until(running: &mut Supervisor, mut happened: impl FnMut(&mut Supervisor) -> bool) {
    for _ in 0..LOOKS_MAX {
        if let Some(ended) = running.wait(LOOK) {
            panic!("it ended: {ended:?}");
        }
        if happened(running) {
            return;
        }
    }
    panic!("it does not happen");
}

fn end(running: &mut Supervisor) -> Result<Summary, RunError> {
    (0..LOOKS_MAX).find_map(|_| running.wait(LOOK)).expect("an end")
}

#[test]
fn it_starts_again_when_its_time_has_come_and_resumes_from_its_last_checkpoint() {
    let watched = Watched::new();
    let mut running = watched.start();
    watched.until_written(&mut running, 1);
    watched.fail(&mut running);
    assert!(running.wait(LOOK).is_none() && running.take_notices().is_empty(), "its time has not come");
    assert_eq!(running.progress().rows_out, 10, "what it had done");
    watched.pass_delay();
    // There was no checkpoint.
    watched.until_written(&mut running, 2);
    running.suspend();
    assert!(end(&mut running).unwrap().suspended);

    let mut running = watched.start();
    let last = watched.durable.store.list().unwrap()[0].number;
    assert_eq!(running.take_resumed(), [format!("resuming from checkpoint {last}")]);
    watched.fail(&mut running);
    watched.pass_delay();
    until(&mut running, |running| running.take_resumed() == [format!("resuming from checkpoint {last}")]);
    running.drain();
    assert!(!end(&mut running).unwrap().suspended);
    assert_eq!(watched.source.rows.take_written().len(), 20, "nothing was read again");
}

/// A start from an older checkpoint does not resume from a newer one later.
#[test]
fn it_begins_where_it_was_told_until_it_has_a_checkpoint_of_its_own() {
    let mut watched = Watched::new();
    watched.durable.settings.keep = 3;
    let suspended = |watched: &Watched| {
        let mut running = watched.start();
        until(&mut running, |running| !running.progress().nodes.is_empty());
        running.suspend();
        assert!(end(&mut running).unwrap().suspended);
        watched.durable.store.list().unwrap()[0].number
    };
    let (older, newer) = (suspended(&watched), suspended(&watched));
    watched.durable.from = ResumeFrom::Checkpoint(older);
    let mut running = watched.start();
    let told = [format!("resuming from checkpoint {older}")];
    assert_eq!(running.take_resumed(), told);
    for _ in 0..2 {
        watched.fail(&mut running);
        watched.pass_delay();
        until(&mut running, |running| running.take_resumed() == told);
    }
    running.suspend();
    assert!(end(&mut running).unwrap().suspended);
    assert!(watched.durable.store.list().unwrap()[0].number > newer);
}

/// Such as a sink that waits for another system, and is made to give up.
#[test]
fn what_fails_while_it_is_stopped_is_told_and_no_failure_of_the_job() {
    let watched = Watched::new();
    let mut running = watched.start();
    watched.until_written(&mut running, 1);
    watched.source.fail(passing());
    let is_taken = || watched.source.error.lock().unwrap().is_none().then_some(());
    weir_tests::running::look_for(is_taken).unwrap();
    running.stop();
    let ended = end(&mut running);
    assert!(matches!(ended, Err(RunError::Job(JobError::Stopped))), "{ended:?}");
    let notices = running.take_notices().join("\n");
    assert!(notices.starts_with("while the job was stopped: ") && notices.ends_with("the disk is busy"), "{notices}");
}

/// What may be given up of the checkpoint that a run began with is not given up of its own.
#[test]
fn it_gives_up_nothing_of_a_checkpoint_of_its_own() {
    let mut watched = Watched::of(swaps::PIPELINE);
    let is_full = Arc::new(AtomicBool::default());
    let full = is_full.clone();
    watched.durable.store = hooked(&Arc::new(InMemory::new()), move |operation| match operation {
        Operation::Put(_) if full.load(Ordering::Relaxed) => Verdict::Fail,
        _ => Verdict::Go,
    });
    watched.durable.allow_dropped.insert("count.count".to_owned());
    let wide = NewVersion { config: serde_json::json!({ "tag": "1" }), ..version("count_wide", 1, "never") };
    watched.job = Arc::new(watched.job.swapped(&[wide], Probation::NONE).unwrap());
    let mut running = watched.start();
    watched.until_written(&mut running, 1);
    let (tell, told) = sync_channel(1);
    running.savepoint(tell);
    let mut last = None;
    until(&mut running, |_| {
        last = told.try_recv().ok();
        last.is_some()
    });
    // The job goes back to the narrower count, and has no checkpoint of that.
    is_full.store(true, Ordering::Relaxed);
    let back = NewVersion { goes_back: true, ..version("count_v1", 2, "never") };
    let swap = running.swap(&[back], Probation::NONE).unwrap();
    until(&mut running, |_| swap.phase() == Phase::Done);
    watched.fail(&mut running);
    watched.pass_delay();
    let told = [format!("resuming from checkpoint {}", last.unwrap())];
    until(&mut running, |running| running.take_resumed() == told);
}

#[test]
fn it_gives_up_when_it_fails_too_often() {
    let watched = Watched::new();
    let mut running = watched.start();
    for _ in 0..RESTART.failures_max {
        watched.fail(&mut running);
        watched.pass_delay();
    }
    until(&mut running, |running| running.progress().rows_out == 10);
    watched.source.fail(passing());
    assert!(matches!(end(&mut running), Err(RunError::Job(JobError::Subtask { .. }))));
}

#[test]
fn what_would_only_repeat_itself_ends_it() {
    let watched = Watched::new();
    let mut running = watched.start();
    watched.source.fail(ConnectorError::Data("there is no offset 7".to_owned()));
    assert!(matches!(end(&mut running), Err(RunError::Job(JobError::Subtask { .. }))));
    assert!(running.take_notices().is_empty());
}

#[test]
fn what_is_asked_while_it_waits_ends_the_wait() {
    let waiting = || {
        let watched = Watched::new();
        let mut running = watched.start();
        watched.until_written(&mut running, 1);
        watched.fail(&mut running);
        (watched, running)
    };
    let (watched, mut running) = waiting();
    running.suspend();
    let summary = end(&mut running).unwrap();
    assert_eq!((summary.suspended, summary.progress.rows_out), (true, 10));
    assert_eq!(watched.source.rows.take_written().len(), 10, "it did not start again");

    let (watched, mut running) = waiting();
    running.drain();
    assert!(!end(&mut running).unwrap().suspended);
    let last = watched.durable.store.list().unwrap().remove(0);
    assert!(last.manifest.unwrap().finished, "it started again, and ended");

    let (_, mut running) = waiting();
    running.stop();
    assert!(matches!(end(&mut running), Err(RunError::Job(JobError::Stopped))), "it waits no longer");
}

#[test]
fn it_takes_the_job_back_from_no_newer_run() {
    let watched = Watched::new();
    let other = Watched { durable: watched.durable.clone(), ..Watched::new() };
    let mut older = watched.start();
    let mut newer = other.start();
    watched.fail(&mut older);
    watched.pass_delay();
    let error = end(&mut older).unwrap_err();
    assert!(error.to_string().starts_with("a newer run of the job has taken over"), "{error}");
    newer.suspend();
    assert!(end(&mut newer).unwrap().suspended);
}

#[test]
fn a_start_that_is_refused_ends_no_healthy_run() {
    let pipeline = PIPELINE.to_owned() + WINDOW;
    let watched = Watched::of(&pipeline);
    let mut running = watched.start();
    watched.until_written(&mut running, 1);
    running.suspend();
    end(&mut running).unwrap();

    let mut running = watched.start();
    let changed = |from, to| pipeline.replace(from, to);
    let refusals = [
        (pipeline.clone(), Some(999), "there is no checkpoint 999 in memory"),
        (changed("rows", "lines"), None, "has state of \"rows\", and the pipeline has no source of that name"),
        (changed("= 8", "= 16"), None, "has 8 key groups, and the pipeline 16: set max-parallelism = 8"),
        (
            changed("event-time = \"ts\"", "event-time = \"value\""),
            None,
            "has watermarks of the column \"ts\" of the source \"rows\", and the pipeline uses the column \"value\"",
        ),
        (changed("watched", "other"), None, "holds checkpoints of the job \"watched\", not of \"other\""),
        (
            changed("1h", "2h"),
            None,
            "does not fit the operator \"hours\": the snapshot does not fit this operator: its state is of windows",
        ),
        (changed("\"key\"", "\"value\""), None, "it has panes of key utf8"),
        (
            changed("= \"count\"", "= { max = \"value\" }"),
            None,
            "the aggregate \"n\" was the count of rows, but now it is the max of value",
        ),
    ];
    for (pipeline, from, reason) in refusals {
        let error = watched.refused(&pipeline, from, &[]);
        assert!(error.contains(reason), "{error}");
    }
    let renamed = changed("hours", "days");
    let error = watched.refused(&renamed, None, &["hours", "dasy", "out"]);
    assert!(error.starts_with("--allow-dropped-state dasy: neither the checkpoint nor the pipeline has a "), "{error}");
    assert!(error.ends_with("with that name; did you mean \"days\"?"), "{error}");
    running.suspend();
    assert!(end(&mut running).unwrap().suspended);
}
