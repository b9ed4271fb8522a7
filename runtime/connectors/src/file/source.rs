//! Reading files: one split per file, all with the same columns.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use serde::Deserialize;
use weir_core::connector::{ConnectorError, Guarantee, Offset, Polled, Source, SourceReader, Split, Written};
use weir_core::graph::Options;
use weir_core::time::{Clock, WatermarkStrategy};

use super::asked_path::AskedPath;
use super::compressed_input::compression_of;
use super::file_input::FileInput;
use super::file_reader::{Extent, FileReader, tell_appended};
use super::first_rows::{infer, open_file, unmatched};
use super::follow::{FollowedFiles, is_of_followed};
use super::format_of;
use super::grouped::GroupedFiles;
use super::notices::Notices;
use super::partitions::PartitionedFiles;
use super::paths::{InputFile, cannot, find};
use super::reload::ReloadedFile;
use super::rows::Rows;
use crate::formats::compression::Compression;
use crate::formats::encoding::{self, MARK_BYTES_MAX};
use crate::formats::file_format::{FileFormat, Kind};
use crate::formats::format_options::FormatOptions;
use crate::formats::framing::Framing;
use crate::formats::read_options::{SchemaOption, TextFormat, infer_rows};
use crate::formats::reader::TextReader;
use crate::formats::row_groups::GroupFormat;
use crate::formats::transcoding::TextEncoding;
use crate::formats::unlisted::Unlisted;
use crate::options;

/// Rows that are looked at before a job runs: some, because the first may have nulls.
const SAMPLE_ROWS: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FileSourceOptions {
    path: PathBuf,
    format: Option<FileFormat>,
    header: Option<bool>,
    delimiter: Option<String>,
    quote: Option<String>,
    comment: Option<String>,
    null_values: Option<Vec<String>>,
    record_start: Option<String>,
    schema: Option<SchemaOption>,
    infer_rows: Option<usize>,
    encoding: Option<TextEncoding>,
    partitions: Option<SchemaOption>,
    #[serde(default)]
    follow: bool,
    reload: Option<String>,
}

impl FileSourceOptions {
    fn format_options(&self) -> FormatOptions {
        let given = self;
        FormatOptions {
            header: given.header,
            delimiter: given.delimiter.clone(),
            quote: given.quote.clone(),
            comment: given.comment.clone(),
            null_values: given.null_values.clone(),
            record_start: given.record_start.clone(),
            infer_rows: given.infer_rows,
        }
    }

    /// The format, if it is one with groups of rows: by the option, or by the name of the first file.
    fn group_format(&self, options: &Options) -> Option<GroupFormat> {
        let of_first = || {
            let first = find(options, &self.path).ok().and_then(|files| files.into_iter().next());
            FileFormat::of_extension(&first.map_or_else(|| self.path.clone(), |first| first.path))
        };
        match self.format.or_else(of_first)?.kind() {
            Kind::Groups(format) => Some(format),
            Kind::Text(_) => None,
        }
    }

    /// Whether the columns are known without a look at a file.
    fn has_known_columns(&self) -> bool {
        self.schema.is_some() || matches!(self.format, Some(FileFormat::Text | FileFormat::Raw))
    }
}

/// The source that the options ask for.
pub(crate) fn open(options: &Options) -> Result<Box<dyn Source>, ConnectorError> {
    let given: FileSourceOptions = options::parse(options)?;
    options::check_confined(options, &given.path)?;
    if let Some(format) = given.group_format(options) {
        return open_groups(options, given, format);
    }
    let files = FileSource::open(options)?;
    if let Some(every) = &given.reload {
        let others = [("follow", given.follow), ("partitions", given.partitions.is_some())];
        if let Some((other, _)) = others.iter().find(|(_, is_given)| *is_given) {
            return Err(options.error("reload", format!("`reload` and `{other}` cannot be combined")));
        }
        let is_one = options::resolve(options, &given.path).is_file();
        let file = files.files.first().filter(|_| is_one).cloned();
        return Ok(Box::new(ReloadedFile::new(options, every, Box::new(files), file)?));
    }
    Ok(match (&given.partitions, given.follow) {
        (Some(_), true) => return Err(options.error("partitions", "`partitions` and `follow` cannot be combined")),
        (Some(columns), false) => Box::new(PartitionedFiles::new(options, Box::new(files), columns)?),
        (None, true) => {
            let (schema, unlisted) = (Arc::clone(&files.schema), files.unlisted.clone());
            let rows = Rows { format: files.format.clone(), schema, unlisted };
            Box::new(FollowedFiles::new(options, &given.path, Box::new(files), rows))
        }
        (None, false) => Box::new(files),
    })
}

