//! The event times of a column, in microseconds, and which of its rows have none. What happens to these is the source's.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, RecordBatch};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{
    DataType, Date32Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt32Type, UInt64Type,
};
use chrono::format::{Fixed, Item, Parsed, StrftimeItems, parse};
use weir_core::column_type::type_name;
use weir_core::connector::Source;
use weir_core::graph::EventTimeForm;
use weir_core::time::EVENT_TIMES_US;

use crate::dataflow::row_text::cell_text;

const SECOND_US: i64 = 1_000_000;
const DAY_US: i64 = 86_400 * SECOND_US;
/// Below, a time is probably a number of something else than was thought: 1971.
const PLAUSIBLE_FROM_US: i64 = 365 * DAY_US;
/// From here on, too: 2100.
const PLAUSIBLE_BEFORE_US: i64 = 47_482 * DAY_US;

/// Reads event times of one column.
#[derive(Clone, Debug)]
pub struct EventTimeReader {
    values: Values,
}

#[derive(Clone, Debug)]
enum Values {
    /// Timestamps of this unit, or whole numbers that count it.
    Units(TimeUnit),
    Days,
    Text {
        items: Arc<[Item<'static>]>,
        /// As it is written.
        format: Arc<str>,
    },
}

/// The event times of a column.
pub(crate) struct EventTimes {
    /// One per row, microseconds; of no meaning where there is none.
    pub(crate) times: ScalarBuffer<i64>,
    /// The rows without one, ascending.
    pub(crate) missing: Vec<usize>,
}

impl EventTimeReader {
    /// For a column of this type.
    ///
    /// # Errors
    /// Why it cannot be the event time, as a half sentence about the column, or about the format.
    pub fn new(form: &EventTimeForm, data_type: &DataType) -> Result<Self, String> {
        let values = match (form, data_type) {
            (EventTimeForm::Typed, DataType::Timestamp(unit, _)) => Values::Units(*unit),
            (EventTimeForm::Typed, DataType::Int64) => Values::Units(TimeUnit::Millisecond),
            (EventTimeForm::Typed, DataType::Date32) => Values::Days,
            (EventTimeForm::Count(unit), DataType::Int32 | DataType::Int64 | DataType::UInt32 | DataType::UInt64) => {
                Values::Units(*unit)
            }
            (EventTimeForm::Text(format), DataType::Utf8) => {
                Values::Text { items: items(format)?, format: format.as_str().into() }
            }
            (EventTimeForm::Count(_), other) => {
                return Err(format!(
                    "is {}; a unit is for whole numbers: int32, int64, uint32 or uint64",
                    type_name(other)
                ));
            }
            (EventTimeForm::Text(_), other) => return Err(format!("is {}; a format is for utf8", type_name(other))),
            (EventTimeForm::Typed, DataType::Utf8) => {
                return Err(
                    "is utf8; give the format of its times with `event-time = { column = \"..\", format = \"%Y-%m-%d \
                            %H:%M:%S\" }`, or give the column the type timestamp in `schema`"
                        .to_owned(),
                );
            }
            (EventTimeForm::Typed, other) => {
                return Err(format!(
                    "is {}; the event time is a timestamp, a date, an int64 of milliseconds, or what a `unit` or a `format` says",
                    type_name(other)
                ));
            }
        };
        Ok(Self { values })
    }

    /// The times of all rows.
    pub(crate) fn read(&self, column: &ArrayRef) -> EventTimes {
        let times = self.microseconds(column);
        // Without an early end the compiler makes vector code of it.
        let outside = times.iter().filter(|time| !EVENT_TIMES_US.contains(time)).count();
        let missing = match outside + column.null_count() {
            0 => Vec::new(),
            _ => {
                let is_missing = |row: &usize| column.is_null(*row) || !EVENT_TIMES_US.contains(&times[*row]);
                (0..column.len()).filter(is_missing).collect()
            }
        };
        EventTimes { times, missing }
    }

    /// Why a row has no event time.
    pub(crate) fn reason(&self, name: &str, column: &ArrayRef, row: usize) -> String {
        if column.is_null(row) {
            return format!("the event time column {name:?} is null");
        }
        let value = match column.data_type() {
            DataType::Timestamp(unit, _) => format!("{} {unit:?}s", number(column, row)),
            _ => cell_text(column, row),
        };
        match &self.values {
            Values::Text { format, .. } => {
                format!("the event time column {name:?} is {value:?}, which does not have the format {format:?}")
            }
            Values::Units(_) | Values::Days => format!(
                "the event time column {name:?} is {value}, which is outside the range of event times (about the years -257900 to 261800)"
            ),
        }
    }

