//! How long a record may be, and where a line ends: what all that finds records shares. Reads nothing.

/// Bytes of one record at most: beyond it, something else than a record is being read, and memory must not follow it.
pub(crate) const RECORD_BYTES_MAX: usize = 1 << 20;

/// How long the first line is, with its end.
pub(crate) fn end_of_line(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1)
}
