//! Holds what came out against what was expected. Knows the one rule about time that all kinds share: what is expected by an
//! operation must be out by its end, and may be out before.

use std::fmt::Display;

use super::case::Stop;

/// Something that came out during an operation, or must be out by its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct At<T> {
    /// Index of the operation.
    pub(super) op: usize,
    /// What.
    pub(super) what: T,
}

/// Checks that every expectation is met by an output of its own and that there is no other output. `agree` says whether an
/// output is what an expectation means; an expectation may leave parts open.
pub(super) fn compare<E: Display, O: Display>(
    expected: &[At<E>],
    outputs: &[At<O>],
    ordered: bool,
    agree: impl Fn(&E, &O) -> bool,
) -> Result<(), Stop> {
    let meets = |e: usize, o: usize| {
        outputs[o].op <= expected[e].op && (!ordered || e == o) && agree(&expected[e].what, &outputs[o].what)
    };
    // A matching of expectations and outputs, grown along augmenting paths: one output may do for several expectations.
    let mut output_of = vec![None; expected.len()];
    for o in 0..outputs.len() {
        let mut tried = vec![false; expected.len()];
        place(o, &meets, &mut tried, &mut output_of);
    }
    let missing = (0..expected.len()).filter(|e| output_of[*e].is_none()).map(|e| {
        let At { op, what } = &expected[e];
        format!("op {op}: missing {what}")
    });
    let unexpected = (0..outputs.len()).filter(|o| !output_of.contains(&Some(*o))).map(|o| {
        let At { op, what } = &outputs[o];
        format!("op {op}: unexpected {what}")
    });
    let wrong: Vec<String> = missing.chain(unexpected).collect();
    if wrong.is_empty() { Ok(()) } else { Err(Stop::fail(wrong.join("; "))) }
}

fn place(
    output: usize,
    meets: &impl Fn(usize, usize) -> bool,
    tried: &mut [bool],
    output_of: &mut [Option<usize>],
) -> bool {
    for e in 0..output_of.len() {
        if tried[e] || !meets(e, output) {
            continue;
        }
        tried[e] = true;
        let free = match output_of[e] {
            None => true,
            Some(other) => place(other, meets, tried, output_of),
        };
        if free {
            output_of[e] = Some(output);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expected: &[(usize, &str)], outputs: &[(usize, &str)], ordered: bool) -> Result<(), String> {
        let at = |list: &[(usize, &str)]| -> Vec<At<String>> {
            list.iter().map(|(op, what)| At { op: *op, what: (*what).to_owned() }).collect()
        };
        // An expectation of "?" leaves open what it is.
        compare(&at(expected), &at(outputs), ordered, |e, o| e == "?" || e == o).map_err(|stop| match stop {
            Stop::Fail(why) | Stop::Skip(why) => why,
        })
    }

    #[test]
    fn an_output_may_come_early_but_not_late() {
        assert_eq!(check(&[(3, "a")], &[(1, "a")], false), Ok(()));
        assert_eq!(check(&[(3, "a")], &[(4, "a")], false), Err("op 3: missing a; op 4: unexpected a".into()));
    }

    #[test]
    fn each_output_meets_one_expectation() {
        assert_eq!(check(&[(1, "a"), (1, "a")], &[(0, "a")], false), Err("op 1: missing a".into()));
        assert_eq!(check(&[(1, "a")], &[(0, "a"), (0, "a")], false), Err("op 0: unexpected a".into()));
        assert_eq!(check(&[(1, "?"), (1, "a")], &[(0, "a"), (1, "b")], false), Ok(()));
    }

    #[test]
    fn order_counts_if_it_is_said_to() {
        assert_eq!(check(&[(1, "a"), (1, "b")], &[(0, "b"), (1, "a")], false), Ok(()));
        assert!(check(&[(1, "a"), (1, "b")], &[(0, "b"), (1, "a")], true).is_err());
    }
}