fn open_groups(
    options: &Options,
    given: FileSourceOptions,
    format: GroupFormat,
) -> Result<Box<dyn Source>, ConnectorError> {
    let this = match format {
        GroupFormat::Parquet => "Parquet",
        GroupFormat::Arrow => "Arrow",
    };
    given.format_options().check_none(options, this)?;
    if given.encoding.is_some() {
        return Err(options.error("encoding", format!("`encoding` is an option of text formats, not of {this}")));
    }
    if given.reload.is_some() {
        return Err(options.error("reload", format!("`reload` is an option of text formats, not of {this}")));
    }
    if given.follow {
        let message = format!("{this} files are written once, and do not grow: `follow` is an option of text formats");
        return Err(options.error("follow", message));
    }
    let files = GroupedFiles::open(options, given.path, format, given.schema.as_ref())?;
    Ok(match &given.partitions {
        Some(columns) => Box::new(PartitionedFiles::new(options, Box::new(files), columns)?),
        None => Box::new(files),
    })
}

/// The source.
pub(crate) struct FileSource {
    files: Vec<InputFile>,
    asked: AskedPath,
    format: TextFormat,
    framing: Framing,
    encoding: TextEncoding,
    schema: SchemaRef,
    notes: Vec<String>,
    /// Of a schema that was inferred.
    unlisted: Option<Arc<Unlisted>>,
    notices: Arc<Notices>,
}

impl FileSource {
    /// Checks the options, finds the files and, if no schema is given, looks into the first.
    pub(crate) fn open(options: &Options) -> Result<Self, ConnectorError> {
        let given: FileSourceOptions = options::parse(options)?;
        options::check_confined(options, &given.path)?;
        let files = match find(options, &given.path) {
            // They may come later.
            Err(ConnectorError::Option { .. }) if given.follow && given.has_known_columns() => Vec::new(),
            found => found?,
        };
        let encoding = given.encoding.unwrap_or(TextEncoding::Utf8);
        if given.follow && encoding != TextEncoding::Utf8 {
            let message = "`follow` reads UTF-8 as it grows: `encoding` is an option of files that are read once";
            return Err(options.error("encoding", message));
        }
        // In a folder that is followed, a file that is not text is reported and skipped.
        let is_one = options::resolve(options, &given.path).is_file();
        let (no_text, files): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|file| check_text(options, file, &given).is_err());
        if let Some(first) = no_text.first().filter(|_| is_one || !given.follow) {
            check_text(options, first, &given)?;
        }
        let format = format_of(options, given.format, files.first().map_or(&given.path, |first| &first.path))?;
        let Kind::Text(format) = format.kind() else {
            return Err(options.error("format", format!("{:?} is no format of text", format.name())));
        };
        let format = given.format_options().format(options, format)?;
        let framing = if given.follow { format.framing_of_lines() } else { format.framing() };
        let rows_max = infer_rows(options, given.infer_rows)?;
        let shown = given.path.display().to_string();
        let (schema, mut notes, unlisted) = match format.known_schema(options, given.schema.as_ref())? {
            Some(schema) => (schema, Vec::new(), None),
            None => {
                let inferred = infer(&shown, &files, (&format, &framing, encoding), rows_max);
                let (schema, notes) = inferred.map_err(|error| at_path(options, error))?;
                let unlisted = Arc::new(Unlisted::new(&shown, &schema));
                (schema, notes, Some(unlisted))
            }
        };
        if let (Some(start), Some(first)) = (framing.start(), files.first()) {
            notes.extend(unmatched(first, start, encoding)?);
        }
        let asked = AskedPath::new(options, &given.path);
        notes.extend(asked.note());
        let notices = Arc::default();
        let mut source = Self { files, asked, format, framing, encoding, schema, notes, unlisted, notices };
        if given.follow {
            return Ok(source);
        }
        let open: Vec<&InputFile> = source.files.iter().filter(|file| ends_within_a_line(file, encoding)).collect();
        if let [first, others @ ..] = open.as_slice() {
            let others =
                if others.is_empty() { String::new() } else { format!(" (nor have {} other files)", others.len()) };
            let note = format!("{}: its last line has no line end{others}, and is read as it is", first.name);
            source.notes.push(note);
        }
        // A column that the header does not have is found now, not when the job runs.
        let named_by = if given.schema.is_some() { "schema" } else { "path" };
        for file in &source.files {
            source.text_reader(file, &[], None, None).map_err(|error| match error {
                ConnectorError::Option { message, span: None } => options.error(named_by, message),
                other => at_path(options, other),
            })?;
        }
        Ok(source)
    }

    /// A reader behind the header.
    fn text_reader(
        &self,
        file: &InputFile,
        projection: &[usize],
        unlisted: Option<Arc<Unlisted>>,
        clock: Option<Arc<dyn Clock>>,
    ) -> Result<(TextReader, Extent), ConnectorError> {
        let projected = options::project(&self.schema, projection)?;
        let decoder = self.format.decoder(file.name.clone(), Arc::clone(&self.schema), projected, projection, unlisted);
        let (records, extent) = open_file(file, &self.framing, self.encoding, clock)?;
        let mut reader = TextReader::new(records, self.format.has_header(), decoder)?;
        reader.read_header(Duration::ZERO)?;
        Ok((reader, extent))
    }
}

