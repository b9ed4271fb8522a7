//! Files that are written anew, with rows that are good or not, while they are looked at and between two runs: the changes that go out always
//! make the rows of the last good file.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use proptest::prelude::*;
use weir_core::batch::RowKind;
use weir_core::connector::{Offset, Polled, Source, SourceReader};
use weir_core::graph::Options;
use weir_core::time::ManualClock;

/// Rows that went out and were not taken back, and how often each is there.
type Table = BTreeMap<(i64, String), i64>;

/// A run of a source.
struct Run {
    source: Box<dyn Source>,
    reader: Box<dyn SourceReader>,
    clock: Arc<ManualClock>,
    table: Table,
}

const SECOND_US: i64 = 1_000_000;

fn open(base: &Path, more: &str) -> Result<Box<dyn Source>, String> {
    let toml = format!("path = \"t.csv\"\nreload = \"1s\"\nschema = {{ id = \"int64\", name = \"utf8\" }}\n{more}");
    super::super::open_source(&Options::from_toml(&toml, base.to_path_buf())).map_err(|error| error.to_string())
}

impl Run {
    fn start(base: &Path, offset: Option<&Offset>, table: Table) -> Self {
        let source = open(base, "").unwrap();
        let clock = Arc::new(ManualClock::default());
        let split = &source.splits(3).unwrap()[0];
        let reader = source.reader(split, &[0, 1], offset, clock.clone()).unwrap();
        Self { source, reader, clock, table }
    }

    fn resume(self, base: &Path) -> Self {
        Self::start(base, Some(&self.reader.offset()), self.table)
    }

    /// Polls once; whether there were rows.
    fn poll(&mut self, rows_max: usize) -> bool {
        let Polled::Batch { rows, malformed } = self.reader.poll(rows_max, Duration::ZERO).unwrap() else {
            return false;
        };
        assert!(malformed.is_empty() && rows.num_rows() <= rows_max, "{malformed:?}");
        let kinds = self.reader.row_kinds();
        for row in 0..rows.num_rows() {
            let id = rows.column(0).as_primitive::<Int64Type>().value(row);
            let of_row = self.table.entry((id, rows.column(1).as_string::<i32>().value(row).to_owned())).or_default();
            let is_gone = kinds.as_ref().is_some_and(|kinds| kinds.get(row) == RowKind::Delete);
            *of_row += if is_gone { -1 } else { 1 };
            assert!(*of_row >= 0, "a row is deleted that is not there");
        }
        self.table.retain(|_, count| *count > 0);
        true
    }

    /// Looks twice, by which a file has settled.
    fn settle(&mut self, rows_max: usize) {
        for _ in 0..3 {
            self.clock.set_us(weir_core::time::Clock::now_us(&*self.clock) + SECOND_US);
            while self.poll(rows_max) {}
        }
    }
}

fn write(base: &Path, rows: &[(i64, &str)]) {
    let lines: String = rows.iter().map(|(id, name)| format!("{id},{name}\n")).collect();
    fs::write(base.join("t.csv"), format!("id,name\n{lines}")).unwrap();
}

fn table(rows: &[(i64, &str)]) -> Table {
    let mut table = Table::new();
    rows.iter().for_each(|(id, name)| *table.entry((*id, (*name).to_owned())).or_default() += 1);
    table
}

#[test]
fn the_table_is_that_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path();
    write(base, &[(1, "a"), (2, "b"), (2, "b")]);
    let mut run = Run::start(base, None, Table::new());
    assert!(!run.reader.is_up_to_date(), "nothing was read");
    while run.poll(2) {}
    assert!(run.reader.is_up_to_date());
    assert_eq!(run.table, table(&[(1, "a"), (2, "b"), (2, "b")]));
    write(base, &[(1, "x"), (2, "b"), (3, "c")]);
    run.clock.set_us(SECOND_US);
    assert!(!run.poll(9), "it may still be written");
    run.settle(1);
    assert_eq!(run.table, table(&[(1, "x"), (2, "b"), (3, "c")]));
    assert_eq!(run.source.take_notices(), Vec::<String>::new());
}

