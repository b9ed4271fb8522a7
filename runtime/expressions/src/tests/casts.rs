//! Casts: every digit stays, or the row fails.

use crate::testing::{check, reason, table};

#[test]
fn numbers_keep_their_digits() {
    let rows = table(
        "i int64, f float64, d decimal128(6,3), t utf8",
        &["300,1.5,1.500,12", "-1,2,2.000,-1.50", "0,NaN,0.125,abc", ",,,"],
    );
    check(
        &rows,
        &[
            ("cast(i as uint8)", "! ! 0 null"),
            ("i::int16", "300 -1 0 null"),
            ("try_cast(i as uint8)", "null null 0 null"),
            ("cast(f as int64)", "! 2 ! null"),
            ("cast(d as int64)", "! 2 ! null"),
            ("cast(d as decimal(4, 1))", "1.5 2.0 ! null"),
            ("cast(f as decimal128(4, 1))", "1.5 2.0 ! null"),
            ("cast(i as decimal(3, 1))", "! -1.0 0.0 null"),
            ("cast(d as float64)", "1.5 2.0 0.125 null"),
            ("cast(i as float64)", "300.0 -1.0 0.0 null"),
            ("cast(t as int64)", "12 ! ! null"),
            ("cast(t as decimal(5, 1))", "12.0 -1.5 ! null"),
            ("cast(t as double precision)", "12.0 -1.5 ! null"),
            ("try_cast(t as bigint)", "12 null null null"),
            ("cast(f as real)", "1.5 2.0 NaN null"),
            ("cast(cast(i as text) || '0' as integer)", "3000 -10 0 null"),
        ],
    );
    assert_eq!(reason("cast(t as int64) + 1", &table("t utf8", &["abc"])), "t: \"abc\" is not of the type int64");
}

#[test]
fn texts_are_read_and_written_as_in_files() {
    let rows = table(
        "b bool, d date32, t timestamp(ms), f float64",
        &["true,2024-02-29,2024-02-29T05:17:00.250,1e300", ",,,"],
    );
    check(
        &rows,
        &[
            ("b::text", "true null"),
            ("cast(d as utf8)", "2024-02-29 null"),
            ("cast(t as varchar)", "2024-02-29T05:17:00.250Z null"),
            ("cast(f as string)", "1e300 null"),
            ("cast(1.50 as text)", "1.50 1.50"),
            ("cast('TRUE' as boolean)", "true true"),
            ("try_cast('yes' as bool)", "null null"),
            ("date '2024-02-29' = d", "true null"),
            ("cast(t as date)", "2024-02-29 null"),
            ("cast(d as timestamp(0) without time zone)", "2024-02-29T00:00:00 null"),
            ("cast(t as timestamp)", "2024-02-29T05:17:00.250Z null"),
            ("cast(t as timestamp(0))", "! null"),
            ("cast(date_trunc('second', t) as timestamp(0))", "2024-02-29T05:17:00Z null"),
            ("cast(t as \"timestamp(us, Europe/Berlin)\")", "2024-02-29T06:17:00.250+01:00 null"),
            ("try_cast('2023-02-29' as date)", "null null"),
            ("cast(null as int64)", "null null"),
        ],
    );
}
