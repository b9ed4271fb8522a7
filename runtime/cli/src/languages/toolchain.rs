//! Tools of other languages that Weir fetches: pinned versions from the language's own registry, into the user's cache folder. Nothing of
//! the system is changed, and nothing is fetched without being asked for.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::languages::{Language, sdk};
use crate::{folders, terminal};

/// Says where toolchains are, whatever else the environment says.
const VARIABLE: &str = "WEIR_TOOLCHAIN_DIR";

/// What Weir can fetch for a language.
pub(crate) trait Toolchain: Sync {
    /// The language that it was made for; others may use it too.
    fn name(&self) -> &'static str;

    /// What it consists of, with versions, for people.
    fn holds(&self) -> String;

    /// A file or folder without which it is broken.
    fn needs(&self) -> &'static str;

    /// The files of the SDK that name each version: other contents are another toolchain.
    fn pinned_by(&self) -> &'static [&'static str];

    /// Fetches it into an empty folder.
    ///
    /// # Errors
    /// If the language itself is not there, or something cannot be fetched.
    fn install(&self, into: &Path) -> anyhow::Result<()>;
}

/// Where a toolchain is, or would be.
///
/// # Errors
/// If the user has no home folder.
pub(crate) fn folder(toolchain: &dyn Toolchain) -> anyhow::Result<PathBuf> {
    let all = folders::variable(VARIABLE).or_else(|| folders::cache_dir().map(|cache| cache.join("toolchains")));
    let all = all.with_context(|| format!("this user has no home folder for toolchains: set {VARIABLE}"))?;
    let mut hasher = blake3::Hasher::new();
    for file in toolchain.pinned_by() {
        hasher.update(sdk::file(file).as_bytes());
    }
    Ok(all.join(format!("{}-{}", toolchain.name(), &hasher.finalize().to_hex()[..12])))
}

/// The toolchain's folder, if it was fetched.
///
/// # Errors
/// If it was not, or is broken, with what to do.
pub(crate) fn installed(language: &dyn Language, toolchain: &dyn Toolchain) -> anyhow::Result<PathBuf> {
    let folder = folder(toolchain)?;
    if !folder.is_dir() {
        let (title, holds, name) = (language.title(), toolchain.holds(), language.name());
        bail!(
            "operators in {title} are built with {holds}, which is not here yet; run\n\n    weir toolchain install {name}\n"
        );
    }
    if !is_whole(toolchain, &folder) {
        let (title, shown, lost, name) = (language.title(), folder.display(), toolchain.needs(), language.name());
        bail!(
            "the toolchain for {title} in {shown} is broken: it has no {lost}; replace it with\n\n    weir toolchain install {name}\n"
        );
    }
    Ok(folder)
}

fn is_whole(toolchain: &dyn Toolchain, folder: &Path) -> bool {
    folder.join(toolchain.needs()).exists()
}

/// Fetches a toolchain, unless it is there. It is there whole or not at all; one that has lost its files since is replaced.
///
/// # Errors
/// As [`Toolchain::install`].
pub(crate) fn install(toolchain: &dyn Toolchain) -> anyhow::Result<()> {
    let folder = folder(toolchain)?;
    let shown = folder.display();
    if is_whole(toolchain, &folder) {
        terminal::print(&format!("{} is there already, in {shown}\n", toolchain.holds()));
        return Ok(());
    }
    let above = folder.parent().unwrap_or(&folder);
    std::fs::create_dir_all(above).with_context(|| format!("cannot make {}", above.display()))?;
    let beside = tempfile::Builder::new().prefix(".partial-").tempdir_in(above);
    let beside = beside.with_context(|| format!("cannot write into {}", above.display()))?;
    toolchain.install(beside.path())?;
    if folder.is_dir() && !is_whole(toolchain, &folder) {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {shown}, which is broken"))?;
    }
    let moved = std::fs::rename(beside.path(), &folder);
    if moved.is_err() && folder.is_dir() {
        // Another process was faster.
        return Ok(());
    }
    moved.with_context(|| format!("cannot make {shown}"))?;
    // What it was is elsewhere now.
    let _ = beside.keep();
    terminal::print(&format!("installed {} in {shown}\n", toolchain.holds()));
    Ok(())
}
