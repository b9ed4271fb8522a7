//! Parquet files, read and written.

mod file;
mod footer;
mod writer;

pub(crate) use file::ParquetFile;
pub(crate) use writer::ParquetWriter;

/// Whether this build has them.
///
/// # Errors
/// In one without the feature `parquet`.
pub(crate) fn check() -> Result<(), &'static str> {
    Ok(())
}