    /// What is odd about the event times of a column: its numbers probably count something else. The first that is odd is told.
    #[must_use]
    pub(crate) fn doubt(&self, name: &str, column: &ArrayRef) -> Option<String> {
        let Values::Units(read_as) = self.values else { return None };
        if !column.data_type().is_integer() {
            return None;
        }
        let EventTimes { times, missing } = self.read(column);
        let is_plausible = |us: i64| (PLAUSIBLE_FROM_US..PLAUSIBLE_BEFORE_US).contains(&us);
        let doubtful = |row: &usize| {
            let is_missing = missing.binary_search(row).is_ok();
            !column.is_null(*row) && (is_missing || !times.get(*row).copied().is_some_and(is_plausible))
        };
        let row = (0..column.len()).find(doubtful)?;
        let time = *times.get(row)?;
        let date = match missing.binary_search(&row) {
            Err(_) => weir_core::time::utc_text(time),
            Ok(_) => "out of range".to_owned(),
        };
        let which =
            if row == 0 { "the first event time".to_owned() } else { format!("the event time of row {}", row + 1) };
        let (data_type, value) = (type_name(column.data_type()), number(column, row));
        if is_date_of_digits(value) {
            return Some(format!(
                "{which} is {date}: {data_type} {value} is read as {}; if it is a date, give the column the type utf8 in \
                 `schema` and set `event-time = {{ column = {name:?}, format = \"%Y%m%d\" }}`",
                long(read_as)
            ));
        }
        let units = [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond];
        let mut others = units.into_iter().filter(|unit| is_plausible(in_us(value, *unit)));
        // Small numbers are examples: there is nothing else that they could count.
        let other = others.next()?;
        Some(format!(
            "{which} is {date}: {data_type} {value} is read as {}; set `event-time = {{ column = {name:?}, unit = {:?} }}` \
             if it is {}",
            long(read_as),
            short(other),
            long(other)
        ))
    }

    /// The same of the first rows of a source without a sample: of one with a sample it was said before it ran.
    pub(super) fn doubt_unsampled(&self, source: &dyn Source, rows: &RecordBatch, column: usize) -> Option<String> {
        let is_sampled = || source.sample(0).is_some();
        let doubt = self.doubt(rows.schema().field(column).name(), rows.column(column));
        doubt.filter(|_| !is_sampled())
    }

    fn microseconds(&self, column: &ArrayRef) -> ScalarBuffer<i64> {
        match (&self.values, column.data_type()) {
            (Values::Text { items, .. }, _) => {
                let text = column.as_string::<i32>().iter();
                text.map(|text| text.and_then(|text| time_of(text, items)).unwrap_or(i64::MAX)).collect()
            }
            (Values::Days, _) => of::<Date32Type>(column, |days| i64::from(days).saturating_mul(DAY_US)),
            (Values::Units(TimeUnit::Microsecond), DataType::Timestamp(..)) => {
                column.as_primitive::<TimestampMicrosecondType>().values().clone()
            }
            (Values::Units(unit), data_type) => {
                let unit = *unit;
                match data_type {
                    DataType::Timestamp(TimeUnit::Second, _) => of::<TimestampSecondType>(column, |v| in_us(v, unit)),
                    DataType::Timestamp(TimeUnit::Millisecond, _) => {
                        of::<TimestampMillisecondType>(column, |v| in_us(v, unit))
                    }
                    DataType::Timestamp(..) => of::<TimestampNanosecondType>(column, |v| in_us(v, unit)),
                    DataType::Int32 => of::<Int32Type>(column, |v| in_us(v.into(), unit)),
                    DataType::UInt32 => of::<UInt32Type>(column, |v| in_us(v.into(), unit)),
                    DataType::UInt64 => {
                        of::<UInt64Type>(column, |v| i64::try_from(v).map_or(i64::MAX, |v| in_us(v, unit)))
                    }
                    _ => of::<Int64Type>(column, |v| in_us(v, unit)),
                }
            }
        }
    }
}

/// Whether a number is probably a date that is written without separators, as in 20240131.
fn is_date_of_digits(value: i64) -> bool {
    let (year, month, day) = (value / 10_000, value / 100 % 100, value % 100);
    (1971..2100).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day)
}

