//! Multiplies a column and drops some rows, as its configuration says: for tests that compare two versions of an operator.

use weir_sdk::transform::{Emitter, Row, RowError, Transform, export};

/// By what, and which rows go.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// Of most values.
    factor: i64,
    /// Of multiples of ten.
    factor_of_tens: i64,
    /// Multiples of this are dropped.
    #[serde(default)]
    drop: Option<i64>,
}

/// What it reads.
#[derive(Row)]
pub struct Value {
    value: i64,
}

/// The row as it is, and the product.
#[derive(Row)]
#[row(keep_all)]
pub struct Scaled {
    scaled: i64,
}

impl Transform for Scale {
    type Input<'a> = Value;
    type Output<'a> = Scaled;

    fn process(&self, Value { value }: Value, out: &mut Emitter<Scaled>) -> Result<(), RowError> {
        let factor = if value % 10 == 0 { self.factor_of_tens } else { self.factor };
        if self.drop.is_none_or(|drop| value % drop != 0) {
            out.emit(Scaled { scaled: factor * value });
        }
        Ok(())
    }
}

export!(Scale);
