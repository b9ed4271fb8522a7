//! Checkpoints that are damaged, or of a newer Weir, through the command: the one before it, or a clear error, as the guide says.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use weir_state::checkpoint::{FORMAT_VERSION, Manifest};
use xxhash_rust::xxh3::Xxh3;

use crate::checkpoint_folder::checkpoints;
use crate::harness::{root, weir};
use crate::running::{Ended, Running};

/// Sessions, panes and a keyed operator.
pub(crate) const STEPS: &str = r#"
name = "bids"
batch-rows = 500

[sources.bids]
connector = "nexmark"
table = "bid"
events = 40000
event-time = "ts"
watermark = "monotonic"

[windows.sessions]
input = "bids"
key-by = ["bidder"]
window = { session = "1s" }
aggregates.bids = "count"

[windows.minutes]
input = "bids"
key-by = ["auction"]
window = { tumbling = "1m" }
aggregates.highest = { max = "price" }

[operators.counts]
input = "bids"
key-by = ["bidder"]
config = { column = "price" }
component = "COMPONENT"

[sinks.out-sessions]
input = "sessions"
connector = "blackhole"
checksum = true

[sinks.out-minutes]
input = "minutes"
connector = "blackhole"
checksum = true

[sinks.out-counts]
input = "counts"
columns = ["bidder", "running_count"]
"#;

pub(crate) const SHOWS_NOTHING: &str = "connector = \"blackhole\"\nchecksum = true\n";
pub(crate) const SHOWS_ROWS: &str = "connector = \"file\"\npath = \"counts/\"\nformat = \"csv\"\n";

/// A job that was suspended after at least two checkpoints.
pub(crate) struct Suspended {
    folder: TempDir,
    last: Manifest,
    pub(crate) before: Manifest,
}

impl Suspended {
    pub(crate) fn new(sink: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &(STEPS.to_owned() + sink));
        let state = folder.path().join("state");
        let mut job = Running::start(run(folder.path(), &state).args(["--set", "sources.bids.rate=2000"]));
        job.until("there are two checkpoints", |_| checkpoints(&state).len() >= 2);
        job.signal("INT");
        assert_eq!(job.end().well().summary()["suspended"], true);
        let [last, before] = checkpoints(&state).into_iter().take(2).collect::<Vec<_>>().try_into().unwrap();
        Self { folder, last, before }
    }

    /// What a run gives that nobody disturbs.
    pub(crate) fn expected(&self) -> Value {
        let state = self.folder.path().join("undisturbed");
        Running::start(&mut run(self.folder.path(), &state)).end().well().summary()["sinks"].take()
    }

    /// Runs it on with a copy of its checkpoints that is damaged first.
    fn resume(&self, damage: impl FnOnce(&Path)) -> Ended {
        self.resume_with(&[], damage)
    }

    /// Writes the pipeline anew, and runs that on with a copy of its checkpoints.
    pub(crate) fn resume_as(&self, pipeline: &str, args: &[&str]) -> Ended {
        write(self.folder.path(), pipeline);
        self.resume_with(args, |_| {})
    }

    fn resume_with(&self, args: &[&str], damage: impl FnOnce(&Path)) -> Ended {
        let copy = tempfile::tempdir_in(&self.folder).unwrap();
        let copied = Command::new("cp").arg("-R").arg(self.folder.path().join("state")).arg(copy.path()).status();
        assert!(copied.unwrap().success());
        let state = copy.path().join("state");
        damage(&state);
        Running::start(run(self.folder.path(), &state).args(args)).end()
    }
}

/// Writes a pipeline into a folder.
pub(crate) fn write(folder: &Path, pipeline: &str) {
    let component = root().join("operators/running_count.wasm").display().to_string();
    fs::write(folder.join("pipeline.toml"), pipeline.replace("COMPONENT", &component)).unwrap();
}

/// Runs the pipeline of a folder with checkpoints in another.
pub(crate) fn run(folder: &Path, state: &Path) -> Command {
    let mut command = weir();
    command.arg("run").arg(folder.join("pipeline.toml")).args(["--json", "--parallelism", "2"]);
    command.args(["--checkpoint-interval", "50ms", "--checkpoint-dir"]).arg(state);
    command
}

