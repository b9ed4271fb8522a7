//! The laws, over whole jobs that are driven step by step in one thread: the same input gives the same output for any batch
//! split, any order in which subtasks run, any parallelism, and after a snapshot and restore at any point.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod components;
mod support;
mod windows;
