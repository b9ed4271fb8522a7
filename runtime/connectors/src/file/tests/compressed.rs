//! Files that are compressed with gzip or zstd, in and out.

use std::io::Write as _;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use weir_core::connector::Split;

use super::recovery::{Attempt, Checkpoint};
use super::*;
use crate::formats::compressed_writer::CompressedWriter;
use crate::formats::compression::Compression;

const BOTH: [Compression; 2] = [Compression::Gzip, Compression::Zstd];
const CSV: &str = "path = \"in\"\nformat = \"csv\"\nschema = { v = \"int64\" }";

/// These texts, each a member of its own.
fn compressed(compression: Compression, texts: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for text in texts {
        let mut writer = CompressedWriter::begin(Some(compression), &mut bytes).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
        writer.end_member().unwrap();
    }
    bytes
}

fn folder_with(bytes: &[u8]) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("in"), bytes).unwrap();
    folder
}

/// The values up to the end, or the error.
fn values(reader: &mut dyn SourceReader, rows_max: usize) -> Result<Vec<i64>, String> {
    let mut values = Vec::new();
    loop {
        match reader.poll(rows_max, Duration::ZERO).map_err(|error| error.to_string())? {
            Polled::Batch { rows, .. } => values.extend(rows.column(0).as_primitive::<Int64Type>().values()),
            Polled::Pending => panic!("a file keeps no one waiting"),
            Polled::End => return Ok(values),
        }
    }
}

#[test]
fn members_are_read_as_one_text_from_every_offset() {
    let skipped = b"\x50\x2a\x4d\x18\x02\x00\x00\x00no";
    for compression in BOTH {
        let mut bytes = compressed(compression, &["v\n1\n2", "2\n", "", "3\n4"]);
        if compression == Compression::Zstd {
            bytes.splice(0..0, *skipped);
        }
        let folder = folder_with(&bytes);
        let source = source(CSV, folder.path());
        for rows_max in [1, 2, 10] {
            let mut whole = reader(&source, 0, &[0], None);
            let mut read = Vec::new();
            loop {
                let mut resumed = reader(&source, 0, &[0], Some(&whole.offset()));
                let rest = values(resumed.as_mut(), rows_max).unwrap();
                assert_eq!([read.as_slice(), &rest].concat(), [1, 22, 3, 4], "{compression:?} {}", whole.offset());
                match whole.poll(rows_max, Duration::ZERO).unwrap() {
                    Polled::Batch { rows, .. } => read.extend(rows.column(0).as_primitive::<Int64Type>().values()),
                    _ => break,
                }
            }
            assert_eq!((read.len(), whole.progress()), (4, Some(1.0)));
            source.ended(&source.splits(1).unwrap()[0], &whole.offset());
            assert!(source.take_notices().is_empty());
        }
    }
}

#[test]
fn columns_are_inferred_from_compressed_text() {
    let folder = TempDir::new().unwrap();
    for (name, compression) in [("a.jsonl.gz", Compression::Gzip), ("b.jsonl.zst", Compression::Zstd)] {
        fs::write(folder.path().join(name), compressed(compression, &["{\"v\":1}\n{\"v\":2}\n"])).unwrap();
    }
    let source = source("path = \"*.jsonl.*\"", folder.path());
    assert_eq!(source.notes(), ["*.jsonl.*: inferred schema from all 4 rows of 2 files: v int64"]);
    assert_eq!(values(reader(&source, 1, &[0], None).as_mut(), 10).unwrap(), [1, 2]);
}

#[test]
fn damage_is_an_error_that_says_where_and_never_an_end() {
    let text: String = (0..20_000).map(|n| format!("{}\n", n * 7919 % 10_007)).collect();
    let text = format!("v\n{text}");
    for compression in BOTH {
        let bytes = compressed(compression, &["v\n1\n", &text[2..]]);
        let read = |bytes: &[u8]| {
            let folder = folder_with(bytes);
            let opened = FileSource::open(&options(CSV, folder.path())).map_err(|error| error.to_string())?;
            let mut reader = reader(&opened, 0, &[0], None);
            values(reader.as_mut(), 1000)
        };
        assert_eq!(read(&bytes).unwrap().len(), 20_001);
        let first = compressed(compression, &["v\n1\n"]).len();
        for end in (1..bytes.len()).step_by(bytes.len() / 50).chain(bytes.len() - 9..bytes.len()) {
            // Too few to tell what they are, or whole members.
            if end < 4 || end == first {
                continue;
            }
            let error = read(&bytes[..end]).unwrap_err();
            let expected = format!("in: its {} data is cut off: it ends after {end} bytes", compression.name());
            assert!(error.starts_with(&expected), "{end} of {}: {error}", bytes.len());
        }
        let mut damaged = bytes.clone();
        let middle = bytes.len() / 2;
        damaged[middle..middle + 8].fill(0);
        let error = read(&damaged).unwrap_err();
        assert!(error.contains("data is damaged within the first") || error.contains("is cut off"), "{error}");
        let error = read(&[bytes.as_slice(), b"and more text"].concat()).unwrap_err();
        assert!(error.contains(&format!("its {} data is damaged within the first", compression.name())), "{error}");
    }
}

