//! Key groups: the unit in which keyed state is spread, moved and restored.
//!
//! A key belongs to one of `max_parallelism` groups for ever; a subtask owns a contiguous range of groups. So a job can change
//! its parallelism and every group is still whole. The rule is Flink's; the hash is XXH3, whose output is fixed by its
//! specification, because what it decides is written into snapshots.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Int32Type, Int64Type};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, Rows, SortField};
use xxhash_rust::xxh3::xxh3_64;

/// How many key groups a job has if its author does not say: enough to spread over 128 subtasks, few enough that a snapshot
/// is not made of crumbs.
pub const KEY_GROUPS_DEFAULT: u32 = 128;

/// The hash of a null in a key of one column.
const NULL_HASH: u64 = 0x9E37_79B9_7F4A_7C15;

/// A hash a row of the key columns: the same for equal keys, on every machine and in every version.
///
/// # Errors
/// If a column has a type that cannot be a key.
pub fn hash_keys(columns: &[ArrayRef], rows: usize, hashes: &mut Vec<u64>) -> Result<(), ArrowError> {
    KeyHasher::default().hash(columns, rows, hashes)
}

/// [`hash_keys`] for one batch after the other, with key columns of the same types.
#[derive(Debug, Default)]
pub struct KeyHasher {
    /// Of keys that must be encoded: made for the first batch.
    encoder: Option<(RowConverter, Rows)>,
}

impl KeyHasher {
    /// As [`hash_keys`].
    ///
    /// # Errors
    /// As [`hash_keys`], or if the columns are of other types than those before.
    pub fn hash(&mut self, columns: &[ArrayRef], rows: usize, hashes: &mut Vec<u64>) -> Result<(), ArrowError> {
        hashes.clear();
        match columns {
            [] => hashes.resize(rows, 0),
            [one] if one.data_type() == &DataType::Int64 => {
                let column = one.as_primitive::<Int64Type>();
                hash_each(column.values().iter().map(|v| mix(*v as u64)), column.nulls(), hashes);
            }
            [one] if one.data_type() == &DataType::Int32 => {
                let column = one.as_primitive::<Int32Type>();
                hash_each(column.values().iter().map(|v| mix(*v as u64)), column.nulls(), hashes);
            }
            [one] if one.data_type() == &DataType::Utf8 => {
                let column = one.as_string::<i32>();
                hash_each((0..rows).map(|row| xxh3_64(column.value(row).as_bytes())), column.nulls(), hashes);
            }
            _ => {
                let (converter, encoded) = match &mut self.encoder {
                    Some(encoder) => encoder,
                    none => {
                        let fields = columns.iter().map(|c| SortField::new(c.data_type().clone())).collect();
                        let converter = RowConverter::new(fields)?;
                        let encoded = converter.empty_rows(rows, 0);
                        none.insert((converter, encoded))
                    }
                };
                encoded.clear();
                converter.append(encoded, columns)?;
                hashes.extend(encoded.iter().map(|row| xxh3_64(row.as_ref())));
            }
        }
        Ok(())
    }
}

/// A key must not change its hash when its batch happens to hold a null, so nulls have one of their own on the same path.
fn hash_each(values: impl Iterator<Item = u64>, nulls: Option<&NullBuffer>, hashes: &mut Vec<u64>) {
    match nulls.filter(|nulls| nulls.null_count() > 0) {
        None => hashes.extend(values),
        Some(nulls) => hashes.extend(values.zip(nulls).map(|(hash, valid)| if valid { hash } else { NULL_HASH })),
    }
}

/// The group of a key's hash. `groups` is the job's `max_parallelism`.
#[must_use]
pub fn group_of(hash: u64, groups: u32) -> u32 {
    // The high half of the product: uniform, and without a division.
    ((u128::from(hash) * u128::from(groups)) >> 64) as u32
}

/// The groups that a subtask owns.
#[must_use]
pub fn groups_of_subtask(subtask: usize, parallelism: usize, groups: u32) -> Range<u32> {
    let bound = |i: usize| (i as u64 * u64::from(groups)).div_ceil(parallelism as u64) as u32;
    bound(subtask)..bound(subtask + 1)
}

/// The subtask that owns a group.
#[must_use]
pub fn subtask_of(group: u32, parallelism: usize, groups: u32) -> usize {
    (u64::from(group) * parallelism as u64 / u64::from(groups)) as usize
}

/// A bijection that spreads the bits of an integer (David Stafford's thirteenth variant of MurmurHash3's finaliser).
#[must_use]
pub fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Flink hands a subtask the state of its own range: `KeyGroupRangeAssignment.computeKeyGroupRangeForOperatorIndex`.
    #[test]
    fn ranges_are_those_of_flink() {
        for groups in [1_u32, 2, 9, 127, 128, 130, 32_768] {
            for parallelism in (1..=groups.min(130)).map(|parallelism| parallelism as usize) {
                for subtask in 0..parallelism {
                    let (index, of) = (subtask as u32, parallelism as u32);
                    let (first, last) = ((index * groups).div_ceil(of), ((index + 1) * groups - 1) / of);
                    assert_eq!(groups_of_subtask(subtask, parallelism, groups), first..last + 1);
                }
            }
        }
    }

    #[test]
    fn every_group_has_one_owner() {
        for parallelism in 1..=9 {
            for groups in [9, 128, 130] {
                for subtask in 0..parallelism {
                    for group in groups_of_subtask(subtask, parallelism, groups) {
                        assert_eq!(subtask_of(group, parallelism, groups), subtask);
                    }
                }
                let all: u32 = (0..parallelism).map(|s| groups_of_subtask(s, parallelism, groups).len() as u32).sum();
                assert_eq!(all, groups);
            }
        }
    }
}
