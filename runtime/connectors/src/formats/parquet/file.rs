//! Parquet files: the footer, and the rows of one row group. Reads of a row group only the columns that are asked for, in batches.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{Compression as Codec, Type};
use parquet::file::metadata::ParquetMetaData;
use parquet::schema::types::{ColumnDescriptor, Type as SchemaType};

use super::footer::check_footer;
use crate::formats::foreign_types::weir_type;
use crate::formats::group_rows::{FOOTER_BYTES_MAX, GroupRows};

/// Rows that are decoded at once: of columns with lists fewer, as one row may have many values.
const BATCH_ROWS: usize = 4096;
const NESTED_BATCH_ROWS: usize = 256;
/// Bytes of one column of fixed length in these rows, at most.
const BATCH_BYTES_MAX: usize = 16 << 20;
const MAGIC: &[u8] = b"PAR1";

/// What the footer says.
pub(crate) struct ParquetFile {
    /// As its metadata has the columns.
    schema: SchemaRef,
    metadata: ArrowReaderMetadata,
}

impl ParquetFile {
    pub(crate) fn open(name: &str, file: &File, notes: &mut Vec<String>) -> Result<Self, String> {
        check_end(file)?;
        let metadata = ArrowReaderMetadata::load(file, ArrowReaderOptions::new()).map_err(|error| said(&error))?;
        check_places(metadata.metadata(), file)?;
        let (schema, is_int96) = with_int96(&metadata);
        if !is_int96.is_empty() {
            let columns = is_int96.join(", ");
            notes.push(format!("{name}: times of the type INT96 are read in whole microseconds: {columns}"));
        }
        let read = ArrowReaderOptions::new().with_schema(Arc::new(with_views(&schema)));
        let metadata =
            ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), read).map_err(|error| said(&error))?;
        Ok(Self { schema, metadata })
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(crate) fn group_bytes(&self) -> Vec<u64> {
        let groups = self.metadata.metadata().row_groups().iter();
        groups.map(|group| u64::try_from(group.total_byte_size()).unwrap_or_default()).collect()
    }

    pub(crate) fn rows_before(&self, group: usize) -> u64 {
        let groups = self.metadata.metadata().row_groups().iter().take(group);
        groups.map(|group| u64::try_from(group.num_rows()).unwrap_or_default()).sum()
    }

    fn has_inner_int96(&self, column: usize) -> bool {
        let root = self.metadata.parquet_schema().root_schema().get_fields().get(column);
        root.is_some_and(|root| !root.is_primitive() && has_int96(root))
    }

    pub(crate) fn group(
        &self,
        file: File,
        group: usize,
        row: u64,
        places: &[usize],
    ) -> Result<Box<dyn GroupRows>, String> {
        let groups = self.metadata.metadata().row_groups();
        let rows = groups.get(group).and_then(|group| u64::try_from(group.num_rows()).ok()).unwrap_or_default();
        let skipped = usize::try_from(row).ok().filter(|_| row <= rows);
        let skipped = skipped.ok_or_else(|| format!("row group {group} has {rows} rows, and not {row}"))?;
        if let Some(column) = places.iter().find(|column| self.has_inner_int96(**column)) {
            return Err(format!(
                "column {:?} has times of the type INT96 within it, which are only read as a column of their own: leave it out of the `schema`",
                self.schema.field(*column).name()
            ));
        }
        let is_nested = places.iter().any(|place| self.schema.field(*place).data_type().is_nested());
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
        let mask = ProjectionMask::roots(builder.parquet_schema(), places.iter().copied());
        let leaves =
            builder.parquet_schema().columns().iter().enumerate().filter(|(leaf, _)| mask.leaf_included(*leaf));
        let columns = groups.get(group).into_iter().flat_map(|group| group.columns()).enumerate();
        for (_, column) in columns.filter(|(leaf, _)| mask.leaf_included(*leaf)) {
            if let Some(codec) = unread(column.compression()) {
                let column = column.column_path().string();
                return Err(format!(
                    "column {column:?} is compressed with {codec}, which is not read: write it with Snappy, gzip, zstd or LZ4"
                ));
            }
        }
        // Every row takes as much, nulls too.
        let bytes = |leaf: &ColumnDescriptor| usize::try_from(leaf.type_length()).unwrap_or_default();
        let longest = leaves.map(|(_, leaf)| leaf).max_by_key(|leaf| bytes(leaf));
        let fixed = longest.map_or(0, |leaf| bytes(leaf));
        if let Some(leaf) = longest.filter(|_| fixed > BATCH_BYTES_MAX) {
            let column = leaf.path().string();
            return Err(format!("a value of column {column:?} takes {fixed} bytes; {BATCH_BYTES_MAX} are the limit"));
        }
        let batch_rows = if is_nested { NESTED_BATCH_ROWS } else { BATCH_ROWS };
        let batch_rows = batch_rows.min(BATCH_BYTES_MAX / fixed.max(1));
        let builder = builder.with_row_groups(vec![group]).with_projection(mask).with_batch_size(batch_rows);
        let reader = builder.with_offset(skipped).build().map_err(|error| said(&error))?;
        Ok(Box::new(ParquetRows { reader, missing: rows - row }))
    }
}

struct ParquetRows {
    reader: ParquetRecordBatchReader,
    /// Rows that are still to come.
    missing: u64,
}

