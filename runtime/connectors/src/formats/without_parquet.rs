//! What a build without the feature `parquet` says of Parquet files. Nothing can be made of these types.

use std::convert::Infallible;
use std::fs::File;
use std::io::Write;
use std::marker::PhantomData;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use super::compression::SinkCompression;
use super::group_rows::GroupRows;

const MISSING: &str = "this weir was built without Parquet; build it with `--features parquet`";

pub(crate) fn check() -> Result<(), &'static str> {
    Err(MISSING)
}

pub(crate) struct ParquetFile(Infallible);

impl ParquetFile {
    pub(crate) fn open(_name: &str, _file: &File, _notes: &mut Vec<String>) -> Result<Self, String> {
        Err(MISSING.to_owned())
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        match self.0 {}
    }

    pub(crate) fn group_bytes(&self) -> Vec<u64> {
        match self.0 {}
    }

    pub(crate) fn rows_before(&self, _group: usize) -> u64 {
        match self.0 {}
    }

    pub(crate) fn group(&self, _: File, _: usize, _: u64, _: &[usize]) -> Result<Box<dyn GroupRows>, String> {
        match self.0 {}
    }
}

pub(crate) struct ParquetWriter<W: Write + Send>(Infallible, PhantomData<W>);

impl<W: Write + Send> ParquetWriter<W> {
    pub(crate) fn new(_: SinkCompression, _: &SchemaRef, _: W) -> Result<Self, ArrowError> {
        Err(ArrowError::NotYetImplemented(MISSING.to_owned()))
    }

    pub(crate) fn write(&mut self, _: &RecordBatch) -> Result<(), ArrowError> {
        match self.0 {}
    }

    pub(crate) fn flush(&mut self) -> Result<(), ArrowError> {
        match self.0 {}
    }

    pub(crate) fn held_bytes(&self) -> u64 {
        match self.0 {}
    }

    pub(crate) fn finish(&mut self) -> Result<(), ArrowError> {
        match self.0 {}
    }
}
