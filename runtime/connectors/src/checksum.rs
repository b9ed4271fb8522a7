//! The order-insensitive checksum of rows: every row is hashed over its columns in order, the hashes are added up, wrapping.
//!
//! `rowhash(f1..fk)`: `h = 0`, then for each field `h = mix((h + GAMMA) ^ f)`. What a field is, by its type:
//!
//! | type | field |
//! |---|---|
//! | integers, date32 | the value, sign-extended to 64 bits |
//! | bool | 0 or 1 |
//! | timestamp | **milliseconds** since the epoch, rounded down, whatever its unit |
//! | float32, float64 | its bits |
//! | decimal128 | two fields: the low and the high 64 bits of the unscaled value |
//! | utf8, binary | see [`StringHash`] |
//! | list | the rowhash of its elements' rowhashes |
//! | struct | the rowhash of its fields |
//! | null, of any type | [`NULL_FIELD`] |
//!
//! A vector of hashes is carried over a batch and updated column by column; nothing is allocated a row.

use arrow::array::{Array, AsArray, BooleanArray, GenericByteArray, ListArray, PrimitiveArray, StructArray};
use arrow::datatypes::{
    ArrowPrimitiveType, ByteArrayType, DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, Schema, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use serde::Deserialize;
use weir_core::batch::StreamBatch;

/// What a null is hashed as: the ASCII bytes `weirnull`.
pub const NULL_FIELD: u64 = 0x7765_6972_6E75_6C6C;

const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// How text and bytes become a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StringHash {
    /// FNV-1a, 64 bits, of all bytes.
    #[default]
    Fnv,
    /// Length * 256 + last byte (0 if empty): the value is touched, but no hash is paid for.
    Touch,
}

/// Values that are hashed together: a processor works on so many at once, as each of their bytes waits for the one before it.
const LANES: usize = 4;

impl StringHash {
    fn fields(self, values: [&[u8]; LANES]) -> [u64; LANES] {
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        match self {
            Self::Fnv => {
                let common = values.iter().map(|value| value.len()).min().unwrap_or(0);
                let [a, b, c, d] = values.map(|value| &value[..common]);
                let mut hashes = [0xcbf2_9ce4_8422_2325; LANES];
                for (((a, b), c), d) in a.iter().zip(b).zip(c).zip(d) {
                    hashes = [step(hashes[0], a), step(hashes[1], b), step(hashes[2], c), step(hashes[3], d)];
                }
                std::array::from_fn(|lane| values[lane][common..].iter().fold(hashes[lane], step))
            }
            Self::Touch => {
                values.map(|value| ((value.len() as u64) << 8) + u64::from(value.last().copied().unwrap_or(0)))
            }
        }
    }
}

/// Adds up the hashes of rows.
#[derive(Debug, Default)]
pub struct RowChecksum {
    strings: StringHash,
    sum: u64,
    hashes: Vec<u64>,
}

impl RowChecksum {
    /// Of no row yet.
    #[must_use]
    pub fn new(strings: StringHash) -> Self {
        Self { strings, sum: 0, hashes: Vec::new() }
    }

    /// The first column, if any, that has a type which cannot be hashed: its name and the type.
    #[must_use]
    pub fn unsupported(schema: &Schema) -> Option<(&str, &DataType)> {
        schema.fields().iter().find(|f| !is_supported(f.data_type())).map(|f| (f.name().as_str(), f.data_type()))
    }

    /// Adds the rows of a batch; of rows that are taken back it takes the hashes away again, so that the sum is that of the table which
    /// the stream describes. Columns of a type that [`RowChecksum::unsupported`] names are ignored.
    pub fn update(&mut self, batch: &StreamBatch) {
        self.hashes.clear();
        self.hashes.resize(batch.len(), 0);
        for column in batch.rows.columns() {
            add_column(&mut self.hashes, column, self.strings);
        }
        self.sum = self.hashes.iter().enumerate().fold(self.sum, |sum, (row, hash)| {
            if batch.row_kind(row).takes_back() { sum.wrapping_sub(*hash) } else { sum.wrapping_add(*hash) }
        });
    }

    /// The sum so far.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.sum
    }
}

