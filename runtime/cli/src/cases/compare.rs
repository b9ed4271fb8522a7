//! How what came out differs from what was expected, by row and column.

use std::collections::BTreeSet;

use serde_json::Value;
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::file::{Expect, Row};
use super::observed::{Observed, Table};

/// How many differences of one list of rows are shown; the others are counted.
const TOLD_MAX: usize = 10;
/// Longer lists are compared row by row.
const DIFF_ROWS_MAX: usize = 2_000;

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Which list, row and column: `outputs.main[2].price`.
    pub(crate) at: String,
    /// In words.
    pub(crate) what: String,
}

/// All that differs; none: the case passed.
pub(super) fn differences(expect: &Expect, observed: &Observed) -> Vec<Difference> {
    let mut found = Vec::new();
    match (&expect.error, &observed.failed) {
        (None, None) => {}
        (Some(part), Some(error)) if error.contains(part) => {}
        (Some(part), error) => {
            let got = error.as_ref().map_or("there was no error".to_owned(), |error| format!("got: {error}"));
            found.push(Difference { at: "error".to_owned(), what: format!("expected an error with {part:?}; {got}") });
        }
        (None, Some(error)) => {
            found.push(Difference { at: "error".to_owned(), what: error.clone() });
            // It did not even begin: that no row came out follows from that.
            if observed.outputs.is_empty() {
                return found;
            }
        }
    }
    let empty = Table::default();
    for (name, rows) in &expect.outputs {
        let at = format!("outputs.{name}");
        match (observed.outputs.iter().find(|(known, _)| known == name), rows_of(rows)) {
            (Some((_, table)), Ok(rows)) => of_rows(&at, &rows, table, &mut found),
            // An operator that failed may have no outputs, and its error is reported above.
            (None, Ok(_)) if observed.failed.is_some() => {}
            (None, Ok(_)) => {
                let known: Vec<&str> = observed.outputs.iter().map(|(known, _)| known.as_str()).collect();
                found.push(Difference { at, what: format!("there is no such output; there are {}", known.join(", ")) });
            }
            (_, Err(what)) => found.push(Difference { at, what }),
        }
    }
    for (name, table) in observed.outputs.iter().filter(|(name, _)| !expect.outputs.contains_key(name)) {
        of_rows(&format!("outputs.{name}"), &[], table, &mut found);
    }
    of_rows("refused", &expect.refused, &observed.refused, &mut found);
    if observed.failed.is_some() {
        return found;
    }
    let lists =
        [("state", &expect.state), ("timers", &expect.timers), ("processing-timers", &expect.processing_timers)];
    for (name, rows) in lists {
        if let Some(rows) = rows {
            of_unordered(name, rows, observed.kept(name).unwrap_or(&empty), &mut found);
        }
    }
    for (name, rows) in expect.maps.iter().flatten() {
        let at = format!("maps.{name}");
        match (observed.maps.iter().find(|(known, _)| known == name), rows_of(rows)) {
            (Some((_, table)), Ok(rows)) => of_unordered(&at, &rows, table, &mut found),
            (None, Ok(_)) => found.push(Difference { at, what: "the operator has no such map".to_owned() }),
            (_, Err(what)) => found.push(Difference { at, what }),
        }
    }
    found
}

fn rows_of(value: &Value) -> Result<Vec<Row>, String> {
    serde_json::from_value(value.clone()).map_err(|_| "expected a list of rows, such as [{ price = 1 }]".to_owned())
}

/// State has no order of its own.
fn of_unordered(at: &str, expected: &[Row], got: &Table, found: &mut Vec<Difference>) {
    compare(at, expected, got, true, found);
}

fn of_rows(at: &str, expected: &[Row], got: &Table, found: &mut Vec<Difference>) {
    compare(at, expected, got, false, found);
}

