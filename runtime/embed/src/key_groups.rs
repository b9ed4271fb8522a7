//! [`KeyGroups`]: the key group of each row, for a caller who brings rows to the subtask that owns it. It needs no component.

use arrow::array::ArrayRef;
use weir_core::key_group::{KeyHasher, group_of};

use crate::error::EmbedError;

/// See the module.
pub struct KeyGroups {
    hasher: KeyHasher,
    count: u32,
}

impl KeyGroups {
    /// So many of them.
    #[must_use]
    pub fn new(count: u32) -> Self {
        Self { hasher: KeyHasher::default(), count }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// That of each row, by the columns of its key.
    ///
    /// # Errors
    /// If a column has a type that cannot be a key, or another one than before.
    pub fn of(&mut self, keys: &[ArrayRef], rows: usize) -> Result<Vec<i32>, EmbedError> {
        let mut hashes = Vec::with_capacity(rows);
        let hashed = self.hasher.hash(keys, rows, &mut hashes);
        hashed.map_err(|error| EmbedError::Operator(error.to_string()))?;
        Ok(hashes.into_iter().map(|hash| group_of(hash, self.count).cast_signed()).collect())
    }
}
