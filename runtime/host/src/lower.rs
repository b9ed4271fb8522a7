//! Arrow columns on their way into a guest: nodes in pre-order, each with views of its buffers. Offsets are taken out here, so
//! that a guest always sees arrays that start at 0. Buffers are shared with the columns wherever Arrow's layout allows; the one
//! copy is the one into the guest's memory.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, GenericByteArray};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow::datatypes::{self as types, ByteArrayType, DataType, TimeUnit};

use crate::abi::{SharedBytes, to_guest};

/// Columns taken apart. Kept from call to call for its capacity.
#[derive(Debug, Default)]
pub(crate) struct LoweredColumns {
    nodes: Vec<LoweredNode>,
    buffers: Vec<Buffer>,
}

#[derive(Debug)]
struct LoweredNode {
    length: u32,
    null_count: u32,
    buffers: Range<usize>,
}

/// A column of a type that does not cross the boundary: the plan was not asked, or not heeded.
#[derive(Debug, thiserror::Error)]
#[error("a column of type {0} cannot be passed to an operator")]
pub(crate) struct UnsupportedColumn(DataType);

impl LoweredColumns {
    /// Forgets all columns.
    pub(crate) fn clear(&mut self) {
        self.nodes.clear();
        self.buffers.clear();
    }

    /// Views of the buffers, in order; what [`LoweredColumns::arrays`] takes.
    pub(crate) fn views(&self) -> Vec<&[u8]> {
        self.buffers.iter().map(Buffer::as_slice).collect()
    }

    /// The nodes over the views of their buffers.
    pub(crate) fn arrays<'a>(&self, views: &'a [&'a [u8]]) -> Vec<to_guest::Array<'a>> {
        let array = |node: &LoweredNode| to_guest::Array {
            length: node.length,
            null_count: node.null_count,
            buffers: &views[node.buffers.clone()],
        };
        self.nodes.iter().map(array).collect()
    }

    /// The nodes, each with its buffers.
    pub(crate) fn into_shared(self) -> Vec<to_guest::SharedArray> {
        let Self { nodes, buffers } = self;
        let array = |node: LoweredNode| to_guest::SharedArray {
            length: node.length,
            null_count: node.null_count,
            buffers: buffers[node.buffers].iter().cloned().map(SharedBytes).collect(),
        };
        nodes.into_iter().map(array).collect()
    }

    /// Adds a column.
    ///
    /// # Errors
    /// If its type does not cross the boundary.
    pub(crate) fn push(&mut self, array: &dyn Array) -> Result<(), UnsupportedColumn> {
        macro_rules! primitive {
            ($type:ty) => {
                self.flat(array, [array.as_primitive::<$type>().values().inner().clone()])
            };
        }
        match array.data_type() {
            DataType::Boolean => self.flat(array, [array.as_boolean().values().sliced()]),
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
            DataType::Decimal128(..) => primitive!(types::Decimal128Type),
            DataType::Utf8 => self.bytes(array.as_string::<i32>()),
            DataType::Binary => self.bytes(array.as_binary::<i32>()),
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                let (offsets, items) = from_zero(list.offsets());
                self.flat(array, [offsets]);
                return self.push(&list.values().slice(items.start, items.len()));
            }
            DataType::Struct(_) => {
                self.flat(array, []);
                return array.as_struct().columns().iter().try_for_each(|child: &ArrayRef| self.push(child));
            }
            other => return Err(UnsupportedColumn(other.clone())),
        }
        Ok(())
    }

    fn bytes<T: ByteArrayType<Offset = i32>>(&mut self, array: &GenericByteArray<T>) {
        let (offsets, bytes) = from_zero(array.offsets());
        self.flat(array, [offsets, array.values().slice_with_length(bytes.start, bytes.len())]);
    }

    fn flat<const N: usize>(&mut self, array: &dyn Array, values: [Buffer; N]) {
        let first = self.buffers.len();
        // A validity bitmap without nulls says nothing: it is not copied.
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
        self.buffers.push(nulls.map_or_else(|| Buffer::from_vec(Vec::<u8>::new()), bitmap));
        self.buffers.extend(values);
        self.nodes.push(LoweredNode {
            length: count(array.len()),
            null_count: count(nulls.map_or(0, NullBuffer::null_count)),
            buffers: first..self.buffers.len(),
        });
    }
}

/// A validity bitmap that starts at bit 0 and holds no byte too many.
fn bitmap(nulls: &NullBuffer) -> Buffer {
    nulls.inner().sliced()
}

/// Offsets that start at 0, and the range of values that they were over.
fn from_zero(offsets: &OffsetBuffer<i32>) -> (Buffer, Range<usize>) {
    let first = offsets.first();
    let range = first as usize..offsets.last() as usize;
    let offsets = if first == 0 {
        offsets.inner().inner().clone()
    } else {
        Buffer::from_vec(offsets.iter().map(|offset| offset - first).collect::<Vec<i32>>())
    };
    (offsets, range)
}

/// Columns have at most 2^32 - 1 values: offsets are int32, and batches have some thousand rows.
pub(crate) fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
