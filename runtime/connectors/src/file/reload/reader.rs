//! Reads a file again when it has changed, and gives out what is different.

use std::cell::OnceCell;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use weir_core::batch::RowKinds;
use weir_core::connector::{ConnectorError, Malformed, Offset, Polled, SourceReader, Split};
use weir_core::time::Clock;

use super::change::Change;
use super::{TABLE_BYTES_MAX, Watched};
use crate::file::paths;
use crate::formats::row_groups::guarded;
use crate::options;

/// Rows that are read of the file at once.
const ROWS_AT_ONCE: usize = 8_192;
/// After which time a file is looked at a second time when it is not known whether it has changed.
const SECOND_LOOK_US: i64 = 100_000;

/// What the system says of a file: two that are the same are of the same contents.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
struct FileState {
    device: u64,
    inode: u64,
    bytes: u64,
    /// When it was changed last, nanoseconds.
    changed: i64,
}

/// What a checkpoint keeps.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reloaded {
    /// The rows that went out and were not taken back: an Arrow stream, compressed with zstd, in Base64.
    rows: String,
    /// Which file they are of; `None`: not all of it went out.
    state: Option<FileState>,
    /// Whether the table was whole once.
    is_whole: bool,
    /// Until then: the file of which malformed records went out.
    malformed_of: Option<FileState>,
}

/// The reader.
pub(super) struct ReloadReader {
    watched: Arc<Watched>,
    projection: Vec<usize>,
    schema: SchemaRef,
    clock: Arc<dyn Clock>,
    /// The last change that was found; what went out of it is the table.
    change: Change,
    /// Which file was read last, or refused.
    state: Option<FileState>,
    /// What the file was when it was looked at last.
    seen: Option<FileState>,
    looked_us: Option<i64>,
    is_whole: bool,
    malformed_of: Option<FileState>,
    kinds: Option<RowKinds>,
    /// What the last problem was, so that it is reported once.
    problem: Option<String>,
    /// The table in the form of a checkpoint, while it stays the same.
    kept: OnceCell<String>,
}

