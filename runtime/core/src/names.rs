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

/// The known name that `name` is most likely meant to be: it has other upper and lower case, or at most a third of its letters are different.
/// A short name has the same letters in another order: too many words are one or two letters away.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let distance = |k: &'a str| {
        let known = k.to_lowercase();
        let (distance, letters) =
            (strsim::damerau_levenshtein(&name, &known), name.chars().count().max(known.chars().count()));
        let is_near = match letters <= SHORT_LETTERS {
            true => sorted(&name) == sorted(&known),
            false => distance <= letters / 3,
        };
        is_near.then_some((distance, k))
    };
    known.filter_map(distance).min().map(|(_, k)| k)
}

/// Names with at most so many letters are short.
const SHORT_LETTERS: usize = 3;

fn sorted(text: &str) -> Vec<char> {
    let mut letters: Vec<char> = text.chars().collect();
    letters.sort_unstable();
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_share_most_letters() {
        let known = ["id", "ip", "ts", "max", "price", "auction", "on-error", "Latency"];
        for (name, expected) in [
            ("prize", Some("price")),
            ("pirce", Some("price")),
            ("actoin", Some("auction")),
            ("onerror", Some("on-error")),
            ("latency", Some("Latency")),
            ("ID", Some("id")),
            ("mxa", Some("max")),
            // One or two letters away.
            ("t", None),
            ("at", None),
            ("tps", None),
            ("min", None),
            ("is", None),
            ("rice", Some("price")),
            ("ice", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, known.into_iter()), expected, "{name:?}");
        }
    }
}
