//! `approx-count-distinct`: about how many different values there are, in 4 KiB per group. The standard error is 1.6%; up to
//! [`SPARSE_MAX`] different values it is exact.
//!
//! HyperLogLog over 64 bit hashes, read by the estimator of O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches",
//! 2017, which needs no tables.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, Int64Array};
use arrow::datatypes::{DataType, FieldRef};
use weir_core::key_group::hash_keys;

use super::encoded::plain;
use super::fold::{Fold, Folded, Groups, for_each_valid};
use super::{Accumulators, state_field};
use crate::dataflow::operator::OperatorError;

/// Different hashes that are kept one by one.
const SPARSE_MAX: usize = 256;
/// Bits of a hash that say its register.
const INDEX_BITS: u32 = 12;
/// Registers.
const REGISTERS: usize = 1 << INDEX_BITS;
/// The other bits.
const RANK_BITS: u32 = 64 - INDEX_BITS;

/// `approx-count-distinct` of a column whose values can be hashed.
pub(super) fn approx_count_distinct() -> Box<dyn Accumulators> {
    Folded::boxed(ApproxCountDistinct)
}

#[derive(Clone)]
struct ApproxCountDistinct;

/// What is known of the hashes: a function of the set of them, whatever their order.
#[derive(Clone)]
enum Sketch {
    /// All of them, ascending.
    Sparse(Vec<u64>),
    /// By register: the most zeros that a hash begins with behind the bits of its register, and one.
    Dense(Box<[u8; REGISTERS]>),
}

impl Default for Sketch {
    fn default() -> Self {
        Self::Sparse(Vec::new())
    }
}

impl Sketch {
    fn take(&mut self, hash: u64) {
        match self {
            Self::Sparse(hashes) => {
                let Err(at) = hashes.binary_search(&hash) else { return };
                hashes.insert(at, hash);
                if hashes.len() > SPARSE_MAX {
                    let mut registers = Box::new([0; REGISTERS]);
                    hashes.iter().for_each(|hash| raise(&mut registers, *hash));
                    *self = Self::Dense(registers);
                }
            }
            Self::Dense(registers) => raise(registers, hash),
        }
    }

    fn merge(&mut self, other: &Self) {
        match (&mut *self, other) {
            (_, Self::Sparse(hashes)) => hashes.iter().for_each(|hash| self.take(*hash)),
            (Self::Dense(registers), Self::Dense(others)) => {
                registers
                    .iter_mut()
                    .zip(others.iter())
                    .for_each(|(register, other)| *register = (*register).max(*other));
            }
            (Self::Sparse(hashes), Self::Dense(others)) => {
                let mut registers = others.clone();
                hashes.iter().for_each(|hash| raise(&mut registers, *hash));
                *self = Self::Dense(registers);
            }
        }
    }

    fn count(&self) -> i64 {
        match self {
            Self::Sparse(hashes) => hashes.len() as i64,
            Self::Dense(registers) => estimate(registers).round() as i64,
        }
    }

    /// Hashes of eight bytes, or all registers.
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Sparse(hashes) => hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect(),
            Self::Dense(registers) => registers.to_vec(),
        }
    }

    fn of_bytes(bytes: &[u8]) -> Self {
        match <Box<[u8; REGISTERS]>>::try_from(bytes.to_vec().into_boxed_slice()) {
            Ok(registers) => Self::Dense(registers),
            Err(_) => Self::Sparse(bytes.as_chunks().0.iter().map(|hash| u64::from_le_bytes(*hash)).collect()),
        }
    }
}

fn raise(registers: &mut [u8; REGISTERS], hash: u64) {
    let register = &mut registers[(hash >> RANK_BITS) as usize];
    let zeros = (hash << INDEX_BITS).leading_zeros().min(RANK_BITS);
    *register = (*register).max(zeros as u8 + 1);
}

