//! The part of one subtask as one piece of bytes: it comes back as it was, whatever is done to the bytes is found, and those of the first
//! version are read for ever.

use std::path::{Path, PathBuf};

use arrow::buffer::Buffer;
use weir_state::JobSnapshot;
use weir_state::checkpoint::{CheckpointError, FORMAT_VERSION, Packed, unpack};

use crate::samples::{assert_same, job};

fn pack(seed: i64, subtask: usize) -> Vec<u8> {
    let job = job(seed);
    Packed::pack("orders", job.key_groups, (3, 7), &job.subtasks[subtask]).unwrap()
}

fn read(bytes: Vec<u8>) -> Result<Packed, CheckpointError> {
    unpack(&Buffer::from_vec(bytes), "state of \"orders\"")
}

fn assert_is(packed: Packed, seed: i64, subtask: usize) {
    let expected = job(seed);
    let found = JobSnapshot { key_groups: packed.manifest.key_groups, subtasks: vec![packed.snapshot] };
    let expected = JobSnapshot { key_groups: expected.key_groups, subtasks: vec![expected.subtasks[subtask].clone()] };
    assert_same(&found, &expected);
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/packed-{FORMAT_VERSION}"))
}

#[test]
fn what_was_packed_comes_back() {
    for (seed, subtask) in [(1, 0), (2, 1), (3, 0)] {
        let packed = read(pack(seed, subtask)).unwrap();
        let manifest = &packed.manifest;
        assert_eq!((manifest.job.as_str(), manifest.generation, manifest.attempt), ("orders", 3, 7));
        assert_is(packed, seed, subtask);
    }
}

#[test]
fn damage_is_found() {
    let bytes = pack(1, 1);
    for position in 0..bytes.len() {
        let cut = read(bytes[..position].to_vec()).unwrap_err();
        assert!(cut.is_damage(), "{cut}");
        let mut flipped = bytes.clone();
        flipped[position] ^= 0x10;
        match read(flipped) {
            Err(error) => assert!(error.is_damage(), "{error}"),
            // Between files there is nothing.
            Ok(packed) => assert_is(packed, 1, 1),
        }
    }
    let longer = [bytes, vec![0]].concat();
    let error = read(longer).unwrap_err().to_string();
    assert!(error.ends_with("the packed state has more bytes than its files"), "{error}");
}

#[test]
fn packed_state_of_the_first_version_is_read() {
    for subtask in [0, 1] {
        let bytes = std::fs::read(golden().join(subtask.to_string())).unwrap();
        assert_is(read(bytes).unwrap(), 2, subtask);
    }
}

#[test]
#[ignore = "makes the golden bytes of a new version of the format, once"]
fn make_golden() {
    assert!(!golden().exists(), "{} must be read for ever: it is not created again", golden().display());
    std::fs::create_dir_all(golden()).unwrap();
    for subtask in [0, 1] {
        std::fs::write(golden().join(subtask.to_string()), pack(2, subtask)).unwrap();
    }
}
