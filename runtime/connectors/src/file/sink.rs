//! The file sink: its options, and which of its two forms they ask for. It opens nothing itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::datatypes::{Schema, SchemaRef};
use serde::Deserialize;
use weir_core::changelog::{ChangelogMode, UpsertKey};
use weir_core::connector::{Committer, ConnectorError, Guarantee, Sink, SinkWriter, WriterContext, Written};
use weir_core::graph::Options;

use super::append::check_appendable;
use super::commit::FileCommitter;
use super::confined::Root;
use super::draft::{Drafting, Staged};
use super::format_of;
use super::parts::{PartsWriter, check_no_parts};
use super::paths::real;
use super::space::Space;
use super::table::TableWriter;
use super::target::{Mode, Target, check_folder, followed};
use super::temporary::Place;
use super::whole::WholeWriter;
use crate::formats::compression::{Compression, SinkCompression};
use crate::formats::file_format::{FileFormat, Kind};
use crate::formats::parquet;
use crate::formats::row_groups::GroupFormat;
use crate::formats::row_writer::check_rows_writable;
use crate::options::{self, Bytes};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FileSinkOptions {
    path: PathBuf,
    format: Option<FileFormat>,
    #[serde(default)]
    compression: SinkCompression,
    #[serde(default)]
    lazy: bool,
    #[serde(default)]
    allow_newer: bool,
    mode: Option<Mode>,
    key: Option<Vec<String>>,
    roll_bytes: Option<Bytes>,
}

/// The shortest parts that can be asked for: shorter ones are mostly names.
const ROLL_BYTES_MIN: u64 = 64 << 10;

/// The sink.
#[derive(Clone)]
pub(crate) struct FileSink {
    place: Place,
    /// The one file; `None`: the folder is filled with parts.
    target: Option<Target>,
    options: Options,
    format: FileFormat,
    compression: SinkCompression,
    lazy: bool,
    allow_newer: bool,
    roll_bytes: Option<u64>,
    /// The columns that tell the rows of a table apart.
    key: Option<Vec<String>>,
    /// Whether the file has the rows of a table, anew at each checkpoint.
    has_table: bool,
    staged: Staged,
    /// Rows that were dropped, as there was no room for them.
    dropped: Arc<AtomicU64>,
}

impl FileSink {
    /// Checks the options.
    pub(crate) fn open(options: &Options) -> Result<Self, ConnectorError> {
        let FileSinkOptions { path: name, format, compression, lazy, allow_newer, mode, key, roll_bytes } =
            options::parse(options)?;
        let roll_bytes = roll_bytes.map(|Bytes(bytes)| bytes);
        options::check_confined(options, &name)?;
        let shown = name.display().to_string();
        let (root, path) = (Root::of(options), options::resolve(options, &name));
        root.check(&path).map_err(|error| options.error("path", format!("{shown}: {error}")))?;
        let path = followed(options, &shown, path)?;
        let (staged, dropped) = (Staged::default(), Arc::default());
        if path.is_dir() || shown.ends_with(std::path::is_separator) {
            let format = format.ok_or_else(|| {
                let message = format!(
                    "{shown} is a folder: set `format = \"csv\"`, \"json\", \"text\", \"raw\", \"parquet\" or \"arrow\" for the files in it"
                );
                options.error("path", message)
            })?;
            check_format(options, &name, format, compression)?;
            let compression = compression.of_file(&name);
            if mode.is_some() {
                let message =
                    "parts of a folder are never replaced: `mode` is an option of a sink that writes one file";
                return Err(options.error("mode", message));
            }
            if roll_bytes.is_some_and(|bytes| bytes < ROLL_BYTES_MIN) {
                return Err(options.error("roll-bytes", "`roll-bytes` is out of range: it must be at least \"64KiB\""));
            }
            let (place, options) =
                (Place { name: shown, folder: path, prefix: ".part-".to_owned(), root }, options.clone());
            let target = None;
            return Ok(Self {
                place,
                target,
                options,
                format,
                compression,
                lazy,
                allow_newer,
                roll_bytes,
                key,
                has_table: false,
                staged,
                dropped,
            });
        }
        let format = format_of(options, format, &name)?;
        check_format(options, &name, format, compression)?;
        let compression = compression.of_file(&name);
        if let (Kind::Groups(_), Some(Mode::Append)) = (format.kind(), mode) {
            let message = format!(
                "rows cannot be appended to a file of the format {:?}: fill a folder with parts instead, `path = \"out/\"`",
                format.name()
            );
            return Err(options.error("mode", message));
        }
        if let (Some(compression), Some(Mode::Append)) = (compression.compression(), mode) {
            let message = format!(
                "rows cannot be appended to a file that is compressed with {}: fill a folder with parts instead, `path = \"out/\"`",
                compression.name()
            );
            return Err(options.error("mode", message));
        }
        if roll_bytes.is_some() {
            let message = "a single file has no parts: `roll-bytes` is an option of a sink that fills a folder";
            return Err(options.error("roll-bytes", message));
        }
        let (Some(folder), Some(file)) = (path.parent(), path.file_name()) else {
            return Err(options.error("path", format!("{shown:?} names no file")));
        };
        let Some(file) = file.to_str().map(str::to_owned) else {
            return Err(options.error("path", format!("the name of the file {shown} is not UTF-8")));
        };
        let place = Place { name: shown.clone(), folder: folder.to_path_buf(), prefix: format!(".{file}."), root };
        let is_implicit = options.is_made();
        let target = Some(Target { shown, place: place.clone(), file, mode, is_implicit });
        let (options, roll_bytes) = (options.clone(), None);
        let has_table = false;
        Ok(Self {
            place,
            target,
            options,
            format,
            compression,
            lazy,
            allow_newer,
            roll_bytes,
            key,
            has_table,
            staged,
            dropped,
        })
    }
}