impl GroupRows for ParquetRows {
    fn next(&mut self, _rows_max: usize) -> Result<Option<RecordBatch>, String> {
        let Some(rows) = self.reader.next().transpose().map_err(|error| said(&error))? else {
            return match self.missing {
                0 => Ok(None),
                missing => Err(format!("it is damaged: {missing} rows of a row group are not there")),
            };
        };
        let missing = self.missing.checked_sub(rows.num_rows() as u64);
        self.missing = missing.ok_or("it is damaged: a row group has more rows than its footer says")?;
        Ok(Some(rows))
    }
}

/// The name of a codec that is not built in: Brotli would be a large library for what few programs write.
fn unread(codec: Codec) -> Option<&'static str> {
    match codec {
        Codec::BROTLI(_) => Some("Brotli"),
        Codec::LZO => Some("LZO"),
        _ => None,
    }
}

/// Looks at the end of a file before the library does: whether it is Parquet, and how much memory its footer asks for.
fn check_end(file: &File) -> Result<(), String> {
    let bytes = file.metadata().map_err(|error| error.to_string())?.len();
    let mut end = [0; 8];
    let is_whole = bytes >= 12 && file.read_exact_at(&mut end, bytes - 8).is_ok();
    if !is_whole || end[4..] != *MAGIC {
        return Err("it is not a Parquet file, or is not complete: its last bytes are not \"PAR1\"".to_owned());
    }
    let footer = u64::from(u32::from_le_bytes([end[0], end[1], end[2], end[3]]));
    if footer > bytes - 12 {
        return Err(format!("it is damaged: its footer of {footer} bytes is longer than the file"));
    }
    if footer > FOOTER_BYTES_MAX {
        return Err(format!(
            "its footer is longer than {} MiB: write it with fewer row groups",
            FOOTER_BYTES_MAX >> 20
        ));
    }
    let mut bytes_of_footer = vec![0; usize::try_from(footer).unwrap_or_default()];
    file.read_exact_at(&mut bytes_of_footer, bytes - 8 - footer).map_err(|error| error.to_string())?;
    check_footer(&bytes_of_footer)
}

/// Refuses columns that are not where the file has bytes.
fn check_places(metadata: &ParquetMetaData, file: &File) -> Result<(), String> {
    let bytes = file.metadata().map_err(|error| error.to_string())?.len();
    for (number, group) in metadata.row_groups().iter().enumerate() {
        if group.num_rows() < 0 {
            return Err(format!("it is damaged: row group {number} has {} rows", group.num_rows()));
        }
        for column in group.columns() {
            let begin = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
            let end = begin.checked_add(column.compressed_size());
            let is_within = begin >= 0 && column.compressed_size() >= 0 && column.data_page_offset() >= 0;
            if !is_within || end.and_then(|end| u64::try_from(end).ok()).is_none_or(|end| end > bytes) {
                let column = column.column_path().string();
                return Err(format!("it is damaged: column {column:?} of row group {number} is outside of the file"));
            }
        }
    }
    Ok(())
}

/// The columns, with those of the type INT96 in microseconds: nanoseconds would wrap around in the years 1677 and 2262. And which these are.
fn with_int96(metadata: &ArrowReaderMetadata) -> (SchemaRef, Vec<String>) {
    let mut is_int96 = Vec::new();
    let roots = metadata.parquet_schema().root_schema().get_fields();
    let fields = metadata.schema().fields().iter().zip(roots).map(|(field, root)| {
        if !root.is_primitive() || root.get_physical_type() != Type::INT96 {
            return Arc::clone(field);
        }
        is_int96.push(field.name().clone());
        let zone = match field.data_type() {
            DataType::Timestamp(_, zone) => zone.clone(),
            _ => None,
        };
        Arc::new(Field::clone(field).with_data_type(DataType::Timestamp(TimeUnit::Microsecond, zone)))
    });
    let fields: Vec<_> = fields.collect();
    (Arc::new(Schema::new(fields)), is_int96)
}

fn has_int96(of: &SchemaType) -> bool {
    match of.is_primitive() {
        true => of.get_physical_type() == Type::INT96,
        false => of.get_fields().iter().any(|inside| has_int96(inside)),
    }
}

/// What the library says, in one line.
fn said(error: &dyn std::fmt::Display) -> String {
    let text = error.to_string();
    let text = text.trim_start_matches("Parquet error: ").trim_start_matches("Parquet argument error: ");
    format!("it cannot be read as Parquet: {}", text.trim_start_matches("Parquet error: "))
}

/// The same columns with text as views: what is shared by many rows stays shared while it is read.
fn with_views(schema: &Schema) -> Schema {
    let fields = schema.fields().iter().map(|field| {
        let data_type = match weir_type(field.data_type()) {
            Some(DataType::Utf8) => DataType::Utf8View,
            Some(DataType::Binary) if !is_of_fixed_size(field.data_type()) => DataType::BinaryView,
            _ => field.data_type().clone(),
        };
        Field::clone(field).with_data_type(data_type)
    });
    Schema::new(fields.collect::<Vec<_>>())
}

fn is_of_fixed_size(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_of_fixed_size(values),
        other => matches!(other, DataType::FixedSizeBinary(_)),
    }
}
