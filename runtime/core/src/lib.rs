//! The vocabulary of Weir: records in flight, time, windows, key groups, the pipeline as a graph, limits, and the traits that
//! connectors implement.
//!
//! Everything here is pure. This crate never reads a clock, never draws a random number, never opens a file or a socket, and
//! never knows WebAssembly; what it needs of the outside is passed in.
//!
//! | module | holds |
//! |---|---|
//! | [`batch`] | rows in flight: [`StreamBatch`](batch::StreamBatch), [`StreamElement`](batch::StreamElement) |
//! | [`changelog`] | what the rows of a stream do to those before them |
//! | [`time`] | clocks, watermark strategies, merging of watermarks, idleness |
//! | [`window`] | assigning event times to windows and panes |
//! | [`key_group`] | which key belongs to which subtask |
//! | [`graph`] | the pipeline as its author wrote it: [`LogicalGraph`](graph::LogicalGraph) |
//! | [`pipeline`] | `pipeline.toml` into a [`LogicalGraph`](graph::LogicalGraph), errors with line and column |
//! | [`checkpoint`] | when checkpoints begin and are complete: [`Coordinator`](checkpoint::Coordinator) |
//! | [`connector`] | the traits of sources and sinks |
//! | [`options`] | what a pipeline says to a connector: [`Options`](options::Options), with its secrets |
//! | [`diagnostic`], [`span`] | a problem, its place in the text, and how it is shown |
//! | [`names`] | what a mistyped name is likely to mean |
//! | [`written`] | what sinks write, and when two are in each other's way: [`Written`](written::Written) |
//! | [`allow_connect`] | where the jobs of a server may connect to |
//! | [`disk`] | how much of a disk the jobs of a server may take |
//! | [`column_type`] | the names of column types |
//! | [`error`] | an error and its causes in one line |
//! | [`exact`] | numbers as text into numbers that are the same |
//! | [`restart`] | when a job that failed starts again |
//! | [`swap`] | when a new version of an operator is kept and when it is rolled back: [`Swap`](swap::Swap) |
//! | [`limits`] | every bound, with its default and its reason |

pub mod allow_connect;
pub mod batch;
pub mod changelog;
pub mod checkpoint;
pub mod column_type;
pub mod connector;
mod connector_error;
pub mod diagnostic;
pub mod disk;
pub mod error;
pub mod exact;
pub mod graph;
mod guarantee;
pub mod key_group;
pub mod limits;
pub mod memory;
pub mod names;
pub mod options;
pub mod pipeline;
pub mod restart;
mod sink_report;
pub mod span;
pub mod swap;
pub mod time;
pub mod visible;
pub mod window;
pub mod written;
