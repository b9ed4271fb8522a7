//! Values of a column of any type that can be ordered, each as bytes that are ordered like it. What leaves an accumulator is decoded: the
//! bytes are of one run only.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ListArray, new_empty_array};
use arrow::array::{AsArray, Float32Array, Float64Array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::kernels::numeric::add;
use arrow::datatypes::{DataType, Field, FieldRef, Float32Type, Float64Type};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, Rows, SortField};

/// Encodes the values of one column.
#[derive(Clone)]
pub(super) struct Encoder {
    converter: Arc<RowConverter>,
    data_type: DataType,
}

impl Encoder {
    /// For a type.
    ///
    /// # Errors
    /// If its values have no order.
    pub(super) fn new(data_type: &DataType) -> Result<Self, ArrowError> {
        let converter = Arc::new(RowConverter::new(vec![SortField::new(data_type.clone())])?);
        Ok(Self { converter, data_type: data_type.clone() })
    }

    pub(super) fn data_type(&self) -> &DataType {
        &self.data_type
    }

    /// The values of a column.
    pub(super) fn encode(&self, column: &ArrayRef) -> Result<Rows, ArrowError> {
        self.converter.convert_columns(std::slice::from_ref(column))
    }

    /// A column of values.
    pub(super) fn decode<'a>(&self, values: impl Iterator<Item = &'a [u8]>) -> Result<ArrayRef, ArrowError> {
        let parser = self.converter.parser();
        let (mut bytes, mut is_too_long) = (0_usize, false);
        let values = values.take_while(|value| {
            bytes += value.len();
            // An offset in a column has 31 bits.
            is_too_long = bytes > i32::MAX as usize;
            !is_too_long
        });
        let columns = self.converter.convert_rows(values.map(|value| parser.parse(value)))?;
        if is_too_long {
            return Err(ArrowError::OffsetOverflowError(bytes));
        }
        Ok(columns.into_iter().next().unwrap_or_else(|| new_empty_array(&self.data_type)))
    }

    /// A column of lists of values; no value is null.
    pub(super) fn decode_lists<'a>(&self, lists: impl Iterator<Item = Vec<&'a [u8]>>) -> Result<ArrayRef, ArrowError> {
        let lists: Vec<Vec<&[u8]>> = lists.collect();
        let values_max = lists.iter().map(Vec::len).sum::<usize>();
        if i32::try_from(values_max).is_err() {
            return Err(ArrowError::OffsetOverflowError(values_max));
        }
        let offsets = OffsetBuffer::from_lengths(lists.iter().map(Vec::len));
        let values = self.decode(lists.into_iter().flatten())?;
        Ok(Arc::new(ListArray::try_new(self.item_field(), offsets, values, None)?))
    }

    /// The type of [`Encoder::decode_lists`].
    pub(super) fn list_type(&self) -> DataType {
        DataType::List(self.item_field())
    }

    fn item_field(&self) -> FieldRef {
        Arc::new(Field::new_list_field(self.data_type.clone(), false))
    }
}

/// A column of floats in which all zeros are one value, and all that are no number; any other as it is.
pub(in crate::nodes) fn plain(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    Ok(match column.data_type() {
        // Zero and the negative zero are the positive one.
        DataType::Float32 => {
            let sum = add(column, &Float32Array::new_scalar(0.0))?;
            Arc::new(
                sum.as_primitive::<Float32Type>().unary::<_, Float32Type>(|v| if v.is_nan() { f32::NAN } else { v }),
            )
        }
        DataType::Float64 => {
            let sum = add(column, &Float64Array::new_scalar(0.0))?;
            Arc::new(
                sum.as_primitive::<Float64Type>().unary::<_, Float64Type>(|v| if v.is_nan() { f64::NAN } else { v }),
            )
        }
        _ => column.clone(),
    })
}
