//! From the pipeline as written to what runs: names and schemas are resolved, columns that nobody reads are dropped, steps are
//! chained. Never opens a split and never instantiates an operator.
//!
//! ```text
//! LogicalGraph --resolve--> schemas and describes checked --prune--> columns --physical--> chains and edges
//! ```

mod files;
mod inputs;
mod physical;
mod prune;
mod resolve;

pub(crate) use physical::{ChainPlan, Consumer, ConsumerTarget, EdgePlan, PhysicalGraph, StepKind, StepPlan};
pub(crate) use prune::Pruned;
pub(crate) use resolve::with_error_column;
pub use resolve::{CheckError, CheckErrors};
pub(crate) use resolve::{
    Resolved, ResolvedAggregate, ResolvedAggregateKind, ResolvedKind, ResolvedNode, ResolvedSource,
};
