//! Names that are mistyped, and the known ones that they are likely to be meant for.

/// `; did you mean "x"?`, if a known name is near; else nothing.
#[must_use]
pub fn did_you_mean(name: &str, known: &[&str]) -> String {
    nearest(name, known.iter().copied()).map_or_else(String::new, |near| format!("; did you mean {near:?}?"))
}

/// `; did you mean "x"?`, if a known name is near, and then all of them: `; it can be a, b, c`. `what` is what they are of.
#[must_use]
pub fn did_you_mean_of(name: &str, what: &str, known: &[&str]) -> String {
    let all = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    format!("{}; {what} {all}", did_you_mean(name, known))
}

/// The known name that `name` is most likely meant to be: a third of its letters may differ, and one more.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|k| (strsim::damerau_levenshtein(name, k), k))
        .filter(|(distance, k)| *distance <= 1 + k.chars().count() / 3)
        .min()
        .map(|(_, k)| k)
}
