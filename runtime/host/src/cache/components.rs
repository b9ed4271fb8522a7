//! Compiled components, by what they were made of.

use std::collections::BTreeSet;

use super::EngineKey;
use super::folder::Folder;

/// Says what the file is, and in which layout: 8 bytes, a blake3 checksum of 32, the compiled code.
const MAGIC: &[u8; 8] = b"weirobj1";
const HEADER_BYTES: usize = MAGIC.len() + blake3::OUT_LEN;

pub(super) const EXTENSION: &str = "weirobj";

/// The components that one engine has compiled.
#[derive(Clone, Debug)]
pub(crate) struct ComponentCache {
    folder: Option<Folder>,
    engine: EngineKey,
}

impl ComponentCache {
    /// Without a folder it is always empty.
    pub(super) fn new(folder: Option<Folder>, engine: EngineKey) -> Self {
        Self { folder, engine }
    }

    /// The file of a component's code, by the component's digest.
    fn name(&self, digest: &str) -> String {
        format!("{digest}-{}.{EXTENSION}", self.engine.as_str())
    }

    /// The code that was compiled of a component. An entry that is damaged is removed.
    pub(crate) fn get(&self, digest: &str) -> Option<Vec<u8>> {
        let mut entry = self.folder.as_ref()?.read(&self.name(digest)).ok()?;
        let sound = entry.len() >= HEADER_BYTES
            && entry.starts_with(MAGIC)
            && entry[MAGIC.len()..HEADER_BYTES] == *blake3::hash(&entry[HEADER_BYTES..]).as_bytes();
        if sound {
            entry.drain(..HEADER_BYTES);
            return Some(entry);
        }
        self.remove(digest);
        None
    }

    /// Keeps a component's code.
    pub(crate) fn put(&self, digest: &str, code: &[u8]) {
        if let Some(folder) = &self.folder {
            // Not being able to is no failure: it will be compiled again.
            let _ = folder.write(&self.name(digest), &[MAGIC, blake3::hash(code).as_bytes(), code]);
        }
    }

    /// Forgets a component's code.
    pub(crate) fn remove(&self, digest: &str) {
        if let Some(folder) = &self.folder {
            folder.remove(&self.name(digest));
        }
    }

    /// Whether nobody else needs what is in the folder: one behind a link is shared.
    pub(crate) fn is_own(&self) -> bool {
        self.folder.as_ref().is_some_and(|folder| !folder.dir().is_symlink())
    }

    /// Forgets all but what this engine makes of components with these digests, in a folder of its own.
    pub(crate) fn retain(&self, digests: &BTreeSet<String>) {
        let Some(folder) = self.folder.as_ref().filter(|_| self.is_own()) else { return };
        let kept: BTreeSet<String> = digests.iter().map(|digest| self.name(digest)).collect();
        let entries = std::fs::read_dir(folder.dir()).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| !entry.file_name().to_str().is_some_and(|name| kept.contains(name))) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}
