//! Compiled components on disk, by what they were made of. An entry is only ever one that this program wrote into its own
//! folder: native code from anywhere else is never loaded. A folder that cannot be read or written costs time, nothing more.

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

    /// The file of a component's code.
    fn path(&self, component: &blake3::Hash) -> Option<PathBuf> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(component.as_bytes()).update(self.engine.as_bytes());
        Some(self.dir.as_ref()?.join(format!("{}.weirobj", hasher.finalize().to_hex())))
    }

    /// The code that was compiled of a component. An entry that is damaged is removed.
    pub(crate) fn get(&self, component: &blake3::Hash) -> Option<Vec<u8>> {
        let path = self.path(component)?;
        let mut entry = std::fs::read(&path).ok()?;
        let sound = entry.len() >= HEADER_BYTES
            && entry.starts_with(MAGIC)
            && entry[MAGIC.len()..HEADER_BYTES] == *blake3::hash(&entry[HEADER_BYTES..]).as_bytes();
        if sound {
            entry.drain(..HEADER_BYTES);
            return Some(entry);
        }
        self.remove(component);
        None
    }

    /// Keeps a component's code. Of two programs that do so at once one wins, whole.
    pub(crate) fn put(&self, component: &blake3::Hash, code: &[u8]) {
        if let (Some(dir), Some(path)) = (&self.dir, self.path(component)) {
            // Not being able to is no failure: it will be compiled again.
            let _ = write_atomically(dir, &path, code);
        }
    }

    /// Forgets a component's code.
    pub(crate) fn remove(&self, component: &blake3::Hash) {
        if let Some(path) = self.path(component) {
            let _ = std::fs::remove_file(path);
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
