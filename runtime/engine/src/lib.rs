//! Runs a pipeline.

pub mod operator;
