//! Columns that a guest made, checked and made into Arrow arrays. No length, offset, index, count or byte is believed: what
//! Arrow would rely on is looked at here, once.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, BooleanArray, ListArray, PrimitiveArray, StringArray, StructArray};
use arrow::buffer::{BooleanBuffer, Buffer, MutableBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{self as types, ArrowNativeType, ArrowPrimitiveType, DataType, Field, Fields, TimeUnit};

use crate::abi::{PointerPair, from_guest};

/// Arrow pads buffers to this many bytes; more than that behind the values means that a length is wrong.
const PADDING_BYTES_MAX: usize = 64;

/// The columns of `fields`, each with `rows` values, of a guest's nodes.
///
/// # Errors
/// What is wrong, with the column's name.
pub(crate) fn columns(fields: &Fields, rows: usize, nodes: Vec<from_guest::Array>) -> Result<Vec<ArrayRef>, String> {
    let given = nodes.len();
    let mut nodes = nodes.into_iter();
    let mut arrays = Vec::with_capacity(fields.len());
    for field in fields {
        let array =
            column(field, rows, &mut nodes).map_err(|message| format!("column {:?}: {message}", field.name()))?;
        if !field.is_nullable() && array.null_count() > 0 {
            return Err(format!("column {:?}: {} nulls in a column without nulls", field.name(), array.null_count()));
        }
        arrays.push(array);
    }
    match nodes.len() {
        0 => Ok(arrays),
        left => Err(format!("{given} columns (nested ones counted), {left} more than the plan says")),
    }
}

fn column(field: &Field, rows: usize, nodes: &mut std::vec::IntoIter<from_guest::Array>) -> Result<ArrayRef, String> {
    let from_guest::Array { length, null_count, buffers: PointerPair(buffers) } =
        nodes.next().ok_or("it is missing")?;
    if length as usize != rows {
        return Err(format!("{length} values where there must be {rows}"));
    }
    let nulls = |bits| validity(bits, rows, null_count as usize);
    macro_rules! primitive {
        ($type:ty) => {{
            let [valid, values] = take(buffers)?;
            Arc::new(primitive::<$type>(field.data_type(), values, rows, nulls(valid)?)?)
        }};
    }
    Ok(match field.data_type() {
        DataType::Boolean => {
            let [valid, values] = take(buffers)?;
            let values = buffer_of(sized(values, rows.div_ceil(8), "values")?, 1);
            Arc::new(BooleanArray::new(BooleanBuffer::new(values, 0, rows), nulls(valid)?))
        }
        DataType::Int8 => primitive!(types::Int8Type),
        DataType::Int16 => primitive!(types::Int16Type),
        DataType::Int32 => primitive!(types::Int32Type),
        DataType::Int64 => primitive!(types::Int64Type),
        DataType::UInt8 => primitive!(types::UInt8Type),
        DataType::UInt16 => primitive!(types::UInt16Type),
        DataType::UInt32 => primitive!(types::UInt32Type),
        DataType::UInt64 => primitive!(types::UInt64Type),
        DataType::Float32 => primitive!(types::Float32Type),
        DataType::Float64 => primitive!(types::Float64Type),
        DataType::Date32 => primitive!(types::Date32Type),
        DataType::Timestamp(TimeUnit::Second, _) => primitive!(types::TimestampSecondType),
        DataType::Timestamp(TimeUnit::Millisecond, _) => primitive!(types::TimestampMillisecondType),
        DataType::Timestamp(TimeUnit::Microsecond, _) => primitive!(types::TimestampMicrosecondType),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => primitive!(types::TimestampNanosecondType),
        DataType::Decimal128(precision, _) => {
            let [valid, values] = take(buffers)?;
            let array = primitive::<types::Decimal128Type>(field.data_type(), values, rows, nulls(valid)?)?;
            check_decimals(&array, *precision)?;
            Arc::new(array)
        }
        DataType::Utf8 => {
            let (offsets, bytes, nulls) = bytes(buffers, rows, nulls)?;
            // This is where UTF-8 is checked: all of it, and that no offset cuts a character.
            Arc::new(StringArray::try_new(offsets, bytes, nulls).map_err(|e| e.to_string())?)
        }
        DataType::Binary => {
            let (offsets, bytes, nulls) = bytes(buffers, rows, nulls)?;
            Arc::new(BinaryArray::try_new(offsets, bytes, nulls).map_err(|e| e.to_string())?)
        }
        DataType::List(item) => {
            let [valid, positions] = take(buffers)?;
            let (offsets, end) = offsets(positions, rows)?;
            let items = column(item, end, nodes).map_err(|message| format!("items: {message}"))?;
            let list = ListArray::try_new(Arc::clone(item), offsets, items, nulls(valid)?);
            Arc::new(list.map_err(|e| e.to_string())?)
        }
        DataType::Struct(fields) => {
            let [valid] = take(buffers)?;
            let child = |field: &Arc<Field>| {
                column(field, rows, nodes).map_err(|message| format!("field {:?}: {message}", field.name()))
            };
            let children = fields.iter().map(child).collect::<Result<_, _>>()?;
            Arc::new(StructArray::try_new(fields.clone(), children, nulls(valid)?).map_err(|e| e.to_string())?)
        }
        other => return Err(format!("the type {other} does not cross the boundary")),
    })
}

/// As many buffers as the type has.
fn take<const N: usize>(buffers: Vec<from_guest::Buffer>) -> Result<[Vec<u8>; N], String> {
    let buffers = buffers.into_iter().map(|PointerPair(bytes)| bytes).collect::<Vec<_>>();
    buffers.try_into().map_err(|buffers: Vec<_>| format!("{} buffers where its type has {N}", buffers.len()))
}

/// The three buffers of utf8 and binary.
fn bytes(
    buffers: Vec<from_guest::Buffer>,
    rows: usize,
    nulls: impl Fn(Vec<u8>) -> Result<Option<NullBuffer>, String>,
) -> Result<(OffsetBuffer<i32>, Buffer, Option<NullBuffer>), String> {
    let [valid, positions, bytes] = take(buffers)?;
    let (offsets, end) = offsets(positions, rows)?;
    Ok((offsets, buffer_of(sized(bytes, end, "bytes")?, 1), nulls(valid)?))
}

fn primitive<T: ArrowPrimitiveType>(
    data_type: &DataType,
    bytes: Vec<u8>,
    rows: usize,
    nulls: Option<NullBuffer>,
) -> Result<PrimitiveArray<T>, String> {
    let array = PrimitiveArray::<T>::try_new(scalars(bytes, rows, "values")?, nulls).map_err(|e| e.to_string())?;
    Ok(array.with_data_type(data_type.clone()))
}

/// As many numbers as said, packed.
///
/// # Errors
/// If the bytes are too few, or far too many.
pub(crate) fn scalars<N: ArrowNativeType>(bytes: Vec<u8>, len: usize, what: &str) -> Result<ScalarBuffer<N>, String> {
    let size = size_of::<N>();
    let needed = len.checked_mul(size).ok_or_else(|| format!("{len} {what} are too many"))?;
    let bytes = sized(bytes, needed, what)?;
    Ok(ScalarBuffer::new(buffer_of(bytes, align_of::<N>()), 0, len))
}

/// uint32 per entry, each an index of `of`.
///
/// # Errors
/// If the bytes are not whole numbers, or one is out of range.
pub(crate) fn indices(bytes: Vec<u8>, of: usize, what: &str) -> Result<ScalarBuffer<u32>, String> {
    if !bytes.len().is_multiple_of(size_of::<u32>()) {
        return Err(format!("{} bytes of {what} are not whole uint32", bytes.len()));
    }
    let count = bytes.len() / size_of::<u32>();
    let indices = scalars(bytes, count, what)?;
    check_indices(&indices, of, what)?;
    Ok(indices)
}

/// Refuses an index out of range.
///
/// # Errors
/// Which one.
pub(crate) fn check_indices(indices: &[u32], of: usize, what: &str) -> Result<(), String> {
    // The maximum runs as vector code; a search for the first one out of range does not.
    let greatest = indices.iter().fold(0, |greatest, &index| greatest.max(index));
    if !indices.is_empty() && greatest as usize >= of {
        return Err(format!("index {greatest} in {what}, of which there are {of}"));
    }
    Ok(())
}

/// One bit an entry; empty means all set.
///
/// # Errors
/// If the bytes are too few, or far too many.
pub(crate) fn bits(bytes: Vec<u8>, len: usize, what: &str) -> Result<Option<BooleanBuffer>, String> {
    if bytes.is_empty() {
        return Ok(None);
    }
    Ok(Some(BooleanBuffer::new(buffer_of(sized(bytes, len.div_ceil(8), what)?, 1), 0, len)))
}

fn validity(bytes: Vec<u8>, rows: usize, null_count: usize) -> Result<Option<NullBuffer>, String> {
    let nulls = bits(bytes, rows, "validity bits")?.map(NullBuffer::new);
    // `NullBuffer::new` counts for itself.
    let counted = nulls.as_ref().map_or(0, NullBuffer::null_count);
    if counted != null_count {
        return Err(format!("null-count is {null_count}, but {counted} values are null"));
    }
    Ok(nulls.filter(|nulls| nulls.null_count() > 0))
}

/// `rows + 1` offsets that start at 0 and never fall, and the last of them.
fn offsets(bytes: Vec<u8>, rows: usize) -> Result<(OffsetBuffer<i32>, usize), String> {
    // Arrow allows no offsets for no rows.
    if rows == 0 && bytes.is_empty() {
        return Ok((OffsetBuffer::new_empty(), 0));
    }
    let offsets: ScalarBuffer<i32> = scalars(bytes, rows.saturating_add(1), "offsets")?;
    if offsets.first() != Some(&0) {
        return Err("the first offset is not 0".into());
    }
    // Without a branch a value, so that it runs as vector code.
    let rising = offsets.iter().zip(&offsets[1..]).fold(true, |rising, (a, b)| rising & (a <= b));
    if !rising {
        return Err("an offset is less than the one before".into());
    }
    let end = offsets.last().copied().unwrap_or_default() as usize;
    #[expect(
        unsafe_code,
        reason = "the offsets were just found to start at 0 and to rise; `new` would look again, and panic"
    )]
    // SAFETY: not empty, the first is 0, none is less than the one before, so none is negative.
    let offsets = unsafe { OffsetBuffer::new_unchecked(offsets) };
    Ok((offsets, end))
}

