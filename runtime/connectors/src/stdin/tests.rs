//! What is piped in, as it comes.

use std::path::PathBuf;

use weir_core::time::ManualClock;

use super::*;

/// Gives what the test sends, and ends when the test does.
struct Piped(Receiver<&'static str>);

impl Read for Piped {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let piece = self.0.recv().unwrap_or_default();
        buffer[..piece.len()].copy_from_slice(piece.as_bytes());
        Ok(piece.len())
    }
}

/// Has nothing for now before each piece, and before the end.
struct Slow {
    pieces: std::collections::VecDeque<&'static str>,
    is_late: bool,
}

impl Input for Slow {
    fn read(&mut self, buffer: &mut Vec<u8>, _: Duration) -> Result<InputRead, ConnectorError> {
        self.is_late = !self.is_late;
        if self.is_late {
            return Ok(InputRead::Pending);
        }
        Ok(match self.pieces.pop_front() {
            Some(piece) => {
                buffer.extend_from_slice(piece.as_bytes());
                InputRead::Bytes
            }
            None => InputRead::End,
        })
    }
}

fn piped(toml: &str, pieces: &[&'static str]) -> (SyncSender<&'static str>, Result<Stdin, ConnectorError>) {
    let (sender, receiver) = sync_channel(10);
    pieces.iter().for_each(|&piece| sender.send(piece).unwrap());
    let options = Options::from_toml(toml, PathBuf::new());
    (sender, Stdin::over(&options, Box::new(Piped(receiver)), false))
}

fn reader(stdin: &Stdin, offset: Option<&Offset>) -> Result<Box<dyn SourceReader>, ConnectorError> {
    stdin.reader(&Split { id: SPLIT.to_owned() }, &[0], offset, Arc::new(ManualClock::default()))
}

#[test]
fn a_slow_stream_is_pending_and_not_at_its_end() {
    let (sender, stdin) = piped("schema = { a = \"int64\" }", &[]);
    let mut reader = reader(&stdin.unwrap(), None).unwrap();
    // An hour stands for as long as it takes: the wait ends with what is sent.
    let long = Duration::from_secs(3600);
    assert!(matches!(reader.poll(10, Duration::ZERO).unwrap(), Polled::Pending));
    sender.send("{\"a\":1}\nx\n{\"a\"").unwrap();
    let Polled::Batch { rows, malformed } = reader.poll(10, long).unwrap() else { panic!("no rows") };
    assert_eq!((rows.num_rows(), malformed[0].at.as_str()), (1, "stdin:2"));
    assert!(matches!(reader.poll(10, Duration::ZERO).unwrap(), Polled::Pending));
    sender.send(":2}").unwrap();
    drop(sender);
    let mut rows_left = 0;
    loop {
        match reader.poll(10, long).unwrap() {
            Polled::Batch { rows, .. } => rows_left += rows.num_rows(),
            Polled::Pending => {}
            Polled::End => break,
        }
    }
    assert_eq!(rows_left, 1);
}

#[test]
fn the_rows_that_a_schema_is_inferred_from_are_read_too() {
    let (sender, stdin) = piped("format = \"csv\"\ninfer-rows = 2", &["a,b\n1", ",2\n3,x\n", "5,6\n"]);
    drop(sender);
    let stdin = stdin.unwrap();
    assert_eq!(
        stdin.notes(),
        ["stdin: inferred schema from the first 2 rows: a int64, b utf8 (it has numbers and text)"]
    );
    let mut rows_read = 0;
    let mut from = reader(&stdin, None).unwrap();
    while let Polled::Batch { rows, .. } = from.poll(1, Duration::from_secs(3600)).unwrap() {
        rows_read += rows.num_rows();
    }
    assert_eq!(rows_read, 3);
    assert!(reader(&stdin, None).is_err());
}

#[test]
fn the_same_bytes_give_the_same_schema_however_slowly_they_come() {
    let text = "{\"a\":1}\n{\"a\":1.5,\"b\":2}\n{\"a\":null}";
    let schema_of = |pieces: Vec<&'static str>| {
        let input = Box::new(Slow { pieces: pieces.into(), is_late: false });
        let mut records = Records::new(SPLIT.to_owned(), input, TextFormat::Json.framing(), Position::BEGIN);
        let (_, note) = TextFormat::Json.sample(&mut records, 1000).unwrap().finish(SPLIT, "").unwrap();
        [note]
    };
    let expected = ["stdin: inferred schema from all 3 rows: a float64, b int64"];
    assert_eq!(schema_of(vec![text]), expected);
    for cut in 1..text.len() {
        let (one, other) = text.split_at(cut);
        assert_eq!(schema_of(vec![one, other]), expected, "{one:?}, {other:?}");
    }
}

