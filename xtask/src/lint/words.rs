//! Phrases that readers have to translate, and what to write instead. They are found in prose, in messages and in names, also where
//! a line ends in the middle of one. It knows no grammar: a phrase that is sometimes right is not in the list.

use std::path::Path;

use anyhow::Context;

use super::Finding;
use super::files::{SDK_SOURCES, files};

/// What not to write, in lower case, and what to write instead.
const WORDS: [(&str, &str); 79] = [
    ("goes on", "continues; of a job: resumes from"),
    ("go on", "continue; of a job: resume from"),
    ("going on", "continuing; of a job: resuming from"),
    ("went on", "continued; of a job: resumed from"),
    ("gone on", "continued; of a job: resumed from"),
    ("whoever", "the role: the caller, the reader, the next claim"),
    ("is borne", "is tolerated"),
    ("are borne", "are tolerated"),
    ("told not read", "detected and never loaded"),
    ("another world", "a different WIT world"),
    ("passed over", "ignored, skipped"),
    ("given away", "flushed, handed out"),
    ("nothing to say", "idle"),
    ("odd but", "valid but suspicious"),
    ("said last", "the last log line"),
    ("gets no thread", "failed to spawn a thread"),
    ("no thread for", "failed to spawn a thread for"),
    ("too long to a", "timed out"),
    ("in no time nothing", "must be greater than zero"),
    ("nothing is said of", "no change given for"),
    ("one in the other", "must not contain one another"),
    ("and its state up with", "discard its state with"),
    ("shows early", "publishes before end"),
    ("untold jobs", "unacknowledged jobs"),
    ("guest room", "guest resources"),
    ("watermarks a split", "per-split watermarks"),
    ("subtasks an operator", "subtasks per operator"),
    ("limits an operator", "limits per operator"),
    ("row a key", "one row per key"),
    ("row a group", "one row per group"),
    ("row a timer", "one row per timer"),
    ("entry a key", "one entry per key"),
    ("int64 a row", "one int64 per row"),
    ("one a row", "one per row"),
    ("one a column", "one per column"),
    ("one a group", "one per group"),
    ("one a line", "one per line"),
    ("line a row", "one line per row"),
    ("thread a job", "one thread per job"),
    ("slot a job", "one slot per job"),
    ("folder a step", "one folder per step"),
    ("call a row", "one call per row"),
    ("part a subtask", "one part per subtask"),
    ("part a checkpoint", "one part per checkpoint"),
    ("kept a key", "kept per key"),
    ("kept a group", "kept per group"),
    ("timer a key", "one timer per key"),
    ("timers a key", "timers per key"),
    ("state a key", "state per key"),
    ("accumulators a key", "accumulators per key"),
    ("accumulator a group", "accumulator per group"),
    ("instructions a batch", "instructions per batch"),
    ("what becomes of", "what happens to"),
    ("what became of", "what happened to"),
    ("made anew", "created again"),
    ("shut out", "fenced"),
    ("nobody to be asked", "there is no terminal to ask at"),
    ("capitals count", "upper and lower case are different"),
    ("small letters", "lower case"),
    ("which there is not", "which does not exist"),
    ("object a line", "one object per line"),
    ("file a command", "one file per command"),
    ("file a resource", "one file per resource"),
    ("row a bid", "one row per bid"),
    ("row a slot", "one row per slot"),
    ("value a slot", "one value per slot"),
    ("batch a key", "one batch per key group"),
    ("line a round", "one line per round"),
    ("kept a sensor", "kept per sensor"),
    ("counts a key", "counts per key"),
    ("cents a product", "cents per product"),
    ("bytes a row", "bytes per row"),
    ("bytes a second", "bytes per second"),
    ("once a key", "once per key"),
    ("once a value", "once per value"),
    ("once a process", "once per process"),
    ("once a round", "once per round"),
    ("once a swap", "once per swap"),
    ("once a change", "once per change"),
];

/// What may not be changed any more, is made of that, or has the list.
const EXEMPT: [&str; 6] = [
    "wit",
    "sdk/c/bindings",
    "sdk/go/internal/bindings",
    "sdk/rust/src/bindings",
    "sdk/zig/bindings",
    "xtask/src/lint/words.rs",
];

/// Checks every file of the project.
///
/// # Errors
/// If a file cannot be read.
pub(super) fn check(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for path in files(root, &[&["rs", "toml", "md", "json", "txt"], SDK_SOURCES].concat())? {
        let shown = path.strip_prefix(root).unwrap_or(&path);
        if !EXEMPT.iter().any(|exempt| shown.starts_with(exempt)) {
            let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            findings.extend(check_file(shown, &text));
        }
    }
    Ok(findings)
}

fn check_file(path: &Path, text: &str) -> Vec<Finding> {
    let words = words(text);
    let mut findings = Vec::new();
    for (phrase, instead) in WORDS {
        let phrase_words: Vec<&str> = phrase.split(' ').collect();
        for found in words.windows(phrase_words.len()) {
            if found.iter().map(|word| word.text.as_str()).eq(phrase_words.iter().copied()) {
                let line = found.first().map_or(1, |word| word.line);
                findings.push(Finding::error(path, line, format!("not {phrase:?}, but: {instead}")));
            }
        }
    }
    findings.sort_by_key(|finding| finding.line);
    findings
}

struct Word {
    line: usize,
    /// In lower case; a sign that ends a sentence or a part of it is a word of its own.
    text: String,
}

/// The words of a text, without what marks comments and code in it. Parts of a name are words.
fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_start().trim_start_matches(['/', '!', '#', '*', '>', '|', '"']);
        let mut word = String::new();
        for letter in line.chars().chain([' ']) {
            if letter.is_alphanumeric() {
                word.extend(letter.to_lowercase());
                continue;
            }
            let mut push = |text: String| words.push(Word { line: index + 1, text });
            if !word.is_empty() {
                push(std::mem::take(&mut word));
            }
            if !letter.is_whitespace() && !"_`*\\".contains(letter) {
                push(letter.to_string());
            }
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        check_file(Path::new("a.rs"), text).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn phrases_are_found_in_prose_names_and_across_lines() {
        let goes_on = |line| format!("error: a.rs:{line}: not \"goes on\", but: continues; of a job: resumes from");
        assert_eq!(found("//! A job\n/// Goes on from it."), [goes_on(2)]);
        assert_eq!(found("/// The stream goes\n    /// on beside it."), [goes_on(1)]);
        assert_eq!(found("fn it_goes_on_after_a_kill() {}"), [goes_on(1)]);
        assert_eq!(found("\"the job goes \\\n     on with it\""), [goes_on(1)]);
    }

    #[test]
    fn this_project_has_no_such_phrase() {
        let found = check(crate::command::root()).unwrap();
        assert!(found.is_empty(), "{}", found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn words_of_two_sentences_and_parts_of_words_are_no_phrase() {
        assert_eq!(found("It goes. On Monday, it cargoes on, it goes only."), [] as [&str; 0]);
    }
}
