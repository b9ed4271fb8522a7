//! Tests over all aggregates.

use std::sync::Arc;

use arrow::array::{
    Array, AsArray, BooleanArray, Decimal128Array, Float64Array, Int8Array, Int64Array, StringArray, UInt64Array,
};
use arrow::datatypes::Float64Type;

use super::*;

fn made(function: &AggregateFunction, data_type: DataType) -> Box<dyn Accumulators> {
    let aggregate = BoundAggregate {
        name: "a".to_owned(),
        kind: AggregateKind::Builtin { function: function.clone(), columns: vec![0] },
    };
    accumulators(&aggregate, &[Arc::new(Field::new("c", data_type, true))]).unwrap()
}

/// Updates one group with every part of the values in an accumulator of its own, and merges them.
fn folded(function: &AggregateFunction, values: &[f64], part: usize) -> f64 {
    let mut all = made(function, DataType::Float64);
    all.resize(1);
    for values in values.chunks(part) {
        let mut some = all.fresh();
        some.resize(1);
        let column: ArrayRef = Arc::new(Float64Array::from(values.to_vec()));
        some.update(&vec![0; values.len()], &[column], &vec![0; values.len()]).unwrap();
        all.merge(&[0], &some.state(&[0]).unwrap()).unwrap();
    }
    all.finish(&[0]).unwrap().as_primitive::<Float64Type>().value(0)
}

#[test]
fn float_totals_do_not_depend_on_order_or_splits() {
    let mut values: Vec<f64> = (1..200).map(|i| f64::from(i * i * 7919) * 0.1).collect();
    values.extend([1e16, 3.0, -1e16, 1e-9, 0.1]);
    let reversed: Vec<f64> = values.iter().rev().copied().collect();
    for function in [AggregateFunction::Sum, AggregateFunction::Avg] {
        let expected = folded(&function, &values, values.len());
        for part in [1, 2, 3, 50] {
            assert_eq!(folded(&function, &values, part).to_bits(), expected.to_bits());
            assert_eq!(folded(&function, &reversed, part).to_bits(), expected.to_bits());
        }
    }
    assert_eq!(folded(&AggregateFunction::Sum, &[1e16, 1.0, -1e16], 1), 1.0);
    assert_eq!(folded(&AggregateFunction::Sum, &[1.0, f64::INFINITY, 1.0], 1), f64::INFINITY);
    assert!(folded(&AggregateFunction::Sum, &[f64::NEG_INFINITY, f64::INFINITY], 1).is_nan());
    assert!(folded(&AggregateFunction::Max, &[f64::NAN, f64::INFINITY], 1).is_nan());
}

#[test]
fn sums_that_do_not_fit_say_so() {
    let check = |column: ArrayRef, expected: &str| {
        let mut sum = made(&AggregateFunction::Sum, column.data_type().clone());
        sum.resize(1);
        let rows = column.len();
        sum.update(&vec![0; rows], &[column], &vec![0; rows]).unwrap();
        assert_eq!(sum.overflows(&[0]).is_empty(), sum.finish(&[0]).is_ok(), "{expected}");
        let text = match sum.finish(&[0]) {
            Ok(sum) => arrow::util::display::array_value_to_string(&sum, 0).unwrap(),
            Err(error) => error.to_string(),
        };
        assert_eq!(text, expected);
    };
    let int64 = i64::MAX as u64;
    check(Arc::new(UInt64Array::from(vec![int64])), "9223372036854775807");
    check(Arc::new(UInt64Array::from(vec![int64, int64, 1])), "18446744073709551615");
    check(Arc::new(UInt64Array::from(vec![u64::MAX, 1])), "sum of column \"c\" does not fit its type uint64");
    check(Arc::new(Int64Array::from(vec![i64::MAX, 1])), "sum of column \"c\" does not fit its type int64");
    check(Arc::new(Int64Array::from(vec![i64::MAX, 1, -1])), "9223372036854775807");
    let nines = 10_i128.pow(38) - 1;
    let decimals = |values: Vec<i128>| -> ArrayRef {
        Arc::new(Decimal128Array::from(values).with_precision_and_scale(38, 2).unwrap())
    };
    check(decimals(vec![nines - 1, 1]), "999999999999999999999999999999999999.99");
    check(decimals(vec![nines, nines, -nines, -nines]), "sum of column \"c\" does not fit its type decimal128(38, 2)");
    check(decimals(vec![nines, 1]), "sum of column \"c\" does not fit its type decimal128(38, 2)");
}

