//! The operators: one file each.

mod comparison;
mod component_window;
mod dead_letter;
mod instance_aggregate;
mod keyed;
mod meter;
mod shadow;
mod sink;
mod transform;
mod trial;
pub mod window;

pub use comparison::Difference;
pub(crate) use component_window::ComponentWindow;
pub(crate) use dead_letter::DeadLetters;
pub(crate) use instance_aggregate::{AggregateGuest, InstanceAggregate, SharedInstance};
pub(crate) use keyed::{KeyedGuest, KeyedOperator, KeyedSpec, STATES};
pub(crate) use keyed::{can_share_keys, check_goes_back, check_readable, gives_up, is_same};
pub(crate) use meter::{Meter, MeteredInstance};
pub use shadow::{ShadowReport, ShadowSeat, SharedShadow};
pub(crate) use sink::{LatencyHistogram, SinkOperator};
pub(crate) use transform::{OutputMap, OutputSource, TransformGuest, TransformOperator};
pub use trial::{Seat, SharedSwap};
