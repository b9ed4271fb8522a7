//! Hosts operators: loads, compiles, instantiates and calls WebAssembly components of the package `weir:operator`.
//!
//! `rows and states -> delta`, with no engine around it. This crate never applies a delta, never keeps state between two calls,
//! never lets a guest see anything but what is passed to it, and takes no byte of a guest's answer unchecked. It is the only
//! one that knows wasmtime.
//!
//! | module | holds |
//! |---|---|
//! | [`config`] | [`HostConfig`]: how a host is set up |
//! | [`host`] | [`Host`]: the engine's settings, its ticker, the way from a file to a [`Component`] |
//! | [`component`] | [`Component`]: a compiled operator; `about`, `describe` and `instantiate` |
//! | [`instance`] | [`Instance`]: one sandbox; the calls of all three worlds |
//! | [`spec`] | what an instance is made for, and why there is none |
//! | [`call`], [`call_error`] | what goes into a call, and how it fails |
//! | [`delta`] | what comes out of a call |
//! | [`plan`] | what an operator does with its inputs |
//! | [`isolate`](mod@isolate) | finding the rows that make a call fail |
//! | [`format`](mod@format) | Arrow types as the format strings of the C data interface |
//! | [`cache`] | what was compiled, on disk; looking at it and clearing it |
//! | [`lines`] | which lines of which files an operator's code comes from |
//! | [`load`] | telling what a file is before compiling it, and what to do if it is no operator |
//! | [`maps`] | what a keyed operator's maps are read through during a call |
//! | [`imports`] | what a guest may import: `log`, `metrics` and, if it is keyed, `maps` |
//! | [`limits`] | every bound that no pipeline sets |

mod abi;
mod backtrace;
pub mod cache;
pub mod call;
pub mod call_error;
mod call_time;
mod compiled;
pub mod component;
pub mod config;
mod ctx;
pub mod delta;
mod engine;
mod exports;
mod features;
pub mod format;
pub mod host;
pub mod imports;
pub mod instance;
pub mod isolate;
mod lift;
mod lift_delta;
pub mod limits;
pub mod lines;
pub mod load;
mod lower;
pub mod maps;
pub mod plan;
mod plan_check;
mod sandbox;
mod schema;
mod shared;
pub mod spec;

pub use cache::{Bound, CacheUsage, FunctionCounts, Usage, cache_usage, clear_cache};
pub use call::{GuestClock, Rows, States, TimeDomain, Timers};
pub use call_error::{CallError, LAST_LOG_LINE};
pub use component::Component;
pub use config::{HostConfig, INSTANCES_MAX_DEFAULT, STACK_BYTES_DEFAULT};
pub use delta::{Accumulated, Delta, KeyedDelta, MapChanges, RejectedRow, Selection, TransformDelta};
pub use host::Host;
pub use imports::log::{GuestLog, LogLevel, NoLog, printable};
pub use imports::metrics::{GuestMetrics, Histogram};
pub use instance::Instance;
pub use isolate::{Failure, isolate};
pub use load::LoadError;
pub use maps::{EntryBound, EntryPage, EntryRange, FoundEntries, MapReadError, MapReader};
pub use plan::{InputSchema, MapLayout, OperatorInfo, OutputColumn, OutputPlan, Plan, StateLayout, World};
pub use shared::{HostError, OnCompile};
pub use spec::{InstanceError, InstanceSpec};
