//! Functions of times. They work in the zone of the column's type, and in UTC if it has none; no function reads a clock.

mod conversions;
mod parts;

use arrow::array::timezone::Tz;
use arrow::datatypes::{DataType, TimeUnit};
use weir_core::column_type::type_name;

use super::{Bind, BindError, Function, Given};
use crate::casts::zone_of;
use crate::types::timestamp;

pub(super) const FUNCTIONS: [Function; 7] = [
    Function {
        name: "date_trunc",
        arguments: "unit, time",
        meaning: "the beginning of its `microsecond`, `millisecond`, `second`, `minute`, `hour`, `day`, `week` (Monday), `month`, `quarter` or `year`",
        example: "date_trunc('hour', timestamp '2024-02-29 05:17:00')",
        result: "2024-02-29T05:00:00Z",
        arity: 2..=2,
        bind: Bind::Call(parts::date_trunc),
    },
    Function {
        name: "date_part",
        arguments: "unit, time",
        meaning: "its `year`, `quarter`, `month`, `week` (ISO), `day`, `doy`, `dow` (Sunday is 0), `isodow` (Monday is 1), `hour`, `minute`, `second`, `millisecond` or `microsecond` (of the second), int64; also `extract(hour from time)`",
        example: "date_part('dow', date '2024-02-29')",
        result: "4",
        arity: 2..=2,
        bind: Bind::Call(parts::date_part),
    },
    Function {
        name: "to_timestamp",
        arguments: "number or text, unit or format",
        meaning: "an integer of `'s'`, `'ms'`, `'us'` or `'ns'` since 1970, or a text in the placeholders of strftime (without `%z` it is UTC, without a time of day midnight), as a timestamp",
        example: "to_timestamp('29/Feb/2024:05:17:00 +0100', '%d/%b/%Y:%H:%M:%S %z')",
        result: "2024-02-29T04:17:00Z",
        arity: 2..=2,
        bind: Bind::Call(conversions::to_timestamp),
    },
    Function {
        name: "strftime",
        arguments: "time, format",
        meaning: "the time as text, in the placeholders of strftime",
        example: "strftime(timestamp '2024-02-29 05:17:00', '%Y/%m/%d')",
        result: "2024/02/29",
        arity: 2..=2,
        bind: Bind::Call(conversions::strftime),
    },
    Function {
        name: "epoch_s",
        arguments: "time or interval",
        meaning: "whole seconds since 1970, or in an interval, int64; a fraction is rounded down",
        example: "epoch_s(timestamp '1970-01-02 00:00:00')",
        result: "86400",
        arity: 1..=1,
        bind: Bind::Call(|given| conversions::epoch(given, TimeUnit::Second)),
    },
    Function {
        name: "epoch_ms",
        arguments: "time or interval",
        meaning: "as `epoch_s`, in milliseconds",
        example: "epoch_ms(timestamp '2024-01-01 00:01:00' - timestamp '2024-01-01 00:00:00')",
        result: "60000",
        arity: 1..=1,
        bind: Bind::Call(|given| conversions::epoch(given, TimeUnit::Millisecond)),
    },
    Function {
        name: "epoch_us",
        arguments: "time or interval",
        meaning: "as `epoch_s`, in microseconds",
        example: "epoch_us(interval '1.5 ms')",
        result: "1500",
        arity: 1..=1,
        bind: Bind::Call(|given| conversions::epoch(given, TimeUnit::Microsecond)),
    },
];

