//! Which files a `path` names.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Component, Path, PathBuf};

use weir_core::connector::{ConnectorError, Written};
use weir_core::graph::Options;
use weir_core::names::did_you_mean;

use super::confined::Root;
use crate::options::resolve;

/// A file to read.
#[derive(Clone, Debug)]
pub(super) struct InputFile {
    /// As the pipeline file names it.
    pub(super) name: String,
    /// Where it is.
    pub(super) path: PathBuf,
    root: Root,
}

impl InputFile {
    /// Opens it to read it.
    pub(super) fn open(&self) -> std::io::Result<File> {
        self.root.open(&self.path)
    }

    /// What the system knows of it.
    pub(super) fn metadata(&self) -> std::io::Result<Metadata> {
        self.root.metadata(&self.path)
    }
}

/// The system refuses to do something with a file.
pub(super) fn cannot(verb: &str, file: &InputFile, source: std::io::Error) -> ConnectorError {
    ConnectorError::Io { what: format!("cannot {verb} {}", file.name), source }
}

/// Anything, or nothing, within a name.
const ANY: char = '*';
/// Any number of folders, or none.
const ANY_FOLDERS: &str = "**";

/// The files that `path` names, by name; at least one. In folders and for patterns, hidden files and those of other programs (their
/// names begin with `.` or `_`) are ignored.
///
/// # Errors
/// [`ConnectorError::Option`] if there is none: which path, from where, and what is there instead.
pub(super) fn find(options: &Options, path: &Path) -> Result<Vec<InputFile>, ConnectorError> {
    look(options, path).map_err(|(Unfound::None(error) | Unfound::Unknown(error))| error)
}

/// Why no files were found.
pub(super) enum Unfound {
    /// There are none.
    None(ConnectorError),
    /// It cannot be told, as a folder cannot be read.
    Unknown(ConnectorError),
}

/// As [`find`].
///
/// # Errors
/// As [`find`], with whether there are none.
pub(super) fn look(options: &Options, path: &Path) -> Result<Vec<InputFile>, Unfound> {
    let root = Root::of(options);
    let mut files = BTreeSet::new();
    // `./a` is `a`, also to checkpoints.
    let plain: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
    let names_folders = path.as_os_str().as_encoded_bytes().ends_with(b"/");
    let path = if plain.as_os_str().is_empty() { Path::new(".") } else { &plain };
    let mut parts: Vec<&OsStr> = path.iter().collect();
    let is_pattern = |part: &&OsStr| part.to_string_lossy().contains(ANY);
    if let Some(part) =
        parts.iter().map(|part| part.to_string_lossy()).find(|part| part.contains(ANY_FOLDERS) && part != ANY_FOLDERS)
    {
        let message =
            format!("`**` stands for folders, and is a name of its own: `**/{}`", part.replace(ANY_FOLDERS, "*"));
        return Err(Unfound::Unknown(options.error("path", message)));
    }
    let first: PathBuf = parts.iter().take_while(|part| !is_pattern(part)).collect();
    root.check(&resolve(options, &first))
        .map_err(|error| Unfound::Unknown(options.error("path", format!("{}: {error}", path.display()))))?;
    // As a path that ends like this names a folder, such a pattern names folders.
    if parts.last().is_some_and(is_pattern) && names_folders {
        parts.push(OsStr::new("*"));
    }
    match parts.iter().position(|part| part.to_string_lossy().contains(ANY)) {
        Some(first) => {
            let (folder, pattern) = parts.split_at(first);
            let folder: PathBuf = folder.iter().collect();
            let pattern: Vec<_> = pattern.iter().map(|part| part.to_string_lossy()).collect();
            expand(options, &folder, &pattern, &mut files)
                .map_err(|error| Unfound::Unknown(unreadable(options, &folder, error)))?;
        }
        None if resolve(options, path).is_dir() => {
            let entries = list(options, path).map_err(|error| Unfound::Unknown(unreadable(options, path, error)))?;
            files.extend(entries.into_iter().filter(|entry| entry.is_file).map(|entry| path.join(entry.name)));
        }
        None if resolve(options, path).is_file() => drop(files.insert(path.to_path_buf())),
        None => return Err(Unfound::None(no_file(options, path).unwrap_or_else(|| missing(options, path)))),
    }
    if files.is_empty() {
        let message = format!("no file matches {} in {}", path.display(), folder_of(options));
        return Err(Unfound::None(options.error("path", message)));
    }
    let input = |file: PathBuf| InputFile {
        name: file.display().to_string(),
        path: resolve(options, &file),
        root: root.clone(),
    };
    Ok(files.into_iter().map(input).collect())
}

