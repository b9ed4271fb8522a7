//! Pipelines that write what they do into files, and the rows in these.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue has failed")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::running::{root, weir};

/// A pipeline file in a folder of its own.
pub struct Pipeline {
    folder: tempfile::TempDir,
    is_updating: bool,
}

impl Pipeline {
    /// A query of Nexmark whose sink writes CSV files.
    pub fn nexmark(query: &str, is_updating: bool) -> Self {
        let folder = root().join("examples/nexmark").canonicalize().unwrap();
        let text = std::fs::read_to_string(folder.join(format!("{query}.toml"))).unwrap();
        let blackhole = "connector = \"blackhole\"\nchecksum = true";
        assert!(text.contains(blackhole), "{query}");
        let kinds = if is_updating { "\nchangelog = \"kinds\"" } else { "" };
        let text = text.replace(blackhole, &format!("connector = \"file\"\npath = \"out/\"\nformat = \"csv\"{kinds}"));
        let text = text.replace("component = \"", &format!("component = \"{}/", folder.display()));
        // A key of the blackhole.
        let lines = text.split_inclusive('\n').filter(|line| !line.starts_with("string-hash"));
        Self::new(&lines.collect::<String>(), is_updating)
    }

    /// The same with fewer events, which come so slowly that there are checkpoints between them.
    pub fn slow_nexmark(query: &str, is_updating: bool) -> Self {
        Self::nexmark_of("events = 60_000\nrate = 40_000", query, is_updating)
    }

    /// The same with fewer events.
    pub fn short_nexmark(query: &str, is_updating: bool) -> Self {
        Self::nexmark_of("events = 60_000", query, is_updating)
    }

    fn nexmark_of(events: &str, query: &str, is_updating: bool) -> Self {
        let text = std::fs::read_to_string(Self::nexmark(query, is_updating).file()).unwrap();
        Self::new(&text.replace("events = 200_000", events), is_updating)
    }

    /// This text, in a file.
    pub fn new(text: &str, is_updating: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pipeline.toml"), text).unwrap();
        Self { folder, is_updating }
    }

    /// Its file.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("pipeline.toml")
    }

    /// The folder of its file.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs it with Weir's own engine; the rows.
    pub fn expected(&self) -> Vec<String> {
        let out = self.folder.path().join("expected");
        let mut command = weir();
        command.arg("run").arg(self.file()).arg("--set").arg(format!("sinks.out.path={}/", out.display()));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let rows = self.rows("expected");
        assert!(!rows.is_empty());
        rows
    }

    /// The rows in the files of a folder of the pipeline's, sorted; of an updating stream those of the table that it describes.
    pub fn rows(&self, folder: &str) -> Vec<String> {
        let mut rows = Vec::new();
        for entry in std::fs::read_dir(self.folder.path().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            // What begins so is not committed.
            if !path.file_name().unwrap().to_string_lossy().starts_with('.') {
                rows.extend(std::fs::read_to_string(path).unwrap().lines().skip(1).map(str::to_owned));
            }
        }
        if self.is_updating {
            rows = table(&rows);
        }
        rows.sort();
        rows
    }
}

/// What is left of rows that begin with their kind.
fn table(changes: &[String]) -> Vec<String> {
    let mut counts = BTreeMap::<&str, i64>::new();
    for change in changes {
        let (kind, row) = change.split_once(',').unwrap();
        *counts.entry(row).or_default() += if ["+I", "+U"].contains(&kind) { 1 } else { -1 };
    }
    assert!(counts.values().all(|count| *count >= 0), "a row was taken back that was not there");
    let rows = counts.into_iter().flat_map(|(row, count)| std::iter::repeat_n(row.to_owned(), count as usize));
    rows.collect()
}
