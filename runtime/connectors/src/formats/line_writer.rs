//! One column of text or bytes as lines: what would be read as something else than the value is refused, never changed. Null is an
//! empty line.

use std::io::{self, Write};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Schema};
use arrow::error::ArrowError;
use weir_core::column_type::type_name;
use weir_core::connector::ConnectorError;

use super::FormatName;
use super::encoding::is_told_as_other;
use super::records::BYTE_ORDER_MARK;

/// Writes the lines of one output.
pub(crate) struct LineWriter<W> {
    out: W,
    is_raw: bool,
    /// No line was written, and none was there before.
    is_at_begin: bool,
}

/// Checks that rows of this schema are one column that lines can hold.
///
/// # Errors
/// [`ConnectorError::Data`], naming the columns.
pub(crate) fn check_line_column(format: FormatName, schema: &Schema) -> Result<(), ConnectorError> {
    let is_raw = format == FormatName::Raw;
    let fits = |data_type: &DataType| *data_type == DataType::Utf8 || (is_raw && *data_type == DataType::Binary);
    match schema.fields().as_ref() {
        [field] if fits(field.data_type()) => Ok(()),
        fields => {
            let (format, what) = if is_raw { ("raw", "of utf8 or binary") } else { ("text", "of utf8") };
            let columns = fields.iter().map(|field| format!("{} {}", field.name(), type_name(field.data_type())));
            let columns = columns.collect::<Vec<_>>().join(", ");
            Err(ConnectorError::Data(format!(
                "`format = \"{format}\"` writes one column {what}, and there are: {columns}; choose one with `columns = [\"NAME\"]`"
            )))
        }
    }
}

impl<W: Write> LineWriter<W> {
    /// Onto `out`, behind lines that are there.
    pub(crate) fn new(out: W, is_raw: bool) -> Self {
        Self { out, is_raw, is_at_begin: false }
    }

    /// Its next line is the first.
    pub(crate) fn begin(&mut self) {
        self.is_at_begin = true;
    }

    /// Writes all rows, or none.
    pub(crate) fn write(&mut self, rows: &RecordBatch) -> Result<(), ArrowError> {
        let [column] = rows.columns() else {
            return Err(ArrowError::InvalidArgumentError("lines have one column".to_owned()));
        };
        let refused = |row: usize, why: &str| {
            let (name, rows) = (rows.schema_ref().field(0).name(), rows.num_rows());
            ArrowError::InvalidArgumentError(format!("column {name:?}, row {} of {rows}: {why}", row + 1))
        };
        let mut lines = Vec::with_capacity(column.len() * 2);
        for row in 0..column.len() {
            let value = if column.is_null(row) { &[][..] } else { value(column, row) };
            if value.contains(&b'\n') {
                return Err(refused(
                    row,
                    "a value with a line end cannot be one line; `format = \"json\"` can hold it",
                ));
            }
            if !self.is_raw && value.last() == Some(&b'\r') {
                let why = "a carriage return at the end of a value would be read as part of the line end; `format = \"json\"` \
                           can hold it";
                return Err(refused(row, why));
            }
            if self.is_at_begin && row == 0 && is_like_a_mark(value) {
                if self.is_raw {
                    let why = "a file that begins with this value would be taken for a compressed one, or for UTF-16";
                    return Err(refused(row, why));
                }
                // Readers take off the first.
                lines.extend_from_slice(BYTE_ORDER_MARK);
            }
            lines.extend_from_slice(value);
            lines.push(b'\n');
        }
        self.is_at_begin &= column.is_empty();
        Ok(self.out.write_all(&lines)?)
    }

    /// Passes on what is buffered.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// What it wrote onto.
    pub(crate) fn into_inner(self) -> W {
        self.out
    }
}

/// Whether a reader would see something else than text, or its own mark, in a file that begins with this line.
fn is_like_a_mark(value: &[u8]) -> bool {
    let line = [value, b"\n"].concat();
    line.starts_with(BYTE_ORDER_MARK) || is_told_as_other(&line)
}

fn value(column: &ArrayRef, row: usize) -> &[u8] {
    match column.data_type() {
        DataType::Binary => column.as_binary::<i32>().value(row),
        _ => column.as_string::<i32>().value(row).as_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BinaryArray, StringArray};

    use super::*;

    fn written(is_raw: bool, column: ArrayRef) -> Result<Vec<u8>, String> {
        let rows = RecordBatch::try_from_iter([("a", column)]).unwrap();
        let mut writer = LineWriter::new(Vec::new(), is_raw);
        writer.begin();
        writer.write(&rows.slice(0, 0)).unwrap();
        writer.write(&rows).map_err(|error| error.to_string())?;
        writer.write(&rows.slice(0, 0)).unwrap();
        Ok(writer.into_inner())
    }

    #[test]
    fn values_are_lines_or_refused_by_name() {
        let text = |values: &[Option<&str>]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
        let bytes = |values: &[&[u8]]| Arc::new(BinaryArray::from(values.to_vec())) as ArrayRef;
        assert_eq!(
            written(false, text(&[Some("a b"), None, Some(""), Some("\u{feff}")])).unwrap(),
            "a b\n\n\n\u{feff}\n".as_bytes()
        );
        assert_eq!(written(false, text(&[Some("PK\u{3}\u{4}")])).unwrap(), "\u{feff}PK\u{3}\u{4}\n".as_bytes());
        assert_eq!(written(true, bytes(&[b"\xff\r", b""])).unwrap(), b"\xff\r\n\n");
        for (written, expected) in [
            (written(false, text(&[Some("a"), Some("b\nc")])), "column \"a\", row 2 of 2: a value with a line end"),
            (written(false, text(&[Some("a\r")])), "column \"a\", row 1 of 1: a carriage return"),
            (written(true, bytes(&[b"a\n"])), "column \"a\", row 1 of 1: a value with a line end"),
            (written(true, bytes(&[b"\x1f\x8b"])), "column \"a\", row 1 of 1: a file that begins with this value"),
            (
                written(true, bytes(&["\u{feff}a".as_bytes()])),
                "column \"a\", row 1 of 1: a file that begins with this value",
            ),
        ] {
            let error = written.unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
