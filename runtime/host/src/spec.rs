//! What an instance is made for, and why there is none. It makes nothing.

use std::sync::Arc;

use weir_core::limits::OperatorLimits;

use crate::imports::log::GuestLog;
use crate::plan::InputSchema;

/// What an instance is made for.
#[derive(Clone)]
pub struct InstanceSpec {
    /// The operator's name in its pipeline, for its log.
    pub operator: String,
    /// What `describe` gets.
    pub config: serde_json::Value,
    /// What it is connected to.
    pub inputs: Vec<InputSchema>,
    /// Its bounds.
    pub limits: OperatorLimits,
    /// Where its lines go.
    pub log: Arc<dyn GuestLog>,
}

/// Why there is no instance, or no plan.
#[derive(Debug, thiserror::Error)]
pub enum InstanceError {
    /// The operator refuses its configuration or inputs.
    #[error("the operator refuses its configuration or inputs: {0}")]
    Refused(String),
    /// A column of an input has a type that operators cannot read.
    #[error("input {input}: {message}")]
    Input {
        /// Index of the input.
        input: usize,
        /// Which column, and what to do.
        message: String,
    },
    /// There is nothing to ask the operator about.
    #[error("an operator needs an input to be described")]
    NoInput,
    /// What it says of itself breaks the contract: a fault of the operator or its SDK.
    #[error("what the operator says about itself is invalid: {0}")]
    InvalidInfo(String),
    /// The plan breaks the contract: a fault of the operator or its SDK.
    #[error("the operator's plan is invalid: {0}")]
    InvalidPlan(String),
    /// The guest failed in `describe`, or while it was started.
    #[error("the operator failed in describe: {0}")]
    Guest(String),
    /// No room for another instance.
    #[error("no instance can be made: {0}")]
    Unavailable(String),
    /// `describe` gave another plan than before for the same arguments.
    #[error("describe gave a different plan for the same arguments: it must be a pure function")]
    PlanChanged,
}
