//! The jar of a job: Weir's, with the pipeline as one more entry. It starts nothing.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, ensure};
use tempfile::NamedTempFile;
use weir_embed::bundle::VERSION;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use super::Engine;

/// Where the job's classes look for the pipeline.
const ENTRY: &str = "weir/bundle";
const MANIFEST: &str = "META-INF/MANIFEST.MF";

/// Weir's jar: the one that was named, or the one that came with the command; an error if it is of another Weir than this.
pub(crate) fn find(engine: Engine, named: Option<&Path>) -> anyhow::Result<PathBuf> {
    let jar = place(engine, named)?;
    check_version(&jar)?;
    Ok(jar)
}

fn place(engine: Engine, named: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(named) = named {
        ensure!(named.is_file(), "--jar {}: there is no such file", named.display());
        return Ok(named.to_path_buf());
    }
    let (name, task) = match engine {
        Engine::Flink => ("weir-flink.jar", "flink"),
        Engine::Spark => ("weir-spark.jar", "spark"),
    };
    let command = std::env::current_exe().context("cannot tell where this command is")?;
    let folder = command.parent().unwrap_or(Path::new("."));
    let places = [folder.join(name), folder.join("../lib").join(name)];
    places.into_iter().find(|place| place.is_file()).ok_or_else(|| {
        anyhow!(
            "{name} is neither beside {} nor in ../lib: name it with --jar; in the sources `cargo xtask {task}` builds it",
            command.display()
        )
    })
}

/// What the jar says of itself, which its classes and its library have in common with the command that made the pipeline's bundle.
fn check_version(jar: &Path) -> anyhow::Result<()> {
    let read = || -> anyhow::Result<String> {
        let mut text = String::new();
        ZipArchive::new(File::open(jar)?)?.by_name(MANIFEST)?.read_to_string(&mut text)?;
        Ok(text)
    };
    let manifest = read().with_context(|| format!("{} is no jar of Weir", jar.display()))?;
    let entry =
        |name: &str| manifest.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::trim));
    let (version, bundle) = (env!("CARGO_PKG_VERSION"), VERSION.to_string());
    let (of_jar, bundle_of_jar) = (entry("Weir-Version").unwrap_or_default(), entry("Weir-Bundle").unwrap_or_default());
    ensure!(
        !of_jar.is_empty(),
        "{} does not say of which Weir it is: take that of Weir {version}, as this command",
        jar.display()
    );
    ensure!(
        (of_jar, bundle_of_jar) == (version, bundle.as_str()),
        "{} is of Weir {of_jar} (layout {bundle_of_jar} of bundles), this command is {version} (layout {bundle}): take the jar that came with the \
         command, or name it with --jar",
        jar.display()
    );
    Ok(())
}

/// A copy of the jar with the pipeline in it, in a folder.
pub(crate) fn with_bundle(jar: &Path, bundle: &[u8], folder: &Path) -> anyhow::Result<NamedTempFile> {
    let copy =
        tempfile::Builder::new().prefix("weir-").suffix(".jar").tempfile_in(folder).context("cannot write a jar")?;
    let add = || -> anyhow::Result<()> {
        // Not `fs::copy`, which takes the permissions along: the pipeline may hold passwords.
        let mut file = copy.reopen()?;
        io::copy(&mut File::open(jar)?, &mut file)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jar_of_another_weir_is_refused() {
        let check = |manifest: Option<&str>| {
            let file = NamedTempFile::new().unwrap();
            let mut zip = ZipWriter::new(file.reopen().unwrap());
            zip.start_file(manifest.map_or("other", |_| MANIFEST), SimpleFileOptions::default()).unwrap();
            zip.write_all(manifest.unwrap_or_default().as_bytes()).unwrap();
            zip.finish().unwrap();
            check_version(file.path()).map_err(|error| format!("{error:#}"))
        };
        let own = env!("CARGO_PKG_VERSION");
        assert_eq!(check(Some(&format!("Main-Class: x\r\nWeir-Version: {own}\r\nWeir-Bundle: {VERSION}\r\n"))), Ok(()));
        for (manifest, reason) in [
            (
                Some("Weir-Version: 0.0.9\nWeir-Bundle: 1\n".to_owned()),
                format!(" is of Weir 0.0.9 (layout 1 of bundles), this command is {own} "),
            ),
            (Some(format!("Weir-Version: {own}\nWeir-Bundle: 999\n")), "(layout 999 of bundles)".to_owned()),
            (Some("Main-Class: x\n".to_owned()), " does not say of which Weir it is".to_owned()),
            (None, " is no jar of Weir: ".to_owned()),
        ] {
            let error = check(manifest.as_deref()).unwrap_err();
            assert!(error.contains(&reason), "{error}");
        }
        assert!(check_version(Path::new("Cargo.toml")).is_err());
    }

    #[test]
    fn others_do_not_read_the_jar_with_the_pipeline() {
        use std::os::unix::fs::PermissionsExt as _;

        let file = NamedTempFile::new().unwrap();
        ZipWriter::new(file.reopen().unwrap()).finish().unwrap();
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let copy = with_bundle(file.path(), b"password", folder.path()).unwrap();
        assert_eq!(copy.as_file().metadata().unwrap().permissions().mode() & 0o077, 0);
        let mut text = String::new();
        ZipArchive::new(copy.reopen().unwrap()).unwrap().by_name(ENTRY).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "password");
    }
}
