//! [`Written`]: the place that a sink writes to, and when two of them are in each other's way. Looks at no disk: who makes one knows where
//! it really is.

use std::path::PathBuf;

/// The file that a sink makes or replaces, or the folder that it fills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// As the pipeline has it, from where relative paths begin.
    pub path: PathBuf,
    /// Where that is: absolute, with every link followed.
    pub real: PathBuf,
    /// It is a folder. All that is in it belongs to the sink.
    pub is_folder: bool,
}

impl Written {
    /// Whether rows of the one could be lost among those of the other: they are the same, or one is in the folder of the other.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        let holds = |one: &Self, other: &Self| one.is_folder && other.real.starts_with(&one.real);
        self.real == other.real || holds(self, other) || holds(other, self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_a_folder_meets_it() {
        let written = |path: &str| Written { path: path.into(), real: path.into(), is_folder: path.ends_with('/') };
        for (one, other, meet) in [
            ("/a", "/a", true),
            ("/a/", "/a/", true),
            ("/a/", "/a", true),
            ("/a/", "/a/b.csv", true),
            ("/a/", "/a/b/", true),
            ("/a/", "/a/b/c.csv", true),
            ("/a/", "/ab.csv", false),
            ("/a.csv", "/b.csv", false),
            ("/a/b/", "/a/c/", false),
            // A file is no folder, whatever its name.
            ("/a", "/a/b", false),
        ] {
            assert_eq!(written(one).meets(&written(other)), meet, "{one} {other}");
            assert_eq!(written(other).meets(&written(one)), meet, "{other} {one}");
        }
    }
}