/// Refuses a format that this build does not have, a compression that the format does not have, and a name that says another one. `compression`:
/// what the options say.
fn check_format(
    options: &Options,
    name: &Path,
    format: FileFormat,
    compression: SinkCompression,
) -> Result<(), ConnectorError> {
    let refused = |option: &str, message: String| Err(options.error(option, message));
    let (shown, by_name, asked) = (name.display(), Compression::of_extension(name), compression.compression());
    match (format.kind(), by_name) {
        (Kind::Text(_), _) if compression == SinkCompression::Snappy => {
            refused("compression", "only Parquet is compressed with Snappy: set \"gzip\" or \"zstd\"".to_owned())
        }
        (Kind::Text(_), Some(by_name)) if asked.is_some_and(|asked| asked != by_name) => {
            let message = format!("{shown} has the name of a file of {}: leave `compression` out", by_name.name());
            refused("compression", message)
        }
        (Kind::Text(_), _) => Ok(()),
        (Kind::Groups(GroupFormat::Arrow), _) if name.extension().is_some_and(|ending| ending == "arrows") => refused(
            "path",
            format!("{shown} has the name of an Arrow stream, and Arrow files are written: name it .arrow"),
        ),
        (Kind::Groups(GroupFormat::Arrow), None) if asked.is_some() || compression == SinkCompression::Snappy => {
            refused("compression", "a file of the format \"arrow\" is written without compression".to_owned())
        }
        (Kind::Groups(GroupFormat::Arrow), Some(_)) => {
            refused("path", format!("{shown}: Arrow files are written without compression; leave the last ending out"))
        }
        (Kind::Groups(GroupFormat::Parquet), Some(by_name)) => {
            let message = format!(
                "{shown}: a Parquet file is compressed within, and never as a whole; leave the last ending out, and set `compression = {:?}`",
                by_name.name()
            );
            refused("path", message)
        }
        (Kind::Groups(GroupFormat::Parquet), None) => {
            parquet::check().map_err(|missing| options.error("format", missing))
        }
        (Kind::Groups(GroupFormat::Arrow), None) => Ok(()),
    }
}

impl Sink for FileSink {
    fn parallelism_max(&self) -> Option<usize> {
        self.target.is_some().then_some(1)
    }

