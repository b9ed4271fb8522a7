//! Files of Parquet and Arrow IPC that are refused: replaced, cut off, damaged, or with options that do not go with them.

use super::*;

#[test]
fn a_file_that_is_not_the_one_of_the_offset_is_refused() {
    for format in BOTH {
        let folder = folder_with(&written(format, &numbers(100), 13));
        let source = open(&toml(format, ""), folder.path()).unwrap();
        let split = &source.splits(1).unwrap()[0];
        let clock = || Arc::new(ManualClock::default());
        let mut first = source.reader(split, &[0], None, clock()).unwrap();
        first.poll(20, Duration::ZERO).unwrap();
        let offset = first.offset();
        source.ended(split, &offset);
        assert!(source.take_notices().is_empty());
        fs::write(folder.path().join("in"), written(format, &numbers(100).slice(1, 99), 13)).unwrap();
        let error = loop {
            match first.poll(20, Duration::ZERO) {
                Ok(Polled::Batch { .. }) => {}
                Ok(other) => panic!("{other:?}"),
                Err(error) => break error.to_string(),
            }
        };
        assert_eq!(error, "in was changed while it was read");
        let again = open(&toml(format, ""), folder.path()).unwrap();
        let error = again.reader(split, &[0], Some(&offset), clock()).err().unwrap().to_string();
        assert!(
            error.starts_with("in is not the file that the checkpoint has read to row 13 of its group 0"),
            "{error}"
        );
        let error = again.reader(split, &[0], Some(&serde_json::json!({ "byte": 1, "line": 2 })), clock());
        assert!(error.err().unwrap().to_string().contains("has no offset"));
        again.ended(split, &offset);
        assert_eq!(again.take_notices(), ["in was replaced after it was read to its end, and is not read again"]);
    }
}

#[test]
fn what_is_cut_off_is_an_error() {
    for format in BOTH {
        let bytes = written(format, &numbers(50), 20);
        for end in 0..bytes.len() {
            let folder = folder_with(&bytes[..end]);
            let error = open(&toml(format, ""), folder.path()).err().unwrap();
            let is_explained = error.starts_with("in: it is not a") || error.starts_with("in: it is damaged");
            assert!(is_explained || error.starts_with("in is empty") || error.starts_with("no file"), "{end}: {error}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn damaged_bytes_are_rows_or_an_error(
        is_parquet: bool,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..4),
    ) {
        let format = if is_parquet { FileFormat::Parquet } else { FileFormat::Arrow };
        let mut bytes = written(format, &every_type(), 2);
        let len = bytes.len();
        for (at, value, is_at_end) in changes {
            // The footer is more interesting than its share of the bytes.
            let at = if is_at_end { len - 1 - at.index(len.min(400)) } else { at.index(len) };
            bytes[at] = value;
        }
        let folder = folder_with(&bytes);
        if let Ok(source) = open(&toml(format, ""), folder.path()) {
            let columns: Vec<_> = (0..source.schema().fields().len()).collect();
            let _ = all(source.as_ref(), 2, &columns, &[3]);
        }
    }
}

#[test]
fn options_that_do_not_go_with_groups_of_rows_are_refused() {
    let folder = TempDir::new().unwrap();
    for (toml, expected) in [
        ("path = \"o.parquet\"\nmode = \"append\"", "rows cannot be appended to a file of the format \"parquet\""),
        ("path = \"o.arrow\"\ncompression = \"zstd\"", "a file of the format \"arrow\" is written without compression"),
        ("path = \"o\"\nformat = \"parqet\"", "did you mean \"parquet\"?"),
    ] {
        let error = FileSink::open(&options(toml, folder.path())).err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let sink = FileSink::open(&options("path = \"o.parquet\"", folder.path())).unwrap();
    let empty = DataType::new_list(DataType::Struct(Vec::<Field>::new().into()), true);
    let error = sink.check(&Schema::new(vec![Field::new("o", empty, true)])).unwrap_err().to_string();
    assert!(
        error.starts_with("column \"o\" has the type list<struct<>>, and Parquet has no struct without"),
        "{error}"
    );
}

#[test]
fn values_of_fixed_length_have_a_bound() {
    let length = (16 << 20) + 1;
    let none: ArrayRef = Arc::new(FixedSizeBinaryArray::new_null(length, 1));
    let rows = RecordBatch::try_from_iter_with_nullable([("b", none, true)]).unwrap();
    let folder = folder_with(&written(FileFormat::Parquet, &rows, 1));
    let source = open(&toml(FileFormat::Parquet, ""), folder.path()).unwrap();
    let error = all(source.as_ref(), 1, &[0], &[1]).unwrap_err();
    assert!(error.contains("a value of column \"b\" takes 16777217 bytes"), "{error}");
}
