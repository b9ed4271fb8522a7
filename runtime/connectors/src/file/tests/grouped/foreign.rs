//! Files as other programs write them: dictionaries, streams, compressed batches, old types and codecs.

use arrow::array::{Array as _, Int32Array, LargeListArray};
use arrow::datatypes::Int32Type;
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{DictionaryHandling, IpcWriteOptions, StreamWriter};
use parquet::data_type::{Int96, Int96Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::*;

fn read_all(format: FileFormat, folder: &TempDir, sizes: &[usize]) -> Result<RecordBatch, String> {
    let source = open(&toml(format, ""), folder.path())?;
    let columns: Vec<usize> = (0..source.schema().fields().len()).collect();
    all(source.as_ref(), 2, &columns, sizes)
}

/// Rows whose text is in a dictionary, alone and within lists; each batch has one of its own.
fn batches_with_dictionaries() -> Vec<RecordBatch> {
    let of_batch = |batch: usize| {
        let texts: Vec<String> = (0..6).map(|row| format!("batch {batch} value {}", row % 3)).collect();
        let dictionary: ArrayRef = Arc::new(texts.iter().map(String::as_str).collect::<DictionaryArray<Int32Type>>());
        let item = Arc::new(Field::new_list_field(dictionary.data_type().clone(), true));
        let lists =
            LargeListArray::new(item, OffsetBuffer::from_lengths([1, 0, 2, 1, 1, 1]), Arc::clone(&dictionary), None);
        let columns = [("text", dictionary, true), ("lists", Arc::new(lists) as ArrayRef, true)];
        RecordBatch::try_from_iter_with_nullable(columns).unwrap()
    };
    (0..4).map(of_batch).collect()
}

fn check_texts(read: &RecordBatch) {
    let texts: Vec<_> = read.column(0).as_string::<i32>().iter().flatten().map(str::to_owned).collect();
    let expected = (0..4).flat_map(|batch| (0..6).map(move |row| format!("batch {batch} value {}", row % 3)));
    assert_eq!(texts, expected.collect::<Vec<_>>());
    let lists = read.column(1).as_list::<i32>();
    assert_eq!(lists.values().as_string::<i32>().iter().flatten().collect::<Vec<_>>(), texts);
}

#[test]
fn a_stream_is_read_as_a_file_is() {
    let rows = numbers(100);
    let mut bytes = Vec::new();
    let mut writer = StreamWriter::try_new(&mut bytes, rows.schema_ref()).unwrap();
    (0..100).step_by(13).for_each(|from| writer.write(&rows.slice(from, 13.min(100 - from))).unwrap());
    writer.finish().unwrap();
    // The mark of its end may be missing.
    for end in [bytes.len(), bytes.len() - 8] {
        let folder = folder_with(&bytes[..end]);
        for sizes in [&[1][..], &[5, 1, 100]] {
            assert_eq!(read_all(FileFormat::Arrow, &folder, sizes).unwrap(), rows);
        }
        let source = open(&toml(FileFormat::Arrow, ""), folder.path()).unwrap();
        assert_eq!(source.splits(3).unwrap().len(), 3);
    }
    for (end, expected) in
        [(bytes.len() - 4, "it is cut off"), (bytes.len() - 9, "outside of the file"), (3, "it is not an Arrow")]
    {
        let error = read_all(FileFormat::Arrow, &folder_with(&bytes[..end]), &[10]).err().unwrap();
        assert!(error.contains(expected), "{end}: {error}");
    }
    // Rows of a second stream would be lost.
    let error = read_all(FileFormat::Arrow, &folder_with(&bytes.repeat(2)), &[10]).err().unwrap();
    let more = bytes.len();
    assert!(error.starts_with(&format!("in: {more} bytes are behind the end of its stream")), "{error}");
    for end in 1..bytes.len() {
        let _ = read_all(FileFormat::Arrow, &folder_with(&bytes[..end]), &[10]);
    }
}

#[test]
fn dictionaries_may_grow_and_change_between_the_batches_of_a_stream() {
    let batches = batches_with_dictionaries();
    for handling in [DictionaryHandling::Resend, DictionaryHandling::Delta] {
        for compression in [None, Some(CompressionType::ZSTD), Some(CompressionType::LZ4_FRAME)] {
            let options = IpcWriteOptions::default().with_dictionary_handling(handling);
            let options = options.try_with_compression(compression).unwrap();
            let mut bytes = Vec::new();
            let mut writer = StreamWriter::try_new_with_options(&mut bytes, batches[0].schema_ref(), options).unwrap();
            batches.iter().for_each(|batch| writer.write(batch).unwrap());
            writer.finish().unwrap();
            for sizes in [&[1][..], &[2, 5], &[100]] {
                check_texts(&read_all(FileFormat::Arrow, &folder_with(&bytes), sizes).unwrap());
            }
        }
    }
}

#[test]
fn a_value_of_a_dictionary_that_all_rows_share_makes_no_large_batch() {
    let text = "x".repeat(1 << 20);
    let column = column_of(&text, 1000);
    let rows = RecordBatch::try_from_iter([("text", column)]).unwrap();
    let folder = folder_with(&written(FileFormat::Arrow, &rows, 1000));
    let source = open(&toml(FileFormat::Arrow, ""), folder.path()).unwrap();
    let split = &source.splits(1).unwrap()[0];
    let mut reader = source.reader(split, &[0], None, Arc::new(ManualClock::default())).unwrap();
    let Polled::Batch { rows, .. } = reader.poll(4096, Duration::ZERO).unwrap() else { panic!("no rows") };
    assert_eq!(rows.num_rows(), 16);
    // As many in one row are too many.
    let item = Arc::new(Field::new_list_field(column_of(&text, 257).data_type().clone(), true));
    let list = ListArray::new(item, OffsetBuffer::from_lengths([257]), column_of(&text, 257), None);
    let rows = RecordBatch::try_from_iter([("lists", Arc::new(list) as ArrayRef)]).unwrap();
    let error = read_all(FileFormat::Arrow, &folder_with(&written(FileFormat::Arrow, &rows, 1)), &[10]).err().unwrap();
    assert_eq!(error, "in: a row takes more than 256 MiB when each value is copied to it");
}

fn column_of(text: &str, count: usize) -> ArrayRef {
    Arc::new(vec![text; count].into_iter().collect::<DictionaryArray<Int8Type>>())
}

#[test]
fn what_is_large_only_when_it_is_decompressed_is_refused() {
    let zeros: ArrayRef = Arc::new(Int32Array::from(vec![0; (64 << 20) + 1024]));
    let rows = RecordBatch::try_from_iter([("n", zeros)]).unwrap();
    let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::ZSTD)).unwrap();
    let mut bytes = Vec::new();
    let mut writer = FileWriter::try_new_with_options(&mut bytes, rows.schema_ref(), options).unwrap();
    writer.write(&rows).unwrap();
    writer.finish().unwrap();
    assert!(bytes.len() < 1 << 20);
    let error = read_all(FileFormat::Arrow, &folder_with(&bytes), &[10]).err().unwrap();
    assert_eq!(error, "in: it has a batch of more than 256 MiB: write it with smaller batches");
}