    fn takes(&self) -> &'static [ChangelogMode] {
        if self.has_table { ChangelogMode::ALL } else { ChangelogMode::INSERTS }
    }

    fn key(&self) -> Option<&[String]> {
        self.key.as_deref()
    }

    fn upserting(&self, _key: UpsertKey) -> Result<Box<dyn Sink>, ConnectorError> {
        let Some(target) = &self.target else {
            let message =
                "a table is written into one file, which is replaced at each checkpoint: `path` must not be a folder";
            return Err(self.options.error("path", message));
        };
        if target.mode == Some(Mode::Append) {
            let message =
                "a table takes the place of what is in the file: `mode = \"overwrite\"` does that with any file";
            return Err(self.options.error("mode", message));
        }
        if self.lazy {
            return Err(self
                .options
                .error("lazy", "the file of a table is there also if the table has no rows: leave `lazy` out"));
        }
        Ok(Box::new(Self { has_table: true, ..self.clone() }))
    }

    fn writes_tables(&self) -> bool {
        self.has_table
    }

    fn writes(&self) -> Option<Written> {
        let folder = &self.place.folder;
        let path = self.target.as_ref().map_or_else(|| folder.clone(), |target| folder.join(&target.file));
        Some(Written { real: real(&path), path, is_folder: self.target.is_none() })
    }

    fn notes(&self) -> Vec<String> {
        let folder = &self.place.folder;
        let is_made = !self.lazy && !folder.as_os_str().is_empty() && !folder.exists();
        let note =
            || format!("{}: the folder {} does not exist, and will be created", self.place.name, folder.display());
        is_made.then(note).into_iter().collect()
    }

    fn staged_bytes(&self) -> u64 {
        // What has a quota is in the folder of its job, and counted there.
        if self.options.disk.quota.is_some() { 0 } else { self.place.staged_bytes() }
    }

    fn dropped_rows(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn trouble(&self) -> Option<String> {
        let dropped = self.dropped_rows();
        (dropped > 0).then(|| {
            format!("{dropped} rows were dropped since the job was started, because there was no room for them")
        })
    }

    fn check_place(&self, job: &str) -> Result<(), ConnectorError> {
        let refused = |why: String| self.options.error("path", why);
        // A server's sink for dead letters: the server makes the folders of a job.
        if !self.allow_newer {
            check_folder(&self.place).map_err(refused)?;
        }
        self.target.as_ref().map_or(Ok(()), |target| target.check(job)).map_err(refused)
    }

    fn check_fresh(&self, schema: &Schema) -> Result<(), ConnectorError> {
        match &self.target {
            None if self.allow_newer => Ok(()),
            None => check_no_parts(&self.place),
            Some(target) if target.mode == Some(Mode::Append) => match self.place.open(&target.file) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
                Err(error) => Err(self.place.cannot("read", error)),
                Ok(mut old) => match self.format.kind() {
                    Kind::Text(format) => check_appendable(&self.place, format, schema, &mut old).map(drop),
                    Kind::Groups(_) => Ok(()),
                },
            },
            Some(_) => Ok(()),
        }
    }

    fn unfinished(&self) -> Option<Box<dyn FnOnce()>> {
        let (place, names) = (self.place.clone(), self.place.unfinished());
        Some(Box::new(move || place.remove(&names)))
    }

    fn check(&self, schema: &Schema) -> Result<(), ConnectorError> {
        if self.key.is_some() && !self.has_table {
            return Err(self.options.error("key", "`key` is for `changelog = \"upsert\"`"));
        }
        check_rows_writable(self.format, schema)
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::ExactlyOnce
    }

    fn publishes_before_end(&self) -> bool {
        self.target.is_none() || self.has_table
    }

    fn committer(&self, job: &str, _generation: u64) -> Result<Option<Box<dyn Committer>>, ConnectorError> {
        Ok(Some(Box::new(FileCommitter::new(self.place.clone(), self.target.clone(), job, self.staged.clone()))))
    }

    fn writer(&self, schema: SchemaRef, context: &WriterContext<'_>) -> Result<Box<dyn SinkWriter>, ConnectorError> {
        check_rows_writable(self.format, &schema)?;
        let space = Space::new(self.options.disk.clone(), Arc::clone(&self.dropped));
        let mut drafting =
            Drafting::new(&self.place, (self.format, self.compression), schema, context, space, &self.staged);
        Ok(match &self.target {
            Some(target) => {
                drafting.becomes = Some(target.file.clone());
                if self.has_table {
                    if context.restored.is_empty() {
                        target.check_unsigned().map_err(|why| self.options.error("path", why))?;
                    }
                    return Ok(Box::new(TableWriter::open(drafting, target.file.clone(), context)?));
                }
                drafting.appends = target.mode == Some(Mode::Append);
                let writer = WholeWriter::open(drafting, target.file.clone(), self.lazy, context.restored)?;
                if !writer.is_done() {
                    target.check_unsigned().map_err(|why| self.options.error("path", why))?;
                }
                Box::new(writer)
            }
            None => Box::new(PartsWriter::open(drafting, self.lazy, self.allow_newer, self.roll_bytes, context)?),
        })
    }
}
