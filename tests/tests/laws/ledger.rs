//! A sink that commits in transactions, and fails half-way now and then.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use arrow::datatypes::SchemaRef;
use weir_core::batch::StreamBatch;
use weir_core::connector::{
    Committable, Committer, ConnectorError, Connectors, Cut, Guarantee, Prepare, Prepared, Sink, SinkWriter, Source,
    WriterContext,
};
use weir_core::graph::Options;

use crate::faults::Faults;
use crate::support::{Memory, row_texts};

/// Another system that takes rows in transactions: what is visible in it outlives every crash.
#[derive(Clone)]
pub(crate) struct Ledger {
    memory: Memory,
    /// By the sink's option `book`.
    books: Arc<Mutex<BTreeMap<String, Book>>>,
    faults: Faults,
}

impl Ledger {
    /// A ledger beside a source.
    pub(crate) fn new(memory: Memory, faults: Faults) -> Self {
        Self { memory, books: Arc::default(), faults }
    }

    /// All rows, sorted.
    pub(crate) fn visible(&self) -> Vec<String> {
        let books = self.books.lock().unwrap();
        let mut rows: Vec<String> = books.values().flat_map(|book| book.visible.clone()).collect();
        rows.sort();
        rows
    }
}

#[derive(Default)]
struct Book {
    visible: Vec<String>,
    /// The last checkpoint whose rows are visible.
    checkpoint: u64,
    generation: u64,
}

impl Connectors for Ledger {
    fn source(&self, _: &str, _: &Options) -> Result<Box<dyn Source>, ConnectorError> {
        Ok(Box::new(self.memory.clone()))
    }

    fn sink(&self, _: &str, options: &Options) -> Result<Box<dyn Sink>, ConnectorError> {
        let book = options.parse::<BTreeMap<String, String>>()?.remove("book").unwrap_or_default();
        Ok(Box::new(LedgerSink { ledger: self.clone(), book }))
    }

    fn source_names(&self) -> Vec<&'static str> {
        vec!["memory"]
    }

    fn sink_names(&self) -> Vec<&'static str> {
        vec!["memory"]
    }
}

struct LedgerSink {
    ledger: Ledger,
    book: String,
}

impl Sink for LedgerSink {
    fn guarantee(&self) -> Guarantee {
        Guarantee::ExactlyOnce
    }

    fn writer(&self, _: SchemaRef, _: &WriterContext<'_>) -> Result<Box<dyn SinkWriter>, ConnectorError> {
        Ok(Box::new(LedgerWriter(Vec::new())))
    }

    fn committer(&self, _: &str, generation: u64) -> Result<Option<Box<dyn Committer>>, ConnectorError> {
        let (ledger, name) = (self.ledger.clone(), self.book.clone());
        let mut books = self.ledger.books.lock().unwrap();
        let book = books.entry(name.clone()).or_default();
        assert!(generation > book.generation, "generations ascend");
        book.generation = generation;
        Ok(Some(Box::new(LedgerCommitter { ledger, name, generation })))
    }
}

struct LedgerWriter(Vec<String>);

impl SinkWriter for LedgerWriter {
    fn write(&mut self, batch: &StreamBatch) -> Result<(), ConnectorError> {
        self.0.extend(row_texts(batch));
        Ok(())
    }

    fn prepare(&mut self, _: Cut) -> Result<Prepare, ConnectorError> {
        let rows = std::mem::take(&mut self.0);
        Ok(Box::new(move || {
            let commit = Committable { value: rows.into(), rows: None };
            Ok(Prepared { commit: vec![commit], ..Prepared::default() })
        }))
    }
}

struct LedgerCommitter {
    ledger: Ledger,
    /// The book's.
    name: String,
    generation: u64,
}

impl Committer for LedgerCommitter {
    fn commit(&mut self, checkpoint: u64, parts: Vec<Committable>) -> Result<(), ConnectorError> {
        if self.ledger.faults.strike(15) {
            return Err(ConnectorError::Data("the ledger is away".to_owned()));
        }
        let mut books = self.ledger.books.lock().unwrap();
        let book = books.get_mut(&self.name).unwrap();
        if self.generation < book.generation {
            return Err(ConnectorError::Fenced("a newer generation writes the ledger".to_owned()));
        }
        if checkpoint > book.checkpoint {
            let rows = parts.iter().flat_map(|part| part.value.as_array().unwrap().clone());
            book.visible.extend(rows.map(|row| row.as_str().unwrap().to_owned()));
            book.checkpoint = checkpoint;
        }
        if self.ledger.faults.strike(15) {
            return Err(ConnectorError::Data("the ledger's answer is lost".to_owned()));
        }
        Ok(())
    }
}
