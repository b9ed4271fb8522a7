//! The file sink: its options, and which of its two forms they ask for. It opens nothing itself.

use std::path::PathBuf;

use arrow::datatypes::{Schema, SchemaRef};
use serde::Deserialize;
use weir_core::connector::{Committer, ConnectorError, Guarantee, Sink, SinkWriter, WriterContext};
use weir_core::graph::Options;

use super::commit::FileCommitter;
use super::draft::{Drafting, Staged};
use super::format_of;
use super::parts::PartsWriter;
use super::temporary::Place;
use super::whole::WholeWriter;
use crate::formats::FormatName;
use crate::formats::write::check_writable;
use crate::options;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FileSinkOptions {
    path: PathBuf,
    format: Option<FormatName>,
    #[serde(default)]
    lazy: bool,
    #[serde(default)]
    allow_newer: bool,
}

/// The sink.
pub(crate) struct FileSink {
    place: Place,
    /// The name of the one file; `None`: the folder is filled with parts.
    file: Option<String>,
    format: FormatName,
    lazy: bool,
    allow_newer: bool,
    staged: Staged,
}

impl FileSink {
    /// Checks the options.
    pub(crate) fn open(options: &Options) -> Result<Self, ConnectorError> {
        let FileSinkOptions { path: name, format, lazy, allow_newer } = options::parse(options)?;
        options::check_confined(options, &name)?;
        let path = options::resolve(options, &name);
        let shown = name.display().to_string();
        let staged = Staged::default();
        if path.is_dir() || shown.ends_with(std::path::is_separator) {
            let format = format.ok_or_else(|| {
                let message = format!("{shown} is a folder: say `format = \"csv\"` or \"json\" for the files in it");
                options.error("path", message)
            })?;
            let place = Place { name: shown, folder: path, prefix: ".part-".to_owned() };
            return Ok(Self { place, file: None, format, lazy, allow_newer, staged });
        }
        let (Some(folder), Some(file)) = (path.parent(), path.file_name()) else {
            return Err(options.error("path", format!("{shown:?} names no file")));
        };
        let Some(file) = file.to_str().map(str::to_owned) else {
            return Err(options.error("path", format!("the name of the file {shown} is not UTF-8")));
        };
        let format = format_of(options, format, &name)?;
        let place = Place { name: shown, folder: folder.to_path_buf(), prefix: format!(".{file}.") };
        Ok(Self { place, file: Some(file), format, lazy, allow_newer, staged })
    }
}

impl Sink for FileSink {
    fn parallelism_max(&self) -> Option<usize> {
        self.file.is_some().then_some(1)
    }

    fn file(&self) -> Option<PathBuf> {
        Some(self.place.folder.join(self.file.as_deref().unwrap_or_default()))
    }

    fn check(&self, schema: &Schema) -> Result<(), ConnectorError> {
        check_writable(self.format, schema)
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::ExactlyOnce
    }

    fn publishes_before_end(&self) -> bool {
        self.file.is_none()
    }

    fn committer(&self, _job: &str, _generation: u64) -> Result<Option<Box<dyn Committer>>, ConnectorError> {
        Ok(Some(Box::new(FileCommitter::new(self.place.clone(), self.staged.clone()))))
    }

    fn writer(&self, schema: SchemaRef, context: &WriterContext<'_>) -> Result<Box<dyn SinkWriter>, ConnectorError> {
        check_writable(self.format, &schema)?;
        let drafting = Drafting::new(&self.place, self.format, schema, context, &self.staged);
        Ok(match &self.file {
            Some(file) => Box::new(WholeWriter::open(drafting, file.clone(), self.lazy, context.restored)?),
            None => Box::new(PartsWriter::open(drafting, self.lazy, self.allow_newer, context)?),
        })
    }
}
