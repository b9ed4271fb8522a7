//! The options of the sink; what they mean is at [`crate::kafka`].

use serde::Deserialize;
use weir_core::changelog::UpsertKey;
use weir_core::connector::ConnectorError;
use weir_core::graph::Options;

use super::{KeyColumns, MessageFormat, check_topic, duration};
use crate::kafka::client::{Config, configure};
use crate::kafka::columns::KeyFormat;
use crate::kafka::properties::Properties;
use crate::options;

/// What the rows of a sink may count on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Delivery {
    /// The rows of a checkpoint appear together, once.
    #[default]
    ExactlyOnce,
    /// Rows are sent at once; those since the last checkpoint may be there twice after a failure.
    AtLeastOnce,
}

/// What to do when a checkpoint says that rows were written, and the broker does not know of it any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LostMarker {
    /// Stop: a person has to look.
    #[default]
    Fail,
    /// The rows of the restored checkpoint are not there: write them.
    Write,
    /// They are there: continue after them.
    Skip,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SinkFile {
    brokers: String,
    topic: String,
    #[serde(default)]
    format: MessageFormat,
    key: Option<KeyColumns>,
    key_format: Option<KeyFormat>,
    #[serde(default)]
    headers: Vec<String>,
    partitioner: Option<String>,
    compression: Option<String>,
    linger: Option<String>,
    batch_bytes: Option<u32>,
    #[serde(default)]
    delivery: Delivery,
    transactional_id: Option<String>,
    #[serde(default)]
    lost_marker: LostMarker,
    properties: Option<Properties>,
}

/// The options of a sink, checked. They may have secrets, and are not shown.
#[derive(Clone)]
pub(crate) struct SinkOptions {
    pub(crate) brokers: String,
    pub(crate) topic: String,
    pub(crate) format: MessageFormat,
    /// The columns of the key that are asked for.
    pub(crate) key: Option<Vec<String>>,
    pub(crate) key_format_asked: Option<KeyFormat>,
    pub(crate) key_format: KeyFormat,
    /// The key by which only the newest rows are written.
    pub(crate) upsert: Option<UpsertKey>,
    pub(crate) headers: Vec<String>,
    pub(crate) delivery: Delivery,
    pub(crate) transactional_id: Option<String>,
    pub(crate) lost_marker: LostMarker,
    /// Of a producer, without a transactional id.
    pub(crate) config: Config,
    /// Of the consumer that asks for the marker: the same way in, without what only producers know.
    pub(crate) marker_config: Config,
}

impl SinkOptions {
    /// Reads them.
    pub(crate) fn parse(options: &Options) -> Result<Self, ConnectorError> {
        let file: SinkFile = options::parse(options)?;
        check_topic(options, &file.topic)?;
        if file.delivery == Delivery::AtLeastOnce && file.transactional_id.is_some() {
            let message = "`transactional-id` is for `delivery = \"exactly-once\"`";
            return Err(options.error("transactional-id", message));
        }
        let linger = match &file.linger {
            Some(text) => duration(options, "linger", text)?.as_millis(),
            None => 5,
        };
        let (linger, batch) = (linger.to_string(), file.batch_bytes.unwrap_or(1_000_000).to_string());
        let ours = [
            ("enable.idempotence", "true"),
            ("acks", "all"),
            ("partitioner", file.partitioner.as_deref().unwrap_or("murmur2_random")),
            ("compression.type", file.compression.as_deref().unwrap_or("none")),
            ("linger.ms", &linger),
            ("batch.size", &batch),
        ];
        let config = configure(options, &file.brokers, &ours, file.properties.as_ref())?;
        let ours = [("isolation.level", "read_committed"), ("enable.auto.commit", "false"), ("group.id", "weir")];
        let marker_config = configure(options, &file.brokers, &ours, file.properties.as_ref())?;
        Ok(Self {
            config,
            marker_config,
            brokers: file.brokers,
            topic: file.topic,
            format: file.format,
            key: file.key.map(|KeyColumns(columns)| columns),
            key_format_asked: file.key_format,
            key_format: file.key_format.unwrap_or(KeyFormat::Text),
            upsert: None,
            headers: file.headers,
            delivery: file.delivery,
            transactional_id: file.transactional_id,
            lost_marker: file.lost_marker,
        })
    }

    /// Those of a sink that writes only the newest row of each key.
    pub(crate) fn upserting(&self, upsert: UpsertKey) -> Self {
        let key_format = self.key_format_asked.unwrap_or(KeyFormat::Json);
        Self { key_format, upsert: Some(upsert), ..self.clone() }
    }

    /// By which brokers know the sink of a job.
    pub(crate) fn id(&self, job: &str) -> String {
        self.transactional_id.clone().unwrap_or_else(|| format!("weir-{job}-{}", self.topic))
    }
}
