//! [`Disk`]: how much of a disk the sinks of a server's job may take. Measures nothing: who writes does.

use std::path::PathBuf;

/// What a sink leaves free, and what it may fill.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disk {
    /// Free bytes of the file system below which no more rows are written.
    pub reserve_bytes: u64,
    /// Of a sink that keeps what nobody reads.
    pub quota: Option<Quota>,
}

/// What a folder may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The folder: of all such sinks of a job.
    pub folder: PathBuf,
    /// Bytes of all files in it, and in the folders in it.
    pub bytes_max: u64,
    /// What becomes of more rows.
    pub when_full: WhenFull,
}

/// What becomes of dead letters for which there is no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// The job fails: none of them is lost.
    #[default]
    Fail,
    /// They are dropped, and counted.
    Drop,
}

/// `[dead-letters]`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterSettings {
    /// Bytes of the dead letters that a server keeps for the job; `None`: as many as the server lets a job have.
    pub bytes_max: Option<u64>,
    /// What becomes of more.
    pub when_full: WhenFull,
}
