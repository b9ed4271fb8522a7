//! The options of the source; what they mean is at [`crate::kafka`].

use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::{DataType, Field, Schema};
use serde::Deserialize;
use weir_core::column_type::type_name;
use weir_core::connector::ConnectorError;
use weir_core::graph::Options;
use weir_core::names::did_you_mean;

use super::{KeyColumns, MessageFormat, Partitions, check_topic, duration};
use crate::formats::FormatName;
use crate::formats::format_options::FormatOptions;
use crate::formats::read_options::{SchemaOption, TextFormat};
use crate::kafka::client::{Config, configure};
use crate::kafka::columns::{KeyFormat, Metadata};
use crate::kafka::keyed::KeySpec;
use crate::kafka::messages::{Columns, ValueFormat};
use crate::kafka::properties::Properties;
use crate::options::{self, OrderedTable};

/// How often new partitions are looked for, if not told otherwise.
const DISCOVER_DEFAULT: Duration = Duration::from_secs(30);

/// Where a partition begins that was never read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "StartOption")]
pub(crate) enum Start {
    /// At the oldest message that there still is.
    #[default]
    Earliest,
    /// Behind the newest.
    Latest,
    /// Where the group is; a partition that it does not know: at the oldest message.
    Group,
    /// At the first message of this time or a later one, milliseconds since 1970.
    Timestamp(i64),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum StartOption {
    Name(String),
    Time { timestamp: String },
}

impl TryFrom<StartOption> for Start {
    type Error = String;

    fn try_from(option: StartOption) -> Result<Self, String> {
        const FORM: &str = "`start` is \"earliest\", \"latest\", \"group\" or { timestamp = \"2026-01-01T00:00:00Z\" }";
        match option {
            StartOption::Name(name) => match name.as_str() {
                "earliest" => Ok(Self::Earliest),
                "latest" => Ok(Self::Latest),
                "group" => Ok(Self::Group),
                _ => Err(format!("{FORM}, not {name:?}")),
            },
            StartOption::Time { timestamp } => {
                let time = humantime::parse_rfc3339_weak(&timestamp).ok();
                let since = time.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
                let ms = since.and_then(|since| i64::try_from(since.as_millis()).ok());
                ms.map(Self::Timestamp).ok_or_else(|| format!("{timestamp:?} is not a time since 1970; {FORM}"))
            }
        }
    }
}

/// Which messages of transactions are seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
enum Isolation {
    #[default]
    #[serde(rename = "read_committed", alias = "read-committed")]
    ReadCommitted,
    #[serde(rename = "read_uncommitted", alias = "read-uncommitted")]
    ReadUncommitted,
}

/// Where a bounded job stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Stop {
    Latest,
}

/// What messages do to those before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Changelog {
    /// The newest message of each key counts; one without a value deletes its key.
    Upsert,
}

/// What happens to messages without a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Tombstones {
    /// They are left out.
    Skip,
}

/// What is around a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Envelope {
    /// `{ "schema": .., "payload": .. }`, as Kafka Connect writes JSON with schemas.
    Connect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SourceFile {
    brokers: String,
    topic: String,
    partitions: Option<Partitions>,
    #[serde(default)]
    format: MessageFormat,
    schema: Option<SchemaOption>,
    delimiter: Option<String>,
    quote: Option<String>,
    null_values: Option<Vec<String>>,
    metadata: Option<OrderedTable<Metadata>>,
    changelog: Option<Changelog>,
    key: Option<KeyColumns>,
    key_format: Option<KeyFormat>,
    tombstones: Option<Tombstones>,
    envelope: Option<Envelope>,
    #[serde(default)]
    start: Start,
    stop: Option<Stop>,
    group: Option<String>,
    #[serde(default)]
    isolation: Isolation,
    discover: Option<String>,
    properties: Option<Properties>,
}

/// The options of a source, checked. They may have secrets, and are not shown.
#[derive(Clone)]
pub(crate) struct SourceOptions {
    pub(crate) brokers: String,
    pub(crate) topic: String,
    /// The partitions that are read; `None`: all, also those that come.
    pub(crate) partitions: Option<Partitions>,
    pub(crate) columns: Columns,
    pub(crate) start: Start,
    /// Whether a partition ends where it ended when it was first asked.
    pub(crate) is_bounded: bool,
    /// Whether offsets are committed to a group.
    pub(crate) has_group: bool,
    pub(crate) discover: Duration,
    pub(crate) config: Config,
}

impl SourceOptions {
    /// Reads them.
    pub(crate) fn parse(options: &Options) -> Result<Self, ConnectorError> {
        let file: SourceFile = options::parse(options)?;
        check_topic(options, &file.topic)?;
        if file.start == Start::Group && file.group.is_none() {
            return Err(options.error("start", "`start = \"group\"` needs to know which: write `group = \"NAME\"`"));
        }
        if file.partitions.is_some() && file.discover.is_some() {
            let message =
                "`discover` looks for new partitions, and `partitions` names all that are read: remove one of the two";
            return Err(options.error("discover", message));
        }
        let columns = columns(options, &file)?;
        let isolation = match file.isolation {
            Isolation::ReadCommitted => "read_committed",
            Isolation::ReadUncommitted => "read_uncommitted",
        };
        let ours = [
            // The client cannot be without one; nothing is committed to it.
            ("group.id", file.group.as_deref().unwrap_or("weir")),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("auto.offset.reset", "error"),
            ("isolation.level", isolation),
            ("enable.partition.eof", "true"),
            ("allow.auto.create.topics", "false"),
            // Of each partition: memory must not grow with their number beyond reason.
            ("queued.max.messages.kbytes", "16384"),
            // A full queue is emptied in milliseconds; the default waits for a second.
            ("fetch.queue.backoff.ms", "5"),
        ];
        let config = configure(options, &file.brokers, &ours, file.properties.as_ref())?;
        let discover = match &file.discover {
            Some(text) => duration(options, "discover", text)?,
            None => DISCOVER_DEFAULT,
        };
        Ok(Self {
            columns,
            config,
            discover,
            start: file.start,
            is_bounded: file.stop.is_some(),
            has_group: file.group.is_some(),
            brokers: file.brokers,
            topic: file.topic,
            partitions: file.partitions,
        })
    }
}