#[test]
fn a_window_that_would_take_much_memory_is_refused() {
    let text = "v\n".to_owned() + &"1\n".repeat(6_000_000);
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(24).unwrap();
    encoder.write_all(text.as_bytes()).unwrap();
    let folder = folder_with(&encoder.finish().unwrap());
    let error = FileSource::open(&options(CSV, folder.path())).err().unwrap().to_string();
    assert!(
        error.starts_with("in: its zstd data needs a window of more than 8 MiB: compress it with a level"),
        "{error}"
    );
}

#[test]
fn one_record_that_never_ends_takes_bounded_memory() {
    // 256 MiB of text in some kilobytes.
    for compression in BOTH {
        let mut bytes = Vec::new();
        let mut writer = CompressedWriter::begin(Some(compression), &mut bytes).unwrap();
        writer.write_all(b"v\n").unwrap();
        let zeros = vec![b'0'; 1 << 20];
        (0..256).for_each(|_| writer.write_all(&zeros).unwrap());
        writer.write_all(b"\n7\n").unwrap();
        writer.end_member().unwrap();
        drop(writer);
        assert!(bytes.len() < 1 << 20);
        let folder = folder_with(&bytes);
        let source = source(CSV, folder.path());
        let mut reader = reader(&source, 0, &[0], None);
        let (mut rows_read, mut malformed_read) = (Vec::new(), 0);
        while let Polled::Batch { rows, malformed } = reader.poll(10, Duration::ZERO).unwrap() {
            rows_read.extend(rows.column(0).as_primitive::<Int64Type>().values().to_vec());
            malformed_read += malformed.len();
        }
        assert_eq!((rows_read, malformed_read), (vec![7], 1));
    }
}

#[test]
fn a_file_that_was_changed_before_its_offset_is_refused() {
    let split = Split { id: "in".to_owned() };
    for compression in BOTH {
        let folder = folder_with(&compressed(compression, &["v\n1\n22\n333\n"]));
        let opened = source(CSV, folder.path());
        let mut first = reader(&opened, 0, &[0], None);
        first.poll(2, Duration::ZERO).unwrap();
        let offset = first.offset();
        let plain = "v\n1\n22\n333\n".as_bytes().to_vec();
        for (bytes, expected) in [
            (compressed(compression, &["v\n1\n222\n333\n", "4\n"]), "no line begins at byte 7"),
            (compressed(compression, &["v\n"]), "has no offset"),
            (compressed(compression, &["v\n", "", "", "", "", "", ""]), "has no offset"),
            (plain, "has no offset"),
        ] {
            fs::write(folder.path().join("in"), bytes).unwrap();
            let again = source(CSV, folder.path());
            let refused = again.reader(&split, &[0], Some(&offset), Arc::new(ManualClock::default())).err().unwrap();
            assert!(refused.to_string().contains(expected), "{refused}");
        }
        fs::write(folder.path().join("in"), compressed(compression, &["v\n1\n22\n333\n", "4\n"])).unwrap();
        opened.ended(&split, &offset);
        let notice = opened.take_notices().remove(0);
        assert!(notice.contains("bytes were appended") && !notice.contains("follow"), "{notice}");
    }
}

