//! Parts of checkpoints: Arrow files with a right length and checksum, as somebody could make them. The first byte of an input says
//! which of the golden checkpoint's parts it stands for; the rest is the file. It is read as Arrow calls valid, or not at all.

use std::sync::LazyLock;

use arrow::array::Array;
use serde_json::{Value, json};
use weir_state::checkpoint::{Contents, StoredFile};
use xxhash_rust::xxh3::xxh3_128;

use super::manifest::{STORE, seal};
use crate::{panics, scratch};

const GOLDEN: &str = include_str!("../../../runtime/state/tests/golden/checkpoint-1/manifests/00000000000000000002");
const MANIFEST: &str = "checkpoints/manifests/00000000000000000002";

static MANIFEST_JSON: LazyLock<Value> = LazyLock::new(|| {
    let (_, json) = GOLDEN.split_once('\n').unwrap_or_default();
    serde_json::from_str(json).expect("the golden manifest is JSON")
});

pub(super) fn run(bytes: &[u8]) {
    let [which, bytes @ ..] = bytes else { return };
    panics::tolerate_libraries();
    let (manifest, stored) = with_file(*which, bytes);
    let store = &*STORE;
    scratch::write(MANIFEST, &seal(manifest.to_string().as_bytes()));
    let path = format!("checkpoints/{}", stored.path);
    let folder = scratch::folder().join(&path);
    std::fs::create_dir_all(folder.parent().unwrap_or(&folder)).expect("a scratch folder can be made");
    scratch::write(&path, bytes);

    let read = store.read(2);
    assert_eq!(store.read_as(2, Contents::Layouts).is_ok(), read.is_ok(), "what is kept of it makes a difference");
    match read {
        Ok(checkpoint) => {
            let tables = &checkpoint.snapshot.subtasks[0].operators[0].1.tables;
            assert_eq!(tables.len(), stored.batches.len());
            for (table, (group, rows)) in tables.iter().zip(&stored.batches) {
                assert_eq!((table.key_group, table.rows.num_rows() as u64), (*group, *rows));
                for column in table.rows.columns() {
                    column.to_data().validate_full().expect("a column that was read is valid");
                }
            }
        }
        Err(error) => {
            assert!(error.is_damage() && error.to_string().contains(&stored.path), "{error}");
        }
    }
}

/// The golden manifest with one part, of which this is the file, and that part.
pub(super) fn with_file(which: u8, bytes: &[u8]) -> (Value, StoredFile) {
    let mut manifest = MANIFEST_JSON.clone();
    let operator = &mut manifest["subtasks"][0]["operators"][0];
    let count = operator["state"].as_array().map_or(1, Vec::len);
    let mut file = operator["state"][usize::from(which) % count].take();
    file["bytes"] = json!(bytes.len());
    file["checksum"] = json!(format!("{:032x}", xxh3_128(bytes)));
    let stored: StoredFile = serde_json::from_value(file.clone()).expect("the golden file is one");
    operator["state"] = json!([file]);
    manifest["subtasks"][1]["operators"] = json!([]);
    (manifest, stored)
}
