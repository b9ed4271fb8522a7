//! The operators: one file each.

mod dead_letter;
mod instance_aggregate;
mod keyed;
mod sink;
mod transform;
pub mod window;

pub(crate) use dead_letter::DeadLetters;
pub(crate) use instance_aggregate::instance_aggregate;
pub(crate) use keyed::{KeyedOperator, KeyedSpec};
pub(crate) use sink::{LatencyHistogram, SinkOperator};
pub(crate) use transform::{OutputMap, OutputSource, TransformOperator};
