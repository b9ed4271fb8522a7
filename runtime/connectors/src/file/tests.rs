//! Files in and out, on disk.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::compute::concat_batches;
use proptest::prelude::*;
use tempfile::TempDir;
use weir_core::batch::StreamBatch;
use weir_core::connector::{
    ConnectorError, Malformed, Offset, Polled, Sink, SinkReport, SinkWriter, Source, SourceReader, WriterContext,
};
use weir_core::time::ManualClock;

use super::*;
use crate::tally;

mod compressed;
mod ends;
#[cfg(feature = "parquet")]
mod grouped;
mod inferred;
mod lines;
mod links;
mod partitioned;
mod recovery;
mod written;

fn options(toml: &str, base: &Path) -> Options {
    Options::from_toml(toml, base.to_path_buf())
}

fn source(toml: &str, base: &Path) -> FileSource {
    FileSource::open(&options(toml, base)).unwrap()
}

fn reader(source: &FileSource, split: usize, projection: &[usize], offset: Option<&Offset>) -> Box<dyn SourceReader> {
    let split = &source.splits(1).unwrap()[split];
    source.reader(split, projection, offset, Arc::new(ManualClock::default())).unwrap()
}

/// The next batches, at most `polls` of them, with these batch sizes in turn.
fn poll(reader: &mut dyn SourceReader, sizes: &[usize], polls: usize) -> (Vec<RecordBatch>, Vec<Malformed>) {
    let (mut batches, mut all_malformed) = (Vec::new(), Vec::new());
    for rows_max in sizes.iter().cycle().take(polls) {
        match reader.poll(*rows_max, Duration::ZERO).unwrap() {
            Polled::Batch { rows, malformed } => {
                batches.push(rows);
                all_malformed.extend(malformed);
            }
            Polled::End => break,
            Polled::Pending => panic!("a file keeps no one waiting"),
        }
    }
    (batches, all_malformed)
}

fn stream_batch(rows: RecordBatch) -> StreamBatch {
    {
        let times = vec![0; rows.num_rows()].into();
        StreamBatch::new(rows, times, 0)
    }
}

struct Writing {
    sink: FileSink,
    writer: Box<dyn SinkWriter>,
}

impl Writing {
    fn write(&mut self, batch: &StreamBatch) -> Result<(), ConnectorError> {
        self.writer.write(batch)
    }

    fn finish(mut self) -> SinkReport {
        tally::finish(&self.sink, self.writer.as_mut())
    }
}

