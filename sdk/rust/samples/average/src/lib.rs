//! The weighted average of a window. What it means is written in tests/conformance/README.md, for all languages.

use weir_sdk::Number;
use weir_sdk::aggregate::{Aggregate, OperatorInfo, Row, RowError, Schema, export};

/// The names of two columns.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Average {
    value: String,
    weight: String,
}

/// What it reads, from columns that the configuration names.
#[derive(Row)]
pub struct Weighted {
    value: Option<Number>,
    weight: Option<Number>,
}

/// What is kept per group.
#[derive(Row, Default)]
pub struct Sums {
    sum: f64,
    weight: f64,
    rows: i64,
}

/// The result.
#[derive(Row)]
pub struct Averages {
    average: Option<f64>,
}

impl Aggregate for Average {
    type Input<'a> = Weighted;
    type Accumulator = Sums;
    type Output = Averages;

    fn accumulate(&self, sums: &mut Sums, row: Weighted) -> Result<(), RowError> {
        let (Some(Number(value)), Some(Number(weight))) = (row.value, row.weight) else { return Ok(()) };
        if weight < 0.0 {
            return Err(RowError::new("the weight is negative"));
        }
        sums.sum += value * weight;
        sums.weight += weight;
        sums.rows += 1;
        Ok(())
    }

    fn merge(&self, sums: &mut Sums, other: Sums) {
        sums.sum += other.sum;
        sums.weight += other.weight;
        sums.rows += other.rows;
    }

    fn finish(&self, sums: &Sums) -> Averages {
        Averages { average: (sums.weight != 0.0).then(|| sums.sum / sums.weight) }
    }

    fn about() -> OperatorInfo {
        OperatorInfo { title: Some("A weighted average".to_owned()), config_schema: None }
    }

    fn column_of<'s>(&'s self, field: &'s str, _: &Schema<'s>) -> &'s str {
        if field == "value" { &self.value } else { &self.weight }
    }
}

export!(Average);
