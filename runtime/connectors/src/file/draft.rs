//! Rows in a temporary file: begun anew, or continued from a checkpoint. Never decides when they become
//! visible.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use serde::{Deserialize, Serialize};
use tempfile::TempPath;
use weir_core::connector::{ConnectorError, WriterContext};

use super::append::check_appendable;
use super::out::Out;
use super::space::{ROWS_BETWEEN, Space};
use super::temporary::Place;
use crate::formats::compression::{Compression, SinkCompression};
use crate::formats::file_format::{FileFormat, Kind};
use crate::formats::row_groups::guarded;
use crate::formats::row_writer::{RowFormat, RowWriter};
use crate::formats::write::write_error;

/// What the files of one writer have in common.
#[derive(Clone)]
pub(super) struct Drafting {
    pub(super) place: Place,
    pub(super) format: FileFormat,
    /// How its bytes are compressed, as a whole.
    pub(super) compression: Option<Compression>,
    /// How rows are written into a draft that is resumed, or ended.
    rows: RowFormat,
    /// How rows are in the file that a draft becomes.
    finished_rows: RowFormat,
    pub(super) schema: SchemaRef,
    pub(super) generation: u64,
    pub(super) durable: bool,
    /// The name that a finished draft gets in its folder, if it is known already.
    pub(super) becomes: Option<String>,
    /// Whether a draft begins with a copy of what has that name.
    pub(super) appends: bool,
    /// What may be written.
    pub(super) space: Space,
    /// Where a finished file waits for its final name, if its path's drop would remove it.
    staged: Option<Staged>,
}

/// A beginning of a temporary file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Span {
    /// Its name in the sink's folder.
    pub(super) name: String,
    /// How many bytes of it.
    pub(super) bytes: u64,
}

/// Finished temporary files of a job without checkpoints: those that are not renamed are removed when the sink and all
/// that belongs to it are gone. A job with checkpoints keeps its files, and has none here.
#[derive(Clone, Debug, Default)]
pub(super) struct Staged(Arc<Mutex<Vec<TempPath>>>);

/// A temporary file that is being written. Dropped, it removes its file, unless a checkpoint may count on it.
pub(super) struct Draft {
    place: Place,
    rows: RowWriter<Out>,
    out: Out,
    file: Arc<File>,
    path: TempPath,
    durable: bool,
    /// The bytes of the file that it began with a copy of.
    pub(super) appended_to: Option<u64>,
}

impl Drafting {
    pub(super) fn new(
        place: &Place,
        (format, compression): (FileFormat, SinkCompression),
        schema: SchemaRef,
        context: &WriterContext<'_>,
        space: Space,
        staged: &Staged,
    ) -> Self {
        let (generation, durable) = (context.generation, context.durable || context.apart);
        let staged = (!durable).then(|| staged.clone());
        let (place, becomes, appends) = (place.clone(), None, false);
        let rows = RowFormat::of(format, compression);
        // What has groups of rows is compressed within.
        let compression = compression.compression().filter(|_| matches!(rows, RowFormat::Text(_)));
        let finished_rows = rows;
        Self {
            place,
            format,
            compression,
            rows,
            finished_rows,
            schema,
            generation,
            durable,
            becomes,
            appends,
            space,
            staged,
        }
    }

    /// Drafts are resumed from checkpoints, whatever their format.
    pub(super) fn resumable(mut self) -> Self {
        if !self.rows.is_resumable() {
            self.rows = RowFormat::ArrowStream;
        }
        self
    }

