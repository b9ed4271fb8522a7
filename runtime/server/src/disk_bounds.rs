//! [`DiskBounds`]: how much of the disk jobs may take. Who measures it, and what happens to a job that takes more, is elsewhere.

/// How much jobs may have on disk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DiskBounds {
    /// Free bytes that jobs and uploads leave.
    pub(crate) reserve_bytes: u64,
    /// Bytes of one job; `None`: as many as there are.
    pub(crate) job_bytes_max: Option<u64>,
    /// Bytes of the dead letters of one job, if its pipeline does not say fewer.
    pub(crate) dead_letter_bytes_max: u64,
}