/// The type of a time, by the index of the argument: a date is taken as the timestamp of its midnight, and so is a text in quotes.
fn time_type(given: &[Given<'_>], index: usize) -> Result<DataType, BindError> {
    match given.get(index) {
        Some(Given { data_type: DataType::Timestamp(..), .. }) => Ok(given[index].data_type.clone()),
        None | Some(Given { data_type: DataType::Date32 | DataType::Null, .. }) => Ok(timestamp()),
        Some(Given { data_type: DataType::Utf8, constant: Some(_) }) => Ok(timestamp()),
        Some(other) => {
            let hint = if *other.data_type == DataType::Utf8 {
                ": cast it, or read it with to_timestamp(text, format)"
            } else {
                ""
            };
            Err(BindError::of(index, format!("this is {}, but must be a time{hint}", type_name(other.data_type))))
        }
    }
}

/// How many of the type's unit are a second, and the zone whose clocks count; `None`: UTC.
fn unit_and_zone(data_type: &DataType) -> Result<(i64, Option<Tz>), BindError> {
    let DataType::Timestamp(unit, zone) = data_type else { return Err(BindError::of(0, "this is no time")) };
    let no_zone = |_| BindError::of(0, format!("there is no zone {:?}", zone.as_deref().unwrap_or_default()));
    let zone = zone_of(zone.as_deref()).map_err(no_zone)?;
    Ok((crate::arrays::per_second(*unit), zone))
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, error, reason, table};

    #[test]
    fn times_are_cut_and_taken_apart() {
        let rows = table(
            "t timestamp, d date32",
            &["2024-02-29T05:17:59.123456Z,2024-12-31", ",", "1969-12-31T23:59:59.5Z,1970-01-01"],
        );
        check(
            &rows,
            &[
                ("date_trunc('minute', t)", "2024-02-29T05:17:00Z null 1969-12-31T23:59:00Z"),
                ("date_trunc('day', t)", "2024-02-29T00:00:00Z null 1969-12-31T00:00:00Z"),
                ("date_trunc('week', t)", "2024-02-26T00:00:00Z null 1969-12-29T00:00:00Z"),
                ("date_trunc('month', t)", "2024-02-01T00:00:00Z null 1969-12-01T00:00:00Z"),
                ("date_trunc('quarter', d)", "2024-10-01T00:00:00Z null 1970-01-01T00:00:00Z"),
                ("date_trunc('year', t)", "2024-01-01T00:00:00Z null 1969-01-01T00:00:00Z"),
                ("date_trunc('millisecond', t)", "2024-02-29T05:17:59.123Z null 1969-12-31T23:59:59.500Z"),
                ("extract(year from t)", "2024 null 1969"),
                ("extract(quarter from d)", "4 null 1"),
                ("extract(doy from d)", "366 null 1"),
                ("extract(dow from d)", "2 null 4"),
                ("date_part('isodow', d)", "2 null 4"),
                ("date_part('week', d)", "1 null 1"),
                ("extract(hour from t)", "5 null 23"),
                ("extract(second from t)", "59 null 59"),
                ("date_part('millisecond', t)", "123 null 500"),
                ("date_part('microsecond', t)", "123456 null 500000"),
                ("strftime(t, '%H:%M')", "05:17 null 23:59"),
                ("epoch_s(t)", "1709183879 null -1"),
                ("epoch_ms(t)", "1709183879123 null -500"),
                ("epoch_us(t - d)", "-26419320876544 null -500000"),
            ],
        );
        assert_eq!(
            error("extract(epoch from t)", &rows.schema()),
            "\"epoch\" is not a part of a time: epoch_s(time), epoch_ms(time) and epoch_us(time) are [t]"
        );
        assert_eq!(
            error("date_trunc('hours', t)", &rows.schema()).split(';').next(),
            Some("there is no unit \"hours\"")
        );
    }

    #[test]
    fn clocks_of_zones_count() {
        // Half an hour before clocks were put back, and after it.
        let rows = table(
            "t timestamp(us,Europe/Berlin)",
            &["2024-10-27T00:30:00Z", "2024-10-27T01:30:00Z", "2024-07-01T22:30:00Z"],
        );
        check(
            &rows,
            &[
                ("extract(hour from t)", "2 2 0"),
                ("epoch_s(date_trunc('day', t)) - epoch_s(t)", "-9000 -12600 -1800"),
                ("strftime(t, '%d %H:%M %z')", "27 02:30 +0200 27 02:30 +0100 02 00:30 +0200"),
                ("cast(t as date)", "2024-10-27 2024-10-27 2024-07-02"),
            ],
        );
    }

    #[test]
    fn integers_and_texts_become_times() {
        let rows =
            table("n int64, t utf8", &["1,29.02.2024", "-1,29.02.2024 05:17", ",", "9223372036854775807,30.02.2024"]);
        check(
            &rows,
            &[
                ("to_timestamp(n, 's')", "1970-01-01T00:00:01Z 1969-12-31T23:59:59Z null !"),
                ("to_timestamp(n, 'ms')", "1970-01-01T00:00:00.001Z 1969-12-31T23:59:59.999Z null !"),
                ("to_timestamp(t, '%d.%m.%Y')", "2024-02-29T00:00:00Z ! null !"),
            ],
        );
        assert_eq!(
            reason("to_timestamp(t, '%d.%m.%Y')", &rows),
            "to_timestamp(t, '%d.%m.%Y'): \"29.02.2024 05:17\" does not have the format"
        );
        assert_eq!(error("to_timestamp(n, 'h')", &rows.schema()), "the unit is 's', 'ms', 'us' or 'ns' ['h']");
        assert_eq!(error("to_timestamp(t, '%Q')", &rows.schema()), "\"%Q\" has an unknown placeholder ['%Q']");
        // Of nanoseconds, which no microsecond holds.
        check(&table("n int64", &["1500"]), &[("epoch_us(to_timestamp(n, 'ns'))", "1")]);
    }
}
