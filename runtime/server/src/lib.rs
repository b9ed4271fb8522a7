//! The service: one process that keeps operators and jobs in a catalog, runs the jobs, and is told what to do over HTTP.
//!
//! | module | holds |
//! |---|---|
//! | [`serve()`] | the process: listens, recovers the jobs, drains when it is asked to end |
//! | `api` | the HTTP API, one file per resource; nothing is decided there |
//! | [`model`] | what goes over the wire, for clients too |
//! | `service` | what can be asked of the service, and what is refused |
//! | `jobs` | jobs that run: a thread each, their swaps, their lines |
//! | `launch` | a job that is about to run, and what it resumes from |
//! | `semaphore` | how many threads check jobs at a time |
//! | `crash_watch` | which job crashes the server |
//! | `pipelines` | a pipeline's text into a job of this server |
//! | `revisions` | what each revision of a job changes |
//! | `dead_letters` | the rows that a job's steps could not process, in files |
//! | `replays` | those of them that go into their step again |
//! | `disk_bounds` | how much of the disk jobs may take |
//! | `connections`, `open_files` | who is connected, and how many descriptors that takes |
//! | `components`, `compiler` | uploads, the content-addressed store, compiling in a process of its own |
//! | [`Catalog`] | operators, jobs, revisions and tokens, in SQLite |
//! | `metrics` | what monitoring reads |
//! | [`log_to_stderr`] | what the server itself says |
//! | [`private_folder`] | folders and files that are their owner's alone |
//! | `auth`, `role` | who may do what |
//! | [`Problem`] | what is refused, and why, as RFC 9457 has it |
//!
//! It knows no connector: the command hands it a registry. It decides nothing about streams: when a checkpoint is made, what a swap
//! does to rows, when a failed job starts again is the engine's.

mod api;
mod auth;
mod catalog;
mod compiler;
mod components;
mod connections;
mod crash_watch;
mod dead_letters;
mod disk_bounds;
mod jobs;
mod launch;
mod log;
mod metrics;
pub mod model;
mod names;
mod open_files;
mod pipelines;
mod private;
mod problem;
mod replays;
mod revisions;
mod role;
mod semaphore;
mod serve;
mod service;

pub use auth::new_token;
pub use catalog::{Catalog, CatalogError, Token};
pub use compiler::Compiled;
pub use log::{LogFormat, log_to_stderr};
pub use private::{check_private_file, private_folder};
pub use problem::{PipelineProblem, Problem, ProblemDocument};
pub use role::Role;
pub use serve::{ServeConfig, ServeError, Tls, api_description, serve};
