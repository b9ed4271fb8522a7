//! Parquet files, read and written.

mod file;
mod footer;
mod writer;

pub(crate) use file::ParquetFile;
pub(crate) use writer::ParquetWriter;
