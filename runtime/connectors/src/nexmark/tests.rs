//! The generator against the reference output, and the laws of splits and offsets.

use std::path::{Path, PathBuf};

use arrow::array::{ArrayRef, AsArray, BooleanArray};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::datatypes::{Int64Type, TimestampMillisecondType};
use arrow::util::display::array_value_to_string;
use proptest::prelude::*;
use weir_core::batch::StreamBatch;
use weir_core::time::ManualClock;

use super::*;
use crate::checksum::{RowChecksum, StringHash};

fn nexmark(toml: &str) -> Nexmark {
    Nexmark::open(&Options::from_toml(toml, PathBuf::new())).unwrap()
}

/// Reads on to the end, with these batch sizes in turn.
fn drain(reader: &mut dyn SourceReader, batch_rows: &[usize]) -> Vec<RecordBatch> {
    let mut batches = Vec::new();
    for rows_max in batch_rows.iter().cycle() {
        match reader.poll(*rows_max, Duration::ZERO).unwrap() {
            Polled::Batch { rows, malformed } => {
                assert!(rows.num_rows() <= *rows_max && malformed.is_empty());
                batches.push(rows);
            }
            Polled::End => return batches,
            Polled::Pending => panic!("nothing keeps this reader waiting"),
        }
    }
    batches
}

fn read(
    source: &Nexmark,
    split: &str,
    projection: &[usize],
    offset: Option<&Offset>,
    batch_rows: &[usize],
) -> RecordBatch {
    let split = Split { id: split.to_owned() };
    let mut reader = source.reader(&split, projection, offset, Arc::new(ManualClock::default())).unwrap();
    let schema = options::project(&source.schema(), projection).unwrap();
    concat_batches(&schema, &drain(reader.as_mut(), batch_rows)).unwrap()
}

fn golden(file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/nexmark/golden-200k");
    std::fs::read_to_string(folder.join(file)).unwrap()
}

/// One row, as the reference files write it: times in milliseconds.
fn line_of(rows: &RecordBatch, row: usize) -> String {
    let field = |column: &ArrayRef| match column.as_primitive_opt::<TimestampMillisecondType>() {
        Some(times) => times.value(row).to_string(),
        None => array_value_to_string(column, row).unwrap(),
    };
    rows.columns().iter().map(field).collect::<Vec<_>>().join(",")
}

#[test]
fn the_first_events_equal_the_reference() {
    for (table, columns) in [("person", 5), ("auction", 7), ("bid", 5)] {
        let source = nexmark(&format!("table = {table:?}\nevents = 20_000"));
        let projection: Vec<usize> = (0..columns).collect();
        let rows = read(&source, "0/1", &projection, None, &[1000]);
        let expected = golden(&format!("events_{table}_head.csv"));
        let mut lines = 0;
        for (row, line) in expected.lines().skip(1).enumerate() {
            let (_, expected_fields) = line.split_once(',').unwrap();
            assert_eq!(line_of(&rows, row), expected_fields, "{table} {row}");
            lines += 1;
        }
        assert!(lines >= 49, "{table}");
    }
}

#[test]
fn the_checksums_of_q0_and_q2_equal_the_reference() {
    let summary = golden("SUMMARY.tsv");
    let bids = read(&nexmark("table = \"bid\"\nevents = 200_000"), "0/1", &[0, 1, 2, 3, 4], None, &[4096]);
    let auctions = bids.column(0).as_primitive::<Int64Type>().values();
    let q2: BooleanArray = auctions.iter().map(|auction| Some(auction % 123 == 0)).collect();
    let q2 = filter_record_batch(&bids.project(&[0, 2]).unwrap(), &q2).unwrap();
    for (query, rows) in [("q0", bids), ("q2", q2)] {
        let mut checksum = RowChecksum::new(StringHash::Touch);
        checksum.update(&StreamBatch::new(rows.clone(), vec![0; rows.num_rows()].into(), 0));
        let line = format!("{query}\t{}\t{:016x}\t", rows.num_rows(), checksum.value());
        assert!(summary.contains(&line), "{line}\n{summary}");
    }
}

/// All rows, sorted: splits hold them in another order.
fn sorted_lines(batches: &[RecordBatch]) -> Vec<String> {
    let mut lines: Vec<_> =
        batches.iter().flat_map(|rows| (0..rows.num_rows()).map(|row| line_of(rows, row))).collect();
    lines.sort();
    lines
}

