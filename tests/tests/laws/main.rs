//! The laws, over whole jobs that are driven step by step in one thread: the same input gives the same output for any batch
//! split, any order in which subtasks run, any parallelism, after a restore at any point, and whatever fails meanwhile.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod aggregate_swaps;
mod aggregate_table_swaps;
mod canaries;
mod checkpoints;
mod components;
mod expressions;
mod faults;
mod figures;
mod golden_trial;
mod joins;
mod ledger;
mod lookup_joins;
mod maps;
mod pipelines;
mod processing_time;
mod random_pipelines;
mod regular_joins;
mod rolling;
mod shadows;
mod simulation;
mod step_times;
#[path = "../../../runtime/state/tests/checkpoint/stores.rs"]
#[allow(dead_code, reason = "the tests of checkpoints use the rest")]
mod stores;
mod supervisor;
mod support;
mod swap_ends;
mod swapper;
mod swaps;
mod temporal_joins;
mod ttl;
mod two_inputs;
mod updating;
mod updating_tables;
mod watermarks;
mod ways_back;
mod windows;
mod wrapped;
