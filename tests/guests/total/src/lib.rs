//! Adds up the values of a window and multiplies the sum: for tests in which one version of an aggregate takes over from another, and
//! fails where its configuration says.

use weir_sdk::aggregate::{Aggregate, Row, RowError, export};

/// What it makes of the sum, and where it traps.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Total {
    times: i64,
    #[serde(default)]
    fails: Fails,
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
    /// `merge`.
    Merge,
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

impl Total {
    #[expect(clippy::panic, reason = "trapping is what it is for")]
    fn trap_if(&self, fails: Fails) {
        if self.fails == fails {
            panic!("told to");
        }
    }
}

impl Aggregate for Total {
    type Input<'a> = Value;
    type Accumulator = Sum;
    type Output = Product;

    fn accumulate(&self, sum: &mut Sum, Value { value }: Value) -> Result<(), RowError> {
        sum.sum += value;
        if value % 100 == 0 {
            self.trap_if(Fails::Accumulate);
        }
        Ok(())
    }

    fn merge(&self, into: &mut Sum, other: Sum) {
        into.sum += other.sum;
        self.trap_if(Fails::Merge);
    }

    fn finish(&self, sum: &Sum) -> Product {
        self.trap_if(Fails::Finish);
        Product { total: self.times * sum.sum }
    }
}

export!(Total);
