//! Adds two columns to every row: the number of rows of its key so far, and the sum of one column over them.

use weir_sdk::Number;
use weir_sdk::keyed::{Emitter, KeyContext, Keyed, OperatorInfo, Row, RowError, Schema, export};

/// Config: `column`, whose values are summed; any integers or floats.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunningCount {
    column: String,
}

/// What it reads. A null counts as a row and adds nothing.
#[derive(Row)]
pub struct Value {
    value: Option<Number>,
}

/// What is known of a key.
#[derive(Row, Default)]
pub struct SoFar {
    count: u64,
    sum: f64,
}

/// The row as it is, and where its key stands after it.
#[derive(Row)]
#[row(keep_all)]
pub struct Counted {
    running_count: u64,
    running_sum: f64,
}

impl Keyed for RunningCount {
    type Key<'a> = ();
    type Input<'a> = Value;
    type State = SoFar;
    type Output<'a> = Counted;

    fn process(
        &self,
        Value { value }: Value,
        of: &mut KeyContext<'_, (), SoFar>,
        out: &mut Emitter<Counted>,
    ) -> Result<(), RowError> {
        let so_far = of.state.get_or_insert_default();
        so_far.count += 1;
        so_far.sum += value.map_or(0.0, |Number(value)| value);
        out.emit(Counted { running_count: so_far.count, running_sum: so_far.sum });
        Ok(())
    }

    fn about() -> OperatorInfo {
        OperatorInfo {
            title: Some("Running count and sum".to_owned()),
            config_schema: Some(include_str!("config.schema.json").to_owned()),
        }
    }

    fn column_of<'s>(&'s self, _: &'s str, _: &Schema<'s>) -> &'s str {
        &self.column
    }
}

export!(RunningCount);

#[cfg(test)]
mod tests {
    use super::*;
    use weir_sdk::testing::{KeyedHarness, Refused, configured};

    #[derive(Row, Clone)]
    struct Sale {
        shop: &'static str,
        cents: Option<i32>,
    }

    #[derive(Row, Debug, PartialEq)]
    struct Seen<'a> {
        shop: &'a str,
        running_count: u64,
        running_sum: f64,
    }

    fn operator(column: &str) -> RunningCount {
        configured(&format!("{{\"column\": {column:?}}}")).unwrap()
    }

    #[test]
    fn each_key_counts_for_itself_over_batches() {
        let mut counts = KeyedHarness::new(operator("cents"), &["shop"]).unwrap();
        let sale = |shop, cents| Sale { shop, cents };
        counts.process(&[sale("a", Some(5)), sale("b", Some(7)), sale("a", None)]).unwrap();
        let results = counts.process(&[sale("b", Some(1)), sale("a", Some(1))]).unwrap();
        let expected = [
            Seen { shop: "b", running_count: 2, running_sum: 8.0 },
            Seen { shop: "a", running_count: 3, running_sum: 6.0 },
        ];
        assert_eq!(results.main::<Seen>(), expected);
    }

    #[test]
    fn a_column_without_numbers_is_refused() {
        let refused = KeyedHarness::<_, Sale>::new(operator("shop"), &["shop"]).err();
        let Some(Refused::Describe(message)) = refused else { panic!("{refused:?}") };
        assert_eq!(
            message,
            "column \"shop\" is utf8 (&str or String in Rust), but the operator reads it as any integer or float; the input has shop: utf8, cents: int32"
        );
    }
}