    /// A draft without rows of its own.
    pub(super) fn begin(&self) -> Result<Draft, ConnectorError> {
        if let Some(old) = self.becomes.as_deref().filter(|_| self.appends) {
            match self.place.open(old) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                old_file => return self.append(old_file.map_err(|source| self.place.cannot("read", source))?),
            }
        }
        let (file, path) = self.create()?;
        self.draft(self.rows, file, path, 0, None)
    }

    /// A draft that begins with all that is in a file, which must be rows of the same columns.
    fn append(&self, mut old: File) -> Result<Draft, ConnectorError> {
        let Kind::Text(format) = self.format.kind() else {
            return Err(self.unfit("rows cannot be added to such a file"));
        };
        let (header, begun) = check_appendable(&self.place, format, &self.schema, &mut old)?;
        let length = old.metadata().map_err(|source| self.place.cannot("read", source))?.len();
        self.space.check_room_for(&self.place.name, &self.place.folder, length)?;
        let (file, path) = self.create()?;
        let written = (&*file).write_all(&header).and_then(|()| io::copy(&mut old, &mut file.as_ref()));
        let rest = written.map_err(|source| self.place.cannot("write", source))?;
        self.draft(self.rows, file, path, begun + rest + header.len() as u64, Some(begun + rest))
    }

    /// Writes rows into a draft; if there is none, it is begun. Says how many: where there is no room, the others are dropped if that is
    /// allowed.
    pub(super) fn write(&mut self, draft: &mut Option<Draft>, rows: &RecordBatch) -> Result<usize, ConnectorError> {
        let has_quota = self.space.disk.quota.is_some();
        let at_once = if has_quota { ROWS_BETWEEN } else { rows.num_rows() };
        let mut written = 0;
        while written < rows.num_rows() {
            let own = if has_quota { draft.as_mut().map_or(Ok(0), Draft::bytes)? } else { 0 };
            if !self.space.has_room(&self.place.name, &self.place.folder, own)? {
                self.space.drop_rows(rows.num_rows() - written);
                break;
            }
            let some = rows.slice(written, at_once.min(rows.num_rows() - written));
            let begun = match draft.take() {
                Some(begun) => begun,
                None => self.begin()?,
            };
            draft.insert(begun).write(&some)?;
            written += some.num_rows();
        }
        Ok(written)
    }

    /// A draft that begins with a copy of these bytes: a process that still writes the old file changes nothing in the new
    /// one, and the old one is there as it was until a checkpoint counts on the new one.
    pub(super) fn resume(&self, old: &Span, appended_to: Option<u64>) -> Result<Draft, ConnectorError> {
        let mut old_file = match self.place.open(&old.name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(self.gone(old)),
            file => file.map_err(|source| self.place.cannot("resume", source))?,
        };
        let length = old_file.metadata().map_err(|source| self.place.cannot("resume", source))?.len();
        if length < old.bytes {
            return Err(self.lost(old, &format!("has only {length}")));
        }
        // The old one is removed with the next checkpoint, and both are there until then.
        self.space.check_room_for(&self.place.name, &self.place.folder, old.bytes)?;
        let (file, path) = self.create()?;
        let copied = io::copy(&mut Read::by_ref(&mut old_file).take(old.bytes), &mut file.as_ref());
        let copied = copied.map_err(|source| self.place.cannot("write", source))?;
        if copied < old.bytes {
            return Err(self.lost(old, "was truncated meanwhile"));
        }
        self.draft(self.rows, file, path, old.bytes, appended_to)
    }

    /// A draft over a file that has so many bytes, in this format.
    fn draft(
        &self,
        rows: RowFormat,
        file: Arc<File>,
        path: TempPath,
        bytes: u64,
        appended_to: Option<u64>,
    ) -> Result<Draft, ConnectorError> {
        let begin = || match bytes {
            0 => {
                let out = Out::begin(self.compression, &file)?;
                Ok((RowWriter::new(rows, &self.schema, out.clone())?, out))
            }
            _ => {
                let out = Out::resume(self.compression, &file);
                Ok((RowWriter::resume(rows, &self.schema, out.clone(), |is_muted| out.mute(is_muted))?, out))
            }
        };
        let (rows, out) = begin().map_err(|error: ArrowError| cannot_write(&self.place, error))?;
        Ok(Draft { place: self.place.clone(), rows, out, file, path, durable: self.durable, appended_to })
    }

    /// Ends a draft that gets no more rows: as it is, or as the file that its rows are to be in. `Some`: the name of the draft that is left, on
    /// which older checkpoints count.
    pub(super) fn finish(&self, mut draft: Draft) -> Result<(Draft, Option<String>), ConnectorError> {
        if self.rows == self.finished_rows {
            draft.finish()?;
            return Ok((draft, None));
        }
        let Span { name, bytes } = draft.flush()?;
        self.space.check_room_for(&self.place.name, &self.place.folder, bytes)?;
        let cannot = |error: ArrowError| cannot_write(&self.place, error);
        let staged = self.place.open(&name).map_err(|source| self.place.cannot("read", source))?;
        // It may have been damaged since it was written.
        let own = &self.place.name;
        let staged = BufReader::new(staged.take(bytes));
        let mut rows = guarded(own, || StreamReader::try_new(staged, None).map_err(|error| error.to_string()))?;
        let (file, path) = self.create()?;
        let mut finished = self.draft(self.finished_rows, file, path, 0, None)?;
        while let Some(batch) = guarded(own, || rows.next().transpose().map_err(|error| error.to_string()))? {
            finished.rows.write(&batch).map_err(cannot)?;
        }
        finished.finish()?;
        Ok((finished, Some(name)))
    }

    fn create(&self) -> Result<(Arc<File>, TempPath), ConnectorError> {
        let (file, path) = self.place.create(self.generation, self.becomes.as_deref())?;
        Ok((Arc::new(file), path))
    }

    /// The checkpoint has something else, as this sentence says.
    pub(super) fn unfit(&self, but: &str) -> ConnectorError {
        ConnectorError::Data(format!(
            "cannot resume {} from the checkpoint: {but}; give the sink the options and columns that it had, or \
             begin the job anew, without its checkpoints",
            self.place.name
        ))
    }

    fn gone(&self, old: &Span) -> ConnectorError {
        if !self.place.has_later_than(&old.name) {
            return self.lost(old, "is gone");
        }
        ConnectorError::Data(format!(
            "cannot resume {} from the checkpoint: a later run of the job has begun where it was, and has removed {}, on \
             which the checkpoint counts, with its own first checkpoint. Resume from a checkpoint of that run, or begin the job \
             anew, without its checkpoints",
            self.place.name, old.name
        ))
    }

    fn lost(&self, old: &Span, what: &str) -> ConnectorError {
        let (name, path) = (&self.place.name, self.place.folder.join(&old.name));
        ConnectorError::Data(format!(
            "cannot resume {name}: the checkpoint counts on {} bytes in {}, which {what}; put that file back \
             (and the sink's `path`, if it has changed), or begin the job anew, without its checkpoints",
            old.bytes,
            path.display()
        ))
    }
}

