//! The configuration: an operator is a value that serde makes of the JSON in its pipeline.

use serde::de::DeserializeOwned;

/// The operator that a configuration describes.
///
/// # Errors
/// If it does not fit; the message says which key.
pub(crate) fn parse<Op: DeserializeOwned>(config: &str) -> Result<Op, String> {
    let text = if config.trim().is_empty() { "{}" } else { config };
    let error = match serde_json::from_str(text) {
        Ok(operator) => return Ok(operator),
        Err(error) => error,
    };
    // No configuration is `{}` to a struct with fields and `null` to one without.
    let none = matches!(text.trim(), "{}" | "null");
    let other_form = if text.trim() == "null" { "{}" } else { "null" };
    match serde_json::from_str(other_form) {
        Ok(operator) if none => Ok(operator),
        _ => Err(format!("config: {error}")),
    }
}