/// Whether a path with a pattern names what is written there, or will be: in a folder, parts of any name.
pub(super) fn would_read(options: &Options, path: &Path, written: &Written) -> bool {
    let parts: Vec<_> = path.iter().map(OsStr::to_string_lossy).filter(|part| *part != ".").collect();
    let Some(first) = parts.iter().position(|part| part.contains(ANY)) else { return false };
    let (folder, pattern) = parts.split_at(first);
    let folder: PathBuf = folder.iter().map(AsRef::<str>::as_ref).collect();
    let Ok(below) = written.real.strip_prefix(real(&resolve(options, &folder))) else { return false };
    let names: Vec<_> = below.iter().map(|name| Some(name.to_string_lossy())).collect();
    let names: Vec<Option<&str>> =
        names.iter().map(Option::as_deref).chain(written.is_folder.then_some(None)).collect();
    fits(pattern, &names)
}

/// Whether names fit the parts of a pattern; `None` is any name.
fn fits(pattern: &[Cow<'_, str>], names: &[Option<&str>]) -> bool {
    let Some((first, rest)) = pattern.split_first() else { return names.is_empty() };
    let Some((name, below)) = names.split_first() else { return false };
    if first == ANY_FOLDERS {
        return rest.is_empty() || fits(rest, names) || fits(pattern, below);
    }
    name.is_none_or(|name| matches(first, name)) && fits(rest, below)
}

/// One spelling of a path of which the end may not be there yet: a job makes its folder when it runs.
pub(super) fn real(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let there = path.ancestors().find_map(|there| {
        let rest = path.strip_prefix(there).ok()?;
        Some(std::fs::canonicalize(there).ok()?.join(rest))
    });
    // Through its components, as the joining of nothing leaves a separator.
    there.as_deref().unwrap_or(&path).components().collect()
}

/// That there are folders in a folder that is read, whose files are not: a path with `**` reads them.
pub(super) fn folders_note(options: &Options, folder: &Path) -> Option<String> {
    let below = list(options, folder).unwrap_or_default().into_iter().find(|entry| entry.is_folder)?.name;
    let (shown, all) = (folder.display(), folder.join("**").display().to_string());
    Some(format!("{shown}: what is in folders below it, such as {below}, is not read; `path = {all:?}` reads it"))
}

/// Puts in the files below a folder that fit the pattern, whose parts are names. Links to folders are followed where the pattern
/// names a folder, and not by `**`, which would follow one into itself.
fn expand(
    options: &Options,
    folder: &Path,
    pattern: &[Cow<'_, str>],
    files: &mut BTreeSet<PathBuf>,
) -> std::io::Result<()> {
    let Some((first, rest)) = pattern.split_first() else { return Ok(()) };
    let entries = list(options, folder)?;
    if first == ANY_FOLDERS {
        let all = [Cow::Borrowed("*")];
        expand(options, folder, if rest.is_empty() { &all } else { rest }, files)?;
        for below in entries.into_iter().filter(|entry| entry.is_folder && !entry.is_link) {
            expand(options, &folder.join(below.name), pattern, files)?;
        }
        return Ok(());
    }
    for entry in entries.into_iter().filter(|entry| matches(first, &entry.name)) {
        let path = folder.join(&entry.name);
        match rest {
            [] if entry.is_file => drop(files.insert(path)),
            [] => {}
            rest if entry.is_folder => expand(options, &path, rest, files)?,
            _ => {}
        }
    }
    Ok(())
}

/// What is in a folder.
struct Entry {
    name: String,
    is_file: bool,
    is_folder: bool,
    is_link: bool,
}

/// The entries of a folder that are not hidden, sorted.
fn list(options: &Options, folder: &Path) -> std::io::Result<Vec<Entry>> {
    let folder = resolve(options, folder);
    let shown = if folder.as_os_str().is_empty() { Path::new(".") } else { &folder };
    let told = |error: std::io::Error| std::io::Error::new(error.kind(), format!("{}: {error}", shown.display()));
    let mut entries = Vec::new();
    for name in Root::of(options).names(&folder).map_err(told)? {
        if [b".", b"_"].iter().any(|hides| name.as_encoded_bytes().starts_with(*hides)) {
            continue;
        }
        let path = folder.join(&name);
        let name = name.into_string().map_err(|name| {
            let why = format!("the name {} is not UTF-8: rename it, or move it away", name.display());
            told(std::io::Error::new(std::io::ErrorKind::InvalidData, why))
        })?;
        entries.push(Entry { name, is_file: path.is_file(), is_folder: path.is_dir(), is_link: path.is_symlink() });
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// Whether a name fits a pattern in which `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => name.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| matches(after, &rest[at..]))
        }),
    }
}

