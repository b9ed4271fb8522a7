//! Subtasks' snapshots to parts and back. Never touches the sequence of manifests.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use object_store::path::Path;
use weir_core::connector::{Committable, Prepared};
use xxhash_rust::xxh3::xxh3_64;

use super::files::Files;
use super::manifest::{
    Manifest, StoredCommit, StoredFile, StoredOperator, StoredPart, StoredSink, StoredSplit, checksum,
};
use super::part::{PartHeader, bytes_of, decode, encode};
use super::{CheckpointError, Contents};
use crate::{JobSnapshot, Snapshot, SplitSnapshot, StateTable, SubtaskSnapshot};

/// The folder of all parts.
pub(super) const PARTS: &str = "parts";
/// The name that a sink's rows have as a state.
const SINK_ROWS: &str = "rows";
/// Bytes of a name that are kept in the name of a file: enough to recognise it.
const NAME_BYTES_MAX: usize = 40;
/// Bytes of a file at most, unless one batch has more: a large state is read as several files at once.
const FILE_BYTES_MAX: usize = 32 << 20;
/// Files that are read at once: enough to fill a network, and a disk has no more heads.
const READERS_MAX: usize = 8;

/// Writes what a subtask keeps, for an attempt: job, generation and number.
pub(super) fn write(
    files: &dyn Files,
    (job, generation, attempt): (&str, u64, u64),
    part: &SubtaskSnapshot,
) -> Result<StoredPart, CheckpointError> {
    let mut operators = Vec::with_capacity(part.operators.len());
    for (operator, snapshot) in &part.operators {
        let mut header = PartHeader { job, generation, attempt, subtask: &part.subtask, operator, state: SINK_ROWS };
        let mut state = Vec::new();
        for draft in drafts(snapshot.tables.iter().map(|t| (t.name.as_str(), t.key_group, &t.rows))) {
            header.state = draft.name;
            state.push(draft.write(files, &header, state.len())?);
        }
        header.state = SINK_ROWS;
        let sink = snapshot.sink.as_ref().map(|sink| write_sink(files, &header, sink, state.len())).transpose()?;
        let version = snapshot.version.clone();
        operators.push(StoredOperator { operator: operator.clone(), version, state, sink });
    }
    let splits =
        part.splits.as_ref().map(|(source, splits)| (source.clone(), splits.iter().map(store_split).collect()));
    Ok(StoredPart { subtask: part.subtask.clone(), watermark: part.watermark, splits, operators })
}

/// `first` is the place of its first file among those of the operator.
fn write_sink(
    files: &dyn Files,
    header: &PartHeader<'_>,
    sink: &Prepared,
    first: usize,
) -> Result<StoredSink, CheckpointError> {
    let drafts = drafts(sink.commit.iter().filter_map(|c| Some((SINK_ROWS, None, c.rows.as_ref()?))));
    let mut commit = Vec::with_capacity(sink.commit.len());
    // The rows of the next committable of a draft are its next batch.
    let mut next = vec![0; drafts.len()];
    for committable in &sink.commit {
        let rows = committable.rows.as_ref().and_then(|rows| {
            let file = drafts
                .iter()
                .zip(&next)
                .position(|(d, n)| d.batches.get(*n).is_some_and(|(_, batch)| std::ptr::eq(*batch, rows)))?;
            next[file] += 1;
            Some((file, next[file] - 1))
        });
        commit.push(StoredCommit { value: committable.value.clone(), rows });
    }
    let rows = drafts.iter().enumerate().map(|(index, draft)| draft.write(files, header, first + index));
    let rows = rows.collect::<Result<_, _>>()?;
    Ok(StoredSink { commit, state: sink.state.clone(), report: sink.report.clone(), rows })
}

/// What goes into one file: tables of one name and one schema.
struct Draft<'a> {
    name: &'a str,
    schema: SchemaRef,
    bytes: usize,
    batches: Vec<(Option<u32>, &'a RecordBatch)>,
}

