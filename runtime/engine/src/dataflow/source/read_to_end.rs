//! The reader of a split that has nothing more to be read. Opens nothing.

use std::time::Duration;

use weir_core::connector::{ConnectorError, Offset, Polled, SourceReader};

/// A split that was read to its end by an earlier run, at this offset: what has come since is not read.
pub(super) struct ReadToEnd(Offset);

impl ReadToEnd {
    pub(super) fn at(offset: Offset) -> Self {
        Self(offset)
    }
}

impl SourceReader for ReadToEnd {
    fn poll(&mut self, _rows_max: usize, _wait: Duration) -> Result<Polled, ConnectorError> {
        Ok(Polled::End)
    }

    fn offset(&self) -> Offset {
        self.0.clone()
    }

    fn progress(&self) -> Option<f64> {
        Some(1.0)
    }
}
