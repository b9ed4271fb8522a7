//! [`FrozenKeys`]: the keys of an index as they were. Knows which key is in which slot and not the reverse.

use arrow::array::ArrayRef;
use weir_core::key_group::hash_keys;

use super::byte_keys::ByteValues;
use super::fixed_keys::FixedValues;
use super::packed_keys::PackedValues;
use crate::StateError;

/// The keys of a [`KeyIndex`](super::KeyIndex) at one moment, whatever became of it since.
#[derive(Debug)]
pub struct FrozenKeys(Values);

#[derive(Debug)]
enum Values {
    /// No key columns: whether their only key was there.
    Unit(bool),
    Fixed(FixedValues),
    Packed(PackedValues),
    Bytes(ByteValues),
}

impl FrozenKeys {
    pub(super) fn unit(present: bool) -> Self {
        Self(Values::Unit(present))
    }

    pub(super) fn fixed(values: FixedValues) -> Self {
        Self(Values::Fixed(values))
    }

    pub(super) fn packed(values: PackedValues) -> Self {
        Self(Values::Packed(values))
    }

    pub(super) fn bytes(values: ByteValues) -> Self {
        Self(Values::Bytes(values))
    }

    /// The slots that were in use, ascending.
    #[must_use]
    pub fn live_slots(&self) -> Vec<u32> {
        match &self.0 {
            Values::Unit(present) => present.then_some(0).into_iter().collect(),
            Values::Fixed(values) => values.slots.live(),
            Values::Packed(values) => values.slots.live(),
            Values::Bytes(values) => values.slots.live(),
        }
    }

    /// The key columns of the given slots, a row per slot.
    ///
    /// # Errors
    /// If Arrow cannot decode what it encoded.
    pub fn keys(&self, slots: &[u32]) -> Result<Vec<ArrayRef>, StateError> {
        match &self.0 {
            Values::Unit(_) => Ok(Vec::new()),
            Values::Fixed(values) => Ok(vec![values.column(slots)?]),
            Values::Packed(values) => values.columns(slots),
            Values::Bytes(values) => values.columns(slots),
        }
    }

    /// The hashes that decide the key groups of the given slots: those that [`hash_keys`] gives for their columns.
    ///
    /// # Errors
    /// As [`FrozenKeys::keys`].
    pub fn hashes(&self, slots: &[u32]) -> Result<Vec<u64>, StateError> {
        let (mut all, mut some) = (Vec::with_capacity(slots.len()), Vec::new());
        // A piece at a time: what is made for it stays in the processor's cache.
        for slots in slots.chunks(PIECE_SLOTS) {
            match &self.0 {
                Values::Bytes(values) => values.hashes(slots, &mut some)?,
                _ => hash_keys(&self.keys(slots)?, slots.len(), &mut some)?,
            }
            all.extend_from_slice(&some);
        }
        Ok(all)
    }
}

const PIECE_SLOTS: usize = 8_192;