fn writer(toml: &str, base: &Path, rows: &RecordBatch) -> Writing {
    let sink = FileSink::open(&options(toml, base)).unwrap();
    let writer = sink.writer(rows.schema(), &WriterContext::ALONE).unwrap();
    Writing { sink, writer }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn sample() -> RecordBatch {
    let columns: [(&str, ArrayRef); 5] = [
        ("text", Arc::new(StringArray::from(vec![Some("plain"), Some("a \"b\",\nc"), None]))),
        ("whole", Arc::new(Int64Array::from(vec![Some(-2), None, Some(i64::MAX)]))),
        ("mean", Arc::new(Float64Array::from(vec![Some(-2.0), Some(-1.142_857_142_857_142_8), None]))),
        ("at", {
            let times = vec![Some(1_357_016_400_000_000), Some(1_357_016_400_250_000), None];
            Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC"))
        }),
        ("local", Arc::new(TimestampMicrosecondArray::from(vec![Some(0), None, Some(1)]))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap()
}

#[test]
fn rows_are_written_as_text() {
    let folder = TempDir::new().unwrap();
    let rows = sample();
    for (path, expected) in [
        (
            "a/b/out.csv",
            "text,whole,mean,at,local\n\
             plain,-2,-2.0,2013-01-01T05:00:00Z,1970-01-01T00:00:00Z\n\
             \"a \"\"b\"\",\nc\",,-1.1428571428571428,2013-01-01T05:00:00.250Z,\n\
             ,9223372036854775807,,,1970-01-01T00:00:00.000001Z\n",
        ),
        (
            "out.jsonl",
            "{\"text\":\"plain\",\"whole\":-2,\"mean\":-2.0,\"at\":\"2013-01-01T05:00:00Z\",\"local\":\"1970-01-01T00:00:00Z\"}\n\
             {\"text\":\"a \\\"b\\\",\\nc\",\"whole\":null,\"mean\":-1.1428571428571428,\"at\":\"2013-01-01T05:00:00.250Z\",\"local\":null}\n\
             {\"text\":null,\"whole\":9223372036854775807,\"mean\":null,\"at\":null,\"local\":\"1970-01-01T00:00:00.000001Z\"}\n",
        ),
    ] {
        let mut writer = writer(&format!("path = {path:?}"), folder.path(), &rows);
        writer.write(&stream_batch(rows.slice(0, 1))).unwrap();
        writer.write(&stream_batch(rows.slice(1, 2))).unwrap();
        assert_eq!(writer.finish().rows, 3);
        assert_eq!(fs::read_to_string(folder.path().join(path)).unwrap(), expected);
    }
}

#[test]
fn a_file_appears_when_it_is_finished_or_not_at_all() {
    let folder = TempDir::new().unwrap();
    let rows = sample();
    let mut open = writer("path = \"out.csv\"", folder.path(), &rows);
    open.write(&stream_batch(rows.clone())).unwrap();
    assert!(!folder.path().join("out.csv").exists());
    drop(open);
    assert_eq!(names(folder.path()), [""; 0]);

    writer("path = \"lazy.csv\"\nlazy = true", folder.path(), &rows).finish();
    assert_eq!(names(folder.path()), [""; 0]);
    let mut lazy = writer("path = \"lazy.csv\"\nlazy = true", folder.path(), &rows);
    lazy.write(&stream_batch(rows.clone())).unwrap();
    lazy.finish();
    writer("path = \"empty.csv\"", folder.path(), &rows).finish();
    assert_eq!(names(folder.path()), ["empty.csv", "lazy.csv"]);
    assert_eq!(fs::read_to_string(folder.path().join("empty.csv")).unwrap(), "text,whole,mean,at,local\n");

    writer("path = \"lazy.csv\"", folder.path(), &rows.slice(0, 0)).finish();
    assert_eq!(fs::read_to_string(folder.path().join("lazy.csv")).unwrap(), "text,whole,mean,at,local\n");
}

#[test]
fn csv_refuses_nested_columns() {
    let folder = TempDir::new().unwrap();
    let list = arrow::array::ListArray::from_iter_primitive::<arrow::datatypes::Int64Type, _, _>([Some([Some(1)])]);
    let rows = RecordBatch::try_from_iter([("items", Arc::new(list) as ArrayRef)]).unwrap();
    let sink = FileSink::open(&options("path = \"out.csv\"", folder.path())).unwrap();
    let error = sink.writer(rows.schema(), &WriterContext::ALONE).err().unwrap().to_string();
    assert_eq!(error, "column \"items\" has the type list<int64>, which CSV cannot hold; write `format = \"json\"`");
}

#[test]
fn an_inferred_schema_is_said_aloud() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    let text = "departed,carrier,delay,ratio\n2013-01-01T05:17:00Z,UA,2,\n2013-01-01T05:33:00Z,UA,,0.5\n2013-01-01T05:33:00Z,UA,x,1\n";
    fs::write(folder.path().join("data/x.csv"), text).unwrap();
    let in_folder = source("path = \"data\"\ninfer-rows = 2\nformat = \"csv\"", folder.path());
    let columns = "departed timestamp(us, UTC), carrier utf8, delay int64, ratio float64";
    assert_eq!(in_folder.notes(), [format!("data/x.csv: inferred schema from the first 2 rows: {columns}")]);
    let (batches, malformed) = poll(reader(&in_folder, 0, &[2, 0], None).as_mut(), &[10], 10);
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
    assert_eq!(malformed[0].at, "data/x.csv:4");
    assert_eq!(malformed[0].record, "2013-01-01T05:33:00Z,UA,x,1");
    assert_eq!(malformed[0].reason, "column \"delay\": \"x\" is not of the type int64");
    let all = source("path = \"data/*.csv\"", folder.path()).notes();
    assert!(all[0].starts_with("data/x.csv: inferred schema from all 3 rows: "), "{all:?}");
    let given = source("path = \"data/x.csv\"\nschema = { ratio = \"float32\" }", folder.path());
    assert_eq!((given.notes().len(), given.schema().fields().len()), (0, 1));
}

#[test]
fn a_folder_has_a_split_a_file() {
    let folder = TempDir::new().unwrap();
    for (name, text) in [("b.csv", "y,x\n1,2\n"), ("a.csv", "x,y\n3,4\n"), (".hidden.csv", "?"), ("c.txt", "?")] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let source = source("path = \"*.csv\"", folder.path());
    let ids: Vec<_> = source.splits(5).unwrap().into_iter().map(|split| split.id).collect();
    assert_eq!(ids, ["a.csv", "b.csv"]);
    for (split, expected) in [(0, 3), (1, 2)] {
        let (batches, _) = poll(reader(&source, split, &[0], None).as_mut(), &[10], 10);
        let expected: ArrayRef = Arc::new(Int64Array::from(vec![expected]));
        assert_eq!(batches[0].column(0), &expected);
    }
}

#[test]
fn wrong_options_are_explained_in_their_place() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("flights.csv"), "a,b\n1,2\n").unwrap();
    fs::write(folder.path().join("twice.csv"), "a,a\n1,2\n").unwrap();
    fs::write(folder.path().join("none.csv"), "a,b\n").unwrap();
    let base = folder.path().display();
    for (toml, message) in [
        (
            "path = \"flight.csv\"",
            format!(
                "there is no file flight.csv in {base}, the folder of the pipeline file; did you mean \"flights.csv\"?"
            ),
        ),
        ("path = \"*.json\"", format!("no file matches *.json in {base}, the folder of the pipeline file")),
        ("path = \"flights.csv\"\nformat = \"cvs\"", "; did you mean \"csv\"?".to_owned()),
        ("path = \"flights.csv\"\nheaders = true", "; did you mean \"header\"?".to_owned()),
        ("path = \"flights.csv\"\nformat = \"json\"\nheader = true", "`header` is an option of CSV".to_owned()),
        ("path = \"flights.csv\"\ndelimiter = \"\"", "one ASCII character".to_owned()),
        ("path = \"flights.csv\"\nschema = { a = \"int\" }", "did you mean \"int32\"?".to_owned()),
        ("path = \"flights.csv\"\nschema = {}", "names no column".to_owned()),
        (
            "path = \"flights.csv\"\nschema = { aa = \"int8\" }",
            "flights.csv: its header has no column \"aa\"; it has ".to_owned(),
        ),
        ("path = \"flights.csv\"\ninfer-rows = 0", "from 1 to".to_owned()),
        ("format = \"csv\"", "the connector needs a key \"path\"".to_owned()),
    ] {
        let error = FileSource::open(&options(toml, folder.path())).err().unwrap();
        assert!(matches!(error, ConnectorError::Option { span: Some(_), .. }), "{error:?}");
        assert!(error.to_string().contains(&message), "{error}");
    }
    for (toml, message) in [
        ("path = \"none.csv\"", "none.csv: there are no rows to infer the columns from"),
        ("path = \"twice.csv\"", "twice.csv: its header has two columns \"a\""),
    ] {
        let error = FileSource::open(&options(toml, folder.path())).err().unwrap().to_string();
        assert!(error.starts_with(message), "{error}");
    }
    for path in [".", "new/", "flights.csv/"] {
        let error = FileSink::open(&options(&format!("path = {path:?}"), folder.path())).err().unwrap();
        assert!(matches!(error, ConnectorError::Option { span: Some(_), .. }), "{error:?}");
        let expected = format!(
            "{path} is a folder: set `format = \"csv\"`, \"json\", \"text\", \"raw\", \"parquet\" or \"arrow\" for the files in it"
        );
        assert_eq!(error.to_string(), expected);
    }
}

