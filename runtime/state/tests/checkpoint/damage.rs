//! Files that are not what was written: an error that names the file, or the checkpoint before; never other rows, never a panic.

use std::sync::Arc;

use weir_state::checkpoint::object_store::memory::InMemory;
use weir_state::checkpoint::{CheckpointError, CheckpointStore, Contents};
use xxhash_rust::xxh3::Xxh3;

use crate::samples::{assert_same, job, store};
use crate::stores::{paths, plain, read, write};

/// Two checkpoints, of which the newer will be damaged.
fn two() -> (Arc<InMemory>, CheckpointStore) {
    let memory = Arc::new(InMemory::new());
    let at = plain(&memory);
    let mut lease = at.claim("orders", 1).unwrap();
    store(&mut lease, 1, &job(1)).unwrap();
    store(&mut lease, 2, &job(2)).unwrap();
    (memory, at)
}

/// The files of the newer checkpoint: its manifest and its parts.
fn newer(memory: &Arc<InMemory>) -> Vec<String> {
    let files: Vec<_> = paths(memory).into_iter().filter(|p| p.contains("/1-2/") || p.ends_with("0003")).collect();
    assert_eq!(files.len(), 4, "a manifest, panes, timers and a sink's rows: {files:?}");
    files
}

fn assert_damaged(at: &CheckpointStore, file: &str, how: &str) {
    let latest = at.latest().unwrap();
    assert_same(&latest.checkpoint.unwrap().snapshot, &job(1));
    assert!(
        at.read_as(3, Contents::Layouts).unwrap_err().is_damage(),
        "{file}, {how}: what is not kept is verified too"
    );
    let [(3, error)] = &latest.damaged[..] else { panic!("{file}, {how}: {:?}", latest.damaged) };
    assert!(error.to_string().starts_with(&format!("checkpoint 3 in memory is damaged: {file} ")), "{how}: {error}");
}

#[test]
fn every_flipped_byte_is_found() {
    let (memory, at) = two();
    for file in newer(&memory) {
        let whole = read(&memory, &file);
        for position in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[position] ^= 1 << (position % 8);
            write(&memory, &file, flipped);
            assert_damaged(&at, &file, &format!("byte {position}"));
        }
        write(&memory, &file, whole);
    }
    assert_same(&at.latest().unwrap().checkpoint.unwrap().snapshot, &job(2));
}

#[test]
fn every_truncation_is_found() {
    let (memory, at) = two();
    for file in newer(&memory) {
        let whole = read(&memory, &file);
        for length in (0..whole.len()).step_by(7).chain([whole.len() - 1]) {
            write(&memory, &file, whole[..length].to_vec());
            assert_damaged(&at, &file, &format!("{length} bytes"));
        }
        let longer = [&whole[..], b"\n"].concat();
        write(&memory, &file, longer);
        assert_damaged(&at, &file, "a byte more");
        write(&memory, &file, whole);
    }
}

#[test]
fn a_missing_part_and_a_swapped_one_are_found() {
    let (memory, at) = two();
    let files = newer(&memory);
    let parts: Vec<&String> = files.iter().filter(|f| f.starts_with("parts")).collect();
    let contents: Vec<Vec<u8>> = parts.iter().map(|p| read(&memory, p)).collect();
    for (index, part) in parts.iter().enumerate() {
        write(&memory, part, contents[(index + 1) % contents.len()].clone());
        assert_damaged(&at, part, "swapped");
        let path = weir_state::checkpoint::object_store::path::Path::from(part.as_str());
        crate::stores::wait(weir_state::checkpoint::object_store::ObjectStoreExt::delete(&*memory, &path)).unwrap();
        let error = at.read(3).unwrap_err().to_string();
        assert_eq!(error, format!("checkpoint 3 in memory is damaged: {part} is missing"));
        assert_damaged(&at, part, "missing");
        write(&memory, part, contents[index].clone());
    }
    let other = read(&memory, "manifests/00000000000000000002");
    write(&memory, "manifests/00000000000000000003", other);
    assert_damaged(&at, "manifests/00000000000000000003", "copied");
}

#[test]
fn a_damaged_claim_neither_hides_checkpoints_nor_frees_its_generation() {
    let (memory, at) = two();
    at.claim("orders", 5).unwrap();
    write(&memory, "manifests/00000000000000000004", b"weir-checkpoint".to_vec());
    let lease = at.claim("orders", 6).unwrap();
    assert_eq!(lease.generation(), 5);
    assert_same(&at.latest().unwrap().checkpoint.unwrap().snapshot, &job(2));
}

/// A manifest with a right first line.
fn sealed(version: u32, body: &str) -> Vec<u8> {
    let guarded = format!("weir-checkpoint {version} {}", body.len());
    let mut hash = Xxh3::new();
    hash.update(guarded.as_bytes());
    hash.update(body.as_bytes());
    format!("{guarded} {:032x}\n{body}", hash.digest128()).into_bytes()
}

/// Whatever was made visible since an older checkpoint, a newer Weir knows of: nothing continues without it.
#[test]
fn a_newer_version_is_refused() {
    let (memory, at) = two();
    write(&memory, "manifests/00000000000000000004", sealed(2, "{\"anything\": true}"));
    for error in [at.latest().unwrap_err(), at.read(4).unwrap_err(), at.claim("orders", 6).unwrap_err()] {
        assert_eq!(
            error.to_string(),
            "manifests/00000000000000000004 in memory has format version 2, this Weir knows versions up to 1: use the Weir that \
             wrote it, or a newer one"
        );
    }
    let listed = at.list().unwrap();
    assert!(matches!(listed[0].manifest, Err(CheckpointError::Newer { version: 2, .. })));
    assert_eq!(listed.len(), 3);
}

#[test]
fn manifests_that_lie_are_damaged() {
    let (memory, at) = two();
    let path = "manifests/00000000000000000003";
    let whole = String::from_utf8(read(&memory, path)).unwrap();
    let body = whole.split_once('\n').unwrap().1;
    for (from, to, expected) in [
        ("\"number\":3", "\"number\":4", "is the manifest of 4"),
        ("\"kind\":\"checkpoint\"", "\"kind\":\"other\"", "cannot be understood"),
        ("\"attempt\":2", "\"attempt\":3", "says that its weir.attempt is \"2\" where the manifest has \"3\""),
        ("\"job\":\"orders\"", "\"job\":\"x\"", "says that its weir.job is \"orders\""),
        ("parts/1-2/orders-0-per", "parts/../../x", "is no name of a part"),
        ("parts/1-2/orders-0-per", "manifests/x", "is no name of a part"),
        ("[3,3],[9,3]", "[3,3],[8,3]", "says that its weir.key-groups is \"3 9\" where the manifest has \"3 8\""),
        ("[3,3],[9,3]", "[3,3],[9,4]", "has 3 rows in a batch where the manifest has 4"),
        ("\"rows\":[0,0]", "\"rows\":[0,1]", "speaks of rows of a sink that it does not name"),
    ] {
        assert!(body.contains(from), "{from} is not in {body}");
        write(&memory, path, sealed(1, &body.replace(from, to)));
        let latest = at.latest().unwrap();
        assert_same(&latest.checkpoint.unwrap().snapshot, &job(1));
        let [(3, error)] = &latest.damaged[..] else { panic!("{to}") };
        assert!(error.to_string().contains(expected), "{to}: {error}");
    }
}
