//! How the text of a source's files becomes rows. Opens no file.

use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use weir_core::connector::ConnectorError;

use crate::formats::read_options::TextFormat;
use crate::formats::reader::TextReader;
use crate::formats::records::{Input, Position, Records};
use crate::formats::unlisted::Unlisted;
use crate::options;

/// The format of files, and their columns.
#[derive(Clone)]
pub(super) struct Rows {
    pub(super) format: TextFormat,
    pub(super) schema: SchemaRef,
    /// Of a schema that was inferred.
    pub(super) unlisted: Option<Arc<Unlisted>>,
}

impl Rows {
    /// A reader of some columns from a place on; `input` gives the bytes from a place on.
    pub(super) fn reader(
        &self,
        name: &str,
        projection: &[usize],
        position: Position,
        input: &dyn Fn(u64) -> Box<dyn Input>,
    ) -> Result<TextReader, ConnectorError> {
        let projected = options::project(&self.schema, projection)?;
        let (schema, unlisted) = (Arc::clone(&self.schema), self.unlisted.clone());
        let decoder = self.format.decoder(name.to_owned(), schema, projected, projection, unlisted);
        let records = |at: Position| Records::new(name.to_owned(), input(at.byte), self.format.framing_of_lines(), at);
        let mut reader = TextReader::new(records(Position::BEGIN), self.format.has_header(), decoder)?;
        if position != Position::BEGIN {
            reader.read_header(Duration::ZERO)?;
            reader = reader.resume(records(position));
        }
        Ok(reader)
    }
}
