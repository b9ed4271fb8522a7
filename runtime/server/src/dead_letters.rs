//! The dead letters of a job: one folder per step, in it the parts that the step's sink has made visible, one letter per line. Parts are
//! read, line by line, and never changed; which letters wait no longer is the catalog's.

mod id;
mod lines;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, ErrorKind};
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde_json::value::{RawValue, to_raw_value};

pub(crate) use id::{LetterId, PartId};
pub(crate) use lines::{END, Lines};

/// The folder of them in that of their job.
pub(crate) const FOLDER: &str = "dead-letters";

/// Blocks of file systems are no larger.
const BLOCK_BYTES_MAX: u64 = 1 << 20;

/// Letters of a step, by part.
pub(crate) type Letters = BTreeMap<PartId, Lines>;

/// The dead letters of a job.
pub(crate) struct DeadLetters {
    folder: PathBuf,
}

/// A letter, as it is visited.
pub(crate) struct Visited<'a> {
    pub(crate) part: PartId,
    pub(crate) line: u64,
    /// Its JSON, with the line's end.
    pub(crate) text: &'a [u8],
    /// Its part's file.
    pub(crate) file: &'a File,
}

impl DeadLetters {
    /// Those in the folder of a job.
    pub(crate) fn of(job: &Path) -> Self {
        Self { folder: job.join(FOLDER) }
    }

    /// The steps that have had any, by name.
    pub(crate) fn steps(&self) -> io::Result<Vec<String>> {
        names(&self.folder)
    }

    /// The files of the parts that came after a cut.
    pub(crate) fn newer_than(&self, cut: (u64, u64)) -> io::Result<Vec<PathBuf>> {
        let mut newer = Vec::new();
        for step in self.steps()? {
            let folder = self.folder.join(step);
            newer
                .extend(parts(&folder)?.iter().filter(|part| part.cut > cut).map(|part| folder.join(part.file_name())));
        }
        Ok(newer)
    }

