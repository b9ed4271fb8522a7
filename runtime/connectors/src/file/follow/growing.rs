//! One file that grows: its bytes, through a handle that stays with it when it is renamed, and whether they are still those that
//! were read. Knows no rows.

use std::fs::{File, Metadata};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use weir_core::connector::ConnectorError;

use crate::formats::records::{Input, InputRead};

/// Bytes at a file's beginning by which it is known: with them the first rows of most files, not only a header.
const HEAD_BYTES: usize = 4 << 10;
/// Bytes that are asked for at once.
const READ_BYTES: usize = 256 << 10;

/// Which file it is, whatever its name.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileId {
    pub(super) device: u64,
    pub(super) inode: u64,
}

impl FileId {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// The first bytes of a file, as a number.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fingerprint {
    pub(super) bytes: usize,
    pub(super) hash: u64,
}

impl Fingerprint {
    /// Of nothing.
    pub(super) fn empty() -> Self {
        Self::of(&[])
    }

    fn of(bytes: &[u8]) -> Self {
        // FNV-1a.
        let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        Self { bytes: bytes.len(), hash: bytes.iter().fold(0xcbf2_9ce4_8422_2325, mix) }
    }
}

/// An open file.
#[derive(Debug)]
pub(super) struct GrowingFile {
    name: String,
    file: File,
    /// Its first bytes, as far as they were read.
    head: Mutex<Vec<u8>>,
    /// When it had been changed last when they were compared last: nanoseconds.
    compared: AtomicI64,
    /// It has become shorter, or begins with other bytes.
    is_rewritten: AtomicBool,
}

impl GrowingFile {
    /// A file of which nothing was read.
    pub(super) fn new(name: &str, file: File) -> Self {
        Self {
            name: name.to_owned(),
            file,
            head: Mutex::default(),
            compared: AtomicI64::new(0),
            is_rewritten: AtomicBool::new(false),
        }
    }

    pub(super) fn metadata(&self) -> std::io::Result<Metadata> {
        self.file.metadata()
    }

    /// Whether it can have been read up to `byte`: it begins as it did, and a line begins there.
    pub(super) fn begins_with(&self, head: Fingerprint, byte: u64) -> std::io::Result<bool> {
        if self.file.metadata()?.len() < byte {
            return Ok(false);
        }
        let first = self.first(head.bytes.min(HEAD_BYTES))?;
        let before = match byte.checked_sub(1) {
            None => b'\n',
            Some(at) => {
                let mut before = [0];
                if self.file.read_at(&mut before, at)? == 0 {
                    return Ok(false);
                }
                before[0]
            }
        };
        let is_same = Fingerprint::of(&first) == head && before == b'\n';
        if is_same {
            *self.head.lock().unwrap_or_else(PoisonError::into_inner) = first;
        }
        Ok(is_same)
    }

    /// Its first bytes, at most so many.
    pub(super) fn first(&self, bytes: usize) -> std::io::Result<Vec<u8>> {
        let (mut first, mut read) = (vec![0; bytes], 0);
        while read < bytes {
            match self.file.read_at(&mut first[read..], read as u64)? {
                0 => break,
                some => read += some,
            }
        }
        first.truncate(read);
        Ok(first)
    }

    /// The fingerprint of what was read up to `byte`.
    pub(super) fn fingerprint(&self, byte: u64) -> Fingerprint {
        let head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = usize::try_from(byte).unwrap_or(usize::MAX).min(head.len());
        Fingerprint::of(head.get(..bytes).unwrap_or_default())
    }

    /// Whether a read has found that the file is no longer the one that was opened.
    pub(super) fn is_rewritten(&self) -> bool {
        self.is_rewritten.load(Ordering::Relaxed)
    }

    /// From its beginning, with whatever is there now.
    pub(super) fn forget(&self) {
        self.head.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.is_rewritten.store(false, Ordering::Relaxed);
    }

    /// Its bytes from a place on.
    pub(super) fn input(self: &Arc<Self>, at: u64) -> Box<dyn Input> {
        Box::new(GrowingInput { file: Arc::clone(self), at })
    }