impl ReloadReader {
    pub(super) fn open(
        watched: Arc<Watched>,
        projection: &[usize],
        offset: Option<&Offset>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConnectorError> {
        let name = &watched.file.name;
        let schema = options::project(&watched.files.schema(), projection)?;
        let mut table = RecordBatch::new_empty(schema.clone());
        let mut kept = Reloaded { rows: String::new(), state: None, is_whole: false, malformed_of: None };
        if let Some(offset) = offset {
            kept = serde_json::from_value(offset.clone()).map_err(|_| {
                ConnectorError::Data(format!(
                    "{name}: the checkpoint is of a source without `reload`: leave that out, or begin anew, with another folder for \
                     checkpoints"
                ))
            })?;
            let rows = decoded(name, &kept.rows)?;
            let shape = |schema: &SchemaRef| -> Vec<_> {
                schema.fields().iter().map(|field| (field.name().clone(), field.data_type().clone())).collect()
            };
            if shape(&rows.schema()) != shape(&schema) {
                return Err(ConnectorError::Data(format!(
                    "{name}: the checkpoint has rows of it with other columns than are read now: give the source the schema, and the \
                     steps that read it the columns, that they had, or begin anew, with another folder for checkpoints"
                )));
            }
            table = rows.with_schema(schema.clone()).map_err(|error| cannot(name, &error))?;
        }
        Ok(Self {
            projection: projection.to_vec(),
            schema,
            clock,
            change: Change::none(table),
            state: kept.state,
            seen: None,
            looked_us: None,
            is_whole: kept.is_whole,
            malformed_of: kept.malformed_of,
            kinds: None,
            problem: None,
            kept: OnceCell::new(),
            watched,
        })
    }

    /// Looks at the file, if it is time. Records that are malformed when it is read first are handed out; later ones keep the old rows.
    fn look(&mut self) -> Result<Vec<Malformed>, ConnectorError> {
        let now_us = self.clock.now_us();
        // After a restart it is not known whether it has changed: the second look, which says so, comes soon.
        let every_us =
            if self.state.is_none() { self.watched.every_us.min(SECOND_LOOK_US) } else { self.watched.every_us };
        let waits = |looked_us: i64| now_us.saturating_sub(looked_us) < every_us;
        if self.looked_us.is_some_and(waits) {
            return Ok(Vec::new());
        }
        self.looked_us = Some(now_us);
        match self.look_now() {
            Err(error) if self.is_whole => {
                self.tell(error.to_string());
                Ok(Vec::new())
            }
            looked => looked,
        }
    }

    fn look_now(&mut self) -> Result<Vec<Malformed>, ConnectorError> {
        let state = FileState::of(&self.watched)?;
        // Somebody may be writing it: it is read when it has stayed the same between two looks. The first time nothing is known of it.
        let is_settled = self.seen.replace(state) == Some(state) || !self.is_whole;
        if self.state == Some(state) || !is_settled {
            return Ok(Vec::new());
        }
        if self.is_whole && state.bytes == 0 {
            self.state = Some(state);
            self.tell("it is empty, which is how a file looks that is being written".to_owned());
            return Ok(Vec::new());
        }
        let read = self.read(state);
        if self.is_whole {
            // It is not read again before it changes.
            self.state = Some(state);
        }
        let Some((rows, malformed)) = read? else {
            self.state = self.state.filter(|_| !self.is_whole);
            return Ok(Vec::new());
        };
        if let (Some(first), true) = (malformed.first(), self.is_whole) {
            self.tell(format!(
                "{} of its records are malformed, the first is {}: {}",
                malformed.len(),
                first.at,
                first.reason
            ));
            return Ok(Vec::new());
        }
        let cannot = |error: ArrowError| cannot(&self.watched.file.name, &error);
        self.change = Change::between(self.change.given().map_err(cannot)?, rows).map_err(cannot)?;
        (self.state, self.problem) = (Some(state), None);
        let are_new = self.malformed_of.replace(state) != Some(state);
        Ok(if are_new { malformed } else { Vec::new() })
    }

    fn tell(&mut self, problem: String) {
        if self.problem.as_ref() != Some(&problem) {
            self.watched.notices.push(format!(
                "{}: it has changed, and cannot be used as it is, so the rows that it had are kept until it changes again: {problem}",
                self.watched.file.name
            ));
            self.problem = Some(problem);
        }
    }

    /// All rows of the file, and what is malformed; `None`: it was changed meanwhile.
    fn read(&self, state: FileState) -> Result<Option<(RecordBatch, Vec<Malformed>)>, ConnectorError> {
        let Watched { files, file, .. } = &*self.watched;
        let check = |bytes: u64| match bytes > TABLE_BYTES_MAX {
            true => Err(ConnectorError::Data(format!(
                "{}: a file with `reload` has at most {} MiB, as it is and in memory",
                file.name,
                TABLE_BYTES_MAX >> 20
            ))),
            false => Ok(()),
        };
        check(state.bytes)?;
        let split = Split { id: file.name.clone() };
        let mut reader = files.reader(&split, &self.projection, None, Arc::clone(&self.clock))?;
        reader.explain_malformed(true);
        let (mut batches, mut all_malformed, mut bytes) = (Vec::new(), Vec::new(), 0);
        loop {
            match reader.poll(ROWS_AT_ONCE, Duration::ZERO)? {
                Polled::Batch { rows, malformed } => {
                    bytes += rows.get_array_memory_size() as u64;
                    check(bytes)?;
                    all_malformed.extend(malformed);
                    batches.push(rows);
                }
                Polled::End => break,
                Polled::Pending => {}
            }
        }
        if FileState::of(&self.watched)? != state {
            return Ok(None);
        }
        let rows = concat_batches(&self.schema, &batches).map_err(|error| cannot(&file.name, &error))?;
        Ok(Some((rows, all_malformed)))
    }
}

impl FileState {
    fn of(watched: &Watched) -> Result<Self, ConnectorError> {
        let metadata = watched.file.metadata().map_err(|source| paths::cannot("read", &watched.file, source))?;
        let changed = metadata.ctime().wrapping_mul(1_000_000_000).wrapping_add(metadata.ctime_nsec());
        Ok(Self { device: metadata.dev(), inode: metadata.ino(), bytes: metadata.len(), changed })
    }
}

impl SourceReader for ReloadReader {
    fn poll(&mut self, rows_max: usize, wait: Duration) -> Result<Polled, ConnectorError> {
        self.kinds = None;
        if self.change.is_out() {
            let malformed = self.look()?;
            if !malformed.is_empty() {
                return Ok(Polled::Batch { rows: RecordBatch::new_empty(self.schema.clone()), malformed });
            }
        }
        let next = self.change.next(rows_max).map_err(|error| cannot(&self.watched.file.name, &error))?;
        // Known as soon as the last row is given out: the next poll finds nothing.
        self.is_whole |= self.state.is_some() && self.change.is_out();
        if let Some((rows, kinds)) = next {
            self.kept = OnceCell::new();
            self.kinds = kinds;
            return Ok(Polled::Batch { rows, malformed: Vec::new() });
        }
        if !wait.is_zero() {
            // Nobody unparks this thread for us: it is a wait with a time-out.
            std::thread::park_timeout(wait);
        }
        Ok(Polled::Pending)
    }

    fn row_kinds(&self) -> Option<RowKinds> {
        self.kinds.clone()
    }

    fn is_up_to_date(&self) -> bool {
        self.is_whole && self.change.is_out()
    }

    fn is_caught_up(&self) -> bool {
        self.is_up_to_date() && self.state.is_some()
    }

    fn offset(&self) -> Offset {
        // Text that is no table is refused when a job resumes from it.
        let rows = self.kept.get_or_init(|| self.change.given().and_then(|table| encoded(&table)).unwrap_or_default());
        let state = self.state.filter(|_| self.change.is_out());
        let malformed_of = self.malformed_of.filter(|_| !self.is_whole);
        serde_json::json!(Reloaded { rows: rows.clone(), state, is_whole: self.is_whole, malformed_of })
    }
}

fn encoded(table: &RecordBatch) -> Result<String, ArrowError> {
    let mut writer = StreamWriter::try_new(Vec::new(), &table.schema())?;
    writer.write(table)?;
    let stream = writer.into_inner()?;
    Ok(STANDARD.encode(zstd::encode_all(stream.as_slice(), 0)?))
}

fn decoded(name: &str, text: &str) -> Result<RecordBatch, ConnectorError> {
    guarded(&format!("{name}: the rows of it in the checkpoint"), || {
        let bytes = STANDARD.decode(text).map_err(|error| error.to_string())?;
        let stream = zstd::Decoder::new(bytes.as_slice()).map_err(|error| error.to_string())?;
        let stream = StreamReader::try_new(stream, None).map_err(|error| error.to_string())?;
        let schema = stream.schema();
        let batches = stream.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
        concat_batches(&schema, &batches).map_err(|error| error.to_string())
    })
}

fn cannot(name: &str, error: &ArrowError) -> ConnectorError {
    ConnectorError::Data(format!("{name}: its rows cannot be compared with those before: {error}"))
}
