//! The real command over real files: the examples, operators that keep state, operators that fail.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod chaos;
mod examples;
mod harness;
mod on_error;
mod stateful;
