//! What a process needs, and whether that grows. Never decides what is done.

use std::fmt::{Display, Formatter};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::{Context, ensure};

/// At one time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    /// Memory that no file is behind, bytes.
    memory: u64,
    descriptors: u64,
    threads: u64,
    /// Blocks of the folder's files, bytes.
    disk: u64,
    files: u64,
}

/// What must not grow: a name, where it is, and by how much its median may differ between two quarters: a share, and an amount.
type Part = (&'static str, fn(&Usage) -> u64, f64, u64);

const PARTS: [Part; 5] = [
    ("bytes of memory", |usage| usage.memory, 0.05, 2 << 20),
    ("descriptors", |usage| usage.descriptors, 0.0, 4),
    ("threads", |usage| usage.threads, 0.0, 2),
    ("bytes of disk", |usage| usage.disk, 0.05, 1 << 20),
    ("files", |usage| usage.files, 0.05, 8),
];

/// The folder of what was compiled.
const CACHE: &str = "cache";
/// Fewer cannot tell growth from what goes up and down.
const USAGES_MIN: usize = 8;

impl Usage {
    /// Of a process that keeps its files in a folder. What it has compiled is not counted: that cache has bounds of its own, and is full
    /// much later.
    pub(super) fn of(process: u32, folder: &Path) -> anyhow::Result<Self> {
        let path = format!("/proc/{process}/status");
        let status = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}: this needs Linux"))?;
        let field = |name: &str| -> anyhow::Result<u64> {
            let value = status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next());
            Ok(value.with_context(|| format!("{path} has no {name}"))?.parse()?)
        };
        let (mut disk, mut files) = (0, 0);
        add(folder, &mut disk, &mut files);
        Ok(Self {
            memory: field("RssAnon:")? << 10,
            descriptors: std::fs::read_dir(format!("/proc/{process}/fd"))?.count() as u64,
            threads: field("Threads:")?,
            disk,
            files,
        })
    }
}

impl Display for Usage {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let Self { memory, descriptors, threads, disk, files } = self;
        let (memory, disk) = (mib(*memory), mib(*disk));
        write!(
            f,
            "{memory:.1} MiB of memory, {descriptors} descriptors, {threads} threads, {disk:.1} MiB in {files} files"
        )
    }
}

/// Compares the second quarter with the last one: in the first quarter caches fill.
///
/// # Errors
/// With what has grown, from what to what.
pub(super) fn hold(usages: &[Usage]) -> anyhow::Result<()> {
    ensure!(usages.len() >= USAGES_MIN, "{} measurements are too few to see growth", usages.len());
    let quarter = usages.len() / 4;
    for (name, part, share, amount) in PARTS {
        let [before, after] = [quarter..2 * quarter, usages.len() - quarter..usages.len()]
            .map(|range| median(usages[range].iter().map(part)));
        let allowed = ((before as f64 * share) as u64).max(amount);
        ensure!(after <= before + allowed, "{name} grew from {before} to {after}; at most {allowed} more are allowed");
    }
    Ok(())
}

fn median(values: impl Iterator<Item = u64>) -> u64 {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    values[values.len() / 2]
}

/// Files come and go meanwhile.
fn add(folder: &Path, disk: &mut u64, files: &mut u64) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let Ok(about) = entry.metadata() else { continue };
        if about.is_file() {
            *disk += about.blocks() * 512;
            *files += 1;
        } else if about.is_dir() && entry.file_name() != CACHE {
            add(&entry.path(), disk, files);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usages(of: impl Fn(u64) -> Usage) -> Vec<Usage> {
        (0..40).map(of).collect()
    }

    const FLAT: Usage = Usage { memory: 50 << 20, descriptors: 40, threads: 20, disk: 4 << 20, files: 100 };

    #[test]
    fn growth_after_the_first_quarter_is_found() {
        assert!(hold(&usages(|at| Usage { memory: FLAT.memory + (at.min(10) << 20), ..FLAT })).is_ok());
        assert!(hold(&usages(|at| Usage { disk: FLAT.disk + ((at % 4) << 22), ..FLAT })).is_ok());
        let grown = hold(&usages(|at| Usage { descriptors: FLAT.descriptors + at, ..FLAT })).unwrap_err();
        assert_eq!(grown.to_string(), "descriptors grew from 55 to 75; at most 4 more are allowed");
        assert!(hold(&usages(|_| FLAT)[..7]).is_err());
    }
}
