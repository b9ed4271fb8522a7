//! The records of `weir:operator` as Rust sees them in a call: borrowed on the way in, so that each buffer is copied once,
//! owned on the way out. Nothing here is checked yet; nothing here leaves this crate.

use wasmtime::component::{ComponentType, Lift, Lower};

pub(crate) mod from_guest;
mod pointer_pair;
mod shared_bytes;
pub(crate) mod to_guest;

pub(crate) use pointer_pair::{List, PointerPair, Text};
pub(crate) use shared_bytes::SharedBytes;

/// `keyed.time-domain`, in both directions.
#[derive(Clone, Copy, Debug, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
pub(crate) enum TimeDomain {
    #[component(name = "event-time")]
    EventTime,
    #[component(name = "processing-time")]
    ProcessingTime,
}

/// `types.changelog-mode`, in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
#[allow(dead_code, reason = "a guest makes the others; this host does not give them yet")]
pub(crate) enum ChangelogMode {
    #[component(name = "insert-only")]
    InsertOnly,
    #[component(name = "upsert")]
    Upsert,
    #[component(name = "retract")]
    Retract,
}

/// The package and version that this host implements.
pub(crate) const PACKAGE: &str = "weir:operator";
/// See [`PACKAGE`].
pub(crate) const VERSION: &str = "0.1.0";

/// The package of what an operator over updating streams may export besides, and its version.
pub(crate) const UPDATING_PACKAGE: &str = "weir:updating";
/// How an aggregate takes rows back.
pub(crate) const RETRACT: &str = "weir:updating/retract@0.1.0";

/// The full name of an interface of the package.
pub(crate) fn interface(name: &str) -> String {
    format!("{PACKAGE}/{name}@{VERSION}")
}

#[cfg(target_endian = "big")]
compile_error!("columns cross the boundary as they are in memory, and the contract says little endian");