fn of<T: ArrowPrimitiveType>(column: &ArrayRef, us: impl Fn(T::Native) -> i64) -> ScalarBuffer<i64> {
    column.as_primitive::<T>().values().iter().map(|value| us(*value)).collect()
}

/// What is out of range stays so. A part of a microsecond belongs to the microsecond that it is in, before 1970 too.
#[inline]
fn in_us(value: i64, unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => value.saturating_mul(SECOND_US),
        TimeUnit::Millisecond => value.saturating_mul(1_000),
        TimeUnit::Microsecond => value,
        TimeUnit::Nanosecond => value.div_euclid(1_000),
    }
}

/// A value of a column of whole numbers or timestamps.
fn number(column: &ArrayRef, row: usize) -> i64 {
    let numbers = arrow::compute::cast(&column.slice(row, 1), &DataType::Int64);
    numbers.map_or(0, |numbers| numbers.as_primitive::<Int64Type>().values().first().copied().unwrap_or(0))
}

fn short(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    }
}

fn long(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "seconds",
        TimeUnit::Millisecond => "milliseconds",
        TimeUnit::Microsecond => "microseconds",
        TimeUnit::Nanosecond => "nanoseconds",
    }
}

/// The parts of a format.
fn items(format: &str) -> Result<Arc<[Item<'static>]>, String> {
    let items = StrftimeItems::new(format).parse_to_owned();
    let items = items.map_err(|_| {
        format!("cannot be read: {format:?} is not a format; write for example \"%d/%b/%Y:%H:%M:%S %z\"")
    })?;
    if items.iter().any(|item| matches!(item, Item::Fixed(Fixed::TimezoneName))) {
        return Err(format!(
            "cannot be read: %Z in {format:?} is the name of a zone, which does not tell the offset; use %z"
        ));
    }
    Ok(items.into())
}

