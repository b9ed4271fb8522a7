//! `pipeline.toml` into a [`LogicalGraph`](crate::graph::LogicalGraph).

/// `: did you mean "x"?`, if a known name is near.
#[must_use]
pub fn did_you_mean(name: &str, known: &[&str]) -> String {
    known
        .iter()
        .map(|k| (strsim::damerau_levenshtein(name, k), k))
        .filter(|(distance, k)| *distance <= 1 + k.len() / 3)
        .min()
        .map_or_else(String::new, |(_, k)| format!("; did you mean {k:?}?"))
}
