//! Columns from the names of folders, as in `dt=2024-01-31/country=DE/part-0.csv`: each is the same in all rows of a file. Reads
//! no rows itself.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringArray, UInt32Array};
use arrow::compute::{CastOptions, cast_with_options, take};
use arrow::datatypes::{Field, Fields, Schema, SchemaRef};
use weir_core::column_type::type_name;
use weir_core::connector::{ConnectorError, Guarantee, Offset, Polled, Source, SourceReader, Split, Written};
use weir_core::graph::Options;
use weir_core::time::{Clock, WatermarkStrategy};

use crate::formats::read_options::{SchemaOption, given_schema};
use crate::options;

/// How the programs that write such folders spell null.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// Files with the columns of their folders behind those of their rows.
pub(crate) struct PartitionedFiles {
    files: Box<dyn Source>,
    schema: SchemaRef,
    /// One row of the columns of the first file's folders.
    sample: Vec<ArrayRef>,
    /// How many columns the rows have.
    of_rows: usize,
}

impl PartitionedFiles {
    /// With these columns, of which every file's path must have a folder each.
    pub(super) fn new(
        options: &Options,
        files: Box<dyn Source>,
        columns: &SchemaOption,
    ) -> Result<Self, ConnectorError> {
        let added = given_schema(options, columns, false)?;
        let of_rows = files.schema();
        if let Some((name, _)) = columns.0.iter().find(|(name, _)| of_rows.field_with_name(name.get_ref()).is_ok()) {
            let message = format!("the rows already have a column {:?}: leave out one of the two", name.get_ref());
            return Err(ConnectorError::Option { message, span: Some(name.span()) });
        }
        let splits = files.splits(1)?;
        let refused = |message| options.error("partitions", message);
        let first = splits.first().map_or(Ok(Vec::new()), |first| values_of(&first.id, added.fields()));
        let sample = first.map_err(refused)?;
        splits.iter().try_for_each(|split| values_of(&split.id, added.fields()).map(drop)).map_err(refused)?;
        let fields = of_rows.fields().iter().chain(added.fields()).cloned().collect::<Vec<_>>();
        Ok(Self { files, schema: Arc::new(Schema::new(fields)), of_rows: of_rows.fields().len(), sample })
    }
}

/// The values of columns in the path of a file, as arrays of one row.
fn values_of(path: &str, fields: &Fields) -> Result<Vec<ArrayRef>, String> {
    fields.iter().map(|field| value_of(path, field)).collect()
}

/// The value of a column in the path of a file, as an array of one row.
fn value_of(path: &str, field: &Field) -> Result<ArrayRef, String> {
    let folders = Path::new(path).parent().into_iter().flat_map(Path::iter).filter_map(|folder| folder.to_str());
    let value = folders.filter_map(|folder| folder.strip_prefix(field.name())?.strip_prefix('=')).next_back();
    let Some(value) = value else {
        return Err(format!("{path} is in no folder {}=VALUE", field.name()));
    };
    let value = Some(decoded(value)).filter(|value| value != NULL);
    let text: ArrayRef = Arc::new(StringArray::from(vec![value.as_deref()]));
    let strictly = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(&text, field.data_type(), &strictly).map_err(|_| {
        let (name, value) = (field.name(), value.unwrap_or_default());
        format!("{path}: {name} is {value:?}, which is not of the type {}", type_name(field.data_type()))
    })
}

/// Without the `%3A` for characters that a name of a folder should not have.
fn decoded(value: &str) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(value.len()), value.as_bytes());
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = behind.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Source for PartitionedFiles {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn notes(&self) -> Vec<String> {
        self.files.notes()
    }

    fn notes_after(&self) -> Vec<String> {
        self.files.notes_after()
    }

    fn reads(&self, written: &Written) -> bool {
        self.files.reads(written)
    }

    fn take_notices(&self) -> Vec<String> {
        self.files.take_notices()
    }

    fn ended(&self, split: &Split, offset: &Offset) {
        self.files.ended(split, offset);
    }

    fn files(&self) -> Vec<std::path::PathBuf> {
        self.files.files()
    }

    fn sample(&self, column: usize) -> Option<RecordBatch> {
        if column < self.of_rows {
            return self.files.sample(column);
        }
        let of_first = self.sample.get(column - self.of_rows)?;
        let schema = options::project(&self.schema, &[column]).ok()?;
        RecordBatch::try_new(schema, vec![of_first.clone()]).ok()
    }

    fn default_watermark(&self) -> WatermarkStrategy {
        self.files.default_watermark()
    }

    fn guarantee(&self) -> Guarantee {
        self.files.guarantee()
    }

    fn splits(&self, parallelism: usize) -> Result<Vec<Split>, ConnectorError> {
        self.files.splits(parallelism)
    }

    fn reader(
        &self,
        split: &Split,
        projection: &[usize],
        offset: Option<&Offset>,
        clock: Arc<dyn Clock>,
    ) -> Result<Box<dyn SourceReader>, ConnectorError> {
        let schema = options::project(&self.schema, projection)?;
        let (of_rows, of_folders) = self.schema.fields().split_at(self.of_rows);
        let read: Vec<usize> = projection.iter().copied().filter(|column| *column < of_rows.len()).collect();
        let rows = self.files.reader(split, &read, offset, clock)?;
        // A part of a file is in the folders of the file.
        let values = values_of(&split.id, &of_folders.into()).map_err(ConnectorError::Data)?;
        let added = projection.iter().map(|column| values.get(column.checked_sub(of_rows.len())?).cloned()).collect();
        Ok(Box::new(PartitionedReader { rows, schema, added }))
    }
}

struct PartitionedReader {
    rows: Box<dyn SourceReader>,
    schema: SchemaRef,
    /// By column: its value, in one row; `None`: it is in the rows.
    added: Vec<Option<ArrayRef>>,
}

impl PartitionedReader {
    fn complete(&self, rows: &RecordBatch) -> Result<RecordBatch, arrow::error::ArrowError> {
        let first = UInt32Array::from(vec![0; rows.num_rows()]);
        let mut read = rows.columns().iter();
        let mut columns = Vec::with_capacity(self.added.len());
        for added in &self.added {
            match added {
                Some(value) => columns.push(take(value, &first, None)?),
                None => columns.extend(read.next().cloned()),
            }
        }
        let with_rows = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &with_rows)
    }
}

impl SourceReader for PartitionedReader {
    fn explain_malformed(&mut self, explain: bool) {
        self.rows.explain_malformed(explain);
    }

    fn poll(&mut self, rows_max: usize, wait: Duration) -> Result<Polled, ConnectorError> {
        match self.rows.poll(rows_max, wait)? {
            Polled::Batch { rows, malformed } => {
                let rows = self.complete(&rows).map_err(|error| ConnectorError::Data(error.to_string()))?;
                Ok(Polled::Batch { rows, malformed })
            }
            other => Ok(other),
        }
    }

    fn locate(&self, row: usize) -> Option<(String, String)> {
        self.rows.locate(row)
    }

    fn waited_us(&self) -> u64 {
        self.rows.waited_us()
    }

    fn offset(&self) -> Offset {
        self.rows.offset()
    }

    fn progress(&self) -> Option<f64> {
        self.rows.progress()
    }
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn escapes_of_folders_are_read() {
        for (name, expected) in [("a", "a"), ("10%3A30", "10:30"), ("%C3%A4", "ä"), ("5%", "5%"), ("%zz%2", "%zz%2")] {
            assert_eq!(decoded(name), expected);
        }
    }
}
