//! [`SinkReport`]: what the writers of a sink did. What a writer is, is in `connector`.

/// What one writer did.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SinkReport {
    /// Rows written.
    pub rows: u64,
    /// Order-insensitive checksum of the rows, if asked for; those of several writers add up, wrapping.
    pub checksum: Option<u64>,
}

impl SinkReport {
    /// Takes up what another writer of the same sink did.
    pub fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.checksum = match (self.checksum, other.checksum) {
            (Some(a), Some(b)) => Some(a.wrapping_add(b)),
            (a, b) => a.or(b),
        };
    }
}
