//! Files of Parquet and Arrow IPC, in and out.

use std::io::Write as _;

use arrow::array::{
    ArrayRef, BinaryArray, Date32Array, Decimal128Array, DictionaryArray, FixedSizeBinaryArray, Int32Array,
    LargeStringArray, ListArray, StructArray, TimestampSecondArray, UInt64Array,
};
use arrow::array::{AsArray, Int8Array, IntervalYearMonthArray, StringViewArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Int8Type, Int64Type, Schema};
use arrow::ipc::writer::FileWriter;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

mod foreign;
mod refused;

use super::recovery::Attempt;
use super::*;
use crate::formats::file_format::FileFormat;

const BOTH: [FileFormat; 2] = [FileFormat::Parquet, FileFormat::Arrow];

/// A file of this format, as another program would write it: groups of so many rows.
fn written(format: FileFormat, rows: &RecordBatch, group_rows: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    if format == FileFormat::Parquet {
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group_rows)).build();
        let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), Some(properties)).unwrap();
        writer.write(rows).unwrap();
        writer.close().unwrap();
    } else {
        let mut writer = FileWriter::try_new(&mut bytes, rows.schema_ref()).unwrap();
        for from in (0..rows.num_rows()).step_by(group_rows) {
            writer.write(&rows.slice(from, group_rows.min(rows.num_rows() - from))).unwrap();
        }
        writer.finish().unwrap();
    }
    bytes
}

fn folder_with(bytes: &[u8]) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("in"), bytes).unwrap();
    folder
}

fn toml(format: FileFormat, more: &str) -> String {
    format!("path = \"in\"\nformat = \"{}\"\n{more}", format.name())
}

fn open(toml: &str, base: &Path) -> Result<Box<dyn Source>, String> {
    open_source(&options(toml, base)).map_err(|error| error.to_string())
}

/// Everything in the splits at a parallelism, in batches of these sizes in turn.
fn all(source: &dyn Source, parallelism: usize, projection: &[usize], sizes: &[usize]) -> Result<RecordBatch, String> {
    let schema = Arc::new(source.schema().project(projection).unwrap());
    let mut batches = Vec::new();
    for split in source.splits(parallelism).unwrap() {
        let mut reader = source.reader(&split, projection, None, Arc::new(ManualClock::default()));
        let reader = reader.as_mut().map_err(|error| error.to_string())?;
        for rows_max in sizes.iter().cycle() {
            match reader.poll(*rows_max, Duration::ZERO).map_err(|error| error.to_string())? {
                Polled::Batch { rows, malformed } => {
                    assert!(malformed.is_empty() && rows.num_rows() <= *rows_max);
                    batches.push(rows);
                }
                Polled::End => break,
                Polled::Pending => panic!("a file keeps no one waiting"),
            }
        }
    }
    Ok(concat_batches(&schema, &batches).unwrap())
}

fn numbers(count: i64) -> RecordBatch {
    let n: ArrayRef = Arc::new(Int64Array::from_iter_values(0..count));
    let text: ArrayRef = Arc::new(StringArray::from_iter_values((0..count).map(|n| format!("text {}", n % 7))));
    RecordBatch::try_from_iter_with_nullable([("n", n, true), ("text", text, true)]).unwrap()
}

/// A column of every type that Weir has.
fn every_type() -> RecordBatch {
    let item = Arc::new(Field::new_list_field(DataType::Int64, true));
    let values: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]));
    let inner = Arc::new(StringArray::from(vec![Some("x"), None, Some("")]));
    let mut columns: Vec<(String, ArrayRef)> =
        sample().schema().fields().iter().map(|f| f.name().clone()).zip(sample().columns().to_vec()).collect();
    let more: [(&str, ArrayRef); 8] = [
        ("bytes", Arc::new(BinaryArray::from(vec![Some(&b"\xff\x00"[..]), None, Some(b"")]))),
        ("day", Arc::new(Date32Array::from(vec![Some(-719_528), Some(0), None]))),
        (
            "price",
            Arc::new(Decimal128Array::from(vec![Some(1), None, Some(-3)]).with_precision_and_scale(38, 38).unwrap()),
        ),
        ("unsigned", Arc::new(UInt64Array::from(vec![Some(u64::MAX), None, Some(0)]))),
        ("small", Arc::new(Int8Array::from(vec![Some(-128), None, Some(127)]))),
        (
            "seconds",
            Arc::new(
                TimestampSecondArray::from(vec![Some(-1), None, Some(253_402_300_799)]).with_timezone("Europe/Berlin"),
            ),
        ),
        ("list", Arc::new(ListArray::new(item, OffsetBuffer::from_lengths([2, 0, 1]), values, None))),
        (
            "object",
            Arc::new(StructArray::from(vec![(Arc::new(Field::new("a", DataType::Utf8, true)), inner as ArrayRef)])),
        ),
    ];
    columns.extend(more.map(|(name, column)| (name.to_owned(), column)));
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

