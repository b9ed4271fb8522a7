//! What rows become are Arrow's columns, and reading them gives the rows back.

use arrow::array::{ArrayData, make_array};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use weir_sdk::testing::Table;
use weir_sdk::wire::Node;
use weir_sdk::{Date, Decimal, Row, Timestamp, TimestampMillis, TimestampNanos, TimestampSeconds, row::Finished};

#[derive(Row, Clone, Debug, PartialEq)]
struct Integers {
    a: i8,
    b: u8,
    c: i16,
    d: u16,
    e: i32,
    f: u32,
    g: i64,
    h: u64,
}

#[derive(Row, Clone, Debug, PartialEq)]
struct Everything {
    integers: Integers,
    flag: bool,
    maybe_flag: Option<bool>,
    single: f32,
    double: Option<f64>,
    text: String,
    maybe_text: Option<String>,
    binary: Vec<u8>,
    day: Date,
    micros: Option<Timestamp>,
    millis: TimestampMillis,
    decimal: Option<Decimal<20, 3>>,
    list: Vec<i64>,
    maybe_list: Option<Vec<Option<String>>>,
    nested: Vec<Vec<Option<bool>>>,
    structs: Option<Vec<Integers>>,
    maybe_struct: Option<Integers>,
}

fn integers() -> impl Strategy<Value = Integers> {
    any::<(i8, u8, i16, u16, i32, u32, i64, u64)>().prop_map(|(a, b, c, d, e, f, g, h)| Integers {
        a,
        b,
        c,
        d,
        e,
        f,
        g,
        h,
    })
}

fn everything() -> impl Strategy<Value = Everything> {
    let scalars = (any::<(bool, Option<bool>, f32, Option<f64>, i32, Option<i64>, i64)>(), option::of(-1000i128..1000))
        .prop_filter("NaN is not equal to itself", |((_, _, single, double, ..), _)| {
            !single.is_nan() && double.is_none_or(|d| !d.is_nan())
        });
    let bytes = (".{0,4}", option::of("[a-zé]{0,3}"), vec(any::<u8>(), 0..4));
    let lists = (
        vec(any::<i64>(), 0..4),
        option::of(vec(option::of("[a-c]{0,3}"), 0..3)),
        vec(vec(any::<Option<bool>>(), 0..3), 0..3),
        option::of(vec(integers(), 0..3)),
    );
    let parts = (integers(), scalars, bytes, lists, option::of(integers()));
    parts.prop_map(
        |(integers, (s, decimal), (text, maybe_text, binary), (list, maybe_list, nested, structs), maybe_struct)| {
            Everything {
                integers,
                flag: s.0,
                maybe_flag: s.1,
                single: s.2,
                double: s.3,
                text,
                maybe_text,
                binary,
                day: Date(s.4),
                micros: s.5.map(Timestamp),
                millis: TimestampMillis(s.6),
                decimal: decimal.map(Decimal),
                list,
                maybe_list,
                nested,
                structs,
                maybe_struct,
            }
        },
    )
}

/// The Arrow types of `Everything`, written down once more.
fn types() -> Vec<DataType> {
    use DataType::*;
    let field = |name: &str, data_type, nullable| Field::new(name, data_type, nullable);
    let list = |data_type, nullable| DataType::new_list(data_type, nullable);
    let integers = || {
        let types = [Int8, UInt8, Int16, UInt16, Int32, UInt32, Int64, UInt64];
        Struct("abcdefgh".chars().zip(types).map(|(name, t)| field(&name.to_string(), t, false)).collect::<Fields>())
    };
    let timestamp = |unit| Timestamp(unit, Some("UTC".into()));
    vec![
        integers(),
        Boolean,
        Boolean,
        Float32,
        Float64,
        Utf8,
        Utf8,
        Binary,
        Date32,
        timestamp(TimeUnit::Microsecond),
        timestamp(TimeUnit::Millisecond),
        Decimal128(20, 3),
        list(Int64, false),
        list(Utf8, true),
        list(list(Boolean, true), false),
        list(integers(), false),
        integers(),
    ]
}

/// An Arrow array of these nodes, checked in full by Arrow.
fn arrow(data_type: &DataType, nodes: &mut std::slice::Iter<'_, Node>) -> ArrayData {
    let node = nodes.next().expect("a node for every type");
    let (validity, buffers) = node.buffers.split_first().expect("a validity");
    let children: Vec<&DataType> = match data_type {
        DataType::List(item) => vec![item.data_type()],
        DataType::Struct(fields) => fields.iter().map(|f| f.data_type()).collect(),
        _ => vec![],
    };
    let data = ArrayData::builder(data_type.clone())
        .len(node.length as usize)
        .null_bit_buffer((!validity.is_empty()).then(|| Buffer::from_slice_ref(validity)))
        .buffers(buffers.iter().map(Buffer::from_slice_ref).collect())
        .child_data(children.into_iter().map(|child| arrow(child, nodes)).collect())
        .build()
        .expect("valid Arrow");
    assert_eq!(data.null_count(), node.null_count as usize, "{data_type}");
    data
}

fn columns<R: Row>(rows: &[R]) -> Vec<Node> {
    let mut builders = R::builders(rows.len());
    rows.iter().for_each(|row| row.write_row(&mut builders));
    let mut finished = Finished::default();
    R::finish_rows(builders, &mut finished);
    finished.columns
}

proptest! {
    #[test]
    fn rows_come_back(rows in vec(everything(), 0..20)) {
        prop_assert_eq!(Table::of(&rows).rows::<Everything>(), rows);
    }

    #[test]
    fn columns_are_arrow(rows in vec(everything(), 0..20)) {
        let columns = columns(&rows);
        let mut nodes = columns.iter();
        let arrays: Vec<_> = types().iter().map(|t| make_array(arrow(t, &mut nodes))).collect();
        prop_assert!(nodes.next().is_none());
        let texts = arrow::array::AsArray::as_string::<i32>(&arrays[6]);
        prop_assert_eq!(texts.iter().map(|t| t.map(str::to_owned)).collect::<Vec<_>>(), rows.iter().map(|r| r.maybe_text.clone()).collect::<Vec<_>>());
    }
}

#[test]
fn types_have_the_names_of_the_contract() {
    let expected = [
        "integers: struct<a: int8, b: uint8, c: int16, d: uint16, e: int32, f: uint32, g: int64, h: uint64>",
        "flag: bool",
        "maybe_flag: bool",
        "single: float32",
        "double: float64",
        "text: utf8",
        "maybe_text: utf8",
        "binary: binary",
        "day: date32",
        "micros: timestamp(us, UTC)",
        "millis: timestamp(ms, UTC)",
        "decimal: decimal128(20, 3)",
        "list: list<int64>",
        "maybe_list: list<utf8>",
        "nested: list<list<bool>>",
    ];
    assert_eq!(Table::of::<Everything>(&[]).schema()[..expected.len()], expected);
}

#[test]
fn a_coarser_timestamp_is_read_as_a_finer_one() {
    #[derive(Row)]
    struct Seconds {
        at: TimestampSeconds,
    }
    #[derive(Row, Debug, PartialEq)]
    struct Nanos {
        at: TimestampNanos,
    }
    let most = i64::MAX / 1_000_000_000;
    let table = Table::of(&[-2, most].map(|at| Seconds { at: TimestampSeconds(at) }));
    let nanos = [-2_000_000_000, most * 1_000_000_000].map(|at| Nanos { at: TimestampNanos(at) });
    assert_eq!(table.rows::<Nanos>(), nanos);
}
