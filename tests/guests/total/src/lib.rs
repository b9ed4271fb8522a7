//! Adds up the values of a window and multiplies the sum: for tests in which one version of an aggregate takes over from another, and
//! fails where its configuration says, or refuses rows.

use weir_sdk::aggregate::{Aggregate, Row, RowError, export};

/// What it makes of the sum, and where it traps.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Total {
    times: i64,
    #[serde(default)]
    fails: Fails,
    /// It refuses multiples of this.
    refuses: Option<i64>,
    /// It traps at multiples of this.
    traps: Option<i64>,
    /// It refuses values that would make a sum greater.
    most: Option<i64>,
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
    fn trap_if(&self, fails: Fails) {
        if self.fails == fails {
            trap();
        }
    }
}

#[expect(clippy::panic, reason = "trapping is what it is for")]
fn trap() {
    panic!("told to");
}

impl Aggregate for Total {
    type Input<'a> = Value;
    type Accumulator = Sum;
    type Output = Product;

    fn accumulate(&self, sum: &mut Sum, Value { value }: Value) -> Result<(), RowError> {
        let is_multiple = |of: Option<i64>| of.is_some_and(|of| value % of == 0);
        if is_multiple(self.refuses) {
            return Err(RowError::new(format!("{value} is refused")));
        }
        if self.most.is_some_and(|most| sum.sum + value > most) {
            return Err(RowError::new(format!("{value} is too much")));
        }
        if is_multiple(self.traps) {
            trap();
        }
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