    /// Visits the letters of a step that are not among those `taken`, in order, from one part on.
    pub(crate) fn visit<E: From<io::Error>>(
        &self,
        step: &str,
        taken: &Letters,
        from: Option<PartId>,
        mut visit: impl FnMut(Visited<'_>) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let (folder, none) = (self.folder.join(step), Lines::default());
        for part in parts(&folder)?.into_iter().filter(|part| from.is_none_or(|from| *part >= from)) {
            let taken = taken.get(&part).unwrap_or(&none);
            if taken.is_all() {
                continue;
            }
            let file = match File::open(folder.join(part.file_name())) {
                // The job has gone back behind it meanwhile.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                opened => opened?,
            };
            let (mut text, mut lines, mut line) = (Vec::new(), BufReader::new(&file), 0);
            while lines.read_until(b'\n', &mut text)? > 0 {
                line += 1;
                if !taken.contains(line) && visit(Visited { part, line, text: &text, file: &file })?.is_break() {
                    return Ok(());
                }
                text.clear();
            }
        }
        Ok(())
    }
}

impl DeadLetters {
    /// Whether a part has no other lines than these.
    pub(crate) fn has_only(&self, step: &str, part: PartId, lines: &Lines) -> io::Result<bool> {
        let (mut file, mut line) = (BufReader::new(File::open(self.folder.join(step).join(part.file_name()))?), 0);
        while file.skip_until(b'\n')? > 0 {
            line += 1;
            if !lines.contains(line) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Gives the room of parts back of which every letter is dropped. They stay, as holes of the same length: checkpoints count on that.
    /// Says how many could not be given back.
    pub(crate) fn free(&self, step: &str, dropped: &Letters) -> usize {
        let over = dropped.iter().filter(|(_, lines)| lines.is_all());
        over.filter(|(part, _)| self.punch(step, **part).is_err()).count()
    }

    /// Removes a part, if it is there.
    pub(crate) fn remove(&self, step: &str, part: PartId) -> io::Result<()> {
        match std::fs::remove_file(self.folder.join(step).join(part.file_name())) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    fn punch(&self, step: &str, part: PartId) -> io::Result<()> {
        use rustix::fs::{FallocateFlags, fallocate};
        let path = self.folder.join(step).join(part.file_name());
        let file = match File::options().write(true).open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            opened => opened?,
        };
        let found = file.metadata()?;
        if found.len() == 0 || found.blocks() == 0 {
            return Ok(());
        }
        // To the end of its last block, or that would stay.
        let bytes = found.len().next_multiple_of(BLOCK_BYTES_MAX);
        Ok(fallocate(&file, FallocateFlags::PUNCH_HOLE.union(FallocateFlags::KEEP_SIZE), 0, bytes)?)
    }
}

/// A letter's error, and the row that it is about. Of a source: the reason, and the record.
pub(crate) fn read(text: &[u8]) -> (String, Box<RawValue>) {
    // Numbers keep the digits that they are written with.
    let Ok(mut row) = serde_json::from_slice::<BTreeMap<String, Box<RawValue>>>(text) else {
        let text = to_raw_value(String::from_utf8_lossy(text).trim_end());
        return ("this is no letter".to_owned(), text.unwrap_or_default());
    };
    let error = row.remove("error").or_else(|| row.remove("reason")).unwrap_or_default();
    let error = serde_json::from_str(error.get()).unwrap_or_else(|_| error.get().to_owned());
    (error, to_raw_value(&row).unwrap_or_default())
}

/// The parts in a folder, in their order.
fn parts(folder: &Path) -> io::Result<Vec<PartId>> {
    let mut parts: Vec<_> = names(folder)?.iter().filter_map(|name| PartId::of_file(name)).collect();
    parts.sort_unstable();
    Ok(parts)
}

/// The names in a folder, sorted; none, if there is no folder.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?.collect::<Result<Vec<_>, _>>()?,
    };
    let mut names: Vec<_> = entries.into_iter().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_visited_in_order_without_those_that_were_taken() {
        let job = tempfile::tempdir().unwrap();
        let folder = job.path().join("dead-letters/a");
        std::fs::create_dir_all(&folder).unwrap();
        let write = |part: &str, text: &str| {
            std::fs::write(folder.join(part.parse::<PartId>().unwrap().file_name()), text).unwrap();
        };
        write("2-1-0", "{\"x\":5}\n{\"x\":6}\n");
        write("1-10-0", "{\"x\":3}\n{\"x\":4}");
        write("1-9-1", "{\"x\":1}\n{\"x\":2}\n");
        write("1-9-0", "{\"x\":0}\n");
        std::fs::write(folder.join(".part-000003-aB3.tmp"), "{\"x\":7}\n").unwrap();
        let letters = DeadLetters::of(job.path());
        let visited = |taken: &Letters, from: Option<&str>, most: usize| {
            let mut seen = Vec::new();
            let from = from.map(|part| part.parse().unwrap());
            let visit = letters.visit::<io::Error>("a", taken, from, |letter| {
                let row: serde_json::Value = serde_json::from_str(read(letter.text).1.get()).unwrap();
                seen.push(row["x"].as_i64().unwrap());
                Ok(if seen.len() == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            });
            visit.unwrap();
            seen
        };
        let mut taken = Letters::new();
        assert_eq!(visited(&taken, None, 9), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(visited(&taken, Some("1-10-0"), 3), [3, 4, 5]);
        taken.entry("1-10-0".parse().unwrap()).or_default().add(1, END);
        taken.entry("2-1-0".parse().unwrap()).or_default().add(2, 2);
        assert_eq!(visited(&taken, None, 9), [0, 1, 2, 5]);
        let newer = letters.newer_than((1, 9)).unwrap();
        let newer: Vec<_> = newer.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(newer, ["part-00000-000001-00000010.jsonl", "part-00000-000002-00000001.jsonl"]);
        assert_eq!(letters.steps().unwrap(), ["a"]);
        assert_eq!(visited(&taken, None, 9).len(), 4, "nothing is changed by it");
    }

    #[test]
    fn a_letter_has_an_error_and_a_row() {
        let told = |text: &str| {
            let (error, row) = read(text.as_bytes());
            format!("{error} | {row}")
        };
        assert_eq!(told("{\"a\":1,\"reason\":\"r\",\"error\":\"no\"}\n"), "no | {\"a\":1,\"reason\":\"r\"}");
        assert_eq!(
            told("{\"at\":\"f:2\",\"record\":\"x\",\"reason\":\"bad\"}\n"),
            "bad | {\"at\":\"f:2\",\"record\":\"x\"}"
        );
        let digits = "{\"a\":12345678901234567890.1230,\"b\":[1.50,{\"c\":1e400}]}";
        assert_eq!(told(&digits.replacen('{', "{\"error\":\"no\",", 1)), format!("no | {digits}"));
        assert_eq!(told("{\"a\":\n"), "this is no letter | \"{\\\"a\\\":\"");
    }
}
