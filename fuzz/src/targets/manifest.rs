//! Manifests of checkpoints and claims. The first byte of an input says whether it is the file, or what the first line of a file with a
//! right checksum guards. Whatever it is, a checkpoint is listed, or told to be damaged, and never used in part.

use std::sync::LazyLock;

use weir_state::CheckpointStore;
use weir_state::checkpoint::{Contents, FORMAT_VERSION, Manifest};
use xxhash_rust::xxh3::Xxh3;

use crate::scratch;

/// The number of the only file: what its JSON has to say too.
const NUMBER: u64 = 2;
/// Where it is.
const FILE: &str = "checkpoints/manifests/00000000000000000002";

pub(super) fn run(bytes: &[u8]) {
    let [kind, bytes @ ..] = bytes else { return };
    let is_sealed = kind % 2 == 0;
    let store = &*STORE;
    scratch::write(FILE, &if is_sealed { seal(bytes) } else { bytes.to_vec() });
    let listed = store.list().expect("a folder can be listed");
    let read = store.read_as(NUMBER, Contents::Layouts);
    match listed.first().map(|listed| listed.manifest.as_ref()) {
        // A claim.
        None => assert!(read.is_err_and(|error| !error.is_damage())),
        Some(Ok(manifest)) => {
            let json = serde_json::to_vec(manifest).expect("a manifest can be written");
            let again: Manifest = serde_json::from_slice(&json).expect("a manifest that was written can be read");
            assert_eq!(again, *manifest);
            // Its parts are missing.
            let is_whole = manifest.files().next().is_none();
            match read {
                Ok(checkpoint) => assert!(is_whole && checkpoint.manifest == *manifest),
                Err(error) => assert!(error.is_damage(), "{error}"),
            }
        }
        Some(Err(error)) => {
            assert!(error.to_string().contains("manifests/00000000000000000002"), "{error} does not name the file");
            let (listed, read) = (error.to_string(), read.map(|_| ()).expect_err("what is damaged is not read"));
            assert_eq!(read.to_string(), listed);
        }
    }
    let _ = (store.latest_as(Contents::Layouts), store.is_begun_anew(), store.check_job("golden"));
}

/// The checkpoints of the scratch folder, of which there is one.
pub(super) static STORE: LazyLock<CheckpointStore> = LazyLock::new(|| {
    let folder = scratch::folder().join("checkpoints");
    std::fs::create_dir_all(folder.join("manifests")).expect("a scratch folder can be made");
    CheckpointStore::open(&folder.display().to_string()).expect("checkpoints can be kept in a folder")
});

/// A file with this JSON: its first line is right.
pub(super) fn seal(json: &[u8]) -> Vec<u8> {
    let guarded = format!("weir-checkpoint {FORMAT_VERSION} {}", json.len());
    let mut hash = Xxh3::new();
    hash.update(guarded.as_bytes());
    hash.update(json);
    [format!("{guarded} {:032x}\n", hash.digest128()).as_bytes(), json].concat()
}
