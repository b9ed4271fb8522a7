//! Reads all files that are followed: each to its end, again and again, and looks for new ones, renamed ones and truncated ones.

mod gone;
mod origin;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use weir_core::connector::{ConnectorError, Offset, Polled, SourceReader};
use weir_core::time::Clock;

use super::Watched;
use super::followed::{Followed, Found, found, is_silent};
use super::growing::FileId;
use super::known::{FollowOffset, KnownFile};
use crate::file::rows::Rows;
use crate::formats::records::Position;
use origin::Origin;

/// How often it looks which files there are.
const LOOK_EVERY_US: i64 = 200_000;
/// Files that are kept open: of those beyond it that have been silent, a file that is removed right after it grew is not read.
const OPEN_FILES_MAX: usize = 64;
/// Files that are followed at most: beyond it, checkpoints would be mostly names.
const FILES_MAX: usize = 100_000;
/// How long a file that was moved elsewhere is read, if nothing comes: its writer may not have noticed yet.
const MOVED_FOR_US: i64 = 600_000_000;

/// The reader of all files.
pub(super) struct FollowReader {
    watched: Arc<Watched>,
    rows: Rows,
    projection: Vec<usize>,
    clock: Arc<dyn Clock>,
    /// In the order in which they are begun.
    files: Vec<Followed>,
    lost: Vec<KnownFile>,
    /// Not read, and told: compressed ones, and copies of a file that is read.
    ignored: HashSet<FileId>,
    copies: HashSet<FileId>,
    looked_us: Option<i64>,
    /// Whether it has seen which files there are since it continued.
    has_seen: bool,
    /// Which is read next.
    next: usize,
    /// Which was read last.
    last: Option<usize>,
    explains: bool,
    /// Whether it has read what was there, and was told to stop at that.
    is_caught_up: bool,
}

impl FollowReader {
    /// Continues at an offset.
    pub(super) fn new(
        watched: Arc<Watched>,
        rows: Rows,
        projection: Vec<usize>,
        offset: FollowOffset,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let in_turn = |known| Followed { is_in_turn: true, ..Followed::new(known) };
        Self {
            watched,
            rows,
            projection,
            clock,
            files: offset.files.into_iter().map(in_turn).collect(),
            lost: offset.lost,
            ignored: HashSet::new(),
            copies: HashSet::new(),
            looked_us: None,
            has_seen: false,
            next: 0,
            last: None,
            explains: true,
            is_caught_up: false,
        }
    }

    /// Looks which files there are, and what has become of those that are known.
    fn look(&mut self, now_us: i64) -> Result<(), ConnectorError> {
        self.looked_us = Some(now_us);
        // Files that cannot be seen for now are not gone.
        let Some(files) = self.watched.list() else { return Ok(()) };
        let is_first = !std::mem::replace(&mut self.has_seen, true);
        self.last = None;
        let mut found = found(&files);
        for index in 0..self.files.len() {
            self.recognize(index, &mut found, now_us);
        }
        let left: HashMap<String, FileId> =
            self.files.iter().filter_map(|file| Some((file.left()?.to_owned(), file.known.id))).collect();
        let missing = if is_first { self.take_missing() } else { Vec::new() };
        // What was truncated is known before copies of it are looked for.
        for index in 0..self.files.len() {
            self.check(index)?;
            // Those that wait for their turn are opened again when it has come.
            if self.files[index].is_in_turn && self.open_files() > OPEN_FILES_MAX {
                self.files[index].close();
            }
        }
        let mut new: Vec<Found> = found.into_values().collect();
        new.sort_by(|a, b| (a.modified, &a.name).cmp(&(b.modified, &b.name)));
        let mut is_in_turn = false;
        for found in new {
            let known = match self.origin(&found, &left)? {
                Origin::Later => continue,
                Origin::New => KnownFile::new(found.name, found.id),
                Origin::CopyOf(known) => KnownFile { name: found.name, id: found.id, ..known },
            };
            let before = left.get(&known.name).and_then(|id| self.files.iter().position(|file| file.known.id == *id));
            if let Some(before) = before {
                self.tell_rotated(before, &known.name);
                (self.files[before].former, self.files[before].at_end) = (None, false);
            }
            let file = Followed {
                path: Some(found.path),
                len: found.len,
                modified: found.modified,
                is_in_turn: is_in_turn || before.is_some(),
                ..Followed::new(known)
            };
            match before {
                Some(before) => self.files.insert(before + 1, file),
                None => self.files.push(file),
            }
            is_in_turn = true;
        }
        self.tell_missing(&missing);
        self.let_go(now_us);
        match self.files.len() {
            0..=FILES_MAX => Ok(()),
            _ => Err(ConnectorError::Data(format!(
                "{}: more than {FILES_MAX} files are followed; remove those that are finished, or move them away",
                self.watched.path.display()
            ))),
        }
    }