#[test]
fn options_that_do_not_go_with_compression_are_refused() {
    let folder = folder_with(&compressed(Compression::Gzip, &["v\n1\n"]));
    let error = FileSource::open(&options(&format!("{CSV}\nfollow = true"), folder.path())).err().unwrap();
    assert!(error.to_string().starts_with("in is compressed with gzip, and `follow` reads plain text as it grows"));
    for (toml, expected) in [
        ("path = \"o.csv.gz\"\nmode = \"append\"", "rows cannot be appended to a file that is compressed with gzip"),
        ("path = \"o.csv\"\ncompression = \"gzpi\"", "did you mean \"gzip\"?"),
        ("path = \"o.csv\"\ncompresion = \"gzip\"", "did you mean \"compression\"?"),
    ] {
        let error = FileSink::open(&options(toml, folder.path())).err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn the_name_says_the_compression_unless_the_option_does() {
    let rows = super::recovery::numbers(1, 2).rows;
    for (toml, name, begin) in [
        ("path = \"out.csv.gz\"", "out.csv.gz", &b"\x1f\x8b"[..]),
        ("path = \"out.csv.zst\"", "out.csv.zst", b"\x28\xb5\x2f\xfd"),
        ("path = \"out.csv.zst\"\ncompression = \"none\"", "out.csv.zst", b"n\n1\n"),
        ("path = \"out.csv\"\ncompression = \"zstd\"", "out.csv", b"\x28\xb5\x2f\xfd"),
    ] {
        let folder = TempDir::new().unwrap();
        let mut writing = writer(toml, folder.path(), &rows);
        writing.write(&stream_batch(rows.clone())).unwrap();
        writing.finish();
        let written = fs::read(folder.path().join(name)).unwrap();
        assert!(written.starts_with(begin), "{toml}: {written:?}");
    }
    let folder = TempDir::new().unwrap();
    let toml = "path = \"out/\"\nformat = \"json\"\ncompression = \"zstd\"\nroll-bytes = \"64KiB\"";
    let mut writing = writer(toml, folder.path(), &rows);
    writing.write(&stream_batch(rows.clone())).unwrap();
    writing.finish();
    assert_eq!(names(&folder.path().join("out")), ["part-00000-000000-00000001.jsonl.zst"]);
}

#[test]
fn text_in_another_encoding_is_read_from_every_offset_and_what_is_no_character_is_malformed() {
    let text = "v,w\n1,ä\n2,😀\n3,z\n";
    let utf_16 = |to_bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(to_bytes).collect::<Vec<u8>>();
    let marked = [&b"\xff\xfe"[..], &utf_16(u16::to_le_bytes)].concat();
    let mut zipped = Vec::new();
    let mut writer = CompressedWriter::begin(Some(Compression::Gzip), &mut zipped).unwrap();
    writer.write_all(&marked).unwrap();
    writer.end_member().unwrap();
    drop(writer);
    // A first half of a pair, alone.
    let mut damaged = utf_16(u16::to_be_bytes);
    damaged.splice(12..14, [0xd8, 0]);
    for (encoding, bytes, good) in [
        ("utf-16", marked, vec![1, 2, 3]),
        ("utf-16", zipped, vec![1, 2, 3]),
        ("utf-16le", utf_16(u16::to_le_bytes), vec![1, 2, 3]),
        ("utf-16be", damaged, vec![2, 3]),
        ("latin1", b"v,w\n1,\xe4\n2,\x80\n3,z\n".to_vec(), vec![1, 2, 3]),
    ] {
        let folder = folder_with(&bytes);
        let toml = format!("path = \"in\"\nformat = \"csv\"\nencoding = {encoding:?}");
        let source = source(&toml, folder.path());
        assert!(source.notes()[0].contains("v int64, w utf8"), "{:?}", source.notes());
        let mut whole = reader(&source, 0, &[0], None);
        let (mut read, mut malformed_read) = (Vec::new(), 0);
        loop {
            let rest = values(reader(&source, 0, &[0], Some(&whole.offset())).as_mut(), 2).unwrap();
            assert_eq!([read.as_slice(), &rest].concat(), good, "{encoding} {}", whole.offset());
            match whole.poll(1, Duration::ZERO).unwrap() {
                Polled::Batch { rows, malformed } => {
                    read.extend(rows.column(0).as_primitive::<Int64Type>().values());
                    malformed_read += malformed.len();
                }
                _ => break,
            }
        }
        assert_eq!(read.len() + malformed_read, 3);
    }
    let folder = folder_with(b"v\n1\n");
    for (more, expected) in [
        ("encoding = \"utf-61\"", "did you mean \"utf-16\"?"),
        ("encoding = \"utf-16\"\nfollow = true", "`follow` reads UTF-8 as it grows"),
    ] {
        let error = FileSource::open(&options(&format!("{CSV}\n{more}"), folder.path())).err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_file_that_was_begun_in_another_compression_is_told_what_to_set() {
    let start = |toml: &str, generation, from: Option<&Checkpoint>, folder: &TempDir| {
        Attempt::start(toml, folder.path(), (generation, 1, true), from)
    };
    let by_name = "path = \"out.csv.gz\"";
    for (before, now, expected) in [
        // As versions wrote it that did not know compression.
        (
            "path = \"out.csv.gz\"\ncompression = \"none\"",
            by_name,
            "; set `compression = \"none\"`: the version that wrote it",
        ),
        (by_name, "path = \"out.csv.gz\"\ncompression = \"none\"", "; set `compression = \"gzip\"`"),
    ] {
        let folder = TempDir::new().unwrap();
        let mut first = start(before, 1, None, &folder).unwrap();
        first.write(5).unwrap();
        let checkpoint = first.cut(false).unwrap();
        first.commit(&checkpoint).unwrap();
        drop(first);
        let refused = start(now, 2, Some(&checkpoint), &folder).err().unwrap().to_string();
        assert!(refused.contains(expected), "{refused}");
        start(before, 3, Some(&checkpoint), &folder).unwrap();
    }
}
