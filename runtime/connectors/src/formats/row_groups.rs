//! Files whose rows are in groups that can be read alone: the row groups of Parquet, the batches of Arrow IPC. What is in the bytes is
//! checked before anything is allocated for it, as far as these formats let it be.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use flate2::Crc;
use weir_core::connector::ConnectorError;

use super::arrow_file::{ArrowFile, Dictionaries};
use super::compression::Compression;
use super::group_rows::GroupRows;
use super::parquet::ParquetFile;

/// Bytes at the end of a file that tell it from another of the same length: there the footer says what is where.
const FINGERPRINT_BYTES: u64 = 64 << 10;

/// A format with groups of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GroupFormat {
    Parquet,
    Arrow,
}

/// What the footer of a file says.
pub(crate) struct GroupedFile {
    name: String,
    footer: Footer,
    /// Tells the file from another one under its name.
    pub(crate) identity: Identity,
    /// What a person should be told of its columns.
    pub(crate) notes: Vec<String>,
}

enum Footer {
    Parquet(ParquetFile),
    Arrow(ArrowFile),
}

/// Tells one content of a file from another, at little cost: a file is written once, with its footer at last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Identity {
    pub(crate) bytes: u64,
    pub(crate) crc: u32,
}

impl GroupedFile {
    /// Reads the footer of a file.
    ///
    /// # Errors
    /// If it is none of this format, is damaged, or cannot be read.
    pub(crate) fn open(name: &str, format: GroupFormat, file: &File) -> Result<Self, ConnectorError> {
        let identity = Identity::of(file).map_err(|source| cannot_read(name, source))?;
        let mut begin = [0; 4];
        if file.read_exact_at(&mut begin, 0).is_ok()
            && let Some(compression) = Compression::of_begin(&begin)
        {
            return Err(ConnectorError::Data(format!(
                "{name} is compressed with {} as a whole, and such a file cannot be read from any place on: decompress it first",
                compression.name()
            )));
        }
        let mut notes = Vec::new();
        let footer = guarded(name, || match format {
            GroupFormat::Parquet => ParquetFile::open(name, file, &mut notes).map(Footer::Parquet),
            GroupFormat::Arrow => ArrowFile::open(file).map(Footer::Arrow),
        })?;
        Ok(Self { name: name.to_owned(), footer, identity, notes })
    }

    /// Its columns, as it has them.
    pub(crate) fn schema(&self) -> &SchemaRef {
        match &self.footer {
            Footer::Parquet(file) => file.schema(),
            Footer::Arrow(file) => file.schema(),
        }
    }

    /// By group: its bytes.
    pub(crate) fn group_bytes(&self) -> Vec<u64> {
        match &self.footer {
            Footer::Parquet(file) => file.group_bytes(),
            Footer::Arrow(file) => file.group_bytes(),
        }
    }

    /// Rows before a group, if that is known.
    pub(crate) fn rows_before(&self, group: usize) -> Option<u64> {
        match &self.footer {
            Footer::Parquet(file) => Some(file.rows_before(group)),
            Footer::Arrow(_) => None,
        }
    }

    /// The rows of a group behind `row` of them, with the columns at these places, in the order of the file. `dictionaries`: what was
    /// decoded for a group before this one, and what is for this one.
    ///
    /// # Errors
    /// If the group cannot be read, or has fewer rows.
    pub(crate) fn group(
        &self,
        file: File,
        group: usize,
        row: u64,
        places: &[usize],
        dictionaries: &mut Dictionaries,
    ) -> Result<Guarded, ConnectorError> {
        let name = self.name.clone();
        let rows: Box<dyn GroupRows> = guarded(&name, || match &self.footer {
            Footer::Parquet(footer) => footer.group(file, group, row, places),
            Footer::Arrow(footer) => footer.group(&file, group, row, places, dictionaries),
        })?;
        Ok(Guarded { name, rows })
    }
}

/// Rows of a group, whose errors name the file.
pub(crate) struct Guarded {
    name: String,
    rows: Box<dyn GroupRows>,
}

impl Guarded {
    /// As [`GroupRows::next`].
    ///
    /// # Errors
    /// As [`GroupRows::next`].
    pub(crate) fn next(&mut self, rows_max: usize) -> Result<Option<RecordBatch>, ConnectorError> {
        guarded(&self.name, || self.rows.next(rows_max))
    }
}

impl Identity {
    /// Of what a file has now.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn of(file: &File) -> std::io::Result<Self> {
        let bytes = file.metadata()?.len();
        let mut end = vec![0; usize::try_from(bytes.min(FINGERPRINT_BYTES)).unwrap_or_default()];
        file.read_exact_at(&mut end, bytes.saturating_sub(FINGERPRINT_BYTES))?;
        let mut crc = Crc::new();
        crc.update(&end);
        Ok(Self { bytes, crc: crc.sum() })
    }
}

/// What a library says of the bytes of a file, with the file's name. That a library gives up on bytes with a panic is an error of the file too.
pub(crate) fn guarded<T>(name: &str, read: impl FnOnce() -> Result<T, String>) -> Result<T, ConnectorError> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(read)) => Ok(read),
        Ok(Err(why)) => Err(ConnectorError::Data(format!("{name}: {why}"))),
        Err(_) => Err(ConnectorError::Data(format!("{name}: it is damaged, and cannot be read"))),
    }
}

fn cannot_read(name: &str, source: std::io::Error) -> ConnectorError {
    ConnectorError::Io { what: format!("cannot read {name}"), source }
}

/// Groups in ranges of about the same size, at most so many.
pub(crate) fn ranges(bytes: &[u64], count: usize) -> Vec<Range<usize>> {
    let (total, count) =
        (bytes.iter().map(|bytes| u128::from(*bytes)).sum::<u128>(), count.clamp(1, bytes.len().max(1)));
    let (mut ranges, mut begin, mut sum) = (Vec::with_capacity(count), 0, 0);
    for (group, of_group) in bytes.iter().enumerate() {
        sum += u128::from(*of_group);
        let (end, left) = (group + 1, count - ranges.len() - 1);
        let is_full = sum * count as u128 >= total * (ranges.len() as u128 + 1);
        // Each of those that are left needs a group.
        if left > 0 && (is_full || bytes.len() - end == left) {
            ranges.push(begin..end);
            begin = end;
        }
    }
    ranges.push(begin..bytes.len());
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_split_into_ranges_that_have_each_once() {
        for (bytes, count, expected) in [
            (vec![1, 1, 1, 1], 2, vec![0..2, 2..4]),
            (vec![1, 1, 1], 5, vec![0..1, 1..2, 2..3]),
            (vec![100, 1, 1], 2, vec![0..1, 1..3]),
            (vec![1, 1, 100], 3, vec![0..1, 1..2, 2..3]),
            (vec![0, 0, 0], 2, vec![0..1, 1..3]),
        ] {
            assert_eq!(ranges(&bytes, count), expected, "{bytes:?} in {count}");
        }
        assert!(matches!(ranges(&[], 3)[..], [Range { start: 0, end: 0 }]));
    }
}
