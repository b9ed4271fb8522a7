//! Cases of more rows than a file should hold, by the rules in tests/conformance/README.md.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// More than 65,535, where indices of 16 bits would end.
const ROWS: i64 = 70_000;

/// The case of an operator; `None`: there is no such operator.
pub(crate) fn case(operator: &str) -> Option<Value> {
    match operator {
        "types" => Some(types()),
        "counter" => Some(counter()),
        "average" => Some(average()),
        _ => None,
    }
}

/// Rows that are left out, go to the side output, are refused, or come out once or twice.
fn types() -> Value {
    let mut columns = json!({ "copies": "int64", "i64": "int64", "u64": "uint64", "text": "utf8" });
    let others = [
        ("flag", "bool"),
        ("i8", "int8"),
        ("i16", "int16"),
        ("i32", "int32"),
        ("u8", "uint8"),
        ("u16", "uint16"),
        ("u32", "uint32"),
        ("f32", "float32"),
        ("f64", "float64"),
        ("bytes", "binary"),
        ("day", "date32"),
        ("sec", "timestamp(s, UTC)"),
        ("milli", "timestamp(ms, UTC)"),
        ("micro", "timestamp(us, UTC)"),
        ("nano", "timestamp(ns, UTC)"),
        ("amount", "decimal128(12, 2)"),
        ("numbers", "list<int64>"),
        ("point", "struct<x: float64, y: float64>"),
    ];
    for (name, of) in others {
        columns[name] = of.into();
    }
    let (mut rows, mut main, mut none, mut refused) = (vec![], vec![], vec![], vec![]);
    for i in 0..ROWS {
        let (copies, text) = (if i % 9_999 == 0 { -1 } else { i % 3 }, format!("t{}", i % 1_000));
        let row = json!({ "copies": copies, "i64": i, "u64": i, "text": text });
        match copies {
            ..0 => refused.push(row.clone()),
            _ if text == "t7" => {}
            0 => none.push(json!({ "reason": "no copies" })),
            _ => main.extend((0..copies).map(|copy| json!({ "text": format!("{text}#{copy}"), "low": i, "big": i }))),
        }
        rows.push(row);
    }
    let expect = json!({ "outputs": { "main": main, "none": none }, "refused": refused });
    let steps = json!([{ "rows": rows }, { "rows": [] }, { "end": true }]);
    json!({ "config": { "drop": "t7" }, "columns": columns, "steps": steps, "expect": expect })
}

/// A hundred rows of each of 700 keys, in one batch.
fn counter() -> Value {
    let (mut rows, mut main) = (vec![], vec![]);
    let (mut totals, mut words) = (BTreeMap::<i64, (u64, i64)>::new(), BTreeMap::<(i64, i64), i64>::new());
    for i in 0..ROWS {
        let (key, word) = (i % 700, i % 3);
        let (count, total) = totals.entry(key).or_default();
        *count += 1;
        *total += i;
        let times = words.entry((key, word)).or_default();
        *times += 1;
        rows.push(json!({ "key": format!("k{key}"), "word": format!("w{word}"), "value": i, "at": format!("1970-01-01T00:00:00.{i:06}Z") }));
        main.push(json!({ "key": format!("k{key}"), "value": i, "count": *count, "total": *total, "times": *times }));
    }
    let of_key = |(key, (count, total)): (&i64, &(u64, i64))| json!({ "key": format!("k{key}"), "count": count, "total": total });
    let of_word = |((key, word), times): (&(i64, i64), &i64)| json!({ "key": format!("k{key}"), "word": format!("w{word}"), "times": times });
    let state: Vec<Value> = totals.iter().map(of_key).collect();
    let entries: Vec<Value> = words.iter().map(of_word).collect();
    json!({
        "config": { "gap-seconds": 10 },
        "columns": { "key": "utf8", "word": "utf8", "value": "int64", "at": "timestamp" },
        "key-by": ["key"],
        "event-time": "at",
        "steps": [{ "rows": rows }, { "restart": true }],
        "expect": { "outputs": { "main": main }, "state": state, "maps": { "words": entries } },
    })
}

/// Whole numbers, whose sums float64 holds exactly.
fn average() -> Value {
    let rows: Vec<Value> = (0..ROWS).map(|i| json!({ "v": i, "w": i % 7 })).collect();
    let sum: i64 = (0..ROWS).map(|i| i * (i % 7)).sum();
    let weight: i64 = (0..ROWS).map(|i| i % 7).sum();
    json!({
        "config": { "value": "v", "weight": "w" },
        "columns": { "v": "int64", "w": "int64" },
        "steps": [{ "rows": rows }, { "end": true }],
        "expect": { "outputs": { "main": [{ "average": sum as f64 / weight as f64 }] } },
    })
}
