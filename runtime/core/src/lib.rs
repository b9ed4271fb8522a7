//! The vocabulary of Weir: records in flight, time, windows, key groups, the pipeline as a graph, limits, and the traits that
//! connectors implement.
//!
//! Everything here is pure. This crate never reads a clock, never draws a random number, never opens a file or a socket, and
//! never knows WebAssembly; what it needs of the outside is passed in.
//!
//! | module | holds |
//! |---|---|
//! | [`batch`] | rows in flight: [`StreamBatch`](batch::StreamBatch), [`StreamElement`](batch::StreamElement) |
//! | [`time`] | clocks, watermark strategies, merging of watermarks, idleness |
//! | [`window`] | assigning event times to windows and panes |
//! | [`key_group`] | which key belongs to which subtask |
//! | [`graph`] | the pipeline as its author wrote it: [`LogicalGraph`](graph::LogicalGraph) |
//! | [`pipeline`] | `pipeline.toml` into a [`LogicalGraph`](graph::LogicalGraph), errors with line and column |
//! | [`checkpoint`] | when checkpoints begin and are complete: [`Coordinator`](checkpoint::Coordinator) |
//! | [`connector`] | the traits of sources and sinks |
//! | [`column_type`] | the names of column types |
//! | [`error`] | an error and its causes in one line |
//! | [`restart`] | when a job that failed starts again |
//! | [`swap`] | when a new version of an operator is kept and when it is rolled back: [`Swap`](swap::Swap) |
//! | [`limits`] | every bound, with its default and its reason |

pub mod batch;
pub mod checkpoint;
pub mod column_type;
pub mod connector;
pub mod error;
pub mod graph;
pub mod key_group;
pub mod limits;
pub mod pipeline;
pub mod restart;
pub mod swap;
pub mod time;
pub mod window;