#[test]
fn splits_hold_the_same_rows_at_any_parallelism() {
    for (table, columns, events) in [("person", 5, 9_999), ("auction", 7, 5_003), ("bid", 7, 2_345)] {
        let source = nexmark(&format!("table = {table:?}\nevents = {events}"));
        let projection: Vec<usize> = (0..columns).collect();
        let whole = sorted_lines(&[read(&source, "0/1", &projection, None, &[777])]);
        for parallelism in [2, 3] {
            let splits = source.splits(parallelism).unwrap();
            let parts = splits.iter().map(|split| read(&source, &split.id, &projection, None, &[100]));
            assert_eq!(sorted_lines(&parts.collect::<Vec<_>>()), whole, "{table} {parallelism}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn batch_size_projection_and_resumption_change_nothing(
        (table, columns) in prop_oneof![Just(("person", 5)), Just(("auction", 7)), Just(("bid", 5))],
        picks in prop::collection::vec(0_usize..100, 0..6),
        events in 0_u64..1_500,
        split in 0_usize..3,
        sizes in prop::collection::vec(1_usize..200, 1..5),
        stop_after in 0_usize..6,
    ) {
        let source = nexmark(&format!("table = {table:?}\nevents = {events}"));
        let all: Vec<usize> = (0..columns).collect();
        let projection: Vec<usize> = picks.iter().map(|pick| pick % columns).collect();
        let id = format!("{split}/3");
        let expected = read(&source, &id, &all, None, &[10_000]).project(&projection).unwrap();

        let clock = Arc::new(ManualClock::default());
        let mut reader = source.reader(&Split { id: id.clone() }, &projection, None, clock).unwrap();
        let mut batches = Vec::new();
        for rows_max in sizes.iter().cycle().take(stop_after) {
            if let Polled::Batch { rows, .. } = reader.poll(*rows_max, Duration::ZERO).unwrap() {
                batches.push(rows);
            }
        }
        batches.push(read(&source, &id, &projection, Some(&reader.offset()), &sizes));
        if projection.is_empty() {
            prop_assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), expected.num_rows());
        } else {
            prop_assert_eq!(concat_batches(&expected.schema(), &batches).unwrap(), expected);
        }
    }
}

#[test]
fn a_rate_is_kept_by_the_clock() {
    let source = nexmark("table = \"person\"\nrate = 1000");
    let clock = Arc::new(ManualClock::default());
    let split = Split { id: "0/1".to_owned() };
    let mut reader = source.reader(&split, &[0], None, Arc::clone(&clock) as Arc<dyn Clock>).unwrap();
    let mut rows = Vec::new();
    // 1,000 events a second are a person every 50 ms, the first at once.
    for now_us in [0, 49_999, 50_000, 50_000, 210_000] {
        clock.set_us(now_us);
        rows.push(match reader.poll(100, Duration::ZERO).unwrap() {
            Polled::Batch { rows, .. } => rows.num_rows(),
            Polled::Pending => 0,
            Polled::End => panic!("the stream is endless"),
        });
    }
    assert_eq!(rows, [1, 0, 1, 0, 3]);
    assert_eq!(reader.offset()["epoch"], 5);
}

#[test]
fn wrong_options_and_offsets_are_refused() {
    let refused = |toml: &str| match Nexmark::open(&Options::from_toml(toml, PathBuf::new())) {
        Err(error @ ConnectorError::Option { span: Some(_), .. }) => error.to_string(),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("{toml} was taken"),
    };
    assert!(refused("table = \"bids\"").contains("did you mean \"bid\"?"));
    assert!(refused("table = \"bid\"\nrate = 0").contains("above 0"));
    assert!(refused("table = \"bid\"\nevent = 5").contains("did you mean \"events\"?"));
    let source = nexmark("table = \"bid\"\nevents = 100");
    let clock = || Arc::new(ManualClock::default());
    for offset in
        ["{\"epoch\":1,\"off\":4}", "{\"epoch\":0,\"off\":3}", "7", "{\"epoch\":18446744073709551614,\"off\":4}"]
    {
        let offset: Offset = serde_json::from_str(offset).unwrap();
        let split = Split { id: "0/2".to_owned() };
        assert!(source.reader(&split, &[0], Some(&offset), clock()).is_err(), "{offset}");
    }
    for id in ["2/2", "1", "a/b", "0/0"] {
        assert!(source.reader(&Split { id: id.to_owned() }, &[0], None, clock()).is_err(), "{id}");
    }
}
