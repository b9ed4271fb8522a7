//! Dead letters of timers: they are no rows, so they cannot be replayed. They wait until they are dropped.

use std::collections::BTreeMap;

use serde_json::Value;
use weir_core::graph::{LogicalGraph, NodeKind};
use weir_engine::is_letter_of_timer;

/// The columns that a step is keyed by; `None`: it has no timers.
pub(crate) fn keys_of<'g>(graph: &'g LogicalGraph, step: &str) -> Option<Vec<&'g str>> {
    match &graph.nodes.iter().find(|node| node.name == step)?.kind {
        NodeKind::Operator(operator) => Some(operator.key_by.as_ref()?.iter().map(|key| key.value.as_str()).collect()),
        _ => None,
    }
}

/// Whether a letter, as it is written, is that of a timer: its reason says so, and it has no values but those of the key.
pub(crate) fn is_of_timer(letter: &[u8], keys: &[&str]) -> bool {
    let Ok(row) = serde_json::from_slice::<BTreeMap<String, Value>>(letter) else { return false };
    let is_known =
        |(column, value): (&String, &Value)| column == "error" || value.is_null() || keys.contains(&column.as_str());
    row.get("error").and_then(Value::as_str).is_some_and(is_letter_of_timer) && row.iter().all(is_known)
}

/// What is said of letters that are not replayed.
pub(crate) fn timers_are_left(job: &str, step: &str, letters: u64) -> String {
    let (noun, are, they) = if letters == 1 { ("letter", "is", "it waits") } else { ("letters", "are", "they wait") };
    format!(
        "{letters} {noun} of {step:?} {are} about timers, which are no rows and cannot be replayed: {they} until `weir dlq {job} drop`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_a_timers_reason_and_no_row_is_a_timers() {
        let is = |letter: &str| is_of_timer(letter.as_bytes(), &["key"]);
        let reason = "\"error\": \"timer of event time at 2024-01-01T00:00:00Z: no\"";
        assert!(is(&format!("{{\"key\": 1, \"value\": null, {reason}}}")));
        assert!(!is(&format!("{{\"key\": 1, \"value\": 5, {reason}}}")), "a row whose author writes so");
        assert!(!is("{\"key\": 1, \"value\": null, \"error\": \"no\"}"), "a row of nulls");
    }
}
