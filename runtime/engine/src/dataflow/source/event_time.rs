//! Which columns can be the event time, and what their values are in microseconds. What becomes of nulls is the source's.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::ScalarBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit};
use weir_core::column_type::type_name;

use crate::dataflow::operator::OperatorError;

/// Whether a column of this type can be the event time.
#[must_use]
pub fn is_event_time(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(..) | DataType::Int64 | DataType::Date32)
}

/// Event times in microseconds; an int64 is milliseconds.
pub(super) fn microseconds(column: &ArrayRef) -> Result<ScalarBuffer<i64>, OperatorError> {
    let per_value = match column.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => 1_000_000,
        DataType::Timestamp(TimeUnit::Millisecond, _) | DataType::Int64 => 1_000,
        DataType::Timestamp(TimeUnit::Microsecond, _) => 1,
        DataType::Timestamp(TimeUnit::Nanosecond, _) | DataType::Date32 => {
            let target = DataType::Timestamp(TimeUnit::Microsecond, None);
            let micros = cast(&cast(column, &target)?, &DataType::Int64)?;
            return Ok(micros.as_primitive::<Int64Type>().values().clone());
        }
        other => {
            return Err(OperatorError::Call(format!("a column of type {} cannot be the event time", type_name(other))));
        }
    };
    let data = column.to_data();
    let values = ScalarBuffer::<i64>::new(data.buffers()[0].clone(), data.offset(), data.len());
    if per_value == 1 {
        return Ok(values);
    }
    // A time beyond the range of microseconds (292,000 years) saturates instead of wrapping into the past.
    Ok(values.iter().map(|v| v.saturating_mul(per_value)).collect::<Vec<i64>>().into())
}
