//! Rows as bytes, column by column, for programs without Arrow: no type of it is needed to write or read them.
//!
//! ```text
//! u32 rows | u8 1 if event times follow: i64 microseconds per row | every column
//! a column: u8 1 if validity follows: a u8 per row, 0 is null | values
//! values of a fixed width: one per row, little endian; a bool is a u8; those of text and bytes: u32 length per row | all bytes
//! ```
//!
//! The columns are known to both sides, and not in the bytes. What stands where a value is null means nothing. It trusts no byte that it
//! reads.

use std::sync::Arc;

use arrow::array::{Array, ArrayData, AsArray as _, BooleanArray, RecordBatch, RecordBatchOptions, make_array};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, SchemaRef};
use weir_core::column_type::type_name;

use crate::error::EmbedError;

/// Whether rows can have a column of this type.
///
/// # Errors
/// Says which types there are.
pub fn check(name: &str, data_type: &DataType) -> Result<(), EmbedError> {
    let is_bytes = matches!(data_type, DataType::Utf8 | DataType::Binary);
    if is_bytes || *data_type == DataType::Boolean || data_type.primitive_width().is_some() {
        return Ok(());
    }
    let found = type_name(data_type);
    Err(EmbedError::Operator(format!(
        "column {name:?} is {found}, and columns here are numbers, text, bytes, dates and times"
    )))
}

/// Writes rows with columns that [`check`] takes.
///
/// # Errors
/// If a column has another type, or is too large.
pub fn encode(rows: &RecordBatch, times: Option<&[i64]>, bytes: &mut Vec<u8>) -> Result<(), EmbedError> {
    let count = rows.num_rows();
    bytes.extend_from_slice(&length(count)?);
    bytes.push(times.is_some().into());
    times.into_iter().flatten().for_each(|time| bytes.extend_from_slice(&time.to_le_bytes()));
    for (column, field) in rows.columns().iter().zip(rows.schema().fields()) {
        match column.nulls().filter(|nulls| nulls.null_count() > 0) {
            None => bytes.push(0),
            Some(nulls) => {
                bytes.push(1);
                bytes.extend(nulls.iter().map(u8::from));
            }
        }
        match column.data_type() {
            DataType::Boolean => bytes.extend(column.as_boolean().values().iter().map(u8::from)),
            DataType::Utf8 => {
                let column = column.as_string::<i32>();
                texts(column.value_offsets(), column.value_data(), bytes);
            }
            DataType::Binary => {
                let column = column.as_binary::<i32>();
                texts(column.value_offsets(), column.value_data(), bytes);
            }
            other => {
                check(field.name(), other)?;
                let (data, width) = (column.to_data(), other.primitive_width().unwrap_or_default());
                bytes.extend_from_slice(&data.buffers()[0][data.offset() * width..(data.offset() + count) * width]);
            }
        }
    }
    Ok(())
}

fn length(n: usize) -> Result<[u8; 4], EmbedError> {
    let n = u32::try_from(n).map_err(|_| EmbedError::Operator(format!("a batch cannot have {n} rows or bytes")))?;
    Ok(n.to_le_bytes())
}

fn texts(offsets: &[i32], values: &[u8], bytes: &mut Vec<u8>) {
    offsets.windows(2).for_each(|pair| bytes.extend_from_slice(&(pair[1] - pair[0]).to_le_bytes()));
    let (first, last) = (offsets[0] as usize, offsets[offsets.len() - 1] as usize);
    bytes.extend_from_slice(&values[first..last]);
}

/// Reads rows with these columns, and their event times if there are any.
///
/// # Errors
/// If the bytes are no such rows.
pub fn decode(bytes: &[u8], schema: &SchemaRef) -> Result<(RecordBatch, Option<ScalarBuffer<i64>>), EmbedError> {
    let mut rest = Rest(bytes);
    let count = rest.u32()?;
    let times = match rest.flag()? {
        false => None,
        true => Some(Buffer::from(rest.take_many(count, size_of::<i64>())?).into()),
    };
    let mut columns = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let nulls = match rest.flag()? {
            false => None,
            true => {
                let valid = rest.take(count)?;
                Some(NullBuffer::new(BooleanBuffer::collect_bool(count, |row| valid[row] != 0)))
            }
        };
        let data_type = field.data_type();
        if *data_type == DataType::Boolean {
            let values = rest.take(count)?;
            let values = BooleanBuffer::collect_bool(count, |row| values[row] != 0);
            columns.push(Arc::new(BooleanArray::new(values, nulls)) as _);
            continue;
        }
        let data = ArrayData::builder(data_type.clone()).len(count).nulls(nulls);
        let data = match data_type.primitive_width() {
            Some(width) => data.add_buffer(Buffer::from(rest.take_many(count, width)?)),
            None => {
                check(field.name(), data_type)?;
                let (offsets, length) = offsets(rest.take_many(count, size_of::<u32>())?)?;
                data.add_buffer(offsets).add_buffer(Buffer::from(rest.take(length)?))
            }
        };
        // Checks lengths, offsets, and that text is UTF-8.
        columns
            .push(make_array(data.build().map_err(|error| wrong(&format!("in column {:?}: {error}", field.name())))?));
    }
    if !rest.0.is_empty() {
        return Err(wrong("with more behind them"));
    }
    let options = RecordBatchOptions::new().with_row_count(Some(count));
    let rows = RecordBatch::try_new_with_options(schema.clone(), columns, &options);
    Ok((rows.map_err(|error| wrong(&error.to_string()))?, times))
}