/// `mix((hash + GAMMA) ^ field)`.
#[inline]
fn add_field(hash: u64, field: u64) -> u64 {
    let mut z = hash.wrapping_add(GAMMA) ^ field;
    z ^= z >> 30;
    z = z.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z ^= z >> 27;
    z = z.wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn is_supported(data_type: &DataType) -> bool {
    use DataType as T;
    match data_type {
        T::Boolean | T::Float32 | T::Float64 | T::Utf8 | T::Binary | T::Date32 => true,
        T::Timestamp(..) | T::Decimal128(..) => true,
        T::List(item) => is_supported(item.data_type()),
        T::Struct(fields) => fields.iter().all(|field| is_supported(field.data_type())),
        other => other.is_integer(),
    }
}

/// Takes one column into the hashes of its rows.
fn add_column(hashes: &mut [u64], column: &dyn Array, strings: StringHash) {
    use DataType as T;
    match column.data_type() {
        T::Boolean => add_booleans(hashes, column.as_boolean()),
        T::Int8 => add_values::<Int8Type>(hashes, column, |v| i64::from(v) as u64),
        T::Int16 => add_values::<Int16Type>(hashes, column, |v| i64::from(v) as u64),
        T::Int32 => add_values::<Int32Type>(hashes, column, |v| i64::from(v) as u64),
        T::Int64 => add_values::<Int64Type>(hashes, column, |v| v as u64),
        T::UInt8 => add_values::<UInt8Type>(hashes, column, u64::from),
        T::UInt16 => add_values::<UInt16Type>(hashes, column, u64::from),
        T::UInt32 => add_values::<UInt32Type>(hashes, column, u64::from),
        T::UInt64 => add_values::<UInt64Type>(hashes, column, |v| v),
        T::Float32 => add_values::<Float32Type>(hashes, column, |v| u64::from(v.to_bits())),
        T::Float64 => add_values::<Float64Type>(hashes, column, f64::to_bits),
        T::Date32 => add_values::<Date32Type>(hashes, column, |v| i64::from(v) as u64),
        T::Timestamp(TimeUnit::Second, _) => {
            add_values::<TimestampSecondType>(hashes, column, |v| v.wrapping_mul(1000) as u64);
        }
        T::Timestamp(TimeUnit::Millisecond, _) => {
            add_values::<TimestampMillisecondType>(hashes, column, |v| v as u64);
        }
        T::Timestamp(TimeUnit::Microsecond, _) => {
            add_values::<TimestampMicrosecondType>(hashes, column, |v| v.div_euclid(1000) as u64);
        }
        T::Timestamp(TimeUnit::Nanosecond, _) => {
            add_values::<TimestampNanosecondType>(hashes, column, |v| v.div_euclid(1_000_000) as u64);
        }
        T::Decimal128(..) => add_decimals(hashes, column.as_primitive::<Decimal128Type>()),
        T::Utf8 => add_bytes(hashes, column.as_string::<i32>(), strings),
        T::Binary => add_bytes(hashes, column.as_binary::<i32>(), strings),
        T::List(_) => add_lists(hashes, column.as_list::<i32>(), strings),
        T::Struct(_) => add_structs(hashes, column.as_struct(), strings),
        _ => {}
    }
}

fn add_values<T: ArrowPrimitiveType>(hashes: &mut [u64], column: &dyn Array, field: impl Fn(T::Native) -> u64) {
    let column: &PrimitiveArray<T> = column.as_primitive();
    let values = hashes.iter_mut().zip(column.values());
    match column.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => values.for_each(|(hash, value)| *hash = add_field(*hash, field(*value))),
        Some(nulls) => values.zip(nulls).for_each(|((hash, value), is_valid)| {
            *hash = add_field(*hash, if is_valid { field(*value) } else { NULL_FIELD });
        }),
    }
}

fn add_booleans(hashes: &mut [u64], column: &BooleanArray) {
    for (hash, value) in hashes.iter_mut().zip(column) {
        *hash = add_field(*hash, value.map_or(NULL_FIELD, u64::from));
    }
}

fn add_decimals(hashes: &mut [u64], column: &PrimitiveArray<Decimal128Type>) {
    for (hash, value) in hashes.iter_mut().zip(column) {
        *hash = match value {
            Some(value) => add_field(add_field(*hash, value as u64), (value >> 64) as u64),
            None => add_field(*hash, NULL_FIELD),
        };
    }
}

fn add_bytes<T: ByteArrayType<Offset = i32>>(hashes: &mut [u64], column: &GenericByteArray<T>, strings: StringHash) {
    let (data, offsets) = (column.value_data(), column.value_offsets());
    let value = |row: usize| match offsets.get(row..=row + 1) {
        Some(&[start, end]) => &data[start as usize..end as usize],
        _ => &[],
    };
    for (chunk, hashes) in hashes.chunks_mut(LANES).enumerate() {
        let first = chunk * LANES;
        let fields = strings.fields(std::array::from_fn(|lane| value(first + lane)));
        for (lane, (hash, field)) in hashes.iter_mut().zip(fields).enumerate() {
            *hash = add_field(*hash, if column.is_valid(first + lane) { field } else { NULL_FIELD });
        }
    }
}

