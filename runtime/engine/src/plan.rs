//! From the pipeline as written to what runs: names and schemas are resolved, columns that nobody reads are dropped, steps are
//! chained. Never opens a split and never instantiates an operator.
//!
//! ```text
//! LogicalGraph --resolve--> schemas and describes checked --prune--> columns --physical--> chains and edges
//! ```

pub(crate) mod describe;
pub(crate) mod files;
pub(crate) mod guest_room;
pub(crate) mod inputs;
pub(crate) mod job;
pub(crate) mod physical;
pub(crate) mod prune;
pub(crate) mod resolve;
