//! The options of the source and of the sink, read and checked: here is what they have in common.

mod partitions;
mod sink;
mod source;

pub(crate) use partitions::Partitions;
pub(crate) use sink::{Delivery, LostMarker, SinkOptions};
pub(crate) use source::{SourceOptions, Start};

use std::time::Duration;

use serde::Deserialize;
use weir_core::connector::ConnectorError;
use weir_core::graph::Options;

use crate::formats::FormatName;

/// Text, lines or bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum MessageFormat {
    /// One JSON object a message.
    #[default]
    Json,
    /// One CSV record a message, without a header.
    Csv,
    /// The value as it is, which is text.
    Text,
    /// The value as it is.
    Raw,
}

/// The columns of a key: one, or several.
#[derive(Deserialize)]
#[serde(from = "KeyOption")]
pub(crate) struct KeyColumns(pub(crate) Vec<String>);

#[derive(Deserialize)]
#[serde(untagged, expecting = "`key` is a column, or a list of columns")]
enum KeyOption {
    One(String),
    Several(Vec<String>),
}

impl From<KeyOption> for KeyColumns {
    fn from(option: KeyOption) -> Self {
        Self(match option {
            KeyOption::One(column) => vec![column],
            KeyOption::Several(columns) => columns,
        })
    }
}

impl MessageFormat {
    /// The format of text, if it is one.
    pub(crate) fn text(self) -> Option<FormatName> {
        match self {
            Self::Json => Some(FormatName::Json),
            Self::Csv => Some(FormatName::Csv),
            Self::Text | Self::Raw => None,
        }
    }
}

fn check_topic(options: &Options, topic: &str) -> Result<(), ConnectorError> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if (1..=249).contains(&topic.len()) && topic.bytes().all(legal) {
        return Ok(());
    }
    Err(options.error("topic", "a topic's name has up to 249 letters, digits, dots, dashes and underscores"))
}

fn duration(options: &Options, name: &str, text: &str) -> Result<Duration, ConnectorError> {
    match weir_core::pipeline::duration(text) {
        Ok(duration) if duration.is_zero() => Err(options.error(name, format!("`{name}` must be longer than zero"))),
        Ok(duration) => Ok(duration),
        Err(message) => Err(options.error(name, format!("`{name}`: {message}"))),
    }
}
