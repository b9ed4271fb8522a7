//! Which dates and times can be written as such. Beyond them a timestamp or a date is a number that no text stands for, so it is
//! refused where it comes in: by sources, and in what operators make. Nothing here converts a value.

use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray, TimestampMicrosecondArray};
use arrow::datatypes::{
    DataType, Date32Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow::util::display::array_value_to_string;

/// What dates and times can be, in words.
pub const CALENDAR: &str = "the years -262143 to 262142";
/// The same in days since 1970: those that the library for dates has.
const DAYS: RangeInclusive<i32> = -96_465_292..=95_026_236;
const SECONDS_PER_DAY: i64 = 86_400;
/// Event times, microseconds: about the years -257,900 to 261,800, so that the bounds of windows around them are in the calendar too.
pub const EVENT_TIMES_US: RangeInclusive<i64> = -8_200_000_000_000_000_000..=8_200_000_000_000_000_000;

/// A time in microseconds as text, such as `2013-01-01T05:17:00Z`.
#[must_use]
pub fn utc_text(time_us: i64) -> String {
    let time: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![time_us]).with_timezone("+00:00"));
    array_value_to_string(&time, 0).unwrap_or_else(|_| format!("{time_us} microseconds after 1970"))
}

/// The first row with a date or a time that is not in the [calendar](CALENDAR), also within a list or a struct.
#[must_use]
pub fn first_outside_calendar(array: &dyn Array) -> Option<usize> {
    let seconds =
        i64::from(*DAYS.start()) * SECONDS_PER_DAY..=i64::from(*DAYS.end()) * SECONDS_PER_DAY + SECONDS_PER_DAY - 1;
    let per_second = |units: i64| seconds.start() * units..=seconds.end() * units + units - 1;
    match array.data_type() {
        DataType::Date32 => first_outside(array.as_primitive::<Date32Type>(), &DAYS),
        DataType::Timestamp(TimeUnit::Second, _) => {
            first_outside(array.as_primitive::<TimestampSecondType>(), &seconds)
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            first_outside(array.as_primitive::<TimestampMillisecondType>(), &per_second(1_000))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            first_outside(array.as_primitive::<TimestampMicrosecondType>(), &per_second(1_000_000))
        }
        // All of them are between 1677 and 2262.
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            first_outside(array.as_primitive::<TimestampNanosecondType>(), &(i64::MIN..=i64::MAX))
        }
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            first_outside_calendar(list.values())?;
            (0..list.len()).find(|row| list.is_valid(*row) && first_outside_calendar(&list.value(*row)).is_some())
        }
        DataType::Struct(_) => {
            let fields = array.as_struct();
            fields.columns().iter().find_map(|column| first_outside_calendar(column))?;
            let is_outside = |row| fields.columns().iter().any(|c| first_outside_calendar(&c.slice(row, 1)).is_some());
            (0..fields.len()).find(|row| fields.is_valid(*row) && is_outside(*row))
        }
        _ => None,
    }
}

fn first_outside<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>, range: &RangeInclusive<T::Native>) -> Option<usize>
where
    T::Native: PartialOrd + Copy,
{
    // Without an early end the compiler makes vector code of it, and mostly there is nothing to find.
    let outside = array.values().iter().filter(|value| !range.contains(value)).count();
    if outside == 0 {
        return None;
    }
    (0..array.len()).find(|row| array.is_valid(*row) && !range.contains(&array.value(*row)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::TimestampNanosecondArray;
    use arrow::array::{
        ArrayRef, Date32Array, ListArray, StructArray, TimestampMillisecondArray, TimestampSecondArray,
    };
    use arrow::buffer::OffsetBuffer;
    use arrow::datatypes::Field;
    use arrow::util::display::{ArrayFormatter, FormatOptions};

    use super::*;

    /// What is in the calendar is exactly what has a text.
    #[test]
    fn the_calendar_is_what_can_be_written() {
        let zone = "+00:00";
        let (first, last) = (-96_465_292_i64 * 86_400, 95_026_237_i64 * 86_400 - 1);
        let arrays: [ArrayRef; 5] = [
            Arc::new(Date32Array::from(vec![-96_465_293, -96_465_292, 95_026_236, 95_026_237, i32::MIN, i32::MAX])),
            Arc::new(TimestampSecondArray::from(vec![first - 1, first, last, last + 1, i64::MIN]).with_timezone(zone)),
            Arc::new(
                TimestampMillisecondArray::from(vec![
                    first * 1000 - 1,
                    first * 1000,
                    last * 1000 + 999,
                    last * 1000 + 1000,
                ])
                .with_timezone(zone),
            ),
            Arc::new(
                TimestampMicrosecondArray::from(vec![first * 1_000_000 - 1, first * 1_000_000, i64::MIN, i64::MAX])
                    .with_timezone(zone),
            ),
            Arc::new(TimestampNanosecondArray::from(vec![i64::MIN, -1, i64::MAX]).with_timezone(zone)),
        ];
        for array in arrays {
            let options = FormatOptions::new();
            let texts = ArrayFormatter::try_new(&array, &options).unwrap();
            for row in 0..array.len() {
                let has_text = texts.value(row).try_to_string().is_ok();
                assert_eq!(first_outside_calendar(&array.slice(row, 1)).is_none(), has_text, "{array:?} {row}");
            }
        }
    }

    #[test]
    fn nulls_and_nested_values_count_as_they_are_seen() {
        let days: ArrayRef = Arc::new(Date32Array::from(vec![Some(0), Some(i32::MAX), None, Some(1)]));
        assert_eq!(first_outside_calendar(&days), Some(1));
        let nulls = Some(vec![true, false, true, true].into());
        let hidden =
            StructArray::new(vec![Field::new("d", DataType::Date32, true)].into(), vec![Arc::clone(&days)], nulls);
        assert_eq!(first_outside_calendar(&hidden), None);
        let offsets = OffsetBuffer::from_lengths([1, 0, 3]);
        let list = ListArray::new(Arc::new(Field::new("item", DataType::Date32, true)), offsets, days, None);
        assert_eq!(first_outside_calendar(&list), Some(2));
        assert_eq!(first_outside_calendar(&list.slice(0, 2)), None);
    }
}