fn estimate(registers: &[u8; REGISTERS]) -> f64 {
    let mut counts = [0_u32; RANK_BITS as usize + 2];
    registers.iter().for_each(|register| counts[*register as usize] += 1);
    let all = REGISTERS as f64;
    let [none, middle @ .., full] = counts.map(f64::from);
    let mut z = all * tau(1.0 - full / all);
    for count in middle.into_iter().rev() {
        z = 0.5 * (z + count);
    }
    z += all * sigma(none / all);
    all / z * all / (2.0 * std::f64::consts::LN_2)
}

/// The sum over k >= 1 of x^(2^k) 2^(k-1), and x.
fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut sum) = (1.0, x);
    loop {
        x *= x;
        let before = sum;
        sum += x * y;
        y += y;
        if sum <= before {
            return sum;
        }
    }
}

/// A third of 1 - x - the sum over k >= 1 of (1 - x^(2^-k))^2 2^-k.
fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut y, mut sum) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = sum;
        y *= 0.5;
        sum -= (1.0 - x).powi(2) * y;
        if sum >= before {
            return sum / 3.0;
        }
    }
}

impl Fold for ApproxCountDistinct {
    type Accumulator = Sketch;

    const HEAP_BYTES_PER_VALUE: usize = size_of::<u64>();

    fn heap_bytes(group: &Sketch) -> usize {
        match group {
            Sketch::Sparse(hashes) => hashes.capacity() * size_of::<u64>(),
            Sketch::Dense(_) => REGISTERS,
        }
    }

    fn update(
        &self,
        groups: &mut (impl Groups<Sketch> + ?Sized),
        group_of_row: &[u32],
        columns: &[ArrayRef],
        _event_times: &[i64],
    ) -> Result<(), OperatorError> {
        let [column] = columns else { return Ok(()) };
        let mut hashes = Vec::new();
        hash_keys(&[plain(column)?], column.len(), &mut hashes)?;
        for_each_valid(column.nulls(), group_of_row, |row, group| {
            groups[group].take(hashes[row]);
            Ok(())
        })
    }

    fn merge(&self, into: &mut Sketch, other: &Sketch) -> Result<(), OperatorError> {
        into.merge(other);
        Ok(())
    }

    fn state_fields(&self) -> Vec<FieldRef> {
        vec![state_field("sketch", DataType::Binary, false)]
    }

    fn state(&self, groups: &[&Sketch]) -> Result<Vec<ArrayRef>, OperatorError> {
        Ok(vec![Arc::new(groups.iter().map(|group| Some(group.bytes())).collect::<BinaryArray>())])
    }

    fn load(&self, state: &[ArrayRef], rows: usize) -> Result<Vec<Sketch>, OperatorError> {
        let [sketches] = state else { return Ok(Vec::new()) };
        let sketches = sketches.as_binary::<i32>();
        Ok((0..rows).map(|row| Sketch::of_bytes(sketches.value(row))).collect())
    }

    fn output_field(&self) -> FieldRef {
        state_field("approx_count_distinct", DataType::Int64, false)
    }

    fn finish(&self, groups: &[&Sketch]) -> Result<ArrayRef, OperatorError> {
        Ok(Arc::new(groups.iter().map(|group| Some(group.count())).collect::<Int64Array>()))
    }
}

#[cfg(test)]
mod tests {
    use weir_core::key_group::mix;

    use super::*;

    #[test]
    fn counts_are_exact_for_few_values_and_near_for_many() {
        for count in [0, 1, 100, SPARSE_MAX as u64, 1_000, 10_000, 100_000, 2_000_000] {
            let mut sketch = Sketch::default();
            (0..count).for_each(|value| sketch.take(mix(value)));
            let error = (sketch.count() as f64 - count as f64).abs() / (count.max(1) as f64);
            let bound = if count <= SPARSE_MAX as u64 { 0.0 } else { 0.05 };
            assert!(error <= bound, "{count}: {}", sketch.count());
        }
    }
}