    /// Finds a known file among those that are there.
    fn recognize(&mut self, index: usize, found: &mut HashMap<FileId, Found>, now_us: i64) {
        let Self { files, watched, .. } = self;
        let file = &mut files[index];
        let is_restored = file.path.is_none() && file.gone_us.is_none();
        // Devices may have other numbers after a restart of the machine.
        let same = |of: &&Found| of.id.inode == file.known.id.inode && of.name == file.known.name;
        let id = match found.get(&file.known.id) {
            None if is_restored => found.values().find(same).map(|of| of.id),
            _ => Some(file.known.id),
        };
        // As long as it is not open, another file may have got its number.
        let is_it = |of: &Found| {
            file.open.is_some() || of.name == file.known.name || begins_with(watched, &of.path, &file.known)
        };
        match id.filter(|id| found.get(id).is_some_and(is_it)).and_then(|id| found.remove(&id)) {
            Some(found) => {
                file.known.id = found.id;
                let name = std::mem::replace(&mut file.known.name, found.name);
                if name != file.known.name {
                    file.former = Some(name);
                }
                (file.path, file.len, file.gone_us) = (Some(found.path), found.len, None);
                file.modified = found.modified;
            }
            None => {
                if file.path.take().is_some() {
                    // It may have grown until then.
                    (file.gone_us, file.at_end) = (Some(now_us), false);
                }
            }
        }
    }

    /// Takes out the files of a checkpoint that are not there.
    fn take_missing(&mut self) -> Vec<KnownFile> {
        let (here, missing): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.files).into_iter().partition(|file| file.path.is_some());
        self.files = here;
        let missing: Vec<KnownFile> = missing.into_iter().map(|file| file.known).collect();
        missing.iter().for_each(|known| self.watched.lose(&mut self.lost, known.clone()));
        missing
    }

    /// Tells which of them were not found under another name or as a copy either.
    fn tell_missing(&self, missing: &[KnownFile]) {
        for known in missing.iter().filter(|known| self.lost.iter().any(|lost| lost.id == known.id)) {
            self.watched.notice(format!(
                "{}: the file that was read up to byte {} is not among those of `path` now: what was written to it since then is \
                 not read",
                known.name, known.position.byte
            ));
        }
    }

    fn tell_rotated(&self, index: usize, name: &str) {
        let Followed { known, path, .. } = &self.files[index];
        let now = if path.is_some() { format!(" (now {})", known.name) } else { String::new() };
        self.watched.notice(format!(
            "{name}: it was rotated; the file that had this name{now} is read to its end, and then the new one from its start"
        ));
    }

    /// Opens a file that has changed, and looks whether what was read of it is still there.
    fn check(&mut self, index: usize) -> Result<(), ConnectorError> {
        if !self.open(index)? {
            return Ok(());
        }
        let file = &mut self.files[index];
        let Some((growing, reader)) = &file.open else { return Ok(()) };
        let read = reader.position().byte + reader.begun_bytes() as u64;
        file.len = growing.check(read).map_err(|source| cannot("look at", &file.known.name, source))?;
        if growing.is_rewritten() { self.begin_again(index) } else { Ok(()) }
    }

    /// Opens a file where it was read to, unless there is nothing new in it. `false`: it is not open.
    fn open(&mut self, index: usize) -> Result<bool, ConnectorError> {
        let Self { files, rows, projection, lost, watched, .. } = self;
        let file = &mut files[index];
        if file.open.is_some() {
            return Ok(true);
        }
        let Some(path) = file.path.as_ref().filter(|_| file.read != Some((file.len, file.modified))) else {
            return Ok(false);
        };
        let name = &file.known.name;
        let growing = match watched.open(name, path) {
            Ok(growing) => growing,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(cannot("open", name, error)),
        };
        let cannot_look = |source| cannot("look at", name, source);
        // Another file may have its name by now: the next look finds that one.
        if FileId::of(&growing.metadata().map_err(cannot_look)?) != file.known.id {
            return Ok(false);
        }
        let KnownFile { head, position, .. } = file.known;
        if !growing.begins_with(head, position.byte).map_err(cannot_look)? {
            tell_rewritten(watched, &file.known);
            watched.lose(lost, file.known.clone());
            file.known = KnownFile::new(name.clone(), file.known.id);
        }
        let (growing, name) = (Arc::new(growing), &file.known.name);
        let mut reader = rows.reader(name, projection, file.known.position, &|at| growing.input(at))?;
        reader.explain_malformed(self.explains);
        file.open = Some((growing, reader));
        Ok(true)
    }

    /// Begins a file again that was truncated.
    fn begin_again(&mut self, index: usize) -> Result<(), ConnectorError> {
        let Self { files, rows, projection, lost, watched, explains, .. } = self;
        let file = &mut files[index];
        let known = file.known();
        let Some((growing, reader)) = &mut file.open else { return Ok(()) };
        tell_rewritten(watched, &known);
        watched.lose(lost, known);
        growing.forget();
        file.known = KnownFile::new(file.known.name.clone(), file.known.id);
        *reader = rows.reader(&file.known.name, projection, Position::BEGIN, &|at| growing.input(at))?;
        reader.explain_malformed(*explains);
        file.at_end = false;
        Ok(())
    }

    fn open_files(&self) -> usize {
        self.files.iter().filter(|file| file.open.is_some()).count()
    }

    /// The next rows of a file, if there are any.
    fn poll_file(&mut self, index: usize, rows_max: usize, now_us: i64) -> Result<Option<Polled>, ConnectorError> {
        let is_before_done = index.checked_sub(1).is_none_or(|before| self.files[before].at_end);
        let file = &mut self.files[index];
        file.is_in_turn &= !is_before_done;
        if file.is_in_turn {
            return Ok(None);
        }
        if !self.open(index)? {
            self.files[index].at_end = true;
            return Ok(None);
        }
        loop {
            let file = &mut self.files[index];
            let Some((growing, reader)) = &mut file.open else { return Ok(None) };
            match reader.poll(rows_max, Duration::ZERO)? {
                polled @ Polled::Batch { .. } => {
                    (file.at_end, file.active_us) = (false, now_us);
                    return Ok(Some(polled));
                }
                Polled::Pending | Polled::End if growing.is_rewritten() => self.begin_again(index)?,
                Polled::Pending | Polled::End if reader.has_open_record() => {
                    let read = reader.position().byte + reader.begun_bytes() as u64;
                    if is_silent(&mut file.open_record, read, now_us) {
                        return reader.poll_open_record().map(Some);
                    }
                    // Neither is the file behind it begun, nor is it closed.
                    file.at_end = false;
                    return Ok(None);
                }
                Polled::Pending | Polled::End => {
                    file.at_end = true;
                    return Ok(None);
                }
            }
        }
    }
}