fn add_lists(hashes: &mut [u64], column: &ListArray, strings: StringHash) {
    let mut elements = vec![0; column.values().len()];
    add_column(&mut elements, column.values(), strings);
    for (row, (hash, ends)) in hashes.iter_mut().zip(column.value_offsets().windows(2)).enumerate() {
        let field = match ends {
            [start, end] if column.is_valid(row) => {
                elements[*start as usize..*end as usize].iter().fold(0, |list, element| add_field(list, *element))
            }
            _ => NULL_FIELD,
        };
        *hash = add_field(*hash, field);
    }
}

fn add_structs(hashes: &mut [u64], column: &StructArray, strings: StringHash) {
    let mut fields = vec![0; column.len()];
    for child in column.columns() {
        add_column(&mut fields, child, strings);
    }
    for (row, (hash, field)) in hashes.iter_mut().zip(fields).enumerate() {
        *hash = add_field(*hash, if column.is_valid(row) { field } else { NULL_FIELD });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, TimestampMillisecondArray,
    };
    use weir_core::batch::RowKinds;

    use super::*;

    fn batch(columns: Vec<ArrayRef>) -> StreamBatch {
        let names = ["a", "b", "c"].into_iter();
        let rows = RecordBatch::try_from_iter(names.zip(columns)).unwrap();
        assert_eq!(RowChecksum::unsupported(&rows.schema()), None);
        let times = vec![0; rows.num_rows()];
        StreamBatch::new(rows, times.into(), 0)
    }

    fn checksum(columns: Vec<ArrayRef>) -> u64 {
        let mut checksum = RowChecksum::new(StringHash::Fnv);
        checksum.update(&batch(columns));
        checksum.value()
    }

    #[test]
    fn rows_that_are_taken_back_no_longer_count() {
        let mut changes = batch(vec![Arc::new(Int64Array::from(vec![7, 5, 7, 8, 5]))]);
        // Inserts 7 and 5, updates 7 to 8, deletes 5.
        changes.row_kinds = RowKinds::new(vec![0, 0, 1, 2, 3].into());
        let mut sum = RowChecksum::new(StringHash::Fnv);
        sum.update(&changes);
        assert_eq!(sum.value(), checksum(vec![Arc::new(Int64Array::from(vec![8]))]));
    }

    /// The values are those of the authors' own test of FNV-1a.
    #[test]
    fn texts_of_any_lengths_are_hashed_as_each_alone() {
        let known = [
            ("", 0xcbf2_9ce4_8422_2325),
            ("a", 0xaf63_dc4c_8601_ec8c),
            ("foobar", 0x8594_4171_f739_67e8),
            ("foo", 0xdcb2_7518_fed9_d577),
        ];
        let fields = StringHash::Fnv.fields(known.map(|(text, _)| text.as_bytes()));
        assert_eq!(fields, known.map(|(_, hash)| hash));
        let texts = || ["a", "foobar", "", "foo", "a", "b"].into_iter();
        let alone = texts().map(|text| checksum(vec![Arc::new(StringArray::from(vec![text]))]));
        let together: ArrayRef = Arc::new(texts().map(Some).collect::<StringArray>());
        assert_eq!(checksum(vec![together]), alone.fold(0, u64::wrapping_add));
    }

    #[test]
    fn it_is_of_values_not_of_their_order_or_unit() {
        let ab: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
        let ba: ArrayRef = Arc::new(Int64Array::from(vec![None, Some(1)]));
        assert_eq!(checksum(vec![Arc::clone(&ab)]), checksum(vec![Arc::clone(&ba)]));
        assert_ne!(checksum(vec![Arc::clone(&ab), Arc::clone(&ab)]), checksum(vec![ab, ba]));
        let ms: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![7, -1]));
        let us: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![7_999, -1]));
        assert_eq!(checksum(vec![ms]), checksum(vec![us]));
    }

    #[test]
    fn nested_values_differ_from_flat_ones() {
        use arrow::array::ListArray;
        use arrow::datatypes::Int64Type;
        let of = |lists: Vec<Option<Vec<Option<i64>>>>| {
            checksum(vec![Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists)) as ArrayRef])
        };
        let all = [
            of(vec![Some(vec![Some(1), Some(2)])]),
            of(vec![Some(vec![Some(2), Some(1)])]),
            of(vec![Some(vec![Some(1)]), Some(vec![Some(2)])]),
            of(vec![Some(vec![])]),
            of(vec![None]),
            checksum(vec![Arc::new(StringArray::from(vec!["12"])) as ArrayRef]),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
