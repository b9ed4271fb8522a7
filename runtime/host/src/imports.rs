//! What an operator may import. Every capability has one shape: a context with what it may do, a view that finds the context
//! in a store's data, and `add_to_linker`.

pub mod log;
pub(crate) mod maps;
pub mod metrics;