/// A folder in which files are looked for cannot be read: it, or one below it.
fn unreadable(options: &Options, folder: &Path, error: std::io::Error) -> ConnectorError {
    match error.kind() {
        std::io::ErrorKind::NotFound => missing(options, folder),
        _ => options.error("path", format!("cannot read what is in the folder {error}")),
    }
}

/// Why what is there is not read: it is neither a file nor a folder.
fn no_file(options: &Options, path: &Path) -> Option<ConnectorError> {
    let kind = std::fs::metadata(resolve(options, path)).ok()?.file_type();
    let kind = match () {
        () if kind.is_fifo() => "a FIFO",
        () if kind.is_socket() => "a socket",
        () => "a device",
    };
    Some(options.error(
        "path",
        format!(
            "{} is {kind}, which cannot be read again from an earlier position: a file source reads files only; `connector = \"stdin\"` reads \
             what is piped in",
            path.display()
        ),
    ))
}

fn missing(options: &Options, path: &Path) -> ConnectorError {
    let folder = path.parent().unwrap_or(Path::new(""));
    let names = std::fs::read_dir(resolve(options, folder)).into_iter().flatten().flatten();
    let names: Vec<String> = names.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let wanted = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let near = did_you_mean(wanted, &names);
    let (path, relative) =
        (path.display(), if path.is_absolute() { String::new() } else { format!(" in {}", folder_of(options)) });
    options.error("path", format!("there is no file {path}{relative}{near}"))
}

