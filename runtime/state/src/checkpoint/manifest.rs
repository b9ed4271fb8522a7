//! [`Manifest`]: what a checkpoint consists of, as a line that guards it and JSON. Never holds rows: these are in parts.

use serde::{Deserialize, Serialize};
use weir_core::connector::{Offset, SinkReport};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use super::FORMAT_VERSION;

/// What the first line of every manifest begins with.
const MAGIC: &str = "weir-checkpoint";

/// A place in the sequence of a job: each is taken by one process only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum Entry {
    /// From here on the sequence belongs to a new generation.
    Claim(Claim),
    /// A complete checkpoint.
    Checkpoint(Manifest),
}

/// Somebody began to run the job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Claim {
    /// Its place in the sequence, which is the generation's number.
    pub(super) number: u64,
    /// The pipeline's name.
    pub(super) job: String,
    /// When, in microseconds since the epoch.
    pub(super) created_us: i64,
    /// The version of Weir.
    pub(super) weir: String,
    /// The run begins at the beginning of its input, whatever checkpoints there are before it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) begins: bool,
}

/// A complete checkpoint, without the state itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Its number, ascending over the job's life, not without gaps.
    pub number: u64,
    /// The pipeline's name.
    pub job: String,
    /// The run of the job that made it.
    pub generation: u64,
    /// Which of its attempts at a checkpoint it was.
    pub attempt: u64,
    /// When it was complete, in microseconds since the epoch.
    pub created_us: i64,
    /// The version of Weir that made it.
    pub weir: String,
    /// The job's key groups (`max-parallelism`).
    pub key_groups: u32,
    /// Whether the job's sources had ended: nothing follows.
    pub finished: bool,
    /// What each subtask stored.
    pub subtasks: Vec<StoredPart>,
}

/// What one subtask stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredPart {
    /// Its chain's name and its number: `NAME/NUMBER`.
    pub subtask: String,
    /// The last watermark that went through, in microseconds since the epoch.
    pub watermark: i64,
    /// Of a source: its name and where its splits are.
    pub splits: Option<(String, Vec<StoredSplit>)>,
    /// Its operators.
    pub operators: Vec<StoredOperator>,
}

/// How far a split was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredSplit {
    /// The split's id.
    pub split: String,
    /// Its place in the order of its source's splits.
    pub index: usize,
    /// Where its reader continues.
    pub offset: Offset,
    /// The greatest event time seen, in microseconds since the epoch.
    pub max_event_time: i64,
    /// The column of the event time; empty: rows have the time of their arrival; `None`: an older Weir did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_time: Option<String>,
    /// It was read to its end. An older Weir did not say, and read on.
    #[serde(default)]
    pub ended: bool,
}

/// What one operator stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredOperator {
    /// Its name.
    pub operator: String,
    /// Which version of its component it ran; `None`: it has none, or an older Weir did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its state.
    pub state: Vec<StoredFile>,
    /// Of a sink: what its writer has prepared.
    pub sink: Option<StoredSink>,
}

/// What a sink's writer has prepared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredSink {
    /// What is to be made visible.
    pub commit: Vec<StoredCommit>,
    /// Where the writer continues.
    pub state: Offset,
    /// What it has done since the job began.
    pub report: SinkReport,
    /// The rows that `commit` speaks of.
    pub rows: Vec<StoredFile>,
}

/// One thing that is to be made visible.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredCommit {
    /// Which, in the connector's own form.
    pub value: serde_json::Value,
    /// Its rows, if the checkpoint keeps them: which of [`StoredSink::rows`], and which batch of it.
    pub rows: Option<(usize, usize)>,
}

/// An Arrow IPC file of a checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredFile {
    /// Which state: `panes`, `sessions`, `keys`, `timers`, ...
    pub name: String,
    /// Where it is, below the folder of the checkpoints.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// XXH3, 128 bits, of all of it, as hexadecimal digits.
    pub checksum: String,
    /// Key group (none: of the subtask as a whole) and rows of its batches.
    pub batches: Vec<(Option<u32>, u64)>,
}

impl StoredFile {
    /// Rows of all its batches.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.batches.iter().map(|(_, rows)| rows).sum()
    }
}

impl StoredOperator {
    /// All its files: state, then rows of a sink.
    pub fn files(&self) -> impl Iterator<Item = &StoredFile> {
        self.state.iter().chain(self.sink.iter().flat_map(|sink| &sink.rows))
    }
}

impl Manifest {
    /// All files that it names.
    pub fn files(&self) -> impl Iterator<Item = &StoredFile> {
        self.subtasks.iter().flat_map(|subtask| &subtask.operators).flat_map(StoredOperator::files)
    }

    /// Bytes of all files that it names.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files().map(|file| file.bytes).sum()
    }
}

/// Why bytes are no entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// The reason, as the second half of a sentence that begins with the file.
    Damaged(String),
    /// It is whole, and of this version of the format.
    Newer(u32),
}

impl Entry {
    /// Its place in the sequence.
    pub(super) fn number(&self) -> u64 {
        match self {
            Self::Claim(claim) => claim.number,
            Self::Checkpoint(manifest) => manifest.number,
        }
    }

    /// The pipeline's name.
    pub(super) fn job(&self) -> &str {
        match self {
            Self::Claim(claim) => &claim.job,
            Self::Checkpoint(manifest) => &manifest.job,
        }
    }

    /// The bytes of the file: a line of magic, version, length and checksum, then JSON.
    pub(super) fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut body = serde_json::to_vec(self)?;
        body.push(b'\n');
        Ok(seal(FORMAT_VERSION, &body))
    }

    /// Reads [`Entry::encode`]. The first line is the same in every version, and its checksum covers the version: a newer version
    /// is told from a flipped bit.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        let damaged = |reason: &str| Unreadable::Damaged(reason.to_owned());
        let end = bytes.iter().position(|b| *b == b'\n').ok_or_else(|| damaged("has no first line"))?;
        let (line, body) = (&bytes[..end], &bytes[end + 1..]);
        let line = std::str::from_utf8(line).map_err(|_| damaged("has a first line that is not text"))?;
        let mut words = line.split(' ');
        if words.next() != Some(MAGIC) {
            return Err(damaged("is no manifest of a checkpoint"));
        }
        let version = words.next().and_then(|w| w.parse::<u32>().ok()).ok_or_else(|| damaged("has no version"))?;
        if seal(version, body) != bytes {
            return Err(damaged("does not have the length and checksum of its first line"));
        }
        if version != FORMAT_VERSION {
            return Err(Unreadable::Newer(version));
        }
        serde_json::from_slice(body).map_err(|e| Unreadable::Damaged(format!("cannot be understood: {e}")))
    }
}

fn seal(version: u32, body: &[u8]) -> Vec<u8> {
    let guarded = format!("{MAGIC} {version} {}", body.len());
    let mut hash = Xxh3::new();
    hash.update(guarded.as_bytes());
    hash.update(body);
    let mut bytes = format!("{guarded} {:032x}\n", hash.digest128()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// The checksum of a part, as it is in the manifest.
pub(super) fn checksum(bytes: &[u8]) -> String {
    format!("{:032x}", xxh3_128(bytes))
}
