//! [`TextBuilder`]: a column of text that an expression makes, within the bounds of one value and of one batch.

use std::ops::Range;

use arrow::array::{ArrayRef, StringBuilder};
use std::sync::Arc;

use crate::arguments::Arguments;
use crate::evaluation_error::EvaluationError;
use crate::failures::Failures;
use crate::limits::{BATCH_BYTES_MAX, VALUE_BYTES_MAX};

/// Takes one text per row.
pub(crate) struct TextBuilder<'a> {
    texts: StringBuilder,
    bytes: usize,
    /// Reused for texts that are made of parts.
    parts: String,
    range: &'a Range<usize>,
}

impl<'a> TextBuilder<'a> {
    pub(crate) fn new(rows: usize, range: &'a Range<usize>) -> Self {
        Self { texts: StringBuilder::with_capacity(rows, rows * 8), bytes: 0, parts: String::new(), range }
    }

    /// The text of the next row.
    ///
    /// # Errors
    /// [`EvaluationError::TooLarge`], if the batch makes too much.
    pub(crate) fn append(&mut self, text: &str, failures: &mut Failures, row: usize) -> Result<(), EvaluationError> {
        if !self.admits(text.len(), failures, row)? {
            return Ok(());
        }
        self.texts.append_value(text);
        Ok(())
    }

    /// Null for the next row.
    pub(crate) fn append_null(&mut self) {
        self.texts.append_null();
    }

    /// The text of the next row, made of parts.
    ///
    /// # Errors
    /// As [`TextBuilder::append`].
    pub(crate) fn append_parts<'t>(
        &mut self,
        parts: impl Iterator<Item = &'t str> + Clone,
        failures: &mut Failures,
        row: usize,
    ) -> Result<(), EvaluationError> {
        let bytes = parts.clone().map(str::len).fold(0, usize::saturating_add);
        if !self.admits(bytes, failures, row)? {
            return Ok(());
        }
        self.parts.clear();
        self.parts.extend(parts);
        self.texts.append_value(&self.parts);
        Ok(())
    }

    pub(crate) fn finish(mut self) -> ArrayRef {
        Arc::new(self.texts.finish())
    }

    /// Whether a text may be made; if not, its row has failed and is null.
    fn admits(&mut self, bytes: usize, failures: &mut Failures, row: usize) -> Result<bool, EvaluationError> {
        if bytes > VALUE_BYTES_MAX {
            failures.add(
                row,
                self.range,
                format!("the text would have {bytes} bytes; at most {VALUE_BYTES_MAX} are made"),
            );
            self.append_null();
            return Ok(false);
        }
        self.bytes += bytes;
        // One row always has room.
        if self.bytes > BATCH_BYTES_MAX && row > 0 { Err(EvaluationError::TooLarge) } else { Ok(true) }
    }
}

/// All texts of a row one after the other; if nulls are not skipped, one of them makes null.
pub(crate) fn joined(
    of: &Arguments<'_>,
    failures: &mut Failures,
    skips_nulls: bool,
) -> Result<ArrayRef, EvaluationError> {
    let mut texts = TextBuilder::new(of.rows, of.range);
    let columns: Vec<_> = (0..of.values.len()).map(|index| of.texts(index)).collect();
    for row in 0..of.rows {
        if !skips_nulls && columns.iter().any(|column| column.get(row).is_none()) {
            texts.append_null();
            continue;
        }
        texts.append_parts(columns.iter().filter_map(|column| column.get(row)), failures, row)?;
    }
    Ok(texts.finish())
}
