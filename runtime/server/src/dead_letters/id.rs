//! What a dead letter is called: `STEP:GENERATION-ATTEMPT-SUBTASK:LINE`, by the part that it is in.

use std::fmt;
use std::str::FromStr;

/// A part of a step's dead letters, in the order in which they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PartId {
    /// The run of the job that wrote it, and its attempt at the checkpoint that made it visible.
    pub(crate) cut: (u64, u64),
    subtask: u64,
}

/// A dead letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LetterId {
    pub(crate) step: String,
    pub(crate) part: PartId,
    /// From 1.
    pub(crate) line: u64,
}

impl PartId {
    /// The part with this name of a file; `None`: it is no part.
    pub(crate) fn of_file(name: &str) -> Option<Self> {
        let [subtask, generation, attempt] = numbers(name.strip_prefix("part-")?.strip_suffix(".jsonl")?)?;
        Some(Self { cut: (generation, attempt), subtask })
    }

    /// The name of its file.
    pub(crate) fn file_name(self) -> String {
        let Self { cut: (generation, attempt), subtask } = self;
        format!("part-{subtask:05}-{generation:06}-{attempt:08}.jsonl")
    }
}

fn numbers(text: &str) -> Option<[u64; 3]> {
    let numbers: Option<Vec<u64>> = text.split('-').map(|number| number.parse().ok()).collect();
    numbers?.try_into().ok()
}

impl fmt::Display for PartId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cut: (generation, attempt), subtask } = self;
        write!(f, "{generation}-{attempt}-{subtask}")
    }
}

impl FromStr for PartId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let [generation, attempt, subtask] = numbers(text).ok_or(())?;
        Ok(Self { cut: (generation, attempt), subtask })
    }
}

impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.step, self.part, self.line)
    }
}

impl FromStr for LetterId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let [step, part, line] = text.split(':').collect::<Vec<_>>()[..] else { return Err(()) };
        Ok(Self { step: step.to_owned(), part: part.parse()?, line: line.parse().map_err(drop)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_files_are_read_back() {
        let part = PartId { cut: (12, 3), subtask: 1 };
        assert_eq!(part.file_name(), "part-00001-000012-00000003.jsonl");
        assert_eq!(PartId::of_file(&part.file_name()), Some(part));
        let id = LetterId { step: "größe-1".to_owned(), part, line: 40 };
        assert_eq!(id.to_string(), "größe-1:12-3-1:40");
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in ["", "a", "a:1-2-3", "a:1-2:4", "a:1-2-3-4:5", "a:1-2-3:-4", "a:1-2-x:4", "a:1-2-3:4:5"] {
            assert_eq!(text.parse::<LetterId>(), Err(()), "{text}");
        }
        for name in [".part-000002-aB3.tmp", "part-00001-000012-00000003.csv", "part-1-2.jsonl", "x.jsonl"] {
            assert_eq!(PartId::of_file(name), None, "{name}");
        }
    }

    #[test]
    fn parts_are_in_the_order_of_their_cuts() {
        let of = |text: &str| text.parse::<PartId>().unwrap();
        let mut parts = [of("2-1-0"), of("1-10-0"), of("1-9-1"), of("1-9-0")];
        parts.sort_unstable();
        assert_eq!(parts.map(|part| part.to_string()), ["1-9-0", "1-9-1", "1-10-0", "2-1-0"]);
    }
}