/// A time without an offset is UTC, and one without a time of day midnight.
fn time_of(text: &str, items: &[Item<'static>]) -> Option<i64> {
    let mut parsed = Parsed::new();
    parse(&mut parsed, text, items.iter()).ok()?;
    if let Ok(time) = parsed.to_datetime() {
        return Some(time.timestamp_micros());
    }
    if parsed.offset().is_some() {
        return None;
    }
    if let Ok(time) = parsed.to_naive_datetime_with_offset(0) {
        return Some(time.and_utc().timestamp_micros());
    }
    let parts = [parsed.hour_div_12(), parsed.hour_mod_12(), parsed.minute(), parsed.second()];
    let has_time = parts.iter().any(Option::is_some);
    let date = parsed.to_naive_date().ok().filter(|_| !has_time)?;
    Some(date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros())
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        Date32Array, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray, TimestampNanosecondArray,
    };
    use arrow::array::{TimestampSecondArray, UInt64Array};

    use super::*;

    fn reader(form: &EventTimeForm, column: &ArrayRef) -> EventTimeReader {
        EventTimeReader::new(form, column.data_type()).unwrap()
    }

    fn check(form: &EventTimeForm, column: ArrayRef, expected: &[Option<i64>]) {
        let EventTimes { times, missing } = reader(form, &column).read(&column);
        let found: Vec<_> = (0..column.len()).map(|row| (!missing.contains(&row)).then_some(times[row])).collect();
        assert_eq!(found, expected, "{form:?} {column:?}");
    }

    #[test]
    fn event_times_are_microseconds_or_missing() {
        let typed = EventTimeForm::Typed;
        check(
            &typed,
            Arc::new(Int64Array::from(vec![Some(1), None, Some(i64::MAX), Some(-1)])),
            &[Some(1_000), None, None, Some(-1_000)],
        );
        check(&typed, Arc::new(TimestampNanosecondArray::from(vec![-1, 1_999])), &[Some(-1), Some(1)]);
        check(&typed, Arc::new(TimestampSecondArray::from(vec![i64::MIN, -1])), &[None, Some(-1_000_000)]);
        check(&typed, Arc::new(TimestampMicrosecondArray::from(vec![i64::MAX, 5])), &[None, Some(5)]);
        check(&typed, Arc::new(Date32Array::from(vec![1, i32::MAX])), &[Some(DAY_US), None]);
        check(&EventTimeForm::Count(TimeUnit::Second), Arc::new(Int32Array::from(vec![-2])), &[Some(-2_000_000)]);
        check(
            &EventTimeForm::Count(TimeUnit::Microsecond),
            Arc::new(UInt64Array::from(vec![7, u64::MAX])),
            &[Some(7), None],
        );
        check(&EventTimeForm::Count(TimeUnit::Nanosecond), Arc::new(Int64Array::from(vec![-1])), &[Some(-1)]);
    }

    #[test]
    fn text_has_the_form_that_was_given() {
        let check = |format: &str, texts: Vec<&str>, expected: &[Option<i64>]| {
            check(&EventTimeForm::Text(format.to_owned()), Arc::new(StringArray::from(texts)), expected);
        };
        let noon = 1_704_110_400_000_000;
        check(
            "%d/%b/%Y:%H:%M:%S %z",
            vec!["01/Jan/2024:14:00:00 +0200", "01/Jan/2024:12:00:00", ""],
            &[Some(noon), None, None],
        );
        check(
            "%Y-%m-%d %H:%M:%S%.f",
            vec!["2024-01-01 12:00:00.25", "2024-01-01 12:00:00"],
            &[Some(noon + 250_000), Some(noon)],
        );
        check("%d.%m.%Y", vec!["01.01.2024", "31.02.2024"], &[Some(noon - DAY_US / 2), None]);
        check("%s", vec!["1704110400", "-1"], &[Some(noon), None]);
        check("%d.%m.%Y %H", vec!["01.01.2024 12"], &[None]);
        check("%d.%m.%Y %I", vec!["01.01.2024 11"], &[None]);
    }

    #[test]
    fn forms_and_types_that_do_not_go_together_are_refused() {
        for (form, data_type, reason) in [
            (EventTimeForm::Typed, DataType::Float64, "is float64; the event time is"),
            (EventTimeForm::Typed, DataType::Utf8, "format = "),
            (EventTimeForm::Count(TimeUnit::Second), DataType::Float64, "a unit is for whole numbers"),
            (EventTimeForm::Count(TimeUnit::Second), DataType::Date32, "a unit is for whole numbers"),
            (EventTimeForm::Text("%Y".to_owned()), DataType::Int64, "a format is for utf8"),
            (EventTimeForm::Text("%Q".to_owned()), DataType::Utf8, "is not a format"),
            (EventTimeForm::Text("%Y %Z".to_owned()), DataType::Utf8, "use %z"),
        ] {
            let error = EventTimeReader::new(&form, &data_type).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn numbers_that_count_something_else_are_doubted() {
        let doubt = |form: EventTimeForm, value: i64| {
            let column: ArrayRef = Arc::new(Int64Array::from(vec![value]));
            reader(&form, &column).doubt("t", &column).unwrap_or_default()
        };
        let seconds = doubt(EventTimeForm::Typed, 1_704_067_200);
        assert_eq!(
            seconds,
            "the first event time is 1970-01-20T17:21:07.200Z: int64 1704067200 is read as milliseconds; set `event-time = { column = \
             \"t\", unit = \"s\" }` if it is seconds"
        );
        assert!(doubt(EventTimeForm::Typed, 1_704_067_200_000_000).ends_with("if it is microseconds"));
        assert!(doubt(EventTimeForm::Typed, 1_704_067_200_000_000_000).ends_with("if it is nanoseconds"));
        assert!(doubt(EventTimeForm::Count(TimeUnit::Second), 1_704_067_200_000).ends_with("if it is milliseconds"));
        assert_eq!(doubt(EventTimeForm::Typed, 5), "");
        let date = doubt(EventTimeForm::Typed, 20_240_101);
        assert!(
            date.starts_with("the first event time is 1970-01-01T05:37:20.101Z: int64 20240101 is read as"),
            "{date}"
        );
        assert!(date.ends_with("`event-time = { column = \"t\", format = \"%Y%m%d\" }`"), "{date}");
        assert_eq!(doubt(EventTimeForm::Typed, 1_704_067_200_000), "");
    }
}
