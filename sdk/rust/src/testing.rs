//! Runs operators natively, over rows, through the code that runs in the component: rows become columns, the operator gets those
//! that it reads, and its delta is applied as the host applies it. Not in WebAssembly.
//!
//! ```
//! use weir_sdk::testing;
//! use weir_sdk::transform::{Emitter, Row, RowError, Transform};
//!
//! #[derive(serde::Deserialize)]
//! struct Cheap { price_max: i64 }
//!
//! #[derive(Row)]
//! struct Bid { price: i64 }
//!
//! #[derive(Row)]
//! #[row(keep_all)]
//! struct Kept;
//!
//! impl Transform for Cheap {
//!     type Input<'a> = Bid;
//!     type Output<'a> = Kept;
//!     fn process(&self, bid: Bid, out: &mut Emitter<Kept>) -> Result<(), RowError> {
//!         if bid.price <= self.price_max { out.emit(Kept) }
//!         Ok(())
//!     }
//! }
//!
//! let input = [Bid { price: 1 }, Bid { price: 9 }];
//! let results = testing::transform(Cheap { price_max: 5 }, &input).unwrap();
//! assert_eq!(results.main::<Bid>().iter().map(|bid| bid.price).collect::<Vec<_>>(), [1]);
//! ```

mod aggregate;
mod keyed;
mod maps;
mod order;
mod table;

pub use aggregate::aggregate;
pub use keyed::KeyedHarness;
pub use table::Table;

pub use crate::telemetry::kept::{Metric, log_lines, metrics};

use crate::config;
use crate::row::{ReadRow, Row};
use crate::transform::{ColumnTransform, Connected, Process};
use crate::wire::{self, Delta, Plan, RowFailure};

/// The operator that a configuration describes.
///
/// # Errors
/// If it does not fit.
pub fn configured<Op: serde::de::DeserializeOwned>(json: &str) -> Result<Op, Refused> {
    config::parse(json).map_err(Refused::Describe)
}

/// Runs a transform over one batch. The rows may have more columns than the operator reads.
///
/// # Errors
/// If the operator cannot be connected to such rows, or the call fails as a whole. Rows that it refuses are in the results.
pub fn transform<Op: ColumnTransform, R: Row>(operator: Op, rows: &[R]) -> Result<Results, Refused> {
    let input = Table::of(rows);
    let (connected, plan) = Connected::connect(operator, &[input.as_input(Vec::new())]).map_err(Refused::Describe)?;
    let delta = connected.process(input.batch(&plan)).map_err(Refused::Call)?;
    Results::apply(&plan, &delta.outputs, delta.rejected, &input)
}

/// Why an operator did not process a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// `describe` refused the configuration or the input.
    Describe(String),
    /// The call failed as a whole, or its result does not fit the contract.
    Call(String),
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Describe(message) | Self::Call(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Refused {}

/// What an operator emitted, by output, and which rows it refused.
#[derive(Clone, Debug)]
pub struct Results {
    outputs: Vec<(String, Table)>,
    rejected: Vec<RowFailure>,
}

impl Results {
    fn apply(plan: &Plan, deltas: &[Delta], rejected: Vec<RowFailure>, input: &Table) -> Result<Self, Refused> {
        if plan.outputs.len() != deltas.len() {
            return Err(Refused::Call(format!("{} deltas for {} outputs", deltas.len(), plan.outputs.len())));
        }
        let apply = |(output, delta): (&wire::Output, &Delta)| {
            Ok((output.name.clone(), Table::apply(output, delta, input).map_err(Refused::Call)?))
        };
        Ok(Self { outputs: plan.outputs.iter().zip(deltas).map(apply).collect::<Result<_, Refused>>()?, rejected })
    }

    /// Adds what a later call emitted.
    fn append(&mut self, later: Self) -> Result<(), Refused> {
        self.rejected.extend(later.rejected);
        let pairs = self.outputs.iter_mut().zip(later.outputs);
        pairs.into_iter().try_for_each(|((_, table), (_, rows))| table.append(&rows)).map_err(Refused::Call)
    }

    /// The rows (or timers) that were refused: their indices in the call, and why.
    #[must_use]
    pub fn rejected(&self) -> Vec<(usize, &str)> {
        let mut rejected: Vec<_> = self.rejected.iter().map(|r| (r.row as usize, r.reason.as_str())).collect();
        rejected.sort_unstable();
        rejected
    }

    /// The rows of the main output.
    ///
    /// # Panics
    /// If they have no such columns: it is for tests.
    #[must_use]
    pub fn main<'a, R: ReadRow<'a>>(&'a self) -> Vec<R> {
        self.output("main").rows()
    }

    /// An output.
    ///
    /// # Panics
    /// If there is none of this name.
    #[must_use]
    #[expect(clippy::panic, reason = "a test that names a missing output has failed")]
    pub fn output(&self, name: &str) -> &Table {
        match self.outputs.iter().find(|(n, _)| n == name) {
            Some((_, table)) => table,
            None => panic!("there is no output {name:?}"),
        }
    }
}