fn drafts<'a>(tables: impl Iterator<Item = (&'a str, Option<u32>, &'a RecordBatch)>) -> Vec<Draft<'a>> {
    let mut drafts: Vec<Draft<'_>> = Vec::new();
    for (name, key_group, rows) in tables {
        let (schema, bytes) = (rows.schema(), bytes_of(rows));
        // All batches of a file share their dictionaries, which those of two key groups need not do.
        let fits = |d: &&mut Draft<'_>| {
            d.name == name && d.bytes + bytes <= FILE_BYTES_MAX && d.schema == schema && !has_dictionary(&schema)
        };
        match drafts.iter_mut().find(fits) {
            Some(draft) => {
                draft.bytes += bytes;
                draft.batches.push((key_group, rows));
            }
            None => drafts.push(Draft { name, schema, bytes, batches: vec![(key_group, rows)] }),
        }
    }
    drafts
}

fn has_dictionary(schema: &Schema) -> bool {
    schema.flattened_fields().iter().any(|field| matches!(field.data_type(), DataType::Dictionary(..)))
}

impl Draft<'_> {
    /// `index` is its place among the files of the same operator.
    fn write(&self, files: &dyn Files, header: &PartHeader<'_>, index: usize) -> Result<StoredFile, CheckpointError> {
        let file = encode(header, &self.schema, &self.batches).map_err(|error| CheckpointError::Encode {
            what: format!("the state {:?} of {:?} in {:?}", self.name, header.operator, header.subtask),
            error: Box::new(error),
        })?;
        let path = part_path(header, index);
        let stored = StoredFile {
            name: self.name.to_owned(),
            path: path.to_string(),
            bytes: file.len() as u64,
            checksum: checksum(&file),
            batches: self.batches.iter().map(|(group, rows)| (*group, rows.num_rows() as u64)).collect(),
        };
        files.put(&path, file)?;
        Ok(stored)
    }
}

/// Readable, and different for different states whatever their names are made of.
fn part_path(header: &PartHeader<'_>, index: usize) -> Path {
    let PartHeader { generation, attempt, subtask, operator, state, .. } = header;
    let hash = xxh3_64(format!("{subtask:?} {operator:?} {state:?} {index}").as_bytes());
    let [subtask, operator, state] = [subtask, operator, state].map(|name| plain(name));
    let name = format!("{subtask}-{operator}-{state}-{hash:016x}.arrow");
    folder(*generation, *attempt).join(name)
}

/// Where the parts of an attempt are.
pub(super) fn folder(generation: u64, attempt: u64) -> Path {
    Path::from_iter([PARTS, &format!("{generation}-{attempt}")])
}

fn plain(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    name.chars().map(plain).take(NAME_BYTES_MAX).collect()
}

fn store_split(split: &SplitSnapshot) -> StoredSplit {
    let SplitSnapshot { split, index, offset, max_event_time, event_time, ended } = split.clone();
    StoredSplit { split, index, offset, max_event_time, event_time, ended }
}

/// Reads all parts of a checkpoint.
pub(super) fn read(files: &dyn Files, manifest: &Manifest, contents: Contents) -> Result<JobSnapshot, CheckpointError> {
    let mut read = read_files(files, manifest, contents)?.into_iter();
    let mut next = |stored: &[StoredFile]| -> Vec<Vec<RecordBatch>> { read.by_ref().take(stored.len()).collect() };
    let mut subtasks = Vec::with_capacity(manifest.subtasks.len());
    for part in &manifest.subtasks {
        let mut operators = Vec::with_capacity(part.operators.len());
        for stored in &part.operators {
            let tables = tables(&stored.state, next(&stored.state));
            let sink = stored.sink.as_ref().map(|sink| read_sink(sink, &next(&sink.rows)));
            let sink = sink.transpose().map_err(|reason| damaged(files, manifest, "its manifest", reason))?;
            operators.push((stored.operator.clone(), Snapshot { version: stored.version.clone(), tables, sink }));
        }
        let splits = part
            .splits
            .as_ref()
            .map(|(source, splits)| (source.clone(), splits.iter().cloned().map(restore_split).collect()));
        subtasks.push(SubtaskSnapshot { subtask: part.subtask.clone(), watermark: part.watermark, operators, splits });
    }
    Ok(JobSnapshot { key_groups: manifest.key_groups, subtasks })
}

