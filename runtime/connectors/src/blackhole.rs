//! `blackhole`: counts rows and forgets them; any number of subtasks.
//!
//! | option | default | |
//! |---|---|---|
//! | `checksum` | `false` | also the order-insensitive checksum of the rows, see [`crate::checksum`] |
//! | `string-hash` | `"fnv"` | for the checksum: `"fnv"` hashes text and bytes, `"touch"` looks at the length and the last byte |

use arrow::datatypes::SchemaRef;
use serde::Deserialize;
use weir_core::batch::StreamBatch;
use weir_core::changelog::ChangelogMode;
use weir_core::column_type::type_name;
use weir_core::connector::{ConnectorError, Cut, Guarantee, Prepare, Sink, SinkReport, SinkWriter, WriterContext};
use weir_core::graph::Options;

use crate::checksum::{RowChecksum, StringHash};
use crate::{options, tally};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct BlackholeOptions {
    #[serde(default)]
    checksum: bool,
    #[serde(default)]
    string_hash: StringHash,
}

/// The sink.
pub(crate) struct Blackhole {
    /// How to hash text, if there is to be a checksum.
    checksum: Option<StringHash>,
}

impl Blackhole {
    /// Checks the options.
    pub(crate) fn open(options: &Options) -> Result<Self, ConnectorError> {
        let BlackholeOptions { checksum, string_hash } = options::parse(options)?;
        Ok(Self { checksum: checksum.then_some(string_hash) })
    }
}

impl Sink for Blackhole {
    fn takes(&self) -> &'static [ChangelogMode] {
        ChangelogMode::ALL
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::ExactlyOnce
    }

    fn publishes_before_end(&self) -> bool {
        false
    }

    fn writer(&self, schema: SchemaRef, context: &WriterContext<'_>) -> Result<Box<dyn SinkWriter>, ConnectorError> {
        if let (Some(_), Some((column, data_type))) = (self.checksum, RowChecksum::unsupported(&schema)) {
            return Err(ConnectorError::Data(format!(
                "column {column:?} has the type {}, which has no checksum; drop the column, or `checksum = true`",
                type_name(data_type)
            )));
        }
        Ok(Box::new(BlackholeWriter {
            before: tally::restored(context),
            rows: 0,
            checksum: self.checksum.map(RowChecksum::new),
        }))
    }
}

struct BlackholeWriter {
    before: SinkReport,
    rows: u64,
    checksum: Option<RowChecksum>,
}

impl SinkWriter for BlackholeWriter {
    fn write(&mut self, batch: &StreamBatch) -> Result<(), ConnectorError> {
        self.rows += batch.rows.num_rows() as u64;
        if let Some(checksum) = &mut self.checksum {
            checksum.update(batch);
        }
        Ok(())
    }

    fn prepare(&mut self, _cut: Cut) -> Result<Prepare, ConnectorError> {
        let mut report = self.before.clone();
        report.add(&SinkReport { rows: self.rows, checksum: self.checksum.as_ref().map(RowChecksum::value) });
        Ok(Box::new(move || Ok(tally::prepared(report))))
    }
}