#[test]
fn what_is_no_text_is_refused() {
    let (sender, stdin) = piped("schema = { a = \"int64\" }\nformat = \"csv\"", &["P", "K\u{3}", "\u{4}abc\n"]);
    drop(sender);
    let mut reader = reader(&stdin.unwrap(), None).unwrap();
    let error = loop {
        match reader.poll(10, Duration::from_secs(3600)) {
            Ok(Polled::Pending) => {}
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error.to_string(),
        }
    };
    assert!(error.starts_with("what is piped in is a zip archive: make text of it first, `unzip -p FILE"), "{error}");
}

#[test]
fn lines_have_a_known_column_and_begin_at_once() {
    for (format, text, rows_read) in [
        ("format = \"text\"", "a\n\nb", 3),
        ("format = \"raw\"", "\n\n", 2),
        ("format = \"text\"\nrecord-start = '^\\S'", "a\n b\nc\n", 2),
    ] {
        let (sender, stdin) = piped(format, &[text]);
        let stdin = stdin.unwrap();
        drop(sender);
        assert!(stdin.notes().is_empty());
        let (mut reader, mut rows_found) = (reader(&stdin, None).unwrap(), 0);
        loop {
            match reader.poll(10, Duration::from_secs(3600)).unwrap() {
                Polled::Batch { rows, .. } => rows_found += rows.num_rows(),
                Polled::Pending => {}
                Polled::End => break,
            }
        }
        assert_eq!(rows_found, rows_read, "{format}");
    }
}

#[test]
fn it_cannot_guess_from_nothing() {
    let (sender, receiver) = sync_channel(1);
    drop(sender);
    let error = Stdin::over(&Options::from_toml("", PathBuf::new()), Box::new(Piped(receiver)), true).err().unwrap();
    assert!(error.to_string().starts_with("nothing is piped into stdin"), "{error}");
}

#[test]
fn what_is_compressed_is_decompressed_and_damage_is_told() {
    use std::io::Write as _;

    use crate::formats::compressed_writer::CompressedWriter;
    use crate::formats::compression::Compression;

    for compression in [Compression::Gzip, Compression::Zstd] {
        let mut bytes = Vec::new();
        let mut writer = CompressedWriter::begin(Some(compression), &mut bytes).unwrap();
        writer.write_all(b"{\"a\":1}\n{\"a\":2}\n").unwrap();
        writer.end_member().unwrap();
        drop(writer);
        for (end, expected) in [(bytes.len(), Ok(2)), (bytes.len() - 3, Err("stdin: its "))] {
            let options = Options::from_toml("schema = { a = \"int64\" }", PathBuf::new());
            let piped = Box::new(std::io::Cursor::new(bytes[..end].to_vec()));
            let stdin = Stdin::over(&options, piped, false).unwrap();
            let mut reader = reader(&stdin, None).unwrap();
            let mut rows_read = 0;
            let read = loop {
                match reader.poll(1, Duration::from_secs(3600)) {
                    Ok(Polled::Batch { rows, .. }) => rows_read += rows.num_rows(),
                    Ok(Polled::Pending) => {}
                    Ok(Polled::End) => break Ok(rows_read),
                    Err(error) => break Err(error.to_string()),
                }
            };
            match expected {
                Ok(rows) => assert_eq!(read, Ok(rows)),
                Err(begin) => assert!(read.as_ref().is_err_and(|error| error.starts_with(begin)), "{read:?}"),
            }
        }
    }
}

#[test]
fn text_in_another_encoding_is_read() {
    let bytes: Vec<u8> = "{\"a\":1}\n{\"a\":2}\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
    let options = Options::from_toml("schema = { a = \"int64\" }\nencoding = \"utf-16be\"", PathBuf::new());
    let stdin = Stdin::over(&options, Box::new(std::io::Cursor::new(bytes)), false).unwrap();
    let mut reader = reader(&stdin, None).unwrap();
    let mut rows_read = 0;
    loop {
        match reader.poll(1, Duration::from_secs(3600)).unwrap() {
            Polled::Batch { rows, .. } => rows_read += rows.num_rows(),
            Polled::Pending => {}
            Polled::End => break,
        }
    }
    assert_eq!(rows_read, 2);
}