impl SourceReader for FollowReader {
    fn explain_malformed(&mut self, explain: bool) {
        self.explains = explain;
        self.files.iter_mut().filter_map(|file| file.open.as_mut()).for_each(|(_, of)| of.explain_malformed(explain));
    }

    fn poll(&mut self, rows_max: usize, wait: Duration) -> Result<Polled, ConnectorError> {
        if self.is_caught_up {
            std::thread::park_timeout(wait);
            return Ok(Polled::Pending);
        }
        let now_us = self.clock.now_us();
        if self.looked_us.is_none_or(|looked_us| now_us.saturating_sub(looked_us) >= LOOK_EVERY_US) {
            self.look(now_us)?;
        }
        self.last = None;
        // A file that has been read to its end lets the one behind it begin.
        let mut ends = true;
        while std::mem::take(&mut ends) {
            for step in 0..self.files.len() {
                let index = (self.next + step) % self.files.len();
                let was_at_end = self.files[index].at_end;
                if let Some(polled) = self.poll_file(index, rows_max, now_us)? {
                    (self.next, self.last) = (index + 1, Some(index));
                    return Ok(polled);
                }
                ends |= self.files[index].at_end && !was_at_end;
            }
        }
        let is_all_read = self.has_seen && self.files.iter().all(|file| file.at_end);
        self.is_caught_up = is_all_read && self.watched.stops.load(Ordering::Relaxed);
        if !wait.is_zero() {
            // Nobody unparks this thread for us: it is a wait with a time-out.
            std::thread::park_timeout(wait);
        }
        Ok(Polled::Pending)
    }

    fn locate(&self, row: usize) -> Option<(String, String)> {
        self.files.get(self.last?)?.open.as_ref()?.1.locate(row)
    }

    fn is_caught_up(&self) -> bool {
        self.is_caught_up
    }

    fn offset(&self) -> Offset {
        let files = self.files.iter().map(Followed::known).collect();
        serde_json::json!(FollowOffset { files, lost: self.lost.clone() })
    }
}

/// Whether a file can be the one that is known.
fn begins_with(watched: &Watched, path: &Path, known: &KnownFile) -> bool {
    let file = watched.open(&known.name, path);
    file.and_then(|file| file.begins_with(known.head, known.position.byte)).unwrap_or(false)
}

fn tell_rewritten(watched: &Watched, known: &KnownFile) {
    watched.notice(format!(
        "{}: it was truncated or written anew after it was read up to byte {}, and is read from its start",
        known.name, known.position.byte
    ));
}

fn cannot(verb: &str, name: &str, source: std::io::Error) -> ConnectorError {
    ConnectorError::Io { what: format!("cannot {verb} {name}"), source }
}