#[test]
fn every_type_comes_back_as_it_was_written() {
    for format in BOTH {
        for more in ["", "\ncompression = \"none\"", "\ncompression = \"zstd\"", "\ncompression = \"gzip\""] {
            if format == FileFormat::Arrow && more.contains("z") {
                continue;
            }
            let folder = TempDir::new().unwrap();
            let rows = every_type();
            let mut writing = writer(&toml(format, more), folder.path(), &rows);
            writing.write(&stream_batch(rows.clone())).unwrap();
            writing.finish();
            let source = open(&toml(format, ""), folder.path()).unwrap();
            let read = all(source.as_ref(), 1, &(0..rows.num_columns()).collect::<Vec<_>>(), &[2]).unwrap();
            for (column, expected) in rows.columns().iter().enumerate() {
                let name = rows.schema_ref().field(column).name();
                let read = read.column(column);
                // Parquet has no seconds: they are milliseconds there.
                if format == FileFormat::Parquet && name == "seconds" {
                    let expected = arrow::compute::cast(expected, read.data_type()).unwrap();
                    assert_eq!(
                        (read, format!("{}", read.data_type())),
                        (&expected, "Timestamp(ms, \"Europe/Berlin\")".to_owned())
                    );
                } else {
                    assert_eq!(read, expected, "{format:?} {name}");
                }
            }
        }
    }
}

#[test]
fn splits_hold_the_same_rows_at_any_parallelism_and_from_any_offset() {
    for format in BOTH {
        let rows = numbers(100);
        let folder = folder_with(&written(format, &rows, 13));
        let source = open(&toml(format, ""), folder.path()).unwrap();
        for (parallelism, splits) in [(1, 1), (2, 2), (3, 3), (20, 8)] {
            assert_eq!(source.splits(parallelism).unwrap().len(), splits);
            for sizes in [&[1][..], &[5, 1, 100], &[4096]] {
                assert_eq!(
                    all(source.as_ref(), parallelism, &[0, 1], sizes).unwrap(),
                    rows,
                    "{format:?} {parallelism}"
                );
            }
        }
        let clock = || Arc::new(ManualClock::default());
        for split in source.splits(3).unwrap() {
            let mut whole = source.reader(&split, &[0], None, clock()).unwrap();
            let values = |reader: &mut dyn SourceReader| {
                let (batches, _) = poll(reader, &[3], 1000);
                batches.iter().flat_map(|rows| rows.column(0).as_primitive::<Int64Type>().values().to_vec()).collect()
            };
            let expected: Vec<i64> = values(source.reader(&split, &[0], None, clock()).unwrap().as_mut());
            let mut read = Vec::new();
            loop {
                // At another parallelism, the split of the checkpoint is still there.
                let other = open(&toml(format, ""), folder.path()).unwrap();
                let mut resumed = other.reader(&split, &[0], Some(&whole.offset()), clock()).unwrap();
                let rest: Vec<i64> = values(resumed.as_mut());
                assert_eq!([read.as_slice(), &rest].concat(), expected, "{}", whole.offset());
                match whole.poll(3, Duration::ZERO).unwrap() {
                    Polled::Batch { rows, .. } => read.extend(rows.column(0).as_primitive::<Int64Type>().values()),
                    _ => break,
                }
            }
            assert_eq!(whole.progress(), Some(1.0));
        }
    }
}

#[test]
fn columns_are_read_in_the_order_that_is_asked_for() {
    for format in BOTH {
        let rows = every_type();
        let folder = folder_with(&written(format, &rows, 2));
        let source = open(&toml(format, ""), folder.path()).unwrap();
        for projection in [vec![], vec![4, 0], vec![11, 2, 6], vec![0, 0]] {
            let read = all(source.as_ref(), 1, &projection, &[10]);
            if projection.is_empty() {
                let mut reader =
                    source.reader(&source.splits(1).unwrap()[0], &[], None, Arc::new(ManualClock::default())).unwrap();
                let (batches, _) = poll(reader.as_mut(), &[10], 10);
                assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 3);
                continue;
            }
            let read = read.unwrap();
            for (column, wanted) in projection.iter().enumerate() {
                assert_eq!(read.schema_ref().field(column).name(), rows.schema_ref().field(*wanted).name());
                if rows.schema_ref().field(*wanted).name() != "seconds" {
                    assert_eq!(read.column(column), rows.column(*wanted));
                }
            }
        }
        let of_sample = source.sample(1).unwrap();
        assert_eq!(of_sample.column(0), &rows.slice(0, of_sample.num_rows()).column(1).clone());
        let reader =
            |column| source.reader(&source.splits(1).unwrap()[0], &[column], None, Arc::new(ManualClock::default()));
        let mut reader = reader(0).unwrap();
        poll(reader.as_mut(), &[10], 2);
        let (at, record) = reader.locate(0).unwrap();
        let expected = if format == FileFormat::Parquet { "in, row 3" } else { "in, row 1 of batch 1" };
        assert_eq!((at.as_str(), record.as_str()), (expected, "{\"text\":null}"));
    }
}