fn manifest(state: &Path, number: u64) -> PathBuf {
    state.join(format!("manifests/{number:020}"))
}

/// Flips a bit in the middle.
pub(crate) fn flip(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file, bytes).unwrap();
}

/// A file of every kind of state.
fn kinds(manifest: &Manifest) -> BTreeMap<(String, String), String> {
    let operators = manifest.subtasks.iter().flat_map(|subtask| &subtask.operators);
    let files = operators.flat_map(|stored| stored.files().map(|file| (stored.operator.clone(), file)));
    files.map(|(operator, file)| ((operator, file.name.clone()), file.path.clone())).collect()
}

#[test]
fn the_checkpoint_before_a_damaged_one_is_used() {
    let job = Suspended::new(SHOWS_NOTHING);
    let expected = job.expected();
    let check = |file: &str, reason: &str, ended: Ended| {
        let ended = ended.well();
        assert_eq!(ended.summary()["sinks"], expected, "{file} {reason}");
        let (last, before) = (job.last.number, job.before.number);
        let instead = format!("is damaged: {file} {reason}; resuming from checkpoint {before} instead");
        ended.saying(&[&format!("checkpoint {last} in "), &instead, &format!("resuming from checkpoint {before}\n")]);
    };
    let kinds = kinds(&job.last);
    for (operator, state) in [("sessions", "sessions"), ("minutes", "panes"), ("counts", "states")] {
        assert!(kinds.contains_key(&(operator.to_owned(), state.to_owned())), "{kinds:?}");
    }
    for part in kinds.values() {
        check(part, "does not have the checksum that was written", job.resume(|state| flip(&state.join(part))));
    }
    let part = kinds.values().next().unwrap();
    check(part, "is missing", job.resume(|state| fs::remove_file(state.join(part)).unwrap()));
    let name = format!("manifests/{:020}", job.last.number);
    let reason = "does not have the length and checksum of its first line";
    check(&name, reason, job.resume(|state| flip(&manifest(state, job.last.number))));
}

#[test]
fn an_older_checkpoint_is_not_used_where_rows_can_be_seen() {
    let job = Suspended::new(SHOWS_ROWS);
    for part in kinds(&job.last).values() {
        job.resume(|state| flip(&state.join(part))).failed(&[
            &format!("checkpoint {} is damaged, and rows of it may be in sink \"out-counts\" already", job.last.number),
            &format!("Use --from {} to accept that", job.before.number),
            &format!("{part} does not have the checksum that was written"),
        ]);
    }
}

#[test]
fn without_a_whole_checkpoint_nothing_is_begun_anew() {
    let job = Suspended::new(SHOWS_NOTHING);
    let all = |state: &Path| checkpoints(state).iter().for_each(|kept| flip(&manifest(state, kept.number)));
    job.resume(all).failed(&[
        "every checkpoint in ",
        "is damaged: remove the folder to begin from nothing",
        "is damaged: manifests/",
    ]);
    let parts = |state: &Path| fs::remove_dir_all(state.join("parts")).unwrap();
    job.resume(parts).failed(&[
        "every checkpoint in ",
        "is damaged: remove the folder to begin from nothing",
        "is missing",
    ]);
}

#[test]
fn a_checkpoint_of_a_newer_weir_is_refused() {
    let job = Suspended::new(SHOWS_NOTHING);
    let newer = |state: &Path| {
        let file = manifest(state, job.last.number);
        let text = fs::read_to_string(&file).unwrap();
        let (_, body) = text.split_once('\n').unwrap();
        let guarded = format!("weir-checkpoint {} {}", FORMAT_VERSION + 1, body.len());
        let mut hash = Xxh3::new();
        hash.update(guarded.as_bytes());
        hash.update(body.as_bytes());
        fs::write(file, format!("{guarded} {:032x}\n{body}", hash.digest128())).unwrap();
    };
    job.resume(newer).failed(&[
        &format!("manifests/{:020} in ", job.last.number),
        &format!("has format version {}, this Weir knows versions up to {FORMAT_VERSION}", FORMAT_VERSION + 1),
        "use the Weir that wrote it",
    ]);
}