fn check_decimals(array: &PrimitiveArray<types::Decimal128Type>, precision: u8) -> Result<(), String> {
    let bound = 10_u128.saturating_pow(u32::from(precision));
    let row = array.iter().position(|value| value.is_some_and(|value| value.unsigned_abs() >= bound));
    row.map_or(Ok(()), |row| Err(format!("value {row} has more than {precision} digits")))
}

/// Bytes cut to what is needed. Padding is taken off.
fn sized(mut bytes: Vec<u8>, needed: usize, what: &str) -> Result<Vec<u8>, String> {
    if bytes.len() < needed {
        return Err(format!("{} bytes of {what} where {needed} are needed", bytes.len()));
    }
    if bytes.len() - needed >= PADDING_BYTES_MAX {
        return Err(format!("{} bytes of {what} where {needed} are enough", bytes.len()));
    }
    bytes.truncate(needed);
    Ok(bytes)
}

/// Bytes as a buffer that is aligned for values of `align` bytes, copied only if they happen not to be.
fn buffer_of(bytes: Vec<u8>, align: usize) -> Buffer {
    if bytes.is_empty() {
        // An empty vector points nowhere in particular; Arrow wants even that aligned.
        return MutableBuffer::new(0).into();
    }
    if bytes.as_ptr().addr().is_multiple_of(align) { Buffer::from_vec(bytes) } else { Buffer::from(bytes.as_slice()) }
}