/// A Parquet file with one column of the type INT96, alone or within a struct.
fn int96(schema: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let levels = if schema.get_fields()[0].is_primitive() { 1 } else { 2 };
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    // The first microsecond of 1600, which nanoseconds cannot say.
    let mut value = Int96::new();
    value.set_data(1_000, 0, 2_305_448);
    column.typed::<Int96Type>().write_batch(&[value], Some(&[levels, 0]), None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    bytes
}

#[test]
fn times_of_the_type_int96_are_read_as_columns_and_refused_within_them() {
    let folder = folder_with(&int96("message m { optional int96 t; }"));
    let source = open(&toml(FileFormat::Parquet, ""), folder.path()).unwrap();
    assert_eq!(source.notes(), ["in: times of the type INT96 are read in whole microseconds: t"]);
    let read = read_all(FileFormat::Parquet, &folder, &[10]).unwrap();
    let times = read.column(0).as_primitive::<arrow::datatypes::TimestampMicrosecondType>();
    assert_eq!((times.value(0), times.is_null(1)), (-11_676_096_000_000_000 + 1, true));
    let folder = folder_with(&int96("message m { optional group s { optional int96 t; } }"));
    let error = read_all(FileFormat::Parquet, &folder, &[10]).err().unwrap();
    assert!(error.starts_with("in: column \"s\" has times of the type INT96 within it"), "{error}");
}

#[test]
fn codecs_that_are_not_built_in_are_named() {
    let properties =
        WriterProperties::builder().set_statistics_enabled(parquet::file::properties::EnabledStatistics::None);
    let mut bytes = Vec::new();
    let rows = numbers(1).project(&[0]).unwrap();
    let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), Some(properties.build())).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
    // One byte of the footer is the codec: 0 now, and 8 is Brotli, 6 LZO.
    for (codec, name) in [(8, "Brotli"), (6, "LZO")] {
        let expected = format!("in: column \"n\" is compressed with {name}, which is not read: write it with Snappy");
        let is_named = |at: usize| {
            let mut changed = bytes.clone();
            let is_plain = std::mem::replace(&mut changed[at], codec) == 0;
            let error = read_all(FileFormat::Parquet, &folder_with(&changed), &[10]).err().unwrap_or_default();
            is_plain && error.starts_with(&expected)
        };
        assert!((0..bytes.len()).any(is_named), "{name}");
    }
}

#[test]
fn what_is_compressed_as_a_whole_or_named_so_is_refused() {
    use crate::formats::compressed_writer::CompressedWriter;
    use crate::formats::compression::Compression;

    for format in BOTH {
        let mut zipped = Vec::new();
        let mut writer = CompressedWriter::begin(Some(Compression::Gzip), &mut zipped).unwrap();
        writer.write_all(&written(format, &numbers(3), 10)).unwrap();
        writer.end_member().unwrap();
        drop(writer);
        let error = open(&toml(format, ""), folder_with(&zipped).path()).err().unwrap();
        assert!(error.starts_with("in is compressed with gzip as a whole"), "{error}");
    }
    let folder = TempDir::new().unwrap();
    for (toml, expected) in [
        ("path = \"o.parquet.gz\"", "leave the last ending out, and set `compression = \"gzip\"`"),
        ("path = \"o.arrow.zst\"", "Arrow files are written without compression; leave the last ending out"),
        ("path = \"o.arrows\"", "o.arrows has the name of an Arrow stream, and Arrow files are written"),
        ("path = \"o.csv.gz\"\ncompression = \"zstd\"", "o.csv.gz has the name of a file of gzip"),
        ("path = \"o.csv\"\ncompression = \"snappy\"", "only Parquet is compressed with Snappy"),
        ("path = \"o.arrow\"\ncompression = \"snappy\"", "written without compression"),
    ] {
        let error = FileSink::open(&options(toml, folder.path())).err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    }
    for toml in ["path = \"o.parquet\"\ncompression = \"snappy\"", "path = \"o.csv.gz\"\ncompression = \"none\""] {
        FileSink::open(&options(toml, folder.path())).unwrap();
    }
}
