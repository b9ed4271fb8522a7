//! Which files a `path` names.

use std::path::{Path, PathBuf};

use weir_core::connector::ConnectorError;
use weir_core::graph::Options;
use weir_core::names::did_you_mean;

use crate::options::resolve;

/// A file to read.
#[derive(Clone, Debug)]
pub(super) struct InputFile {
    /// As the pipeline file names it.
    pub(super) name: String,
    /// Where it is.
    pub(super) path: PathBuf,
}

/// The files that `path` names, by name; at least one.
///
/// # Errors
/// [`ConnectorError::Option`] if there is none: which path, from where, and what is there instead.
pub(super) fn find(options: &Options, path: &Path) -> Result<Vec<InputFile>, ConnectorError> {
    let pattern = path.file_name().and_then(|name| name.to_str()).filter(|name| name.contains('*'));
    let files = match pattern {
        Some(pattern) => {
            let folder = path.parent().unwrap_or(Path::new(""));
            list(options, folder)?
                .into_iter()
                .filter(|name| matches(pattern, name))
                .map(|name| folder.join(name))
                .collect()
        }
        None if resolve(options, path).is_dir() => {
            list(options, path)?.into_iter().map(|name| path.join(name)).collect()
        }
        None if resolve(options, path).is_file() => vec![path.to_path_buf()],
        None => return Err(missing(options, path)),
    };
    if files.is_empty() {
        let message = format!("no file matches {} in {}", path.display(), folder_of(options));
        return Err(options.error("path", message));
    }
    let input = |file: PathBuf| InputFile { name: file.display().to_string(), path: resolve(options, &file) };
    Ok(files.into_iter().map(input).collect())
}

/// The names of the files in a folder that are not hidden, sorted.
fn list(options: &Options, folder: &Path) -> Result<Vec<String>, ConnectorError> {
    let entries = std::fs::read_dir(resolve(options, folder)).map_err(|_| missing(options, folder))?;
    let files = entries.flatten().filter(|entry| entry.path().is_file());
    let names = files.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    Ok(names)
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
        true => "the current folder, where the pipeline file is".to_owned(),
        false => format!("{}, the folder of the pipeline file", options.base.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

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