/// What relative paths are relative to, in words.
fn folder_of(options: &Options) -> String {
    match options.base.as_os_str().is_empty() {
        _ if options.confined => "the folder of files of the server".to_owned(),
        true => "the current folder, where the pipeline file is".to_owned(),
        false => format!("{}, the folder of the pipeline file", options.base.display()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[test]
    fn a_pattern_that_ends_with_a_slash_names_folders_and_what_cannot_be_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path();
        std::fs::create_dir_all(base.join("in/a/b")).unwrap();
        for name in ["in/top.csv", "in/a/one.csv", "in/a/b/two.csv"] {
            std::fs::write(base.join(name), "v\n1\n").unwrap();
        }
        let options = Options::from_toml("", base.to_path_buf());
        let found = |path: &str| -> Result<Vec<String>, String> {
            let found = find(&options, Path::new(path)).map_err(|error| error.to_string())?;
            Ok(found.into_iter().map(|file| file.name).collect())
        };
        assert_eq!(found("in/*/").unwrap(), ["in/a/one.csv"]);
        assert_eq!(found("in/**/").unwrap(), ["in/a/b/two.csv", "in/a/one.csv", "in/top.csv"]);
        assert!(
            found("in/**.csv").unwrap_err().contains("`**` stands for folders, and is a name of its own: `**/*.csv`")
        );
        std::fs::write(base.join("in/a/b").join(OsStr::from_bytes(b"\xff.csv")), "").unwrap();
        assert!(found("in/**").unwrap_err().contains("is not UTF-8"), "{:?}", found("in/**"));
        assert_eq!(found("in/*/").unwrap(), ["in/a/one.csv"]);
    }

    #[test]
    fn what_is_no_file_is_refused_with_what_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, folder.path().join("fifo"), rustix::fs::Mode::RWXU).unwrap();
        let options = Options::from_toml("", folder.path().to_path_buf());
        for (path, expected) in
            [("fifo", "fifo is a FIFO"), ("socket", "socket is a socket"), ("/dev/null", "/dev/null is a device")]
        {
            let error = find(&options, Path::new(path)).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("`connector = \"stdin\"`"), "{error}");
        }
    }

    #[test]
    fn messages_name_the_folder_of_files_of_a_server() {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options::from_toml("", folder.path().to_path_buf());
        for (confined, expected) in
            [(false, "the folder of the pipeline file"), (true, "the folder of files of the server")]
        {
            options.confined = confined;
            for path in ["none.csv", "*.csv"] {
                let error = find(&options, Path::new(path)).unwrap_err().to_string();
                assert!(error.contains(expected), "{error}");
            }
        }
    }

    #[test]
    fn a_folder_has_one_spelling_before_and_after_it_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().join("real");
        std::fs::create_dir(&there).unwrap();
        std::os::unix::fs::symlink(&there, folder.path().join("link")).unwrap();
        let expected = std::fs::canonicalize(&there).unwrap().join("made/out");
        for _ in 0..2 {
            for spelling in ["real/made/out", "real/made/out/", "link/./made//out", "link/made/out/"] {
                assert_eq!(real(&folder.path().join(spelling)).as_os_str(), expected.as_os_str());
            }
            std::fs::create_dir_all(&expected).unwrap();
        }
    }

    #[test]
    fn a_pattern_reads_what_comes_into_its_folders() {
        let folder = tempfile::tempdir().unwrap();
        let base = std::fs::canonicalize(folder.path()).unwrap();
        let options = Options::from_toml("", base.clone());
        for (pattern, written, reads) in [
            ("in/**", "in/a.csv", true),
            ("in/**", "in/b/c/a.csv", true),
            ("in/**", "in/b/", true),
            ("./in/**/*.csv", "in/b/", true),
            ("in/**/*.csv", "in/a.csv", true),
            ("in/**/*.csv", "in/b/a.json", false),
            ("in/*.csv", "in/", true),
            ("in/*.csv", "in/b/", false),
            ("in/*/*.csv", "in/b/", true),
            ("in/*/*.csv", "in/b/a.csv", true),
            ("in/**", "out/", false),
            ("in/**", "in.csv", false),
            ("in/a.csv", "in/", false),
        ] {
            let path: PathBuf = written.into();
            let written = Written { real: real(&base.join(&path)), path, is_folder: written.ends_with('/') };
            assert_eq!(would_read(&options, pattern.as_ref(), &written), reads, "{pattern} {written:?}");
        }
    }

    #[test]
    fn patterns_fit() {
        for (pattern, name, fits) in [
            ("*.csv", "a.csv", true),
            ("*.csv", ".csv", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*", "b", false),
            ("*.csv", "a.csv.gz", false),
            ("ä*", "äö", true),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }
}