#[test]
fn a_schema_is_checked_against_the_file() {
    for format in BOTH {
        let folder = folder_with(&written(format, &numbers(3), 10));
        let read = open(&toml(format, "schema = { text = \"utf8\" }"), folder.path()).unwrap();
        assert_eq!(all(read.as_ref(), 1, &[0], &[10]).unwrap().column(0), numbers(3).column(1));
        for (schema, expected) in [
            ("{ texd = \"utf8\" }", "in has no column \"texd\"; did you mean \"text\"?"),
            ("{ n = \"int32\" }", "in: column \"n\" is int64, and not int32; read it as it is, and cast it"),
        ] {
            let error = open(&toml(format, &format!("schema = {schema}")), folder.path()).err().unwrap();
            assert!(error.contains(expected), "{error}");
        }
        for (more, expected) in [
            ("header = true", "`header` is an option of text formats"),
            ("infer-rows = 3", "`infer-rows` is an option of text formats"),
            ("follow = true", "files are written once, and do not grow"),
        ] {
            let error = open(&toml(format, more), folder.path()).err().unwrap();
            assert!(error.contains(expected), "{error}");
        }
        // Of several files, each has the columns of the first.
        fs::write(folder.path().join("in2"), written(format, &numbers(1).project(&[0]).unwrap(), 10)).unwrap();
        let toml = toml(format, "").replace("\"in\"", "\"in*\"");
        assert!(open(&toml, folder.path()).err().unwrap().contains("in2 has no column \"text\""));
        fs::write(folder.path().join("in2"), written(format, &numbers(4), 2)).unwrap();
        let source = open(&toml, folder.path()).unwrap();
        assert_eq!(all(source.as_ref(), 3, &[0], &[10]).unwrap().num_rows(), 7);
        assert_eq!(source.splits(3).unwrap().len(), 3);
    }
}

#[test]
fn types_of_other_programs_become_ours_or_are_refused_by_name() {
    let texts = ["a", "b", "a"];
    let columns: [(&str, ArrayRef); 4] = [
        ("dictionary", Arc::new(texts.into_iter().collect::<DictionaryArray<Int8Type>>())),
        ("large", Arc::new(LargeStringArray::from(texts.to_vec()))),
        ("view", Arc::new(StringViewArray::from(texts.to_vec()))),
        ("fixed", Arc::new(FixedSizeBinaryArray::try_from_iter(texts.iter().map(|text| text.as_bytes())).unwrap())),
    ];
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    let odd: ArrayRef = Arc::new(IntervalYearMonthArray::from(vec![1]));
    let odd =
        RecordBatch::try_from_iter([("n", Arc::new(Int32Array::from(vec![1])) as ArrayRef), ("odd", odd)]).unwrap();
    for format in BOTH {
        let folder = folder_with(&written(format, &rows, 2));
        let source = open(&toml(format, ""), folder.path()).unwrap();
        let read = all(source.as_ref(), 1, &[0, 1, 2, 3], &[2]).unwrap();
        let expected: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
        assert!((0..3).all(|column| read.column(column) == &expected), "{read:?}");
        assert_eq!(read.column(3).as_binary::<i32>().value(1), b"b");
        let folder = folder_with(&written(format, &odd, 2));
        let error = open(&toml(format, ""), folder.path()).err().unwrap();
        assert!(
            error.starts_with("in: column \"odd\" has the type Interval(YearMonth), which Weir does not have"),
            "{error}"
        );
        let source = open(&toml(format, "schema = { n = \"int32\" }"), folder.path()).unwrap();
        assert_eq!(all(source.as_ref(), 1, &[0], &[2]).unwrap().num_rows(), 1);
    }
}

