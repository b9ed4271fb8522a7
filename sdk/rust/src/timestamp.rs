//! Instants, in one type for each unit. A column of a coarser unit can be read as a finer type, never the other way round: no
//! digit is lost unsaid. An instant that the finer type cannot hold refuses its row. What an operator writes is in UTC.

use crate::builder::FixedBuilder;
use crate::column::{ColumnRef, Validity, value};
use crate::value::{NULL, ReadValue, Value, leaf};
use crate::wire::{Field, Node};

/// How many units a second has, by the letter of the format `ts?:ZONE`.
fn units_per_second(column: &[Field]) -> Option<i64> {
    match column.first()?.format.strip_prefix("ts")?.as_bytes() {
        [b's', b':', ..] => Some(1),
        [b'm', b':', ..] => Some(1_000),
        [b'u', b':', ..] => Some(1_000_000),
        [b'n', b':', ..] => Some(1_000_000_000),
        _ => None,
    }
}

/// A column of instants.
#[derive(Clone, Copy, Debug, Default)]
pub struct TimestampReader<'a> {
    values: &'a [[u8; 8]],
    validity: Validity<'a>,
    /// From the column's unit to the type's.
    factor: i64,
}

macro_rules! timestamp {
    ($(#[$doc:meta])* $type:ident, $format:literal, $per_second:literal, $unit:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(pub i64);

        impl Value for $type {
            type Builder = FixedBuilder<8>;

            fn fields(name: &str, fields: &mut Vec<Field>) {
                fields.push(leaf(name, $format));
            }

            fn builder(rows: usize) -> Self::Builder {
                FixedBuilder::new(rows)
            }

            #[inline]
            fn write(&self, builder: &mut Self::Builder) {
                builder.push(self.0.to_le_bytes());
            }

            fn write_null(builder: &mut Self::Builder) {
                builder.push([0; 8]);
            }

            fn finish(builder: Self::Builder, arrays: &mut Vec<Node>) {
                arrays.push(builder.finish());
            }
        }

        impl<'a> ReadValue<'a> for $type {
            type Reader = TimestampReader<'a>;

            fn accepts(column: &[Field]) -> bool {
                units_per_second(column).is_some_and(|units| units <= $per_second)
            }

            fn needs() -> String {
                concat!("a timestamp of ", $unit, " or coarser").to_owned()
            }

            fn open(column: ColumnRef<'a>) -> Result<Self::Reader, String> {
                let factor = units_per_second(column.fields).map_or(1, |units| $per_second / units);
                Ok(TimestampReader { values: column.fixed()?, validity: column.validity()?, factor })
            }

            #[inline]
            fn read(reader: &Self::Reader, row: usize) -> Self {
                let raw = i64::from_le_bytes(value(reader.values, row));
                // What does not fit has been refused, or is null.
                Self(raw.wrapping_mul(reader.factor))
            }

            fn validity(reader: &Self::Reader) -> Validity<'a> {
                reader.validity
            }

            fn inner_nulls(reader: &Self::Reader) -> bool {
                reader.factor > 1
            }

            fn inner_complete(reader: &Self::Reader, row: usize) -> bool {
                i64::from_le_bytes(value(reader.values, row)).checked_mul(reader.factor).is_some()
            }

            fn misfit(reader: &Self::Reader, row: usize) -> &'static str {
                if reader.validity.is_valid(row) { concat!("is out of range in ", $unit) } else { NULL }
            }
        }
    };
}

timestamp! {
    /// An instant: microseconds since the epoch. The unit of event times and timers.
    Timestamp, "tsu:UTC", 1_000_000, "microseconds"
}
timestamp! {
    /// An instant: seconds since the epoch.
    TimestampSeconds, "tss:UTC", 1, "seconds"
}
timestamp! {
    /// An instant: milliseconds since the epoch.
    TimestampMillis, "tsm:UTC", 1_000, "milliseconds"
}
timestamp! {
    /// An instant: nanoseconds since the epoch.
    TimestampNanos, "tsn:UTC", 1_000_000_000, "nanoseconds"
}
