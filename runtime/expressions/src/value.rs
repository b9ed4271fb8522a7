//! [`Value`]: what a part of an expression is for the rows of a batch, one value per row or the same one for all.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Datum, Scalar, UInt32Array, new_null_array};
use arrow::compute::take;
use arrow::error::ArrowError;

/// One value per row, or one for all rows.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// One per row.
    Column(ArrayRef),
    /// An array of one value, which every row has.
    Same(ArrayRef),
}

impl Value {
    pub(crate) fn array(&self) -> &ArrayRef {
        match self {
            Self::Column(array) | Self::Same(array) => array,
        }
    }

    /// Where the value of a row is in [`Value::array`].
    pub(crate) fn at(&self, row: usize) -> usize {
        match self {
            Self::Column(_) => row,
            Self::Same(_) => 0,
        }
    }

    pub(crate) fn is_null(&self, row: usize) -> bool {
        self.array().is_null(self.at(row))
    }

    /// For Arrow's kernels.
    pub(crate) fn datum(&self) -> Box<dyn Datum> {
        match self {
            Self::Column(array) => Box::new(Arc::clone(array)),
            Self::Same(array) => Box::new(Scalar::new(Arc::clone(array))),
        }
    }

    /// One value per row, whatever it is.
    pub(crate) fn into_column(self, rows: usize) -> Result<ArrayRef, ArrowError> {
        match self {
            Self::Column(array) => Ok(array),
            Self::Same(array) if array.is_null(0) => Ok(new_null_array(array.data_type(), rows)),
            Self::Same(array) => take(&array, &UInt32Array::from(vec![0; rows]), None),
        }
    }

    pub(crate) fn of_booleans(array: BooleanArray) -> Self {
        Self::Column(Arc::new(array))
    }
}