#[test]
fn aggregates_say_what_they_take() {
    let list = DataType::new_list(DataType::Int64, true);
    for (function, column, expected) in [
        (AggregateFunction::Sum, vec![], "sum needs a column"),
        (AggregateFunction::Sum, vec![DataType::Utf8], "sum takes integers, floats and decimals, not utf8"),
        (AggregateFunction::Avg, vec![DataType::Boolean], "avg takes integers, floats and decimals, not bool"),
        (
            AggregateFunction::Last,
            vec![list.clone()],
            "last takes numbers, text, bytes, booleans, dates and times, not ",
        ),
        (AggregateFunction::ArgMax, vec![list.clone()], "arg-max needs a column, and a column to compare by"),
        (AggregateFunction::ArgMax, vec![DataType::Utf8, list.clone()], "arg-max takes numbers, text, bytes"),
        (AggregateFunction::CountDistinct, vec![list], "count-distinct takes numbers, text, bytes"),
        (AggregateFunction::BoolOr, vec![DataType::Int64], "bool-or takes booleans, not int64"),
        (AggregateFunction::BitXor, vec![DataType::Float64], "bit-xor takes integers, not float64"),
        (AggregateFunction::StringAgg(",".into()), vec![DataType::Int64], "string-agg takes text, not int64"),
    ] {
        let error = aggregate_type(&function, &column.iter().collect::<Vec<_>>()).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
}

/// All of an aggregate's result for one group, whose rows came in parts that were merged: as accumulators, or as their columns.
fn merged(function: &AggregateFunction, columns: &[ArrayRef], part: usize, by_columns: bool) -> ArrayRef {
    let fields: Vec<FieldRef> =
        columns.iter().map(|column| Arc::new(Field::new("c", column.data_type().clone(), true)) as FieldRef).collect();
    let kind = AggregateKind::Builtin { function: function.clone(), columns: (0..columns.len()).collect() };
    let mut all = accumulators(&BoundAggregate { name: "a".to_owned(), kind }, &fields).unwrap();
    all.resize(1);
    let rows = columns[0].len();
    for start in (0..rows).step_by(part) {
        let len = part.min(rows - start);
        let columns: Vec<ArrayRef> = columns.iter().map(|column| column.slice(start, len)).collect();
        let mut some = all.fresh();
        some.resize(1);
        // Every third value has the time of its neighbour.
        let times: Vec<i64> = (start..start + len).map(|row| (row - usize::from(row % 3 == 1)) as i64).collect();
        some.update(&vec![0; len], &columns, &times).unwrap();
        match by_columns {
            true => all.merge(&[0], &some.state(&[0]).unwrap()).unwrap(),
            false => all.merge_from(&[0], some.as_ref(), &[0]).unwrap(),
        }
    }
    let result = all.finish(&[0]).unwrap();
    assert_eq!(result.data_type(), all.output_field().data_type());
    assert!(all.memory_bytes() > 0);
    result
}

fn quantile(q: f64) -> AggregateFunction {
    AggregateFunction::Quantile(weir_core::graph::Quantile::new(q, 0.01).unwrap())
}

fn text(column: &ArrayRef) -> String {
    arrow::util::display::array_value_to_string(column, 0).unwrap()
}

#[test]
fn results_do_not_depend_on_how_rows_are_split() {
    use AggregateFunction::{
        ApproxCountDistinct, ArgMax, ArgMin, BitAnd, BitOr, BitXor, BoolAnd, BoolOr, Collect, CountDistinct, Stddev,
        StringAgg, Top, Variance,
    };
    let mixed = |i: usize| weir_core::key_group::mix(i as u64) as i64;
    let ints: ArrayRef = Arc::new((0..700).map(|i| (i % 7 != 0).then(|| mixed(i) % 1_000)).collect::<Int64Array>());
    let floats: ArrayRef =
        Arc::new((0..700).map(|i| (i % 5 != 0).then(|| mixed(i) as f64 * 1e-9)).collect::<Float64Array>());
    let texts: ArrayRef =
        Arc::new((0..700).map(|i| (i % 11 != 0).then(|| format!("t{}", mixed(i) % 50))).collect::<StringArray>());
    let bools: ArrayRef = Arc::new((0..700).map(|i| (i % 3 != 0).then(|| mixed(i) % 2 == 0)).collect::<BooleanArray>());
    let no_values = |column: &ArrayRef| arrow::array::new_null_array(column.data_type(), 3);
    for (function, columns) in [
        (Stddev, vec![ints.clone()]),
        (Stddev, vec![floats.clone()]),
        (quantile(0.5), vec![ints.clone()]),
        (quantile(0.95), vec![floats.clone()]),
        (CountDistinct, vec![texts.clone()]),
        (CountDistinct, vec![ints.clone()]),
        (ApproxCountDistinct, vec![ints.clone()]),
        (ApproxCountDistinct, vec![texts.clone()]),
        (ArgMin, vec![texts.clone(), ints.clone()]),
        (ArgMax, vec![ints.clone(), texts.clone()]),
        (Collect, vec![texts.clone()]),
        (Collect, vec![floats.clone()]),
        (StringAgg(", ".into()), vec![texts.clone()]),
        (Variance, vec![ints.clone()]),
        (Variance, vec![floats.clone()]),
        (BoolAnd, vec![bools.clone()]),
        (BoolOr, vec![bools]),
        (BitAnd, vec![ints.clone()]),
        (BitOr, vec![ints.clone()]),
        (BitXor, vec![ints.clone()]),
        (Top(3), vec![floats.clone()]),
        (Top(20), vec![texts.clone(), ints.clone()]),
    ] {
        let expected = merged(&function, &columns, columns[0].len(), false);
        for part in [1, 2, 7, 100] {
            for by_columns in [false, true] {
                let got = merged(&function, &columns, part, by_columns);
                assert_eq!(&got, &expected, "{function:?} in parts of {part}");
            }
        }
        let nulls: Vec<ArrayRef> = columns.iter().map(no_values).collect();
        assert_eq!(merged(&function, &nulls, 2, true).is_null(0), !function.is_never_null(), "{function:?}");
    }
}

#[test]
fn results_are_what_their_names_say() {
    use AggregateFunction::{
        ArgMax, ArgMin, BitAnd, BitOr, BitXor, BoolAnd, BoolOr, Collect, CountDistinct, Stddev, StringAgg, Top,
        Variance,
    };
    let texts = |values: Vec<&str>| -> ArrayRef { Arc::new(StringArray::from(values)) };
    let bools = |values: Vec<Option<bool>>| -> ArrayRef { Arc::new(BooleanArray::from(values)) };
    let large: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX, u64::MAX - 1]));
    let small: ArrayRef = Arc::new(Int8Array::from(vec![-1, 3]));
    let ints = |values: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
    let floats = |values: Vec<f64>| -> ArrayRef { Arc::new(Float64Array::from(values)) };
    let decimals: ArrayRef = Arc::new(Decimal128Array::from(vec![150, 250]).with_precision_and_scale(5, 2).unwrap());
    for (function, columns, expected) in [
        (Stddev, vec![ints(vec![2, 4, 4, 4, 5, 5, 7, 9])], "2.138089935299395"),
        (Stddev, vec![ints(vec![5])], ""),
        (Stddev, vec![ints(vec![i64::MAX, i64::MAX])], "0.0"),
        (Stddev, vec![ints((0..1_000).map(|i| 1_700_000_000_000_000 + i % 2).collect())], "0.5002501876563868"),
        (Stddev, vec![floats(vec![1e9, 1e9 + 1.0, 1e9 + 2.0])], "1.0"),
        (Stddev, vec![floats(vec![1.0, f64::INFINITY])], "NaN"),
        (Stddev, vec![decimals.clone()], "0.7071067811865476"),
        (Variance, vec![decimals], "0.5"),
        (Variance, vec![ints(vec![2, 4, 4, 4, 5, 5, 7, 9])], "4.571428571428571"),
        (Variance, vec![floats(vec![1.0, 2.0, 4.0])], "2.3333333333333335"),
        (BoolAnd, vec![bools(vec![Some(true), None, Some(true)])], "true"),
        (BoolAnd, vec![bools(vec![Some(true), Some(false)])], "false"),
        (BoolOr, vec![bools(vec![Some(false), Some(true)])], "true"),
        (BitAnd, vec![large.clone()], "18446744073709551614"),
        (BitXor, vec![large], "1"),
        (BitOr, vec![small.clone()], "-1"),
        (BitAnd, vec![small], "3"),
        (StringAgg(" and ".into()), vec![texts(vec!["b", "d", "a"])], "b and d and a"),
        (Top(2), vec![ints(vec![3, 9, 2, 9])], "[9, 9]"),
        (Top(5), vec![texts(vec!["x", "y", "z"]), ints(vec![1, 3, 1])], "[y, z, x]"),
        (CountDistinct, vec![floats(vec![0.0, -0.0, f64::NAN, -f64::NAN, 1.0])], "3"),
        (ArgMax, vec![ints(vec![1, 2, 3]), ints(vec![5, 9, 9])], "3"),
        (ArgMin, vec![ints(vec![3, 2, 1]), ints(vec![5, 5, 9])], "2"),
        (Collect, vec![ints(vec![3, 9, 2, 1])], "[3, 9, 2, 1]"),
        (Collect, vec![ints(vec![9, 3, 2, 1])], "[3, 9, 2, 1]"),
        (quantile(0.5), vec![floats(vec![0.0, -0.0, 0.0])], "0.0"),
        (quantile(0.5), vec![floats(vec![30.0])], "30.0"),
        (quantile(0.0), vec![floats(vec![f64::NAN, -7.25, 8.0])], "-7.25"),
        (quantile(1.0), vec![floats(vec![1.0, f64::NAN])], "NaN"),
        (quantile(0.0), vec![floats(vec![f64::NEG_INFINITY, 1.0])], "-inf"),
    ] {
        assert_eq!(text(&merged(&function, &columns, 2, true)), expected, "{function:?} of {columns:?}");
    }
    let wide: ArrayRef = Arc::new(Decimal128Array::from(vec![10_i128.pow(38) - 1; 8]));
    for column in [floats(vec![1e200, 2e200]), wide] {
        let mut huge = made(&Stddev, column.data_type().clone());
        huge.resize(1);
        let rows = column.len();
        huge.update(&vec![0; rows], &[column], &vec![0; rows]).unwrap();
        assert!(huge.finish(&[0]).is_err());
        assert_eq!(huge.overflows(&[0]).len(), 1);
    }
}