/// Rows with everything that text makes hard. CSV cannot tell an empty text from a null.
fn any_rows() -> impl Strategy<Value = RecordBatch> {
    let text = prop::option::of("([a-z,\"\n\r é;{}]|\r\n){1,8}");
    let row = (
        text,
        any::<Option<i64>>(),
        any::<Option<f64>>(),
        prop::option::of(-1_i64 << 52..1 << 52),
        any::<Option<bool>>(),
    );
    prop::collection::vec(row, 1..40).prop_map(|rows| {
        let finite = |float: Option<f64>| float.filter(|float| float.is_finite());
        let times = rows.iter().map(|row| row.3).collect::<TimestampMicrosecondArray>();
        let columns: [(&str, ArrayRef); 5] = [
            ("text", Arc::new(rows.iter().map(|row| row.0.clone()).collect::<StringArray>())),
            ("whole", Arc::new(rows.iter().map(|row| row.1).collect::<Int64Array>())),
            ("float", Arc::new(rows.iter().map(|row| finite(row.2)).collect::<Float64Array>())),
            ("at", Arc::new(times.with_timezone("UTC"))),
            ("flag", Arc::new(rows.iter().map(|row| row.4).collect::<BooleanArray>())),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_written_is_read_again_in_any_batches_from_any_offset(
        rows in any_rows(),
        json in any::<bool>(),
        sizes in prop::collection::vec(1_usize..20, 1..4),
        stop_after in 0_usize..6,
        picks in prop::collection::vec(0_usize..5, 1..6),
    ) {
        let folder = TempDir::new().unwrap();
        let path = if json { "rows.json" } else { "rows.csv" };
        let mut writer = writer(&format!("path = {path:?}"), folder.path(), &rows);
        writer.write(&stream_batch(rows.clone())).unwrap();
        writer.finish();
        let schema = "{ text = \"utf8\", whole = \"int64\", float = \"float64\", at = \"timestamp\", flag = \"bool\" }";
        let source = source(&format!("path = {path:?}\nschema = {schema}"), folder.path());

        let mut before = reader(&source, 0, &picks, None);
        let (mut batches, mut malformed) = poll(before.as_mut(), &sizes, stop_after);
        let offset = before.offset();
        let (rest, more) = poll(reader(&source, 0, &picks, Some(&offset)).as_mut(), &sizes, usize::MAX);
        batches.extend(rest);
        malformed.extend(more);
        prop_assert_eq!(malformed, vec![]);
        let expected = rows.project(&picks).unwrap();
        prop_assert_eq!(concat_batches(&expected.schema(), &batches).unwrap(), expected);
    }
}
