//! Expressions that are made to take too much.

use arrow::datatypes::Schema;

use crate::limits::{DEPTH_MAX, NODES_MAX, TEXT_BYTES_MAX, TREE_DEPTH_MAX};
use crate::testing::{check, error, table, values};
use crate::{EvaluationError, Expression};

/// Half the stack of a usual thread, since callers are on it too.
const STACK_BYTES: usize = 1 << 20;

#[test]
fn long_and_deep_expressions_are_refused() {
    std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(refuse_long_and_deep_expressions)
        .unwrap()
        .join()
        .unwrap();
}

fn refuse_long_and_deep_expressions() {
    let columns = table("a int64, b bool, t utf8", &[]).schema();
    let refused = |text: String, reason: &str| {
        let message = error(&text, &columns);
        assert!(message.contains(reason), "{}...: {message:.200}", &text[..20]);
    };
    refused(format!("a = {}", "1".repeat(TEXT_BYTES_MAX)), "bytes; at most");
    refused(format!("{}a{}", "(".repeat(1000), ")".repeat(1000)), "nests too deep");
    refused(format!("{}b", "not ".repeat(1000)), "nests too deep");
    refused(format!("a{}", " + a".repeat(1000)), "nests too deep");
    refused(format!("a{}", "::int8".repeat(1000)), "nests too deep");
    refused(format!("b{}", " is true".repeat(1000)), "nests too deep");
    // As many tokens as are read, each a level of the parser's tree.
    for link in [" + a", "::int8", " is null", " < a", " between a and a"] {
        let text = format!("a{}", link.repeat(2 * NODES_MAX / link.split_whitespace().count().max(2) - 2));
        assert!(Expression::parse(&text, &columns).is_err(), "{link}");
    }
    refused(format!("{}a{}", "abs(".repeat(1000), ")".repeat(1000)), "nests too deep");
    refused(format!("{}1{}", "case when b then ".repeat(500), " end".repeat(500)), "nests too deep");
    refused(format!("a in (0{})", ",0".repeat(4 * NODES_MAX)), "bytes; at most");
    refused(format!("a in (0{})", ",0".repeat(2 * NODES_MAX)), "too many parts");
    // Speculation of the parser must not double with every level.
    for hard in ["case-", "if(current_time(", "trim(", "position(", "interval ", "date "] {
        let _ = Expression::parse(&hard.repeat(400), &columns);
    }
}

#[test]
fn chains_of_one_operator_are_one_level() {
    let rows = table("a int64, t utf8", &["7,x"]);
    let ors: Vec<String> = (0..200).map(|n| format!("a = {n}")).collect();
    check(&rows, &[(&ors.join(" or "), "true"), (&ors.join(" and "), "false")]);
    assert_eq!(values(&vec!["t"; 200].join(" || "), &rows), "x".repeat(200));
    let sum = vec!["1"; TREE_DEPTH_MAX - 1].join(" + ");
    check(&rows, &[(&sum, &(TREE_DEPTH_MAX - 1).to_string())]);
    let nested = format!("{}a{}", "(".repeat(DEPTH_MAX - 3), ")".repeat(DEPTH_MAX - 3));
    check(&rows, &[(&nested, "7")]);
}

#[test]
fn nested_calls_do_not_double() {
    let rows = table("a int64", &["7"]);
    for (open, close) in [("nullif(", ", 0)"), ("greatest(", ", 1)"), ("(", " between 1 and 9)::text::int64")] {
        let text = format!("{}a{}", open.repeat(20), close.repeat(20));
        let expression = Expression::parse(&text, &rows.schema());
        // What counts is that this ends: each level has its argument once.
        if let Ok(expression) = expression {
            expression.evaluate(1, &|column| rows.columns().get(column).cloned()).unwrap();
        }
    }
}

#[test]
fn texts_have_a_bound_per_value_and_per_batch() {
    let long = "x".repeat(1 << 20);
    let rows = table("t utf8", &[&long]);
    // 2^20 times the part is too long for one value: the row fails, nothing is made.
    assert_eq!(values("replace(t, 'x', t)", &rows), "!");
    let doubled = "t || t || t || t || t || t || t || t";
    let many = table("t utf8", &[long.as_str(); 10]);
    let expression = Expression::parse(doubled, &many.schema()).unwrap();
    let column = |column: usize| many.columns().get(column).cloned();
    assert!(matches!(expression.evaluate(10, &column), Err(EvaluationError::TooLarge)));
    let part = many.slice(0, 5);
    assert!(expression.evaluate(5, &|column| part.columns().get(column).cloned()).is_ok());
}

#[test]
fn no_text_panics() {
    let columns = Schema::empty();
    for text in [
        "é",
        "'é' like '_'",
        "\u{0}",
        "''''",
        "1..2",
        "a.b.c.d",
        "\"",
        "`",
        "--",
        "/*",
        "x -- y\n",
        "$1",
        "?",
        ":a",
        "@x",
        "E'\\x'",
        "U&'x'",
        "N'x'",
        "X'00'",
        "{d '2024-01-01'}",
        "a[1]",
        "[1]",
        "{'a': 1}",
        "array[1]",
        "1 is json",
        "x -> x",
        "'a' 'b'",
        "* ",
        "a.*",
        "not",
        "between",
        "end",
        "1e",
        "1e+",
        "0x",
        ".",
        ".5",
        "5.",
    ] {
        let _ = Expression::parse(text, &columns).map_err(|error| {
            assert!(text.get(error.range.clone()).is_some(), "{text:?}: {error:?}");
        });
    }
}
