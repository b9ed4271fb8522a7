//! What is wrong with expressions, and the part of the text that this is about.

use crate::testing::{error, table};

#[test]
fn mistakes_are_told_with_their_place() {
    let columns = table("status int64, path utf8, at timestamp, latency float64, mean float64", &[]).schema();
    for (text, expected) in [
        (
            "statsu > 1",
            "there is no column \"statsu\"; did you mean \"status\"?; the columns are status, path, at, latency, mean [statsu]",
        ),
        (
            "Status > 1",
            "there is no column \"Status\"; did you mean \"status\"? Upper and lower case are different; the columns are status, path, at, latency, mean [Status]",
        ),
        (
            "path = \"/x\"",
            "there is no column \"/x\"; text is written in single quotes; the columns are status, path, at, latency, mean [\"/x\"]",
        ),
        ("latency.p95 > 1", "\"latency\" is float64 and has no fields: only a struct has [p95]"),
        ("path > 1", "comparing utf8 and int64 is not possible: cast one of them [path > 1]"),
        ("status = 'abc'", "\"abc\" is not of the type int64 ['abc']"),
        ("at > 'yesterday'", "\"yesterday\" is not of the type timestamp(us, UTC) ['yesterday']"),
        ("path + 'x'", "there is no utf8 + utf8: || puts texts together [path + 'x']"),
        (
            "status || path",
            "|| takes texts, but this is int64: cast it to utf8; conditions are joined by `or` [status]",
        ),
        ("status and true", "this is int64, but must be a bool: compare it with something [status]"),
        ("not path", "this is utf8, but must be a bool: compare it with something [path]"),
        ("-path", "there is no - of utf8 [path]"),
        (
            "status > 1 path",
            "the expression ends before \"path\", and nothing may follow; a name with a hyphen or a space is written in double quotes or backquotes [path]",
        ),
        ("status > 1; drop", "the expression ends before \";\", and nothing may follow [;]"),
        ("status >", "the expression cannot be read: expected an expression, found the end []"),
        ("(status > 1", "the expression cannot be read: expected ), found the end []"),
        ("", "the expression is empty []"),
        ("status > 'x", "the expression cannot be read: Unterminated string literal []"),
        ("status > 1 && true", "the expression cannot be read: in SQL \"&&\" is and [&&]"),
        ("lowr(path)", "there is no function \"lowr\"; did you mean \"lower\"? [lowr]"),
        (
            "sum(status)",
            "there is no function \"sum\": it works on many rows, and belongs in a window: [windows.NAME] [sum]",
        ),
        (
            "count(*)",
            "there is no function \"count\": it works on many rows, and belongs in a window: [windows.NAME] [count]",
        ),
        (
            "now()",
            "there is no function \"now\": an expression has no clock, so that its result is always the same [now]",
        ),
        ("status >> 1 = 2", "the expression cannot be read: there is no operator \">>\" [>>]"),
        ("status > 1 and", "the expression cannot be read: behind `and` a condition is missing [and]"),
        ("and status > 1", "the expression cannot be read: before `and` a condition is missing [and]"),
        ("(status > 1 OR ) and true", "the expression cannot be read: behind `or` a condition is missing [OR]"),
        (
            "case when status > 1 then 'a' else 'b'",
            "the expression cannot be read: this `case` has no `end`: case when CONDITION then VALUE else OTHER end [case]",
        ),
        (
            "upper(case status when 1 then case when true then 'a' end)",
            "the expression cannot be read: this `case` has no `end`: case when CONDITION then VALUE else OTHER end [case]",
        ),
        (
            "status::\"wrong\" = 1",
            "there is no type \"wrong\"; the types are bool, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float32, float64, utf8, string, binary, date32, timestamp, decimal128, list, struct [\"wrong\"]",
        ),
        ("cast((path) AS float) > 1", "float has a different size in each database: write float32 or float64 [float]"),
        ("lower(path, path)", "lower(text) does not take 2 arguments [lower]"),
        ("lower(status)", "this is int64, but must be text: cast it to utf8 [status]"),
        (
            "cast(path as flaot64)",
            "there is no type \"flaot64\"; did you mean \"float64\"? The types are bool, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float32, float64, utf8, string, binary, date32, timestamp, decimal128, list, struct [flaot64]",
        ),
        (
            "cast(status as timestamp)",
            "there is no cast of int64 to timestamp(us, UTC): to_timestamp(number, 'ms') says what the number counts [status]",
        ),
        (
            "cast(path as varchar(3))",
            "a type of text has no length: write utf8, and left(text, n) to shorten [varchar(3)]",
        ),
        ("cast('abc' as int64)", "\"abc\" is not of the type int64 ['abc']"),
        (
            "interval '1 month'",
            "months and years have no fixed length: an interval has weeks, days or smaller units ['1 month']",
        ),
        (
            "path like path",
            "the pattern of like is a literal: contains(text, part), starts_with and ends_with take any text [path]",
        ),
        ("path like 'a!' escape '!'", "the pattern ends with its escape, which must stand before a character ['a!']"),
        ("status in (select 1)", "in needs a list: x in (1, 2, 3) [status in (select 1)]"),
        ("(status, path)", "a list is possible only after `in` [status, path]"),
        ("case when status then 1 end", "this is int64, but must be a bool: compare it with something [status]"),
        ("case when true then 1 else 'x' end", "\"x\" is not of the type int64 ['x']"),
        ("greatest(status, path)", "choosing between int64 and utf8 is not possible: cast one of them [status, path]"),
        ("1e999", "this number is beyond all floats [1e999]"),
        ("path ->> 'x'", "there is no operator ->>: write json_get(text, 'path') [path ->> 'x']"),
        ("status ^ 2", "there is no operator ^: write power(a, b) [status ^ 2]"),
        ("sum(status) over ()", "functions over several rows belong in a window: [windows.NAME] [sum]"),
    ] {
        assert_eq!(error(text, &columns), expected, "{text}");
    }
}

#[test]
fn values_of_a_column_have_a_type() {
    use crate::Expression;
    let columns = table("at timestamp", &[]).schema();
    let message = |text: &str| Expression::parse_column(text, &columns).unwrap_err().message;
    assert_eq!(message("null"), "null has no type here: write cast(null as TYPE)");
    assert!(message("at - at").starts_with("a column cannot hold an interval"));
    let condition = Expression::parse_condition("at", &columns).unwrap_err().message;
    assert_eq!(condition, "a condition is a bool, but this is timestamp(us, UTC): compare it with something");
    assert!(Expression::parse_condition("null", &columns).is_ok());
}

#[test]
fn a_name_with_a_hyphen_is_found_without_its_quotes() {
    let columns = table("mean-delay float64, mean float64, b int64", &[]).schema();
    assert!(error("max-delay > 1", &columns).contains("there is no column \"max\""));
    let told = error("delay > 1", &columns);
    assert!(told.contains("did you mean \"mean-delay\"? A name with a hyphen is written in double quotes"), "{told}");
}
