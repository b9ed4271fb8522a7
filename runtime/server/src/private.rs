//! Folders and files that are their owner's alone. They are made so; what others can read or write already is refused, with the command
//! that mends it. What was read before that stays known.

use std::io;
use std::path::{Path, PathBuf};

/// A folder that is made for its owner alone: pipelines may hold passwords, and what is compiled there is run.
///
/// # Errors
/// If it cannot be made, or others can look into it.
pub fn private_folder(path: &Path) -> io::Result<PathBuf> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    check_private(path, "700")?;
    path.canonicalize()
}

/// A file that is made for its owner alone, if there is none.
pub(crate) fn private_file(path: &Path) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?;
    check_private_file(path)
}

/// Refuses a file that others can read or write.
///
/// # Errors
/// Names the command that makes it its owner's alone.
pub fn check_private_file(path: &Path) -> io::Result<()> {
    check_private(path, "600")
}

#[cfg(unix)]
fn check_private(path: &Path, mode: &str) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    const OTHERS: u32 = 0o077;
    let found = std::fs::metadata(path)?.permissions().mode();
    if found & OTHERS == 0 {
        return Ok(());
    }
    let (path, found) = (path.display(), found & 0o777);
    let told =
        format!("others can read or write {path} (mode {found:o}): `chmod {mode} {path}` makes it its owner's alone");
    Err(io::Error::new(io::ErrorKind::PermissionDenied, told))
}

#[cfg(not(unix))]
fn check_private(_: &Path, _: &str) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_others_can_read_is_refused_with_the_command_that_mends_it() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, file) = (dir.path().join("a/b"), dir.path().join("a/b/file"));
        private_folder(&folder).unwrap();
        private_file(&file).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!([dir.path().join("a"), folder.clone(), file.clone()].map(|path| mode(&path)), [0o700, 0o700, 0o600]);
        for (path, open, own) in [(&folder, 0o750, 0o700), (&file, 0o602, 0o600)] {
            let set = |mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
            set(open);
            let check = || private_folder(&folder).map(drop).and_then(|()| private_file(&file));
            let told = check().unwrap_err().to_string();
            assert!(told.contains(&format!("`chmod {own:o} {}`", path.display())), "{told}");
            set(own);
            check().unwrap();
        }
    }
}