impl Source for FileSource {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    fn sample(&self, column: usize) -> Option<RecordBatch> {
        let (mut reader, _) = self.text_reader(self.files.first()?, &[column], None, None).ok()?;
        match reader.poll(SAMPLE_ROWS, Duration::ZERO).ok()? {
            Polled::Batch { rows, .. } => Some(rows),
            Polled::Pending | Polled::End => None,
        }
    }

    fn has_inferred_schema(&self) -> bool {
        self.unlisted.is_some()
    }

    fn notes_after(&self) -> Vec<String> {
        self.unlisted.iter().flat_map(|unlisted| unlisted.notes()).collect()
    }

    fn files(&self) -> Vec<PathBuf> {
        self.asked.files(self.files.iter())
    }

    fn reads(&self, written: &Written) -> bool {
        self.asked.reads(written)
    }

    /// Files end, and few are sorted by the time of their rows.
    fn default_watermark(&self) -> WatermarkStrategy {
        WatermarkStrategy::AtEnd
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::ExactlyOnce
    }

    fn splits(&self, _parallelism: usize) -> Result<Vec<Split>, ConnectorError> {
        Ok(self.files.iter().map(|file| Split { id: file.name.clone() }).collect())
    }

    fn reader(
        &self,
        split: &Split,
        projection: &[usize],
        offset: Option<&Offset>,
        clock: Arc<dyn Clock>,
    ) -> Result<Box<dyn SourceReader>, ConnectorError> {
        let file = self.files.iter().find(|file| file.name == split.id && !offset.is_some_and(is_of_followed));
        let Some(file) = file else {
            let is_of_followed = offset.is_some_and(is_of_followed);
            return Err(ConnectorError::Data(match is_of_followed {
                true => format!(
                    "{}: the checkpoint is of a source with `follow = true`: set it again, or begin anew, with another folder for \
                     checkpoints",
                    split.id
                ),
                false => format!("there is no file {} among those of `path`", split.id),
            }));
        };
        let begun = self.text_reader(file, projection, self.unlisted.clone(), Some(Arc::clone(&clock)))?;
        let notices = Arc::clone(&self.notices);
        Ok(Box::new(FileReader::open(file, (&self.format, self.encoding), begun, offset, clock, notices)?))
    }

    fn ended(&self, split: &Split, offset: &Offset) {
        if let Some(file) = self.files.iter().find(|file| file.name == split.id) {
            tell_appended(file, offset, &self.notices);
        }
    }

    fn take_notices(&self) -> Vec<String> {
        self.notices.take()
    }
}

/// What is wrong with the files that `path` names.
fn at_path(options: &Options, error: ConnectorError) -> ConnectorError {
    match error {
        ConnectorError::Data(message) => options.error("path", message),
        other => other,
    }
}

/// Whether a file that is not empty has no line end at its end: somebody may still be writing it. Of a compressed one nothing is known.
fn ends_within_a_line(file: &InputFile, encoding: TextEncoding) -> bool {
    if compression_of(file).ok().flatten().is_some() {
        return false;
    }
    // A file that cannot be read fails where its rows are read.
    FileInput::open(file, 0, encoding, None).is_ok_and(|input| input.ends_within_a_line)
}

/// Refuses what is neither UTF-8 nor compressed with gzip or zstd; if files are followed, those too.
fn check_text(options: &Options, file: &InputFile, given: &FileSourceOptions) -> Result<(), ConnectorError> {
    let mut begin = Vec::new();
    let opened = file.open().map_err(|source| cannot("open", file, source))?;
    opened.take(MARK_BYTES_MAX as u64).read_to_end(&mut begin).map_err(|source| cannot("read", file, source))?;
    match Compression::of_begin(&begin) {
        Some(_) if !given.follow => Ok(()),
        Some(compression) => Err(options.error("follow", compression.unfollowed(&file.name))),
        None if given.encoding.is_some_and(|encoding| encoding != TextEncoding::Utf8) => Ok(()),
        None => {
            encoding::problem(Some(&file.name), &begin).map_or(Ok(()), |problem| Err(options.error("path", problem)))
        }
    }
}
