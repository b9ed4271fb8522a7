//! Write a Weir operator in Rust: a struct that serde can make, an implementation of one trait, and `export!`.
//!
//! | to write | implement | and export it with |
//! |---|---|---|
//! | a filter, map, flat-map, project, split | [`transform::Transform`] | `transform::export!` |
//! | the same over columns, for speed | [`transform::ColumnTransform`] | `transform::export!` |
//! | an operator with state and timers per key | [`keyed::Keyed`] | `keyed::export!` |
//! | an aggregate for windows | [`aggregate::Aggregate`] | `aggregate::export!` |
//!
//! Rows are plain structs with `#[derive(Row)]`; [`value`] says what their fields can be. Built for `wasm32-unknown-unknown`, a
//! crate of type `cdylib` with one `export!` is a component once `weir build` has wrapped it; it imports nothing but [`log`],
//! [`metrics`] and, if it is keyed, its maps. Built natively, `export!` only checks the types, and [`testing`] runs the operator over rows through the same
//! code that the component runs.
//!
//! This crate never lets a row cross the boundary: batches come and go as columns, and only the columns that a row declares
//! come at all. It never copies a column to read it.

pub mod aggregate;
pub mod builder;
pub mod column;
mod config;
pub mod emit;
mod error;
mod export;
pub mod keyed;
pub mod log;
mod map;
mod map_changes;
mod map_host;
pub mod metrics;
pub mod row;
mod schema;
mod state;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod timer;
pub mod transform;
pub mod value;
pub mod wire;

mod bytes;
mod fixed;
mod list;
mod muted;
mod nested;
mod number;
mod output;
mod refused;
mod rewind;
mod select;
mod sources;
mod telemetry;
mod timestamp;
mod timestamp_text;
mod type_name;
mod view;

#[cfg(target_family = "wasm")]
pub mod guest;

/// The derive macros, under another name than the traits'.
mod derive {
    pub use weir_sdk_derive::{Outputs, Row};
}

pub use derive::{Outputs, Row};
pub use emit::{Emitter, Outputs};
pub use error::RowError;
pub use fixed::{Date, Decimal};
pub use list::ListItem;
pub use number::Number;
pub use row::{Keep, ReadRow, Row};
pub use schema::Schema;
pub use timestamp::{Timestamp, TimestampMillis, TimestampNanos, TimestampSeconds};
pub use type_name::type_name;
pub use value::{ReadValue, Value};
pub use view::{Column, EventTimes};
pub use wire::OperatorInfo;

// The derive macros name this crate as its users do; its own tests need that too.
extern crate self as weir_sdk;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
