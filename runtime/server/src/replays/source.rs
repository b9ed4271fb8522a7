//! The source of a replay: the registry's source over kept rows, here the letters, with exactly the columns that their step reads, so that neither state
//! nor a swap sees a difference.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use serde::Deserialize;
use weir_core::connector::{
    ConnectorError, Connectors, Guarantee, Offset, Polled, Sink, Source, SourceReader, Split, Written,
};
use weir_core::graph::Options;
use weir_core::time::Clock;

/// What the connector is called; no pipeline of a user finds it.
pub(super) const CONNECTOR: &str = "replay";

/// A registry, and beside what it has the replays of one job.
pub(super) struct WithReplays<'a> {
    connectors: &'a dyn Connectors,
    /// By file, the columns of its rows.
    replays: BTreeMap<PathBuf, SchemaRef>,
}

#[derive(Deserialize)]
struct ReplayOptions {
    path: PathBuf,
}

impl<'a> WithReplays<'a> {
    /// Without a replay yet.
    pub(super) fn new(connectors: &'a dyn Connectors) -> Self {
        Self { connectors, replays: BTreeMap::new() }
    }

    /// Adds one: a file of rows of these columns.
    pub(super) fn add(&mut self, file: PathBuf, schema: SchemaRef) {
        self.replays.insert(file, schema);
    }
}

impl Connectors for WithReplays<'_> {
    fn source(&self, connector: &str, options: &Options) -> Result<Box<dyn Source>, ConnectorError> {
        if connector != CONNECTOR {
            return self.connectors.source(connector, options);
        }
        let ReplayOptions { path } = options.parse()?;
        let schema = self.replays.get(&options.base.join(&path)).cloned();
        let schema = schema.ok_or_else(|| options.error("path", format!("there is no replay {}", path.display())))?;
        let lines = self.connectors.kept_source(&path.display().to_string(), &options.base, &schema)?;
        Ok(Box::new(ReplaySource { lines, schema }))
    }

    fn sink(&self, connector: &str, options: &Options) -> Result<Box<dyn Sink>, ConnectorError> {
        self.connectors.sink(connector, options)
    }

    fn source_names(&self) -> Vec<&'static str> {
        self.connectors.source_names()
    }

    fn sink_names(&self) -> Vec<&'static str> {
        self.connectors.sink_names()
    }

    fn keeping_sink(&self, path: &str, base: &Path) -> Option<(&'static str, Options)> {
        self.connectors.keeping_sink(path, base)
    }

    fn kept_source(&self, path: &str, base: &Path, schema: &Schema) -> Result<Box<dyn Source>, ConnectorError> {
        self.connectors.kept_source(path, base, schema)
    }
}

struct ReplaySource {
    lines: Box<dyn Source>,
    schema: SchemaRef,
}

impl Source for ReplaySource {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn reads(&self, written: &Written) -> bool {
        self.lines.reads(written)
    }

    fn files(&self) -> Vec<PathBuf> {
        self.lines.files()
    }

    fn guarantee(&self) -> Guarantee {
        self.lines.guarantee()
    }

    fn splits(&self, parallelism: usize) -> Result<Vec<Split>, ConnectorError> {
        self.lines.splits(parallelism)
    }

    fn reader(
        &self,
        split: &Split,
        projection: &[usize],
        offset: Option<&Offset>,
        clock: Arc<dyn Clock>,
    ) -> Result<Box<dyn SourceReader>, ConnectorError> {
        let misfit = |error: ArrowError| ConnectorError::Data(format!("{}: {error}", split.id));
        let schema = Arc::new(self.schema.project(projection).map_err(misfit)?);
        // A table of options has an order of its own.
        let found = self.lines.schema();
        let places = schema.fields().iter().map(|field| found.index_of(field.name())).collect::<Result<Vec<_>, _>>();
        let lines = self.lines.reader(split, &places.map_err(misfit)?, offset, clock)?;
        Ok(Box::new(ReplayReader { lines, schema, split: split.id.clone() }))
    }
}

struct ReplayReader {
    lines: Box<dyn SourceReader>,
    schema: SchemaRef,
    split: String,
}

impl SourceReader for ReplayReader {
    fn poll(&mut self, rows_max: usize, wait: Duration) -> Result<Polled, ConnectorError> {
        Ok(match self.lines.poll(rows_max, wait)? {
            Polled::Batch { rows, malformed } => {
                let rows = conform(&rows, &self.schema);
                let rows = rows.map_err(|error| ConnectorError::Data(format!("{}: {error}", self.split)))?;
                Polled::Batch { rows, malformed }
            }
            other => other,
        })
    }

    fn offset(&self) -> Offset {
        self.lines.offset()
    }

    fn progress(&self) -> Option<f64> {
        self.lines.progress()
    }
}

/// The same rows in columns that are exactly these, down to where there are no nulls.
fn conform(rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = rows.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| cast(column, field.data_type())).collect::<Result<Vec<_>, _>>()?;
    let with_rows = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &with_rows)
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, AsArray as _, Int64Array, ListArray, StructArray};
    use arrow::datatypes::{DataType, Field, Fields, Int64Type};

    use super::*;

    /// `{ n: 1, inner: { n: 1 }, list: [1, 2] }`, nullable everywhere as JSON is, or nowhere.
    fn schema(nullable: bool) -> SchemaRef {
        let number = Field::new("n", DataType::Int64, nullable);
        let list = DataType::List(Arc::new(Field::new("item", DataType::Int64, nullable)));
        let inner = DataType::Struct(Fields::from(vec![number.clone()]));
        Arc::new(Schema::new(vec![number, Field::new("inner", inner, nullable), Field::new("list", list, nullable)]))
    }

    fn rows(n: Option<i64>) -> RecordBatch {
        let number: ArrayRef = Arc::new(Int64Array::from(vec![n]));
        let list = ListArray::from_iter_primitive::<Int64Type, _, _>([Some([Some(1), Some(2)])]);
        let DataType::Struct(fields) = schema(true).field(1).data_type().clone() else { panic!("a struct") };
        let inner = StructArray::new(fields, vec![Arc::clone(&number)], None);
        RecordBatch::try_new(schema(true), vec![number, Arc::new(inner), Arc::new(list)]).unwrap()
    }

    #[test]
    fn rows_of_json_become_rows_of_the_step() {
        let conformed = conform(&rows(Some(1)), &schema(false)).unwrap();
        assert_eq!(conformed.schema(), schema(false));
        assert_eq!(conformed.column(0).as_primitive::<Int64Type>().values(), &[1]);
        let error = conform(&rows(None), &schema(false)).unwrap_err().to_string();
        assert!(error.contains("\"n\"") || error.contains("'n'"), "{error}");
    }

    #[test]
    fn rows_of_which_no_column_is_read_are_still_counted() {
        let none = rows(Some(1)).project(&[]).unwrap();
        assert_eq!(conform(&none, &Arc::new(Schema::empty())).unwrap().num_rows(), 1);
    }
}
