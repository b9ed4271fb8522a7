//! As `total`, but rows can be taken back: for tests over updating streams, of which no row is kept.

use weir_sdk::aggregate::{Aggregate, Retract, Row, RowError, export};

/// What it makes of the sum, and where it traps.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetTotal {
    times: i64,
    #[serde(default)]
    fails: Fails,
    /// It refuses multiples of this.
    refuses: Option<i64>,
    /// It traps at multiples of this.
    traps: Option<i64>,
}

/// Which function traps.
#[derive(serde::Deserialize, Clone, Copy, Default, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Fails {
    /// None.
    #[default]
    Never,
    /// `accumulate`, at a value that is a multiple of a hundred.
    Accumulate,
    /// `retract`.
    Retract,
    /// `finish`.
    Finish,
}

/// What it reads.
#[derive(Row)]
pub struct Value {
    value: i64,
}

/// What is kept of a group.
#[derive(Row, Default)]
pub struct Sum {
    sum: i64,
}

/// The result.
#[derive(Row)]
pub struct Product {
    total: i64,
}

#[expect(clippy::panic, reason = "trapping is what it is for")]
fn trap_if(traps: bool) {
    if traps {
        panic!("told to");
    }
}

impl Aggregate for NetTotal {
    type Input<'a> = Value;
    type Accumulator = Sum;
    type Output = Product;

    fn accumulate(&self, sum: &mut Sum, Value { value }: Value) -> Result<(), RowError> {
        let is_multiple = |of: Option<i64>| of.is_some_and(|of| value % of == 0);
        if is_multiple(self.refuses) {
            return Err(RowError::new(format!("{value} is refused")));
        }
        trap_if(is_multiple(self.traps) || self.fails == Fails::Accumulate && value % 100 == 0);
        sum.sum += value;
        Ok(())
    }

    fn merge(&self, into: &mut Sum, other: Sum) {
        into.sum += other.sum;
    }

    fn finish(&self, sum: &Sum) -> Product {
        trap_if(self.fails == Fails::Finish);
        Product { total: self.times * sum.sum }
    }
}

impl Retract for NetTotal {
    fn retract(&self, from: &mut Sum, other: Sum) {
        trap_if(self.fails == Fails::Retract);
        from.sum -= other.sum;
    }
}

export!(NetTotal, retract);