fn wrong(how: &str) -> EmbedError {
    EmbedError::Operator(format!("these bytes are no rows of the columns that were told: {how}"))
}

fn offsets(lengths: &[u8]) -> Result<(Buffer, usize), EmbedError> {
    let mut offset = 0i32;
    let mut offsets = Vec::with_capacity(lengths.len() / size_of::<u32>() + 1);
    offsets.push(offset);
    for length in lengths.as_chunks::<4>().0 {
        let next = i32::try_from(u32::from_le_bytes(*length)).ok().and_then(|length| offset.checked_add(length));
        offset = next.ok_or_else(|| wrong("2 GiB of text or more"))?;
        offsets.push(offset);
    }
    Ok((Buffer::from_vec(offsets), offset as usize))
}

struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, bytes: usize) -> Result<&'a [u8], EmbedError> {
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or_else(|| wrong("they end too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn take_many(&mut self, count: usize, width: usize) -> Result<&'a [u8], EmbedError> {
        self.take(count.saturating_mul(width))
    }

    fn flag(&mut self) -> Result<bool, EmbedError> {
        match self.take(1)? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(wrong("a flag is neither 0 nor 1")),
        }
    }

    fn u32(&mut self) -> Result<usize, EmbedError> {
        let bytes = self.take(size_of::<u32>())?;
        Ok(u32::from_le_bytes(bytes.try_into().unwrap_or_default()) as usize)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{BinaryArray, Decimal128Array, Int64Array, StringArray};
    use arrow::datatypes::{Field, Schema};

    use super::*;

    fn rows() -> RecordBatch {
        let price = Decimal128Array::from(vec![Some(-1), None, Some(7)]).with_precision_and_scale(38, 2).unwrap();
        let columns: Vec<(&str, arrow::array::ArrayRef)> = vec![
            ("n", Arc::new(Int64Array::from(vec![Some(i64::MIN), None, Some(1)]))),
            ("is", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
            ("text", Arc::new(StringArray::from(vec![Some("é"), Some(""), None]))),
            ("bytes", Arc::new(BinaryArray::from(vec![&[255u8, 0][..], &[], &[1]]))),
            ("price", Arc::new(price)),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
            .unwrap()
    }

    #[test]
    fn rows_come_back_whatever_part_of_a_batch_they_are() {
        let all = rows();
        for (first, count) in [(0, 3), (1, 2), (2, 1), (0, 0)] {
            let rows = all.slice(first, count);
            for times in [None, Some(&[1, -2, i64::MAX][first..first + count])] {
                let mut bytes = Vec::new();
                encode(&rows, times, &mut bytes).unwrap();
                let (read, read_times) = decode(&bytes, &rows.schema()).unwrap();
                assert_eq!(read, rows);
                assert_eq!(read_times.as_deref(), times);
            }
        }
    }

    #[test]
    fn rows_without_columns_are_counted() {
        let schema = Arc::new(Schema::empty());
        let (rows, _) = decode(&[2, 0, 0, 0, 0], &schema).unwrap();
        assert_eq!(rows.num_rows(), 2);
    }

    #[test]
    fn a_list_is_no_column_here() {
        let item = Arc::new(Field::new_list_field(DataType::Int64, true));
        let error = check("sizes", &DataType::List(item)).unwrap_err().to_string();
        assert!(error.starts_with("column \"sizes\" is list<int64>, and columns here are numbers"), "{error}");
    }

    #[test]
    fn damaged_bytes_are_other_rows_or_an_error() {
        let mut whole = Vec::new();
        encode(&rows(), Some(&[1, 2, 3]), &mut whole).unwrap();
        for length in 0..whole.len() {
            assert!(decode(&whole[..length], &rows().schema()).is_err(), "{length}");
        }
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok((read, _)) = decode(&bytes, &rows().schema()) {
                assert_eq!(read.num_columns(), 5);
            }
        }
    }
}
