//! From the pipeline as written to what runs: names and schemas are resolved, columns that nobody reads are dropped, steps are
//! chained. Never opens a split and never instantiates an operator, and knows no kind of step: they are handed in.
//!
//! ```text
//! LogicalGraph --resolve--> schemas and describes checked --prune--> columns --physical--> chains and edges
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`node`] | what a kind of step is to the planner: ports, columns, components, how it is made |
//! | [`registry`] | the kinds that a pipeline may have |
//! | `swap`, `new_versions` | which versions of its components fit into a job that runs, and instances of them |
//! | `chains` | a checked job as chains and edges, for who runs it in another engine |
//! | [`error`] | what is wrong with a pipeline, and where its file says so |

pub(crate) mod chains;
pub(crate) mod describe;
pub mod error;
pub(crate) mod files;
pub(crate) mod guest_resources;
pub(crate) mod inputs;
pub(crate) mod job;
pub(crate) mod map_tables;
pub(crate) mod new_versions;
pub mod node;
pub(crate) mod physical;
pub(crate) mod prune;
pub(crate) mod refused_config;
pub mod registry;
pub(crate) mod resolve;
pub(crate) mod resolved;
pub(crate) mod source;
pub(crate) mod swap;