fn compare(at: &str, expected: &[Row], got: &Table, is_unordered: bool, found: &mut Vec<Difference>) {
    let normalized = match got.normalized(expected) {
        Ok(rows) => rows,
        Err(error) => {
            let at = format!("{at}[{}]", error.row);
            return found.push(Difference { at, what: format!("the expected row: {}", error.reason) });
        }
    };
    // Columns that no expected row names say nothing.
    let names: BTreeSet<&String> = expected.iter().flat_map(Row::keys).collect();
    let is_named = |name: &String| expected.is_empty() || names.contains(name);
    let named = |rows: &[Row]| -> Vec<Row> {
        let of_row =
            |row: &Row| row.iter().filter(|(name, _)| is_named(name)).map(|(n, v)| (n.clone(), v.clone())).collect();
        rows.iter().map(of_row).collect()
    };
    let (mut expected, mut got) = (named(&normalized), named(&got.rows));
    if is_unordered {
        for rows in [&mut expected, &mut got] {
            rows.sort_by_cached_key(text);
        }
    }
    let mut told = Vec::new();
    let texts = |rows: &[Row]| rows.iter().map(text).collect::<Vec<_>>();
    // A diff of long lists that have little in common takes very long.
    let is_long = expected.len().max(got.len()) > DIFF_ROWS_MAX;
    let ops = match is_long {
        true => vec![DiffOp::Replace { old_index: 0, old_len: expected.len(), new_index: 0, new_len: got.len() }],
        false => capture_diff_slices(Algorithm::Myers, &texts(&expected), &texts(&got)),
    };
    for op in ops {
        match op {
            DiffOp::Equal { .. } => {}
            DiffOp::Delete { old_index, old_len, .. } => told.extend(missing(at, &expected, old_index, old_len)),
            DiffOp::Insert { new_index, new_len, .. } => told.extend(unexpected(at, &got, new_index, new_len)),
            DiffOp::Replace { old_index, old_len, new_index, new_len } => {
                let both = old_len.min(new_len);
                for (expected, (row, got)) in
                    expected.iter().skip(old_index).zip(got.iter().enumerate().skip(new_index)).take(both)
                {
                    told.extend(of_columns(&format!("{at}[{row}]"), expected, got));
                }
                told.extend(missing(at, &expected, old_index + both, old_len - both));
                told.extend(unexpected(at, &got, new_index + both, new_len - both));
            }
        }
    }
    let others = told.len().saturating_sub(TOLD_MAX);
    found.extend(told.into_iter().take(TOLD_MAX));
    if others > 0 {
        found.push(Difference { at: at.to_owned(), what: format!("and {others} more differences") });
    }
}

fn missing(at: &str, rows: &[Row], from: usize, count: usize) -> Vec<Difference> {
    let of_row =
        |row: &Row| Difference { at: at.to_owned(), what: format!("expected {}, which did not come", text(row)) };
    rows.iter().skip(from).take(count).map(of_row).collect()
}

fn unexpected(at: &str, rows: &[Row], from: usize, count: usize) -> Vec<Difference> {
    let rows = rows.iter().enumerate().skip(from).take(count);
    rows.map(|(row, got)| Difference { at: format!("{at}[{row}]"), what: format!("not expected: {}", text(got)) })
        .collect()
}

fn of_columns(at: &str, expected: &Row, got: &Row) -> Vec<Difference> {
    let differs = expected.iter().filter(|(name, value)| got.get(*name) != Some(value));
    let of_column = |(name, value): (&String, &Value)| {
        let got = got.get(name).cloned().unwrap_or_default();
        Difference { at: format!("{at}.{name}"), what: format!("expected {value}, got {got}") }
    };
    differs.map(of_column).collect()
}

fn text(row: &Row) -> String {
    Value::Object(row.clone()).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_an_operator_that_does_not_begin_only_the_error_is_told() {
        let refused = json!([{ "price": -1 }]);
        let expect = Expect { refused: serde_json::from_value(refused).unwrap_or_default(), ..Expect::default() };
        let mut observed = Observed::default();
        observed.failed = Some("config: unknown field `tga`".to_owned());
        let what = "config: unknown field `tga`".to_owned();
        assert_eq!(differences(&expect, &observed), [Difference { at: "error".to_owned(), what }]);
    }

    #[test]
    fn an_output_that_there_is_not_differs_even_without_rows() {
        let expect = Expect {
            outputs: json!({ "summry": [], "summary": [] }).as_object().cloned().unwrap_or_default(),
            ..Expect::default()
        };
        let mut observed = Observed::default();
        observed.outputs.push(("summary".to_owned(), Table::default()));
        let what = "there is no such output; there are summary".to_owned();
        assert_eq!(differences(&expect, &observed), [Difference { at: "outputs.summry".to_owned(), what }]);
    }
}