#[test]
fn a_file_that_cannot_be_used_keeps_the_old_rows() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path();
    write(base, &[(1, "a"), (2, "b")]);
    let mut run = Run::start(base, None, Table::new());
    run.settle(9);
    let old = run.table.clone();
    for (text, expected) in [
        (Some("id,name\n1,a\nx,b\n"), "1 of its records are malformed, the first is t.csv:3"),
        (Some("id\n1\n"), "name"),
        (None, "cannot read t.csv"),
    ] {
        match text {
            Some(text) => fs::write(base.join("t.csv"), text).unwrap(),
            None => fs::remove_file(base.join("t.csv")).unwrap(),
        }
        run.settle(9);
        let notices = run.source.take_notices();
        assert!(matches!(notices.as_slice(), [notice] if notice.contains(expected)), "{notices:?}");
        assert_eq!(run.table, old, "{expected}");
        assert!(run.reader.is_up_to_date());
    }
    write(base, &[(3, "c")]);
    run.settle(9);
    assert_eq!(run.table, table(&[(3, "c")]));
}

#[test]
fn what_cannot_be_reloaded_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path();
    write(base, &[(1, "a")]);
    for (more, expected) in [
        ("follow = true", "`reload` and `follow` cannot be combined"),
        ("partitions = { day = \"int64\" }", "`reload` and `partitions` cannot be combined"),
        ("format = \"parquet\"", "`reload` is an option of text formats, not of Parquet"),
    ] {
        let error = open(base, more).err().unwrap_or_default();
        assert!(error.contains(expected), "{error}");
    }
    for (path, every, expected) in
        [("*.csv", "1s", "reads one file again"), ("t.csv", "0s", "at least"), ("t.csv", "1 month", "no fixed length")]
    {
        let options = Options::from_toml(&format!("path = \"{path}\"\nreload = \"{every}\""), base.to_path_buf());
        let error = super::super::open_source(&options).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_checkpoint_of_another_kind_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path();
    write(base, &[(1, "a")]);
    let run = Run::start(base, None, Table::new());
    let source = open(base, "").unwrap();
    let split = &source.splits(1).unwrap()[0];
    let open = |projection: &[usize], offset: &Offset| {
        let reader = source.reader(split, projection, Some(offset), run.clock.clone());
        reader.err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert!(open(&[0], &run.reader.offset()).contains("with other columns"));
    assert!(open(&[0, 1], &serde_json::json!({ "byte": 1, "line": 2 })).contains("without `reload`"));
    let damaged = serde_json::json!({ "rows": "AAAA", "state": null, "is_whole": true, "malformed_of": null });
    assert!(open(&[0, 1], &damaged).contains("rows of it in the checkpoint"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_restart_at_any_point_leads_to_the_file(
        versions in prop::collection::vec(prop::collection::vec((0..6_i64, 0..3_usize), 0..12), 1..5),
        polls in prop::collection::vec(0..6_usize, 5),
        rows_max in 1..5_usize,
        changes_while_down in any::<bool>(),
    ) {
        let names = ["a", "b", "c"];
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path();
        let versions: Vec<Vec<(i64, &str)>> =
            versions.iter().map(|rows| rows.iter().map(|(id, name)| (*id, names[*name])).collect()).collect();
        write(base, &versions[0]);
        let mut run = Run::start(base, None, Table::new());
        for (version, polls) in versions.iter().zip(&polls) {
            if !changes_while_down {
                write(base, version);
            }
            for _ in 0..*polls {
                run.clock.set_us(weir_core::time::Clock::now_us(&*run.clock) + SECOND_US / 2);
                run.poll(rows_max);
            }
            if changes_while_down {
                write(base, version);
            }
            run = run.resume(base);
        }
        run.settle(rows_max);
        prop_assert_eq!(run.table, table(versions.last().unwrap()));
        prop_assert!(run.reader.is_up_to_date());
    }
}
