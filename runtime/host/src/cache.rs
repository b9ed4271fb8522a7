//! Compiled components on disk, by what they were made of. An entry is only ever one that this program wrote into its own
//! folder: native code from anywhere else is never loaded. A folder that cannot be read or written costs time, nothing more.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::hash::{Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};

use wasmtime::Engine;

use crate::engine::WASMTIME_VERSION;

/// Says what the file is, and in which layout: 8 bytes, a blake3 checksum of 32, the compiled code.
const MAGIC: &[u8; 8] = b"weirobj1";
const HEADER_BYTES: usize = MAGIC.len() + blake3::OUT_LEN;

/// Compiled components in one folder.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    dir: Option<PathBuf>,
    /// Digest of all that compiled code depends on, apart from the component.
    engine: blake3::Hash,
}

impl Cache {
    /// A cache for what `engine` compiles; without a folder one that is always empty.
    pub(crate) fn new(dir: Option<PathBuf>, engine: &Engine) -> Self {
        let mut hasher = Blake3Hasher(blake3::Hasher::new());
        WASMTIME_VERSION.hash(&mut hasher);
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Self { dir, engine: hasher.0.finalize() }
    }

    /// The file of a component's code, by the component's digest.
    fn name(&self, digest: &str) -> String {
        format!("{digest}-{}.weirobj", self.engine.to_hex())
    }

    fn path(&self, digest: &str) -> Option<PathBuf> {
        Some(self.dir.as_ref()?.join(self.name(digest)))
    }

    /// The code that was compiled of a component. An entry that is damaged is removed.
    pub(crate) fn get(&self, digest: &str) -> Option<Vec<u8>> {
        let path = self.path(digest)?;
        let mut entry = std::fs::read(&path).ok()?;
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

    /// Keeps a component's code. Of two programs that do so at once one wins, whole.
    pub(crate) fn put(&self, digest: &str, code: &[u8]) {
        if let (Some(dir), Some(path)) = (&self.dir, self.path(digest)) {
            // Not being able to is no failure: it will be compiled again.
            let _ = write_atomically(dir, &path, code);
        }
    }

    /// Forgets a component's code.
    pub(crate) fn remove(&self, digest: &str) {
        if let Some(path) = self.path(digest) {
            let _ = std::fs::remove_file(path);
        }
    }

    /// Its folder, if nobody else needs what is in it: one behind a link is shared.
    pub(crate) fn own_dir(&self) -> Option<&Path> {
        self.dir.as_deref().filter(|dir| !dir.is_symlink())
    }

    /// Forgets all but what this engine makes of components with these digests, in a folder of its own.
    pub(crate) fn retain(&self, digests: &BTreeSet<String>) {
        let Some(dir) = self.own_dir() else { return };
        let kept: BTreeSet<OsString> = digests.iter().map(|digest| self.name(digest).into()).collect();
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| !kept.contains(&entry.file_name())) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn write_atomically(dir: &Path, path: &Path, code: &[u8]) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    // What is in it will be run: nobody else may write there.
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)?;
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(MAGIC)?;
    file.write_all(blake3::hash(code).as_bytes())?;
    file.write_all(code)?;
    file.persist(path)?;
    Ok(())
}

/// The engine's settings hash themselves with whatever hasher they are given; this one does not change with Rust's version.
struct Blake3Hasher(blake3::Hasher);

impl Hasher for Blake3Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        self.0.finalize().as_bytes().iter().take(8).fold(0, |sum, &byte| sum << 8 | u64::from(byte))
    }
}