#[test]
fn text_that_many_rows_share_makes_no_large_batch() {
    let text = "x".repeat(1 << 20);
    let column: ArrayRef = Arc::new(StringArray::from(vec![text.as_str(); 100]));
    let rows = RecordBatch::try_from_iter([("text", column)]).unwrap();
    let mut bytes = Vec::new();
    let properties = WriterProperties::builder().set_dictionary_page_size_limit(4 << 20).build();
    let mut file = ArrowWriter::try_new(&mut bytes, rows.schema(), Some(properties)).unwrap();
    file.write(&rows).unwrap();
    file.close().unwrap();
    assert!(bytes.len() < 4 << 20);
    let folder = folder_with(&bytes);
    let source = open(&toml(FileFormat::Parquet, ""), folder.path()).unwrap();
    let mut reader =
        source.reader(&source.splits(1).unwrap()[0], &[0], None, Arc::new(ManualClock::default())).unwrap();
    let mut rows_read = 0;
    while let Polled::Batch { rows, .. } = reader.poll(4096, Duration::ZERO).unwrap() {
        assert!((1..=16).contains(&rows.num_rows()));
        rows_read += rows.num_rows();
    }
    assert_eq!(rows_read, 100);
}

#[test]
fn folders_name_columns_of_parts_of_files_too() {
    let folder = TempDir::new().unwrap();
    for (day, count) in [("2024-01-01", 40), ("2024-01-02", 5)] {
        let path = folder.path().join(format!("day={day}"));
        fs::create_dir(&path).unwrap();
        fs::write(path.join("a.parquet"), written(FileFormat::Parquet, &numbers(count), 10)).unwrap();
    }
    let source = open("path = \"**\"\npartitions = { day = \"utf8\" }", folder.path()).unwrap();
    for parallelism in [1, 2, 5] {
        let read = all(source.as_ref(), parallelism, &[2, 0], &[7]).unwrap();
        let first = read.column(0).as_string::<i32>().iter().filter(|day| *day == Some("2024-01-01")).count();
        assert_eq!((read.num_rows(), first), (45, 40));
    }
}

#[test]
fn what_a_finished_file_was_staged_in_is_removed() {
    for toml in ["path = \"out.parquet\"", "path = \"out.arrow\""] {
        let folder = TempDir::new().unwrap();
        let start = |generation, from| Attempt::start(toml, folder.path(), (generation, 1, true), from).unwrap();
        let mut first = start(1, None);
        first.write(5).unwrap();
        let checkpoint = first.cut(false).unwrap();
        first.commit(&checkpoint).unwrap();
        drop(first);
        let mut second = start(2, Some(&checkpoint));
        second.write(5).unwrap();
        let last = second.cut(true).unwrap();
        assert_eq!(names(folder.path()).len(), 3, "the drafts of both runs, and the finished file");
        second.commit(&last).unwrap();
        second.commit(&last).unwrap();
        assert_eq!(names(folder.path()).len(), 1);
        let source = open(toml, folder.path()).unwrap();
        let read = all(source.as_ref(), 1, &[0], &[100]).unwrap();
        assert_eq!(read.column(0).as_primitive::<Int64Type>().values(), &(0..10).collect::<Vec<_>>()[..]);
    }
}

#[test]
fn no_subtask_waits_while_a_staged_file_is_copied() {
    let folder = TempDir::new().unwrap();
    let mut attempt = Attempt::start("path = \"out.parquet\"", folder.path(), (1, 1, true), None).unwrap();
    attempt.write(5).unwrap();
    let prepare = attempt.writers[0].prepare(weir_core::connector::Cut { attempt: 1, last: true }).unwrap();
    assert_eq!(names(folder.path()).len(), 1, "the draft alone");
    let prepared = prepare().unwrap();
    assert_eq!((names(folder.path()).len(), prepared.commit.len()), (2, 3));
}

#[test]
fn a_file_without_rows_has_columns() {
    for format in BOTH {
        let folder = TempDir::new().unwrap();
        let rows = numbers(0);
        writer(&toml(format, ""), folder.path(), &rows).finish();
        let source = open(&toml(format, ""), folder.path()).unwrap();
        assert_eq!(all(source.as_ref(), 2, &[0, 1], &[1]).unwrap(), rows);
    }
    // Bytes that another program appended are an error.
    let folder = folder_with(&written(FileFormat::Parquet, &numbers(3), 10));
    fs::File::options().append(true).open(folder.path().join("in")).unwrap().write_all(b"\n").unwrap();
    assert!(open(&toml(FileFormat::Parquet, ""), folder.path()).err().unwrap().contains("is not complete"));
}
