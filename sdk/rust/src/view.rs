//! Views of the columns of a batch: the fields of what `ReadRow::Columns` is for a row.

use std::fmt;

use crate::column::{ColumnRef, value};
use crate::timestamp::Timestamp;
use crate::value::ReadValue;

/// A view of one column as values of type `T`.
pub struct Column<'a, T: ReadValue<'a>> {
    reader: T::Reader,
    rows: usize,
}

impl<'a, T: ReadValue<'a>> Column<'a, T> {
    /// Views a column; one that is not there reads as nulls.
    ///
    /// # Errors
    /// If the host passed too little.
    pub fn open(column: Option<ColumnRef<'a>>, rows: usize) -> Result<Self, String> {
        let Some(column) = column else { return Ok(Self { reader: T::Reader::default(), rows }) };
        let length = column.array()?.length as usize;
        if length != rows {
            return Err(format!("column {:?} has {length} values for {rows} rows", column.name()));
        }
        Ok(Self { reader: T::open(column)?, rows })
    }

    /// How many rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The value of a row.
    #[inline]
    #[must_use]
    pub fn get(&self, row: usize) -> T {
        T::read(&self.reader, row)
    }

    /// All values, in order.
    #[inline]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = T> + use<'_, 'a, T> {
        // The bound is known to be within the column: reading a value need not look again.
        (0..self.rows.min(T::available(&self.reader))).map(|row| T::read(&self.reader, row))
    }

    /// Whether some value may hold a null, or an instant out of range, that `T` has no place for.
    #[must_use]
    pub fn maybe_incomplete(&self) -> bool {
        T::maybe_incomplete(&self.reader)
    }

    /// Whether `T` can hold the value of a row.
    #[must_use]
    pub fn complete(&self, row: usize) -> bool {
        T::complete(&self.reader, row)
    }

    /// What is wrong with the value of a row that `T` cannot hold, to stand behind the column's name.
    #[must_use]
    pub fn misfit(&self, row: usize) -> &'static str {
        T::misfit(&self.reader, row)
    }
}

impl<'a, T: ReadValue<'a>> Clone for Column<'a, T> {
    fn clone(&self) -> Self {
        Self { reader: self.reader.clone(), rows: self.rows }
    }
}

impl<'a, T: ReadValue<'a>> Default for Column<'a, T> {
    fn default() -> Self {
        Self { reader: T::Reader::default(), rows: 0 }
    }
}

impl<'a, T: ReadValue<'a> + fmt::Debug> fmt::Debug for Column<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The event times of a batch.
#[derive(Clone, Copy, Debug, Default)]
pub struct EventTimes<'a> {
    times: &'a [[u8; 8]],
}

impl<'a> EventTimes<'a> {
    /// Views them: one int64 per row.
    ///
    /// # Errors
    /// If there are fewer than rows.
    pub fn open(times: &'a [u8], rows: usize) -> Result<Self, String> {
        let (times, _) = times.as_chunks();
        if times.len() == rows {
            Ok(Self { times })
        } else {
            Err(format!("{} event times for {rows} rows", times.len()))
        }
    }

    /// That of a row.
    #[inline]
    #[must_use]
    pub fn get(&self, row: usize) -> Timestamp {
        Timestamp(i64::from_le_bytes(value(self.times, row)))
    }
}