    /// Looks whether what was read up to `at` is still there; its length.
    pub(super) fn check(&self, at: u64) -> std::io::Result<u64> {
        let metadata = self.file.metadata()?;
        let (len, changed) = (metadata.len(), metadata.mtime().wrapping_mul(1_000_000_000) + metadata.mtime_nsec());
        let head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        let is_changed = self.compared.swap(changed, Ordering::Relaxed) != changed;
        if len < at || (is_changed && self.first(head.len())? != *head) {
            self.is_rewritten.store(true, Ordering::Relaxed);
        }
        Ok(len)
    }

    /// Appends what is there behind `at`.
    fn read(&self, buffer: &mut Vec<u8>, at: u64) -> std::io::Result<usize> {
        let len = self.check(at)?;
        if self.is_rewritten() {
            return Ok(0);
        }
        let mut head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = buffer.len();
        let wanted = usize::try_from(len - at).unwrap_or(READ_BYTES).min(READ_BYTES);
        buffer.resize(begin + wanted, 0);
        let read = self.file.read_at(&mut buffer[begin..], at);
        buffer.truncate(begin + *read.as_ref().unwrap_or(&0));
        if let Some(known) = (head.len() as u64).checked_sub(at)
            && head.len() < HEAD_BYTES
        {
            let new = usize::try_from(known).ok().and_then(|known| buffer.get(begin + known..)).unwrap_or_default();
            let missing = HEAD_BYTES - head.len();
            head.extend_from_slice(new.get(..missing).unwrap_or(new));
        }
        read
    }
}

struct GrowingInput {
    file: Arc<GrowingFile>,
    at: u64,
}

impl Input for GrowingInput {
    fn read(&mut self, buffer: &mut Vec<u8>, _wait: Duration) -> Result<InputRead, ConnectorError> {
        let read = self.file.read(buffer, self.at);
        let read =
            read.map_err(|source| ConnectorError::Io { what: format!("cannot read {}", self.file.name), source })?;
        self.at += read as u64;
        Ok(if read == 0 { InputRead::Pending } else { InputRead::Bytes })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(input: &mut dyn Input) -> Option<String> {
        let mut buffer = Vec::new();
        let found = input.read(&mut buffer, Duration::ZERO).unwrap();
        (found == InputRead::Bytes).then(|| String::from_utf8(buffer).unwrap())
    }

    #[test]
    fn what_is_appended_is_read_and_what_is_written_anew_is_noticed() {
        for (rewritten, is_noticed) in
            [("1\n", true), ("9\n2\n3\n4\n", true), ("9\n2\n", true), ("1\n2\n3\n", false), ("1\n2\n", false)]
        {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a");
            fs::write(&path, "1\n").unwrap();
            let file = Arc::new(GrowingFile::new("a", File::open(&path).unwrap()));
            let mut input = file.input(0);
            assert_eq!(read(&mut *input).as_deref(), Some("1\n"));
            assert_eq!(read(&mut *input), None);
            fs::write(&path, "1\n2\n").unwrap();
            assert_eq!(read(&mut *input).as_deref(), Some("2\n"));
            // Clocks of file systems are coarse.
            std::thread::park_timeout(Duration::from_millis(20));
            fs::write(&path, rewritten).unwrap();
            assert_eq!(read(&mut *input).is_none(), is_noticed || rewritten == "1\n2\n", "{rewritten}");
            assert_eq!(file.is_rewritten(), is_noticed, "{rewritten}");
        }
    }

    #[test]
    fn a_file_is_known_by_its_first_bytes_and_the_line_end_before_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "1\n22\n").unwrap();
        let file = Arc::new(GrowingFile::new("a", File::open(&path).unwrap()));
        read(&mut *file.input(0)).unwrap();
        let head = file.fingerprint(2);
        assert_eq!(head.bytes, 2);
        for (text, byte, expected) in [
            ("1\n22\n3", 2, true),
            ("1\n2", 2, true),
            ("1\n22\n", 5, true),
            ("1\n222\n", 5, false),
            ("2\n22\n", 2, false),
            ("1", 2, false),
        ] {
            fs::write(&path, text).unwrap();
            let other = GrowingFile::new("a", File::open(&path).unwrap());
            assert_eq!(other.begins_with(head, byte).unwrap(), expected, "{text:?} {byte}");
        }
    }
}
