//! Compiled functions in one file, which never changes: as many as a component has need thousands of small files otherwise.
//!
//! ```text
//! magic 8 | functions u32 | blake3 of the index 32 | index: per function, key 32, offset u32, bytes u32 | per function, blake3 32, code
//! ```
//! Numbers are little-endian, offsets are from the begin of the file. It says nothing of what a key or the code is.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};

/// What names a function: a digest of all that its code is made from.
pub(super) type Key = [u8; 32];

const MAGIC: &[u8; 8] = b"weirfns1";
const HEADER_BYTES: usize = MAGIC.len() + 4 + blake3::OUT_LEN;
const ENTRY_BYTES: usize = 32 + 4 + 4;

/// Where a function is in its file: its checksum, then its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    offset: u32,
    bytes: u32,
}

/// The file of these functions. Those that do not fit into `bytes_max` are left out.
pub(super) fn encode(functions: &BTreeMap<Key, Vec<u8>>, bytes_max: usize) -> Vec<u8> {
    let bytes_max = bytes_max.min(u32::MAX as usize);
    let mut total = HEADER_BYTES;
    let fits = |(_, code): &(&Key, &Vec<u8>)| {
        total += ENTRY_BYTES + blake3::OUT_LEN + code.len();
        total <= bytes_max
    };
    let functions: Vec<_> = functions.iter().take_while(fits).collect();
    let mut offset = HEADER_BYTES + functions.len() * ENTRY_BYTES;
    let mut index = Vec::with_capacity(functions.len() * ENTRY_BYTES);
    for (key, code) in &functions {
        index.extend_from_slice(*key);
        // Both fit, as the sum of all does.
        index.extend_from_slice(&(offset as u32).to_le_bytes());
        index.extend_from_slice(&(code.len() as u32).to_le_bytes());
        offset += blake3::OUT_LEN + code.len();
    }
    let mut file = Vec::with_capacity(offset);
    file.extend_from_slice(MAGIC);
    file.extend_from_slice(&(functions.len() as u32).to_le_bytes());
    file.extend_from_slice(blake3::hash(&index).as_bytes());
    file.extend_from_slice(&index);
    for (_, code) in &functions {
        file.extend_from_slice(blake3::hash(code).as_bytes());
        file.extend_from_slice(code);
    }
    file
}

/// Where which function is in a file; `None`: the index is damaged, or what it promises is not all there.
pub(super) fn read_index(file: &mut File) -> io::Result<Option<Vec<(Key, Place)>>> {
    let file_bytes = file.metadata()?.len();
    let mut header = [0; HEADER_BYTES];
    if file_bytes < HEADER_BYTES as u64 {
        return Ok(None);
    }
    file.read_exact(&mut header)?;
    let index_bytes = word(&header[MAGIC.len()..]) as usize * ENTRY_BYTES;
    if !header.starts_with(MAGIC) || (HEADER_BYTES + index_bytes) as u64 > file_bytes {
        return Ok(None);
    }
    let mut index = vec![0; index_bytes];
    file.read_exact(&mut index)?;
    if header[MAGIC.len() + 4..] != *blake3::hash(&index).as_bytes() {
        return Ok(None);
    }
    let entry = |entry: &[u8; ENTRY_BYTES]| {
        let mut key = [0; 32];
        key.copy_from_slice(&entry[..32]);
        (key, Place { offset: word(&entry[32..]), bytes: word(&entry[36..]) })
    };
    let (entries, _) = index.as_chunks::<ENTRY_BYTES>();
    let entries: Vec<_> = entries.iter().map(entry).collect();
    let end = |place: &Place| u64::from(place.offset) + blake3::OUT_LEN as u64 + u64::from(place.bytes);
    let all_there = entries.last().map_or(HEADER_BYTES as u64, |(_, place)| end(place)) == file_bytes;
    Ok(all_there.then_some(entries))
}

/// The code of a function, from all bytes of its file; `None`: it is damaged.
pub(super) fn code(file: &[u8], place: Place) -> Option<&[u8]> {
    let begin = place.offset as usize;
    let (checksum, code) = file.get(begin..)?.split_at_checked(blake3::OUT_LEN)?;
    let code = code.get(..place.bytes as usize)?;
    (*checksum == *blake3::hash(code).as_bytes()).then_some(code)
}

/// The number at the begin of at least four bytes.
fn word(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |chunk| u32::from_le_bytes(*chunk))
}
