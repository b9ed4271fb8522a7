//! Writing one file, all or nothing: into a temporary file beside it, synced to disk, then renamed.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::datatypes::SchemaRef;
use serde::Deserialize;
use tempfile::NamedTempFile;
use weir_core::batch::StreamBatch;
use weir_core::connector::{ConnectorError, Sink, SinkReport, SinkWriter};
use weir_core::graph::Options;

use super::format_of;
use crate::formats::FormatName;
use crate::formats::write::{TextWriter, check_writable, write_error};
use crate::options;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FileSinkOptions {
    path: PathBuf,
    format: Option<FormatName>,
    #[serde(default)]
    lazy: bool,
}

/// The sink.
pub(crate) struct FileSink {
    target: Target,
    format: FormatName,
    lazy: bool,
}

/// The file that is to be.
#[derive(Clone)]
struct Target {
    /// As the pipeline file names it.
    name: String,
    path: PathBuf,
    folder: PathBuf,
}

impl FileSink {
    /// Checks the options.
    pub(crate) fn open(options: &Options) -> Result<Self, ConnectorError> {
        let FileSinkOptions { path: name, format, lazy } = options::parse(options)?;
        let path = options::resolve(options, &name);
        let (Some(folder), Some(_), false) = (path.parent(), path.file_name(), path.is_dir()) else {
            return Err(options.error("path", format!("{} is a folder; name a file in it", name.display())));
        };
        let target = Target { name: name.display().to_string(), folder: folder.to_path_buf(), path: path.clone() };
        Ok(Self { format: format_of(options, format, &name)?, target, lazy })
    }
}

impl Sink for FileSink {
    fn parallelism_max(&self) -> Option<usize> {
        Some(1)
    }

    fn file(&self) -> Option<PathBuf> {
        Some(self.target.path.clone())
    }

    fn writer(&self, schema: SchemaRef, _subtask: usize) -> Result<Box<dyn SinkWriter>, ConnectorError> {
        check_writable(self.format, &schema)?;
        let mut writer = FileWriter { target: self.target.clone(), format: self.format, schema, open: None, rows: 0 };
        if !self.lazy {
            writer.text()?;
        }
        Ok(Box::new(writer))
    }
}

struct FileWriter {
    target: Target,
    format: FormatName,
    schema: SchemaRef,
    /// Dropped, it removes its file.
    open: Option<TextWriter<BufWriter<NamedTempFile>>>,
    rows: u64,
}

impl FileWriter {
    /// The temporary file, made when it is first needed.
    fn text(&mut self) -> Result<&mut TextWriter<BufWriter<NamedTempFile>>, ConnectorError> {
        let text = match self.open.take() {
            Some(text) => text,
            None => {
                let file = self.target.create().map_err(|source| self.target.cannot("make", source))?;
                TextWriter::new(self.format, &self.schema, BufWriter::new(file))
                    .map_err(|error| self.target.cannot_write(error))?
            }
        };
        Ok(self.open.insert(text))
    }
}

impl SinkWriter for FileWriter {
    fn write(&mut self, batch: &StreamBatch) -> Result<(), ConnectorError> {
        if batch.rows.num_rows() == 0 {
            return Ok(());
        }
        let written = self.text()?.write(&batch.rows);
        written.map_err(|error| self.target.cannot_write(error))?;
        self.rows += batch.rows.num_rows() as u64;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<SinkReport, ConnectorError> {
        if let Some(text) = self.open.take() {
            self.target.publish(text.into_inner()).map_err(|source| self.target.cannot("write", source))?;
        }
        Ok(SinkReport { rows: self.rows, checksum: None })
    }
}

impl Target {
    /// A temporary file in the same folder, so that renaming it is atomic.
    fn create(&self) -> std::io::Result<NamedTempFile> {
        std::fs::create_dir_all(&self.folder)?;
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let prefix = format!(".{name}.");
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(".tmp");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // Temporary files are private by default; this one becomes a file like any other.
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        builder.tempfile_in(&self.folder)
    }

    fn publish(&self, out: BufWriter<NamedTempFile>) -> std::io::Result<()> {
        let mut file = out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        file.flush()?;
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|error| error.error)?;
        sync_folder(&self.folder)
    }

    fn cannot(&self, verb: &str, source: std::io::Error) -> ConnectorError {
        ConnectorError::Io { what: format!("cannot {verb} {}", self.name), source }
    }

    fn cannot_write(&self, error: arrow::error::ArrowError) -> ConnectorError {
        write_error(format!("cannot write {}", self.name), error)
    }
}

/// A new name is on disk when its folder is.
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if cfg!(unix) {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}