/// The columns of the value, and then the metadata.
fn columns(options: &Options, file: &SourceFile) -> Result<Columns, ConnectorError> {
    let given = FormatOptions {
        delimiter: file.delimiter.clone(),
        quote: file.quote.clone(),
        null_values: file.null_values.clone(),
        // The first field of a message is a value.
        header: (file.format == MessageFormat::Csv).then_some(false),
        ..FormatOptions::default()
    };
    let text = given.format(
        options,
        match file.format {
            MessageFormat::Csv => FormatName::Csv,
            MessageFormat::Json => FormatName::Json,
            MessageFormat::Text => FormatName::Text,
            MessageFormat::Raw => FormatName::Raw,
        },
    )?;
    let Some(schema) = text.known_schema(options, file.schema.as_ref())? else {
        let message = "say what the columns are with `schema = { column = \"type\" }`; \
                       they are not inferred from messages";
        return Err(options.error("schema", message));
    };
    let format = match text {
        TextFormat::Lines { .. } => ValueFormat::Raw,
        text => ValueFormat::Text(text),
    };
    let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
    let mut metadata = Vec::new();
    for (name, what) in file.metadata.iter().flat_map(|metadata| &metadata.0) {
        if fields.iter().any(|field| field.name() == name.get_ref()) {
            let message = format!("there are two columns {:?}", name.get_ref());
            return Err(ConnectorError::Option { message, span: Some(name.span()) });
        }
        fields.push(Arc::new(Field::new(name.get_ref(), what.get_ref().data_type(), true)));
        metadata.push(*what.get_ref());
    }
    if file.envelope.is_some() && format != ValueFormat::Text(TextFormat::Json) {
        return Err(options.error("envelope", "an `envelope` is JSON: it is for `format = \"json\"`"));
    }
    let key = key(options, file, &schema)?;
    Ok(Columns {
        format,
        of_value: schema.fields().len(),
        schema: Arc::new(Schema::new(fields)),
        metadata,
        key,
        is_enveloped: file.envelope.is_some(),
        skips_tombstones: file.tombstones.is_some(),
    })
}

/// The columns of the key, where the newest message of each counts.
fn key(options: &Options, file: &SourceFile, schema: &Schema) -> Result<Option<KeySpec>, ConnectorError> {
    if file.changelog.is_none() {
        let given = [("key", file.key.is_some()), ("key-format", file.key_format.is_some())];
        return match given.iter().find(|(_, is_given)| *is_given) {
            None => Ok(None),
            Some((name, _)) => {
                let message = format!(
                    "`{name}` is for `changelog = \"upsert\"`; a column with the key is asked for by \
                     `metadata = {{ COLUMN = \"key\" }}`"
                );
                Err(options.error(name, message))
            }
        };
    }
    let Some(KeyColumns(names)) = &file.key else {
        return Err(options.error("changelog", "say which columns are the key of a message: `key = [\"COLUMN\"]`"));
    };
    if file.format != MessageFormat::Json {
        return Err(
            options.error("format", "with `changelog = \"upsert\"` values are read as JSON: `format = \"json\"`")
        );
    }
    if file.tombstones.is_some() {
        let message = "with `changelog = \"upsert\"` a message without a value deletes its key, and cannot be left out";
        return Err(options.error("tombstones", message));
    }
    let format = file.key_format.unwrap_or(KeyFormat::Json);
    let mut columns = Vec::new();
    for name in names {
        let Ok(column) = schema.index_of(name) else {
            let known: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
            let near = did_you_mean(name, &known);
            let message = format!("`schema` has no column {name:?}{near}; it has {}", known.join(", "));
            return Err(options.error("key", message));
        };
        let data_type = schema.field(column).data_type();
        if data_type.is_nested() || data_type.is_floating() {
            let message = format!(
                "column {name:?} is {}; keys are integers, strings, booleans, dates, times or decimals",
                type_name(data_type)
            );
            return Err(options.error("key", message));
        }
        if columns.contains(&column) {
            return Err(options.error("key", format!("`key` names the column {name:?} twice")));
        }
        columns.push(column);
    }
    match (columns.as_slice(), format) {
        ([], _) => Err(options.error("key", "`key` names no column")),
        ([column], KeyFormat::Text) => match schema.field(*column).data_type() {
            DataType::Utf8 => Ok(()),
            data_type if data_type.is_integer() => Ok(()),
            other => {
                let message = format!("a key of text is a utf8 or an integer, not {}", type_name(other));
                Err(options.error("key-format", message))
            }
        },
        (_, KeyFormat::Text) => {
            let message = format!("a key of {} columns is no text: set `key-format = \"json\"`", columns.len());
            Err(options.error("key-format", message))
        }
        (_, KeyFormat::Json) => Ok(()),
    }?;
    Ok(Some(KeySpec { columns, format }))
}