impl Draft {
    fn write(&mut self, rows: &RecordBatch) -> Result<(), ConnectorError> {
        self.rows.write(rows).map_err(|error| cannot_write(&self.place, error))
    }

    /// Writes what the file ends with.
    fn finish(&mut self) -> Result<(), ConnectorError> {
        self.rows.finish().map_err(|error| cannot_write(&self.place, error))
    }

    /// Hands all rows to the system in a way that they can be read without what follows, and says how far the file is.
    fn end(&mut self) -> Result<u64, ConnectorError> {
        self.bytes()?;
        self.out.end_member().map_err(|source| self.place.cannot("write", source))?;
        self.written_bytes()
    }

    /// Hands all rows to the system, but for those that are being compressed, and says how far the file is.
    fn bytes(&mut self) -> Result<u64, ConnectorError> {
        self.rows.flush().map_err(|error| cannot_write(&self.place, error))?;
        self.written_bytes()
    }

    /// How long the file would be by now, about.
    pub(super) fn length(&self) -> Result<u64, ConnectorError> {
        Ok(self.written_bytes()? + self.rows.held_bytes())
    }

    /// How long the file is by now, without what is still gathered.
    fn written_bytes(&self) -> Result<u64, ConnectorError> {
        Ok(self.file.metadata().map_err(|source| self.place.cannot("write", source))?.len())
    }

    /// Ends a file that gets no more rows before the next checkpoint: it need not stay open until then.
    pub(super) fn close(mut self) -> Result<Closed, ConnectorError> {
        self.finish()?;
        let bytes = self.end()?;
        Ok(Closed { place: self.place, path: self.path, bytes, durable: self.durable })
    }

    /// Hands all rows to the system, and says how far the file is, for a checkpoint.
    pub(super) fn flush(&mut self) -> Result<Span, ConnectorError> {
        let bytes = self.end()?;
        self.path.disable_cleanup(self.durable);
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Span { name, bytes })
    }

    /// What puts all that was flushed on disk, whatever is written meanwhile.
    pub(super) fn syncing(&self) -> impl FnOnce() -> Result<(), ConnectorError> + Send + 'static {
        let (place, file) = (self.place.clone(), Arc::clone(&self.file));
        move || {
            file.sync_all().map_err(|source| place.cannot("write", source))?;
            place.sync()
        }
    }

    /// Puts a draft on disk that was flushed and gets no more rows.
    pub(super) fn finished(self, drafting: &Drafting) -> Result<(), ConnectorError> {
        self.syncing()()?;
        stage(drafting.staged.as_ref(), self.path);
        Ok(())
    }
}

/// A temporary file with all its rows. Dropped, it is removed, unless a checkpoint may count on it.
pub(super) struct Closed {
    place: Place,
    path: TempPath,
    bytes: u64,
    durable: bool,
}

impl Closed {
    /// What it is, for a checkpoint.
    pub(super) fn span(&mut self) -> Span {
        self.path.disable_cleanup(self.durable);
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Span { name, bytes: self.bytes }
    }

    /// What puts it on disk.
    pub(super) fn finishing(self, drafting: &Drafting) -> impl FnOnce() -> Result<(), ConnectorError> + Send + 'static {
        let staged = drafting.staged.clone();
        move || {
            let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let synced = self.place.open(&name).and_then(|file| file.sync_all());
            synced.map_err(|source| self.place.cannot("write", source))?;
            self.place.sync()?;
            stage(staged.as_ref(), self.path);
            Ok(())
        }
    }
}

fn stage(staged: Option<&Staged>, path: TempPath) {
    if let Some(Staged(paths)) = staged {
        paths.lock().unwrap_or_else(PoisonError::into_inner).push(path);
    }
}

fn cannot_write(place: &Place, error: ArrowError) -> ConnectorError {
    write_error(format!("cannot write {}", place.name), error)
}
