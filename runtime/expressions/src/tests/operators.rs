//! Operators, with nulls and with rows that fail.

use crate::testing::{check, reason, table};

#[test]
fn comparisons_with_null_are_null() {
    let rows = table("a int64, b int64, t utf8", &["1,2,x", "2,2,y", "3,2,", ",2,x", ",,"]);
    check(
        &rows,
        &[
            ("a = b", "false true false null null"),
            ("a <> b", "true false true null null"),
            ("a != b", "true false true null null"),
            ("a < b", "true false false null null"),
            ("a <= b", "true true false null null"),
            ("a > b", "false false true null null"),
            ("a >= 2", "false true true null null"),
            ("2 <= a", "false true true null null"),
            ("t = 'x'", "true false null true null"),
            ("t < 'y'", "true false null true null"),
            ("a = null", "null null null null null"),
            ("a is null", "false false false true true"),
            ("a is not null", "true true true false false"),
            ("a is distinct from b", "true false true true false"),
            ("a is not distinct from b", "false true false false true"),
            ("(a = b) is true", "false true false false false"),
            ("(a = b) is not true", "true false true true true"),
            ("(a = b) is false", "true false true false false"),
            ("(a = b) is not false", "false true false true true"),
            ("1 < 2", "true true true true true"),
        ],
    );
}

#[test]
fn logic_has_three_values() {
    let rows = table(
        "a bool, b bool",
        &["true,true", "true,false", "true,", "false,true", "false,false", "false,", ",true", ",false", ","],
    );
    check(
        &rows,
        &[
            ("a and b", "true false null false false false null false null"),
            ("a or b", "true true true true false null true null null"),
            ("not a", "false false false true true true null null null"),
            ("a and b and true", "true false null false false false null false null"),
            ("a and null", "null null null false false false null null null"),
        ],
    );
}

#[test]
fn rows_that_are_decided_do_not_fail() {
    let rows = table("a int64, b int64", &["6,2", "6,0", ",0", "0,"]);
    check(
        &rows,
        &[
            ("a / b", "3 ! null null"),
            ("b <> 0 and a / b > 1", "true false false null"),
            ("a / b > 1 and b <> 0", "true ! false null"),
            ("b = 0 or a / b > 1", "true true true null"),
            ("case when b <> 0 then a / b else -1 end", "3 -1 -1 -1"),
            ("case b when 0 then 0 when a / b then 1 else 2 end", "2 0 0 2"),
            ("coalesce(a, 10 / b)", "6 6 ! 0"),
            ("a in (6, 1 / b)", "true true ! null"),
            ("a between 7 and 1 / b", "false false ! false"),
            ("a / b is null", "false ! true true"),
            ("nullif(b, 0)", "2 null null null"),
            ("a / nullif(b, 0)", "3 null null null"),
        ],
    );
    assert_eq!(reason("1 + a / b", &rows), "a / b: division by zero");
}

#[test]
fn integers_are_exact_or_fail() {
    let rows = table(
        "i int64, s int8, u uint64",
        &["9223372036854775807,127,18446744073709551615", "-9223372036854775808,-128,0", "7,-2,3", ",,"],
    );
    check(
        &rows,
        &[
            ("i + 1", "! -9223372036854775807 8 null"),
            ("i - 1", "9223372036854775806 ! 6 null"),
            ("i * -1", "-9223372036854775807 ! -7 null"),
            ("i / -1", "-9223372036854775807 ! -7 null"),
            ("-i", "-9223372036854775807 ! -7 null"),
            ("i / 2", "4611686018427387903 -4611686018427387904 3 null"),
            ("i % 4", "3 0 3 null"),
            ("i % 0", "! ! ! null"),
            ("s + s", "254 -256 -4 null"),
            ("s / 0.5", "254.000000 -256.000000 -4.000000 null"),
            ("u + 1", "! 1 4 null"),
            ("u * 2", "! 0 6 null"),
            ("u / 2", "9223372036854775807 0 1 null"),
            ("u - 4", "! -4 -1 null"),
            ("u + i", "! -9223372036854775808 10 null"),
            ("u > i", "true true false null"),
            ("u > -1", "true true true null"),
            ("u = 18446744073709551615", "true false false null"),
            ("i = 7.0", "false false true null"),
            ("i < 7.5", "false true true null"),
            ("+s", "127 -128 -2 null"),
            ("7 % -4", "3 3 3 3"),
            ("-7 / 2", "-3 -3 -3 -3"),
            (
                "-9223372036854775808 + 0",
                "-9223372036854775808 -9223372036854775808 -9223372036854775808 -9223372036854775808",
            ),
        ],
    );
    assert_eq!(reason("i + 1", &rows), "i + 1: 9223372036854775808 does not fit int64");
}

#[test]
fn decimals_are_exact_or_fail() {
    let rows = table(
        "d decimal128(5,2), e decimal128(38,0), i int64",
        &["1.05,99999999999999999999999999999999999999,3", "-0.01,1,0", ",,"],
    );
    check(
        &rows,
        &[
            ("d + 0.005", "1.055 -0.005 null"),
            ("d - i", "-1.95 -0.01 null"),
            ("d * d", "1.1025 0.0001 null"),
            ("d * 3", "3.15 -0.03 null"),
            ("d / i", "0.350000 ! null"),
            ("d / 3", "0.350000 -0.003333 null"),
            ("d % 0.1", "0.05 -0.01 null"),
            ("-d", "-1.05 0.01 null"),
            ("e + 1", "! 2 null"),
            ("e * 10", "! 10 null"),
            ("d = 1.050", "true false null"),
            ("d > 1", "true false null"),
            ("0.1 + 0.2 = 0.3", "true true true"),
        ],
    );
}

