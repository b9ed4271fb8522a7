//! What a subtask keeps in another engine's checkpoints. The first byte of an input says whether the rest is all of it, a manifest with files
//! behind it (its two first bytes are the manifest's length), or a file of the golden manifest. It is read as Arrow calls valid, or is damaged.

use arrow::array::Array;
use arrow::buffer::Buffer;
use weir_state::checkpoint::unpack;

use super::manifest::seal;
use super::part::with_file;
use crate::panics;

/// What files begin at a multiple of.
const ALIGN: usize = 64;

pub(super) fn run(bytes: &[u8]) {
    let [kind, bytes @ ..] = bytes else { return };
    panics::tolerate_libraries();
    let bytes = match (kind % 3, bytes) {
        (0, [low, high, rest @ ..]) => {
            let (manifest, files) = rest.split_at(rest.len().min(u16::from_le_bytes([*low, *high]).into()));
            packed(manifest, files)
        }
        (1, [which, file @ ..]) => {
            let mut manifest = with_file(*which, file).0;
            // It is of one subtask.
            manifest["subtasks"].as_array_mut().into_iter().for_each(|subtasks| subtasks.truncate(1));
            packed(manifest.to_string().as_bytes(), file)
        }
        _ => bytes.to_vec(),
    };
    match unpack(&Buffer::from_vec(bytes), "the state") {
        Ok(packed) => {
            for (_, operator) in packed.snapshot.operators {
                for column in operator.tables.iter().flat_map(|table| table.rows.columns()) {
                    column.to_data().validate_full().expect("a column that was read is valid");
                }
            }
        }
        Err(error) => assert!(error.to_string().contains("the state"), "{error} does not say of what"),
    }
}

/// A manifest with a right checksum, and one piece of files.
fn packed(manifest: &[u8], files: &[u8]) -> Vec<u8> {
    let manifest = seal(manifest);
    let mut bytes = (manifest.len() as u64).to_le_bytes().to_vec();
    bytes.extend(manifest);
    bytes.resize(bytes.len().next_multiple_of(ALIGN), 0);
    bytes.extend(files);
    bytes
}
