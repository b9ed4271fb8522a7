//! Operators and their versions.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A version of an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct OperatorVersion {
    /// The operator's name.
    pub name: String,
    /// The version's.
    pub version: String,
    /// The blake3 digest of its component, hexadecimal.
    pub digest: String,
    /// The component's size.
    pub bytes: u64,
    /// `transform`, `keyed` or `aggregate`.
    pub world: String,
    /// When it was pushed.
    pub created_us: i64,
    /// The jobs that run it.
    pub used_by: Vec<String>,
}

/// What happened to an upload.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Pushed {
    /// The version.
    pub operator: OperatorVersion,
    /// Whether it was not there before.
    pub is_new: bool,
}