#[test]
fn floats_stay_finite_and_have_one_zero() {
    let rows = table("f float64, g float32", &["1e308,1.5", "-0.0,0.1", "NaN,NaN", "inf,inf", ",", "0.5,-1"]);
    check(
        &rows,
        &[
            ("f * 10", "! -0.0 NaN inf null 5.0"),
            ("f + g", "1e308 0.10000000149011612 NaN inf null -0.5"),
            ("1 / f", "1e-308 ! NaN 0.0 null 2.0"),
            ("f % 0", "! ! ! ! null !"),
            ("f = 0", "false true false false null false"),
            ("f = f", "true true true true null true"),
            ("f > 1e300", "true false true true null false"),
            ("g = 0.1", "false true false false null false"),
            ("-g", "-1.5 -0.10000000149011612 NaN -inf null 1.0"),
        ],
    );
}

#[test]
fn texts_are_matched_by_patterns() {
    let rows = table("t utf8", &["/api/a", "/API/b", "100%", "a_b", "\\x", ""]);
    check(
        &rows,
        &[
            ("t like '/api/%'", "true false false false false null"),
            ("t not like '/api/%'", "false true true true true null"),
            ("t ilike '/api/_'", "true true false false false null"),
            ("t like '%\\%'", "false false true false false null"),
            ("t like '%!%' escape '!'", "false false true false false null"),
            ("t like 'a!_b' escape '!'", "false false false true false null"),
            ("t like '\\x' escape '!'", "false false false false true null"),
            ("t like '_b' escape ''", "false false false false false null"),
            ("t = '/api/' || 'a'", "true false false false false null"),
            ("t || null", "null null null null null null"),
        ],
    );
}

#[test]
fn sets_and_ranges_follow_from_equality() {
    let rows = table("a int64, t utf8, d date32", &["1,x,2024-01-01", "2,y,2024-06-01", ",,"]);
    check(
        &rows,
        &[
            ("a in (1, 3)", "true false null"),
            ("a not in (1, 3)", "false true null"),
            ("a in (1, null)", "true null null"),
            ("a not in (1, null)", "false null null"),
            ("t in ('x', 'z')", "true false null"),
            ("a in (0.5, 2)", "false true null"),
            ("a between 1 and 1", "true false null"),
            ("a not between 1 and 1", "false true null"),
            ("a between null and 1", "null false null"),
            ("d between '2024-01-01' and '2024-03-31'", "true false null"),
            ("d in ('2024-06-01')", "false true null"),
        ],
    );
}

#[test]
fn case_takes_the_first_branch_that_holds() {
    let rows = table("a int64, f float64", &["1,0.5", "2,", ",1", "9,9"]);
    check(
        &rows,
        &[
            ("case when a = 1 then 'one' when a > 1 then 'more' end", "one more null more"),
            ("case a when 1 then 'one' when 2 then 'two' else 'other' end", "one two other other"),
            ("case when a > 1 then a else f end", "0.5 2.0 1.0 9.0"),
            ("case when a = 1 then null else a end", "null 2 null 9"),
            ("case a when null then 1 else 0 end", "0 0 0 0"),
            ("case when a > f then case when a > 5 then 'big' else 'small' end else '-' end", "small - - -"),
        ],
    );
}

#[test]
fn times_and_intervals_are_counted_with() {
    let rows =
        table("t timestamp, m timestamp(s), d date32", &["2024-02-29T12:00:00Z,2024-02-29T00:00:00,2024-03-01", ",,"]);
    check(
        &rows,
        &[
            ("t + interval '1 day'", "2024-03-01T12:00:00Z null"),
            ("t - interval '90' minute", "2024-02-29T10:30:00Z null"),
            ("interval '1 hour' + t", "2024-02-29T13:00:00Z null"),
            ("m + interval '1.5 s'", "2024-02-29T00:00:01.500 null"),
            ("d + interval '1 hour'", "2024-03-01T01:00:00Z null"),
            ("d + 1", "2024-03-02 null"),
            ("d - 1", "2024-02-29 null"),
            ("d - date '2024-02-01'", "29 null"),
            ("t - m > interval '11 hours'", "true null"),
            ("t - d < interval '0 s'", "true null"),
            ("t - m = 2 * interval '6 hours'", "true null"),
            ("epoch_s(-(t - m))", "-43200 null"),
            ("t >= '2024-02-29 12:00:00'", "true null"),
            ("t = timestamp '2024-02-29 13:00:00+01:00'", "true null"),
            ("t > d", "false null"),
            ("m = d - 1", "true null"),
            ("t + interval '106751990 days'", "! null"),
            // A time that microseconds count, and no sink can write.
            ("t + interval '100000000 days'", "! null"),
            ("t + interval '100000000 days' > t", "true null"),
            ("date '2024-01-01' + 2000000000", "! !"),
        ],
    );
}

#[test]
fn fields_of_structs_are_columns() {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array, RecordBatch, StructArray};
    use arrow::buffer::NullBuffer;
    use arrow::datatypes::{DataType, Field, Fields};

    let p95: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.5), None, Some(3.5)]));
    let fields: Fields = vec![Field::new("p95", DataType::Float64, true)].into();
    let latency = StructArray::new(fields, vec![p95], Some(NullBuffer::from(vec![true, true, false])));
    let rows = RecordBatch::try_from_iter([("latency", Arc::new(latency) as ArrayRef)]).unwrap();
    check(
        &rows,
        &[
            ("latency.p95 > 1", "true null null"),
            ("latency.p95", "1.5 null null"),
            ("latency is null", "false false true"),
            ("\"latency\".`p95` + 1", "2.5 null null"),
        ],
    );
}