fn tables(stored: &[StoredFile], files: Vec<Vec<RecordBatch>>) -> Vec<StateTable> {
    let of_file = |(stored, batches): (&StoredFile, Vec<RecordBatch>)| {
        let table = |((key_group, _), rows): (&(Option<u32>, u64), RecordBatch)| StateTable {
            name: stored.name.clone(),
            key_group: *key_group,
            rows,
        };
        stored.batches.iter().zip(batches).map(table).collect::<Vec<_>>()
    };
    stored.iter().zip(files).flat_map(of_file).collect()
}

fn read_sink(stored: &StoredSink, files: &[Vec<RecordBatch>]) -> Result<Prepared, String> {
    let mut commit = Vec::with_capacity(stored.commit.len());
    for StoredCommit { value, rows } in &stored.commit {
        let rows = rows.map(|(file, batch)| files.get(file).and_then(|batches| batches.get(batch)).cloned());
        if rows == Some(None) {
            return Err("speaks of rows of a sink that it does not name".to_owned());
        }
        commit.push(Committable { value: value.clone(), rows: rows.flatten() });
    }
    Ok(Prepared { commit, state: stored.state.clone(), report: stored.report.clone() })
}

fn restore_split(stored: StoredSplit) -> SplitSnapshot {
    let StoredSplit { split, index, offset, max_event_time, event_time, ended } = stored;
    SplitSnapshot { split, index, offset, max_event_time, event_time, ended }
}

/// The batches of all files, in the order of the manifest; several files at a time, if all of them is kept.
fn read_files(
    files: &dyn Files,
    manifest: &Manifest,
    contents: Contents,
) -> Result<Vec<Vec<RecordBatch>>, CheckpointError> {
    let mut jobs = Vec::new();
    for part in &manifest.subtasks {
        for operator in &part.operators {
            jobs.extend(operator.files().map(|file| (part.subtask.as_str(), operator.operator.as_str(), file)));
        }
    }
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(jobs.len())));
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some((subtask, operator, file)) = jobs.get(index) else { break };
            let mut batches = read_file(files, manifest, (subtask, operator), file);
            if let (Ok(batches), Contents::Layouts) = (&mut batches, contents) {
                drop_rows(file, batches);
            }
            if batches.is_err() {
                next.store(jobs.len(), Ordering::Relaxed);
            }
            done.lock().unwrap_or_else(PoisonError::into_inner).push((index, batches));
        }
    };
    let readers = if contents == Contents::All { READERS_MAX } else { 1 };
    std::thread::scope(|scope| {
        for _ in 1..readers.min(jobs.len()) {
            scope.spawn(work);
        }
        work();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, batches)| batches).collect()
}

/// Leaves of tables of key groups only what they are made of; a slice would keep all of the file.
fn drop_rows(stored: &StoredFile, batches: &mut [RecordBatch]) {
    for ((key_group, _), rows) in stored.batches.iter().zip(batches) {
        if key_group.is_some() {
            *rows = RecordBatch::new_empty(rows.schema());
        }
    }
}

fn read_file(
    files: &dyn Files,
    manifest: &Manifest,
    (subtask, operator): (&str, &str),
    stored: &StoredFile,
) -> Result<Vec<RecordBatch>, CheckpointError> {
    let damaged = |reason: String| damaged(files, manifest, &stored.path, reason);
    let path = Path::parse(&stored.path).ok().filter(|path| path.prefix_matches(&Path::from(PARTS)));
    let path = path.ok_or_else(|| damaged("is no name of a part".to_owned()))?;
    let file = files.get(&path)?.ok_or_else(|| damaged("is missing".to_owned()))?;
    if file.len() as u64 != stored.bytes {
        return Err(damaged(format!("has {} bytes where {} were written", file.len(), stored.bytes)));
    }
    if checksum(&file) != stored.checksum {
        return Err(damaged("does not have the checksum that was written".to_owned()));
    }
    let Manifest { job, generation, attempt, .. } = manifest;
    let state = &stored.name;
    let header = PartHeader { job, generation: *generation, attempt: *attempt, subtask, operator, state };
    decode(&header, stored, &file).map_err(damaged)
}

fn damaged(files: &dyn Files, manifest: &Manifest, file: &str, reason: String) -> CheckpointError {
    let location = files.name().to_owned();
    CheckpointError::Damaged { location, checkpoint: manifest.number, file: file.to_owned(), reason }
}
