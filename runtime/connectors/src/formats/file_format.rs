//! The formats that files can have, by the names of the option `format`, and by the endings of files' names.

use std::path::Path;

use serde::Deserialize;

use super::FormatName;
use super::compression::Compression;
use super::row_groups::GroupFormat;

/// A format of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FileFormat {
    Csv,
    #[serde(alias = "jsonl", alias = "json-lines", alias = "ndjson")]
    Json,
    Text,
    Raw,
    Parquet,
    /// Arrow IPC: read as a file with a footer or as a stream, written as a file.
    #[serde(alias = "arrow-ipc", alias = "feather", alias = "ipc")]
    Arrow,
}

/// What a format is read and written by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text(FormatName),
    Groups(GroupFormat),
}

impl FileFormat {
    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Csv => Kind::Text(FormatName::Csv),
            Self::Json => Kind::Text(FormatName::Json),
            Self::Text => Kind::Text(FormatName::Text),
            Self::Raw => Kind::Text(FormatName::Raw),
            Self::Parquet => Kind::Groups(GroupFormat::Parquet),
            Self::Arrow => Kind::Groups(GroupFormat::Arrow),
        }
    }

    /// What the ending of a file's name says; that of a compressed one is taken off first.
    pub(crate) fn of_extension(path: &Path) -> Option<Self> {
        let path = match Compression::of_extension(path) {
            Some(_) => path.file_stem()?.as_ref(),
            None => path,
        };
        match path.extension()?.to_str()? {
            "csv" => Some(Self::Csv),
            "json" | "jsonl" | "ndjson" => Some(Self::Json),
            "txt" | "log" => Some(Self::Text),
            "parquet" => Some(Self::Parquet),
            "arrow" | "arrows" | "feather" => Some(Self::Arrow),
            _ => None,
        }
    }

    /// How the names of files end that a sink makes.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "jsonl",
            Self::Text => "txt",
            Self::Raw => "raw",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
        }
    }

    /// As messages and checkpoints name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Text => "text",
            Self::Raw => "raw",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
        }
    }
}
