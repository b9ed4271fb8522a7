//! Dead letters over the wire.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// The dead letters of a step that wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct StepLetters {
    /// The step.
    pub step: String,
    /// How many there are.
    pub letters: u64,
    /// About when the first of them was written.
    pub since_us: i64,
    /// The most frequent errors of the first of them, most frequent first.
    pub errors: Vec<ErrorCount>,
}

/// How often there is an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ErrorCount {
    /// What went wrong.
    pub error: String,
    /// The letters that say so.
    pub letters: u64,
}

/// A row that a step could not process.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Letter {
    /// `STEP:GENERATION-ATTEMPT-SUBTASK:LINE`, by the file that it is in.
    pub id: String,
    /// What went wrong.
    pub error: String,
    /// The row, with all digits of its numbers; of a source: the record, and where it is.
    #[schema(value_type = Object)]
    pub row: Box<RawValue>,
}

/// Which of the waiting letters: all of a step, some, or all. Exactly one of the three is given.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LetterChoice {
    /// Those of this step.
    #[serde(default)]
    pub step: Option<String>,
    /// These, by their ids.
    #[serde(default)]
    pub letters: Vec<String>,
    /// All.
    #[serde(default)]
    pub all: bool,
}

/// What happened to letters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct LettersTaken {
    /// How many wait no longer.
    pub letters: u64,
    /// Notes for a person.
    pub notes: Vec<String>,
}
