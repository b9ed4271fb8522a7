//! The sources and sinks that come with Weir, by the names that pipeline files call them.
pub mod checksum;

mod blackhole;
mod collection;
mod file;
mod formats;
mod nexmark;
mod options;

pub use formats::types::{parse_type, type_name};

use weir_core::connector::{ConnectorError, Connectors, Sink, Source};
use weir_core::graph::Options;

/// All connectors of this crate.
#[derive(Clone, Copy, Debug, Default)]
pub struct StandardConnectors;

impl StandardConnectors {
    /// Makes the set.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

impl Connectors for StandardConnectors {
    fn source(&self, connector: &str, options: &Options) -> Result<Box<dyn Source>, ConnectorError> {
        match connector {
            "collection" => Ok(Box::new(collection::Collection::open(options)?)),
            "file" => Ok(Box::new(file::FileSource::open(options)?)),
            "nexmark" => Ok(Box::new(nexmark::Nexmark::open(options)?)),
            _ => Err(ConnectorError::Unknown { name: connector.to_owned(), known: self.source_names() }),
        }
    }

    fn sink(&self, connector: &str, options: &Options) -> Result<Box<dyn Sink>, ConnectorError> {
        match connector {
            "file" => Ok(Box::new(file::FileSink::open(options)?)),
            "blackhole" => Ok(Box::new(blackhole::Blackhole::open(options)?)),
            _ => Err(ConnectorError::Unknown { name: connector.to_owned(), known: self.sink_names() }),
        }
    }

    fn source_names(&self) -> Vec<&'static str> {
        vec!["collection", "file", "nexmark"]
    }

    fn sink_names(&self) -> Vec<&'static str> {
        vec!["blackhole", "file"]
    }
}
