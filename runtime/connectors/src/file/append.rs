//! Whether rows can be added to a file that is there: it must be text with the same columns, and end with a line. Changes nothing.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use arrow::datatypes::Schema;
use weir_core::connector::ConnectorError;

use super::temporary::Place;
use crate::formats::FormatName;
use crate::formats::write::{TextWriter, write_error};

/// Checks that rows of these columns can follow what is in a file: gives the header of such rows, and how many bytes of it the file has, behind
/// which it is then.
///
/// # Errors
/// What it begins or ends with instead.
pub(super) fn check_appendable(
    place: &Place,
    format: FormatName,
    schema: &Schema,
    old: &mut File,
) -> Result<(Vec<u8>, u64), ConnectorError> {
    let cannot = |why: &str| {
        ConnectorError::Data(format!("cannot append to {}: {why}; `mode = \"overwrite\"` replaces it", place.name))
    };
    let cannot_read = |source| place.cannot("read", source);
    let header = TextWriter::new(format, schema, Vec::new())
        .map_err(|error| write_error(format!("cannot write {}", place.name), error))?
        .into_inner();
    let mut begin = Vec::new();
    Read::by_ref(old).take(header.len() as u64).read_to_end(&mut begin).map_err(cannot_read)?;
    if !begin.is_empty() && begin != header {
        let header = String::from_utf8_lossy(&header).trim_end().to_owned();
        return Err(cannot(&format!("its first line is not {header:?}, which are the columns now")));
    }
    if format == FormatName::Json && !begins_with_object(old).map_err(cannot_read)? {
        return Err(cannot("it does not begin with a JSON object"));
    }
    let begun = begin.len() as u64;
    if old.metadata().map_err(cannot_read)?.len() > begun {
        let ends = ends_with_line_end(old).and_then(|ends| old.seek(SeekFrom::Start(begun)).map(|_| ends));
        if !ends.map_err(cannot_read)? {
            return Err(cannot("its last line has no end"));
        }
    }
    Ok((header, begun))
}

/// Whether a file, which is at its beginning and stays there, has rows of JSON, or none.
fn begins_with_object(file: &mut File) -> io::Result<bool> {
    let mut first = Vec::new();
    Read::by_ref(file).take(1).read_to_end(&mut first)?;
    file.rewind()?;
    Ok(matches!(first.as_slice(), [] | [b'{']))
}

fn ends_with_line_end(mut file: &File) -> io::Result<bool> {
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}
