//! Rows in memory behind readers or a sink of a test's own: for what these do to a job. What is written is in the same memory.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use weir_core::connector::{ConnectorError, Connectors, Guarantee, Offset, Sink, Source, SourceReader, Split};
use weir_core::graph::Options;
use weir_core::time::Clock;

use crate::support::Memory;

/// A memory, what is done to each of its readers, and what is its sink; `None`: the memory itself.
#[derive(Clone)]
pub(crate) struct Wrapped {
    memory: Memory,
    wrap: Arc<Wrap>,
    sink: Option<Arc<MakeSink>>,
}

type Wrap = dyn Fn(Box<dyn SourceReader>) -> Box<dyn SourceReader> + Send + Sync;
type MakeSink = dyn Fn(Memory) -> Box<dyn Sink> + Send + Sync;

impl Wrapped {
    pub(crate) fn new(
        memory: Memory,
        wrap: impl Fn(Box<dyn SourceReader>) -> Box<dyn SourceReader> + Send + Sync + 'static,
    ) -> Self {
        Self { memory, wrap: Arc::new(wrap), sink: None }
    }

    pub(crate) fn with_sink(memory: Memory, sink: impl Fn(Memory) -> Box<dyn Sink> + Send + Sync + 'static) -> Self {
        Self { memory, wrap: Arc::new(|reader| reader), sink: Some(Arc::new(sink)) }
    }
}

impl Connectors for Wrapped {
    fn source(&self, _: &str, _: &Options) -> Result<Box<dyn Source>, ConnectorError> {
        Ok(Box::new(self.clone()))
    }

    fn sink(&self, connector: &str, options: &Options) -> Result<Box<dyn Sink>, ConnectorError> {
        match &self.sink {
            Some(sink) => Ok(sink(self.memory.clone())),
            None => self.memory.sink(connector, options),
        }
    }

    fn source_names(&self) -> Vec<&'static str> {
        self.memory.source_names()
    }

    fn sink_names(&self) -> Vec<&'static str> {
        self.memory.sink_names()
    }
}

impl Source for Wrapped {
    fn schema(&self) -> SchemaRef {
        self.memory.schema()
    }

    fn guarantee(&self) -> Guarantee {
        Source::guarantee(&self.memory)
    }

    fn splits(&self, parallelism: usize) -> Result<Vec<Split>, ConnectorError> {
        self.memory.splits(parallelism)
    }

    fn reader(
        &self,
        split: &Split,
        projection: &[usize],
        offset: Option<&Offset>,
        clock: Arc<dyn Clock>,
    ) -> Result<Box<dyn SourceReader>, ConnectorError> {
        Ok((self.wrap)(self.memory.reader(split, projection, offset, clock)?))
    }
}
