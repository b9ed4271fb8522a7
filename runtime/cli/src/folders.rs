//! Where this user's files are.

use std::path::PathBuf;

/// Says where compiled components are kept, whatever else the environment says.
const CACHE_DIR_VARIABLE: &str = "WEIR_CACHE_DIR";

/// `$WEIR_CACHE_DIR`, `$XDG_CACHE_HOME/weir` or `~/.cache/weir`; without a home nothing is kept.
pub(crate) fn cache_dir() -> Option<PathBuf> {
    variable(CACHE_DIR_VARIABLE)
        .or_else(|| variable("XDG_CACHE_HOME").map(|dir| dir.join("weir")))
        .or_else(|| variable("HOME").map(|dir| dir.join(".cache").join("weir")))
}

/// `$XDG_DATA_HOME/weir` or `~/.local/share/weir`.
pub(crate) fn data_dir() -> Option<PathBuf> {
    variable("XDG_DATA_HOME")
        .map(|dir| dir.join("weir"))
        .or_else(|| variable("HOME").map(|dir| dir.join(".local/share/weir")))
}

/// A path that the environment names; an empty one is none.
pub(crate) fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}
