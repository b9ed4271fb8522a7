//! The real server on a free port, asked by the real command: operators, jobs, swaps, kills, and all that is refused.

#![cfg(unix)]
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod alone;
mod api;
mod attacks;
mod compiled;
mod connects;
mod deploys;
mod disk;
mod example;
mod isolation;
mod kills;
mod paths;
mod pipelines;
mod restart;
mod revisions;
mod rollbacks;
mod rows;
mod savepoints;
mod secrets;
mod server;
mod start;
mod story;
mod swaps;
mod wrong;
