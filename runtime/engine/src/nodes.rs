//! The kinds of steps, one folder each.

pub(crate) mod dead_letter;
pub(crate) mod delta;
pub(crate) mod keyed;
pub(crate) mod make;
pub(crate) mod meter;
pub(crate) mod sink;
pub(crate) mod transform;
pub mod window;
