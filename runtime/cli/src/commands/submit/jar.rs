//! The jar of a job: Weir's, with the pipeline as one more entry. It starts nothing.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use tempfile::NamedTempFile;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const NAME: &str = "weir-flink.jar";
/// Where the job's classes look for the pipeline.
const ENTRY: &str = "weir/bundle";

/// Weir's jar: the one that was named, or the one that came with the command.
pub(crate) fn find(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(named) = named {
        anyhow::ensure!(named.is_file(), "--jar {}: there is no such file", named.display());
        return Ok(named.to_path_buf());
    }
    let command = std::env::current_exe().context("cannot tell where this command is")?;
    let folder = command.parent().unwrap_or(Path::new("."));
    let places = [folder.join(NAME), folder.join("../lib").join(NAME)];
    places.into_iter().find(|place| place.is_file()).ok_or_else(|| {
        anyhow!("{NAME} is neither beside {} nor in ../lib: name it with --jar; in the sources `cargo xtask flink` builds it", command.display())
    })
}

/// A copy of the jar with the pipeline in it.
pub(crate) fn with_bundle(jar: &Path, bundle: &[u8]) -> anyhow::Result<NamedTempFile> {
    let copy = tempfile::Builder::new().prefix("weir-").suffix(".jar").tempfile().context("cannot write a jar")?;
    let add = || -> anyhow::Result<()> {
        fs::copy(jar, copy.path())?;
        let file = File::options().read(true).write(true).open(copy.path())?;
        let mut zip = ZipWriter::new_append(file)?;
        // Components are code, which packs well; but a jar is read from start to end for each task.
        let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored).large_file(true);
        zip.start_file(ENTRY, options)?;
        zip.write_all(bundle)?;
        zip.finish()?;
        Ok(())
    };
    add().with_context(|| format!("cannot put the pipeline into a copy of {}", jar.display()))?;
    Ok(copy)
}