#[test]
fn a_rank_is_that_of_the_decimal_digits() {
    let rank = |q: f64, count| weir_core::graph::Quantile::new(q, 0.01).unwrap().rank(count);
    assert_eq!([rank(0.29, 101), rank(0.35, 181), rank(1.0, 7), rank(0.5, 0)], [29, 63, 6, 0]);
    // At least so many are not above it.
    assert_eq!([rank(0.95, 5), rank(0.95, 11), rank(0.5, 4), rank(0.0, 9)], [4, 10, 1, 0]);
    assert!(weir_core::graph::Quantile::new(0.999_999_9, 0.01).is_none());
}

proptest::proptest! {
    #[test]
    fn quantiles_are_within_their_error(
        mut values in proptest::collection::vec(proptest::prop_oneof![-1e12..1e12_f64, -1.0..1.0_f64, proptest::prelude::Just(0.0)], 1..200),
        q in 0..=1_000_000_u32,
        error in 1_000..=100_000_u32,
    ) {
        let of = weir_core::graph::Quantile::new(f64::from(q) / 1e6, f64::from(error) / 1e6).unwrap();
        let column: ArrayRef = Arc::new(Float64Array::from(values.clone()));
        let got = merged(&AggregateFunction::Quantile(of), &[column], 50, true);
        let got = got.as_primitive::<Float64Type>().value(0);
        values.sort_by(f64::total_cmp);
        let exact = values[of.rank(values.len() as i64) as usize];
        let bound = exact.abs() * of.error() * (1.0 + 1e-9);
        proptest::prop_assert!((got - exact).abs() <= bound, "{got} for {exact}");
    }
}
